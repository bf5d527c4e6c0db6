// The resource of a token: which routes it opens, and at which server.
import { expect, it } from "vitest";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { createVerifier } from "../../dist/verify/verifier.js";
import { onBothDatabases } from "../gate/owners.js";
import { basic, openService, tokenOf } from "../service-accounts/services.js";
import {
  addClient,
  askGuard,
  claimsOf,
  codeOf,
  connected,
  files,
  issuer,
  mcp,
  newVerifier,
  openConnect,
  outcomeOf,
  queryOf,
  readers,
  redeem,
  renew,
  show,
  tokensOf,
} from "./connections.js";

const resources = [
  { resource: mcp, scopes: ["articles:read", "articles:write"] },
  { resource: files, scopes: ["articles:read"] },
];

onBothDatabases((ground) => {
  it("M-82: a token opens the routes that name its resource, and no other", async () => {
    for (const tokenAudience of [undefined, issuer, mcp]) {
      const connect = await openConnect({ ground: await ground.another(), options: { resources, tokenAudience } });
      const { world } = connect;
      for (const [own, other] of [
        [mcp, files],
        [files, mcp],
      ]) {
        const { access } = await connected(connect, { query: { resource: own, scope: "articles:read" } });
        expect(claimsOf(access)["aud"]).toBe(own);
        expect(await askGuard(world, access, { ...readers, resource: own })).toMatchObject({ login: "alice" });
        for (const requirements of [
          { ...readers, resource: other },
          readers,
          { credentials: ["delegated"], can: () => true },
        ])
          expect(await askGuard(world, access, requirements), JSON.stringify(requirements)).toBe("invalid_token");
        await expect(world.ampho.verify(access, ["delegated"])).rejects.toMatchObject({ code: "invalid_token" });
      }
      // A login opens what it has opened before.
      expect(await askGuard(world, connect.bearer, {})).toMatchObject({ login: "alice" });
    }
  });

  it("M-81: the resource of a yes is that of its tokens, in the configured spelling", async () => {
    const connect = await openConnect({ ground, options: { resources } });
    const { world, client } = connect;
    for (const resource of [mcp, `${mcp}/`, "https://API.example/mcp", "https://api.example:443/mcp"]) {
      const { access } = await connected(connect, { query: { resource } });
      expect(claimsOf(access)["aud"]).toBe(mcp);
    }
    for (const resource of [
      undefined,
      "https://api.example",
      `${mcp}//`,
      `${mcp}?x=1`,
      `${mcp}#x`,
      "https://user@api.example/mcp",
      "http://api.example/mcp",
      "https://api.example/MCP",
      "https://api.example/%6dcp",
      "mcp",
    ]) {
      const shown = await show(connect, queryOf(client, newVerifier(), { resource }));
      expect(outcomeOf(shown), resource).toEqual([400, "invalid_target"]);
    }
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier, { query: { resource: mcp } });
    expect(outcomeOf(await redeem(connect, code, verifier, { more: { resource: files } }))).toEqual([
      400,
      "invalid_grant",
    ]);
    const { refresh } = tokensOf(await redeem(connect, code, verifier, { more: { resource: `${mcp}/` } }));
    expect(outcomeOf(await renew(connect, refresh, { more: { resource: files } }))).toEqual([400, "invalid_target"]);
    expect(outcomeOf(await renew(connect, refresh, { more: { resource: "x" } }))).toEqual([400, "invalid_target"]);
    expect(world.ampho.scopes).toContain("articles:read");
  });

  it("the only resource is that of a request without one, and a resource limits the scopes", async () => {
    const connect = await openConnect({ ground, options: { resources: resources.slice(1) } });
    const { access, scope } = await connected(connect, { query: { scope: "articles:read articles:write" } });
    expect([claimsOf(access)["aud"], scope]).toEqual([files, "articles:read"]);
  });

  it("M-82: another process without the database takes the token for its resource alone", async () => {
    const key = generateJwk("HS256");
    const connect = await openConnect({ ground, options: { resources, key } });
    const { access } = await connected(connect, { query: { resource: mcp } });
    const verifier = createVerifier({ keys: key, issuer, resources, clock: connect.world.clock });
    const ask = async (requirements: object) =>
      askGuard({ ampho: verifier } as unknown as typeof connect.world, access, requirements);
    expect(await ask({ ...readers, resource: mcp })).toMatchObject({ login: "alice", actor: { name: "reader" } });
    expect(await ask({ ...readers, resource: files })).toBe("invalid_token");
    expect(await ask(readers)).toBe("invalid_token");
    await expect(verifier.verify(access, ["delegated"])).rejects.toMatchObject({ code: "invalid_token" });
    verifier.close();
  });
});

it("a route that takes delegated tokens states what they need", async () => {
  const { world } = await openConnect();
  const wrong = { credentials: ["delegated"] } as const;
  expect(() => world.ampho.authorize(wrong, () => new Response())).toThrow(TypeError);
});

it("a service asks for a token of one resource", async () => {
  const service = await openService({ resources, appUrl: "https://app.example/" });
  const form = { grant_type: "client_credentials", resource: `${mcp}/` };
  const asked = await service.world.call("POST", "/token", { form, headers: basic(service.id, service.key) });
  const token = String(asked.json["access_token"]);
  expect(claimsOf(token)["aud"]).toBe(mcp);
  const services = { credentials: ["service"], scopes: ["articles:read"] } as const;
  expect(await askGuard(service.world, token, { ...services, resource: mcp })).toMatchObject({ id: service.id });
  for (const requirements of [services, { ...services, resource: files }])
    expect(await askGuard(service.world, token, requirements)).toBe("invalid_token");
  const plain = await tokenOf(service);
  expect(await askGuard(service.world, plain, services)).toMatchObject({ id: service.id });
  const wrong = { ...form, resource: "https://other.example" };
  const rejected = await service.world.call("POST", "/token", { form: wrong, headers: basic(service.id, service.key) });
  expect(outcomeOf(rejected)).toEqual([400, "invalid_target"]);
});

it("a token of a resource is introspected, and given back", async () => {
  const options = { resources, tokenEndpoint: true };
  const connect = await openConnect({ options });
  const { world } = connect;
  await addClient(world, "other");
  const { access } = await connected(connect, { query: { resource: mcp } });
  const { id } = await world.ampho.services.add({ name: "gateway", scopes: ["ampho:introspect"] });
  const { key } = await world.ampho.services.createApiKey("gateway");
  const ask = () => world.call("POST", "/introspect", { form: { token: access }, headers: basic(id, key) });
  expect((await ask()).json).toMatchObject({
    active: true,
    aud: mcp,
    credential: "delegated",
    client_id: connect.client,
  });
  await world.call("POST", "/revoke", { form: { token: access } });
  expect((await ask()).json).toEqual({ active: false });
});
