// Housekeeping (docs/operating.md): what nobody can need any more is removed in small batches with pauses between them, by
// one process of a fleet at a time, in the background or by hand.
import { randomId } from "../crypto/random.js";
import { AmphoError } from "../errors.js";
import type { HousekeepingLease } from "../store/sql/housekeeping.js";
import { type OldRowKind, type OldRowsCursor, oldRowKinds } from "../store/sql/old-rows.js";
import type { Store } from "../store/store.js";
import type { Deps } from "./deps.js";

/** One turn in the fleet each so many seconds. */
const everySeconds = 60;
/** A batch takes far less; a holder that was killed is replaced after this. */
const leaseSeconds = 15;
/** Between batches: twice what the last one took, so that most of the time is everybody else's. */
const pauseMs = { least: 5, most: 100, times: 2 };
const askAgainMs = 1000;

export type DeletedCounts = Readonly<Record<OldRowKind, number>>;

interface HousekeepingDeps extends Pick<Deps, "clock" | "settings"> {
  readonly store: Pick<Store, "takeHousekeepingLease" | "deleteOldRows" | "releaseHousekeepingLease">;
}

/** Does a turn now and then until it is stopped; keeps no process alive. `report` gets what is a bug. */
export function startHousekeeping(deps: HousekeepingDeps, report: (error: unknown) => void): { stop(): void } {
  let stopped = false;

  async function turn(): Promise<void> {
    try {
      const lease = createLease(deps);
      const taken = await deps.store.takeHousekeepingLease({ ...lease(), everySeconds });
      if (taken === "taken") await clean(deps, lease, { stopped: () => stopped });
    } catch (error) {
      // The store is away, or closed: the next turn goes on.
      if (!(error instanceof AmphoError)) report(error);
    }
    if (!stopped) timer = later();
  }

  const later = () => setTimeout(() => void turn(), everySeconds * 1000).unref();
  let timer = later();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** One turn, by hand. Rejects with `unavailable`. */
export async function runHousekeepingNow(
  deps: HousekeepingDeps,
  onWait: (() => void) | undefined,
): Promise<DeletedCounts> {
  const lease = createLease(deps);
  const take = () => deps.store.takeHousekeepingLease({ ...lease(), everySeconds: undefined });
  for (let tries = 1; (await take()) !== "taken"; tries += 1) {
    if (tries === 1) onWait?.();
    await pause(askAgainMs, "held");
  }
  return clean(deps, lease, "by hand");
}

/** The lease of one turn, as it is asked for at this moment. */
function createLease({ clock }: HousekeepingDeps): () => HousekeepingLease {
  const holder = randomId();
  return () => ({ holder, now: clock.now(), leaseSeconds });
}

/** Ends early when it is stopped, or when the lease is somebody else's. */
async function clean(
  { store, clock, settings }: HousekeepingDeps,
  lease: () => HousekeepingLease,
  how: "by hand" | { readonly stopped: () => boolean },
): Promise<DeletedCounts> {
  const counts: Record<OldRowKind, number> = {
    sessions: 0,
    revocations: 0,
    attempts: 0,
    sources: 0,
    imports: 0,
    audit: 0,
  };
  const { auditKeep: auditKeepSeconds, throttleWindow: windowSeconds } = settings;
  for (const kind of oldRowKinds) {
    let next: OldRowsCursor | undefined;
    do {
      if (how !== "by hand" && how.stopped()) return counts;
      const startMs = clock.monotonicMs();
      const done = await store.deleteOldRows({
        ...lease(),
        kind,
        windowSeconds,
        auditKeepSeconds,
        next,
      });
      if (done.outcome === "lost") return counts;
      counts[kind] += done.rows;
      next = done.next;
      const tookMs = clock.monotonicMs() - startMs;
      const waitMs = Math.min(Math.max(tookMs * pauseMs.times, pauseMs.least), pauseMs.most);
      if (next) await pause(waitMs, how === "by hand" ? "held" : "unheld");
    } while (next);
  }
  await store.releaseHousekeepingLease(lease());
  return counts;
}

/** `unheld`: it keeps no process alive. */
function pause(ms: number, how: "held" | "unheld"): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    if (how === "unheld") timer.unref();
  });
}
