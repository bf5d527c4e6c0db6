// Throttling of attempts (docs/operate/throttling.md). A flow makes one call before it checks a password. The call
// takes an attempt from every counter that it belongs to, in the database, where all processes see it. The result
// settles the attempt. The file is long because all kinds of attempts share their counters and the queue.

import type { AuditEntry } from "../audit/entry.js";
import type { Clock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import { AmphoError, transactionOver } from "../errors.js";
import type { PasswordTurn } from "../passwords/pool.js";
import type { Keyring } from "../tokens/keyring.js";
import type {
  AccountKey,
  AllowedAttempt,
  FactorAttempt,
  KnownDevice,
  LoginAttempt,
  Throttle,
} from "./allowed-attempt.js";
import type {
  Attempt,
  AttemptCounter,
  AttemptOutcome,
  AttemptRequest,
  AttemptStore,
  BoughtAttempt,
  SourceLimit,
} from "./attempt.js";
import { type AttemptQueue, createAttemptQueue } from "./attempt-queue.js";
import type { Captcha } from "./captcha.js";
import { type CounterKind, type CounterRow, counterKinds, type FreeAttempts } from "./counter-kinds.js";
import type { DelayedRejection } from "./delayed-rejection.js";
import { attemptSourceOf } from "./sources.js";

interface Rejection {
  readonly by?: CounterKind | "source";
  readonly locked: boolean;
  readonly retryAfterSeconds: number;
  readonly captchaNeeded?: true;
}

interface Judged {
  readonly attempt: Attempt;
  readonly rejection: Rejection | undefined;
}

type AttemptContext = Pick<AttemptRequest, "account" | "origin" | "event" | "transaction">;

/** No verifier accepts a token after that time. */
const captchaTtlSeconds = 3600;

/** Rows of each of the two tables of attempts, which is about 15 MB in all. */
const rowsMax = 50_000;
/** How many attempts pass between two sweeps. */
const sweepEvery = 32;

/** The throttles of all requests share it. */
export interface SharedThrottle {
  readonly queue: AttemptQueue;
  sweepSometimes(): void;
}

export function shareThrottle(store: Pick<AttemptStore, "pruneAttempts">): SharedThrottle {
  let sinceSweep = 0;
  let sweeping = false;

  function sweepSometimes(): void {
    sinceSweep += 1;
    if (sinceSweep < sweepEvery || sweeping) return;
    sinceSweep = 0;
    sweeping = true;
    sweep()
      // The database is unreachable, so that the tables do not grow meanwhile.
      .catch(() => undefined)
      .finally(() => {
        sweeping = false;
      });
  }

  /** Sweeps to the end, because after a thousand attempts at once no later attempt might start another sweep. */
  async function sweep(): Promise<void> {
    while ((await store.pruneAttempts({ rowsMax })).more);
  }

  return { queue: createAttemptQueue(), sweepSometimes };
}

/** `store` can be a view for one request. */
export function createThrottle(deps: {
  readonly store: AttemptStore;
  readonly keyring: Pick<Keyring, "hashLogin">;
  readonly settings: Pick<
    Configuration,
    FreeAttempts | "throttleWindow" | "throttleLock" | "throttleAddress" | "throttleNetwork"
  >;
  readonly clock: Clock;
  readonly delayedRejection: DelayedRejection;
  readonly captcha?: Captcha | undefined;
  readonly shared: SharedThrottle;
}): Throttle {
  const { store, keyring, settings, clock, delayedRejection, captcha } = deps;
  const { queue, sweepSometimes } = deps.shared;
  const limits = { windowSeconds: settings.throttleWindow, lockAfter: settings.throttleLock };

  function counter(kind: CounterKind, ...names: readonly string[]): AttemptCounter {
    const { freeAttempts, times = 1, lockAfter, everySeconds, windowSeconds }: CounterRow = counterKinds[kind];
    // JSON keeps the names apart, whatever they contain.
    const key = keyring.hashLogin(JSON.stringify([kind, ...names]));
    const free = typeof freeAttempts === "number" ? freeAttempts : settings[freeAttempts];
    return { key, kind, freeAttempts: free * times, lockAfter, everySeconds, windowSeconds };
  }

  const counterOf = (transaction: string, of: "factors" | "codes") => counter("transaction", transaction, of);
  const loginCounter = ({ name }: AccountKey) => counter("login", name);
  const deviceCounter = ({ userId, deviceId }: KnownDevice) => counter("device", userId, deviceId);
  const togetherOf = (userId: string) => [counter("devices", userId).key, counter("sessions", userId).key];

  function sourcesOf(address: string | undefined): readonly SourceLimit[] {
    const source = attemptSourceOf(address);
    const sources: SourceLimit[] = [];
    if (source?.network !== undefined && settings.throttleNetwork > 0)
      sources.push({ source: source.network, logins: settings.throttleNetwork });
    if (source !== undefined && settings.throttleAddress > 0)
      sources.push({ source: source.address, logins: settings.throttleAddress });
    return sources;
  }

  function unknownDeviceAttempt({ account, known, origin }: LoginAttempt): Attempt {
    const login = loginCounter(account);
    return {
      ...limits,
      sources: sourcesOf(origin.address),
      counters: [login],
      subject: subjectOf(login),
      from: attemptSourceOf(origin.address)?.address,
      alsoReset: known === undefined ? [] : [deviceCounter(known).key],
    };
  }

  function knownDeviceAttempt(account: AccountKey, known: KnownDevice): Attempt {
    const own = deviceCounter(known);
    return {
      ...limits,
      sources: [],
      counters: [counter("devices", known.userId), own],
      // A queue of its own, because attackers could keep the queue of the login full.
      subject: subjectOf(own),
      from: subjectOf(own),
      // A success from a known device ends the lock of unknown devices.
      alsoReset: [loginCounter(account).key],
    };
  }

  /** Returns the rejection, or undefined if the attempt is allowed. Throws `transaction_over`. */
  async function findRejection(
    attempt: Attempt,
    about: AttemptContext,
    bought?: BoughtAttempt,
  ): Promise<Rejection | undefined> {
    sweepSometimes();
    const ask = () => store.allowAttempt({ ...attempt, now: clock.now(), ...about, bought });
    const verdict = await queue.enqueue(attempt.subject, ask);
    if (verdict.outcome === "allowed") return undefined;
    if (verdict.outcome === "over") throw transactionOver();
    if (verdict.outcome === "captcha_used") return { locked: false, retryAfterSeconds: 1, captchaNeeded: true };
    return verdict.outcome === "rejected" ? verdict : { locked: false, retryAfterSeconds: 1 };
  }

  /** Asks first without the captcha, so one that is not needed costs nothing. A captcha ends no lock. */
  async function judge(attempt: Attempt, about: AttemptContext, token: string | undefined): Promise<Judged> {
    const rejection = await findRejection(attempt, about);
    if (captcha === undefined || rejection?.by === undefined || rejection.locked) return { attempt, rejection };
    const needed: Judged = { attempt, rejection: { ...rejection, captchaNeeded: true } };
    if (token === undefined) return needed;
    const outcome = await captcha.verify(token, { action: "login", address: about.origin.address });
    if (outcome === "rejected") return needed;
    if (outcome === "failed") return { attempt, rejection };
    // Its address does not count. Others behind the same address can have used that limit up.
    const bought = { ...attempt, sources: [] };
    const spends = { hash: captcha.spentHash(token), until: clock.now() + captchaTtlSeconds };
    return { attempt: bought, rejection: await findRejection(bought, about, { spends }) };
  }

  function factorAttempt({ userId, known, transaction, origin }: FactorAttempt, asUnknown: boolean): Attempt {
    const account = counter("factor", userId);
    const together = counter("factors", userId);
    const own = known === undefined ? undefined : counter("factor", userId, ...Object.entries(known).flat());
    const counted = own === undefined || asUnknown ? undefined : own;
    const subject = subjectOf(counted ?? account);
    return {
      ...limits,
      sources: [],
      counters: [
        // Another counter than that of the mailed code, because a reset proves both in one request.
        ...(transaction === undefined ? [] : [counterOf(transaction, "factors")]),
        ...(counted === undefined ? [account] : [together, counted]),
      ],
      subject,
      from: counted === undefined ? attemptSourceOf(origin.address)?.address : subject,
      // A success ends the lock of unknown devices, and the one of known devices.
      alsoReset: [account, together, ...(own === undefined ? [] : [own])].map(({ key }) => key),
    };
  }

  /** An attempt that only counters limit. */
  function simpleAttempt(
    counters: readonly AttemptCounter[],
    from: string | undefined,
    alsoReset: readonly string[] = [],
  ): Attempt {
    const [first] = counters;
    if (first === undefined) throw new TypeError("an attempt has a counter");
    return { ...limits, sources: [], counters, subject: subjectOf(first), from, alsoReset };
  }

  async function allowOrReject(attempt: Attempt, about: AttemptContext, known?: KnownDevice): Promise<AllowedAttempt> {
    const rejection = await findRejection(attempt, about);
    if (rejection !== undefined) return reject(rejection);
    return allowed(attempt, { fairnessKey: attempt.subject }, known?.deviceId);
  }

  async function reject(rejection: Rejection): Promise<never> {
    await delayedRejection.wait();
    throw tooMany(rejection);
  }

  function allowed(attempt: Attempt, turn: PasswordTurn, deviceId?: string): AllowedAttempt {
    const settle = (outcome: AttemptOutcome, audit?: AuditEntry, login?: string) =>
      store.settleAttempt({ ...attempt, outcome, now: clock.now(), login, audit });
    return {
      deviceId,
      turn,
      attempt: () => attempt,
      asSucceeded: (userId) => ({ ...attempt, alsoReset: [...attempt.alsoReset, ...togetherOf(userId)] }),
      async run(check) {
        try {
          return await check();
        } catch (error) {
          // If this fails too, the attempt counts as failed later. An error of Ampho must never give free attempts.
          await settle("returned").catch(() => undefined);
          throw error;
        }
      },
      failed: (audit, login) => settle("failed", audit, login),
      succeeded: (audit) => settle("succeeded", audit),
    };
  }

  return {
    async allowLogin(login) {
      const { account, known, captcha: token, origin } = login;
      const about = { account, origin, event: "login_throttled" } as const;
      if (known !== undefined) {
        const { userId, deviceId } = known;
        const { attempt, rejection } = await judge(knownDeviceAttempt(account, known), about, token);
        if (rejection === undefined) return allowed(attempt, { fairnessKey: userId, priority: true }, deviceId);
        if (!rejection.locked) return reject(rejection);
      }
      // A known device with too many failures in a row counts as unknown until a login from it succeeds.
      const unknown = unknownDeviceAttempt(login);
      const { attempt, rejection } = await judge(unknown, about, token);
      if (rejection !== undefined) return reject(rejection);
      // One turn for each address. The throttle limits how many attempts at one login wait.
      const fairnessKey = unknown.sources.at(-1)?.source ?? unknown.subject;
      return allowed(attempt, { fairnessKey }, known?.deviceId);
    },

    async allowPasswordChange({ login, userId, sessionId, origin }) {
      const own = counter("session", sessionId);
      const attempt = simpleAttempt([own, counter("sessions", userId)], subjectOf(own));
      const about = { account: { login }, origin, event: "password_change_throttled" } as const;
      const rejection = await findRejection(attempt, about);
      if (rejection !== undefined) return reject(rejection);
      return allowed(attempt, { fairnessKey: userId, priority: true });
    },

    allowLoginChange({ login, userId, origin }) {
      const attempt = simpleAttempt([counter("rename", userId)], attemptSourceOf(origin.address)?.address);
      return allowOrReject(attempt, { account: { login }, origin, event: "login_change_throttled" });
    },

    delayRejection: () => delayedRejection.wait(),

    countersOf: (transaction) => [counterOf(transaction, "factors").key, counterOf(transaction, "codes").key],

    allowMail({ account, known, origin }) {
      const source = attemptSourceOf(origin.address)?.address;
      // A known device has limits of its own, so that strangers cannot keep mails from the owner.
      const own = known === undefined ? counter("mail", account.name) : counter("mail", known.userId, known.deviceId);
      const counters = known === undefined && source !== undefined ? [own, counter("mails", source)] : [own];
      return allowOrReject(simpleAttempt(counters, source), { account, origin, event: "mail_throttled" }, known);
    },

    async allowCode({ purpose, account, known, transaction, origin }) {
      const unknown = counter("code", purpose, account.name);
      const own = known === undefined ? unknown : counter("code", purpose, known.userId, known.deviceId);
      const attempt = simpleAttempt(
        [counterOf(transaction, "codes"), own],
        attemptSourceOf(origin.address)?.address,
        // A right code from a known device ends the lock of unknown devices.
        [unknown.key],
      );
      return allowOrReject(attempt, { account, origin, event: "code_throttled", transaction }, known);
    },

    allowMatch({ account, transaction, origin }) {
      const attempt = simpleAttempt([counter("match", transaction)], attemptSourceOf(origin.address)?.address);
      return allowOrReject(attempt, { account, origin, event: "code_throttled", transaction });
    },

    async allowFactor(factor) {
      const { login, userId, transaction, origin } = factor;
      const about = { account: { login }, origin, event: "factor_throttled", transaction } as const;
      const ask = async (asUnknown: boolean) => {
        const attempt = factorAttempt(factor, asUnknown);
        return { attempt, rejection: await findRejection(attempt, about) };
      };
      let { attempt, rejection } = await ask(false);
      // A known device or session with too many failures in a row counts as unknown until a code from it is right.
      if (rejection?.locked === true && factor.known !== undefined) ({ attempt, rejection } = await ask(true));
      if (rejection !== undefined) return reject(rejection);
      return allowed(attempt, { fairnessKey: userId });
    },
  };
}

/** 66 bits of the key, enough to distinguish the logins of one address, or the devices of one user. */
const subjectOf = ({ key }: AttemptCounter): string => key.slice(0, 11);

function tooMany({ captchaNeeded, retryAfterSeconds }: Rejection): AmphoError {
  if (captchaNeeded) {
    const message = "Too many attempts. Solve the captcha, or wait before the next one.";
    return new AmphoError("captcha_needed", message, { retryAfterSeconds });
  }
  return new AmphoError("too_many_attempts", "Too many attempts. Wait before the next one.", { retryAfterSeconds });
}
