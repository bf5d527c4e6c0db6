// GET /metrics of `ampho serve`: where it is served, and which requests can read it.
import { describe, expect, it, vi } from "vitest";
import { sendRaw } from "../http/raw.js";
import { familiesOf, samplesOf } from "../telemetry/reading.js";
import { bearer } from "../world/requests.js";
import { addUser, command, freshPlace, logIn, type Served, startServe } from "../world/serve.js";

const token = "a-token-for-prometheus-and-nobody-else";

/** The address of the metrics that the process logs. */
function metricsUrl({ stderr }: Served): string {
  const [, url] = /"message":"metrics: (http:\/\/[^"]+)"/.exec(stderr()) ?? [];
  if (url === undefined) throw new Error("the log names no address of metrics");
  return url;
}

describe("metrics by default", () => {
  it("metrics are not served by default, with or without a token", async () => {
    const served = await startServe(freshPlace());
    expect(served.stderr()).not.toContain("metrics");
    for (const headers of [{}, bearer(token)])
      expect((await fetch(`${served.root}/metrics`, { headers })).status).toBe(404);
    await served.stop();
  });
});

describe("metrics on a port of their own", () => {
  it("metrics on their own port are open there, beside the probes, and absent from the port of the service", async () => {
    const place = freshPlace({ AMPHO_METRICS_LISTEN: "0" });
    await addUser(place);
    const served = await startServe(place);
    await logIn(served);
    const url = metricsUrl(served);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    const response = await fetch(url);
    const { status, headers } = response;
    expect([status, headers.get("content-type"), headers.get("cache-control")]).toEqual([
      200,
      "text/plain; version=0.0.4; charset=utf-8",
      "no-store",
    ]);
    const text = await response.text();
    expect(samplesOf(text).get('ampho_flows_total{flow="login",result="ok"}')).toBe(1);
    const samples = samplesOf(text);
    expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(1e7);
    expect(samples.get("process_cpu_user_seconds_total")).toBeGreaterThan(0);
    expect(samples.get("process_start_time_seconds")).toBeCloseTo(Date.now() / 1000, -3);
    const { origin } = new URL(url);
    expect((await fetch(`${origin}/readyz`)).status).toBe(200);
    for (const path of ["/", "/api/security/session", "/api/security/login", "/metrics/", "/Metrics"])
      expect((await fetch(origin + path, { method: "POST" })).status, path).toBe(404);
    expect((await fetch(`${served.root}/metrics`)).status).toBe(404);
    const { code } = await served.stop();
    expect(code).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  it("metrics on their own port require a token where one is configured", async () => {
    const served = await startServe(freshPlace({ AMPHO_METRICS_LISTEN: "0", AMPHO_METRICS_TOKEN: token }));
    const url = metricsUrl(served);
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(url, { headers: bearer(token) })).status).toBe(200);
    expect((await fetch(`${served.root}/metrics`, { headers: bearer(token) })).status).toBe(404);
    await served.stop();
  });

  it("serve ends and names the port when the port of the metrics is taken", async () => {
    const first = await startServe(freshPlace({ AMPHO_METRICS_LISTEN: "0" }));
    const { port } = new URL(metricsUrl(first));
    const { code, stdout, stderr } = await command(freshPlace({ AMPHO_METRICS_LISTEN: port }), [
      "serve",
      "--port",
      "0",
    ]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`Cannot listen on 127.0.0.1, port ${port} (the port is in use).`);
    await first.stop();
  });

  it("the probe on the port of the metrics returns 503 after SIGTERM, like that of the service", async () => {
    const served = await startServe(freshPlace({ AMPHO_METRICS_LISTEN: "0", AMPHO_SHUTDOWN_DELAY: "60" }));
    const { origin } = new URL(metricsUrl(served));
    const first = served.stop();
    await vi.waitFor(async () => expect((await fetch(`${origin}/readyz`)).status).toBe(503), { timeout: 60_000 });
    await served.stop("SIGINT");
    await first;
  });

  it("successful readings leave no line in the log, and rejected ones leave one each", async () => {
    const served = await startServe(freshPlace({ AMPHO_METRICS_LISTEN: "0" }));
    const url = metricsUrl(served);
    for (let times = 0; times < 3; times++) await (await fetch(url)).text();
    expect((await fetch(url, { method: "DELETE" })).status).toBe(405);
    await expect
      .poll(() => served.entries().map(({ method, route, status }) => [method, route, status]))
      .toEqual([["DELETE", "/metrics", 405]]);
    await served.stop();
  });
});

describe("metrics on the port of the service", () => {
  it("metrics on the port of the service require the whole token", async () => {
    const served = await startServe(freshPlace({ AMPHO_METRICS_TOKEN: token }));
    const url = `${served.root}/metrics`;
    const ask = async (authorization?: string, method = "GET") => {
      const response = await fetch(url, { method, headers: authorization === undefined ? {} : { authorization } });
      const { error } = response.status === 200 ? {} : await response.json();
      return [response.status, error, response.headers.get("www-authenticate")];
    };
    const realm = 'Bearer realm="ampho"';
    expect(await ask()).toEqual([401, "missing_token", realm]);
    expect(await ask(`Basic ${token}`)).toEqual([401, "missing_token", realm]);
    for (const wrong of [token.slice(1), `${token}x`, token.toUpperCase(), "", "ä"])
      expect(await ask(`Bearer ${wrong}`), wrong).toEqual([401, "invalid_token", `${realm}, error="invalid_token"`]);
    expect(await ask(`Bearer ${token}`)).toEqual([200, undefined, null]);
    expect((await fetch(`${url}?access_token=${token}`)).status).toBe(401);
    expect((await ask(`Bearer ${token}`, "POST")).slice(0, 2)).toEqual([405, "method_not_allowed"]);
    const two = `Authorization: Bearer ${token}\r\n`.repeat(2);
    expect((await sendRaw(served.port, `GET /metrics HTTP/1.1\r\nHost: x\r\n${two}\r\n`)).status).toBe(400);
    const head = await fetch(url, { method: "HEAD", headers: bearer(token) });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    await served.stop();
  });

  it("the token of a user does not open the metrics", async () => {
    const place = freshPlace({ AMPHO_METRICS_TOKEN: token });
    await addUser(place);
    const served = await startServe(place);
    const grant = await logIn(served);
    expect((await fetch(`${served.root}/metrics`, { headers: bearer(grant.token) })).status).toBe(401);
    const response = await fetch(`${served.root}/metrics`, { headers: bearer(token) });
    expect(familiesOf(await response.text()).get("ampho_flow_duration_seconds")).toBe("histogram");
    await served.stop();
  });

  it("a metrics token that an attacker could guess is a wrong value, and is not printed", async () => {
    const { code, stderr } = await command(freshPlace({ AMPHO_METRICS_TOKEN: "short-one" }), ["serve"]);
    expect([code, stderr.includes("AMPHO_METRICS_TOKEN"), stderr.includes("short-one")]).toEqual([2, true, false]);
  });
});
