// Fleets as Prometheus sees them: a healthy one, and for each alert a faulty one. The series have promtool's notation,
// with a value every 15 s for 80 minutes.

type Series = Readonly<Record<string, string>>;

const flat = (value: number | string) => `${value}x320`;
const rising = (step: number) => `0+${step}x320`;
const one = (name: string, labels = "") => `${name}{job="ampho",instance="a"${labels}}`;
const bucket = (flow: string, le: string) => one("ampho_flow_duration_seconds_bucket", `,flow="${flow}",le="${le}"`);

/** A histogram of durations: `quick` of a hundred calls took at most 0.1 s, the others up to 10 s. */
const times = (flow: string, quick: number): Series => ({
  [bucket(flow, "0.1")]: rising(quick),
  [bucket(flow, "5")]: rising(quick),
  [bucket(flow, "10")]: rising(100),
  [bucket(flow, "+Inf")]: rising(100),
});
const requests = (status: string, step: number): Series => ({
  [one("ampho_http_request_duration_seconds_count", `,http_response_status_code="${status}"`)]: rising(step),
});
const guards = (result: string, step: number): Series => ({
  [one("ampho_guard_decisions_total", `,result="${result}"`)]: rising(step),
});

export const healthy: Series = {
  [one("up")]: flat(1),
  [one("ampho_revocation_lag_seconds")]: flat("0.4"),
  [one("ampho_revocation_rows")]: flat(1000),
  [one("ampho_clock_ahead_seconds")]: flat(-1),
  [one("ampho_mail_oldest_seconds")]: flat(20),
  [one("ampho_signing_key_age_seconds")]: flat(30 * 86_400),
  [one("ampho_build_info", ',version="1.0.0",node="22.0.0"')]: flat(1),
  [one("ampho_internal_errors_total")]: flat(3),
  [one("ampho_store_errors_total", ',error_type="unavailable"')]: flat(7),
  [one("ampho_store_waiting")]: "0 3 0 0x316",
  [one("ampho_hash_shed_total")]: flat(9),
  [one("ampho_attempts_total", ',outcome="allowed"')]: rising(100),
  [one("ampho_attempts_total", ',outcome="login"')]: rising(2),
  [one("ampho_renewals_total", ',outcome="renewed"')]: rising(100),
  [one("ampho_renewals_total", ',outcome="replayed"')]: flat(1),
  [one("process_start_time_seconds")]: flat(1),
  [one("nodejs_eventloop_active_seconds_total")]: rising(5),
  ...guards("ok", 1000),
  ...guards("invalid_token", 10),
  ...guards("unavailable", 0),
  ...requests("200", 100),
  ...requests("503", 0),
  ...times("login", 100),
  ...times("renew", 100),
};

/** Events in a healthy fleet. */
export const well: Readonly<Record<string, Series>> = {
  "a fleet that is well": {},
  "a fleet without requests": {
    ...Object.fromEntries(Object.entries(healthy).map(([name, values]) => [name, values.replace(/^0\+\d+x/, "5x")])),
  },
  // A process is down for a quarter of a minute. Its counters start at zero, and it runs beside the old version for the rest of the hour.
  "a rolling update": {
    ...Object.fromEntries(Object.entries(healthy).map(([name, values]) => [name, restarted(values)])),
    [one("up")]: "1x260 0 1x58",
    [one("process_start_time_seconds")]: "1x260 _ 3900x58",
    [one("ampho_build_info", ',version="1.0.0",node="22.0.0"')]: "1x260 _x59",
    [one("ampho_build_info", ',version="1.1.0",node="22.0.0"')]: "_x261 1x58",
    'ampho_build_info{job="ampho",instance="b",version="1.0.0",node="22.0.0"}': flat(1),
  },
  // A fail-over takes this long. It happens twice in an hour.
  "a database that is unreachable for ten seconds": {
    [one("ampho_revocation_lag_seconds")]: "0.4x200 9 0.4x80 9 0.4x40",
    [one("ampho_store_errors_total", ',error_type="unavailable"')]: "7x200 20x80 33x40",
  },
};

/** A rising counter, which starts at zero again at the 261st value. */
function restarted(values: string): string {
  const [, step] = /^0\+(\d+)x/.exec(values) ?? [];
  return step === undefined ? values : `0+${step}x260 _ 0+${step}x58`;
}

/** For each alert, the series that differ from a healthy fleet, and the other alerts that then fire too. */
export const ill: Readonly<Record<string, { readonly series: Series; readonly also?: readonly string[] }>> = {
  AmphoDown: { series: { [one("up")]: flat(0) } },
  AmphoDatabaseUnreachable: {
    series: { [one("ampho_revocation_lag_seconds")]: flat(600) },
    also: ["AmphoRevocationsLate"],
  },
  AmphoRevocationsLate: { series: { [one("ampho_revocation_lag_seconds")]: flat("1.5") } },
  AmphoGuardUnavailable: { series: guards("unavailable", 1) },
  AmphoServerErrors: { series: requests("503", 2) },
  AmphoTokensRejected: { series: guards("invalid_token", 400) },
  AmphoInternalErrors: { series: { [one("ampho_internal_errors_total")]: "3x290 4x29" } },
  AmphoStoreErrors: { series: { [one("ampho_store_errors_total", ',error_type="unavailable"')]: rising(3) } },
  AmphoStoreQueue: { series: { [one("ampho_store_waiting")]: flat(2) } },
  AmphoLoginsSlow: { series: times("login", 90) },
  AmphoRenewalsSlow: { series: times("renew", 90) },
  AmphoPasswordsShed: { series: { [one("ampho_hash_shed_total")]: rising(1) } },
  AmphoGuessing: { series: { [one("ampho_attempts_total", ',outcome="source"')]: rising(30) } },
  AmphoFactorGuessing: { series: { [one("ampho_attempts_total", ',outcome="factor"')]: "0x260 1+1x59" } },
  AmphoTokensReplayed: { series: { [one("ampho_renewals_total", ',outcome="replayed"')]: "1x280 1+1x39" } },
  AmphoConnectionsReplayed: {
    series: { [one("ampho_connection_tokens_total", ',outcome="replayed"')]: "1x280 1+1x39" },
  },
  AmphoClockOff: { series: { [one("ampho_clock_ahead_seconds")]: flat(-7200) } },
  AmphoRevocationsMany: { series: { [one("ampho_revocation_rows")]: flat(300_000) } },
  AmphoEventLoopBusy: { series: { [one("nodejs_eventloop_active_seconds_total")]: rising(14.9) } },
  AmphoRestarts: { series: { [one("process_start_time_seconds")]: "1x270 2x10 3x10 4x28" } },
  AmphoWarns: { series: { [one("ampho_warnings", ',warning="signing_key_file_unusable"')]: flat(1) } },
  AmphoMailsWait: { series: { [one("ampho_mail_oldest_seconds")]: flat(400) } },
  AmphoSigningKeyOld: { series: { [one("ampho_signing_key_age_seconds")]: flat(401 * 86_400) } },
  AmphoVersionsDiffer: {
    series: { 'ampho_build_info{job="ampho",instance="b",version="1.1.0",node="22.0.0"}': flat(1) },
  },
};

/** The time of the check. All `for` are over. */
export const lookAt = "75m";
