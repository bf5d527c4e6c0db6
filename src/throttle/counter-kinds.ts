// The kinds of counters of attempts, one row a kind. To add a kind, write its row, and take attempts from it in
// throttle.ts.

interface CounterRow {
  /** The counted attempts, as `throttle-list` prints them. */
  readonly counts: string;
  /** The parameter that gives the free attempts. */
  readonly freeAttempts: "throttleAttempts" | "throttleKnownAttempts";
  /** All devices or sessions of a user together get this many times the free attempts of one. */
  readonly times: number;
}

/** With more device proofs a client gets no more attempts than this. */
const together = 3;

export const counterKinds = {
  login: { counts: "login, unknown devices", freeAttempts: "throttleAttempts", times: 1 },
  device: { counts: "login, one known device", freeAttempts: "throttleKnownAttempts", times: 1 },
  devices: { counts: "login, all known devices", freeAttempts: "throttleKnownAttempts", times: together },
  session: { counts: "password change, one session", freeAttempts: "throttleKnownAttempts", times: 1 },
  sessions: { counts: "password change, all sessions", freeAttempts: "throttleKnownAttempts", times: together },
} as const satisfies Readonly<Record<string, CounterRow>>;

export type CounterKind = keyof typeof counterKinds;

export const isCounterKind = (value: string): value is CounterKind => Object.hasOwn(counterKinds, value);
