// The scopes of roles: in tokens, out of them, at the routes, and the names that are reserved.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { authorize as expressAuthorize } from "../../dist/adapters/express.js";
import type { AmphoOptions } from "../../dist/index.js";
import { createVerifier } from "../../dist/verify/verifier.js";
import { openAmpho, openWorld, type World } from "../world/ampho.js";
import { claimsOf, foreignToken } from "../world/tokens.js";

const scopes = { editor: ["articles:read", "articles:write"], reader: ["articles:read"] };

async function open(options: AmphoOptions) {
  const world = await openWorld(options);
  const ann = await world.ampho.users.create({ login: "ann", roles: ["editor"] });
  const { token } = await world.ampho.sessions.create(ann.id);
  return { world, ann, token };
}

async function openAnn() {
  const mails = { appUrl: "https://app.example", registration: "invite", mail: async () => undefined } as const;
  const world = await openWorld(mails);
  await world.ampho.users.create({ login: "ann" });
  return world;
}

/** The token with other claims, as other software with the key makes it. */
const changed = ({ key }: World, token: string, claims: object) => foreignToken(key, { ...claimsOf(token), ...claims });

describe("the scopes of a token", () => {
  it("the tokens of sessions carry their scopes", async () => {
    const { world, token } = await open({ scopes });
    expect(claimsOf(token)["scope"]).toBe("articles:read articles:write");
    expect(world.ampho.scopes).toEqual(["articles:read", "articles:write"]);
  });

  it("every guard derives scopes that the token does not carry from its roles", async () => {
    const { world, ann, ...granted } = await open({ scopes });
    const token = changed(world, granted.token, { scope: undefined });
    expect(claimsOf(token)).not.toHaveProperty("scope");
    const { ampho } = world;
    const auth = { roles: ["editor"], scopes: ["articles:read", "articles:write"] };
    expect(ampho.verifySync(token)).toMatchObject(auth);
    expect(Object.isFrozen(ampho.verifySync(token).scopes)).toBe(true);
    const need = { scopes: ["articles:write"] };
    expect(ampho.host.guard(`Bearer ${token}`, need, undefined)).toMatchObject(auth);
    expect(await ampho.host.guard(`Bearer ${token}`, { ...need, live: true }, undefined)).toMatchObject(auth);
    const verifier = createVerifier({ keys: world.key, clock: world.clock, scopes });
    expect(verifier.host.guard(`Bearer ${token}`, need, undefined)).toMatchObject(auth);
    const blind = createVerifier({ keys: world.key, clock: world.clock });
    expect(() => blind.host.guard(`Bearer ${token}`, need, undefined)).toThrow(
      expect.objectContaining({ code: "insufficient_scope" }),
    );
    await ampho.users.setRoles("ann", ["reader"]);
    const later = await ampho.sessions.create(ann.id);
    const without = changed(world, later.token, { scope: undefined });
    expect(() => ampho.host.guard(`Bearer ${without}`, need, undefined)).toThrow(
      expect.objectContaining({ code: "insufficient_scope" }),
    );
  });

  it("only the token of a session gets scopes by its roles, and its own scopes have priority", async () => {
    const { world, token } = await open({ scopes });
    const { verifySync } = world.ampho;
    const more = (further: object) => changed(world, token, { scope: undefined, ...further });
    expect(verifySync(more({ scope: "articles:read" })).scopes).toEqual(["articles:read"]);
    expect(verifySync(more({ scope: "" })).scopes).toEqual([]);
    expect(verifySync(more({ roles: ["constructor", "__proto__", "toString"] })).scopes).toEqual([]);
    expect(verifySync(more({ sid: undefined })).scopes).toEqual([]);
    expect(verifySync(more({ act: { sub: "x" } }), ["delegated"]).scopes).toEqual([]);
    expect(verifySync(more({ client_id: "x" }), ["service"]).scopes).toEqual([]);
  });
});

describe("the scopes of every user", () => {
  const everyones = { "*": ["articles:read"], editor: ["articles:write"] };

  it.each([true, false])("a user without a role has them, with scopes in the token: %s", async (inToken) => {
    const world = await openWorld({ scopes: everyones, apiKeys: 1 });
    const { ampho, key, clock } = world;
    const { id } = await ampho.users.create({ login: "bob" });
    const granted = await ampho.sessions.create(id);
    const token = inToken ? granted.token : changed(world, granted.token, { scope: undefined });
    const auth = { roles: [], scopes: ["articles:read"] };
    expect(ampho.verifySync(token)).toMatchObject(auth);
    const read = { scopes: ["articles:read"] };
    expect(await ampho.host.guard(`Bearer ${token}`, { ...read, live: true }, undefined)).toMatchObject(auth);
    const verifier = createVerifier({ keys: key, clock, scopes: everyones });
    expect(verifier.host.guard(`Bearer ${token}`, read, undefined)).toMatchObject(auth);
    const write = { scopes: ["articles:write"] };
    expect(() => ampho.host.guard(`Bearer ${token}`, write, undefined)).toThrow(
      expect.objectContaining({ code: "insufficient_scope" }),
    );
    const named = { name: "Backup", scopes: ["articles:read"] };
    expect(await ampho.apiKeys.create({ id }, named)).toMatchObject({ scopes: ["articles:read"] });
    await expect(ampho.apiKeys.create({ id }, { name: "Other", ...write })).rejects.toThrow(/owner does not have/);
  });

  it("the parameters of the guide for API keys let a user who has registered create a key", async () => {
    const guide = readFileSync("docs/guides/api-keys.md", "utf8");
    const [, json] = /^AMPHO_SECURITY_SCOPES='(.*)'$/m.exec(guide) ?? [];
    const { ampho } = await openWorld({ scopes: json ?? "", apiKeys: 1 });
    const { id } = await ampho.users.create({ login: "bob" });
    const [, scope = ""] = /scopes: \["([^"]+)"\]/.exec(guide) ?? [];
    expect(await ampho.apiKeys.create({ id }, { name: "Backup", scopes: [scope] })).toMatchObject({ scopes: [scope] });
  });

  it("other software, a service and another actor get none of them", async () => {
    const { world, token } = await open({ scopes: everyones });
    const { ampho } = world;
    const sent = (claims: object) => changed(world, token, { scope: undefined, sid: undefined, ...claims });
    expect(ampho.verifySync(sent({})).scopes).toEqual([]);
    expect(ampho.verifySync(sent({ act: { sub: "x" } }), ["delegated"]).scopes).toEqual([]);
    expect(ampho.verifySync(sent({ client_id: "x" }), ["service"]).scopes).toEqual([]);
  });
});

describe("a scope that no role has", () => {
  it("the scope is a TypeError where the route is written, of Ampho and of a verifier", async () => {
    const { world } = await open({ scopes });
    const typo = { scopes: ["articles:wite"] };
    const expected = /no role has. Did you mean articles:write\?/;
    expect(() => world.ampho.authorize(typo)).toThrow(expected);
    expect(() => expressAuthorize(world.ampho, typo)).toThrow(expected);
    const verifier = createVerifier({ keys: world.key, scopes });
    expect(() => verifier.authorize(typo)).toThrow(expected);
    expect(() => createVerifier({ keys: world.key }).authorize(typo)).not.toThrow();
  });
});

describe.each(["o_7f3/editor", "*"])("the reserved role %s", (role) => {
  const rejected = expect.objectContaining({ code: "invalid_request", details: { field: "roles" } });

  it("users.create, setRoles and invite reject the role", async () => {
    const { users } = (await openAnn()).ampho;
    await expect(users.create({ login: "bob", roles: ["editor", role] })).rejects.toEqual(rejected);
    await expect(users.setRoles("ann", [role])).rejects.toEqual(rejected);
    await expect(users.setRoles("ann", { add: [role] })).rejects.toEqual(rejected);
    await expect(users.invite({ email: "eve@mail.example", roles: [role] })).rejects.toEqual(rejected);
    expect(await users.find("ann")).toMatchObject({ roles: [] });
    expect(await users.find("bob")).toBeUndefined();
  });

  it("an import reports the line with the role, and imports nothing", async () => {
    const world = await openAnn();
    const line = `${JSON.stringify({ login: "cid", roles: [role] })}\n`;
    await expect(world.ampho.users.import([line])).rejects.toThrow(/Line 1: .* reserved/);
    expect(await world.ampho.users.find("cid")).toBeUndefined();
  });

  it("an application's own table cannot give the role, by no function of it", async () => {
    const row = { id: "1", login: "ann", roles: [role] };
    for (const users of [
      { find: () => row, verify: () => true },
      { find: () => undefined, findById: () => row, verify: () => true },
    ]) {
      const own = await openWorld({ users });
      const body = { login: "ann", password: "violet kettle harbour morning" };
      if (users.find() !== undefined) expect((await own.call("POST", "/login", { body })).status).toBe(500);
      await expect(own.ampho.sessions.create("1")).rejects.toThrow(/begins with o_/);
    }
  });
});

describe("reserved names", () => {
  const role = "o_7f3/editor";

  it("the configuration rejects reserved roles and scopes, and so does a verifier", async () => {
    for (const [options, name] of [
      [{ scopes: { [role]: ["read"] } }, /scopes/],
      [{ scopes: { editor: ["ampho:admin"] } }, /scopes/],
      [{ scopes: '{"editor":["read","ampho:"]}' }, /scopes/],
      [{ scopes: { editor: ["o_7f3/articles:read"] } }, /scopes/],
      [{ factors: { [role]: "required" } }, /factors/],
    ] as const)
      await expect(openAmpho(options)).rejects.toThrow(name);
    const { key } = await openAnn();
    for (const bad of [{ [role]: ["read"] }, { editor: ["ampho:admin"] }, { editor: "read" }, ["read"]] as never[])
      expect(() => createVerifier({ keys: key, scopes: bad })).toThrow(/^scopes must be/);
  });

  it("a name that only resembles a reserved one is accepted", async () => {
    const world = await openAnn();
    const roles = ["o_editor", "team/editor", "x o_1/y", "O_1/y"];
    await world.ampho.users.setRoles("ann", roles);
    expect(await world.ampho.users.find("ann")).toMatchObject({ roles });
    const { ampho } = await openAmpho({
      scopes: { "team/editor": ["x:ampho:", "ampho", "AMPHO:x", "o_read", "x/o_1"] },
    });
    expect(ampho.scopes).toEqual(["x:ampho:", "ampho", "AMPHO:x", "o_read", "x/o_1"]);
  });
});
