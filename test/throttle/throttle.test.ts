import { describe, expect, it } from "vitest";
import { openWorld, password, type Sent, type World } from "../world/ampho.js";
import { start } from "../world/clock.js";

const wrong = "not this one, sorry";

interface Tried {
  readonly status: number;
  /** Seconds. */
  readonly retryAfter: number | undefined;
  readonly device: string;
}

/** Logs in from an address of its own, unless another is given. */
async function tryLogin(
  { call }: World,
  login: string,
  word: string,
  sent: Sent & { readonly device?: string } = {},
): Promise<Tried> {
  const body = { login, password: word, ...(sent.device === undefined ? {} : { device: sent.device }) };
  const { status, headers, json } = await call("POST", "/login", { address: "192.0.2.7", ...sent, body });
  const retryAfter = headers.get("retry-after");
  return { status, retryAfter: retryAfter === null ? undefined : Number(retryAfter), device: String(json["device"]) };
}

async function failTimes(world: World, count: number, login: string, sent: Sent = {}): Promise<void> {
  for (let failed = 0; failed < count; failed++)
    expect(await tryLogin(world, login, wrong, sent)).toMatchObject({ status: 401 });
}

const from = (n: number): string => `198.51.${n >> 8}.${n & 255}`;

describe("attempts at a login", () => {
  it("five attempts at a login are free from all sources together, and then even the right password waits", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    for (let n = 0; n < 5; n++) await failTimes(world, 1, "ann", { address: from(n) });
    expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 429, retryAfter: 60 });
    world.clock.advance(59);
    expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 429, retryAfter: 1 });
    world.clock.advance(1);
    expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 200 });
  });

  it("the waits of a login grow to a quarter of an hour, and end after a quiet one", async () => {
    const world = await openWorld();
    await failTimes(world, 5, "ann");
    const waits: (number | undefined)[] = [];
    for (let round = 0; round < 6; round++) {
      const { retryAfter = 0 } = await tryLogin(world, "ann", wrong);
      waits.push(retryAfter);
      world.clock.advance(retryAfter);
      await failTimes(world, 1, "ann");
    }
    expect(waits).toEqual([60, 120, 240, 480, 900, 900]);
    world.clock.advance(1800);
    await failTimes(world, 5, "ann");
    expect(await tryLogin(world, "ann", wrong)).toMatchObject({ retryAfter: 60 });
  });

  it("a rejection does not reveal whether the login exists", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    await world.user("bob");
    await world.user("cat", { password });
    await world.ampho.users.disable("cat");
    const responses = await Promise.all(
      ["ann", "bob", "cat", "dan"].map(async (login) => {
        await failTimes(world, 5, login, { address: `203.0.113.${login.charCodeAt(0)}` });
        const { status, headers, text } = await world.call("POST", "/login", { body: { login, password } });
        return { status, headers: [...headers], text };
      }),
    );
    expect(new Set(responses.map((response) => JSON.stringify(response))).size).toBe(1);
    expect(responses[0]).toMatchObject({ status: 429 });
    expect(responses[0]?.text).toContain("too_many_attempts");
  });

  it("attempts count for every spelling of a login, and without a password too", async () => {
    const world = await openWorld();
    for (const login of ["ann", "ANN", "ａｎｎ", "Ann"]) await failTimes(world, 1, login);
    expect((await world.call("POST", "/login", { body: { login: "a\u00adnn" } })).status).toBe(401);
    expect(await tryLogin(world, "ann", wrong)).toMatchObject({ status: 429 });
  });

  it("a mistyped password costs its owner nothing if the next one is right", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    for (let day = 0; day < 5; day++) {
      await failTimes(world, 4, "ann");
      expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 200 });
    }
  });

  it("logins of the owner give an attacker no attempts back", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    let tried = 0;
    for (let minute = 0; minute < 60; minute++) {
      while ((await tryLogin(world, "ann", wrong, { address: from(tried) })).status === 401) tried++;
      await tryLogin(world, "ann", password);
      world.clock.advance(60);
    }
    expect(tried).toBeLessThanOrEqual(20);
  });

  it("a hundred failures in a row lock a login until its owner signs in on a known device", async () => {
    const world = await openWorld({ throttleAttempts: 1000 });
    await world.user("ann", { password });
    const { device } = await tryLogin(world, "ann", password);
    await failTimes(world, 100, "ann", { address: from(1) });
    world.clock.advance(10_000_000);
    expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 429, retryAfter: 86_400 });
    expect(await tryLogin(world, "ann", password, { device })).toMatchObject({ status: 200 });
    expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 200 });
  });

  it("a hundred failures in a row lock a login until they are cleared", async () => {
    const world = await openWorld({ throttleAttempts: 1000, throttleLock: 20 });
    await world.user("Ann", { password });
    await failTimes(world, 20, "ann");
    expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 429 });
    expect(await world.ampho.throttle.list()).toEqual([
      { kind: "login", login: "Ann", source: null, failures: 20, locked: true, until: null },
    ]);
    expect(await world.ampho.throttle.clear({ login: "ANN" })).toBe(1);
    expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 200 });
    expect(await world.events()).toEqual(
      expect.arrayContaining(["login_throttled: locked", "throttle_listed", "throttle_cleared: login"]),
    );
  });
});

describe("the count of a login", () => {
  it("the counter of a login is cleared although its user was created again with another spelling", async () => {
    const world = await openWorld({ throttleAttempts: 1000, throttleLock: 20 });
    await world.user("Ann", { password });
    await failTimes(world, 20, "ann");
    await world.ampho.users.remove("ann");
    await world.user("ANN", { password });
    expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 429 });
    expect(await world.ampho.throttle.clear({ login: "ann" })).toBe(1);
    expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 200 });
  });

  it("the counter of a login is cleared with an application's own user table", async () => {
    const verify = () => false;
    const users = { find: (login: string) => ({ id: "u-1", login: login === "ann" ? "Ann" : login }), verify };
    const world = await openWorld({ throttleAttempts: 1000, throttleLock: 20, users });
    await failTimes(world, 20, "ann");
    expect(await world.ampho.throttle.clear({ login: "Ann" })).toBe(1);
    expect(await world.ampho.throttle.list()).toEqual([]);
  });
});

describe("attempts from an address", () => {
  it("an address can fail at twenty different logins, and then only callers from that address wait", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const { device } = await tryLogin(world, "ann", password, { address: "203.0.113.1" });
    for (let n = 0; n < 20; n++) await failTimes(world, 1, `user-${n}`);
    expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 429, retryAfter: 900 });
    expect(await tryLogin(world, "ann", password, { address: "192.0.2.8" })).toMatchObject({ status: 200 });
    // A user at the address of the attacker can log in with a known device.
    expect(await tryLogin(world, "ann", password, { device })).toMatchObject({ status: 200 });
    world.clock.advance(900);
    expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 200 });
  });

  it("addresses count by the /64 of IPv6, and by the /48 with five times the limit", async () => {
    const world = await openWorld({ throttleAddress: 3 });
    const at = (subnet: number, host: number) => ({ address: `2001:db8:1:${subnet}::${host}` });
    for (let subnet = 1; subnet <= 5; subnet++) {
      for (let n = 1; n <= 3; n++) await failTimes(world, 1, `${subnet}-${n}`, at(subnet, n));
      expect(await tryLogin(world, `${subnet}-4`, wrong, at(subnet, 4))).toMatchObject({ status: 429 });
    }
    expect(await tryLogin(world, "six-1", wrong, at(6, 1))).toMatchObject({ status: 429 });
    expect(await tryLogin(world, "six-1", wrong, { address: "2001:db8:2::1" })).toMatchObject({ status: 401 });
  });

  it("an IPv4 address in IPv6 form counts as the IPv4 address", async () => {
    const world = await openWorld({ throttleAddress: 2 });
    await failTimes(world, 1, "a", { address: "::ffff:192.0.2.7" });
    await failTimes(world, 1, "b", { address: "192.0.2.7" });
    expect(await tryLogin(world, "c", wrong, { address: "[::ffff:c000:207]:4321" })).toMatchObject({ status: 429 });
    await failTimes(world, 1, "c", { address: "::ffff:192.0.2.8" });
  });

  it("callers without a known address are counted by login only", async () => {
    const world = await openWorld({ throttleAddress: 2 });
    const statuses = [];
    for (let n = 0; n < 10; n++)
      statuses.push((await world.call("POST", "/login", { body: { login: `u${n}`, password: wrong } })).status);
    expect(new Set(statuses)).toEqual(new Set([401]));
  });

  it("a network is cleared by any of its addresses", async () => {
    const world = await openWorld({ throttleAddress: 1 });
    await failTimes(world, 1, "a", { address: "2001:db8::1" });
    const listed = await world.ampho.throttle.list();
    expect(listed.map(({ source }) => source)).toEqual(["2001:db8:0:0::/64"]);
    expect(await world.ampho.throttle.clear({ address: "2001:db8:0:0::/64" })).toBe(2);
    await failTimes(world, 1, "b", { address: "2001:db8::1" });
    await expect(world.ampho.throttle.clear({ address: "localhost" })).rejects.toMatchObject({
      code: "invalid_request",
    });
    expect(await world.ampho.throttle.clear({ all: true })).toBeGreaterThan(0);
  });
});

describe("the audit log of attempts", () => {
  it("the audit log has one row for each login, address and window", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    await failTimes(world, 5, "ann");
    const rejections = async () => (await world.events()).filter((event) => event.startsWith("login_throttled"));
    for (let n = 0; n < 10; n++) await tryLogin(world, "ann", wrong);
    expect(await rejections()).toEqual(["login_throttled: login"]);
    for (let n = 0; n < 10; n++) await tryLogin(world, "ann", wrong, { address: from(1) });
    expect(await rejections()).toHaveLength(2);
    for (let n = 0; n < 100; n++) await tryLogin(world, "ann", wrong, { address: from(n) });
    expect((await rejections()).length).toBeLessThanOrEqual(20);
    const before = (await rejections()).length;
    world.clock.advance(900);
    await failTimes(world, 1, "ann");
    for (let n = 0; n < 10; n++) await tryLogin(world, "ann", wrong);
    expect(await rejections()).toHaveLength(before + 1);
  });

  it("the audit log has one row for each address and network, however many logins are rejected in a window", async () => {
    const world = await openWorld({ throttleAddress: 2 });
    const at = (subnet: number) => ({ address: `2001:db8:1:${subnet}::7` });
    for (const subnet of [1, 2, 4, 5, 6])
      for (let n = 0; n < 2; n++) await failTimes(world, 1, `user-${subnet}-${n}`, at(subnet));
    for (let n = 0; n < 20; n++)
      expect(await tryLogin(world, `more-${n}`, wrong, at(1))).toMatchObject({ status: 429 });
    for (let n = 0; n < 20; n++)
      expect(await tryLogin(world, `more-${n}`, wrong, at(3))).toMatchObject({ status: 429 });
    const rows = (await world.ampho.audit.list({ limit: 100 })).filter(({ event }) => event === "login_throttled");
    expect(rows.map(({ reason, detail }) => [reason, detail?.["source"]]).sort()).toEqual([
      ["source", "2001:db8:1:1::/64"],
      ["source", "2001:db8:1::/48"],
    ]);
  });

  it("the audit log contains nothing that was typed for a login without an account", async () => {
    const world = await openWorld();
    await failTimes(world, 5, "my secret password");
    await tryLogin(world, "my secret password", wrong);
    const rows = await world.ampho.audit.list({ limit: 100 });
    expect(rows.map(({ event }) => event)).toContain("login_throttled");
    expect(JSON.stringify([rows, await world.ampho.throttle.list()])).not.toContain("secret");
  });
});

describe("changing a password", () => {
  it("a password change allows ten attempts to a stolen session, and does not affect the login", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const { token, device } = await world.login("ann");
    const change = (bearer: string, word: string) =>
      world.call("POST", "/password", { bearer, body: { password: word, new_password: "another kettle of fish" } });
    for (let n = 0; n < 10; n++) expect((await change(token, wrong)).status).toBe(401);
    const rejected = await change(token, password);
    expect([rejected.status, rejected.headers.get("retry-after")]).toEqual([429, "60"]);
    expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 200 });
    expect(await tryLogin(world, "ann", password, { device })).toMatchObject({ status: 200 });
    // The owner's other session has tries of its own.
    const other = await world.login("ann");
    expect((await change(other.token, password)).status).toBe(200);
    expect(await world.events()).toContain("password_change_throttled: session");
  });

  it("a password change does not count a right password whose new password is rejected", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const { token } = await world.login("ann");
    const statuses = [];
    for (let n = 0; n < 15; n++) {
      const body = { password, new_password: "short" };
      statuses.push((await world.call("POST", "/password", { bearer: token, body })).status);
    }
    expect(new Set(statuses)).toEqual(new Set([400]));
  });
});

describe("what attempts never touch", () => {
  it("live sessions work and renew while their login is locked", async () => {
    const world = await openWorld({ throttleLock: 5 });
    await world.user("ann", { password });
    const grant = await world.login("ann");
    await failTimes(world, 5, "ann");
    expect(await tryLogin(world, "ann", password)).toMatchObject({ status: 429 });
    expect((await world.call("GET", "/session", { bearer: grant.token })).status).toBe(200);
    expect((await world.renew(grant.refresh_token)).status).toBe(200);
    expect(world.clock.now()).toBe(start);
  });
});
