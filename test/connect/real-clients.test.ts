// Clients that others wrote connect an account, each as its documentation shows: the client of the MCP SDK with a guarded
// server, oauth4webapi and openid-client. The consent is given at the endpoints, as a page gives it.
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Client, type OAuthClientProvider, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, McpServer, requireBearerAuth } from "@modelcontextprotocol/server";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { type Ampho, createAmpho } from "../../dist/index.js";
import { guardedTool, tokenVerifier } from "../../dist/mcp.js";
import { password, untilHashed } from "../world/ampho.js";
import { runningClock } from "../world/clock.js";
import { listening } from "../world/listen.js";
import { newKey } from "../world/tokens.js";
import { readers } from "./connections.js";

const returns = "http://127.0.0.1/callback";

async function open() {
  const server = createServer();
  // An origin over http must have this name. The set-up of the tests connects to the address that accepts.
  const origin = `http://localhost:${(await listening(server)).port}`;
  const resource = `${origin}/mcp`;
  const clock = runningClock();
  const ampho = await createAmpho({
    databaseUrl: "sqlite::memory:",
    key: newKey("key-1"),
    log: () => undefined,
    clock,
    appUrl: origin,
    connect: ["registered", "dynamic"],
    scopes: { "*": ["articles:read", "articles:publish"] },
    scopeTexts: { "articles:read": "Read your articles", "articles:publish": "Publish articles" },
    resources: [{ resource, scopes: ["articles:read", "articles:publish"] }],
  });
  onTestFinished(() => ampho.close());
  const { id: userId } = await untilHashed(() => ampho.users.create({ login: "alice", password }));
  const userScopes = ["articles:read", "articles:publish"] as const;
  const client = { redirects: [returns], userScopes, public: true };
  const { id } = await ampho.services.add({ name: "reader", scopes: [], client });
  const mcp = guardedServer(ampho, resource);
  const respond = getRequestListener((request) =>
    new URL(request.url).pathname === "/mcp" ? mcp(request) : ampho.fetch(request),
  );
  server.on("request", (request, response) => void respond(request, response));
  /** Follows the URL of the client as a browser does, and gives consent. Returns the URL at the client. */
  const allow = async (url: URL): Promise<URL> => {
    const asked = await fetch(url, { redirect: "manual" });
    const page = new URL(asked.headers.get("location") ?? "");
    expect([asked.status, page.origin, page.searchParams.get("ampho")]).toEqual([303, origin, "connect"]);
    page.searchParams.delete("ampho");
    const { token } = await ampho.sessions.create(userId, { authTime: clock.now() });
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const endpoint = `${origin}/api/security/connect`;
    const query = String(page.searchParams);
    const shown = await fetch(`${endpoint}?${query}`, { headers });
    const { transaction } = (await shown.json()) as { transaction: string };
    clock.advance(2);
    const body = JSON.stringify({ query, transaction, allow: true });
    const said = await fetch(endpoint, { method: "POST", headers, body });
    return new URL(((await said.json()) as { location: string }).location);
  };
  /** The number of its connections, which then end. */
  const endAll = async (): Promise<number> => {
    const { token } = await ampho.sessions.create(userId);
    const headers = { authorization: `Bearer ${token}` };
    const all = await fetch(`${origin}/api/security/connections`, { headers });
    const { connections } = (await all.json()) as { connections: readonly { readonly id: string }[] };
    for (const one of connections)
      await fetch(`${origin}/api/security/connections/${one.id}`, { method: "DELETE", headers });
    return connections.length;
  };
  return { origin, resource, clock, ampho, id, allow, endAll };
}

function guardedServer(ampho: Ampho<"articles:read" | "articles:publish">, resource: string) {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: "articles", version: "1.0.0" });
    const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
    const inputSchema = z.object({});
    server.registerTool(
      "read",
      ...guardedTool(
        { scopes: ["articles:read"] },
        { inputSchema, handler: (_, { login, actor }) => text(`${login} by ${actor?.name}`) },
      ),
    );
    server.registerTool(
      "publish",
      ...guardedTool({ scopes: ["articles:publish"] }, { inputSchema, handler: () => text("published") }),
    );
    return server;
  });
  const verifier = tokenVerifier(ampho, { credentials: ["delegated"] });
  const gate = requireBearerAuth({
    verifier,
    resourceMetadataUrl: verifier.resourceMetadataUrl,
    expectedResource: new URL(resource),
  });
  return async (request: Request): Promise<Response> => {
    const found = await gate(request);
    return found instanceof Response ? found : handler.fetch(request, { authInfo: found });
  };
}

type Stored = Pick<Required<OAuthClientProvider>, "saveTokens" | "saveCodeVerifier" | "redirectToAuthorization">;

it.each([
  ["registered", "alice by reader"],
  ["dynamic", "alice by unknown application"],
])(
  "the MCP SDK with a %s client connects, steps up, renews after an hour, and is out when the user ends it",
  async (kind, shown) => {
    const { origin, resource, clock, id, allow, endAll } = await open();
    let information: ReturnType<OAuthClientProvider["clientInformation"]> =
      kind === "dynamic" ? undefined : { client_id: id, issuer: origin };
    let tokens: Parameters<Stored["saveTokens"]>[0] | undefined;
    let verifier = "";
    const asked: URL[] = [];
    const authProvider: OAuthClientProvider = {
      redirectUrl: returns,
      clientMetadata: { redirect_uris: [returns], client_name: "Reader", token_endpoint_auth_method: "none" },
      clientInformation: () => information,
      saveClientInformation: (saved) => {
        information = saved;
      },
      tokens: () => tokens,
      saveTokens: (saved) => {
        tokens = saved;
      },
      redirectToAuthorization: (url) => void asked.push(url),
      saveCodeVerifier: (saved) => {
        verifier = saved;
      },
      codeVerifier: () => verifier,
      invalidateCredentials: () => {
        tokens = undefined;
      },
    };
    const connect = async () => {
      const transport = new StreamableHTTPClientTransport(new URL(resource), { authProvider });
      const client = new Client({ name: "test", version: "1.0.0" });
      onTestFinished(() => client.close());
      return { transport, client };
    };
    const first = await connect();
    await expect(first.client.connect(first.transport)).rejects.toThrow(/nauthorized/);
    const [url = new URL(origin)] = asked;
    expect([url.searchParams.get("resource"), url.searchParams.get("code_challenge_method")]).toEqual([
      resource,
      "S256",
    ]);
    await first.transport.finishAuth((await allow(url)).searchParams);
    const { client, transport } = await connect();
    await client.connect(transport);
    const textOf = async (name: string) => {
      const { content } = await client.callTool({ name, arguments: {} });
      const [one] = content;
      return one?.type === "text" ? one.text : "";
    };
    expect(await textOf("read")).toBe(shown);
    const before = tokens?.access_token;
    clock.advance(3600);
    expect(await textOf("publish")).toBe("published");
    expect(tokens?.access_token).not.toBe(before);
    expect(asked).toHaveLength(1);
    expect(await endAll()).toBe(1);
    // It asks the user again.
    await expect(textOf("read")).rejects.toThrow(/nauthorized/);
    expect(asked).toHaveLength(2);
  },
);

it("oauth4webapi discovers the server, redeems, renews and revokes", async () => {
  const { origin, resource, ampho, id, allow, endAll } = await open();
  const loopback = { [oauth.allowInsecureRequests]: true } as const;
  const discovered = await oauth.discoveryRequest(new URL(origin), { algorithm: "oauth2", ...loopback });
  const server = await oauth.processDiscoveryResponse(new URL(origin), discovered);
  expect(server).toMatchObject({ issuer: origin, code_challenge_methods_supported: ["S256"] });
  const client = { client_id: id };
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(server.authorization_endpoint ?? "");
  const query = {
    response_type: "code",
    client_id: id,
    redirect_uri: returns,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    scope: "articles:read",
    resource,
    state,
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const parameters = oauth.validateAuthResponse(server, client, await allow(url), state);
  const none = oauth.None();
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    none,
    parameters,
    returns,
    verifier,
    loopback,
  );
  const granted = await oauth.processAuthorizationCodeResponse(server, client, response);
  expect(granted).toMatchObject({ token_type: "bearer", scope: "articles:read" });
  const read = { ...readers, resource };
  const guard = async (token: string) => ampho.host.guard(`Bearer ${token}`, read, {});
  expect(await guard(granted.access_token)).toMatchObject({ login: "alice", scopes: ["articles:read"] });
  const refreshed = await oauth.refreshTokenGrantRequest(server, client, none, granted.refresh_token ?? "", loopback);
  const renewed = await oauth.processRefreshTokenResponse(server, client, refreshed);
  expect(await guard(renewed.access_token)).toMatchObject({ login: "alice" });
  const revoked = await oauth.revocationRequest(server, client, none, renewed.refresh_token ?? "", loopback);
  await oauth.processRevocationResponse(revoked);
  await expect(guard(renewed.access_token)).rejects.toMatchObject({ code: "invalid_token" });
  expect(await endAll()).toBe(0);
});

it("openid-client discovers the server, redeems and renews", async () => {
  const { origin, resource, id, allow, endAll } = await open();
  const execute = [openid.allowInsecureRequests];
  const config = await openid.discovery(new URL(origin), id, undefined, openid.None(), {
    algorithm: "oauth2",
    execute,
  });
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const expectedState = openid.randomState();
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: returns,
    scope: "articles:read articles:publish",
    resource,
    state: expectedState,
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  const granted = await openid.authorizationCodeGrant(config, await allow(url), { pkceCodeVerifier, expectedState });
  expect(granted.scope).toBe("articles:read articles:publish");
  const narrowed = await openid.refreshTokenGrant(config, granted.refresh_token ?? "", { scope: "articles:read" });
  expect(narrowed.scope).toBe("articles:read");
  await openid.tokenRevocation(config, narrowed.access_token);
  expect(await endAll()).toBe(0);
  await expect(openid.refreshTokenGrant(config, narrowed.refresh_token ?? "")).rejects.toMatchObject({
    error: "invalid_grant",
  });
});
