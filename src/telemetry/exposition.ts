// The text format 0.0.4 of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/). Only written.
import { boundsSeconds, type CounterMetric, type Definition, type Histogram, type Labels } from "./registry.js";

export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

export interface Sample {
  readonly suffix?: "_bucket" | "_sum" | "_count";
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family extends Pick<Definition, "name" | "help"> {
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

export const expositionOf = (families: readonly Family[]): string => families.map(textOf).join("");

type Listed<M extends { definition: unknown; list: unknown }> = Pick<M, "definition" | "list">;

export function counterFamily({ definition: { name, help }, list }: Listed<CounterMetric<Labels>>): Family {
  return { name, help, type: "counter", samples: list() };
}

export function histogramFamily({ definition: { name, help }, list }: Listed<Histogram<Labels>>): Family {
  const samples = list().flatMap(({ labels, counts, sum }): Sample[] => {
    let upTo = 0;
    const buckets = counts.map((count, at): Sample => {
      upTo += count;
      return { suffix: "_bucket", labels: { ...labels, le: numberText(boundsSeconds[at] ?? Infinity) }, value: upTo };
    });
    return [...buckets, { suffix: "_sum", labels, value: sum }, { suffix: "_count", labels, value: upTo }];
  });
  return { name, help, type: "histogram", samples };
}

/** Returns OpenTelemetry's name of a label in the characters that Prometheus allows. */
export const labelName = (attribute: string): string => attribute.replaceAll(".", "_");

function textOf({ name, help, type, samples }: Family): string {
  const lines = samples.map(
    ({ suffix = "", labels, value }) => `${name}${suffix}${labelsText(labels)} ${numberText(value)}\n`,
  );
  return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${labelName(name)}="${escaped(value).replaceAll('"', '\\"')}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

const escaped = (text: string) => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
