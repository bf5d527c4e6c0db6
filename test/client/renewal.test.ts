// Renewal by `ampho/client`: once for everybody, never lost, never fooled by a clock.
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createClient } from "../../dist/client/client.js";
import { losing, openNetwork } from "./cutting.js";
import { createKept, outcome, seen, wait } from "./kept.js";
import { ann, ben, logInAnn, openWorld, type World } from "./world.js";

const times = <T>(count: number, work: () => T) => Array.from({ length: count }, work);
const renewals = ({ calls }: World) => calls.filter(({ path }) => path.endsWith("/renew"));

/** Answers renewals, and nothing else. */
const renewing =
  (status: number, body: object | string, headers: Record<string, string> = {}) =>
  (request: IncomingMessage, response: ServerResponse) => {
    if (!request.url?.endsWith("/renew")) return false;
    response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
    return true;
  };

/** Its token is due, and usable by the server's leeway no more. */
async function logInLongAgo() {
  const all = await logInAnn();
  all.kept.age(1000);
  all.clock.advance(1000);
  return all;
}

describe("a renewal", () => {
  it("comes shortly before the end of the token, once for all that call", async () => {
    const { world, kept, clock, client, open } = await logInAnn();
    kept.age(869);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    expect(renewals(world)).toEqual([]);
    kept.age(2);
    clock.advance(871);
    const fresh = open();
    expect(await Promise.all(times(20, () => seen(fresh.fetch("/guarded"))))).toEqual(times(20, () => "ann"));
    expect(await world.count("renew")).toBe(1);
    expect(renewals(world)).toHaveLength(1);
  });

  it("comes once when the server takes the token for expired, and what was refused is sent again", async () => {
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

  it("is one for all clients that share a storage", async () => {
    const { world, open } = await logInLongAgo();
    const clients = times(4, () => open());
    const answers = clients.flatMap((client) => times(5, () => seen(client.fetch("/guarded"))));
    expect(await Promise.all(answers)).toEqual(times(20, () => "ann"));
    expect(renewals(world)).toHaveLength(1);
  });

  it("moves one generation where the storage is slow, too", async () => {
    const { world, clock, open } = await logInAnn({}, createKept(15));
    clock.advance(1000);
    const answers = times(3, open).map((client) => seen(client.fetch("/guarded")));
    expect(await Promise.all(answers)).toEqual(times(3, () => "ann"));
    expect(await world.count("renew")).toBe(1);
    expect(await world.count("renew_replayed")).toBe(0);
  });

  it("takes over a lock that was not given back", async () => {
    const { world, kept, client } = await logInLongAgo();
    const name = `ampho ${world.url}/api/security lock`;
    kept.values.set(name, String(Date.now() + 400.5));
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    expect(kept.values.has(name)).toBe(false);
  });

  it("takes over at once from a clock that has been set back, and from what is no lock", async () => {
    for (const left of [String(Date.now() + 86_400_000), "rubbish"]) {
      const { world, kept, client } = await logInLongAgo();
      kept.values.set(`ampho ${world.url}/api/security lock`, left);
      expect(await seen(client.fetch("/guarded"))).toBe("ann");
    }
  });
});

describe("a lost answer", () => {
  it("is asked for again with the same token and the same key, which is kept before the first try", async () => {
    const { world, kept, open } = await logInLongAgo();
    const network = await openNetwork(world.port);
    const kinds: unknown[] = [];
    const lose = losing("/api/security/renew", 2);
    network.cuts = (sent) => {
      if (sent.includes("/api/security/renew"))
        kinds.push(Object.entries(kept.record()).find(([name]) => name === "key")?.[1]);
      return lose(sent);
    };
    const client = open(network.url);
    kept.values.set(`ampho ${network.url}/api/security`, JSON.stringify(kept.record()));
    kept.values.delete(`ampho ${world.url}/api/security`);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    const [first, ...rest] = renewals(world);
    expect(rest).toEqual([first, first]);
    expect(first?.idempotencyKey).toMatch(/^[ -~]{16,255}$/);
    expect(kinds).toEqual(times(3, () => first?.idempotencyKey));
    expect(await world.count("renew")).toBe(1);
    expect(kept.record()["key"]).toBeUndefined();
  });

  it("does no harm an hour later, in another process", async () => {
    const world = await openWorld({ clock: undefined });
    const network = await openNetwork(world.port);
    const kept = createKept();
    await createClient({ baseUrl: network.url, storage: kept }).login(ann.login, ann.password);
    kept.age(1000);
    network.cuts = losing("/api/security/renew", 3);
    // The token is past its end by this client's measure only.
    expect(await outcome(createClient({ baseUrl: network.url, storage: kept }).fetch("/guarded"))).toBe("unavailable");
    expect(await world.count("renew")).toBe(1);
    const { key } = kept.record();
    const next = createClient({ baseUrl: network.url, storage: kept });
    expect(await seen(next.fetch("/guarded"))).toBe("ann");
    expect(new Set(renewals(world).map(({ idempotencyKey }) => idempotencyKey))).toEqual(new Set([key]));
  });

  it("does no harm when the grace is long over", async () => {
    const { world, clock, kept, open } = await logInLongAgo();
    world.intercept = (request, response) => {
      if (!request.url?.endsWith("/renew")) return false;
      // The server has moved the session on; its answer never arrives.
      const { refresh_token } = kept.record();
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
    [401, "<h1>Log in to the hotel</h1>", "unavailable"],
    [200, "<h1>Welcome to the hotel</h1>", "unavailable"],
    [200, { token: "x" }, "unavailable"],
  ])("outlives a renewal that is answered with %i %j", async (status, body, code) => {
    const { world, client, open } = await logInLongAgo();
    world.intercept = renewing(status, body);
    expect(await outcome(client.fetch("/guarded"))).toBe(code);
    expect(await client.session()).toMatchObject({ login: "ann" });
    world.intercept = undefined;
    expect(await seen(open().fetch("/guarded"))).toBe("ann");
  });

  it.each(["session_ended", "invalid_token"])("ends when its renewal is refused as %s", async (error) => {
    const { world, kept, client } = await logInLongAgo();
    const told: unknown[] = [];
    client.onChange((session) => void told.push(session));
    world.intercept = renewing(401, { error, message: "" });
    expect(await outcome(client.fetch("/guarded"))).toBe("session_ended");
    expect(await client.session()).toBeUndefined();
    expect(kept.record()).toEqual({});
    expect(told).toEqual([undefined]);
    expect(await seen(client.fetch("/open"))).toBeNull();
  });

  it("that was ended on the server is over with the next call", async () => {
    const { world, client } = await logInAnn();
    const { id = "" } = (await world.ampho.users.find("ann")) ?? {};
    await world.ampho.sessions.endForUser(id);
    expect(await outcome(client.fetch("/guarded"))).toBe("session_ended");
    expect(await client.session()).toBeUndefined();
  });

  it("of a tab that comes back after a week goes on, after its time is up it is over", async () => {
    const { world, clock, kept, open } = await logInAnn();
    const week = 7 * 86_400;
    kept.age(week);
    clock.advance(week);
    expect(await seen(open().fetch("/guarded"))).toBe("ann");
    expect(renewals(world)).toHaveLength(1);
    kept.age(3 * week);
    clock.advance(3 * week);
    const late = open();
    expect(await outcome(late.fetch("/guarded"))).toBe("session_ended");
    expect(await late.session()).toBeUndefined();
  });

  it("that was logged out while it was renewed stays logged out", async () => {
    const { client, world } = await logInLongAgo();
    const fetching = outcome(client.fetch("/guarded"));
    await expect.poll(() => renewals(world).length, { interval: 1 }).toBe(1);
    await client.logout();
    expect(await fetching).toBe("session_ended");
    expect(await client.session()).toBeUndefined();
  });

  it("never sends what was called for in the one before it", async () => {
    const { client, world } = await logInLongAgo();
    let held: ServerResponse | undefined;
    world.intercept = (request, response) => {
      if (!request.url?.endsWith("/renew")) return false;
      held = response;
      return true;
    };
    const transfer = outcome(client.fetch("/guarded/transfer", { method: "POST" }));
    await expect.poll(() => held, { interval: 1 }).toBeDefined();
    await client.login(ben.login, ben.password);
    world.intercept = undefined;
    held?.destroy();
    expect(await transfer).toBe("session_ended");
    expect(world.requests).not.toContain("POST /guarded/transfer");
    expect(await seen(client.fetch("/guarded"))).toBe("ben");
  });
});

describe("a failing renewal", () => {
  it("stops no call as long as the server takes the token", async () => {
    const { world, clock, kept, client } = await logInAnn();
    world.intercept = renewing(503, { error: "unavailable", message: "" });
    kept.age(930);
    clock.advance(930);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
  });

  it("is not tried again before Retry-After, and never by itself", async () => {
    const { world, client } = await logInLongAgo();
    world.intercept = renewing(503, { error: "unavailable", message: "" }, { "Retry-After": "1" });
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

  it.each([-10 * year, 10 * year])("may be wrong by %i ms", async (ms) => {
    setClock(Date.now() + ms);
    const { world, client } = await logInAnn();
    for (const _ of times(3, () => 0)) expect(await seen(client.fetch("/guarded"))).toBe("ann");
    expect(renewals(world)).toEqual([]);
  });

  it.each([-year, -3_600_000, 3_600_000, year])("may jump by %i ms for one renewal at most", async (ms) => {
    const { world, client, open } = await logInAnn();
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    setClock(Date.now() + ms);
    for (const one of [client, client, open(), open()]) expect(await seen(one.fetch("/guarded"))).toBe("ann");
    expect(renewals(world).length).toBeLessThanOrEqual(1);
  });

  it("tells how long a laptop slept, where nothing else does", async () => {
    const { world, clock, client } = await logInAnn();
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    setClock(Date.now() + 8 * 3_600_000);
    clock.advance(8 * 3600);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    expect(world.requests).toEqual(["GET /guarded", "POST /api/security/renew", "GET /guarded"]);
  });

  it("may stand still while the token goes on ageing", async () => {
    const { world, client } = await logInAnn({ tokenTtl: 2 });
    await client.fetch("/guarded");
    setClock(Date.now());
    await wait(2100);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    expect(world.requests).toEqual(["GET /guarded", "POST /api/security/renew", "GET /guarded"]);
  });
});
