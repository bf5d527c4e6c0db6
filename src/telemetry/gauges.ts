// The table of gauges, which are read when the metrics are read: queues, pools, lags and sizes.
import type { PasswordPoolStats } from "../passwords/pool.js";
import type { StoreStats } from "../store/store.js";
import type { Family, Sample } from "./exposition.js";

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
  readonly read: (state: InstanceState) => readonly Sample[];
}

/** A gauge without labels. It is left out while its value is unknown. */
function gauge(
  name: string,
  value: (state: InstanceState) => number | undefined,
  { help }: { readonly help: string },
): Gauge {
  const type = name.endsWith("_total") ? "counter" : "gauge";
  const samples = (known: number | undefined) => (known === undefined ? [] : [{ labels: {}, value: known }]);
  return { name, help, type, labels: {}, read: (state) => samples(value(state)) };
}

export const gauges: readonly Gauge[] = [
  gauge("ampho_hash_threads", ({ passwords }) => passwords.size, { help: "Greatest number of threads for passwords" }),
  gauge("ampho_hash_busy", ({ passwords }) => passwords.busy, { help: "Threads that hash or verify a password" }),
  gauge("ampho_hash_resting", ({ passwords }) => passwords.resting, {
    help: "Threads that leave the cores to others for a moment",
  }),
  gauge("ampho_hash_waiting", ({ passwords }) => passwords.waiting, { help: "Passwords that wait for a thread" }),
  gauge("ampho_hash_shed_total", ({ passwords }) => passwords.shed, {
    help: "Passwords that were shed because their wait would have been too long",
  }),
  gauge("ampho_store_connections", ({ store }) => store.open, {
    help: "Open connections to the database (with SQLite one thread)",
  }),
  gauge("ampho_store_busy", ({ store }) => store.busy, { help: "Connections in use" }),
  gauge("ampho_store_waiting", ({ store }) => store.waiting, { help: "Operations that wait for a connection" }),
  gauge("ampho_revocation_lag_seconds", ({ revocationLagSeconds }) => revocationLagSeconds ?? Infinity, {
    help: "Seconds since the revocations were last read, +Inf before the first read",
  }),
  gauge("ampho_revocation_rows", ({ revocationRows }) => revocationRows, { help: "Revocations in memory" }),
  gauge("ampho_clock_ahead_seconds", ({ clockAheadSeconds }) => clockAheadSeconds, {
    help: "How far the machine's clock is ahead of the database's, which Ampho uses (0 with SQLite)",
  }),
  gauge("ampho_signing_key_age_seconds", ({ signingKeyAgeSeconds }) => signingKeyAgeSeconds, {
    help: "How long the current key has been signing, if the key set contains it (members `state` and `since`)",
  }),
  gauge("ampho_mails_waiting", ({ mails }) => mails.waiting, {
    help: "Mails that wait to be sent by any process, counted every five seconds",
  }),
  gauge("ampho_mail_oldest_seconds", ({ mails }) => mails.oldestSeconds, {
    help: "How long the oldest of these mails has waited",
  }),
  gauge("ampho_user_events_waiting", ({ userEvents }) => userEvents.waiting, {
    help: "Changes of users that wait for a hook in any process, counted every five seconds by a process with hooks",
  }),
  gauge("ampho_user_event_oldest_seconds", ({ userEvents }) => userEvents.oldestSeconds, {
    help: "How long the oldest of these changes has waited",
  }),
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
