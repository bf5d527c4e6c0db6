// `createClient({ cookies: true })`: the client stores no token, and the cookies do the rest.
import { describe, expect, it } from "vitest";
import { createClient } from "../../dist/client/full.js";
import { settableClock } from "../world/clock.js";
import { openCookieJar } from "./cookie-jar.js";
import { losing, openNetwork } from "./network.js";
import { createTestStorage, outcome, seen } from "./storage.js";
import { ann, ben, openWorld, type World } from "./world.js";

const tokenCookie = "__Host-ampho-token";
const refreshCookie = "__Host-ampho-refresh";
const renewals = ({ calls }: World) => calls.filter(({ path }) => path.endsWith("/renew"));
const sessionsOf = async ({ ampho }: World, login: string) =>
  ampho.sessions.list((await ampho.users.find(login))?.id ?? "");

/** Opens a server in cookie mode, and a client. Ann is logged in. */
async function logInAnn({ overNetwork = false } = {}) {
  const clock = settableClock();
  const world = await openWorld({ clock, cookies: true });
  const network = overNetwork ? await openNetwork(world.port) : undefined;
  const url = network?.url ?? world.url;
  const jar = openCookieJar(url);
  const storage = createTestStorage();
  const open = () => createClient({ baseUrl: url, storage, cookies: true });
  const client = open();
  await client.login(ann.login, ann.password);
  world.calls.length = 0;
  world.requests.length = 0;
  return { world, clock, network, jar, storage, open, client };
}

/** The browser drops the cookie of an access token at the end of its lifetime. */
async function logInLongAgo(options?: { readonly overNetwork: boolean }) {
  const all = await logInAnn(options);
  all.storage.age(1000);
  all.clock.advance(1000);
  all.jar.cookies.delete(tokenCookie);
  return all;
}

describe("a client in cookie mode", () => {
  it("a client in cookie mode stores no token", async () => {
    const { storage, jar, client } = await logInAnn();
    const kept = JSON.stringify([...storage.values]);
    expect(jar.cookies.size).toBe(3);
    for (const cookie of jar.cookies.values()) expect(kept).not.toContain(cookie.slice(-40));
    expect(Object.keys(storage.record()).filter((name) => /token|device/.test(name))).toEqual([]);
    const response = await client.fetch("/api/security/session");
    expect(await client.session()).toEqual(await response.json());
  });

  it("a client in cookie mode sends no Authorization header", async () => {
    const { client } = await logInAnn();
    const response = await client.fetch("/guarded");
    expect(await response.json()).toMatchObject({ login: "ann", authorization: null });
  });

  it("a client in cookie mode adds cookies to requests of its own origin only", async () => {
    const { world, jar, client } = await logInAnn();
    const elsewhere = world.url.replace("127.0.0.1", "localhost");
    const requests: [string | URL | Request, RequestInit?][] = [
      [`${elsewhere}/open`],
      [new Request(`${elsewhere}/open`)],
      [new URL(`${elsewhere}/open`)],
      ["/open", { credentials: "omit" }],
    ];
    jar.sent.length = 0;
    for (const [input, init] of requests) expect((await client.fetch(input, init)).status).toBe(200);
    expect(jar.sent).toEqual([]);
    await client.fetch(new Request(`${world.url}/open`));
    expect(jar.sent).toEqual(["/open"]);
    expect(await outcome(client.fetch("http://["))).toBe("unavailable");
  });

  it("a client in cookie mode fails with unavailable on a server that returns tokens", async () => {
    const world = await openWorld();
    openCookieJar(world.url);
    const storage = createTestStorage();
    const client = createClient({ baseUrl: world.url, storage, cookies: true });
    expect(await outcome(client.login(ann.login, ann.password))).toBe("unavailable");
    expect(storage.record()).toEqual({});
  });
});

describe("a renewal in cookie mode", () => {
  it("clients in cookie mode renew once when their cookies are due", async () => {
    const { world, open } = await logInLongAgo();
    const clients = [open(), open(), open()];
    const results = clients.flatMap((client) => Array.from({ length: 5 }, () => seen(client.fetch("/guarded"))));
    expect(new Set(await Promise.all(results))).toEqual(new Set(["ann"]));
    expect(renewals(world)).toHaveLength(1);
    expect(renewals(world)[0]?.body).toBe("");
    expect(await world.count("renew")).toBe(1);
  });

  it("a request whose cookie the browser has dropped is sent again after a renewal", async () => {
    const { world, jar, client } = await logInAnn();
    jar.cookies.delete(tokenCookie);
    const response = await client.fetch("/guarded", { method: "POST", body: "once" });
    expect(await response.json()).toMatchObject({ login: "ann", body: "once" });
    expect(await world.count("renew")).toBe(1);
  });

  it("a lost renewal in cookie mode is repeated with the same key, long after the grace", async () => {
    const { world, clock, network, open } = await logInLongAgo({ overNetwork: true });
    if (network) network.cuts = losing("/api/security/renew", 3);
    expect(await outcome(open().fetch("/guarded"))).toBe("unavailable");
    clock.advance(3600);
    expect(await seen(open().fetch("/guarded"))).toBe("ann");
    expect(new Set(renewals(world).map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    expect([await world.count("renew"), await world.count("renew_replayed")]).toEqual([1, 0]);
  });

  it("a renewal in cookie mode reads changed roles", async () => {
    const { world, client } = await logInAnn();
    await world.ampho.users.setRoles("ann", ["author"]);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    expect((await client.session())?.roles).toEqual(["author"]);
  });

  it.each([
    ["ended on the server", undefined],
    ["deleted in the browser", [tokenCookie, refreshCookie]],
  ])("a session in cookie mode whose cookies were %s ends in the client", async (_, deleted) => {
    const { world, jar, client } = await logInAnn();
    for (const name of deleted ?? []) jar.cookies.delete(name);
    for (const { id } of await sessionsOf(world, "ann")) if (deleted === undefined) await world.ampho.sessions.end(id);
    expect(await outcome(client.fetch("/guarded"))).toBe("session_ended");
    expect(await client.session()).toBeUndefined();
    expect(await seen(client.fetch("/guarded"))).toBe(401);
  });
});

describe("a login in cookie mode", () => {
  it("a login in cookie mode of another user ends the former session and no other", async () => {
    const { world, client } = await logInAnn();
    await client.login(ben.login, ben.password);
    expect(await seen(client.fetch("/guarded"))).toBe("ben");
    expect([await sessionsOf(world, "ann"), await sessionsOf(world, "ben")]).toMatchObject([[], [{}]]);
    expect(world.requests).not.toContain("POST /api/security/logout");
  });

  it("the last of two logins in cookie mode wins", async () => {
    const { world, client } = await logInAnn();
    const outcomes = [client.login(ann.login, ann.password), client.login(ben.login, ben.password)].map(outcome);
    expect(await Promise.all(outcomes)).toEqual(["session_ended", "resolved"]);
    expect(await seen(client.fetch("/guarded"))).toBe("ben");
    expect(await sessionsOf(world, "ann")).toEqual([]);
  });

  it("a login in cookie mode re-authenticates the session of the same user", async () => {
    const { clock, client } = await logInAnn();
    const before = await client.session();
    clock.advance(100);
    const after = await client.login(ann.login, ann.password);
    expect(after.session).toEqual({ id: before?.session?.id, authenticated: (before?.starts ?? 0) + 100 });
  });
});

describe("a logout in cookie mode", () => {
  it("a logout in cookie mode during a login leaves no user signed in", async () => {
    const { world, jar, client } = await logInAnn();
    await client.logout();
    let logout: Promise<string> | undefined;
    world.intercept = (request) => {
      if (request.url?.endsWith("/login")) logout = outcome(client.logout());
      return false;
    };
    expect(await outcome(client.login(ann.login, ann.password))).toBe("session_ended");
    expect([await logout, await client.session()]).toEqual(["resolved", undefined]);
    await expect.poll(() => sessionsOf(world, "ann")).toEqual([]);
    await expect.poll(() => [...jar.cookies.keys()]).toEqual(["__Host-ampho-device"]);
    expect(await seen(client.fetch("/guarded"))).toBe(401);
  });

  it.each([1, 2])(
    "a logout in cookie mode that must be repeated does not end the next login (%i clicks)",
    async (n) => {
      const { world, client } = await logInAnn();
      let release: (() => void) | undefined;
      world.intercept = (request, response) => {
        if (release || !request.url?.endsWith("/logout")) return false;
        release = () => response.destroy();
        return true;
      };
      const logout = outcome(client.logout());
      await expect.poll(() => release, { interval: 1 }).toBeDefined();
      if (n === 2) expect(await outcome(client.logout())).toBe("resolved");
      const login = outcome(client.login(ben.login, ben.password));
      release?.();
      expect(await Promise.all([logout, login])).toEqual(["resolved", "resolved"]);
      expect(await seen(client.fetch("/guarded"))).toBe("ben");
      expect([await sessionsOf(world, "ann"), await sessionsOf(world, "ben")]).toMatchObject([[], [{}]]);
    },
  );

  it("a client ignores the record of the other mode", async () => {
    const { world, storage, client } = await logInAnn();
    const bearer = createClient({ baseUrl: world.url, storage });
    expect(await bearer.session()).toBeUndefined();
    const kept = await openWorld();
    const before = createClient({ baseUrl: kept.url, storage });
    await before.login(ann.login, ann.password);
    const after = createClient({ baseUrl: kept.url, storage, cookies: true });
    expect(await after.session()).toBeUndefined();
    expect((await client.session())?.login).toBe("ann");
  });

  it("a logout in cookie mode ends the session and removes its cookies", async () => {
    const { world, jar, client } = await logInAnn();
    await client.logout();
    expect([...jar.cookies.keys()]).toEqual(["__Host-ampho-device"]);
    expect(await client.session()).toBeUndefined();
    expect(await sessionsOf(world, "ann")).toEqual([]);
  });

  it("a logout in cookie mode ends a session whose cookies the server set without the client", async () => {
    const { world, jar } = await logInAnn();
    const other = createClient({ baseUrl: world.url, storage: createTestStorage(), cookies: true });
    await other.logout();
    expect([...jar.cookies.keys()]).toEqual(["__Host-ampho-device"]);
    expect(await sessionsOf(world, "ann")).toEqual([]);
    await other.logout();
  });

  it("a logout in cookie mode works after the browser has dropped the access token", async () => {
    const { world, client } = await logInLongAgo();
    await client.logout();
    expect(await sessionsOf(world, "ann")).toEqual([]);
  });
});
