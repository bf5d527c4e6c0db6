// Throttling of attempts (docs/throttling.md): one call before a password is looked at, whatever the way in. It takes a try
// from every counter that the attempt belongs to, in the store, where all processes see it; what comes of the attempt settles it.

import type { Clock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import { AmphoError } from "../errors.js";
import type { PasswordTurn } from "../passwords/pool.js";
import type { Attempt, AttemptCounter, AuditEntry, Origin, SourceLimit, Store } from "../store/store.js";
import type { Keyring } from "../tokens/keyring.js";
import { createAttemptQueue } from "./attempt-queue.js";
import type { DelayedRejection } from "./delayed-rejection.js";
import { attemptSourceOf } from "./sources.js";

export interface LoginAttempt {
  /** As it is compared. */
  readonly canonical: string;
  /** The source that a good device proof names. */
  readonly known?: { readonly userId: string; readonly deviceId: string } | undefined;
  readonly origin: Origin;
}

export interface PasswordChangeAttempt {
  readonly canonical: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly origin: Origin;
}

/** A attempt that may be looked at. It has to be settled; one that is not counts as wrong after 15 s. */
export interface AdmittedAttempt {
  /** Of the known source that it comes from. */
  readonly deviceId: string | undefined;
  readonly turn: PasswordTurn;
  /** For a purpose of the store that settles it as right in its own transaction: the user's runs of failures end. */
  asSucceeded(userId: string): Attempt;
  /**
   * The account that was found, where an application's own table takes other spellings for its login than we do: its own
   * count counts too, or each spelling would have freeAttempts of its own. Throws `too_many_attempts`.
   */
  admitAccount(canonical: string): Promise<void>;
  /** Runs the look at the password; gives the try back when there was none (`overloaded`, `unavailable`). */
  run<T>(look: () => Promise<T>): Promise<T>;
  /** Wrong. `login`: of the account, if there is one. */
  failed(audit: AuditEntry, login: string | undefined): Promise<void>;
  /** Right, where no other purpose settles it. */
  succeeded(audit?: AuditEntry): Promise<void>;
}

export interface Throttle {
  /** Throws `too_many_attempts` with the seconds until the next try is allowed. */
  admitLogin(attempt: LoginAttempt): Promise<AdmittedAttempt>;
  /** The same for the old password of a password change: it touches no login. */
  admitPasswordChange(change: PasswordChangeAttempt): Promise<AdmittedAttempt>;
}

interface Refusal {
  readonly locked: boolean;
  readonly retryAfterSeconds: number;
}

/** All sources of one user together get so many times the freeAttempts of one: proofs that are piled up give no more. */
const sourcesTogether = 3;
/** Rows of each of the two tables of attempts: about 15 MB in all. */
const rowsMax = 50_000;
/** Attempts between two sweeps. */
const sweepEvery = 32;
export function createThrottle(deps: {
  readonly store: Pick<Store, "admitAttempt" | "settleAttempt" | "pruneAttempts">;
  readonly keyring: Pick<Keyring, "hashLogin">;
  readonly settings: Pick<
    Configuration,
    | "throttleAttempts"
    | "throttleKnownAttempts"
    | "throttleWindow"
    | "throttleLock"
    | "throttleAddress"
    | "throttleNetwork"
  >;
  readonly clock: Clock;
  readonly delayedRejection: DelayedRejection;
}): Throttle {
  const { store, clock, delayedRejection } = deps;
  const { settings: limits } = deps;
  const { throttleWindow: windowSeconds, throttleLock: lockAfter } = limits;
  const lanes = createAttemptQueue();
  let sinceSweep = 0;
  let sweeping = false;

  function counter(kind: AttemptCounter["kind"], freeAttempts: number, ...of: readonly string[]): AttemptCounter {
    // JSON keeps the deps apart, whatever is in them.
    return { key: deps.keyring.hashLogin(JSON.stringify([kind, ...of])), kind, freeAttempts };
  }

  const loginCounter = (canonical: string) => counter("login", limits.throttleAttempts, canonical);
  const devicesCounter = (userId: string) => counter("devices", limits.throttleKnownAttempts * sourcesTogether, userId);
  const sessionsCounter = (userId: string) =>
    counter("sessions", limits.throttleKnownAttempts * sourcesTogether, userId);
  const togetherOf = (userId: string) => [devicesCounter(userId).key, sessionsCounter(userId).key];
  const knownCounters = ({ userId, deviceId }: NonNullable<LoginAttempt["known"]>) =>
    [devicesCounter(userId), counter("device", limits.throttleKnownAttempts, userId, deviceId)] as const;

  function strangeAttempt(canonical: string, address: string | undefined, known: LoginAttempt["known"]): Attempt {
    const login = loginCounter(canonical);
    const from = attemptSourceOf(address);
    const sources: SourceLimit[] = [];
    if (from?.network !== undefined && limits.throttleNetwork > 0)
      sources.push({ source: from.network, logins: limits.throttleNetwork });
    if (from !== undefined && limits.throttleAddress > 0)
      sources.push({ source: from.address, logins: limits.throttleAddress });
    const alsoReset = known === undefined ? [] : [knownCounters(known)[1].key];
    const subject = shortOf(login);
    return { sources, counters: [login], subject, from: from?.address, windowSeconds, lockAfter, alsoReset };
  }

  function knownAttempt(canonical: string, known: NonNullable<LoginAttempt["known"]>): Attempt {
    const login = loginCounter(canonical);
    const [together, own] = knownCounters(known);
    return {
      sources: [],
      counters: [together, own],
      // A line of its own to wait in: that of the login strangers could keep full.
      subject: shortOf(own),
      from: shortOf(own),
      windowSeconds,
      lockAfter,
      // A success from a known source ends the lock of strange ones.
      alsoReset: [login.key],
    };
  }

  function sweepAtTimes(): void {
    sinceSweep += 1;
    if (sinceSweep < sweepEvery || sweeping) return;
    sinceSweep = 0;
    sweeping = true;
    sweep()
      // The store is away: the tables do not grow meanwhile.
      .catch(() => undefined)
      .finally(() => {
        sweeping = false;
      });
  }

  /** To its end: of a thousand attempts at once none comes later that could begin another. */
  async function sweep(): Promise<void> {
    while ((await store.pruneAttempts({ rowsMax })).more);
  }

  /** The refusal, or undefined when the attempt was admitted. */
  async function admit(
    attempt: Attempt,
    { canonical, origin, event }: Pick<Parameters<Store["admitAttempt"]>[0], "canonical" | "origin" | "event">,
  ): Promise<Refusal | undefined> {
    sweepAtTimes();
    const ask = () => store.admitAttempt({ ...attempt, now: clock.now(), canonical, origin, event });
    const verdict = await lanes.enqueue(attempt.subject, ask);
    if (verdict.outcome === "admitted") return undefined;
    return verdict.outcome === "refused" ? verdict : { locked: false, retryAfterSeconds: 1 };
  }

  async function refuse(refusal: Refusal): Promise<never> {
    await delayedRejection.wait();
    throw tooMany(refusal);
  }

  function admission(
    admitted: Attempt,
    turn: PasswordTurn,
    { deviceId, origin }: { readonly deviceId?: string | undefined; readonly origin: Origin },
  ): AdmittedAttempt {
    let attempt = admitted;
    const settle = (outcome: "failed" | "succeeded" | "returned", audit?: AuditEntry, login?: string) =>
      store.settleAttempt({ ...attempt, outcome, now: clock.now(), login, audit });
    return {
      deviceId,
      turn,
      asSucceeded: (userId) => ({ ...attempt, alsoReset: [...attempt.alsoReset, ...togetherOf(userId)] }),
      async admitAccount(canonical) {
        const own = loginCounter(canonical);
        // At a known source freeAttempts are counted by the user already.
        if (attempt.counters.some(({ kind, key }) => kind !== "login" || key === own.key)) return;
        const further = { ...attempt, sources: [], counters: [own], subject: shortOf(own) };
        const refusal = await admit(further, { canonical, origin, event: "login_throttled" });
        if (refusal !== undefined) throw tooMany(refusal);
        attempt = { ...attempt, counters: [...attempt.counters, own] };
      },
      async run(look) {
        try {
          return await look();
        } catch (error) {
          // If that fails too, it counts as wrong later: no error of ours may be a way to free freeAttempts.
          await settle("returned").catch(() => undefined);
          throw error;
        }
      },
      failed: (audit, login) => settle("failed", audit, login),
      succeeded: (audit) => settle("succeeded", audit),
    };
  }

  return {
    async admitLogin({ canonical, known, origin }) {
      const event = "login_throttled";
      if (known !== undefined) {
        const attempt = knownAttempt(canonical, known);
        const refusal = await admit(attempt, { canonical, origin, event });
        if (refusal === undefined)
          return admission(
            attempt,
            { fairnessKey: known.userId, priority: true },
            { deviceId: known.deviceId, origin },
          );
        if (!refusal.locked) return refuse(refusal);
      }
      // A known source with too many failures in a row is a strange one, until a success there.
      const attempt = strangeAttempt(canonical, origin.address, known);
      const refusal = await admit(attempt, { canonical, origin, event });
      if (refusal !== undefined) return refuse(refusal);
      // One turn for each address: the throttle bounds how many of one login wait.
      const fairnessKey = attempt.sources.at(-1)?.source ?? canonical;
      return admission(attempt, { fairnessKey }, { deviceId: known?.deviceId, origin });
    },

    async admitPasswordChange({ canonical, userId, sessionId, origin }) {
      const together = sessionsCounter(userId);
      const own = counter("session", limits.throttleKnownAttempts, sessionId);
      const attempt: Attempt = {
        sources: [],
        counters: [together, own],
        subject: shortOf(own),
        from: shortOf(own),
        windowSeconds,
        lockAfter,
        alsoReset: [],
      };
      const refusal = await admit(attempt, { canonical, origin, event: "password_throttled" });
      if (refusal !== undefined) return refuse(refusal);
      return admission(attempt, { fairnessKey: userId, priority: true }, { origin });
    },
  };
}

/** 66 bits of the key: enough to tell the logins of one address apart, or the sources of one user. */
function shortOf({ key }: AttemptCounter): string {
  return key.slice(0, 11);
}

function tooMany({ retryAfterSeconds }: Refusal): AmphoError {
  return new AmphoError("too_many_attempts", "Too many freeAttempts. Wait before the next one.", { retryAfterSeconds });
}
