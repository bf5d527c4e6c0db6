// The counters, histograms and gauges of /metrics as OpenTelemetry's instruments. It reads counters and gauges when it
// collects, so they cost nothing in between. `ampho_flows_total` is `ampho.flows` there.
import type { Observable, ObservableResult } from "@opentelemetry/api";
import type { Sample } from "./exposition.js";
import { gauges, type InstanceState } from "./gauges.js";
import { countersOf, histogramsOf, type Metrics } from "./metrics.js";
import type { OpenTelemetry } from "./open-telemetry.js";
import { boundsSeconds } from "./registry.js";

/** `ampho_hash_wait_seconds` -> `ampho.hash.wait` in seconds. */
function instrumentOf(name: string): { readonly name: string; readonly unit: string } {
  const [, stem = name, suffix] = /^(.*?)(_seconds|_total)?$/.exec(name) ?? [];
  return { name: stem.replaceAll("_", "."), unit: suffix === "_seconds" ? "s" : "1" };
}

/** Returns a function that stops it. */
export function bridgeMetrics(
  api: OpenTelemetry,
  version: string,
  metrics: Metrics,
  state: () => InstanceState,
): () => void {
  const meter = api.metrics.getMeter("ampho", version);
  const stops: (() => void)[] = [];

  function observe(instrument: Observable, read: () => readonly Sample[]): void {
    const callback = (result: ObservableResult) => {
      for (const { value, labels } of read()) if (Number.isFinite(value)) result.observe(value, labels);
    };
    instrument.addCallback(callback);
    stops.push(() => instrument.removeCallback(callback));
  }

  for (const { definition, list } of countersOf(metrics)) {
    const { name, unit } = instrumentOf(definition.name);
    observe(meter.createObservableCounter(name, { description: definition.help, unit }), list);
  }
  for (const { name: full, help, type, read } of gauges) {
    const { name, unit } = instrumentOf(full);
    const options = { description: help, unit };
    const instrument =
      type === "gauge" ? meter.createObservableGauge(name, options) : meter.createObservableCounter(name, options);
    observe(instrument, () => read(state()));
  }
  for (const histogram of histogramsOf(metrics)) {
    const { name, unit } = instrumentOf(histogram.definition.name);
    const advice = { explicitBucketBoundaries: [...boundsSeconds] };
    const measured = meter.createHistogram(name, { description: histogram.definition.help, unit, advice });
    histogram.listen((seconds, values) => measured.record(seconds, values));
  }
  return () => {
    for (const stop of stops.splice(0)) stop();
  };
}
