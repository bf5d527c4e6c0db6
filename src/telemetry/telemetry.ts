// Metrics and traces of one instance. ampho.ts passes its parts through here to observe them.
import type { UserChange } from "../audit/events.js";
import type { ObserveFlow } from "../flows/flows.js";
import type { HookOutcome } from "../flows/manage/user-hooks.js";
import type { Guard } from "../guard/guard.js";
import type { CookieMode } from "../http/rest/cookies/cookie-mode.js";
import type { Handle } from "../http/rest/handler.js";
import type { MailOutcomeName } from "../mail/outbox.js";
import type { BreachOutcome } from "../passwords/breach-check.js";
import type { PasswordMeasure, PasswordPool } from "../passwords/pool.js";
import type { Revocation } from "../store/sql/revocations.js";
import type { Store } from "../store/store.js";
import type { CaptchaOutcome } from "../throttle/captcha.js";
import type { InstanceState } from "./gauges.js";
import { createMetrics, metricsText } from "./metrics.js";
import { observeFlows } from "./observe-flows.js";
import { observeCookies, observeGuard } from "./observe-guard.js";
import { observeHandle } from "./observe-handle.js";
import { type Around, observeStore } from "./observe-store.js";
import { createTracing, loadOpenTelemetry, type Tracing } from "./open-telemetry.js";
import { bridgeMetrics } from "./open-telemetry-metrics.js";

export interface Telemetry {
  readonly measure: PasswordMeasure;
  passwords(pool: PasswordPool): PasswordPool;
  store(store: Store): Store;
  readonly flow: ObserveFlow;
  guard(guard: Guard): Guard;
  cookies(mode: CookieMode): CookieMode;
  handle(handle: Handle, prefix: string): Handle;
  revoked(revocation: Revocation): void;
  breachChecked(outcome: BreachOutcome): void;
  captchaVerified(outcome: CaptchaOutcome): void;
  mailSettled(outcome: MailOutcomeName): void;
  hookSettled(hook: UserChange, outcome: HookOutcome): void;
  internalError(): void;
  /** Reads the gauges from `state` from now on. Returns the function for the text of /metrics. */
  watch(state: () => InstanceState): () => string;
  close(): void;
}

/** `url` is the database's. The application must register its SDK before. */
export async function createTelemetry(url: string, version: string): Promise<Telemetry> {
  const metrics = createMetrics();
  const api = await loadOpenTelemetry();
  const tracing = api && createTracing(api, version);
  const observeFlow = observeFlows(metrics);
  let stop = () => {};
  return {
    measure: {
      waited: (ms) => metrics.hashWaitSeconds.observe({}, ms / 1000),
      hashed: (ms) => metrics.hashSeconds.observe({}, ms / 1000),
    },
    passwords: (pool) => (tracing === undefined ? pool : tracePasswords(pool, tracing)),
    store: (store) => observeStore(store, metrics, tracing === undefined ? (_, call) => call() : around(tracing, url)),
    flow:
      tracing === undefined
        ? observeFlow
        : (name, call) => tracing.child(`ampho.${name}`, {}, () => observeFlow(name, call)),
    guard: (guard) => observeGuard(guard, metrics),
    cookies: (mode) => observeCookies(mode, metrics),
    handle: (handle, prefix) => observeHandle(tracing?.request(handle) ?? handle, prefix, metrics),
    revoked: ({ kind }) => metrics.revocations.add({ kind }),
    breachChecked: (outcome) => metrics.breachChecks.add({ outcome }),
    captchaVerified: (outcome) => metrics.captchas.add({ outcome }),
    mailSettled: (outcome) => metrics.mails.add({ outcome }),
    hookSettled: (hook, outcome) => metrics.userHooks.add({ hook, outcome }),
    internalError: () => metrics.internalErrors.add({}),
    watch(state) {
      if (api !== undefined) stop = bridgeMetrics(api, version, metrics, state);
      return () => metricsText(metrics, state());
    },
    close: () => stop(),
  };
}

function around(tracing: Tracing, url: string): Around {
  const system = url.startsWith("sqlite:") ? "sqlite" : "postgresql";
  return (operation, call) => {
    // The poll belongs to no request, although it can start inside a traced one.
    if (operation === "readRevocations") return call();
    const attributes = { "db.system.name": system, "db.operation.name": operation };
    return tracing.child(operation, { isCall: system !== "sqlite", attributes }, call);
  };
}

/** The spans include the wait for a thread. */
function tracePasswords(pool: PasswordPool, { child }: Tracing): PasswordPool {
  return {
    ...pool,
    hash: (password, turn) => child("ampho.password.hash", {}, () => pool.hash(password, turn)),
    check: (stored, password, turn) => child("ampho.password.check", {}, () => pool.check(stored, password, turn)),
    verify: (stored, password, turn) => child("ampho.password.check", {}, () => pool.verify(stored, password, turn)),
  };
}
