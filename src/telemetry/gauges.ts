// The table of gauges, which are read when the metrics are read: queues, pools, lags and sizes.
import type { PasswordPoolStats } from "../passwords/pool.js";
import type { StoreStats } from "../store/store.js";
import type { Family } from "./exposition.js";

/** The state of an instance at one moment. */
export interface InstanceState {
  readonly version: string;
  readonly passwords: PasswordPoolStats;
  readonly store: StoreStats;
  /** Undefined before the first read. */
  readonly revocationLagSeconds: number | undefined;
  readonly revocationRows: number;
  /** How far the machine's clock is ahead of the clock that Ampho uses. */
  readonly clockAheadSeconds: number;
  /** The outbox, as this process last read it. */
  readonly mails: { readonly waiting: number; readonly oldestSeconds: number };
  /** Changes of users that wait for a hook, as this process last counted them. */
  readonly userEvents: { readonly waiting: number; readonly oldestSeconds: number };
  /** The codes in the warnings of /readyz. */
  readonly warnings: readonly string[];
  /** Undefined if the key set does not contain the time. */
  readonly signingKeyAgeSeconds: number | undefined;
}

export interface Gauge extends Pick<Family, "name" | "help"> {
  /** `counter`: another part counts, and the gauge reads its number. */
  readonly type: "gauge" | "counter";
  /** Label -> its values in words, for the docs. */
  readonly labels: Readonly<Record<string, string>>;
  readonly read: (state: InstanceState) => readonly Reading[];
}

export interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function gauge(name: string, help: string, read: (state: InstanceState) => number | undefined): Gauge {
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
  gauge("ampho_hash_threads", "Greatest number of threads for passwords", ({ passwords }) => passwords.size),
  gauge("ampho_hash_busy", "Threads that hash or verify a password", ({ passwords }) => passwords.busy),
  gauge(
    "ampho_hash_resting",
    "Threads that leave the cores to others for a moment",
    ({ passwords }) => passwords.resting,
  ),
  gauge("ampho_hash_waiting", "Passwords that wait for a thread", ({ passwords }) => passwords.waiting),
  {
    ...gauge(
      "ampho_hash_shed_total",
      "Passwords that were shed because their wait would have been too long",
      ({ passwords }) => passwords.shed,
    ),
    type: "counter",
  },
  gauge(
    "ampho_store_connections",
    "Open connections to the database (with SQLite one thread)",
    ({ store }) => store.open,
  ),
  gauge("ampho_store_busy", "Connections in use", ({ store }) => store.busy),
  gauge("ampho_store_waiting", "Operations that wait for a connection", ({ store }) => store.waiting),
  gauge(
    "ampho_revocation_lag_seconds",
    "Seconds since the revocations were last read, +Inf before the first read",
    ({ revocationLagSeconds }) => revocationLagSeconds ?? Infinity,
  ),
  gauge("ampho_revocation_rows", "Revocations in memory", ({ revocationRows }) => revocationRows),
  gauge(
    "ampho_clock_ahead_seconds",
    "How far the machine's clock is ahead of the database's, which Ampho uses (0 with SQLite)",
    ({ clockAheadSeconds }) => clockAheadSeconds,
  ),
  gauge(
    "ampho_signing_key_age_seconds",
    "How long the current key has been signing, if the key set contains it (members `state` and `since`)",
    ({ signingKeyAgeSeconds }) => signingKeyAgeSeconds,
  ),
  gauge(
    "ampho_mails_waiting",
    "Mails that wait to be sent by any process, counted every five seconds",
    ({ mails }) => mails.waiting,
  ),
  gauge(
    "ampho_mail_oldest_seconds",
    "How long the oldest of these mails has waited",
    ({ mails }) => mails.oldestSeconds,
  ),
  gauge(
    "ampho_user_events_waiting",
    "Changes of users that wait for a hook in any process, counted every five seconds by a process with hooks",
    ({ userEvents }) => userEvents.waiting,
  ),
  gauge(
    "ampho_user_event_oldest_seconds",
    "How long the oldest of these changes has waited",
    ({ userEvents }) => userEvents.oldestSeconds,
  ),
  {
    name: "ampho_warnings",
    help: "1 for each current warning of /readyz",
    type: "gauge",
    labels: { warning: "its code" },
    read: ({ warnings }) => warnings.map((warning) => ({ labels: { warning }, value: 1 })),
  },
  {
    name: "ampho_build_info",
    help: "Always 1, with the running versions as labels",
    type: "gauge",
    labels: { version: "of Ampho", node: "of Node.js" },
    read: ({ version }) => [{ labels: { version, node: process.versions.node }, value: 1 }],
  },
];
