// Writes the tables of docs/operate/metrics.md, between its marks, from the tables of src/telemetry. Needs a build.
import { counters, flowResults, histograms } from "../dist/telemetry/definitions.js";
import { labelName } from "../dist/telemetry/exposition.js";
import { gauges } from "../dist/telemetry/gauges.js";
import { processMetrics } from "../dist/telemetry/process-metrics.js";
import { withGenerated } from "./generated.mjs";
import { wrap } from "./wrap.mjs";

const file = "docs/operate/metrics.md";

/** The path and the text of each generated page. */
export function generate() {
  return { [file]: withGenerated(file, "metrics", tables()) };
}

function tables() {
  const counted = Object.values(counters).map((metric) => row(metric, "counter", labelsOf(metric)));
  const measured = Object.values(histograms).map((metric) => row(metric, "histogram", labelsOf(metric)));
  const read = gauges.map((metric) => row(metric, metric.type, named(metric.labels)));
  const own = processMetrics.map((metric) => row(metric, metric.type, ""));
  return `${[...counted, ...measured, ...read].join("\n")}

The labels of counters and histograms have these values:

${labelValues().join("\n")}

Only on \`/metrics\` of \`ampho serve\`:

${own.join("\n")}
`;
}

function row({ name, help }, type, labels) {
  return wrap(`- \`${name}\` (${type}${labels === "" ? "" : `, ${labels}`}): ${help}`, "  ");
}

function labelsOf({ labels }) {
  return Object.keys(labels)
    .map((name) => `\`${labelName(name)}\``)
    .join(", ");
}

/** Labels with too many values to list. The page names where they are. */
const manyValues = {
  flow: "a flow of `src/flows/flows.ts`, such as `login`",
  "http.route": "a path of [REST API](../reference/http.md) without the prefix, or `_OTHER`",
  "db.operation.name": "an operation of `Store`",
};
const flowResult = "`ok`, or a code of [Errors](../reference/errors.md)";

/** One item for each label and its values, with the metrics that have them. */
function labelValues() {
  const items = new Map();
  for (const { name: metric, labels } of [...Object.values(counters), ...Object.values(histograms)])
    for (const [name, values] of Object.entries(labels)) {
      const listed = values.map((value) => `\`${value}\``).join(", ");
      const text = values === flowResults ? flowResult : (manyValues[name] ?? listed);
      const item = items.get(name + text) ?? { name, text, metrics: [] };
      items.set(name + text, { ...item, metrics: [...item.metrics, `\`${metric}\``] });
    }
  return [...items.values()].map(({ name, text, metrics }) =>
    wrap(`- \`${labelName(name)}\` of ${metrics.join(", ")}: ${text}`, "  "),
  );
}

function named(labels) {
  return Object.entries(labels)
    .map(([name, meaning]) => `\`${labelName(name)}\` ${meaning}`)
    .join(", ");
}
