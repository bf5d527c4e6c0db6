// The dashboard in front of a real Prometheus that reads a real server. After some traffic every panel shows a value.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { requireProgram } from "../deploy/programs.js";
import { installMs } from "../world/debian.js";
import { freePort } from "../world/free-port.js";
import { alice } from "../world/people.js";
import { bearer, post } from "../world/requests.js";
import { addUser, command, freshPlace, logIn, type Served, startServe, unthrottled } from "../world/serve.js";

const root = path.resolve(import.meta.dirname, "../..");
const dashboard = readFileSync(path.join(root, "deploy/grafana/ampho.json"), "utf8");
const rules = path.join(root, "deploy/prometheus/ampho.rules.yml");

/** Panels without a value while all is well. */
const emptyWhenWell = ["ampho_warnings"];

const redirect = "https://reader.example/callback";
let client = "";
let served: Served;
let prometheus: ChildProcess;
let folder = "";
let url = "";
beforeAll(async () => {
  const program = requireProgram("prometheus", "prometheus");
  const metricsPort = await freePort();
  const since = Math.floor(Date.now() / 1000) - 60;
  const key = { kty: "oct", kid: "one", k: "6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw", state: "current", since };
  const place = freshPlace({
    AMPHO_SECURITY_KEY: JSON.stringify({ keys: [key] }),
    AMPHO_METRICS_LISTEN: String(metricsPort),
    AMPHO_SECURITY_CONNECT: "registered",
    AMPHO_SECURITY_SCOPE_TEXTS: '{"read":"Read"}',
    AMPHO_APP_URL: "https://app.example/",
    ...unthrottled,
  });
  await addUser(place);
  const added = await command(place, [
    "service-add",
    "reader",
    "--redirect",
    redirect,
    "--user-scope",
    "read",
    "--public",
  ]);
  client = added.stdout.trim();
  served = await startServe(place);
  folder = mkdtempSync(path.join(tmpdir(), "ampho-prometheus-"));
  const port = await freePort();
  url = `http://127.0.0.1:${port}/api/v1`;
  const job = { job_name: "ampho", static_configs: [{ targets: [`127.0.0.1:${metricsPort}`] }] };
  const global = { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" };
  // JSON is YAML.
  writeFileSync(
    path.join(folder, "prometheus.yml"),
    JSON.stringify({ global, rule_files: [rules], scrape_configs: [job] }),
  );
  prometheus = spawn(
    program,
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: "ignore" },
  );
  process.once("exit", () => prometheus.kill("SIGKILL"));
}, installMs);
afterAll(async () => {
  const ended = once(prometheus, "exit");
  prometheus.kill("SIGTERM");
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

/** Some traffic of each kind. */
async function use(): Promise<void> {
  const grant = await logIn(served);
  const headers = bearer(grant.token);
  await fetch(`${served.url}/session`, { headers });
  await fetch(`${served.url}/sessions`, { headers });
  await post(`${served.url}/renew`, { refresh_token: grant.refresh_token });
  await post(`${served.url}/login`, { ...alice, password: "wrong" });
  const code = { code: "unknown", redirect_uri: redirect, code_verifier: "x".repeat(43) };
  const body = new URLSearchParams({ grant_type: "authorization_code", client_id: client, ...code });
  await fetch(`${served.url}/token`, { method: "POST", body });
  await fetch(`${served.url}/logout`, { method: "POST", headers });
}

/** The number of series that an expression of the dashboard has now. */
async function seriesOf(expression: string): Promise<number> {
  const query = expression
    .replaceAll("$__rate_interval", "10s")
    .replaceAll("$job", "ampho")
    .replaceAll("$instance", ".+");
  expect(query).not.toContain("$");
  const response: unknown = await (await fetch(`${url}/query?query=${encodeURIComponent(query)}`)).json();
  expect(response, query).toMatchObject({ status: "success", data: { resultType: "vector" } });
  return (response as { readonly data: { readonly result: readonly unknown[] } }).data.result.length;
}

it("every query has a result", { timeout: 180_000 }, async () => {
  const expressions = [...dashboard.matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(([, text = ""]) =>
    String(JSON.parse(text)),
  );
  expect(expressions.length).toBeGreaterThan(30);
  const silent = async () => {
    await use();
    const all = await Promise.all(expressions.map(async (each) => [each, await seriesOf(each)] as const));
    return all.flatMap(([each, series]) => (series === 0 ? [each] : []));
  };
  await expect
    .poll(() => silent().catch((error: unknown) => [String(error)]), { timeout: 150_000, interval: 500 })
    .toEqual(expressions.filter((each) => emptyWhenWell.some((name) => each.startsWith(name))));
});

it("every alert is evaluated without an error, and none fires", async () => {
  const judged = async () => {
    const response = (await (await fetch(`${url}/rules`)).json()) as {
      readonly data: { readonly groups: readonly { readonly rules: readonly Readonly<Record<string, unknown>>[] }[] };
    };
    return response.data.groups.flatMap((group) => group.rules.map(({ health, state }) => `${health} ${state}`));
  };
  // On a busy machine a request can be slow, so that an alert is pending.
  const isWell = (each: string) => each === "ok inactive" || each === "ok pending";
  await expect.poll(async () => (await judged()).filter((each) => !isWell(each))).toEqual([]);
});
