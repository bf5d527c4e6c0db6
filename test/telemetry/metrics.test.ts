// The metrics of an instance: every decision by its reason, and no sent data.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { problems } from "../../dist/http/rest/responses/problems.js";
import { routes } from "../../dist/http/rest/routes.js";
import { guardResults, histograms } from "../../dist/telemetry/definitions.js";
import { generateApiKey } from "../../dist/tokens/api-key.js";
import { connected, openConnect, renew, tokensOf } from "../connect/connections.js";
import { admission, openWorld, password, type World } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { freshFolder } from "../world/folder.js";
import { newKey, sessionOf } from "../world/tokens.js";
import { familiesOf, samplesOf } from "./reading.js";

const reading = ({ ampho }: World) => samplesOf(ampho.metrics());

/** Returns the changes of the named families between two readings. */
function moved(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>, ...names: readonly string[]) {
  const changed = [...after].filter(([name, value]) => value !== (before.get(name) ?? 0));
  return changed
    .filter(([name]) => names.some((wanted) => name.startsWith(wanted)))
    .map(([name, value]) => `${name} ${value - (before.get(name) ?? 0)}`)
    .sort();
}

describe("every decision is counted by its reason:", () => {
  it("a login counts its attempts, its flow and its wait for a thread", async () => {
    const world = await openWorld({ throttleAttempts: 2 });
    await world.user("alice", { password });
    const before = reading(world);
    await world.login("alice");
    for (let tries = 0; tries < 3; tries++)
      await world.call("POST", "/login", { body: { login: "bob", password: "wrong" } });
    const names = [
      "ampho_flows_total",
      "ampho_attempts_total",
      "ampho_flow_duration_seconds_count",
      "ampho_hash_wait_seconds_count",
    ];
    expect(moved(before, reading(world), ...names)).toEqual([
      'ampho_attempts_total{outcome="allowed"} 3',
      'ampho_attempts_total{outcome="login"} 1',
      'ampho_flow_duration_seconds_count{flow="login"} 1',
      'ampho_flows_total{flow="login",result="invalid_credentials"} 2',
      'ampho_flows_total{flow="login",result="ok"} 1',
      'ampho_flows_total{flow="login",result="too_many_attempts"} 1',
      "ampho_hash_wait_seconds_count 3",
    ]);
  });

  it("renewals, and among them a token that was used before", async () => {
    const world = await openWorld();
    const first = await world.session(await world.user("alice"));
    const before = reading(world);
    await world.renew(first.refresh_token);
    await world.renew(first.refresh_token);
    world.clock.advance(11);
    await world.renew(first.refresh_token);
    await world.renew("x.y.z");
    expect(
      moved(before, reading(world), "ampho_flows_total", "ampho_renewals_total", "ampho_revocations_total"),
    ).toEqual([
      'ampho_flows_total{flow="renew",result="invalid_token"} 1',
      'ampho_flows_total{flow="renew",result="ok"} 2',
      'ampho_flows_total{flow="renew",result="session_ended"} 1',
      'ampho_renewals_total{outcome="renewed"} 1',
      'ampho_renewals_total{outcome="repeated"} 1',
      'ampho_renewals_total{outcome="replayed"} 1',
      'ampho_revocations_total{kind="session"} 1',
    ]);
  });

  it("the tokens of connected applications, and among them one that was used again", async () => {
    const connect = await openConnect();
    const { world } = connect;
    const before = reading(world);
    const from = { address: "192.0.2.1" };
    const { refresh } = await connected(connect);
    const next = tokensOf(await renew(connect, refresh, from));
    await renew(connect, refresh, from);
    await renew(connect, refresh, { address: "203.0.113.1" });
    world.clock.advance(100);
    await renew(connect, refresh, { address: "203.0.113.1" });
    await renew(connect, next.refresh, from);
    const removed = await connected(connect);
    await world.ampho.services.setClient("reader", undefined);
    await renew(connect, removed.refresh, from);
    expect(moved(before, reading(world), "ampho_connection_tokens_total")).toEqual([
      'ampho_connection_tokens_total{outcome="redeemed"} 2',
      'ampho_connection_tokens_total{outcome="rejected"} 1',
      'ampho_connection_tokens_total{outcome="renewed"} 1',
      'ampho_connection_tokens_total{outcome="repeated"} 2',
      'ampho_connection_tokens_total{outcome="replayed"} 1',
    ]);
  });

  it("the guard counts its decisions for every caller, with and without a promise", async () => {
    const world = await openWorld();
    const { token } = await world.session(await world.user("alice"));
    const before = reading(world);
    const { guard } = world.ampho.host;
    await guard(`Bearer ${token}`, undefined, null);
    await guard(`Bearer ${token}`, { live: true }, null);
    await guard(undefined, { optional: true }, null);
    expect(() => guard(undefined, undefined, null)).toThrow();
    expect(() => guard(`Bearer ${token}`, { roles: ["admin"] }, null)).toThrow();
    await expect(guard(`Bearer ${token}`, { can: async () => false }, null)).rejects.toThrow();
    expect(() =>
      guard(
        `Bearer ${token}`,
        {
          can: () => {
            throw new Error("of the application");
          },
        },
        null,
      ),
    ).toThrow("of the application");
    expect(await admission(world.ampho, token)).toBe("in");
    expect(await admission(world.ampho, `${token}x`)).toBe("invalid_token");
    expect((await world.call("GET", "/session")).status).toBe(401);
    expect(moved(before, reading(world), "ampho_guard")).toEqual([
      'ampho_guard_decisions_total{result="anonymous"} 1',
      'ampho_guard_decisions_total{result="insufficient_scope"} 2',
      'ampho_guard_decisions_total{result="internal_error"} 1',
      'ampho_guard_decisions_total{result="invalid_token"} 1',
      'ampho_guard_decisions_total{result="missing_token"} 2',
      'ampho_guard_decisions_total{result="ok"} 3',
    ]);
  });

  it("wrong API keys, until their address waits", async () => {
    const { ampho } = await openWorld({ apiKeys: 5, scopes: { "*": ["read"] }, throttleAddress: 2 });
    const wrongKey = () => {
      const request = { socket: { remoteAddress: "192.0.2.1" }, headers: {} };
      return ampho.host.guard(
        `Bearer ${generateApiKey("ampho")}`,
        { credentials: ["api_key"], scopes: ["read"] },
        request,
      );
    };
    for (const code of ["invalid_token", "invalid_token", "too_many_attempts"])
      await expect(wrongKey()).rejects.toMatchObject({ code });
    const decisions = samplesOf(ampho.metrics());
    expect(decisions.get('ampho_guard_decisions_total{result="invalid_token"}')).toBe(2);
    expect(decisions.get('ampho_guard_decisions_total{result="too_many_attempts"}')).toBe(1);
  });

  it("every code that the modules of a guard throw is a result, and no bug", () => {
    const src = path.resolve(import.meta.dirname, "../../src");
    const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) =>
      /^(?:guard|tokens|adapters)\/.*\.ts$|^throttle\/guesses\.ts$|^sessions\/follow-/.test(name),
    );
    const thrown = files.flatMap((name) =>
      [...readFileSync(path.join(src, name), "utf8").matchAll(/new AmphoError\(\s*"(\w+)"/g)].map(
        ([, code = ""]) => code,
      ),
    );
    expect(thrown.length).toBeGreaterThan(10);
    // An adapter throws it outside a guard.
    const elsewhere = ["not_found"];
    const results: readonly string[] = guardResults;
    expect(thrown.filter((code) => !results.includes(code) && !elsewhere.includes(code))).toEqual([]);
  });

  it("a page of another site that speaks with a cookie", async () => {
    const { ampho } = await openWorld({ cookies: true });
    const head = { host: "app.example", origin: "https://evil.example", cookie: "__Host-ampho-token=x.y.z" };
    const headers = new Headers(head);
    const wrapped = ampho.authorize(async () => new Response());
    const response = await wrapped(new Request("https://app.example/orders", { method: "POST", headers }));
    expect(response.status).toBe(403);
    expect(samplesOf(ampho.metrics()).get('ampho_guard_decisions_total{result="cross_site"}')).toBe(1);
  });

  it("the revocations of another instance on the same database are counted", async () => {
    const world = await openWorld();
    const grant = await world.session(await world.user("alice"));
    const other = await world.another();
    const before = reading(other);
    await world.ampho.sessions.end(sessionOf(grant));
    await expect.poll(() => admission(other.ampho, grant.token)).toBe("invalid_token");
    expect(moved(before, reading(other), "ampho_revocation")).toContain('ampho_revocations_total{kind="session"} 1');
    expect(reading(other).get("ampho_revocation_rows")).toBe(1);
  });

  it("bugs and an unreachable database are counted", async () => {
    const world = await openWorld({
      claims: () => {
        throw new Error("a bug");
      },
    });
    await world.user("alice", { password });
    const before = reading(world);
    expect((await world.call("POST", "/login", { body: { login: "alice", password } })).status).toBe(500);
    await world.ampho.close();
    expect((await world.call("POST", "/login", { body: { login: "alice", password } })).status).toBe(503);
    const names = ["ampho_internal_errors_total", "ampho_store_errors_total", "ampho_flows_total"];
    expect(moved(before, reading(world), ...names)).toEqual([
      'ampho_flows_total{flow="login",result="internal_error"} 1',
      'ampho_flows_total{flow="login",result="unavailable"} 1',
      "ampho_internal_errors_total 1",
      'ampho_store_errors_total{error_type="unavailable"} 1',
    ]);
  });
});

describe("the labels", () => {
  it("label values contain nothing that was sent, and their number is limited", async () => {
    const world = await openWorld({ throttleAttempts: 1000, throttleAddress: 0 });
    const { token } = await world.session(await world.user("canary-user"));
    const call = async (at: number) => {
      const canary = `canary${at}`;
      const sent = {
        bearer: at % 2 === 0 ? token : canary,
        headers: { "user-agent": canary, traceparent: canary },
        address: `203.0.113.${at % 250}`,
      };
      await world.call("POST", "/login", { ...sent, body: { login: canary } });
      await world.call("GET", `/${canary}`, sent);
      await world.call("DELETE", `/sessions/${canary}`, sent);
      await world.call(`BREW${at}`, "/login", sent);
      await world.call(`BREW${at}`, `/${canary}`, sent);
      await world.call("POST", "/renew", { ...sent, body: { refresh_token: canary } });
    };
    // Long enough for what is done once in a while.
    for (let at = 0; at < 36; at++) await call(at);
    const few = reading(world).size;
    for (let at = 36; at < 60; at++) await call(at);
    expect(reading(world).size).toBe(few);
    const text = world.ampho.metrics();
    for (const sent of ["canary", "BREW", "203.0.113", token]) expect(text).not.toContain(sent);
  });

  it("the listed statuses of requests contain those of every route and every error", () => {
    const listed = histograms.httpSeconds.labels["http.response.status_code"];
    for (const { status } of [...routes, ...Object.values(problems)]) expect(listed).toContain(String(status));
  });

  it("labels of requests are patterns and methods of routes", async () => {
    const world = await openWorld();
    await world.call("PUT", "/login");
    await world.ampho.fetch(new Request("http://127.0.0.1/api/security/openapi.json", { method: "HEAD" }));
    await world.call("DELETE", "/sessions/x");
    await world.call("GET", "/nowhere");
    const counts = [...reading(world).keys()].filter((name) =>
      name.startsWith("ampho_http_request_duration_seconds_count"),
    );
    expect(counts.map((name) => [...name.matchAll(/="([^"]*)"/g)].map(([, value]) => value).join(" "))).toEqual([
      "_OTHER /login 405",
      "HEAD /openapi.json 200",
      "DELETE /sessions/{id} 401",
      "_OTHER _OTHER 404",
    ]);
  });
});

it("gauges say how things stand", async () => {
  const world = await openWorld();
  world.clock.advance(5);
  const samples = reading(world);
  expect(samples.get("ampho_revocation_lag_seconds")).toBeGreaterThanOrEqual(0);
  expect(samples.get("ampho_hash_threads")).toBeGreaterThan(0);
  for (const name of ["hash_busy", "hash_waiting", "hash_shed_total", "store_busy", "store_waiting", "revocation_rows"])
    expect(samples.get(`ampho_${name}`), name).toBe(0);
  expect([...samples.keys()].some((name) => /^ampho_build_info\{version="\d[^"]*",node="\d[^"]*"\}$/.test(name))).toBe(
    true,
  );
});

it("the age of the signing key is a metric if its set contains the time", async () => {
  const age = async (more: object) => {
    const world = await openWorld({ key: { ...newKey("one"), ...more } });
    return reading(world).get("ampho_signing_key_age_seconds");
  };
  expect(await age({ state: "current", since: start - 86_400 })).toBe(86_400);
  expect(await age({ state: "current", since: start + 10 })).toBe(0);
  for (const unknown of [{}, { since: start }, { state: "previous", since: start }, { state: "current", since: "1" }])
    expect(await age(unknown)).toBeUndefined();
});

it("a warning of /readyz is a metric while it lasts", async () => {
  const keyFile = path.join(freshFolder(), "key.json");
  const key = JSON.stringify(newKey("one"));
  writeFileSync(keyFile, key);
  const world = await openWorld({ key: undefined, keyFile });
  const warning = () => reading(world).get('ampho_warnings{warning="signing_key_file_unusable"}');
  expect(warning()).toBeUndefined();
  writeFileSync(keyFile, "{");
  await expect(world.ampho.reloadKeys()).rejects.toThrow();
  expect(warning()).toBe(1);
  writeFileSync(keyFile, key);
  await world.ampho.reloadKeys();
  expect(warning()).toBeUndefined();
});

it("two instances in one process count for themselves", async () => {
  const [one, other] = [await openWorld(), await openWorld()];
  await one.session(await one.user("alice"));
  await one.call("GET", "/session");
  expect(reading(one).get('ampho_guard_decisions_total{result="missing_token"}')).toBe(1);
  expect(reading(other).get('ampho_guard_decisions_total{result="missing_token"}')).toBe(0);
});

it("the text for an application has no metrics of the process", async () => {
  const { ampho } = await openWorld();
  expect([...familiesOf(ampho.metrics()).keys()].filter((name) => !name.startsWith("ampho_"))).toEqual([]);
});
