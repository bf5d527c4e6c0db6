// What is read of an instance at the moment when somebody asks: queues, pools, lags and sizes.
import type { PasswordPoolStats } from "../passwords/pool.js";
import type { StoreStats } from "../store/store.js";
import type { Family } from "./exposition.js";

/** An instance at one moment. */
export interface State {
  readonly version: string;
  readonly passwords: PasswordPoolStats;
  readonly store: StoreStats;
  /** Undefined: the store was never read. */
  readonly revocationLagSeconds: number | undefined;
  readonly revocationRows: number;
  /** How far the machine's clock is ahead of the one that decides. */
  readonly clockAheadSeconds: number;
  /** The codes that /readyz warns of. */
  readonly warnings: readonly string[];
  /** Undefined: the key set does not say. */
  readonly signingKeyAgeSeconds: number | undefined;
}

export interface Gauge extends Pick<Family, "name" | "help"> {
  /** `counter`: counted elsewhere. */
  readonly type: "gauge" | "counter";
  /** What its labels may be, for the docs. */
  readonly labels: Readonly<Record<string, string>>;
  readonly read: (state: State) => readonly Reading[];
}

export interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function gauge(name: string, help: string, read: (state: State) => number | undefined): Gauge {
  return {
    name,
    help,
    type: "gauge",
    labels: {},
    read: (state) => {
      const value = read(state);
      return value === undefined ? [] : [{ labels: {}, value }];
    },
  };
}

export const gauges: readonly Gauge[] = [
  gauge("ampho_hash_threads", "Threads for passwords, at most", ({ passwords }) => passwords.size),
  gauge("ampho_hash_busy", "Threads that are at a password", ({ passwords }) => passwords.busy),
  gauge(
    "ampho_hash_resting",
    "Threads that leave the cores to others for a moment",
    ({ passwords }) => passwords.resting,
  ),
  gauge("ampho_hash_waiting", "Passwords that wait for a thread", ({ passwords }) => passwords.waiting),
  {
    ...gauge(
      "ampho_hash_shed_total",
      "Passwords that were refused or given up because it would have taken too long",
      ({ passwords }) => passwords.shed,
    ),
    type: "counter",
  },
  gauge(
    "ampho_store_connections",
    "Open connections to the database; one thread with SQLite",
    ({ store }) => store.open,
  ),
  gauge("ampho_store_busy", "Connections in use", ({ store }) => store.busy),
  gauge("ampho_store_waiting", "Calls that wait for a connection", ({ store }) => store.waiting),
  gauge(
    "ampho_revocation_lag_seconds",
    "Seconds since the store last said what is revoked; +Inf before it has said so once",
    ({ revocationLagSeconds }) => revocationLagSeconds ?? Infinity,
  ),
  gauge("ampho_revocation_rows", "Revocations that are held in memory", ({ revocationRows }) => revocationRows),
  gauge(
    "ampho_clock_ahead_seconds",
    "How far the machine's clock is ahead of the store's, which decides; 0 with SQLite",
    ({ clockAheadSeconds }) => clockAheadSeconds,
  ),
  gauge(
    "ampho_signing_key_age_seconds",
    "How long the present key has been signing; missing where the key set does not say (its members `state` and `since`)",
    ({ signingKeyAgeSeconds }) => signingKeyAgeSeconds,
  ),
  {
    name: "ampho_warnings",
    help: "1 for each thing that is not well at present, as in the warnings of /readyz",
    type: "gauge",
    labels: { warning: "its code" },
    read: ({ warnings }) => warnings.map((warning) => ({ labels: { warning }, value: 1 })),
  },
  {
    name: "ampho_build_info",
    help: "Always 1; the labels say what runs",
    type: "gauge",
    labels: { version: "of Ampho", node: "of Node.js" },
    read: ({ version }) => [{ labels: { version, node: process.versions.node }, value: 1 }],
  },
];
