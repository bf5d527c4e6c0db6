// The kinds of counters of attempts, one row a kind. To add a kind, write its row, and take attempts from it in
// throttle.ts.

export interface CounterRow {
  /** The counted attempts, as `throttle-list` prints them. */
  readonly counts: string;
  /** The free attempts, or the parameter that gives them. */
  readonly freeAttempts: "throttleAttempts" | "throttleKnownAttempts" | "throttleFactor" | number;
  /** All devices or sessions of a user together get this many times the free attempts of one. */
  readonly times: number;
  /** So many failures in a row lock the counter, instead of AMPHO_SECURITY_THROTTLE_LOCK. */
  readonly lockAfter?: number;
}

/** With more device proofs or sessions a client gets no more attempts than this. */
const together = 3;

export const counterKinds = {
  login: { counts: "login, unknown devices", freeAttempts: "throttleAttempts", times: 1 },
  device: { counts: "login, one known device", freeAttempts: "throttleKnownAttempts", times: 1 },
  devices: { counts: "login, all known devices", freeAttempts: "throttleKnownAttempts", times: together },
  session: { counts: "password change, one session", freeAttempts: "throttleKnownAttempts", times: 1 },
  sessions: { counts: "password change, all sessions", freeAttempts: "throttleKnownAttempts", times: together },
  factor: { counts: "second factor, one account", freeAttempts: "throttleFactor", times: 1 },
  // Each login on a remembered device opens a session, which has free attempts of its own.
  factors: { counts: "second factor, all known devices and sessions", freeAttempts: "throttleFactor", times: together },
  // After five wrong codes the transaction is over, and the login must begin again.
  transaction: { counts: "second factor, one login", freeAttempts: 5, times: 1, lockAfter: 5 },
} as const satisfies Readonly<Record<string, CounterRow>>;

export type CounterKind = keyof typeof counterKinds;

export const isCounterKind = (value: string): value is CounterKind => Object.hasOwn(counterKinds, value);
