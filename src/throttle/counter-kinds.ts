// The kinds of counters of attempts, one row a kind. The file throttle.ts takes attempts from each.

export type FreeAttempts = "throttleAttempts" | "apiKeysPerUser";

export interface CounterRow {
  /** The counted attempts, as `throttle-list` prints them. */
  readonly counts: string;
  readonly freeAttempts: FreeAttempts | number;
  /** A device or a session can have one of its own. This kind limits all of a user, since a login makes any number. */
  readonly together?: string;
  /** So many times the free attempts. */
  readonly times?: number;
  /** So many failures in a row lock the counter, instead of AMPHO_SECURITY_THROTTLE_LOCK. */
  readonly lockAfter?: number;
  /** Every attempt counts, this long must pass until the next one, and a window has no more than the free attempts. */
  readonly everySeconds?: number;
  readonly windowSeconds?: number;
}

const hourSeconds = 3600;

/** With more device proofs or sessions a client gets no more attempts than this. */
const together = 3;
/** A device or a session that has proven the password before. */
const known = 2;

export const counterKinds = {
  login: { counts: "login, unknown devices", freeAttempts: "throttleAttempts" },
  device: { counts: "login, one known device", freeAttempts: "throttleAttempts", times: known, together: "devices" },
  devices: { counts: "login, all known devices", freeAttempts: "throttleAttempts", times: known * together },
  session: {
    counts: "password change, one session",
    freeAttempts: "throttleAttempts",
    times: known,
    together: "sessions",
  },
  sessions: { counts: "password change, all sessions", freeAttempts: "throttleAttempts", times: known * together },
  // A user could otherwise find out which logins others have.
  rename: { counts: "logins that others have, one user", freeAttempts: 10 },
  factor: { counts: "second factor, one account", freeAttempts: "throttleAttempts", together: "factors" },
  // Each login on a remembered device opens a session, which has free attempts of its own.
  factors: {
    counts: "second factor, all known devices and sessions",
    freeAttempts: "throttleAttempts",
    times: together,
  },
  // After five wrong codes the transaction is over, and the login must begin again.
  transaction: { counts: "second factor or mailed code, one login", freeAttempts: 5, lockAfter: 5 },
  code: { counts: "mailed code, one account", freeAttempts: 10, together: "codes" },
  codes: { counts: "mailed code, all known devices", freeAttempts: 10, times: together },
  // After three wrong numbers the link is dead in other browsers.
  match: { counts: "number of a mailed link", freeAttempts: 3, lockAfter: 3 },
  mail: {
    counts: "mails, one account",
    freeAttempts: "throttleAttempts",
    everySeconds: 60,
    windowSeconds: hourSeconds,
    together: "mailsOfUser",
  },
  mailsOfUser: {
    counts: "mails, all known devices",
    freeAttempts: "throttleAttempts",
    times: together,
    everySeconds: 0,
    windowSeconds: hourSeconds,
  },
  // On all devices together, because a session with a stolen password asks for them.
  confirm: { counts: "confirmation mails, one account", freeAttempts: 5, everySeconds: 0, windowSeconds: hourSeconds },
  confirms: { counts: "the same in a day", freeAttempts: 20, everySeconds: 0, windowSeconds: 24 * hourSeconds },
  confirmCode: {
    counts: "confirmation codes, one account",
    freeAttempts: 10,
    everySeconds: 0,
    windowSeconds: hourSeconds,
  },
  emailWait: {
    counts: "addresses that wait, one account",
    freeAttempts: 1,
    everySeconds: 0,
    windowSeconds: 24 * hourSeconds,
  },
  // The mailbox of another person could otherwise sign a user out for ever.
  alarm: { counts: "alarms, one account", freeAttempts: 5, everySeconds: 0, windowSeconds: 24 * hourSeconds },
  // Each one writes a row, a mail and, at its end, a revocation that every process reads. Its end needs no limit.
  apiKey: {
    counts: "new API keys, one user",
    freeAttempts: "apiKeysPerUser",
    times: 10,
    everySeconds: 0,
    windowSeconds: hourSeconds,
  },
  mails: { counts: "mails, one address", freeAttempts: 20, everySeconds: 0, windowSeconds: hourSeconds },
} as const satisfies Readonly<Record<string, CounterRow>>;

export type CounterKind = keyof typeof counterKinds;

/** The kinds of which one device or session can have a counter. */
export type KindOfOne = {
  [Kind in CounterKind]: (typeof counterKinds)[Kind] extends { readonly together: CounterKind } ? Kind : never;
}[CounterKind];

export const isCounterKind = (value: string): value is CounterKind => Object.hasOwn(counterKinds, value);
