// The counters and histograms of one instance, and their Prometheus text.
import { counters, histograms } from "./definitions.js";
import { counterFamily, expositionOf, type Family, histogramFamily } from "./exposition.js";
import { gauges, type InstanceState } from "./gauges.js";
import { createCounter, createHistogram } from "./registry.js";

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  return {
    flows: createCounter(counters.flows),
    guards: createCounter(counters.guards),
    renewals: createCounter(counters.renewals),
    attempts: createCounter(counters.attempts),
    revocations: createCounter(counters.revocations),
    storeErrors: createCounter(counters.storeErrors),
    breachChecks: createCounter(counters.breachChecks),
    captchas: createCounter(counters.captchas),
    mails: createCounter(counters.mails),
    internalErrors: createCounter(counters.internalErrors),
    flowSeconds: createHistogram(histograms.flowSeconds),
    httpSeconds: createHistogram(histograms.httpSeconds),
    storeSeconds: createHistogram(histograms.storeSeconds),
    hashWaitSeconds: createHistogram(histograms.hashWaitSeconds),
    hashSeconds: createHistogram(histograms.hashSeconds),
  };
}

export function countersOf(metrics: Metrics) {
  const { flows, guards, renewals, attempts, revocations, storeErrors } = metrics;
  const { breachChecks, captchas, mails, internalErrors } = metrics;
  return [
    ...[flows, guards, renewals, attempts, revocations, storeErrors],
    ...[breachChecks, captchas, mails, internalErrors],
  ];
}

export function histogramsOf({ flowSeconds, httpSeconds, storeSeconds, hashWaitSeconds, hashSeconds }: Metrics) {
  return [flowSeconds, httpSeconds, storeSeconds, hashWaitSeconds, hashSeconds];
}

export function metricsText(metrics: Metrics, state: InstanceState): string {
  return expositionOf([
    ...countersOf(metrics).map(counterFamily),
    ...histogramsOf(metrics).map(histogramFamily),
    ...gauges.map(({ read, ...gauge }): Family => ({ ...gauge, samples: read(state) })),
  ]);
}
