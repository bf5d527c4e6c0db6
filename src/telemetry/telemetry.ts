// Metrics and traces of one instance. ampho.ts passes its parts through here to observe them.
import type { UserChange } from "../audit/events.js";
import type { ObserveFlow } from "../flows/flows.js";
import type { HookOutcome } from "../flows/manage/user-hooks.js";
import type { Guard } from "../guard/guard.js";
import type { CookieMode } from "../http/rest/cookies/cookie-mode.js";
import type { Handle } from "../http/rest/handler.js";
import { isUnder } from "../http/rest/request/target.js";
import type { MailOutcomeName } from "../mail/outbox.js";
import type { BreachOutcome } from "../passwords/breach-check.js";
import type { PasswordMeasure, PasswordPool } from "../passwords/pool.js";
import {
  bindOperations,
  callOf,
  type OperationName,
  type OperationOutput,
  type RunOperation,
} from "../store/operations.js";
import type { Revocation } from "../store/revocation.js";
import type { Store } from "../store/store.js";
import type { CaptchaOutcome } from "../throttle/captcha.js";
import { flowResults, other, requestMethods, storeErrors } from "./definitions.js";
import type { InstanceState } from "./gauges.js";
import { createMetrics, type Metrics, metricsText } from "./metrics.js";
import { observeCookies, observeGuard, resultLabelOf, secondsSince } from "./observe-guard.js";
import { createTracing, loadOpenTelemetry, type Tracing } from "./open-telemetry.js";
import { bridgeMetrics } from "./open-telemetry-metrics.js";

/** `url` is the database's. The application must register its SDK before. */
export async function createTelemetry(url: string, version: string) {
  const metrics = createMetrics();
  const api = await loadOpenTelemetry();
  const tracing = api && createTracing(api, version);
  const observeFlow = observeFlows(metrics);
  const traceFlow: ObserveFlow | undefined =
    tracing && ((name, call) => tracing.child(`ampho.${name}`, {}, () => observeFlow(name, call)));
  const measure: PasswordMeasure = {
    waited: (ms) => metrics.hashWaitSeconds.observe({}, ms / 1000),
    hashed: (ms) => metrics.hashSeconds.observe({}, ms / 1000),
  };
  let stop = () => {};
  return {
    measure,
    passwords: (pool: PasswordPool) => (tracing === undefined ? pool : tracePasswords(pool, tracing)),
    store: (store: Store) => observeStore(store, metrics, tracing ? around(tracing, url) : (_, call) => call()),
    flow: traceFlow ?? observeFlow,
    guard: (guard: Guard) => observeGuard(guard, metrics),
    cookies: (mode: CookieMode) => observeCookies(mode, metrics),
    handle: (handle: Handle, prefix: string) => observeHandle(tracing?.request(handle) ?? handle, prefix, metrics),
    revoked: ({ kind }: Revocation) => metrics.revocations.add({ kind }),
    breachChecked: (outcome: BreachOutcome) => metrics.breachChecks.add({ outcome }),
    captchaVerified: (outcome: CaptchaOutcome) => metrics.captchas.add({ outcome }),
    mailSettled: (outcome: MailOutcomeName) => metrics.mails.add({ outcome }),
    hookSettled: (hook: UserChange, outcome: HookOutcome) => metrics.userHooks.add({ hook, outcome }),
    internalError: () => metrics.internalErrors.add({}),
    /** Reads the gauges from `state` from now on. Returns the function for the text of /metrics. */
    watch(state: () => InstanceState): () => string {
      if (api !== undefined) stop = bridgeMetrics(api, version, metrics, state);
      return () => metricsText(metrics, state());
    },
    close: () => stop(),
  };
}

export type Telemetry = Awaited<ReturnType<typeof createTelemetry>>;

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

function observeFlows(metrics: Pick<Metrics, "flows" | "flowSeconds">): ObserveFlow {
  return async (flow, call) => {
    const startMs = performance.now();
    try {
      const output = await call();
      metrics.flowSeconds.observe({ flow }, secondsSince(startMs));
      metrics.flows.add({ flow, result: "ok" });
      return output;
    } catch (error) {
      metrics.flows.add({ flow, result: resultLabelOf(error, flowResults) });
      throw error;
    }
  };
}

function observeHandle(handle: Handle, prefix: string, { httpSeconds }: Pick<Metrics, "httpSeconds">): Handle {
  return async (request) => {
    const startMs = performance.now();
    const response = await handle(request);
    const { route, status } = response;
    // The client chooses a method that the path does not have, so it is no label.
    const method = route === undefined || status === 405 ? other : knownMethod(request.method);
    const values = {
      "http.request.method": method,
      "http.route": route !== undefined && isUnder(prefix, route) ? route.slice(prefix.length) : other,
      "http.response.status_code": String(status),
    };
    httpSeconds.observe(values, secondsSince(startMs));
    return response;
  };
}

const knownMethod = (method: string) => requestMethods.find((known) => known === method) ?? other;

type StoreMetrics = Pick<Metrics, "storeSeconds" | "storeErrors" | "renewals" | "connectionTokens" | "attempts">;

/** Operations whose output is a decision that is counted. */
const decisions: { readonly [P in OperationName]?: (output: OperationOutput<P>, metrics: StoreMetrics) => void } = {
  renewSession: (output, { renewals }) =>
    renewals.add({ outcome: output.outcome === "ended" ? output.reason : output.outcome }),
  redeemConnection: ({ outcome }, { connectionTokens }) => connectionTokens.add({ outcome }),
  renewConnection: ({ outcome }, { connectionTokens }) => connectionTokens.add({ outcome }),
  allowAttempt: (output, { attempts }) => attempts.add({ outcome: "by" in output ? output.by : output.outcome }),
};

/** Runs a call of the store inside a span. */
type Around = <T>(operation: OperationName, call: () => Promise<T>) => Promise<T>;

function observeStore(store: Store, metrics: StoreMetrics, around: Around): Store {
  const run = callOf(store);
  const call: RunOperation = async (operation, input, waitMs) => {
    const startMs = performance.now();
    try {
      const output = await around(operation, () => run(operation, input, waitMs));
      decisions[operation]?.(output, metrics);
      return output;
    } catch (error) {
      metrics.storeErrors.add({ "error.type": resultLabelOf(error, storeErrors) });
      throw error;
    } finally {
      metrics.storeSeconds.observe({ "db.operation.name": operation }, secondsSince(startMs));
    }
  };

  return { ...store, ...bindOperations(call) };
}
