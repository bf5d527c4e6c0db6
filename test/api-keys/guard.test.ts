// API keys at the guard: what opens a route, what ends a key, and when the database is read.
import { describe, expect, it } from "vitest";
import type { ApplicationUser, Auth } from "../../dist/index.js";
import { createRevocationSet, databaseNames } from "../../dist/sessions/revocation-set.js";
import type { Revocation } from "../../dist/store/revocation.js";
import { apiKeyTest, generateApiKey } from "../../dist/tokens/api-key.js";
import { admission, openWorld } from "../world/ampho.js";
import { withinSecond } from "../world/deadline.js";
import { textsOf } from "../world/sqlite.js";
import { claimsOf, foreignToken } from "../world/tokens.js";
import { askGuard, keysOf, openKeys, readers, readsOf, scopes, writers } from "./worlds.js";

const ended = "invalid_token";

describe("a request with an API key", () => {
  it("the auth of a key has its id, its name, its owner, its scopes and no role", async () => {
    const { world, userId, create } = await openKeys();
    const { id, key } = await create();
    const auth = await world.ampho.verify(key, ["api_key"]);
    expect(auth).toMatchObject({ credential: "api_key", apiKey: { id, name: "Backup" }, id: userId, login: "ann" });
    expect(auth).toMatchObject({ scopes: ["articles:read"], roles: [], session: undefined, acr: undefined });
    expect([Object.isFrozen(auth), Object.isFrozen(auth.apiKey), Object.isFrozen(auth.scopes)]).toEqual([
      true,
      true,
      true,
    ]);
    const { token } = await world.ampho.sessions.create(userId, { authTime: world.clock.now() });
    expect((await world.ampho.verify(token)).apiKey).toBeUndefined();
  });

  it("a key opens a route that names keys, and no route for roles or further scopes", async () => {
    const { create, ask } = await openKeys();
    const { key } = await create();
    expect(await ask(key)).toBe("articles:read");
    expect(await ask(key, writers)).toBe("insufficient_scope");
    expect(await ask(key, { ...readers, roles: ["editor"] })).toBe("insufficient_scope");
    expect(await ask(key, { ...readers, maxAge: 300 })).toBe("login_too_old");
    expect(await ask(key, { ...readers, acr: "2fa" })).toBe("login_too_weak");
  });

  it("M-12: a route that does not name keys rejects each key without reading it", async () => {
    const { create, ask, reads, world } = await openKeys();
    const { key } = await create();
    for (const requirements of [undefined, {}, { optional: true }, { live: true }, { credentials: ["session"] }])
      for (const each of [key, generateApiKey("ampho")])
        expect(await askGuard(world, each, requirements as object)).toBe("credential_not_accepted");
    await expect(world.ampho.verify(key)).rejects.toMatchObject({ code: "credential_not_accepted" });
    expect(() => world.ampho.verifySync(key)).toThrow(expect.objectContaining({ code: "credential_not_accepted" }));
    expect(reads()).toBe(0);
    expect(await ask(key)).toBe("articles:read");
    expect(await askGuard(world, key, {})).toBe("credential_not_accepted");
  });

  it("a route of a protected resource rejects each key without reading it, and also one that was read", async () => {
    const resource = "https://api.example/mcp";
    const { create, ask, reads, world } = await openKeys({
      resources: [{ resource, scopes: ["articles:read"], servers: ["https://id.example"] }],
    });
    const { key } = await create();
    const requirements = { resource, credentials: ["api_key"] };
    for (const each of [key, generateApiKey("ampho")])
      expect(await askGuard(world, each, requirements)).toBe("invalid_token");
    expect(reads()).toBe(0);
    expect(await ask(key)).toBe("articles:read");
    expect(await askGuard(world, key, requirements)).toBe("invalid_token");
    await expect(
      (async () => world.ampho.host.guard(`Bearer ${key}`, requirements as never, undefined))(),
    ).rejects.toThrow("An API key has no audience, and this route takes only tokens for its resource.");
  });

  it("one read serves all requests that wait, and later ones read nothing", async () => {
    const { create, ask, reads } = await openKeys();
    const { key } = await create();
    expect(new Set(await Promise.all(Array.from({ length: 200 }, () => ask(key))))).toEqual(new Set(["articles:read"]));
    expect(reads()).toBe(1);
    expect(await ask(key)).toBe("articles:read");
    expect(reads()).toBe(1);
  });

  it("a miss is one query and no write, and the day of use is written at the end", async () => {
    const { world, userId, create, ask, reads } = await openKeys();
    const { key } = await create();
    const before = world.ampho.metrics();
    expect(await ask(key)).toBe("articles:read");
    for (const operation of ["touchApiKeys", "recordAudit", "allowAttempt", "findSession", "findUserById"])
      expect(readsOf(world.ampho.metrics(), operation)).toBe(readsOf(before, operation));
    expect(reads()).toBe(1);
    const other = await world.another();
    expect(await other.ampho.apiKeys.list(userId)).toMatchObject([{ last_used: null }]);
    await world.ampho.close();
    const day = new Date(world.clock.now() * 1000).toISOString().slice(0, 10);
    expect(await other.ampho.apiKeys.list(userId)).toMatchObject([{ last_used: day }]);
  });

  it("M-05: a text with another prefix, length, character or checksum makes no query", async () => {
    const { create, ask, reads } = await openKeys();
    const { key } = await create();
    const last = key.endsWith("A") ? "B" : "A";
    const wrong = [
      key.slice(0, -1),
      `${key}A`,
      key.slice(0, -1) + last,
      key.replace("ampho_", "acme_"),
      key.toUpperCase(),
      `${key.slice(0, 20)}_${key.slice(21)}`,
      `${key} `,
      `${key.slice(0, 20)}é${key.slice(21)}`,
      "",
      `${key.slice(0, 20)}${key.slice(21)}${key.slice(20, 21)}`,
    ];
    for (const each of wrong) expect(await ask(each), each).toBe(ended);
    expect(reads()).toBe(0);
  });

  it("a key of another brand is rejected, and so is each key without the parameter", async () => {
    const { world, create } = await openKeys();
    const { key } = await create();
    const acme = await world.another({ apiKeys: { perUser: 5, brand: "acme" } });
    const off = await world.another({ apiKeys: 0 });
    for (const other of [acme, off]) expect(await askGuard(other, key, readers)).toBe(ended);
    expect(
      (
        await acme.ampho.apiKeys.create((await world.ampho.users.find("ann"))?.id ?? "", {
          name: "x",
          scopes: ["articles:read"],
        })
      ).key,
    ).toMatch(/^acme_key_[0-9A-Za-z]{36}$/);
  });

  it("verifySync cannot read a key, and names verify", async () => {
    const { world, create } = await openKeys();
    const { id, key } = await create();
    expect(() => world.ampho.verifySync(key, ["api_key"])).toThrow(
      expect.objectContaining({ code: "unavailable", message: expect.stringContaining("Use `verify`") }),
    );
    await world.ampho.verify(key, ["api_key"]);
    expect(world.ampho.verifySync(key, ["api_key"]).apiKey?.id).toBe(id);
  });

  it("while the database is down a known key is good and an unknown one is unavailable", async () => {
    const { world, create, ask } = await openKeys();
    const [first, second] = [await create(), await create()];
    expect(await ask(first.key)).toBe("articles:read");
    await world.ampho.close();
    expect(await ask(first.key)).toBe("articles:read");
    expect(await ask(second.key)).toBe("unavailable");
  });
});

describe("what ends an API key", () => {
  it("M-02: a key that another process ended is rejected here within a second, and after a restart", async () => {
    const { world, create, ask } = await openKeys();
    const { id, key } = await create();
    expect(await ask(key)).toBe("articles:read");
    const other = await world.another();
    expect(await other.ampho.apiKeys.revoke(id)).toBe(true);
    await withinSecond(() => ask(key), ended);
    expect(await askGuard(await world.another(), key, readers)).toBe(ended);
    expect(await other.ampho.apiKeys.revoke(id)).toBe(false);
  });

  it("a key that this process ended is rejected by its next request", async () => {
    const { world, create, ask } = await openKeys();
    const { id, key } = await create();
    expect(await ask(key)).toBe("articles:read");
    await world.ampho.apiKeys.revoke(id);
    expect(await ask(key)).toBe(ended);
    expect(() => world.ampho.verifySync(key, ["api_key"])).toThrow(expect.objectContaining({ code: "unavailable" }));
  });

  it.each(["disable", "remove"] as const)("M-03: the keys of a user end with %s", async (change) => {
    const { world, create, ask } = await openKeys();
    const { key } = await create();
    expect(await ask(key)).toBe("articles:read");
    const other = await world.another();
    expect(await askGuard(other, key, readers)).toBe("articles:read");
    await other.ampho.users[change]("ann");
    expect(await askGuard(other, key, readers)).toBe(ended);
    await withinSecond(() => ask(key), ended);
    if (change === "disable") await other.ampho.users.enable("ann");
    world.clock.advance(10);
    expect(await ask(key)).toBe(ended);
  });

  it.each(["disable", "remove"] as const)("M-03: no key is created or rotated behind users.%s", async (change) => {
    const { world, userId, create } = await openKeys();
    const { apiKeys, users } = world.ampho;
    const { id } = await create();
    // Both have found the user before the change is made.
    const outcomes = await Promise.allSettled([users[change]("ann"), create(), apiKeys.rotate(userId, { id })]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    const left = apiKeys.list(userId);
    if (change === "disable") expect(await left).toEqual([]);
    else await expect(left).rejects.toMatchObject({ code: "not_found" });
  });

  it("M-03: sessions.revokeForUser and apiKeys.revokeForUser end the keys of one user alone", async () => {
    const { world, userId, create, ask } = await openKeys();
    const bob = await keysOf(world, (await world.ampho.users.create({ login: "bob", roles: ["reader"] })).id);
    const theirs = await bob.create();
    for (const end of [
      () => world.ampho.sessions.revokeForUser({ id: userId, login: "ann" }),
      () => world.ampho.apiKeys.revokeForUser(userId),
    ]) {
      const { key } = await create();
      expect(await ask(key)).toBe("articles:read");
      await end();
      expect(await ask(key)).toBe(ended);
    }
    expect(await ask(theirs.key)).toBe("articles:read");
    expect(await world.ampho.apiKeys.revokeForUser(userId)).toBe(0);
  });

  it("M-03: a role that was taken costs one query and its scopes, and a role that was given instead is there", async () => {
    const { world, create, ask, reads } = await openKeys();
    const { key } = await create({ scopes: ["articles:read", "articles:write"] });
    expect(await ask(key, writers)).toBe("articles:read articles:write");
    const before = reads();
    await world.ampho.users.setRoles("ann", { set: ["reader"] });
    expect([await ask(key), await ask(key, writers), reads() - before]).toEqual([
      "articles:read",
      "insufficient_scope",
      1,
    ]);
    await world.ampho.users.setRoles("ann", { set: [] });
    expect(await ask(key)).toBe("insufficient_scope");
    // New roles alone revoke nothing. They come with the next read, as those of a session come with its renewal.
    await world.ampho.users.setRoles("ann", { set: ["editor"] });
    world.clock.advance(601);
    expect(await ask(key, writers)).toBe("articles:read articles:write");
  });

  it("M-04: a key ends at its time, and a clock that is set back brings back no entry of the cache", async () => {
    const { world, create, ask, reads } = await openKeys();
    const { key } = await create({ expires: world.clock.now() + 100 });
    world.clock.advance(99);
    expect(await ask(key)).toBe("articles:read");
    world.clock.advance(1);
    expect(await ask(key)).toBe(ended);
    const before = reads();
    world.clock.advance(-50);
    expect([await ask(key), reads() - before]).toEqual([ended, 0]);
    world.clock.advance(10);
    expect([await ask(key), reads() - before]).toEqual([ended, 0]);
  });

  it("M-04: a rotated key ends at once, or when its overlap is over, in every process", async () => {
    const { world, userId, create, ask } = await openKeys();
    const other = await world.another();
    const first = await create();
    expect(await askGuard(other, first.key, readers)).toBe("articles:read");
    const second = await world.ampho.apiKeys.rotate(userId, { id: first.id });
    expect([await ask(first.key), await ask(second.key)]).toEqual([ended, "articles:read"]);
    await withinSecond(() => askGuard(other, first.key, readers), ended);
    expect(await askGuard(other, second.key, readers)).toBe("articles:read");
    const third = await world.ampho.apiKeys.rotate(userId, { id: second.id, overlap: 60 });
    expect(third).toMatchObject({ name: "Backup", scopes: ["articles:read"] });
    expect([await ask(second.key), await ask(third.key)]).toEqual(["articles:read", "articles:read"]);
    await expect(world.ampho.apiKeys.rotate(userId, { id: second.id })).rejects.toMatchObject({ code: "not_found" });
    // The other process has read the key before the rotation, and learns that its life is shorter now.
    await expect.poll(() => readsOf(other.ampho.metrics())).toBeGreaterThan(0);
    const reads = readsOf(other.ampho.metrics());
    const readAgain = async () => [await askGuard(other, second.key, readers), readsOf(other.ampho.metrics()) > reads];
    await withinSecond(readAgain, ["articles:read", true]);
    world.clock.advance(60);
    for (const each of [world, other]) {
      expect(await askGuard(each, second.key, readers)).toBe(ended);
      expect(await askGuard(each, third.key, readers)).toBe("articles:read");
    }
  });

  it("M-13: a new era ends sessions and no key, and ends keys where that is asked for", async () => {
    const { world, userId, grant, create, ask } = await openKeys();
    const { key } = await create();
    const other = await world.another();
    expect(await askGuard(other, key, readers)).toBe("articles:read");
    await world.ampho.sessions.endForEveryone();
    expect([await ask(key), await admission(world.ampho, grant.token)]).toEqual(["articles:read", ended]);
    await withinSecond(() => admission(other.ampho, grant.token), ended);
    expect(await askGuard(other, key, readers)).toBe("articles:read");
    const { key: further } = await world.ampho.apiKeys.create(userId, { name: "x", scopes: ["articles:read"] });
    expect(await askGuard(other, further, readers)).toBe("articles:read");
    await world.ampho.sessions.endForEveryone({ apiKeys: true });
    for (const each of [key, further]) {
      expect(await ask(each)).toBe(ended);
      await withinSecond(() => askGuard(other, each, readers), ended);
    }
  });

  it("every key of every user ends by one command, and every session goes on", async () => {
    const { world, grant, create, ask } = await openKeys();
    const { key } = await create();
    const other = await world.another();
    expect([await ask(key), await askGuard(other, key, readers)]).toEqual(["articles:read", "articles:read"]);
    for (let round = 0; round < 2; round++) {
      await world.ampho.apiKeys.revokeForEveryone();
      for (const each of [world, other]) await withinSecond(() => askGuard(each, key, readers), ended);
    }
    expect(await admission(other.ampho, grant.token)).toBe("in");
  });

  it("after a restored backup everything is read again, and a key that had ended stays ended", () => {
    const set = createRevocationSet(databaseNames, () => undefined);
    const page = (last: number, ...rows: readonly Revocation[]) => ({ epoch: "e", last, more: false, rows });
    const until = Number.MAX_SAFE_INTEGER;
    set.applyPage(page(5, { n: 5, at: 1, until, kind: "session", sessionId: "key_a" }), 0);
    const read = (id: string) => ({
      auth: { id: "u", apiKey: { id, name: "Backup" } },
      gen: 0,
      asOf: 5,
      timeline: set.timeline,
    });
    const [dead, alive] = [read("key_a"), read("key_b")];
    expect([set.isOutdated(dead), set.isOutdated(alive)]).toEqual([true, false]);
    // The backup is of the time before the last revocations, and new ones get their numbers again.
    set.applyPage(page(3), 5);
    set.applyPage(page(3), 0);
    expect([set.isOutdated(read("key_a")), set.isOutdated(alive)]).toEqual([true, true]);
    set.applyPage(page(4, { n: 4, at: 2, until, kind: "user", userId: "u", login: "ann" }), 3);
    expect(set.isOutdated({ ...read("key_b"), asOf: 3 })).toBe(true);
    expect(set.isOutdated({ ...read("key_b"), asOf: 4 })).toBe(false);
  });
});

describe("a key of a user of an application's own table", () => {
  async function openOwn() {
    const rows = new Map<string, ApplicationUser>([["7", { id: "7", login: "ann", roles: ["editor"] }]]);
    let barrier: Promise<void> | undefined;
    const world = await openWorld({
      scopes,
      apiKeys: 5,
      users: {
        find: async (login) => [...rows.values()].find((row) => row.login === login),
        findById: async (id) => {
          const row = rows.get(id);
          await barrier;
          return row;
        },
        verify: async () => false,
      },
    });
    const hold = () => {
      let open = () => {};
      barrier = new Promise((resolve) => {
        open = () => {
          barrier = undefined;
          resolve();
        };
      });
      return () => open();
    };
    return { rows, hold, ...(await keysOf(world, "7")) };
  }

  it("M-01: a read that was held open across the end of its key puts no dead key into the cache", async () => {
    const { world, create, ask, hold } = await openOwn();
    const { id, key } = await create();
    const open = hold();
    const asked = [ask(key), ask(key), ask(key, { ...readers, live: true })];
    await expect.poll(() => readsOf(world.ampho.metrics())).toBeGreaterThan(0);
    await world.ampho.apiKeys.revoke(id);
    open();
    expect(await Promise.all(asked)).toEqual([ended, ended, ended]);
    expect(await ask(key)).toBe(ended);
    expect(() => world.ampho.verifySync(key, ["api_key"])).toThrow(expect.objectContaining({ code: "unavailable" }));
  });

  it("M-01: a read that was held open across sessions.revokeForUser accepts nothing", async () => {
    const { world, create, ask, hold } = await openOwn();
    const { key } = await create();
    const open = hold();
    const asked = [ask(key), ask(key, { ...readers, live: true })];
    await expect.poll(() => readsOf(world.ampho.metrics())).toBeGreaterThan(0);
    await world.ampho.sessions.revokeForUser({ id: "7", login: "ann" });
    open();
    expect(await Promise.all(asked)).toEqual([ended, ended]);
    expect(await ask(key)).toBe(ended);
  });

  it("a user whom the table disables, deletes or changes has the rights of the table at the next read", async () => {
    const { rows, world, create, ask } = await openOwn();
    const { key } = await create();
    expect(await ask(key)).toBe("articles:read");
    const live = { ...readers, live: true };
    rows.set("7", { id: "7", login: "ann", roles: [] });
    expect(await ask(key, live)).toBe("insufficient_scope");
    rows.set("7", { id: "7", login: "ann", roles: ["reader"], disabled: true });
    expect(await ask(key, live)).toBe(ended);
    rows.delete("7");
    world.clock.advance(601);
    expect(await ask(key)).toBe(ended);
  });
});

it("live reads the row of the key and its owner for each request", async () => {
  const { world, create, ask, reads } = await openKeys();
  const { id, key } = await create();
  const live = { ...readers, live: true };
  expect([await ask(key, live), await ask(key, live), reads()]).toEqual(["articles:read", "articles:read", 2]);
  // A process that has not read the revocations yet.
  const other = await world.another();
  expect(await askGuard(other, key, live)).toBe("articles:read");
  await other.ampho.apiKeys.revoke(id);
  expect(await ask(key, live)).toBe(ended);
});

describe("guesses", () => {
  it("M-06: an address can send as many different bad keys as wrong logins, and no other address waits", async () => {
    const { world, create, ask, reads } = await openKeys({ throttleAddress: 3 });
    const { key } = await create();
    const address = "203.0.113.7";
    for (let n = 0; n < 3; n++) expect(await ask(generateApiKey("ampho"), readers, address)).toBe(ended);
    const before = reads();
    for (let n = 0; n < 50; n++) expect(await ask(generateApiKey("ampho"), readers, address)).toBe("too_many_attempts");
    expect(reads()).toBe(before);
    expect(await ask(generateApiKey("ampho"), readers, "203.0.113.8")).toBe(ended);
    expect(await ask(key, readers, "203.0.113.8")).toBe("articles:read");
    // This process knows the key now, so its own address does not matter any more.
    expect(await ask(key, readers, address)).toBe("articles:read");
    world.clock.advance(601);
    expect(await ask(key, readers, address)).toBe("articles:read");
    world.clock.advance(900);
    expect(await ask(generateApiKey("ampho"), readers, address)).toBe(ended);
    expect((await world.call("POST", "/login", { body: { login: "ann", password: "x" }, address })).error).toBe(
      "invalid_credentials",
    );
  });

  it("good keys that a process does not know do not wait for each other, however many an address sends at once", async () => {
    const { create, ask } = await openKeys({ apiKeys: 40, throttleAddress: 3 });
    const keys = await Promise.all(Array.from({ length: 40 }, () => create()));
    const asked = await Promise.all(keys.map(({ key }) => ask(key, readers, "203.0.113.7")));
    expect(new Set(asked)).toEqual(new Set(["articles:read"]));
  });

  it("a thousand requests at once with one good key that a process does not know are all accepted", async () => {
    const { create, ask, reads } = await openKeys({ throttleAddress: 3 });
    const { key } = await create();
    const asked = await Promise.all(Array.from({ length: 1000 }, () => ask(key, readers, "203.0.113.7")));
    expect(new Set(asked)).toEqual(new Set(["articles:read"]));
    expect(reads()).toBe(1);
  });

  it("an address has a bounded number of keys that are read at once, and the others of a flood are overloaded", async () => {
    const { ask, reads } = await openKeys({ throttleAddress: 3 });
    const flood = Array.from({ length: 1000 }, () => ask(generateApiKey("ampho"), readers, "203.0.113.7"));
    const other = ask(generateApiKey("ampho"), readers, "203.0.113.8");
    expect(new Set(await Promise.all(flood))).toEqual(new Set([ended, "overloaded"]));
    expect(await other).toBe(ended);
    expect(reads()).toBeLessThan(8);
    expect(await ask(generateApiKey("ampho"), readers, "203.0.113.7")).toBe("too_many_attempts");
  });

  it("the same bad key many times is one guess and one query", async () => {
    const { ask, reads } = await openKeys({ throttleAddress: 2 });
    const bad = generateApiKey("ampho");
    for (let n = 0; n < 20; n++) expect(await ask(bad, readers, "203.0.113.7")).toBe(ended);
    expect(reads()).toBe(1);
    expect(await ask(generateApiKey("ampho"), readers, "203.0.113.7")).toBe(ended);
  });

  it("M-06: ten thousand random keys at once make at most one query for 32 of them, and the rest is overloaded", async () => {
    const { create, ask, reads } = await openKeys({ throttleAddress: 0 });
    const { key } = await create();
    const asked = await Promise.all(Array.from({ length: 10_000 }, () => ask(generateApiKey("ampho"))));
    expect(new Set(asked)).toEqual(new Set([ended, "overloaded"]));
    expect(reads()).toBeLessThan(40);
    expect(await ask(key)).toBe("articles:read");
  });
});

it("M-06: a process remembers a bounded number of bad keys, and no longer than five seconds", async () => {
  const { world, ask, reads } = await openKeys({ throttleAddress: 0 });
  const [first, last] = [generateApiKey("ampho"), generateApiKey("ampho")];
  expect([await ask(first), reads()]).toEqual([ended, 1]);
  expect([await ask(first), reads()]).toEqual([ended, 1]);
  for (let sent = 0; sent < 10_000; sent += 1000)
    await Promise.all(Array.from({ length: 1000 }, () => ask(generateApiKey("ampho"))));
  const before = reads();
  expect([await ask(last), await ask(last), reads() - before]).toEqual([ended, ended, 1]);
  // Ten thousand later ones have taken the place of the first one.
  expect([await ask(first), reads() - before]).toEqual([ended, 2]);
  world.clock.advance(6);
  expect([await ask(last), reads() - before]).toEqual([ended, 3]);
});

it("M-10: no table, log line or metric has a key", async () => {
  const { world, create, ask } = await openKeys();
  const { id, key } = await create();
  await ask(key);
  await ask(generateApiKey("ampho"));
  await world.ampho.apiKeys.inspect(key);
  const rotated = await world.ampho.apiKeys.rotate((await world.ampho.users.find("ann"))?.id ?? "", { id });
  await ask(rotated.key);
  for (const each of [key, rotated.key]) {
    const random = each.slice("ampho_key_".length);
    const texts = [...textsOf(world.databaseFile).values()].flat();
    for (const text of [...texts, ...world.notices, world.ampho.metrics()]) {
      expect(text.includes(random)).toBe(false);
      // The beginning of four characters is in the list of its owner.
      expect(text.includes(random.slice(0, 8))).toBe(false);
    }
  }
});

it("a token of the owner and a key of the owner are kept apart", async () => {
  const { world, grant, create, ask } = await openKeys();
  const { key } = await create();
  const forged = foreignToken(world.key, { ...claimsOf(grant.token), key: "key_1" });
  expect(await ask(forged, { credentials: ["api_key"], can: () => true })).toBe("credential_not_accepted");
  expect(await ask(grant.token, { credentials: ["api_key"], can: () => true })).toBe("credential_not_accepted");
  const auths: Auth[] = [];
  const can = (auth: Auth) => auths.push(auth) > 0;
  await ask(key, { credentials: ["api_key"], can });
  expect(auths[0]?.apiKey?.name).toBe("Backup");
});

it("a created key has the form, and no two are equal", () => {
  const isKey = apiKeyTest("ampho");
  const keys = Array.from({ length: 10_000 }, () => generateApiKey("ampho"));
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.filter((key) => !isKey(key))).toEqual([]);
  // Each digit of base62 occurs about equally often at each place.
  const counts = new Map<string, number>();
  for (const key of keys) for (const digit of key.slice(10, 40)) counts.set(digit, (counts.get(digit) ?? 0) + 1);
  expect(counts.size).toBe(62);
  const expected = (keys.length * 30) / 62;
  for (const count of counts.values()) expect(Math.abs(count - expected) / expected).toBeLessThan(0.1);
  const changed = keys.flatMap((key) => [key.slice(0, 15) + (key[15] === "a" ? "b" : "a") + key.slice(16)]);
  expect(changed.filter(isKey)).toEqual([]);
});
