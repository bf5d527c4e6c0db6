// Counters and histograms of one instance, as plain numbers. definitions.ts lists their names, labels and all values of
// the labels. No sent data can become a label, so the number of series is bounded.

/** Label -> its value. */
export type SeriesLabels = Readonly<Record<string, string>>;
/** Label -> its possible values. */
export type Labels = Readonly<Record<string, readonly string[]>>;
/** One value for each label. */
export type Values<L extends Labels> = { readonly [K in keyof L]: L[K][number] };

export interface Definition<L extends Labels = Labels> {
  readonly name: string;
  /** One sentence without a full stop. */
  readonly help: string;
  readonly labels: L;
}

/** One number. Its holder increments it. */
export interface Cell {
  value: number;
}

export interface CounterSeries extends Cell {
  readonly labels: SeriesLabels;
}

export interface CounterMetric<L extends Labels> {
  readonly definition: Definition<L>;
  add(values: Values<L>): void;
  /** For a hot path: find it once, then count by `value += 1`. */
  cell(values: Values<L>): Cell;
  list(): readonly CounterSeries[];
}

export interface HistogramSeries {
  readonly labels: SeriesLabels;
  /** For each bound, the measurements up to it and above the bound before. The last counts those above all bounds. */
  readonly counts: number[];
  sum: number;
}

type ObservationListener = (seconds: number, values: Values<Labels>) => void;

export interface Histogram<L extends Labels> {
  readonly definition: Definition<L>;
  observe(values: Values<L>, seconds: number): void;
  list(): readonly HistogramSeries[];
  /** Also sends every further measurement to `listener`. There can be one listener. */
  listen(listener: ObservationListener): void;
}

/** Upper bounds of every histogram in seconds, from a database operation to the longest wait. */
export const boundsSeconds: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Metrics with at most so many series have all of them from the start, because a rate does not see one appear. */
const presentMax = { counters: 500, histograms: 20 };

export function createCounter<L extends Labels>(definition: Definition<L>): CounterMetric<L> {
  const create = (labels: SeriesLabels): CounterSeries => ({ labels, value: 0 });
  const { find, list } = createSeries(definition, presentMax.counters, create);
  return {
    definition,
    add(values) {
      find(values).value += 1;
    },
    cell: find,
    list,
  };
}

export function createHistogram<L extends Labels>(definition: Definition<L>): Histogram<L> {
  const create = (labels: SeriesLabels): HistogramSeries => {
    return { labels, counts: new Array<number>(boundsSeconds.length + 1).fill(0), sum: 0 };
  };
  const { find, list } = createSeries(definition, presentMax.histograms, create);
  let listener: ObservationListener | undefined;
  return {
    definition,
    observe(values, seconds) {
      const series = find(values);
      const bound = boundsSeconds.findIndex((most) => seconds <= most);
      const at = bound === -1 ? boundsSeconds.length : bound;
      series.counts[at] = (series.counts[at] ?? 0) + 1;
      series.sum += seconds;
      listener?.(seconds, values);
    },
    list,
    listen(added) {
      listener = added;
    },
  };
}

function createSeries<L extends Labels, S>(
  { labels }: Definition<L>,
  most: number,
  create: (values: SeriesLabels) => S,
): { readonly find: (values: Values<L>) => S; readonly list: () => readonly S[] } {
  const names = Object.keys(labels);
  const all = new Map<string, S>();

  function find(values: SeriesLabels): S {
    const key = names.map((name) => values[name]).join("\n");
    const series = all.get(key) ?? create(values);
    all.set(key, series);
    return series;
  }

  const size = Object.values(labels).reduce((product, values) => product * values.length, 1);
  if (size <= most) for (const values of combinations(labels)) find(values);
  return { find, list: () => [...all.values()] };
}

function combinations(labels: Labels): readonly SeriesLabels[] {
  let all: readonly SeriesLabels[] = [{}];
  for (const [name, values] of Object.entries(labels))
    all = all.flatMap((before) => values.map((value) => ({ ...before, [name]: value })));
  return all;
}
