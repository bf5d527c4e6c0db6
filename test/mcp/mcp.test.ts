// Servers and clients of the MCP SDK, with tokens that Ampho checks.
import path from "node:path";
import { pathToFileURL } from "node:url";
import { requireBearerAuth } from "@modelcontextprotocol/server";
import { build, type Plugin } from "esbuild";
import { describe, expect, it, onTestFinished } from "vitest";
import { createAmpho } from "../../dist/index.js";
import { guardedTool, metadataResponse, tokenVerifier } from "../../dist/mcp.js";
import { createVerifier } from "../../dist/verify/verifier.js";
import { snippets } from "../docs/snippets.js";
import { freshFolder } from "../world/folder.js";
import { claimsOf, foreignToken, newKey } from "../world/tokens.js";
import { jsonRpc, key, now, openMcp, scopes, toolCall } from "./mcp-world.js";

const resource = "https://api.example/mcp";
const verifierWith = (...names: readonly string[]) => {
  const verifier = createVerifier({ keys: key, resources: names.map((name) => ({ resource: name })) });
  onTestFinished(() => verifier.close());
  return verifier;
};
const tokenFor = (aud: unknown, claims: object = {}) =>
  foreignToken(key, { login: "alice", sub: "1", aud, exp: now() + 600, ...claims });

describe("a client of the MCP SDK", () => {
  it("a client finds the authorization server by the metadata, and calls a guarded tool after one step-up", async () => {
    const mcp = await openMcp();
    const client = await mcp.connect();
    expect(await mcp.call(client, "own", { id: "alice" })).toEqual([false, "alice tools/call"]);
    expect(mcp.asked).toEqual(["articles:read"]);
    expect(await mcp.call(client, "publish", { id: "a1" })).toEqual([false, "a1 by alice"]);
    expect(mcp.asked).toEqual(["articles:read", "articles:read articles:publish"]);
    expect(mcp.requests).toContain("GET /.well-known/oauth-protected-resource/mcp");
  });

  it("a client whose scope is never granted gets an error after one more attempt (M-21)", async () => {
    const mcp = await openMcp({ grants: () => ["articles:read"] });
    const client = await mcp.connect();
    await expect(mcp.call(client, "publish", { id: "a1" })).rejects.toThrow(/insufficient_scope|403/);
    expect(mcp.asked.length).toBe(2);
    expect(mcp.calls).toEqual([]);
  });

  it("a client asks for no scope after a rejection that no scope could prevent (M-21)", async () => {
    const mcp = await openMcp();
    const client = await mcp.connect();
    for (const [name, args] of [
      ["own", { id: "bob" }],
      ["admin", {}],
    ] as const) {
      const [isError, text] = await mcp.call(client, name, args);
      expect([isError, text]).toEqual([true, expect.stringMatching(/^insufficient_scope: /)]);
    }
    expect(mcp.asked).toEqual(["articles:read"]);
  });

  it("a token that was revoked is rejected at the next call", async () => {
    const mcp = await openMcp();
    const user = await mcp.ampho.users.create({ login: "carol", password: "heron violet tumbrel 91" });
    const { token } = await mcp.ampho.sessions.create(user.id);
    const forMcp = mcp.token({ ...claimsOf(token) });
    const client = await mcp.connect(forMcp);
    expect(await mcp.call(client, "live")).toEqual([false, "carol"]);
    await mcp.ampho.sessions.end(String(claimsOf(token)["sid"]));
    await expect(mcp.call(client, "live")).rejects.toThrow();
    expect((await mcp.post("live", forMcp)).status).toBe(401);
  });

  it("a verifier without a database guards tools as well", async () => {
    const mcp = await openMcp({ verifierOf: (_ampho, name) => tokenVerifier(verifierWith(name)) });
    const client = await mcp.connect(mcp.token({ scope: "articles:publish" }));
    expect(await mcp.call(client, "publish", { id: "a1" })).toEqual([false, "a1 by alice"]);
    expect(await mcp.call(client, "live")).toEqual([true, expect.stringMatching(/^internal_error: /)]);
  });
});

describe("the server of docs/guides/mcp.md", () => {
  it("the server of the guide has 12 lines and guards its tool", async () => {
    const { "mcp-server.ts": code = "", "articles.ts": articles = "" } = snippets(
      "docs/guides/mcp.md",
      "mcp-server.ts",
      "articles.ts",
    );
    expect(code.split("\n").filter((line) => line !== "" && !line.startsWith("//"))).toHaveLength(12);
    const globals = globalThis as { ampho?: unknown };
    const modules: Readonly<Record<string, string>> = {
      "./articles.js": articles,
      ampho: "export const createAmpho = () => globalThis.ampho;",
      "ampho/mcp": `export * from "./dist/mcp.js";`,
    };
    const resolveDir = path.resolve(import.meta.dirname, "../..");
    const plugin: Plugin = {
      name: "guide",
      setup(setup) {
        setup.onResolve({ filter: /^(?:\.\/articles\.js|ampho|ampho\/mcp)$/ }, ({ path: name }) => ({
          path: name,
          namespace: "guide",
        }));
        setup.onLoad({ filter: /./, namespace: "guide" }, ({ path: name }) => ({
          contents: modules[name] ?? "",
          loader: "ts",
          resolveDir,
        }));
      },
    };
    const folder = freshFolder();
    const outfile = path.join(folder, "server.mjs");
    await build({
      stdin: { contents: code, resolveDir, loader: "ts" },
      bundle: true,
      format: "esm",
      platform: "node",
      outfile,
      plugins: [plugin],
    });
    globals.ampho = verifierWith(resource);
    const { POST } = await import(pathToFileURL(outfile).href);
    delete globals.ampho;
    const call = (scope: string): Promise<Response> =>
      POST(
        new Request(resource, {
          method: "POST",
          headers: { ...jsonRpc, authorization: `Bearer ${tokenFor(resource, { scope })}` },
          body: toolCall("publish"),
        }),
      );
    expect((await call("articles:read")).status).toBe(403);
    const first = await POST(new Request(resource, { method: "POST", body: toolCall("publish") }));
    expect([first.status, first.headers.get("www-authenticate")]).toEqual([
      401,
      expect.stringContaining("resource_metadata="),
    ]);
    const called = await call("articles:publish");
    expect([called.status, await called.text()]).toEqual([200, expect.stringContaining("a1 by alice")]);
  });
});

describe("a request to an MCP server", () => {
  it("a call without a scope gets 403 with the scopes to keep and to add, and the metadata", async () => {
    const mcp = await openMcp();
    const response = await mcp.post("publish", mcp.token({ scope: "articles:read other" }));
    expect(response.status).toBe(403);
    const challenge = response.headers.get("www-authenticate");
    expect(challenge).toContain('error="insufficient_scope"');
    expect(challenge).toContain('scope="articles:read articles:publish"');
    const { origin } = new URL(mcp.url);
    expect(challenge).toContain(`resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`);
    expect(mcp.calls).toEqual([]);
  });

  it("a request without a good token gets 401 with the metadata, from which an agent learns where tokens are", async () => {
    const mcp = await openMcp();
    const url = `${new URL(mcp.url).origin}/.well-known/oauth-protected-resource/mcp`;
    for (const token of [undefined, "x", mcp.token({ aud: "https://other.example" })])
      expect((await mcp.post("publish", token)).headers.get("www-authenticate"), token).toContain(
        `resource_metadata="${url}"`,
      );
  });

  it("a token for another server, for none, forged or expired is 401 (M-16)", async () => {
    const mcp = await openMcp();
    const other = mcp.url.replace("/mcp", "/other");
    for (const token of [
      undefined,
      "x.y.z",
      mcp.token({ aud: other }),
      mcp.token({ aud: [other, `${mcp.url}/`] }),
      mcp.token({ aud: undefined }),
      mcp.token({ aud: { [mcp.url]: true } }),
      mcp.token({ exp: now() - 600 }),
      foreignToken(newKey("key-1"), { login: "alice", aud: mcp.url, exp: now() + 600 }),
    ])
      expect((await mcp.post("publish", token)).status, token).toBe(401);
    expect((await mcp.post("publish", mcp.token({ act: { sub: "operator" } }))).status).toBe(400);
    expect((await mcp.post("publish", mcp.token({ aud: [other, mcp.url], scope: "articles:publish" }))).status).toBe(
      200,
    );
    expect(mcp.calls.length).toBe(1);
  });

  it("a token that is no text is rejected, as ampho.verify does it", async () => {
    const ampho = await createAmpho({
      key,
      databaseUrl: "sqlite::memory:",
      log: () => undefined,
      resources: [{ resource, scopes: ["articles:read"] }],
    });
    onTestFinished(() => ampho.close());
    const verifier = tokenVerifier(ampho);
    const token = tokenFor(resource, { scope: "articles:read" });
    await expect(verifier.verifyAccessToken(token)).resolves.toMatchObject({ token });
    for (const other of [[token], Buffer.from(token), { toString: () => token }])
      await expect(Reflect.apply(verifier.verifyAccessToken, verifier, [other])).rejects.toThrow(TypeError);
  });

  it("the roles `__proto__` and `constructor` have no scopes, and 10 000 scopes do not stop a call (M-19)", async () => {
    const mcp = await openMcp();
    const claims = { sid: "s1", gen: 0, roles: ["__proto__", "constructor", "toString"] };
    expect((await mcp.post("publish", mcp.token(claims))).status).toBe(403);
    expect((await mcp.post("publish", mcp.token({ scope: "__proto__ constructor" }))).status).toBe(403);
    const many = Array.from({ length: 10_000 }, (_, index) => `articles:${index}`);
    const ampho = await createAmpho({
      key,
      databaseUrl: "sqlite::memory:",
      log: () => undefined,
      scopes: { all: many },
      resources: [{ resource, scopes: ["articles:0"] }],
    });
    onTestFinished(() => ampho.close());
    const rights = { sid: "s1", gen: 0, ver: 1, roles: ["all"] };
    const verified = await tokenVerifier(ampho).verifyAccessToken(tokenFor(resource, rights));
    expect(verified.scopes.length).toBe(10_000);
    const [{ scopeChallenge }] = guardedTool({ scopes: ["other"] }, { handler: () => ({}) });
    expect(scopeChallenge({ authInfo: verified })).toEqual({ scopes: ["articles:0", "other"] });
    const guarded = ampho.authorize({ resource, scopes: many }, () => new Response());
    const headers = { authorization: `Bearer ${tokenFor(resource, { scope: "a" })}` };
    const challenge = (await guarded(new Request(resource, { headers }))).headers.get("www-authenticate");
    expect(challenge).toMatch(/^Bearer realm="ampho", error="insufficient_scope", resource_metadata="[^"]+"$/);
  });
});

describe("the tools of a server", () => {
  it("a tool without requirements is a TypeError (M-21)", () => {
    const tool = { handler: () => ({}) };
    for (const requirements of [{}, { scopes: [] }]) expect(() => guardedTool(requirements, tool)).toThrow(TypeError);
    for (const wrong of [{ optional: true }, { resource }, { scope: ["a"] }, { roles: [] }])
      expect(() => guardedTool(wrong as never, tool)).toThrow(TypeError);
  });

  it("a tool without a verified token is not called, also with an AuthInfo of other code", async () => {
    let called = 0;
    const tool = {
      handler: () => {
        called += 1;
        return {};
      },
    };
    const [config, call] = guardedTool({ scopes: ["articles:publish"] }, tool);
    const { extra } = await tokenVerifier(verifierWith(resource)).verifyAccessToken(
      tokenFor(resource, { scope: "articles:publish" }),
    );
    for (const authInfo of [
      undefined,
      {},
      { extra: {} },
      { extra: { auth: null } },
      { extra: { auth: { ...extra.auth } } },
      // As another guard of the same process gets it, whose requirements are others.
      { extra: { auth: extra.auth } },
      { scopes: ["articles:publish"], extra: { auth: { login: "alice", scopes: ["articles:publish"] } } },
    ]) {
      const result = await call({ http: { authInfo } });
      expect(result).toEqual({
        isError: true,
        content: [{ type: "text", text: expect.stringMatching(/^missing_token/) }],
      });
      expect(config.scopeChallenge({ ...(authInfo && { authInfo }) })).toBeUndefined();
    }
    expect(called).toBe(0);
    await call({ http: { authInfo: { extra } } });
    expect(called).toBe(1);
  });

  it("a token for two servers of one process keeps the requirements of each (M-16)", async () => {
    const resources = [
      { resource, scopes: ["articles:read"] },
      { resource: "https://b.example", scopes: ["files:read"] },
    ];
    const verifier = createVerifier({ keys: key, resources });
    onTestFinished(() => verifier.close());
    const token = tokenFor([resource, "https://b.example"], { scope: "articles:read files:read" });
    const [one, other] = [
      await tokenVerifier(verifier, { resource }).verifyAccessToken(token),
      await tokenVerifier(verifier, { resource: "https://b.example" }).verifyAccessToken(token),
    ];
    const [{ scopeChallenge }] = guardedTool({ scopes: ["articles:publish"] }, { handler: () => ({}) });
    expect(scopeChallenge({ authInfo: one })).toEqual({ scopes: ["articles:read", "articles:publish"] });
    expect(scopeChallenge({ authInfo: other })).toEqual({ scopes: ["files:read", "articles:publish"] });
  });

  it("an error of the handler stays with the server, and one of `can` is not shown", async () => {
    const { extra } = await tokenVerifier(verifierWith(resource)).verifyAccessToken(tokenFor(resource));
    const context = { http: { authInfo: { extra } } };
    const fails = () => {
      throw new Error("something-of-the-inside");
    };
    const [, handled] = guardedTool({ can: () => true }, { handler: fails });
    await expect(handled(context)).rejects.toThrow("something-of-the-inside");
    const [, checked] = guardedTool({ can: fails }, { handler: () => ({}) });
    expect(JSON.stringify(await checked(context))).not.toContain("inside");
  });
});

describe("the verifier of tokens", () => {
  it("the verifier needs to know its resource", () => {
    expect(() => tokenVerifier(verifierWith())).toThrow("AMPHO_SECURITY_RESOURCES");
    expect(() => tokenVerifier(verifierWith(resource, "https://b.example"))).toThrow("Name one of them");
    expect(() => tokenVerifier(verifierWith(resource), { resource: "https://b.example" })).toThrow(TypeError);
    // @ts-expect-error A token is never optional here.
    expect(() => tokenVerifier(verifierWith(resource), { optional: true })).toThrow(TypeError);
  });

  it("the verifier returns what the MCP SDK calls an AuthInfo", async () => {
    const token = tokenFor(resource, { scope: "a b", client_id: "agent" });
    const requirements = { credentials: ["service"], scopes: ["a"] } as const;
    const verified = await tokenVerifier(verifierWith(resource), requirements).verifyAccessToken(token);
    expect(verified).toMatchObject({ token, clientId: "agent", scopes: ["a", "b"], resource: new URL(resource) });
    expect(verified.extra.auth.credential).toBe("service");
    expect(verified.resourceMetadataUrl).toBe("https://api.example/.well-known/oauth-protected-resource/mcp");
  });

  it("the errors of the verifier have the status that the MCP SDK gives them", async () => {
    const outage = createVerifier({
      jwksUrl: "http://127.0.0.1:9/jwks.json",
      resources: [{ resource }],
      log: () => {},
    });
    onTestFinished(() => outage.close());
    const statusOf = async (verifier: ReturnType<typeof tokenVerifier>, token: string) => {
      const found = await requireBearerAuth({ verifier })(
        new Request(resource, { headers: { authorization: `Bearer ${token}` } }),
      );
      return found instanceof Response ? [found.status, (await found.json()).error] : [200];
    };
    const verifier = verifierWith(resource);
    expect(await statusOf(tokenVerifier(verifier), tokenFor(resource))).toEqual([200]);
    expect(await statusOf(tokenVerifier(verifier), tokenFor("https://b.example"))).toEqual([401, "invalid_token"]);
    expect(await statusOf(tokenVerifier(verifier, { acr: "2fa" }), tokenFor(resource))).toEqual([401, "invalid_token"]);
    expect(await statusOf(tokenVerifier(verifier, { scopes: ["a"] }), tokenFor(resource))).toEqual([
      403,
      "insufficient_scope",
    ]);
    expect(await statusOf(tokenVerifier(verifier, { roles: ["admin"] }), tokenFor(resource))).toEqual([
      400,
      "access_denied",
    ]);
    expect(await statusOf(tokenVerifier(outage), tokenFor(resource))).toEqual([500, "server_error"]);
  });

  it("a verifier serves the metadata of its resources by their path alone (M-15)", async () => {
    const verifier = verifierWith(resource);
    const ask = (url: string) => metadataResponse(verifier, new Request(url, { headers: { host: "evil.example" } }));
    const document = { resource, bearer_methods_supported: ["header"] };
    for (const path of ["", "/mcp"])
      expect(await ask(`https://evil.example/.well-known/oauth-protected-resource${path}`)?.json()).toEqual(document);
    for (const path of ["/MCP", "/", "/mcp/", "/%6dcp"])
      expect(ask(`https://evil.example/.well-known/oauth-protected-resource${path}`), path).toBeUndefined();
  });
});

describe("the configuration of resources", () => {
  const open = async (resources: unknown) => {
    const ampho = await createAmpho({
      key,
      databaseUrl: "sqlite::memory:",
      log: () => undefined,
      scopes,
      resources: JSON.stringify(resources),
    });
    onTestFinished(() => ampho.close());
    return ampho;
  };
  const withScope = (scope: unknown) => [{ resource, scopes: [scope] }];

  it.each(['a"b', "a\\b", "a\nb", "a\r\nSet-Cookie: a", "a b", "", "ä", "ampho:members", 1, null])(
    "the scope %j is no scope of a resource (M-18)",
    async (scope) => {
      await expect(open(withScope(scope))).rejects.toThrow("AMPHO_SECURITY_RESOURCES");
    },
  );

  it("a scope of a route with a quote or a line end is not in the challenge (M-18)", async () => {
    const verifier = verifierWith(resource);
    const guarded = verifier.authorize({ resource, scopes: ['a"b', "c\r\nd", "e"] }, () => new Response());
    const challenge = (await guarded(new Request(resource))).headers.get("www-authenticate");
    expect(challenge).toMatch(/scope="e"$/);
  });

  it.each([
    ["http://api.example/mcp", "https://api.example/", "https://api.example:443/mcp", "https://API.example/mcp"],
    [
      "https://api.example/mcp/",
      "https://api.example//mcp",
      "https://api.example/a/../mcp",
      "https://api.example/%6dcp",
    ],
    ["https://api.example/%2e/mcp", "https://api.example/mcp?a", "https://api.example/mcp#a", 'https://api.example/"'],
    ["https://u:p@api.example/mcp", "https://u@api.example", "mcp", "", "urn:mcp", "https://api.example/mcp ", 1],
  ])("a resource has one spelling (M-17): %s %s %s %s", async (...wrong) => {
    for (const name of wrong)
      await expect(open([{ resource: name }]), String(name)).rejects.toThrow("AMPHO_SECURITY_RESOURCES");
  });

  it("no two resources have the same path, and no other member or form is accepted", async () => {
    const other = "https://b.example/mcp";
    const wrong: readonly unknown[] = [
      [{ resource }, { resource: other }],
      [{ resource }, { resource }],
      [{ resource, server: ["https://id.example"] }],
      [{ resource, scopes: ["a", "a"] }],
      [{ resource, scopes: "a" }],
      [{ resource, scopes: Array.from({ length: 10_000 }, (_, index) => `scope:${index}`) }],
      [{ resource, servers: ["https://id.example?a"] }],
      [{ resource, servers: ["http://id.example"] }],
      [{ resource, servers: ['https://id.example/"'] }],
      [resource],
      { resource },
      [null],
      resource,
    ];
    for (const one of wrong) await expect(open(one)).rejects.toThrow("AMPHO_SECURITY_RESOURCES");
  });

  it("an instance without resources has no metadata, and its routes cannot name one", async () => {
    const ampho = await open([]);
    const path = "/.well-known/oauth-protected-resource";
    expect((await ampho.fetch(new Request(`https://api.example${path}`))).status).toBe(404);
    expect(ampho.host.rootPaths.size).toBe(0);
    expect(() => ampho.authorize({ resource }, () => new Response())).toThrow("Set AMPHO_SECURITY_RESOURCES");
    const known = await open([{ resource }]);
    expect(() => known.authorize({ resource: "https://api.example/mpc" }, () => new Response())).toThrow(resource);
  });
});
