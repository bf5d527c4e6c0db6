// POST /token with a token exchange (RFC 8693): a service that was called with the token of a user calls another one.
import { expect, it } from "vitest";
import { onBothDatabases } from "../gate/owners.js";
import { basic, type Service, serviceOf } from "../service-accounts/services.js";
import type { ReadResponse } from "../world/ampho.js";
import {
  askGuard,
  type Connect,
  claimsOf,
  codeOf,
  connected,
  files,
  mcp,
  newVerifier,
  openConnect,
  outcomeOf,
  readers,
  redirect,
  renew,
  signIn,
  writers,
} from "./connections.js";

const grantType = "urn:ietf:params:oauth:grant-type:token-exchange";
const accessTokenType = "urn:ietf:params:oauth:token-type:access_token";
const resources = [
  { resource: mcp, scopes: ["articles:read", "articles:write"] },
  { resource: files, scopes: ["articles:read"] },
];

type More = Readonly<Record<string, string>>;

function exchange({ world, id, key }: Service, token: string, more: More = {}): Promise<ReadResponse> {
  const form = { grant_type: grantType, subject_token: token, subject_token_type: accessTokenType, resource: files };
  return world.call("POST", "/token", { form: { scope: "articles:read", ...form, ...more }, headers: basic(id, key) });
}

const tokenOf = ({ json, text }: ReadResponse): string => {
  if (typeof json["access_token"] !== "string") throw new Error(text);
  return json["access_token"];
};

onBothDatabases((ground) => {
  async function open(has: readonly string[] = ["articles:read", "articles:write", "ampho:exchange"]) {
    const connect: Connect = await openConnect({ ground, options: { resources, tokenEndpoint: true } });
    return { connect, world: connect.world, service: await serviceOf(connect.world, "backend", has) };
  }
  const inFiles = { ...readers, resource: files };
  const ofMcp = { query: { resource: mcp } };

  it("a service exchanges the token of a session and of a connection for one of its own, with less", async () => {
    const { connect, world, service } = await open();
    const { access } = await connected(connect, ofMcp);
    for (const [subject, act] of [
      [connect.bearer, { sub: service.id, name: "backend" }],
      [access, { sub: service.id, name: "backend", act: { sub: connect.client, name: "reader" } }],
    ] as const) {
      const response = await exchange(service, subject);
      expect(response.json).toEqual({
        access_token: expect.any(String),
        issued_token_type: accessTokenType,
        token_type: "Bearer",
        expires_in: 300,
        scope: "articles:read",
      });
      const token = tokenOf(response);
      const { sub, sid, gen, login, auth_time, amr, acr } = claimsOf(subject);
      const now = world.clock.now();
      expect(claimsOf(token)).toEqual({
        iss: "https://app.example",
        aud: files,
        client_id: service.id,
        act,
        scope: "articles:read",
        sub,
        sid,
        gen,
        login,
        auth_time,
        amr,
        acr,
        jti: expect.any(String),
        iat: now,
        nbf: now,
        exp: now + 300,
      });
      const live = { ...inFiles, live: true };
      expect(await askGuard(world, token, live)).toMatchObject({
        credential: "delegated",
        login: "alice",
        roles: [],
        actor: { id: service.id, name: "backend" },
      });
      expect(await askGuard(world, token, { ...writers, resource: files })).toBe("insufficient_scope");
      expect(await askGuard(world, token, { ...readers, resource: mcp })).toBe("invalid_token");
      expect(await askGuard(world, token, {})).toBe("invalid_token");
    }
    expect((await world.events()).filter((event) => event === "token_exchanged")).toHaveLength(2);
  });

  it("the new token lives no longer than the subject token, and an expired one is rejected", async () => {
    const { connect, world, service } = await open();
    world.clock.advance(800);
    const response = await exchange(service, connect.bearer);
    expect(response.json["expires_in"]).toBe(100);
    expect(claimsOf(tokenOf(response))["exp"]).toBe(claimsOf(connect.bearer)["exp"]);
    // A guard still takes it for a moment.
    world.clock.advance(101);
    expect(outcomeOf(await exchange(service, connect.bearer))).toEqual([400, "invalid_request"]);
  });

  it("M-96: an exchanged token and one that has ended are not exchanged, and every token of the chain ends", async () => {
    const { connect, world, service } = await open();
    const other = await serviceOf(world, "other", ["articles:read", "ampho:exchange"]);
    const { access, refresh } = await connected(connect, ofMcp);
    for (const subject of [connect.bearer, access]) {
      const token = tokenOf(await exchange(service, subject));
      for (const by of [service, other]) expect(outcomeOf(await exchange(by, token))).toEqual([400, "invalid_request"]);
      // A token that was exchanged ends nothing.
      expect((await world.call("POST", "/revoke", { form: { token } })).status).toBe(200);
      expect(await askGuard(world, token, inFiles)).toMatchObject({ login: "alice" });
    }
    const [ofConnection, ofSession] = [await exchange(service, access), await exchange(service, connect.bearer)].map(
      tokenOf,
    );
    await world.call("POST", "/revoke", { form: { token: refresh } });
    expect(outcomeOf(await exchange(service, access))).toEqual([400, "invalid_request"]);
    expect(await askGuard(world, ofConnection ?? "", inFiles)).toBe("invalid_token");
    expect(await askGuard(world, ofSession ?? "", inFiles)).toMatchObject({ login: "alice" });
    await world.call("POST", "/logout", { bearer: connect.bearer });
    expect(outcomeOf(await exchange(service, connect.bearer))).toEqual([400, "invalid_request"]);
    expect(await askGuard(world, ofSession ?? "", inFiles)).toBe("invalid_token");
  });

  it("M-96: a service to which users connect exchanges its own token once", async () => {
    const { connect, world } = await open();
    const scopes = ["articles:read", "ampho:exchange"];
    const client = { redirects: [redirect], userScopes: ["articles:read"], public: false };
    const { id } = await world.ampho.services.add({ name: "agent", scopes, client });
    const { key } = await world.ampho.services.createApiKey("agent");
    const verifier = newVerifier();
    const code = await codeOf({ ...connect, client: id }, verifier, ofMcp);
    const form = { grant_type: "authorization_code", redirect_uri: redirect, code, code_verifier: verifier };
    const own = tokenOf(await world.call("POST", "/token", { form, headers: basic(id, key) }));
    const agent = { world, id, key, keyId: "" };
    const token = tokenOf(await exchange(agent, own));
    expect(outcomeOf(await exchange(agent, token))).toEqual([400, "invalid_request"]);
  });

  it("M-96: a row that has ended counts before the process knows of its revocation", async () => {
    const { connect, world, service } = await open();
    const { access } = await connected(connect, ofMcp);
    for (const table of ["sessions", "connections"])
      await ground.sql(world, `update ampho_${table} set ended_at = ${world.clock.now()}, delete_after = 1`);
    for (const subject of [connect.bearer, access])
      expect(outcomeOf(await exchange(service, subject))).toEqual([400, "invalid_request"]);
  });

  it("M-22: nothing but an access token of a session or of a connection is a subject", async () => {
    const { connect, world, service } = await open();
    const { refresh } = await connected(connect, ofMcp);
    const { json } = await world.call("POST", "/login", { body: { login: "alice", password: "Rw4-tangerine-cliff" } });
    const own = await world.call("POST", "/token", {
      form: { grant_type: "client_credentials", resource: files },
      headers: basic(service.id, service.key),
    });
    for (const wrong of [refresh, String(json["refresh_token"]), service.key, tokenOf(own), "x", `${connect.bearer}x`])
      expect(outcomeOf(await exchange(service, wrong))).toEqual([400, "invalid_request"]);
    for (const more of [
      { subject_token_type: "urn:ietf:params:oauth:token-type:refresh_token" },
      { requested_token_type: "urn:ietf:params:oauth:token-type:id_token" },
      { actor_token: connect.bearer },
      { audience: files },
      { scope: "" },
    ])
      expect(outcomeOf(await exchange(service, connect.bearer, more)), JSON.stringify(more)).toEqual([
        400,
        more.scope === "" ? "invalid_scope" : "invalid_request",
      ]);
    for (const resource of ["https://api.example/other", `${files}?x=1`])
      expect(outcomeOf(await exchange(service, connect.bearer, { resource }))).toEqual([400, "invalid_target"]);
  });

  it("M-23: no scope comes that the user, the subject token, the service or the resource lacks", async () => {
    const { connect, world, service } = await open();
    const reader = await serviceOf(world, "narrow", ["articles:read", "articles:delete", "ampho:exchange"]);
    const { access } = await connected(connect, { query: { resource: mcp, scope: "articles:read" } });
    const both = "articles:read articles:write";
    for (const [by, subject, scope, resource] of [
      [service, connect.bearer, both, files],
      [service, access, both, mcp],
      [reader, connect.bearer, both, mcp],
      [reader, connect.bearer, "articles:delete", mcp],
      [service, connect.bearer, "ampho:exchange", mcp],
      [service, connect.bearer, "", mcp],
      [service, connect.bearer, "*", mcp],
    ] as const)
      expect(outcomeOf(await exchange(by, subject, { scope, resource })), scope).toEqual([400, "invalid_scope"]);
    expect((await exchange(service, connect.bearer, { scope: both, resource: mcp })).json["scope"]).toBe(both);
    // A role that a user gets later is not in the older token. One that she loses is in no exchange.
    await world.ampho.users.setRoles("alice", { add: ["admin"] });
    expect(outcomeOf(await exchange(reader, connect.bearer, { scope: "articles:delete", resource: mcp }))).toEqual([
      400,
      "invalid_scope",
    ]);
  });

  it("M-24: a service needs the scope ampho:exchange, and proves itself", async () => {
    const { connect, world, service } = await open();
    const plain = await serviceOf(world, "plain", ["articles:read"]);
    expect(outcomeOf(await exchange(plain, connect.bearer))).toEqual([400, "unauthorized_client"]);
    const form = { grant_type: grantType, subject_token: connect.bearer, subject_token_type: accessTokenType };
    const named = { ...form, scope: "articles:read", resource: files };
    for (const client_id of [service.id, connect.client, "svc_unknown"])
      expect(outcomeOf(await world.call("POST", "/token", { form: { ...named, client_id } }))).toEqual([
        401,
        "invalid_client",
      ]);
    await world.ampho.services.setScopes("backend", ["articles:read"]);
    expect(outcomeOf(await exchange(service, connect.bearer))).toEqual([400, "unauthorized_client"]);
    await world.ampho.services.disable("backend");
    expect(outcomeOf(await exchange(service, connect.bearer))).toEqual([401, "invalid_client"]);
  });

  it("M-25: a token that was exchanged while its session ends is rejected", async () => {
    const { connect, world, service } = await open();
    for (let turn = 0; turn < 5; turn += 1) {
      const bearer = await signIn(world);
      const [response] = await Promise.all([exchange(service, bearer), world.call("POST", "/logout", { bearer })]);
      const token = response.json["access_token"];
      if (typeof token === "string") expect(await askGuard(world, token, inFiles)).toBe("invalid_token");
    }
    const token = tokenOf(await exchange(service, connect.bearer));
    await world.ampho.users.disable("alice");
    expect(await askGuard(world, token, inFiles)).toBe("invalid_token");
  });

  it("M-26: an exchanged token opens nothing of Ampho, and renews nothing", async () => {
    const { connect, world, service } = await open();
    const { access } = await connected(connect, ofMcp);
    for (const subject of [connect.bearer, access]) {
      const token = tokenOf(await exchange(service, subject));
      for (const [method, path] of [
        ["POST", "/renew"],
        ["POST", "/logout"],
        ["GET", "/sessions"],
        ["GET", "/account"],
        ["GET", "/connections"],
      ] as const)
        expect((await world.call(method, path, { bearer: token })).status, path).not.toBeLessThan(400);
      expect(outcomeOf(await renew(connect, token))).toEqual([400, "invalid_grant"]);
    }
    expect((await world.call("GET", "/session", { bearer: connect.bearer })).status).toBe(200);
  });
});
