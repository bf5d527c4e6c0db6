// The counters and histograms of one instance, one for each row of definitions.ts, and their Prometheus text.
import { counters, histograms } from "./definitions.js";
import { counterFamily, expositionOf, type Family, histogramFamily } from "./exposition.js";
import { gauges, type InstanceState } from "./gauges.js";
import { type CounterMetric, createCounter, createHistogram, type Definition, type Histogram } from "./registry.js";

type Counters = typeof counters;
type Histograms = typeof histograms;
export type Metrics = { readonly [Name in keyof Counters]: CounterMetric<Counters[Name]["labels"]> } & {
  readonly [Name in keyof Histograms]: Histogram<Histograms[Name]["labels"]>;
};

export const createMetrics = (): Metrics =>
  ({ ...createEach(counters, createCounter), ...createEach(histograms, createHistogram) }) as Metrics;

const createEach = (rows: Readonly<Record<string, Definition>>, create: (definition: Definition) => unknown): object =>
  Object.fromEntries(Object.entries(rows).map(([name, definition]) => [name, create(definition)]));

const counterNames = Object.keys(counters) as readonly (keyof Counters)[];
const histogramNames = Object.keys(histograms) as readonly (keyof Histograms)[];
export const countersOf = (metrics: Metrics) => counterNames.map((name) => metrics[name]);
export const histogramsOf = (metrics: Metrics) => histogramNames.map((name) => metrics[name]);

export const metricsText = (metrics: Metrics, state: InstanceState): string =>
  expositionOf([
    ...countersOf(metrics).map(counterFamily),
    ...histogramsOf(metrics).map(histogramFamily),
    ...gauges.map(({ read, ...gauge }): Family => ({ ...gauge, samples: read(state) })),
  ]);
