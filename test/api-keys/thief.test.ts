// A thief has the password of an account and creates an API key in time. Each change of the owner that ends the session
// of the thief must end that key too.
import { describe, expect, it } from "vitest";
import { codeAt, type Owner, onBothDatabases, setUp } from "../gate/owners.js";
import { type FullGrant, grantOf, password, type World } from "../world/ampho.js";
import { askGuard, readers, scopes } from "./worlds.js";

const ended = "invalid_token";
const alive = "articles:read";

onBothDatabases(({ open }) => {
  async function begin() {
    const world = await open({ scopes, apiKeys: 5 });
    const { id } = await world.user("ann", { password, roles: ["editor"] });
    const [owner, thief] = [await world.login("ann"), await world.login("ann")];
    return { world, id, owner, stolen: await keyOf(world, thief), thief };
  }

  async function keyOf(world: World, { token }: FullGrant): Promise<string> {
    const body = { name: "Backup", scopes: ["articles:read"] };
    const { status, json, text } = await world.call("POST", "/api-keys", { bearer: token, body });
    expect(status, text).toBe(201);
    return String(json["key"]);
  }

  async function addApp(world: World, { token }: FullGrant): Promise<Pick<Owner, "secret">> {
    const { secret, transaction } = await setUp(world, token);
    const totp = codeAt(secret, world.clock.now());
    const { status } = await world.call("POST", "/totp/confirm", { body: { transaction, totp }, bearer: token });
    expect(status).toBe(200);
    return { secret };
  }

  it("a session creates, rotates and ends keys no more than fifty times in an hour, and each key can still end", async () => {
    const { world, id, owner, thief } = await begin();
    const ask = async (method: string, path: string, { token }: FullGrant, body?: object) =>
      world.call(method, path, { bearer: token, ...(body && { body }) });
    const create = (session: FullGrant) =>
      ask("POST", "/api-keys", session, { name: "Backup", scopes: ["articles:read"] });
    const remove = (key: unknown) => ask("DELETE", `/api-keys/${String(key)}`, thief);
    // One key was created at the beginning. A request that is rejected for another reason does not count.
    expect((await ask("POST", "/api-keys", thief, { name: "Backup", scopes: ["admin"] })).status).toBe(400);
    for (let n = 1; n < 49; n++) expect((await remove((await create(thief)).json["id"])).status).toBe(204);
    const { json: last } = await create(thief);
    expect(last).toHaveProperty("key");
    const waits = { error: "too_many_attempts", retry: expect.stringMatching(/^3[0-9]{3}$/) };
    const rotate = () => ask("POST", `/api-keys/${String(last["id"])}/rotate`, thief);
    for (const rejected of [await create(thief), await create(owner), await rotate()])
      expect({ error: rejected.json["error"], retry: rejected.headers.get("retry-after") }).toEqual(waits);
    expect((await world.events()).filter((event) => event.startsWith("api_key_throttled"))).toHaveLength(1);
    // A user can always end a key, and the application is not limited.
    expect((await remove(last["id"])).status).toBe(204);
    await world.ampho.apiKeys.create(id, { name: "Given", scopes: ["articles:read"] });
    world.clock.advance(3600);
    expect((await create(await world.login("ann"))).status).toBe(201);
  });

  describe("a key that a session of one factor has added", () => {
    it("it ends with the first second factor of another session, and the key of that session goes on", async () => {
      const { world, owner, stolen } = await begin();
      const own = await keyOf(world, owner);
      await addApp(world, owner);
      expect([await askGuard(world, stolen, readers), await askGuard(world, own, readers)]).toEqual([ended, alive]);
    });

    it("it ends also if its session has signed out before", async () => {
      const { world, owner, thief, stolen } = await begin();
      await world.call("POST", "/logout", { bearer: thief.token });
      await addApp(world, owner);
      expect(await askGuard(world, stolen, readers)).toBe(ended);
    });

    it.each(["required", "phr"] as const)("it ends with the policy %s of its user", async (policy) => {
      const { world, id, stolen } = await begin();
      const given = (await world.ampho.apiKeys.create(id, { name: "Given", scopes: ["articles:read"] })).key;
      await world.ampho.factors.setPolicy(id, "optional");
      expect(await askGuard(world, stolen, readers)).toBe(alive);
      await world.ampho.factors.setPolicy(id, policy);
      expect([await askGuard(world, stolen, readers), await askGuard(world, given, readers)]).toEqual([ended, alive]);
    });

    it("it ends with a role whose policy its session does not reach, and a key of two factors goes on", async () => {
      const world = await open({ scopes, apiKeys: 5, factors: { admin: "required" } });
      await world.user("ann", { password, roles: ["editor"] });
      const [owner, thief] = [await world.login("ann"), await world.login("ann")];
      await world.user("bob", { password, roles: ["editor"] });
      const { secret } = await addApp(world, await world.login("bob"));
      world.clock.advance(30);
      const totp = codeAt(secret, world.clock.now());
      const strong = await world.call("POST", "/login", { body: { login: "bob", password, totp } });
      const keys = [await keyOf(world, owner), await keyOf(world, thief), await keyOf(world, grantOf(strong))];
      for (const login of ["ann", "bob"]) await world.ampho.users.setRoles(login, { add: ["admin"] });
      expect(await Promise.all(keys.map((key) => askGuard(world, key, readers)))).toEqual([ended, ended, alive]);
    });
  });

  it("a key of a thief ends when the application has rotated it before the owner sets a new password", async () => {
    const { world, id, owner, thief } = await begin();
    const { api_keys: keys } = (await world.call("GET", "/api-keys", { bearer: thief.token })).json as {
      api_keys: { id: string }[];
    };
    const successor = await world.ampho.apiKeys.rotate(id, { id: keys[0]?.id ?? "" });
    expect(await askGuard(world, successor.key, readers)).toBe(alive);
    const change = { body: { password, new_password: "amber tulip canoe walnut" }, bearer: owner.token };
    expect((await world.call("POST", "/password", change)).status).toBe(200);
    expect(await askGuard(world, successor.key, readers)).toBe(ended);
  });
});
