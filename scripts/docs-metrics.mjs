// Writes the tables of docs/metrics.md, between its marks, from the tables of src/telemetry. Needs a build.
import { readFileSync } from "node:fs";
import { counters, histograms } from "../dist/telemetry/definitions.js";
import { labelName } from "../dist/telemetry/exposition.js";
import { gauges } from "../dist/telemetry/gauges.js";
import { processMetrics } from "../dist/telemetry/process-metrics.js";

const file = "docs/metrics.md";
const [open, close] = ["<!-- generated: metrics -->\n", "<!-- /generated -->"];

/** Path -> text of each generated page. */
export function generate() {
  const page = readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
  const [before, rest = ""] = page.split(open);
  const after = rest.slice(rest.indexOf(close));
  return { [file]: `${before}${open}${tables()}${after}` };
}

const valuesMax = 14;

function tables() {
  const counted = Object.values(counters).map((metric) => row(metric, "counter", labelsOf(metric)));
  const measured = Object.values(histograms).map((metric) => row(metric, "histogram", labelsOf(metric)));
  const read = gauges.map((metric) => row(metric, metric.type, named(metric.labels)));
  const own = processMetrics.map((metric) => row(metric, metric.type, ""));
  return `| metric | type | labels | meaning |
| --- | --- | --- | --- |
${[...counted, ...measured, ...read].join("\n")}

Only on \`/metrics\` of \`ampho serve\`:

| metric | type | labels | meaning |
| --- | --- | --- | --- |
${own.join("\n")}
`;
}

function row({ name, help }, type, labels) {
  return `| \`${name}\` | ${type} | ${labels} | ${help} |`;
}

function labelsOf({ labels }) {
  return Object.entries(labels)
    .map(([name, values]) => `\`${labelName(name)}\`: ${valuesText(values)}`)
    .join(", ");
}

function valuesText(values) {
  return values.length > valuesMax ? "one of a fixed list" : values.map((value) => `\`${value}\``).join(" ");
}

function named(labels) {
  return Object.entries(labels)
    .map(([name, meaning]) => `\`${labelName(name)}\` ${meaning}`)
    .join(", ");
}
