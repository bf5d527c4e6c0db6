import { describe, expect, it, vi } from "vitest";
import { openWorld, password, type World } from "../world/ampho.js";
import { claimsOf, foreignToken, newKey } from "../world/tokens.js";

const wrong = "not this one, sorry";

async function logIn(world: World, login: string, word: string, device?: string, address = "203.0.113.5") {
  const body = { login, password: word, ...(device === undefined ? {} : { device }) };
  const { status, json } = await world.call("POST", "/login", { address, body });
  return { status, device: String(json["device"]) };
}

/** Uses up the attempts of unknown devices at a login, from many addresses. */
async function attack(world: World, login: string, count = 20): Promise<number> {
  let responded = 0;
  for (let n = 0; n < count; n++)
    if ((await logIn(world, login, wrong, undefined, `198.51.100.${n}`)).status === 401) responded++;
  return responded;
}

async function openAnn(): Promise<{ readonly world: World; readonly device: string }> {
  const world = await openWorld();
  await world.user("ann", { password });
  const { device } = await logIn(world, "ann", password);
  return { world, device };
}

describe("a device proof", () => {
  it("a device proof lets the owner sign in while attackers have used up all attempts", async () => {
    const { world, device } = await openAnn();
    expect(await attack(world, "ann")).toBe(5);
    expect((await logIn(world, "ann", password)).status).toBe(429);
    expect((await logIn(world, "ann", password, device)).status).toBe(200);
  });

  it("a device proof lets the owner pass any number of waiting attempts of attackers", async () => {
    const release: (() => void)[] = [];
    const world = await openWorld({
      users: {
        find: (login) => ({ id: "1", login }),
        // The attempts of attackers are pending while their passwords are checked.
        verify: (_, given) => given === password || new Promise<boolean>((go) => release.push(() => go(false))),
      },
    });
    const { device } = await logIn(world, "ann", password);
    const strangers = Array.from({ length: 200 }, (_, n) => logIn(world, "ann", wrong, undefined, `198.51.100.${n}`));
    await vi.waitFor(() => expect(release).toHaveLength(5), { timeout: 60_000 });
    expect((await logIn(world, "ann", password, device)).status).toBe(200);
    // She did not have to wait until these gave up either.
    for (const go of release) go();
    const responses = (await Promise.all(strangers)).map(({ status }) => status);
    expect([responses.filter((status) => status === 401).length, release.length]).toEqual([5, 5]);
  });

  it("a device proof gives attempts of its own and nothing else", async () => {
    const { world, device } = await openAnn();
    for (let n = 0; n < 10; n++) expect((await logIn(world, "ann", wrong, device)).status).toBe(401);
    expect((await logIn(world, "ann", password, device)).status).toBe(429);
    // A stranger's tries are untouched by it.
    expect((await logIn(world, "ann", password)).status).toBe(200);
    world.clock.advance(60);
    expect((await logIn(world, "ann", password, device)).status).toBe(200);
  });

  it("a device proof is renewed when it is presented, and names the same device", async () => {
    const { world, device } = await openAnn();
    world.clock.advance(100);
    const next = (await logIn(world, "ann", password, device)).device;
    expect(claimsOf(next)).toEqual({
      ...claimsOf(device),
      iat: world.clock.now(),
      exp: world.clock.now() + 15_552_000,
    });
    expect(claimsOf((await logIn(world, "ann", password)).device)["did"]).not.toBe(claimsOf(device)["did"]);
    for (let n = 0; n < 5; n++) await logIn(world, "ann", wrong, device);
    for (let n = 0; n < 5; n++) await logIn(world, "ann", wrong, next);
    expect((await logIn(world, "ann", wrong, device)).status).toBe(429);
  });

  it("a device proof is valid for no other user", async () => {
    const { world, device } = await openAnn();
    await world.user("bob", { password });
    await attack(world, "bob");
    expect((await logIn(world, "bob", password, device)).status).toBe(429);
    await attack(world, "nobody");
    expect((await logIn(world, "nobody", password, device)).status).toBe(429);
  });

  it("a device proof is not issued without the password", async () => {
    const { world } = await openAnn();
    const rejected = await world.call("POST", "/login", { body: { login: "ann", password: wrong } });
    expect(rejected.json).not.toHaveProperty("device");
    const grant = await world.login("ann");
    const renewed = await world.renew(grant.refresh_token);
    expect(renewed.json).not.toHaveProperty("device");
    const forged = foreignToken(
      world.key,
      { ...claimsOf(grant.device) },
      { alg: "HS256", kid: "key-1", typ: "dp+jwt" },
    );
    await attack(world, "ann");
    for (const device of [forged, grant.token, grant.refresh_token, `${grant.device}x`, "", "x", "a.b.c"])
      expect((await logIn(world, "ann", password, device)).status).toBe(429);
    expect((await logIn(world, "ann", password, grant.device)).status).toBe(200);
  });

  it("a device proof is no access token and no refresh token", async () => {
    const { world, device } = await openAnn();
    expect((await world.call("GET", "/session", { bearer: device })).status).toBe(401);
    expect((await world.renew(device)).error).toBe("invalid_token");
  });

  it("a device proof is void after a new password, and after 180 days", async () => {
    const { world, device } = await openAnn();
    world.clock.advance(15_552_000 - 1);
    await attack(world, "ann");
    expect((await logIn(world, "ann", password, device)).status).toBe(200);
    const fresh = (await logIn(world, "ann", password, device)).device;
    world.clock.advance(61);
    await attack(world, "ann");
    expect((await logIn(world, "ann", password, device)).status).toBe(429);
    expect((await logIn(world, "ann", password, fresh)).status).toBe(200);
    await world.ampho.users.setPassword("ann", password);
    expect((await logIn(world, "ann", password, fresh)).status).toBe(429);
  });

  it("a device proof is useless while its user is disabled, and valid again afterwards", async () => {
    const { world, device } = await openAnn();
    await world.ampho.users.disable("ann");
    const meanwhile = await logIn(world, "ann", password, device);
    expect(meanwhile).toEqual(await logIn(world, "ann", wrong));
    expect(meanwhile).toEqual({ status: 401, device: "undefined" });
    await world.ampho.users.enable("ann");
    await attack(world, "ann");
    expect((await logIn(world, "ann", password, device)).status).toBe(200);
  });

  it("a device proof is void for a new user with the same login, and in another database with the same key", async () => {
    const { world, device } = await openAnn();
    const elsewhere = await openWorld({ key: world.key });
    await elsewhere.user("ann", { password });
    expect(await attack(elsewhere, "ann")).toBe(5);
    expect((await logIn(elsewhere, "ann", password, device)).status).toBe(429);
    await world.ampho.users.remove("ann");
    await world.user("ann", { password });
    expect(await attack(world, "ann")).toBe(5);
    expect((await logIn(world, "ann", password, device)).status).toBe(429);
  });

  it("a device proof is void when its key is revoked", async () => {
    const { world, device } = await openAnn();
    const rotated = { keys: [newKey("key-2"), world.key] };
    const next = await world.another({ key: rotated });
    await attack(next, "ann");
    expect((await logIn(next, "ann", password, device)).status).toBe(200);
    await next.ampho.signingKeys.revoke("key-1");
    expect((await logIn(next, "ann", password, device)).status).toBe(429);
  });

  it("many device proofs give no more attempts", async () => {
    const { world } = await openAnn();
    const devices: string[] = [];
    for (let n = 0; n < 12; n++) devices.push((await logIn(world, "ann", password)).device);
    let responded = 0;
    for (const device of devices)
      for (let n = 0; n < 10; n++) if ((await logIn(world, "ann", wrong, device)).status === 401) responded++;
    expect(responded).toBe(30);
  });

  it("a device proof for a user of an application's own table is bound to the id", async () => {
    const users = {
      find: (login: string) => (login === "ann" ? { id: "7", login } : undefined),
      verify: (_: unknown, word: string) => word === password,
    };
    const world = await openWorld({ users });
    const { device } = await logIn(world, "ann", password);
    expect(claimsOf(device)).toMatchObject({ sub: "7" });
    expect(claimsOf(device)).not.toHaveProperty("pwv");
    expect(await attack(world, "ann")).toBe(5);
    expect((await logIn(world, "ann", password, device)).status).toBe(200);
  });

  it("a device proof comes with a session that the application creates", async () => {
    const { world } = await openAnn();
    const user = await world.ampho.users.find("ann");
    if (user === undefined) throw new Error("there is no user");
    const { device } = await world.session(user);
    await attack(world, "ann");
    expect((await logIn(world, "ann", password, device)).status).toBe(200);
  });
});
