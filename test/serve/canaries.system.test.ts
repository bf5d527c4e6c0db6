// Secrets go through a real server and its commands. The test searches all output for them.
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { bearer } from "../world/requests.js";
import { command, freshPlace, startServe } from "../world/serve.js";

it("no secret is in the output of serve in either format, nor in the audit log or an error", async () => {
  const secrets: string[] = [];
  const plant = (name: string) => {
    const secret = `canary-${name}-${randomBytes(6).toString("hex")}`;
    secrets.push(secret);
    return secret;
  };
  const secretKey = randomBytes(32).toString("base64url");
  secrets.push(secretKey);
  const metricsToken = plant("metrics-token");
  const place = freshPlace({
    AMPHO_SECURITY_KEY: JSON.stringify({ kty: "oct", kid: "one", k: secretKey }),
    AMPHO_METRICS_TOKEN: metricsToken,
    AMPHO_SECURITY_API_KEYS: "9",
    AMPHO_SECURITY_SCOPES: '{"editor":["articles:read"]}',
  });
  const password = `${plant("password")} violet harbour`;
  const said: string[] = [];
  const run = async (args: readonly string[], stdin = "") => {
    const { stdout, stderr } = await command(place, args, stdin);
    said.push(stdout, stderr);
  };
  await run(["user-add", "alice", "--role", "editor", "--password-stdin"], password);
  await run(["user-add", "bob", "--password-stdin"], `bob ${plant("refused")}`);

  for (const format of ["json", "text"]) {
    const served = await startServe(place, "--log", format);
    const send = async (method: string, path: string, headers: Record<string, string>, body?: string) => {
      const response = await fetch(served.url + path, { method, headers, ...(body !== undefined && { body }) });
      if (response.status >= 400) said.push(await response.text(), JSON.stringify([...response.headers]));
      return response;
    };
    const json = { "content-type": "application/json" };
    const login = (body: object) => send("POST", "/login", json, JSON.stringify(body));
    const grant = await (await login({ login: "alice", password })).json();
    const renewal = JSON.stringify({ refresh_token: grant.refresh_token });
    const renewed = await send("POST", "/renew", { ...json, "idempotency-key": plant("idempotency-key") }, renewal);
    const next = await renewed.json();
    const given = [grant.token, grant.refresh_token, grant.device, next.token, next.refresh_token];
    // The last part of a token is its signature, which no other text contains.
    for (const each of given) secrets.push(each.split(".")[2]);

    await login({ login: "alice", password: plant("wrong-password"), device: grant.device });
    await login({ login: plant("password-as-login"), password: "x" });
    await login({ login: "alice", password: [plant("password-of-a-wrong-type")] });
    await login({ login: "alice", password: "x", device: plant("device") });
    await send("POST", "/login", json, `{"login":"alice","password":"${plant("broken-json")}`);
    await send("POST", "/login", { "content-type": plant("type") }, "x");
    // M-10: API keys. Their first four random characters are in the list of their owner.
    const keyOf = async (path: string, body: object) => {
      const made = await (await send("POST", path, { ...json, ...bearer(next.token) }, JSON.stringify(body))).json();
      secrets.push(made.key.slice("ampho_key_".length + 4));
      return made;
    };
    const first = await keyOf("/api-keys", { name: "Backup", scopes: ["articles:read"] });
    const { id, key } = await keyOf(`/api-keys/${first.id}/rotate`, { overlap: 3600 });
    said.push(await (await send("GET", "/api-keys", bearer(next.token))).text());
    said.push(await (await send("GET", "/account/export", bearer(next.token))).text());
    await send("GET", "/session", bearer(key));
    await send("GET", `/session?access_token=${key}`, {});
    await send("GET", "/session", { "x-api-key": key, traceparent: `00-${key}-00` });
    await send("GET", "/session", { authorization: `Basic ${btoa(key)}` });
    await send("POST", "/api-keys", { ...json, ...bearer(next.token) }, JSON.stringify({ name: "x", scopes: [key] }));
    await send("DELETE", `/api-keys/${key}`, bearer(next.token));
    await run(["api-key-inspect"], key);
    await run(["api-key-inspect", "--json"], `${key}x`);
    await run(["api-key-revoke", id]);
    await send("POST", `/login?password=${plant("query")}`, json, "{}");
    await send("GET", `/session?access_token=${next.token}`, {});
    await send("GET", `/${plant("path")}`, {});
    await send("GET", "/session", { authorization: `Basic ${plant("basic")}` });
    await send("GET", "/session", { traceparent: plant("traceparent") });
    await send("GET", "/session", { authorization: `Bearer ${plant("bearer")}` });
    await send("GET", "/session", { authorization: `Bearer ${next.token.slice(0, -2)}` });
    await send("GET", "/session", { "x-api-key": plant("header"), cookie: plant("cookie") });
    await send("POST", "/renew", json, JSON.stringify({ refresh_token: plant("refresh") }));
    const change = JSON.stringify({ password: plant("old"), new_password: plant("new") });
    await send("POST", "/password", { ...json, ...bearer(next.token) }, change);
    await send("DELETE", `/sessions/${plant("session-id")}`, bearer(next.token));
    await send("POST", "/logout", bearer(next.token));
    await send("POST", "/renew", json, renewal);
    said.push(await (await fetch(`${served.root}/metrics`, { headers: bearer(metricsToken) })).text());
    const { code, stdout, stderr } = await served.stop();
    expect([code, stderr.startsWith("{")]).toEqual([0, format === "json"]);
    said.push(stdout, stderr);
    await run(["sec-inspect-token"], `${next.token}x`);
  }
  for (const args of ["sec-public-keys", "audit-list", "audit-list --json", "user-list --json", "api-key-list alice"]) {
    await run(args.split(" "));
  }

  const all = said.join("\n");
  for (const expected of [
    "ampho_flows_total",
    "invalid_credentials",
    "wrong_password",
    "api_key_rotated",
    "/api/security/renew",
    "logout",
  ]) {
    expect(all).toContain(expected);
  }
  expect(secrets.filter((secret) => all.includes(secret))).toEqual([]);
  expect(all).not.toContain("$argon2");
});
