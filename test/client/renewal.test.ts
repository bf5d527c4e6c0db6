// Renewal by `ampho/client`: once for all callers, safe when a response is lost, and correct when the device's clock is wrong.
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createClient } from "../../dist/client/client.js";
import { losing, openNetwork } from "./network.js";
import { createTestStorage, outcome, seen, wait } from "./storage.js";
import { ann, ben, logInAnn, openWorld, type World } from "./world.js";

const times = <T>(count: number, work: () => T) => Array.from({ length: count }, work);
const renewals = ({ calls }: World) => calls.filter(({ path }) => path.endsWith("/renew"));

/** Sends this response to renewals only. */
const respondToRenewals =
  (status: number, body: object | string, headers: Record<string, string> = {}) =>
  (request: IncomingMessage, response: ServerResponse) => {
    if (!request.url?.endsWith("/renew")) return false;
    response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
    return true;
  };

/** The token is expired by the clocks of both sides, and the leeway of the server is over. */
async function logInLongAgo() {
  const all = await logInAnn();
  all.storage.age(1000);
  all.clock.advance(1000);
  return all;
}

describe("a renewal", () => {
  it("the token is renewed shortly before it expires, once for all calls", async () => {
    const { world, storage, clock, client, open } = await logInAnn();
    storage.age(869);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    expect(renewals(world)).toEqual([]);
    storage.age(2);
    clock.advance(871);
    const fresh = open();
    expect(await Promise.all(times(20, () => seen(fresh.fetch("/guarded"))))).toEqual(times(20, () => "ann"));
    expect(await world.count("renew")).toBe(1);
    expect(renewals(world)).toHaveLength(1);
  });

  it("a token that the server reports as expired is renewed once, and the rejected calls are sent again", async () => {
    const { world, clock, client } = await logInAnn();
    clock.advance(1000);
    const bodies = times(20, async () => {
      const response = await client.fetch("/guarded", { method: "POST", body: "once" });
      return (await response.json()).body;
    });
    expect(await Promise.all(bodies)).toEqual(times(20, () => "once"));
    expect(await world.count("renew")).toBe(1);
    expect(renewals(world)).toHaveLength(1);
  });

  it("clients that share a storage renew once", async () => {
    const { world, open } = await logInLongAgo();
    const clients = times(4, () => open());
    const results = clients.flatMap((client) => times(5, () => seen(client.fetch("/guarded"))));
    expect(await Promise.all(results)).toEqual(times(20, () => "ann"));
    expect(renewals(world)).toHaveLength(1);
  });

  it("clients that share a slow storage advance the session by one generation", async () => {
    const { world, clock, open } = await logInAnn({}, createTestStorage(15));
    clock.advance(1000);
    const results = times(3, open).map((client) => seen(client.fetch("/guarded")));
    expect(await Promise.all(results)).toEqual(times(3, () => "ann"));
    expect(await world.count("renew")).toBe(1);
    expect(await world.count("renew_replayed")).toBe(0);
  });

  it("a renewal takes over a lock that was never released", async () => {
    const { world, storage, client } = await logInLongAgo();
    const name = `ampho ${world.url}/api/security lock`;
    storage.values.set(name, String(Date.now() + 400.5));
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    expect(storage.values.has(name)).toBe(false);
  });

  it("a renewal ignores an invalid lock and a lock from before the clock was set back", async () => {
    for (const left of [String(Date.now() + 86_400_000), "rubbish"]) {
      const { world, storage, client } = await logInLongAgo();
      storage.values.set(`ampho ${world.url}/api/security lock`, left);
      expect(await seen(client.fetch("/guarded"))).toBe("ann");
    }
  });
});

describe("a lost response", () => {
  it("a lost renewal is repeated with the same token and with a key that was stored before the first attempt", async () => {
    const { world, storage, open } = await logInLongAgo();
    const network = await openNetwork(world.port);
    const keys: unknown[] = [];
    const lose = losing("/api/security/renew", 2);
    network.cuts = (sent) => {
      if (sent.includes("/api/security/renew"))
        keys.push(Object.entries(storage.record()).find(([name]) => name === "key")?.[1]);
      return lose(sent);
    };
    const client = open(network.url);
    storage.values.set(`ampho ${network.url}/api/security`, JSON.stringify(storage.record()));
    storage.values.delete(`ampho ${world.url}/api/security`);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    const [first, ...rest] = renewals(world);
    expect(rest).toEqual([first, first]);
    expect(first?.idempotencyKey).toMatch(/^[ -~]{16,255}$/);
    expect(keys).toEqual(times(3, () => first?.idempotencyKey));
    expect(await world.count("renew")).toBe(1);
    expect(storage.record()["key"]).toBeUndefined();
  });

  it("a new client on the same storage repeats a lost renewal with the same key", async () => {
    const world = await openWorld({ clock: undefined });
    const network = await openNetwork(world.port);
    const storage = createTestStorage();
    await createClient({ baseUrl: network.url, storage }).login(ann.login, ann.password);
    storage.age(1000);
    network.cuts = losing("/api/security/renew", 3);
    // The token is expired only by the clock of this client.
    expect(await outcome(createClient({ baseUrl: network.url, storage }).fetch("/guarded"))).toBe("unavailable");
    expect(await world.count("renew")).toBe(1);
    const { key } = storage.record();
    const next = createClient({ baseUrl: network.url, storage });
    expect(await seen(next.fetch("/guarded"))).toBe("ann");
    expect(new Set(renewals(world).map(({ idempotencyKey }) => idempotencyKey))).toEqual(new Set([key]));
  });

  it("a lost renewal can be repeated long after the grace", async () => {
    const { world, clock, storage, open } = await logInLongAgo();
    world.intercept = (request, response) => {
      if (!request.url?.endsWith("/renew")) return false;
      // The server renews the session, but its response never arrives.
      const { refresh_token } = storage.record();
      const headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": String(request.headers["idempotency-key"]),
      };
      const body = JSON.stringify({ refresh_token });
      void world.ampho
        .fetch(new Request(`${world.url}/api/security/renew`, { method: "POST", headers, body }))
        .then(() => response.destroy());
      return true;
    };
    expect(await outcome(open().fetch("/guarded"))).toBe("unavailable");
    world.intercept = undefined;
    clock.advance(3600);
    expect(await seen(open().fetch("/guarded"))).toBe("ann");
    expect(await world.count("renew_replayed")).toBe(0);
  });
});

describe("a session", () => {
  it.each([
    [500, { error: "internal_error", message: "" }, "internal_error"],
    [503, { error: "unavailable", message: "" }, "unavailable"],
    [503, { error: "overloaded", message: "" }, "overloaded"],
    [429, { error: "too_many_attempts", message: "" }, "too_many_attempts"],
    [400, { error: "invalid_request", message: "" }, "invalid_request"],
    [502, "<h1>Bad Gateway</h1>", "unavailable"],
    [404, "<h1>Not Found</h1>", "unavailable"],
    [401, "<h1>Sign in to the hotel</h1>", "unavailable"],
    [200, "<h1>Welcome to the hotel</h1>", "unavailable"],
    [200, { token: "x" }, "unavailable"],
  ])("a session survives a renewal with the response %i %j", async (status, body, code) => {
    const { world, client, open } = await logInLongAgo();
    world.intercept = respondToRenewals(status, body);
    expect(await outcome(client.fetch("/guarded"))).toBe(code);
    expect(await client.session()).toMatchObject({ login: "ann" });
    world.intercept = undefined;
    expect(await seen(open().fetch("/guarded"))).toBe("ann");
  });

  it.each(["session_ended", "invalid_token"])("a session ends when its renewal is rejected with %s", async (error) => {
    const { world, storage, client } = await logInLongAgo();
    const reported: unknown[] = [];
    client.onChange((session) => void reported.push(session));
    world.intercept = respondToRenewals(401, { error, message: "" });
    expect(await outcome(client.fetch("/guarded"))).toBe("session_ended");
    expect(await client.session()).toBeUndefined();
    expect(storage.record()).toEqual({});
    expect(reported).toEqual([undefined]);
    expect(await seen(client.fetch("/open"))).toBeNull();
  });

  it("a session that was ended on the server ends in the client with the next call", async () => {
    const { world, client } = await logInAnn();
    const { id = "" } = (await world.ampho.users.find("ann")) ?? {};
    await world.ampho.sessions.endForUser(id);
    expect(await outcome(client.fetch("/guarded"))).toBe("session_ended");
    expect(await client.session()).toBeUndefined();
  });

  it("a session continues after a week without calls, and ends after its time limit", async () => {
    const { world, clock, storage, open } = await logInAnn();
    const week = 7 * 86_400;
    storage.age(week);
    clock.advance(week);
    expect(await seen(open().fetch("/guarded"))).toBe("ann");
    expect(renewals(world)).toHaveLength(1);
    storage.age(3 * week);
    clock.advance(3 * week);
    const late = open();
    expect(await outcome(late.fetch("/guarded"))).toBe("session_ended");
    expect(await late.session()).toBeUndefined();
  });

  it("a session that is signed out during its renewal stays signed out", async () => {
    const { client, world } = await logInLongAgo();
    const fetching = outcome(client.fetch("/guarded"));
    await expect.poll(() => renewals(world).length, { interval: 1 }).toBe(1);
    await client.logout();
    expect(await fetching).toBe("session_ended");
    expect(await client.session()).toBeUndefined();
  });

  it("a call that waits for a renewal is not sent in the session of another user", async () => {
    const { clock, world, storage, client } = await logInAnn();
    // A page that has taken over the lock.
    const locks = createTestStorage();
    const of = (key: string) => (key.endsWith("lock") ? locks : storage);
    const other = createClient({
      baseUrl: world.url,
      storage: {
        get: (key) => of(key).get(key),
        set: (key, value) => of(key).set(key, value),
        remove: (key) => of(key).remove(key),
      },
    });
    clock.advance(1000);
    storage.age(1000);
    let held: ServerResponse | undefined;
    world.intercept = (request, response) => {
      if (!request.url?.endsWith("/renew")) return false;
      held = response;
      return true;
    };
    const transfer = outcome(client.fetch("/guarded/transfer", { method: "POST" }));
    await expect.poll(() => held, { interval: 1 }).toBeDefined();
    await other.login(ben.login, ben.password);
    world.intercept = undefined;
    held?.destroy();
    expect(await transfer).toBe("session_ended");
    expect(world.requests.filter((one) => one === "POST /guarded/transfer")).toEqual([]);
    expect(await seen(client.fetch("/guarded"))).toBe("ben");
  });
});

it("a login waits for a renewal under way, also in a client that shares its storage with no other", async () => {
  const { clock, world } = await logInAnn();
  const client = createClient({ baseUrl: world.url });
  await client.login(ann.login, ann.password);
  clock.advance(1000);
  let release: (() => void) | undefined;
  world.intercept = (request, response) => {
    if (!request.url?.endsWith("/renew")) return false;
    world.intercept = undefined;
    release = () => response.destroy();
    return true;
  };
  const fetching = seen(client.fetch("/guarded"));
  await expect.poll(() => release, { interval: 1 }).toBeDefined();
  const login = client.login(ann.login, ann.password);
  release?.();
  expect(await fetching).toBe("ann");
  expect((await login).login).toBe("ann");
  expect(await seen(client.fetch("/guarded"))).toBe("ann");
  expect([await world.count("renew"), await world.count("renew_replayed")]).toEqual([1, 0]);
});

describe("a failing renewal", () => {
  it("a failing renewal stops no call while the server accepts the token", async () => {
    const { world, clock, storage, client } = await logInAnn();
    world.intercept = respondToRenewals(503, { error: "unavailable", message: "" });
    storage.age(930);
    clock.advance(930);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
  });

  it("a failed renewal is not repeated before Retry-After, and never without a call", async () => {
    const { world, client } = await logInLongAgo();
    world.intercept = respondToRenewals(503, { error: "unavailable", message: "" }, { "Retry-After": "1" });
    expect(await Promise.all(times(5, () => outcome(client.fetch("/guarded"))))).toEqual(times(5, () => "unavailable"));
    expect(await outcome(client.fetch("/guarded"))).toBe("unavailable");
    expect(renewals(world)).toHaveLength(1);
    world.intercept = undefined;
    await wait(1050);
    expect(renewals(world)).toHaveLength(1);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
  });
});

describe("the clock of the device", () => {
  afterEach(() => void vi.useRealTimers());
  const setClock = (ms: number) => {
    if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(ms);
  };
  const year = 365 * 86_400_000;

  it.each([-10 * year, 10 * year])("a device clock that is wrong by %i ms causes no renewal", async (ms) => {
    setClock(Date.now() + ms);
    const { world, client } = await logInAnn();
    for (const _ of times(3, () => 0)) expect(await seen(client.fetch("/guarded"))).toBe("ann");
    expect(renewals(world)).toEqual([]);
  });

  it.each([-year, -3_600_000, 3_600_000, year])(
    "a device clock that jumps by %i ms causes one renewal at most",
    async (ms) => {
      const { world, client, open } = await logInAnn();
      expect(await seen(client.fetch("/guarded"))).toBe("ann");
      setClock(Date.now() + ms);
      for (const one of [client, client, open(), open()]) expect(await seen(one.fetch("/guarded"))).toBe("ann");
      expect(renewals(world).length).toBeLessThanOrEqual(1);
    },
  );

  it("the wall clock shows that the token expired while the laptop slept", async () => {
    const { world, clock, client } = await logInAnn();
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    setClock(Date.now() + 8 * 3_600_000);
    clock.advance(8 * 3600);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    expect(world.requests).toEqual(["GET /guarded", "POST /api/security/renew", "GET /guarded"]);
  });

  it("a token is renewed in time although the wall clock stands still", async () => {
    const { world, client } = await logInAnn({ tokenTtl: 2 });
    await client.fetch("/guarded");
    setClock(Date.now());
    await wait(2100);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    expect(world.requests).toEqual(["GET /guarded", "POST /api/security/renew", "GET /guarded"]);
  });
});
