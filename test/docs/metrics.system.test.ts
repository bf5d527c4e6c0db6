import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import express from "express";
import { beforeAll, describe, expect, it } from "vitest";
import { generate } from "../../scripts/docs-metrics.mjs";
import { familiesOf, samplesOf } from "../telemetry/reading.js";
import { openWorld } from "../world/ampho.js";
import { listening } from "../world/listen.js";
import { post } from "../world/requests.js";
import { addUser, freshPlace, logIn, startServe } from "../world/serve.js";
import { healthy, ill, lookAt, well } from "./alert-cases.js";
import { readPage } from "./evidence.js";
import { promtool, requirePromtool } from "./promtool.js";

const root = path.resolve(import.meta.dirname, "../..");
const rulesFile = path.join(root, "deploy/prometheus/ampho.rules.yml");
const rules = readFileSync(rulesFile, "utf8");
const alerts = [...rules.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name = ""]) => name);
const page = readPage("docs/operate/metrics.md");

/** The metrics of a server after a login and a renewal. A histogram with many values shows those that came. */
let text = "";
beforeAll(async () => {
  requirePromtool();
  const token = "a-token-for-prometheus-and-nobody-else";
  const place = freshPlace({ AMPHO_METRICS_TOKEN: token });
  await addUser(place);
  const served = await startServe(place);
  const { refresh_token } = await logIn(served);
  await post(`${served.url}/renew`, { refresh_token });
  text = await (await fetch(`${served.root}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text();
  await served.stop();
}, 120_000);
/** Metrics that expressions name: no label begins so. `up` is Prometheus' own. */
function metricsIn(expressions: string): readonly string[] {
  return [...new Set(expressions.match(/\b(?:ampho|process|nodejs)_[a-z_]+\b/g))];
}

/** The family that a name in an expression belongs to. */
function familyOf(name: string): string {
  const base = name.replace(/_(bucket|sum|count)$/, "");
  return familiesOf(text).get(base) === "histogram" ? base : name;
}

describe("the metrics of a running server", () => {
  it("the server has the metrics of the page, with the same types", () => {
    const listed = page.split("<!-- generated: metrics -->")[1]?.split("<!-- /generated -->")[0] ?? "";
    const rows = [...listed.matchAll(/^- `(\w+)` \((\w+)/gm)].map(([, name, type]) => [name, type]);
    expect(rows).toEqual([...familiesOf(text)]);
  });

  it("Prometheus accepts the text of the metrics", async () => {
    expect(await promtool(["check", "metrics"], text)).toBe("");
  });

  it("the page is current: run `npm run docs`", () => {
    expect(page).toBe(generate()["docs/operate/metrics.md"]);
  });

  it("the page names the source of a label's values only where they are that label's", () => {
    const labels = [...page.matchAll(/^- `(\w+)` of [^:]*: ([^,\n]*)/gm)].map(([, name, first]) => `${name}: ${first}`);
    expect(labels.filter((one) => one.endsWith("an operation of `Store`"))).toHaveLength(1);
    expect(labels).toContain("db_operation_name: an operation of `Store`");
    expect(labels).toContain("flow: a flow of `src/flows/flows.ts`");
  });
});

describe("the configuration on the page", () => {
  const snippet = (language: string) =>
    new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(page)?.[1] ?? "";

  it("Prometheus accepts the configuration on the page", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "ampho-prometheus-"));
    try {
      writeFileSync(path.join(folder, "prometheus.yml"), snippet("yaml"));
      writeFileSync(path.join(folder, "ampho.rules.yml"), rules);
      expect(await promtool(["check", "config", path.join(folder, "prometheus.yml")])).toContain(
        "SUCCESS: 1 rule files",
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("the snippet gives an application a page of its own", async () => {
    const { ampho } = await openWorld();
    const app = express();
    new Function("app", "ampho", snippet("js"))(app, ampho);
    const { url } = await listening(app);
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
    expect(await promtool(["check", "metrics"], await response.text())).toBe("");
  });
});

const firing = 'ALERTS{alertstate="firing"}';
const everFiring = `count_over_time(${firing}[${lookAt}])`;

describe("the alerts", () => {
  it("Prometheus accepts the rules", async () => {
    expect(await promtool(["check", "rules", "--lint-fatal", rulesFile])).toContain(`${alerts.length} rules found`);
  });

  it("the alerts name only existing metrics and existing values of labels", () => {
    const named = metricsIn(rules);
    expect(named.length).toBeGreaterThan(10);
    for (const name of named) expect([...familiesOf(text).keys()]).toContain(familyOf(name));
    const samples = [...samplesOf(text).keys()].join("\n");
    for (const [, label, value] of rules.matchAll(/\b(result|outcome|flow)="(\w+)"/g))
      expect(samples).toContain(`${label}="${value}"`);
  });

  it.each(alerts)("%s has a section that describes what to do", (alert) => {
    const [, rule = ""] = rules.split(`- alert: ${alert}\n`);
    expect(rule.split("- alert:")[0]).toMatch(
      new RegExp(`runbook: https://\\S+/docs/operate/metrics\\.md#${alert.toLowerCase()}\n`),
    );
    const [, section = ""] = page.split(`\n### ${alert}\n`);
    expect((section.split("\n#")[0] ?? "").length).toBeGreaterThan(100);
  });

  it("the page explains exactly these alerts", () => {
    expect([...page.matchAll(/^### (\w+)$/gm)].map(([, name]) => name)).toEqual(alerts);
  });

  it("each alert fires when it should, and none fires in a healthy fleet", async () => {
    expect(Object.keys(ill)).toEqual(alerts);
    const cases = [
      ...Object.entries(well).map(([name, series]) => ({ name, series, expected: [] })),
      ...Object.entries(ill).map(([name, { series, also = [] }]) => ({ name, series, expected: [name, ...also] })),
    ];
    const tests = cases.map(({ name, series, expected }) => ({
      name,
      interval: "15s",
      input_series: Object.entries({ ...healthy, ...series }).map(([key, values]) => ({ series: key, values })),
      promql_expr_test: [
        {
          expr: `count by (alertname) (${expected.length === 0 ? everFiring : firing})`,
          eval_time: lookAt,
          exp_samples: expected.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 })),
        },
      ],
    }));
    const folder = mkdtempSync(path.join(tmpdir(), "ampho-alerts-"));
    try {
      // JSON is YAML.
      const file = path.join(folder, "alerts.yml");
      writeFileSync(file, JSON.stringify({ rule_files: [rulesFile], evaluation_interval: "15s", tests }));
      expect(await promtool(["test", "rules", file])).toContain("SUCCESS");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the dashboard", () => {
  const dashboard: unknown = JSON.parse(readFileSync(path.join(root, "deploy/grafana/ampho.json"), "utf8"));
  const expressions = valuesOf(dashboard, "expr");

  it("the dashboard shows only existing metrics, and all of the page", () => {
    const named = new Set(expressions.flatMap(metricsIn).map(familyOf));
    const all = [...familiesOf(text).keys()];
    for (const name of named) expect(all).toContain(name);
    expect(all.filter((name) => !named.has(name))).toEqual([]);
  });

  it("Prometheus accepts the expressions of the dashboard", async () => {
    const groups = [
      {
        name: "x",
        rules: expressions.map((expr, at) => ({ record: `x${at}`, expr: expr.replaceAll(/\$__rate_interval/g, "5m") })),
      },
    ];
    const folder = mkdtempSync(path.join(tmpdir(), "ampho-dashboard-"));
    try {
      const file = path.join(folder, "rules.yml");
      writeFileSync(file, JSON.stringify({ groups }));
      expect(await promtool(["check", "rules", file])).toContain(`${expressions.length} rules found`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("each panel has a title, a description and a position of its own", () => {
    const panels = panelsOf(dashboard);
    expect(panels.length).toBeGreaterThan(20);
    for (const { type, title, description } of panels) {
      expect(title).toEqual(expect.any(String));
      if (type !== "row") expect(description, String(title)).toMatch(/\w\.$/);
    }
    const places = panels.map(({ gridPos }) => JSON.stringify(gridPos));
    expect(new Set(places).size).toBe(places.length);
    const ids = panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

function panelsOf(dashboard: unknown): readonly Readonly<Record<string, unknown>>[] {
  const panels = isObject(dashboard) ? dashboard["panels"] : undefined;
  return Array.isArray(panels) ? panels.filter(isObject) : [];
}

/** Every text under that name, at any depth. */
function valuesOf(value: unknown, name: string): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((each) => valuesOf(each, name));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === name && typeof inner === "string" ? [inner] : valuesOf(inner, name),
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
