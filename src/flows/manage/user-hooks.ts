// Calls the hooks of the application for changes of users (docs/guides/user-hooks.md). A request never waits for a
// hook: the change writes a row, and this loop calls the hook a moment later, in this process or in another one.
import type { Origin } from "../../audit/entry.js";
import type { UserChange } from "../../audit/events.js";
import { atMost, type Clock, within } from "../../clock.js";
import { AmphoError } from "../../errors.js";
import type { TakenUserEvent, WaitingUserEvents } from "../../store/sql/rows/user-events.js";
import type { Store } from "../../store/store.js";
import type { UserView } from "./management.js";
import { toUserView } from "./users.js";

/** A change of a user, for a hook. */
export interface UserEvent {
  /** The number of the change. It is the same when the hook is called again. */
  readonly n: number;
  /** The time of the change, in Unix seconds. */
  readonly at: number;
  /** The event of the audit log, such as `registered`, `user_created`, `roles_changed` or `account_removed`. */
  readonly reason: string;
  /** The user, an operator on the command line, or the application. */
  readonly actor: Origin["actor"];
  /** 1 for the first call, 2 for the next one. */
  readonly tries: number;
}

/** The options of createAmpho for changes of users in Ampho's own table. */
export interface UserHooks {
  /**
   * Called for each new user, in the order of the changes of the user, at least once, by one process of the fleet. If
   * it throws or takes more than 30 s, it is called again later (docs/guides/user-hooks.md).
   * @example await createAmpho({ onUserCreated: ({ id, login }) => db.profiles.upsert({ userId: id, name: login }) });
   */
  readonly onUserCreated?: ((user: UserView, event: UserEvent) => void | Promise<void>) | undefined;
  /**
   * Called when the login, address, roles or state of a user changed, as `onUserCreated`. `user` is the user as of the
   * call.
   * @example await createAmpho({ onUserChanged: ({ id, login }) => db.profiles.update({ userId: id, name: login }) });
   */
  readonly onUserChanged?: ((user: UserView, event: UserEvent) => void | Promise<void>) | undefined;
  /**
   * Called when a user was deleted, as `onUserCreated`. Only the id is left.
   * @example await createAmpho({ onUserRemoved: ({ id }) => db.notes.deleteMany({ userId: id }) });
   */
  readonly onUserRemoved?: ((user: { readonly id: string }, event: UserEvent) => void | Promise<void>) | undefined;
}

const hookOf: Readonly<Record<UserChange, keyof UserHooks>> = {
  created: "onUserCreated",
  changed: "onUserChanged",
  removed: "onUserRemoved",
};

export type HookOutcome = "succeeded" | "failed";

export interface RunningHooks {
  /** The changes that waited when the rows were last counted, a few seconds ago. */
  waiting(): WaitingUserEvents;
  stop(): Promise<void>;
}

export interface UserHooksDeps {
  readonly store: Pick<
    Store,
    "takeUserEvents" | "settleUserEvent" | "readUserEvents" | "noteUserHooks" | "findUserById"
  >;
  readonly clock: Clock;
  readonly hooks: UserHooks;
  /** Receives bugs of Ampho. */
  readonly report: (error: unknown) => void;
  /** Receives the error of a hook, at most once a minute for each hook. */
  readonly reportFailure: (hook: string, error: unknown) => void;
  readonly settled: (hook: UserChange, outcome: HookOutcome) => void;
}

const [pollMs, countMs, stopMs, reportAgainMs, limitMs] = [1_000, 5_000, 5_000, 60_000, 30_000];
const late = () => new Error(`no end within ${limitMs / 1000} s`);
/** Longer than a hook can take. Another process then takes the change. */
const holdSeconds = 45;
const atOnce = 10;
/** The first pause after a failure, and the factor and maximum of the next ones. */
const retry = { seconds: 2, factor: 3, maxSeconds: 600 };
/** Changes are recorded for so long after the last process with hooks. The note is renewed every hour. */
const [notedSeconds, noteAgainSeconds] = [30 * 86_400, 3_600];

/** Rejects with `unavailable` if the database cannot note that there are hooks. */
export async function startUserHooks(deps: UserHooksDeps): Promise<RunningHooks> {
  const { store, clock, report } = deps;
  const call = createCall(deps);
  const flying = new Set<Promise<void>>();
  let waiting: WaitingUserEvents = { waiting: 0, tried: 0, oldestAt: undefined };
  let notedAt = 0;
  let isStopped = false;

  async function note(): Promise<void> {
    const now = clock.now();
    if (now < notedAt + noteAgainSeconds && now >= notedAt) return;
    await store.noteUserHooks({ until: now + notedSeconds });
    notedAt = now;
  }

  async function turn(): Promise<void> {
    await note();
    for (let more = true; more && !isStopped; ) {
      if (flying.size === atOnce) await Promise.race(flying);
      const taken = await store.takeUserEvents({ now: clock.now(), holdSeconds, limit: atOnce - flying.size });
      for (const event of taken.events) {
        const settling: Promise<void> = settle(event).finally(() => flying.delete(settling));
        flying.add(settling);
      }
      more = taken.more;
    }
  }

  /** While the result cannot be recorded, the change waits, and the hook is called again after `holdSeconds`. */
  async function settle(event: TakenUserEvent): Promise<void> {
    try {
      const retryAt = (await call(event)) ? undefined : clock.now() + pauseOf(event);
      await store.settleUserEvent({ event, retryAt });
    } catch (error) {
      failed(error);
    }
  }

  /** The database is unreachable, which the log shows already. The next turn continues. */
  function failed(error: unknown): void {
    if (!(error instanceof AmphoError)) report(error);
  }

  async function count(): Promise<void> {
    waiting = await store.readUserEvents().catch(() => waiting);
  }

  await note();
  let running: Promise<void> | undefined;
  const polling = setInterval(() => {
    running ??= turn()
      .catch(failed)
      .finally(() => {
        running = undefined;
      });
  }, pollMs).unref();
  const counting = setInterval(() => void count(), countMs).unref();
  void count();
  return {
    waiting: () => waiting,
    async stop() {
      isStopped = true;
      clearInterval(polling);
      clearInterval(counting);
      const calls = async () => {
        await running;
        await Promise.all(flying);
      };
      await atMost(stopMs, calls());
    },
  };
}

const pauseOf = ({ tries }: TakenUserEvent) =>
  Math.min(retry.seconds * retry.factor ** Math.min(tries - 1, 10), retry.maxSeconds);

/** Returns a function that calls the hook of a change, and resolves to false if it failed. */
function createCall({ store, clock, hooks, settled, reportFailure }: UserHooksDeps) {
  const reportedMs = new Map<string, number>();

  return async ({ userId, change, ...event }: TakenUserEvent): Promise<boolean> => {
    const name = hookOf[change];
    if (hooks[name] === undefined) return true;
    const user = change === "removed" ? undefined : await store.findUserById(userId);
    // A user who was deleted meanwhile has another row.
    if (change !== "removed" && user === undefined) return true;
    const run = async () => {
      if (user === undefined) await hooks.onUserRemoved?.({ id: userId }, event);
      else if (change === "created") await hooks.onUserCreated?.(toUserView(user), event);
      else await hooks.onUserChanged?.(toUserView(user), event);
    };
    try {
      await within(limitMs, run(), late, { keepsAlive: false });
      settled(change, "succeeded");
      return true;
    } catch (error) {
      settled(change, "failed");
      const nowMs = clock.monotonicMs();
      if (nowMs - (reportedMs.get(name) ?? Number.NEGATIVE_INFINITY) >= reportAgainMs) {
        reportedMs.set(name, nowMs);
        reportFailure(name, error);
      }
      return false;
    }
  };
}
