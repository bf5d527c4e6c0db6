// Applications that register themselves (RFC 7591), as Cursor does: no row holds them, and users read that they are
// unknown.
import { describe, expect, it } from "vitest";
import type { AmphoOptions } from "../../dist/index.js";
import { type Ground, onBothDatabases } from "../gate/owners.js";
import { openWorld } from "../world/ampho.js";
import { newKey } from "../world/tokens.js";
import {
  askGuard,
  type Connect,
  codeOf,
  newVerifier,
  openConnect,
  outcomeOf,
  queryOf,
  redeem,
  redirect,
  renew,
  settings,
  show,
  tokensOf,
} from "./connections.js";

const cursor = "cursor://anysphere.cursor-mcp/oauth/callback";
const registration = { client_name: "Cursor", redirect_uris: [cursor, "http://127.0.0.1/callback", redirect] };

const openDynamic = (options: AmphoOptions = {}, ground?: Ground) =>
  openConnect({ ...(ground && { ground }), options: { connect: ["registered", "dynamic"], ...options } });

const register = ({ world }: Pick<Connect, "world">, body: unknown = registration) =>
  world.call("POST", "/clients", { body });

async function registered(connect: Connect, body: unknown = registration): Promise<Connect> {
  const { json, text } = await register(connect, body);
  if (typeof json["client_id"] !== "string") throw new Error(text);
  return { ...connect, client: json["client_id"] };
}

onBothDatabases((ground) => {
  it("a program registers itself, connects, renews, and ends with all of its connections", async () => {
    const connect = await openDynamic({}, ground);
    const { world, userId } = connect;
    const response = await register(connect);
    expect([response.status, response.headers.get("cache-control")]).toEqual([201, "no-store"]);
    const { client_id: client, client_id_issued_at: at, ...rest } = response.json;
    expect(at).toBe(world.clock.now());
    expect(rest).toEqual({
      client_name: "Cursor",
      redirect_uris: registration.redirect_uris,
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    });
    const program = { ...connect, client: String(client) };
    const said = { query: { redirect_uri: cursor } };
    const verifier = newVerifier();
    const begun = await world.call("GET", `/authorize?${queryOf(program.client, verifier, said.query)}`);
    expect(begun.status).toBe(303);
    const shown = await show(program, queryOf(program.client, verifier, said.query));
    expect(shown.json["client"]).toEqual({
      id: client,
      name: "unknown application",
      host: null,
      known: false,
      stated_name: "Cursor",
      returns: null,
    });
    const code = await codeOf(program, verifier, said);
    const first = tokensOf(await redeem(program, code, verifier, { more: { redirect_uri: cursor } }));
    const { access, refresh } = tokensOf(await renew(program, first.refresh));
    expect(await askGuard(world, access)).toMatchObject({
      id: userId,
      actor: { id: client, name: "unknown application", credential: "client" },
      scopes: ["articles:read", "articles:write"],
    });
    const { connections } = world.ampho;
    expect(await connections.list(userId)).toMatchObject([{ client, name: "“Cursor”" }]);
    const listed = [];
    for await (const one of connections.listForClient(program.client)) listed.push(one.name);
    expect(listed).toEqual(["“Cursor”"]);
    await connections.endForClient(program.client);
    expect(await askGuard(world, access)).toBe("invalid_token");
    expect(outcomeOf(await renew(program, refresh))).toEqual([400, "invalid_grant"]);
  });

  it("M-91: a registration changes no row", async () => {
    const connect = await openDynamic({}, ground);
    const count = async () => (await ground.sql(connect.world, "select count(*) as n from ampho_audit"))[0];
    const before = await count();
    for (let at = 0; at < 50; at++) expect((await register(connect)).status).toBe(201);
    expect(await count()).toEqual(before);
    expect(await ground.sql(connect.world, "select id from ampho_services")).toEqual([{ id: connect.client }]);
  });
});

it("M-91: an id that was changed, is of another key, or of another kind is unknown", async () => {
  const connect = await openDynamic();
  const { world } = connect;
  const { client } = await registered(connect);
  const [header = "", payload = "", signature = ""] = client.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
  const evil = { ...claims, redirects: ["https://evil.example/"] };
  const none = { alg: "none", typ: "ci+jwt", kid: "key-1" };
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const elsewhere = await registered(await openDynamic({ key: newKey("key-1") }));
  const transaction = (await show(connect, queryOf(connect.client, newVerifier()))).json["transaction"];
  const forged = [
    `${header}.${encode(evil)}.${signature}`,
    `${header}.${payload}.`,
    `${encode(none)}.${payload}.`,
    client.slice(0, -2),
    elsewhere.client,
    String(transaction),
    connect.bearer,
  ];
  for (const id of forged) {
    expect(outcomeOf(await show({ world, bearer: connect.bearer }, queryOf(id, newVerifier())))).toEqual([
      404,
      "not_found",
    ]);
    expect(outcomeOf(await renew({ world, client: id }, "x"))).toEqual([401, "invalid_client"]);
  }
  const later = await world.another({ key: newKey("key-2"), connect: ["dynamic"] });
  expect(outcomeOf(await renew({ world: later, client }, "x"))).toEqual([401, "invalid_client"]);
});

it("M-91: an id is neither a token of a user nor of a connection", async () => {
  const connect = await openDynamic();
  const { client, world } = await registered(connect);
  expect(await askGuard(world, client)).toBe("invalid_token");
  expect(outcomeOf(await renew({ world, client }, client))).toEqual([400, "invalid_grant"]);
  expect((await world.renew(client)).status).toBe(401);
});

it("M-72: no error of an unknown application leads a browser away without a click", async () => {
  const connect = await openDynamic();
  const program = await registered(connect, { redirect_uris: ["https://evil.example/"] });
  const query = queryOf(program.client, newVerifier(), {
    redirect_uri: "https://evil.example/",
    response_type: "token",
  });
  const { status, headers } = await program.world.call("GET", `/authorize?${query}`);
  expect([status, new URL(headers.get("location") ?? "").origin]).toEqual([303, "https://app.example"]);
  const shown = await show(program, query);
  expect(outcomeOf(shown)).toEqual([400, "unsupported_response_type"]);
});

it("an application cannot return to a URI that it has not registered, nor redeem at one", async () => {
  const program = await registered(await openDynamic());
  const elsewhere = queryOf(program.client, newVerifier(), { redirect_uri: "https://evil.example/" });
  expect((await show(program, elsewhere)).status).toBe(404);
  const verifier = newVerifier();
  const code = await codeOf(program, verifier);
  const more = { redirect_uri: "http://127.0.0.1/callback" };
  expect(outcomeOf(await redeem(program, code, verifier, { more }))).toEqual([400, "invalid_grant"]);
});

it("nothing registers without `dynamic`, and a former id is unknown", async () => {
  const connect = await openDynamic();
  const { client, world } = await registered(connect);
  const other = await world.another({ connect: ["registered", "*"] });
  expect((await register({ world: other })).status).toBe(404);
  expect((await show({ world: other, bearer: connect.bearer }, queryOf(client, newVerifier()))).status).toBe(404);
  const path = "/.well-known/oauth-authorization-server";
  const read = async (ampho: Connect["world"]["ampho"]) =>
    (await (await ampho.fetch(new Request(`https://app.example${path}`))).json()) as object;
  expect(await read(world.ampho)).toMatchObject({
    registration_endpoint: "https://app.example/api/security/clients",
  });
  expect(await read(world.ampho)).not.toHaveProperty("client_id_metadata_document_supported");
  expect(await read(other.ampho)).not.toHaveProperty("registration_endpoint");
});

describe("a registration", () => {
  const long = `https://client.example/${"a".repeat(900)}`;

  it.each([
    ["no redirect URI", {}, "invalid_redirect_uri"],
    ["an empty list", { redirect_uris: [] }, "invalid_redirect_uri"],
    ["a text in place of a list", { redirect_uris: redirect }, "invalid_redirect_uri"],
    ["six redirect URIs", { redirect_uris: Array(6).fill(redirect) }, "invalid_redirect_uri"],
    ["a number", { redirect_uris: [7] }, "invalid_redirect_uri"],
    ["a script", { redirect_uris: ["javascript:alert(1)"] }, "invalid_redirect_uri"],
    ["http at another host", { redirect_uris: ["http://client.example/"] }, "invalid_redirect_uri"],
    ["a fragment", { redirect_uris: [`${redirect}#a`] }, "invalid_redirect_uri"],
    ["a good and a bad one", { redirect_uris: [redirect, "data:text/html,x"] }, "invalid_redirect_uri"],
    ["a name that is no text", { redirect_uris: [redirect], client_name: {} }, "invalid_client_metadata"],
    ["too many characters", { redirect_uris: [long] }, "invalid_client_metadata"],
  ])("a registration with %s is rejected in the form of RFC 7591", async (_name, body, error) => {
    const { status, json } = await register(await openDynamic(), body);
    expect([status, json["error"], typeof json["error_description"]]).toEqual([400, error, "string"]);
  });

  it("a program gets no secret, and no grant beyond those of a public one", async () => {
    const { json } = await register(await openDynamic(), {
      ...registration,
      client_name: "\u202EAcme\u0000",
      token_endpoint_auth_method: "client_secret_basic",
      grant_types: ["client_credentials", "password"],
      response_types: ["token"],
      scope: "ampho:exchange",
      jwks_uri: "https://evil.example/",
    });
    expect(json).toMatchObject({
      client_name: "Acme",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    });
    expect(json).not.toHaveProperty("client_secret");
  });

  it("a page of another origin registers, and no cookie is read or set", async () => {
    const world = await openWorld({ ...settings, connect: "dynamic", cookies: true });
    const headers = { origin: "https://inspector.example", "sec-fetch-site": "cross-site", cookie: "a=b" };
    const { status, headers: got } = await world.call("POST", "/clients", { body: registration, headers });
    expect([status, got.get("set-cookie")]).toEqual([201, null]);
  });
});
