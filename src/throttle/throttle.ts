// Throttling of guesses (docs/throttling.md): one call before a password is looked at, whatever the way in. It takes a try
// from every counter that the guess belongs to, in the store, where all processes see it; what comes of the guess settles it.
import type { PasswordTurn } from "../passwords/pool.js";
import { AmphoError } from "../errors.js";
import type { AuditEntry, Guess, GuessCounter, GuessPlace, Origin, Store } from "../store/store.js";
import type { Clock } from "../clock.js";
import { createGuessLanes } from "./attempt-queue.js";
import { guessOriginOf } from "./sources.js";
import type { Keyring } from "../keys/keyring.js";
import type { Settings } from "../config/settings.js";
import type { Tarpit } from "./delayed-rejection.js";

export interface Attempt {
  /** As it is compared. */
  readonly canonical: string;
  /** The place that a good device proof names. */
  readonly known?: { readonly userId: string; readonly deviceId: string } | undefined;
  readonly origin: Origin;
}

export interface PasswordChange {
  readonly canonical: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly origin: Origin;
}

/** A guess that may be looked at. It has to be settled; one that is not counts as wrong after 15 s. */
export interface Admission {
  /** Of the known place that it comes from. */
  readonly deviceId: string | undefined;
  readonly turn: PasswordTurn;
  /** For a purpose of the store that settles it as right in its own transaction: the user's runs of failures end. */
  right(userId: string): Guess;
  /**
   * The account that was found, where an application's own table takes other spellings for its login than we do: its own
   * count counts too, or each spelling would have tries of its own. Throws `too_many_attempts`.
   */
  meant(canonical: string): Promise<void>;
  /** Runs the look at the password; gives the try back when there was none (`overloaded`, `unavailable`). */
  check<T>(look: () => Promise<T>): Promise<T>;
  /** Wrong. `login`: of the account, if there is one. */
  failed(audit: AuditEntry, login: string | undefined): Promise<void>;
  /** Right, where no other purpose settles it. */
  succeeded(audit?: AuditEntry): Promise<void>;
}

export interface Throttle {
  /** Throws `too_many_attempts` with the seconds until the next try is allowed. */
  admitLogin(attempt: Attempt): Promise<Admission>;
  /** The same for the old password of a password change: it touches no login. */
  admitPasswordChange(change: PasswordChange): Promise<Admission>;
}

interface Refusal {
  readonly locked: boolean;
  readonly retryAfterSeconds: number;
}

/** All places of one user together get so many times the tries of one: proofs that are piled up give no more. */
const placesTogether = 3;
/** Rows of each of the two tables of guesses: about 15 MB in all. */
const rowsMax = 50_000;
/** Guesses between two sweeps. */
const sweepEvery = 32;
export function createThrottle(parts: {
  readonly store: Pick<Store, "admitGuess" | "settleGuess" | "sweepGuesses">;
  readonly keyring: Pick<Keyring, "conceal">;
  readonly settings: Pick<Settings, "throttle">;
  readonly clock: Clock;
  readonly tarpit: Tarpit;
}): Throttle {
  const { store, clock, tarpit } = parts;
  const limits = parts.settings.throttle;
  const { windowSeconds, lockAfter } = limits;
  const lanes = createGuessLanes();
  let sinceSweep = 0;
  let sweeping = false;

  function counter(kind: GuessCounter["kind"], tries: number, ...of: readonly string[]): GuessCounter {
    // JSON keeps the parts apart, whatever is in them.
    return { key: parts.keyring.conceal(JSON.stringify([kind, ...of])), kind, tries };
  }

  const loginCounter = (canonical: string) => counter("login", limits.tries, canonical);
  const devicesCounter = (userId: string) => counter("devices", limits.knownTries * placesTogether, userId);
  const sessionsCounter = (userId: string) => counter("sessions", limits.knownTries * placesTogether, userId);
  const togetherOf = (userId: string) => [devicesCounter(userId).key, sessionsCounter(userId).key];
  const knownCounters = ({ userId, deviceId }: NonNullable<Attempt["known"]>) =>
    [devicesCounter(userId), counter("device", limits.knownTries, userId, deviceId)] as const;

  function strangeGuess(canonical: string, address: string | undefined, known: Attempt["known"]): Guess {
    const login = loginCounter(canonical);
    const from = guessOriginOf(address);
    const places: GuessPlace[] = [];
    if (from?.network !== undefined && limits.networkLogins > 0)
      places.push({ place: from.network, logins: limits.networkLogins });
    if (from !== undefined && limits.addressLogins > 0)
      places.push({ place: from.address, logins: limits.addressLogins });
    const pardons = known === undefined ? [] : [knownCounters(known)[1].key];
    const subject = shortOf(login);
    return { places, counters: [login], subject, from: from?.address, windowSeconds, lockAfter, pardons };
  }

  function knownGuess(canonical: string, known: NonNullable<Attempt["known"]>): Guess {
    const login = loginCounter(canonical);
    const [together, own] = knownCounters(known);
    return {
      places: [],
      counters: [together, own],
      // A line of its own to wait in: that of the login strangers could keep full.
      subject: shortOf(own),
      from: shortOf(own),
      windowSeconds,
      lockAfter,
      // A success from a known place ends the lock of strange ones.
      pardons: [login.key],
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

  /** To its end: of a thousand guesses at once none comes later that could begin another. */
  async function sweep(): Promise<void> {
    while ((await store.sweepGuesses({ rowsMax })).more);
  }

  /** The refusal, or undefined when the guess was admitted. */
  async function admit(
    guess: Guess,
    { canonical, origin, event }: Pick<Parameters<Store["admitGuess"]>[0], "canonical" | "origin" | "event">,
  ): Promise<Refusal | undefined> {
    sweepAtTimes();
    const ask = () => store.admitGuess({ ...guess, now: clock.now(), canonical, origin, event });
    const verdict = await lanes.ask(guess.subject, ask);
    if (verdict.outcome === "admitted") return undefined;
    return verdict.outcome === "refused" ? verdict : { locked: false, retryAfterSeconds: 1 };
  }

  async function refuse(refusal: Refusal): Promise<never> {
    await tarpit.hold();
    throw tooMany(refusal);
  }

  function admission(
    admitted: Guess,
    turn: PasswordTurn,
    { deviceId, origin }: { readonly deviceId?: string | undefined; readonly origin: Origin },
  ): Admission {
    let guess = admitted;
    const settle = (outcome: "failed" | "succeeded" | "returned", audit?: AuditEntry, login?: string) =>
      store.settleGuess({ ...guess, outcome, now: clock.now(), login, audit });
    return {
      deviceId,
      turn,
      right: (userId) => ({ ...guess, pardons: [...guess.pardons, ...togetherOf(userId)] }),
      async meant(canonical) {
        const own = loginCounter(canonical);
        // At a known place tries are counted by the user already.
        if (guess.counters.some(({ kind, key }) => kind !== "login" || key === own.key)) return;
        const further = { ...guess, places: [], counters: [own], subject: shortOf(own) };
        const refusal = await admit(further, { canonical, origin, event: "login_throttled" });
        if (refusal !== undefined) throw tooMany(refusal);
        guess = { ...guess, counters: [...guess.counters, own] };
      },
      async check(look) {
        try {
          return await look();
        } catch (error) {
          // If that fails too, it counts as wrong later: no error of ours may be a way to free tries.
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
        const guess = knownGuess(canonical, known);
        const refusal = await admit(guess, { canonical, origin, event });
        if (refusal === undefined)
          return admission(guess, { fairnessKey: known.userId, priority: true }, { deviceId: known.deviceId, origin });
        if (!refusal.locked) return refuse(refusal);
      }
      // A known place with too many failures in a row is a strange one, until a success there.
      const guess = strangeGuess(canonical, origin.address, known);
      const refusal = await admit(guess, { canonical, origin, event });
      if (refusal !== undefined) return refuse(refusal);
      // One turn for each address: the throttle bounds how many of one login wait.
      const fairnessKey = guess.places.at(-1)?.place ?? canonical;
      return admission(guess, { fairnessKey }, { deviceId: known?.deviceId, origin });
    },

    async admitPasswordChange({ canonical, userId, sessionId, origin }) {
      const together = sessionsCounter(userId);
      const own = counter("session", limits.knownTries, sessionId);
      const guess: Guess = {
        places: [],
        counters: [together, own],
        subject: shortOf(own),
        from: shortOf(own),
        windowSeconds,
        lockAfter,
        pardons: [],
      };
      const refusal = await admit(guess, { canonical, origin, event: "password_throttled" });
      if (refusal !== undefined) return refuse(refusal);
      return admission(guess, { fairnessKey: userId, priority: true }, { origin });
    },
  };
}

/** 66 bits of the key: enough to tell the logins of one address apart, or the places of one user. */
function shortOf({ key }: GuessCounter): string {
  return key.slice(0, 11);
}

function tooMany({ retryAfterSeconds }: Refusal): AmphoError {
  return new AmphoError("too_many_attempts", "Too many tries. Wait before the next one.", { retryAfterSeconds });
}
