// Attacks by strange inputs: names of prototypes, repeated members, other bodies, spellings of redirect URIs, injection.
import { expect, it } from "vitest";
import { tokenVerifier } from "../../dist/mcp.js";
import { openWorld, password } from "../world/ampho.js";
import {
  addClient,
  askGuard,
  challengeOf,
  codeOf,
  connected,
  consent,
  newVerifier,
  openConnect,
  outcomeOf,
  queryOf,
  redeem,
  redirect,
  renew,
  settings,
  show,
  signIn,
  tokensOf,
} from "./connections.js";

const protos = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "prototype"];

it("the names of prototypes are no scopes, grants, members or languages", async () => {
  const connect = await openConnect();
  const { world, client, bearer } = connect;
  for (const name of protos) {
    const scoped = await show(connect, queryOf(client, newVerifier(), { scope: name }));
    expect(outcomeOf(scoped), name).toEqual([400, "invalid_scope"]);
    const more = await show(connect, `${queryOf(client, newVerifier())}&${name}=x`);
    expect(more.status, name).toBe(200);
    const verifier = newVerifier();
    const query = `${queryOf(client, verifier)}&${name}=x`;
    const shown = await show(connect, query);
    world.clock.advance(1);
    const body = { query, transaction: shown.json["transaction"], allow: true, [name]: "x" };
    const text = `{"${name}":{"allow":true},${JSON.stringify(body).slice(1)}`;
    const said = await world.ampho.fetch(
      new Request("http://localhost/api/security/connect", {
        method: "POST",
        headers: { Authorization: `Bearer ${bearer}`, "Content-Type": "application/json" },
        body: text,
      }),
    );
    expect([200, 400]).toContain(said.status);
    expect(outcomeOf(await world.call("POST", "/token", { form: { grant_type: name, client_id: client } }))).toEqual([
      400,
      "unsupported_grant_type",
    ]);
    expect((await world.call("GET", `/authorize?${name}=x`)).status).toBe(404);
    const lang = await world.call("GET", `/connect?${queryOf(client, newVerifier())}`, {
      bearer,
      headers: { "Accept-Language": name },
    });
    expect(lang.status).toBe(200);
    expect(JSON.stringify(lang.json)).toContain("Write articles");
  }
});

it("forms with repeated members, JSON, huge and broken inputs at /token", async () => {
  const connect = await openConnect();
  const { world, client } = connect;
  const verifier = newVerifier();
  const code = await codeOf(connect, verifier);
  const form = `grant_type=authorization_code&client_id=${client}&code=${code}&code_verifier=${verifier}&redirect_uri=${encodeURIComponent(redirect)}`;
  for (const name of ["grant_type", "client_id", "code", "code_verifier", "redirect_uri", "resource", "scope"])
    for (const value of ["", "x", encodeURIComponent(redirect)])
      expect((await world.call("POST", "/token", { form: `${form}&${name}=a&${name}=${value}` })).status).toBe(400);
  expect((await world.call("POST", "/token", { body: Object.fromEntries(new URLSearchParams(form)) })).status).toBe(
    415,
  );
  expect((await world.call("POST", `/token?${form}`, {})).status).toBeGreaterThanOrEqual(400);
  for (const value of ["x".repeat(300), "x".repeat(100_000), "\0", "\ud800", "%00", "é".repeat(200)])
    for (const name of ["code", "code_verifier", "redirect_uri", "client_id", "refresh_token", "scope", "resource"]) {
      const members = new URLSearchParams(form);
      members.set(name, value);
      if (name === "refresh_token") members.set("grant_type", "refresh_token");
      const { status } = await world.call("POST", "/token", {
        form: members.toString(),
        address: `198.51.100.${value.length % 200}`,
      });
      // A scope that is unknown is decided at the end.
      if (name !== "scope" && name !== "refresh_token")
        expect([400, 401, 413, 429], `${name} ${value.length}`).toContain(status);
      expect(status).toBeLessThan(500);
    }
});

it("M-71: spellings of redirect URIs", async () => {
  const loop = "http://127.0.0.1/cb";
  const connect = await openConnect({ redirects: [redirect, loop, "com.example.app:/cb"] });
  const wrong = [
    "https://reader.example/callback/",
    "https://reader.example/callback?",
    "https://reader.example/callback#",
    "https://reader.example/callback%20",
    "https://reader.example/callback\n",
    "https://reader.example/callback\t",
    " https://reader.example/callback",
    "https://reader.example:443/callback",
    "https://READER.example/callback",
    "https://reader.example./callback",
    "https://reader.example/x/../callback",
    "https://reader.example/%63allback",
    "https://reader.example\\@evil.example/callback",
    "https://evil.example@reader.example/callback",
    "https://reader.example@evil.example/callback",
    "https:/reader.example/callback",
    "https:reader.example/callback",
    "//reader.example/callback",
    "http://reader.example/callback",
    "http://127.0.0.1:0/cb",
    "http://127.0.0.1:65536/cb",
    "http://127.0.0.1:08/cb",
    "http://127.0.0.1:80/cb",
    "http://127.0.0.1:/cb",
    "http://127.0.0.1:8080@evil.example/cb",
    "http://127.0.0.1:8080.evil.example/cb",
    "http://127.1/cb",
    "http://0x7f.1/cb",
    "http://2130706433/cb",
    "http://localhost/cb",
    "http://[::1]/cb",
    "http://127.0.0.2/cb",
    "https://127.0.0.1/cb",
    "http://127.0.0.1/cb?x=1",
    "http://127.0.0.1:8080/../cb",
    "http://127.0.0.1:8080//cb",
    "com.example.app:/cb/",
    "com.example.app://cb",
    "COM.example.app:/cb",
    "javascript:alert(1)",
  ];
  for (const uri of wrong)
    expect((await show(connect, queryOf(connect.client, newVerifier(), { redirect_uri: uri }))).status, uri).toBe(404);
  const started = await connect.world.call(
    "GET",
    `/authorize?${queryOf(connect.client, newVerifier(), { redirect_uri: "https://evil.example/", response_type: "x" })}`,
  );
  expect([started.status, started.headers.get("location")]).toEqual([404, null]);
  expect((await consent(connect, newVerifier(), { query: { redirect_uri: "http://127.0.0.1:8080/cb" } })).status).toBe(
    200,
  );
});

it("a registration takes no redirect URI that runs in the page or has a member of the response", async () => {
  const world = await openWorld(settings);
  for (const uri of [
    "javascript:/alert(1)",
    "javascript://x%0aalert(1)",
    "JaVaScRiPt:/a",
    "data:/a",
    "blob:/a",
    "vbscript:/a",
    "https://a.example/?code=1",
    "https://a.example/?%63ode=1",
    "https://a.example/?a=1&iss=x",
    "https://a.example/?error=",
    "https://a.example/?st%61te=x",
    "https://*.example/",
    "https://a.example/*",
    "http://a.example/",
    "http://localhost.evil.example/",
    "http://127.0.0.1.evil.example/",
    "http://127.0.0.1:80a/",
    "https://a.example",
    "https://ä.example/",
    "https://a.example/\u202e",
    "https://u:p@a.example/",
  ])
    await expect(
      world.ampho.services.add({ name: "x", scopes: [], client: { redirects: [uri], userScopes: ["articles:read"] } }),
      uri,
    ).rejects.toMatchObject({ code: "invalid_request" });
});

it("M-70: a state breaks out of no response, and cannot set iss or code", async () => {
  const connect = await openConnect();
  for (const state of [
    "a&iss=https://evil.example&code=x",
    "\r\nSet-Cookie: a=b",
    "#frag",
    "a b+c%20",
    "é\u2028",
    "\ud800",
  ]) {
    const said = await consent(connect, newVerifier(), { query: { state } });
    const location = String(said.json["location"]);
    expect(/^[!-~]+$/.test(location)).toBe(true);
    expect(location.includes("#")).toBe(false);
    const members = new URL(location).searchParams;
    expect(members.getAll("iss")).toEqual(["https://app.example"]);
    expect(members.getAll("code")).toHaveLength(1);
    expect(members.get("state")).toBe(new URLSearchParams(new URLSearchParams({ state }).toString()).get("state"));
    const begun = await connect.world.call(
      "GET",
      `/authorize?${queryOf(connect.client, newVerifier(), { state, prompt: "none" })}`,
    );
    const header = begun.headers.get("location") ?? "";
    expect(/^[!-~]+$/.test(header)).toBe(true);
    expect(new URL(header).searchParams.getAll("iss")).toEqual(["https://app.example"]);
  }
});

it("M-98: no header of a request chooses a URL", async () => {
  const connect = await openConnect();
  const headers = { Host: "evil.example", "X-Forwarded-Host": "evil.example", Forwarded: "host=evil.example" };
  const url = "http://evil.example/.well-known/oauth-authorization-server";
  const meta = await (await connect.world.ampho.fetch(new Request(url, { headers }))).text();
  expect(meta).not.toContain("evil");
  const asked = await connect.world.ampho.fetch(
    new Request(`http://evil.example/api/security/authorize?${queryOf(connect.client, newVerifier())}`, {
      headers,
      redirect: "manual",
    }),
  );
  expect(asked.headers.get("location")).not.toContain("evil");
});

it("tokens of one kind are taken nowhere as another kind", async () => {
  const connect = await openConnect({ options: { tokenEndpoint: true, apiKeys: 5 } });
  const { world, client, bearer } = connect;
  const { access, refresh } = await connected(connect);
  const other = await addClient(world, "other", { isPublic: false });
  const secret = await addClient(world, "secret", { isPublic: false });
  const { key } = await world.ampho.services.createApiKey("other");
  const { key: own } = await world.ampho.services.createApiKey("secret");
  const { json } = await world.call("POST", "/api-keys", { bearer, body: { name: "x", scopes: ["articles:read"] } });
  const verifier = newVerifier();
  const code = await codeOf({ ...connect, client: secret }, verifier);
  const at = { world, client: secret };
  for (const more of [
    {},
    { client_secret: key },
    { client_secret: String(json["key"]) },
    { client_secret: bearer },
    { client_secret: access },
    { client_secret: "" },
    { client_id: other, client_secret: key },
    { client_id: "secret", client_secret: own },
    { client_secret: own, client_assertion: "x" },
    { client_assertion_type: "x" },
  ])
    expect((await redeem(at, code, verifier, { more })).status, JSON.stringify(more)).toBeGreaterThanOrEqual(400);
  const basic = { Authorization: `Basic ${Buffer.from(`${secret}:${own}`).toString("base64")}` };
  expect(
    (await redeem(at, code, verifier, { headers: { Authorization: `Bearer ${own}` } })).status,
  ).toBeGreaterThanOrEqual(400);
  const tokens = tokensOf(await redeem(at, code, verifier, { headers: basic }));
  expect((await renew(at, tokens.refresh)).status).toBe(401);
  expect((await renew({ world, client: other }, tokens.refresh, { more: { client_secret: key } })).status).toBe(400);
  expect((await renew(at, tokens.refresh, { headers: basic })).status).toBe(200);
  // A public client gets no token of a service.
  expect(
    (await world.call("POST", "/token", { form: { grant_type: "client_credentials", client_id: client } })).status,
  ).toBe(401);
  expect(
    (
      await world.call("POST", "/token", {
        form: { grant_type: "client_credentials", client_id: client, scope: "articles:read" },
      })
    ).status,
  ).toBe(401);
  for (const path of [
    "/renew",
    "/logout",
    "/sessions",
    "/account",
    "/totp",
    "/password",
    "/api-keys",
    "/passkeys/options",
  ]) {
    for (const token of [access, refresh])
      for (const method of ["GET", "POST", "DELETE"]) {
        const { status } = await world.call(method, path, { bearer: token, ...(method === "POST" && { body: {} }) });
        expect(status, `${method} ${path}`).toBeGreaterThanOrEqual(400);
      }
  }
  const request = async (requirements: object) => askGuard(world, access, requirements);
  for (const requirements of [
    {},
    { scopes: ["articles:read"] },
    { roles: ["editor"] },
    { can: () => true },
    { live: true },
  ])
    expect(await request(requirements)).toBe("credential_not_accepted");
  expect(await request({ credentials: ["delegated"], roles: ["editor"], can: () => true })).toBe("insufficient_scope");
  expect(challengeOf("x")).toHaveLength(43);
});

it("the MCP verifier takes no token of another resource, and none of a connection without one", async () => {
  const mcp = "https://api.example/mcp";
  const files = "https://api.example/files";
  const resources = [{ resource: mcp }, { resource: files }];
  const connect = await openConnect({ options: { resources } });
  const { access } = await connected(connect, { query: { resource: files } });
  const own = await connected(connect, { query: { resource: mcp } });
  const verifier = tokenVerifier(connect.world.ampho, { credentials: ["delegated"], resource: mcp });
  await expect(verifier.verifyAccessToken(access)).rejects.toThrow();
  await expect(verifier.verifyAccessToken(own.access)).resolves.toMatchObject({ clientId: connect.client });
  await expect(verifier.verifyAccessToken(own.refresh)).rejects.toThrow();
  await expect(verifier.verifyAccessToken(connect.bearer)).rejects.toThrow();
  const plain = tokenVerifier(connect.world.ampho, { resource: mcp });
  await expect(plain.verifyAccessToken(own.access)).rejects.toThrow();
});

it("M-98: strangers write no row", async () => {
  const connect = await openConnect({ options: { throttleAddress: 0 } });
  const { world, client } = connect;
  const count = async () => (await world.ampho.audit.list({ limit: 10_000 })).length;
  const { refresh } = await connected(connect);
  const before = await count();
  for (let at = 0; at < 30; at += 1) {
    await redeem(connect, `wrong${at}`, newVerifier());
    await renew(connect, `${refresh}${at}`);
    await renew({ world, client: `svc_${"x".repeat(22)}` }, refresh);
    await world.call("GET", `/authorize?${queryOf(client, newVerifier())}`);
    await world.call("POST", "/revoke", { form: { token: `${refresh}${at}` } });
  }
  expect(await count()).toBe(before);
});

it("two users of one client have nothing of each other", async () => {
  const connect = await openConnect();
  const { world, client } = connect;
  const alice = await connected(connect);
  const { id } = await world.ampho.users.create({ login: "bob", password, roles: [] });
  const bob = { world, client, userId: id, bearer: await signIn(world, "bob") };
  const bobs = await connected(bob);
  expect(await askGuard(world, bobs.access, { credentials: ["delegated"], scopes: ["articles:write"] })).toBe(
    "insufficient_scope",
  );
  const shown = await show(bob, queryOf(client, newVerifier(), { scope: "articles:read articles:write" }));
  expect(shown.json["scopes"]).toMatchObject([{ name: "articles:read", new: false }]);
  await world.ampho.users.remove({ login: "bob" });
  expect(await askGuard(world, bobs.access)).toBe("invalid_token");
  expect((await renew(connect, bobs.refresh)).status).toBe(400);
  expect(await askGuard(world, alice.access)).toMatchObject({ login: "alice" });
});
