// Attacks on the proofs of clients, on queries, and on what a thief leaves behind.
import { sign } from "node:crypto";
import { expect, it } from "vitest";
import { codeAt, onBothDatabases, setUp } from "../gate/owners.js";
import { pair } from "../service-accounts/services.js";
import { password } from "../world/ampho.js";
import {
  addClient,
  askGuard,
  codeOf,
  connected,
  consent,
  issuer,
  newVerifier,
  openConnect,
  outcomeOf,
  queryOf,
  redeem,
  redirect,
  renew,
  settings,
  signIn,
  tokensOf,
} from "./connections.js";

const type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

function assertionOf(client: string, { kid, privateKey }: ReturnType<typeof pair>, now: number, jti: string) {
  const claims = { iss: client, sub: client, aud: issuer, exp: now + 60, iat: now, jti };
  const input = `${part({ alg: "ES256", kid })}.${part(claims)}`;
  const signature = sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return { client_assertion_type: type, client_assertion: `${input}.${signature.toString("base64url")}` };
}

onBothDatabases((ground) => {
  it("M-90: an assertion that came with a wrong code or token works no second time", async () => {
    for (const isOwn of [false, true]) {
      const one = await ground.another();
      const users = {
        find: async () => ({ id: "id of alice", login: "alice", roles: ["editor"] }),
        verify: async (_: unknown, given: string) => given === password,
      };
      const world = await one.open({ ...settings, ...(isOwn && { users }) });
      const client = await addClient(world, "reader", { isPublic: false });
      const key = pair("k1");
      await world.ampho.services.setPublicKeys("reader", { keys: [key.jwk] });
      if (!isOwn) await world.ampho.users.create({ login: "alice", password, roles: ["editor"] });
      const connect = { world, client, userId: "", bearer: await signIn(world) };
      const verifier = newVerifier();
      const code = await codeOf(connect, verifier);
      const more = (jti: string) => assertionOf(client, key, world.clock.now(), jti);
      const used = more("jti-1");
      expect(outcomeOf(await redeem(connect, "wrong", verifier, { more: used }))).toEqual([400, "invalid_grant"]);
      expect(outcomeOf(await redeem(connect, code, verifier, { more: used })), String(isOwn)).toEqual([
        401,
        "invalid_client",
      ]);
      const again = more("jti-2");
      const { refresh } = tokensOf(await redeem(connect, code, verifier, { more: again }));
      expect(outcomeOf(await renew(connect, refresh, { more: again }))).toEqual([401, "invalid_client"]);
    }
  });

  it("M-90: an assertion that came with a verifier of a wrong form works no second time", async () => {
    const connect = await openConnect({ ground, isPublic: false });
    const { world, client } = connect;
    const key = pair("k1");
    await world.ampho.services.setPublicKeys("reader", { keys: [key.jwk] });
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier);
    const used = assertionOf(client, key, world.clock.now(), "jti-1");
    expect((await redeem(connect, code, "short", { more: used })).status).toBe(400);
    expect(outcomeOf(await redeem(connect, code, verifier, { more: used }))).toEqual([401, "invalid_client"]);
  });

  it("M-72: a query of an application cannot name another page of AMPHO_APP_URL", async () => {
    const connect = await openConnect({ ground });
    const query = `${queryOf(connect.client, newVerifier())}&ampho=reset&link=stolen&to=https://evil.example`;
    const { headers } = await connect.world.call("GET", `/authorize?${query}`);
    const location = headers.get("location") ?? "";
    expect(new URL(location).searchParams.getAll("ampho")).toEqual(["connect"]);
    expect(new URL(location).searchParams.get("link")).toBeNull();
  });

  it("a first second factor ends what a thief has connected, also when the thief's session is long gone", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const thief = await signIn(world);
    const { refresh } = await connected(connect, { bearer: thief });
    expect((await world.call("POST", "/logout", { bearer: thief })).status).toBe(204);
    world.clock.advance(9 * 86_400);
    // As the housekeeping does.
    await ground.sql(world, `delete from ampho_sessions where delete_after < ${world.clock.now()}`);
    const owner = await signIn(world);
    const { secret, transaction } = await setUp(world, owner);
    const totp = codeAt(secret, world.clock.now());
    const { status } = await world.call("POST", "/totp/confirm", { bearer: owner, body: { transaction, totp } });
    expect(status).toBe(200);
    expect(outcomeOf(await renew(connect, refresh))).toEqual([400, "invalid_grant"]);
  });

  it("M-86: a client whose change failed half way loses the rest when the operator repeats it", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    await connected(connect);
    const columns = `user_id, era, login, client, resource, scopes, how, gen, rights, created_at, auth_time, amr, acr,
      renewed_at, expires_at, ends_at, access_expires, delete_after`;
    await ground.sql(
      world,
      `insert into ampho_connections (id, ${columns})
       with recursive numbers (at) as (select 1 union all select at + 1 from numbers where at < 1200)
       select '0.many' || at, ${columns} from ampho_connections, numbers where gen = 1`,
    );
    // The first transaction was committed, and the process died before the next one.
    const client = { redirects: ["https://reader.example/new"], userScopes: ["articles:read"], public: true };
    await ground.sql(
      world,
      `update ampho_services set redirects = '["https://reader.example/new"]', user_scopes = '["articles:read"]',
         ended_n = (select max(n) from ampho_connections)`,
    );
    await world.ampho.services.setClient("reader", client);
    const [row] = await ground.sql(world, "select count(*) as n from ampho_connections where ended_at is null");
    expect(Number(row?.["n"])).toBe(0);
  });

  it("live rejects the token of an own user whose new role asks for more than the yes had", async () => {
    const user = { id: "id of alice", login: "alice", roles: ["editor"] };
    const world = await ground.open({
      ...settings,
      factors: { admin: "required" },
      users: { find: async () => user, findById: async () => user, verify: async () => true },
    });
    const client = await addClient(world, "reader");
    const connect = { world, client, userId: user.id, bearer: await signIn(world) };
    const { access } = await connected(connect);
    user.roles = ["editor", "admin"];
    const live = { credentials: ["delegated"], scopes: ["articles:read"], live: true };
    const session = { live: true };
    expect(await askGuard(world, connect.bearer, session)).toBe("invalid_token");
    expect(await askGuard(world, access, live)).toBe("invalid_token");
  });

  it("scopes are shown in the language of the browser, also without mail", async () => {
    const connect = await openConnect({ ground });
    const query = queryOf(connect.client, newVerifier());
    const { json } = await connect.world.call("GET", `/connect?${query}`, {
      bearer: connect.bearer,
      headers: { "Accept-Language": "de" },
    });
    expect(JSON.stringify(json["scopes"])).toContain("Artikel schreiben");
  });

  it("metadata: an assertion for the token endpoint that it names is accepted", async () => {
    const connect = await openConnect({
      ground,
      isPublic: false,
      options: { apiUrl: "https://api.example" } as object,
    });
    const { world, client } = connect;
    const meta = await world.ampho.fetch(new Request("http://localhost/.well-known/oauth-authorization-server"));
    const { token_endpoint: endpoint } = (await meta.json()) as { token_endpoint: string };
    const key = pair("k1");
    await world.ampho.services.setPublicKeys("reader", { keys: [key.jwk] });
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier);
    const now = world.clock.now();
    const claims = { iss: client, sub: client, aud: endpoint, exp: now + 60, iat: now, jti: "j" };
    const input = `${part({ alg: "ES256", kid: "k1" })}.${part(claims)}`;
    const signature = sign("sha256", Buffer.from(input), { key: key.privateKey, dsaEncoding: "ieee-p1363" });
    const more = { client_assertion_type: type, client_assertion: `${input}.${signature.toString("base64url")}` };
    expect(outcomeOf(await redeem(connect, code, verifier, { more }))).toEqual([200, "none"]);
  });

  it("a redirect URI that an operator has removed and restored revives no code", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier);
    const client = { redirects: [redirect], userScopes: ["articles:read"], public: true };
    await world.ampho.services.setClient("reader", { ...client, redirects: ["https://reader.example/new"] });
    await world.ampho.services.setClient("reader", client);
    expect(outcomeOf(await redeem(connect, code, verifier))).toEqual([400, "invalid_grant"]);
    expect((await consent(connect, newVerifier())).status).toBe(200);
  });
});
