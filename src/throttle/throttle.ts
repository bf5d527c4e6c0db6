// Throttling of attempts (docs/operate/throttling.md), which are counted in the database, where all processes see them.
// The file is long because all kinds of attempts share their counters and the queue.
import type { AuditEntry, Origin } from "../audit/entry.js";
import type { Clock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import { AmphoError, transactionOver } from "../errors.js";
import type { PasswordTurn } from "../passwords/pool.js";
import type { OpenPurpose, Purpose } from "../tokens/jwt.js";
import type { Keyring } from "../tokens/keyring.js";
import type { AccountKey, AllowedAttempt, KnownDevice } from "./allowed-attempt.js";
import type { Attempt, AttemptCounter, AttemptOutcome, AttemptRequest, AttemptStore, SourceLimit } from "./attempt.js";
import { createAttemptQueue } from "./attempt-queue.js";
import type { Captcha } from "./captcha.js";
import { type CounterKind, type CounterRow, counterKinds, type FreeAttempts, type KindOfOne } from "./counter-kinds.js";
import type { DelayedRejection } from "./delayed-rejection.js";
import { attemptSourceOf, networkTimes } from "./sources.js";

interface LoginAttempt {
  readonly account: AccountKey;
  readonly known?: KnownDevice | undefined;
  readonly captcha?: string | undefined;
  readonly origin: Origin;
}

interface PasswordChangeAttempt {
  readonly login: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly origin: Origin;
}

interface FactorAttempt extends Omit<PasswordChangeAttempt, "sessionId"> {
  /** The known device or the live session that the attempt comes from. It has a counter of its own. */
  readonly known?: { readonly device: string } | { readonly session: string } | undefined;
  readonly transaction?: string | undefined;
}

interface ConfirmationAttempt extends Omit<PasswordChangeAttempt, "sessionId"> {
  /** The hash of the transaction to which the code was mailed. */
  readonly transaction: string;
}

interface CodeAttempt extends Omit<LoginAttempt, "captcha"> {
  readonly purpose: OpenPurpose | Purpose;
  /** The hash of the transaction to which the code was mailed. */
  readonly transaction: string;
}

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

/** The use of a counter of a name, if the kind has more than one. */
type CounterUse = "factors" | "codes" | OpenPurpose | Purpose;

type AttemptContext = Pick<AttemptRequest, "account" | "origin" | "event" | "transaction">;

/** No verifier accepts a token after that time. */
const captchaTtlSeconds = 3600;

/** Rows of each of the two tables of attempts, which is about 15 MB in all. */
const rowsMax = 50_000;
const sweepEvery = 32;

export function shareThrottle(store: Pick<AttemptStore, "pruneAttempts">) {
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

export type Throttle = ReturnType<typeof createThrottle>;

/** `store` can be a view for one request. */
export function createThrottle(deps: {
  readonly store: AttemptStore;
  readonly keyring: Pick<Keyring, "hashLogin">;
  readonly settings: Pick<Configuration, FreeAttempts | "throttleWindow" | "throttleLock" | "throttleAddress">;
  readonly clock: Clock;
  readonly delayedRejection: DelayedRejection;
  readonly captcha?: Captcha | undefined;
  readonly shared: ReturnType<typeof shareThrottle>;
}) {
  const { store, keyring, settings, clock, delayedRejection, captcha } = deps;
  const { queue, sweepSometimes } = deps.shared;
  const limits = { windowSeconds: settings.throttleWindow, lockAfter: settings.throttleLock };

  /** A device or a session has no counter alone, since each login makes one. `ofOne` makes it. */
  const counter = (kind: CounterKind, name: string, of?: CounterUse) =>
    createCounter(kind, of === undefined ? [name] : [of, name]);

  /** The counter of one device or session, and the one of all that the user has. */
  const ofOne = (kind: KindOfOne, userId: string, one: readonly string[], of?: CounterUse) =>
    [
      createCounter(kind, of === undefined ? [userId, ...one] : [of, userId, ...one]),
      counter(counterKinds[kind].together, userId, of),
    ] as const;

  function createCounter(kind: CounterKind, names: readonly string[]): AttemptCounter {
    const { freeAttempts, times = 1, lockAfter, everySeconds, windowSeconds }: CounterRow = counterKinds[kind];
    // JSON keeps the names apart, whatever they contain.
    const key = keyring.hashLogin(JSON.stringify([kind, ...names]));
    const free = typeof freeAttempts === "number" ? freeAttempts : settings[freeAttempts];
    return { key, kind, freeAttempts: free * times, lockAfter, everySeconds, windowSeconds };
  }

  const counterOf = (transaction: string, of: "factors" | "codes") => counter("transaction", transaction, of);
  const loginCounter = ({ name }: AccountKey) => counter("login", name);
  const deviceCounters = ({ userId, deviceId }: KnownDevice) => ofOne("device", userId, [deviceId]);
  const togetherOf = (userId: string) => [counter("devices", userId).key, counter("sessions", userId).key];
  const addressOf = ({ address }: Origin) => attemptSourceOf(address)?.address;

  function sourcesOf({ address }: Origin): readonly SourceLimit[] {
    const source = attemptSourceOf(address);
    const logins = settings.throttleAddress;
    if (source === undefined || logins === 0) return [];
    const { address: one, network } = source;
    return [
      ...(network === undefined ? [] : [{ source: network, logins: networkTimes * logins }]),
      { source: one, logins },
    ];
  }

  /** An attempt that only counters limit. The first one names its subject. */
  const attemptAt = (
    counters: readonly [AttemptCounter, ...AttemptCounter[]],
    from: string | undefined,
    alsoReset: readonly AttemptCounter[] = [],
  ): Attempt => ({
    ...limits,
    sources: [],
    counters,
    subject: subjectOf(counters[0]),
    from,
    alsoReset: alsoReset.map(({ key }) => key),
  });

  const unknownDeviceAttempt = ({ account, known, origin }: LoginAttempt): Attempt => ({
    ...attemptAt([loginCounter(account)], addressOf(origin), known && deviceCounters(known).slice(0, 1)),
    sources: sourcesOf(origin),
  });

  /** A queue of its own, as attackers could keep that of the login full. A success ends the lock of unknown devices. */
  function knownDeviceAttempt(account: AccountKey, known: KnownDevice): Attempt {
    const counters = deviceCounters(known);
    return attemptAt(counters, subjectOf(counters[0]), [loginCounter(account)]);
  }

  /** Returns the rejection, or undefined if the attempt is allowed. Throws `transaction_over`. */
  async function findRejection(
    attempt: Attempt,
    context: AttemptContext,
    bought?: AttemptRequest["bought"],
  ): Promise<Rejection | undefined> {
    sweepSometimes();
    const ask = () => store.allowAttempt({ ...attempt, now: clock.now(), ...context, bought });
    const verdict = await queue.enqueue(attempt.subject, ask);
    if (verdict.outcome === "allowed") return undefined;
    if (verdict.outcome === "over") throw transactionOver();
    if (verdict.outcome === "captcha_used") return { locked: false, retryAfterSeconds: 1, captchaNeeded: true };
    return verdict.outcome === "rejected" ? verdict : { locked: false, retryAfterSeconds: 1 };
  }

  /** Asks first without the captcha, so one that is not needed costs nothing. A captcha ends no lock. */
  async function judge(attempt: Attempt, context: AttemptContext, token: string | undefined): Promise<Judged> {
    const rejection = await findRejection(attempt, context);
    if (captcha === undefined || rejection?.by === undefined || rejection.locked) return { attempt, rejection };
    const needed: Judged = { attempt, rejection: { ...rejection, captchaNeeded: true } };
    if (token === undefined) return needed;
    const outcome = await captcha.verify(token, { action: "login", address: context.origin.address });
    if (outcome === "rejected") return needed;
    if (outcome === "failed") return { attempt, rejection };
    // Its address does not count. Others behind the same address can have used that limit up.
    const bought = { ...attempt, sources: [] };
    const spends = { hash: captcha.spentHash(token), until: clock.now() + captchaTtlSeconds };
    return { attempt: bought, rejection: await findRejection(bought, context, { spends }) };
  }

  function factorAttempt({ userId, known, transaction, origin }: FactorAttempt, asUnknown: boolean): Attempt {
    const account = counter("factor", userId);
    const own = known && ofOne("factor", userId, Object.entries(known).flat());
    const counted = asUnknown ? undefined : own;
    const from = counted === undefined ? addressOf(origin) : subjectOf(counted[0]);
    // A success ends the lock of unknown devices, and the one of known devices.
    const alsoReset = [account, ...(own ?? [counter("factors", userId)])];
    const attempt = attemptAt(counted ?? [account], from, alsoReset);
    if (transaction === undefined) return attempt;
    // Another counter than that of the mailed code, because a reset proves both in one request.
    return { ...attempt, counters: [counterOf(transaction, "factors"), ...attempt.counters] };
  }

  async function allowOrReject(
    attempt: Attempt,
    context: AttemptContext,
    deviceId?: string,
    turn: PasswordTurn = { fairnessKey: attempt.subject },
  ): Promise<AllowedAttempt> {
    const rejection = await findRejection(attempt, context);
    return rejection === undefined ? allowed(attempt, turn, deviceId) : reject(rejection);
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
    /**
     * Throws `too_many_attempts` with the seconds to wait, or `captcha_needed` if a solved captcha buys the attempt.
     */
    async allowLogin(login: LoginAttempt): Promise<AllowedAttempt> {
      const { account, known, captcha: token, origin } = login;
      const context = { account, origin, event: "login_throttled" } as const;
      if (known !== undefined) {
        const { userId, deviceId } = known;
        const { attempt, rejection } = await judge(knownDeviceAttempt(account, known), context, token);
        if (rejection === undefined) return allowed(attempt, { fairnessKey: userId, priority: true }, deviceId);
        if (!rejection.locked) return reject(rejection);
      }
      // A known device with too many failures in a row counts as unknown until a login from it succeeds.
      const unknown = unknownDeviceAttempt(login);
      const { attempt, rejection } = await judge(unknown, context, token);
      if (rejection !== undefined) return reject(rejection);
      // One turn for each address. The throttle limits how many attempts at one login wait.
      const fairnessKey = unknown.sources.at(-1)?.source ?? unknown.subject;
      return allowed(attempt, { fairnessKey }, known?.deviceId);
    },
    /** The same for the old password of a password change. It does not count for the login. */
    allowPasswordChange({ login, userId, sessionId, origin }: PasswordChangeAttempt): Promise<AllowedAttempt> {
      const counters = ofOne("session", userId, [sessionId]);
      const attempt = attemptAt(counters, subjectOf(counters[0]));
      const context = { account: { login }, origin, event: "password_change_throttled" } as const;
      return allowOrReject(attempt, context, undefined, { fairnessKey: userId, priority: true });
    },
    /** The same for a new login name of the user. A login that another user has counts as a failure. */
    allowLoginChange({ login, userId, origin }: Omit<PasswordChangeAttempt, "sessionId">): Promise<AllowedAttempt> {
      const attempt = attemptAt([counter("rename", userId)], addressOf(origin));
      return allowOrReject(attempt, { account: { login }, origin, event: "login_change_throttled" });
    },
    /** Every request for a mail counts, and not only failures. */
    allowMail({ account, known, origin }: Omit<LoginAttempt, "captcha">): Promise<AllowedAttempt> {
      const source = addressOf(origin);
      const ofSource = source === undefined ? [] : [counter("mails", source)];
      // A known device has limits of its own, so that strangers cannot keep mails from the owner.
      const unknown = [counter("mail", account.name), ...ofSource] as const;
      const attempt = attemptAt(known === undefined ? unknown : ofOne("mail", known.userId, [known.deviceId]), source);
      return allowOrReject(attempt, { account, origin, event: "mail_throttled" }, known?.deviceId);
    },
    /** Every mail counts that asks to confirm a change of this user, on whatever device. */
    allowConfirmationMail({
      login,
      userId,
      origin,
    }: Omit<PasswordChangeAttempt, "sessionId">): Promise<AllowedAttempt> {
      const attempt = attemptAt([counter("confirm", userId), counter("confirms", userId)], addressOf(origin));
      return allowOrReject(attempt, { account: { login }, origin, event: "mail_throttled" });
    },
    /** One change of the address a day waits. Its code counts among the mails to the new address. */
    allowEmailWait({ userId, account, origin }: Omit<LoginAttempt, "captcha" | "known"> & { readonly userId: string }) {
      const attempt = attemptAt([counter("emailWait", userId), counter("mail", account.name)], addressOf(origin));
      return allowOrReject(attempt, { account, origin, event: "mail_throttled" });
    },
    /** The same for its code. Throws `transaction_over` after five wrong codes of one transaction. */
    allowConfirmation({ login, userId, transaction, origin }: ConfirmationAttempt): Promise<AllowedAttempt> {
      const counters = [counterOf(transaction, "codes"), counter("confirmCode", userId)] as const;
      const attempt = attemptAt(counters, addressOf(origin));
      return allowOrReject(attempt, { account: { login }, origin, event: "code_throttled", transaction });
    },
    /** Every API key counts that a session of this user creates, also in place of another. */
    allowApiKey({ login, userId, origin }: Omit<PasswordChangeAttempt, "sessionId">): Promise<AllowedAttempt> {
      const attempt = attemptAt([counter("apiKey", userId)], addressOf(origin));
      return allowOrReject(attempt, { account: { login }, origin, event: "api_key_throttled" });
    },
    /** Every alarm counts. */
    allowAlarm({
      userId,
      login,
      origin,
    }: Pick<FactorAttempt, "userId" | "origin"> & { readonly login: string | undefined }) {
      const attempt = attemptAt([counter("alarm", userId)], addressOf(origin));
      return allowOrReject(attempt, { account: { login }, origin, event: "mail_throttled" });
    },
    /** An attempt at a mailed code. Throws `transaction_over` after five wrong codes of one transaction. */
    allowCode({ purpose, account, known, transaction, origin }: CodeAttempt): Promise<AllowedAttempt> {
      const unknown = counter("code", account.name, purpose);
      const own = known === undefined ? [unknown] : ofOne("code", known.userId, [known.deviceId], purpose);
      // A right code from a known device ends the lock of unknown devices.
      const attempt = attemptAt([counterOf(transaction, "codes"), ...own], addressOf(origin), [unknown]);
      return allowOrReject(attempt, { account, origin, event: "code_throttled", transaction }, known?.deviceId);
    },
    /** An attempt at the number of a mailed link. Throws `transaction_over` after three wrong numbers. */
    allowMatch({ account, transaction, origin }: Omit<CodeAttempt, "purpose" | "known">): Promise<AllowedAttempt> {
      const attempt = attemptAt([counter("match", transaction)], addressOf(origin));
      return allowOrReject(attempt, { account, origin, event: "code_throttled", transaction });
    },
    /** A second factor. Throws `transaction_over` after five wrong factors of one transaction. */
    async allowFactor(factor: FactorAttempt): Promise<AllowedAttempt> {
      const { login, userId, transaction, origin } = factor;
      const context = { account: { login }, origin, event: "factor_throttled", transaction } as const;
      const turn = { fairnessKey: userId };
      const attempt = factorAttempt(factor, false);
      const rejection = await findRejection(attempt, context);
      if (rejection === undefined) return allowed(attempt, turn);
      // A known device or session with too many failures in a row counts as unknown until a code from it is right.
      if (!rejection.locked || factor.known === undefined) return reject(rejection);
      return allowOrReject(factorAttempt(factor, true), context, undefined, turn);
    },
    /** Resolves when a rejection of something that no counter limits can be sent: a transaction, a passkey. */
    delayRejection: () => delayedRejection.wait(),
    /** The counters of the wrong proofs of one transaction, by its hash. */
    countersOf: (transaction: string): readonly [factors: string, codes: string] => [
      counterOf(transaction, "factors").key,
      counterOf(transaction, "codes").key,
    ],
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
