// Attacks on the audience: a token of a resource, where another process or configuration does not know it.
import { expect, it } from "vitest";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { createVerifier } from "../../dist/verify/verifier.js";
import { onBothDatabases } from "../gate/owners.js";
import {
  askGuard,
  claimsOf,
  connected,
  files,
  issuer,
  mcp,
  openConnect,
  outcomeOf,
  readers,
  renew,
  tokensOf,
} from "./connections.js";

const resources = [
  { resource: mcp, scopes: ["articles:read", "articles:write"] },
  { resource: files, scopes: ["articles:read"] },
];
const onlyFiles = resources.slice(1);

onBothDatabases((ground) => {
  it.each([
    ["no resources", undefined],
    ["other resources", onlyFiles],
  ])("M-82: a verifier with %s takes no token of a resource", async (_, configured) => {
    const key = generateJwk("HS256");
    const connect = await openConnect({ ground, options: { resources, key } });
    const { access } = await connected(connect, { query: { resource: mcp, scope: "articles:read" } });
    const verifier = createVerifier({
      keys: key,
      issuer,
      ...(configured && { resources: configured }),
      clock: connect.world.clock,
    });
    const world = { ampho: verifier } as unknown as typeof connect.world;
    expect(await askGuard(world, access, readers)).not.toMatchObject({ login: "alice" });
    verifier.close();
  });

  it.each([
    ["no resources", []],
    ["other resources", onlyFiles],
  ])("M-82: another instance of the fleet with %s takes no token of a resource", async (_, configured) => {
    const connect = await openConnect({ ground, options: { resources } });
    const { access } = await connected(connect, { query: { resource: mcp, scope: "articles:read" } });
    const other = await connect.world.another({ resources: configured, databaseUrl: ground.urlOf(connect.world) });
    expect(await askGuard(other, access, readers)).not.toMatchObject({ login: "alice" });
  });

  it("M-82: a resource that is configured no more gets no tokens", async () => {
    const connect = await openConnect({ ground, options: { resources } });
    const { refresh } = await connected(connect, { query: { resource: mcp, scope: "articles:read" } });
    const next = await connect.world.another({ resources: onlyFiles, databaseUrl: ground.urlOf(connect.world) });
    const renewed = await renew({ ...connect, world: next }, refresh);
    expect(renewed.status === 200 ? claimsOf(tokensOf(renewed).access)["aud"] : outcomeOf(renewed)).not.toBe(mcp);
  });

  it("M-83: a scope that has no text any more, or that the resource has no more, is in no further token", async () => {
    const connect = await openConnect({ ground, options: { resources } });
    const { refresh } = await connected(connect, { query: { resource: mcp } });
    const next = await connect.world.another({
      databaseUrl: ground.urlOf(connect.world),
      resources: [{ resource: mcp, scopes: ["articles:read"] }, ...onlyFiles],
      scopeTexts: { "articles:read": "Read your articles" },
    });
    expect(tokensOf(await renew({ ...connect, world: next }, refresh)).scope).toBe("articles:read");
  });

  it("verify, verifySync and live take no token of a resource without its name", async () => {
    const connect = await openConnect({ ground, options: { resources } });
    const { world } = connect;
    const { access } = await connected(connect, { query: { resource: mcp, scope: "articles:read" } });
    await expect(world.ampho.verify(access, ["delegated", "session", "foreign"])).rejects.toMatchObject({
      code: "invalid_token",
    });
    expect(() =>
      (world.ampho as unknown as { verifySync(t: string, c: string[]): unknown }).verifySync(access, ["delegated"]),
    ).toThrow();
    const live = { ...readers, live: true as const };
    expect(await askGuard(world, access, live)).toBe("invalid_token");
    expect(await askGuard(world, access, { ...live, resource: files })).toBe("invalid_token");
    expect(await askGuard(world, access, { ...live, resource: mcp })).toMatchObject({ login: "alice" });
  });
});
