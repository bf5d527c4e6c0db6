// Login and logout of `ampho/client` against a real server.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { AmphoError, type ClientSession, createClient } from "../../dist/client/client.js";
import { losing, openNetwork } from "./cutting.js";
import { createKept, outcome, seen, wait } from "./kept.js";
import { ann, ben, logInAnn, openWorld, type World } from "./world.js";

const sessionsOf = async ({ ampho }: World, login: string) => {
  const user = await ampho.users.find(login);
  return user === undefined ? [] : await ampho.sessions.list(user.id);
};

/** Every call of the REST API is answered so. */
const answering =
  (status: number, body: string, headers: Record<string, string> = {}) =>
  (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status, headers).end(body);
    return true;
  };

describe("a login", () => {
  it("says who is logged in, as GET /session does", async () => {
    const { client } = await logInAnn({ scopes: { editor: ["read", "write"] } });
    const answer = await client.fetch("/api/security/session");
    expect(await client.session()).toEqual(await answer.json());
    expect(await client.session()).toMatchObject({ login: "ann", roles: ["editor"], scopes: ["read", "write"] });
  });

  it("reads names in any script", async () => {
    const world = await openWorld();
    await world.ampho.users.create({ login: "ёжик", password: ann.password, roles: ["éditeur"] });
    const client = createClient({ baseUrl: world.url });
    expect(await client.login("ёжик", ann.password)).toMatchObject({ login: "ёжик", roles: ["éditeur"] });
  });

  it("is refused with the code and the message of the answer", async () => {
    const { client } = await logInAnn();
    await client.logout();
    await expect(client.login("ann", "something else entirely")).rejects.toMatchObject({
      name: "AmphoError",
      code: "invalid_credentials",
      message: "The login or the password is wrong.",
    });
    expect(await client.session()).toBeUndefined();
  });

  it("that is refused leaves the present session alone", async () => {
    const { client } = await logInAnn();
    expect(await outcome(client.login("ben", "something else entirely"))).toBe("invalid_credentials");
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
  });

  it("says how long to wait when it is throttled", async () => {
    const world = await openWorld();
    const body = JSON.stringify({ error: "too_many_attempts", message: "Too many tries." });
    world.intercept = answering(429, body, { "Retry-After": "7" });
    const error = await createClient({ baseUrl: world.url })
      .login(ann.login, ann.password)
      .catch((it: unknown) => it);
    expect(error).toBeInstanceOf(AmphoError);
    expect(error).toMatchObject({ code: "too_many_attempts", details: { retryAfterSeconds: 7 } });
    expect(world.calls).toHaveLength(1);
  });

  it.each([
    ["a page of a captive portal", 200, "<h1>Pay here</h1>"],
    ["a proxy's page", 502, "<h1>Bad Gateway</h1>"],
    ["another program's error", 500, '{"error":"Bad Gateway","message":"upstream"}'],
    ["JSON that is no object", 200, "7"],
    ["tokens that are none", 200, '{"token":"a.b.c","refresh_token":"d"}'],
    ["tokens of nobody", 200, '{"token":"e30.e30.e30","refresh_token":"d"}'],
    ["nothing", 200, ""],
  ])("is unavailable when the answer is %s", async (_, status, body) => {
    const world = await openWorld();
    world.intercept = answering(status, body);
    const client = createClient({ baseUrl: world.url });
    expect(await outcome(client.login(ann.login, ann.password))).toBe("unavailable");
    expect(await client.session()).toBeUndefined();
  });

  it("whose answer is lost is unavailable and not made twice", async () => {
    const world = await openWorld();
    const network = await openNetwork(world.port);
    network.cuts = losing("/api/security/login", 1);
    expect(await outcome(createClient({ baseUrl: network.url }).login(ann.login, ann.password))).toBe("unavailable");
    expect(await world.count("login")).toBe(1);
  });

  it("follows no redirect with the password", async () => {
    const world = await openWorld();
    const elsewhere: string[] = [];
    const thief = createServer((request, response) => {
      elsewhere.push(String(request.url));
      response.end();
    });
    await new Promise<void>((resolve) => thief.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void thief.close());
    const location = `http://127.0.0.1:${(thief.address() as AddressInfo).port}/`;
    world.intercept = answering(307, "", { Location: location });
    expect(await outcome(createClient({ baseUrl: world.url }).login(ann.login, ann.password))).toBe("unavailable");
    expect(elsewhere).toEqual([]);
  });

  it("of the same user re-authenticates the session", async () => {
    const { world, clock, client } = await logInAnn();
    const before = await client.session();
    clock.advance(100);
    const after = await client.login(ann.login, ann.password);
    expect(after.session?.id).toBe(before?.session?.id);
    expect(after.session?.authenticated).toBe((before?.session?.authenticated ?? 0) + 100);
    expect(await sessionsOf(world, "ann")).toHaveLength(1);
  });

  it("of another user ends the session before it", async () => {
    const { world, client } = await logInAnn();
    await client.login(ben.login, ben.password);
    expect(await seen(client.fetch("/guarded"))).toBe("ben");
    await expect.poll(() => sessionsOf(world, "ann")).toEqual([]);
    expect(await sessionsOf(world, "ben")).toHaveLength(1);
  });

  it("that a logout follows at once leaves nobody logged in", async () => {
    const world = await openWorld();
    const client = createClient({ baseUrl: world.url });
    const [login, logout] = await Promise.all([
      outcome(client.login(ann.login, ann.password)),
      outcome(client.logout()),
    ]);
    expect([login, logout]).toEqual(["session_ended", "resolved"]);
    expect(await client.session()).toBeUndefined();
    await expect.poll(() => world.events()).toContain("logout");
    expect(await sessionsOf(world, "ann")).toEqual([]);
  });

  it("made last is the one that counts, whichever is answered first", async () => {
    const world = await openWorld();
    const client = createClient({ baseUrl: world.url });
    const outcomes = await Promise.all([
      outcome(client.login(ann.login, ann.password)),
      outcome(client.login(ben.login, ben.password)),
    ]);
    expect(outcomes).toEqual(["session_ended", "resolved"]);
    expect(await seen(client.fetch("/guarded"))).toBe("ben");
    await expect.poll(() => sessionsOf(world, "ann")).toEqual([]);
  });

  it("that cannot be kept leaves no session open, and ends none that is", async () => {
    const { world, kept, client } = await logInAnn();
    const [present] = await sessionsOf(world, "ann");
    const full = { ...kept, set: () => Promise.reject(new Error("quota exceeded")) };
    const unkept = createClient({ baseUrl: world.url, storage: full });
    expect(await outcome(unkept.login(ann.login, ann.password))).toBe("unavailable");
    expect(await outcome(unkept.login(ben.login, ben.password))).toBe("unavailable");
    await expect.poll(() => world.requests).toContain("POST /api/security/logout");
    await expect.poll(() => sessionsOf(world, "ben")).toEqual([]);
    expect(await sessionsOf(world, "ann")).toMatchObject([{ id: present?.id }]);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
  });

  it("after a logout that is still under way stays", async () => {
    const { world, client } = await logInAnn();
    const [logout] = await Promise.all([client.logout(), client.login(ann.login, ann.password)]);
    expect(logout).toBeUndefined();
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    expect(await sessionsOf(world, "ann")).toHaveLength(1);
  });
});

describe("a device proof", () => {
  const devicesSent = ({ calls }: World): unknown[] =>
    calls.filter(({ path }) => path.endsWith("/login")).map(({ body }) => JSON.parse(body).device);

  it("outlives logouts, and lets its user in while strangers guess", async () => {
    const world = await openWorld({ throttleAttempts: 2 });
    const storage = createKept();
    const client = createClient({ baseUrl: world.url, storage });
    await client.login(ann.login, ann.password);
    await client.logout();
    const stranger = createClient({ baseUrl: world.url });
    const guesses: string[] = [];
    for (let count = 0; count < 3; count++) guesses.push(await outcome(stranger.login("ann", `guess ${count}`)));
    expect(guesses).toEqual(["invalid_credentials", "invalid_credentials", "too_many_attempts"]);
    expect(await outcome(stranger.login(ann.login, ann.password))).toBe("too_many_attempts");
    expect(await outcome(createClient({ baseUrl: world.url, storage }).login("Ann", ann.password))).toBe("resolved");
  });

  it("is never sent with another login", async () => {
    const world = await openWorld();
    const client = createClient({ baseUrl: world.url });
    for (const { login, password } of [ann, ben, ann, ben]) await client.login(login, password);
    const [first, second, anns, bens] = devicesSent(world);
    expect([first, second]).toEqual([undefined, undefined]);
    expect([anns, bens]).toEqual([expect.any(String), expect.any(String)]);
    expect(anns).not.toBe(bens);
  });
});

describe("a logout", () => {
  it("ends the session here and on the server", async () => {
    const { world, kept, client } = await logInAnn();
    const { token } = kept.record();
    await client.logout();
    expect(kept.record()).toEqual({});
    expect(await seen(client.fetch("/guarded"))).toBe(401);
    expect(await outcome(world.ampho.verify(String(token)))).not.toBe("resolved");
    expect(await sessionsOf(world, "ann")).toEqual([]);
  });

  it("ends a session whose access token has expired", async () => {
    const { world, clock, client } = await logInAnn();
    clock.advance(7 * 86_400);
    await client.logout();
    expect(await world.events()).toEqual(expect.arrayContaining(["renew", "logout"]));
  });

  it("of a session that is over already is done", async () => {
    const { world, client } = await logInAnn();
    for (const { id } of await sessionsOf(world, "ann")) await world.ampho.sessions.end(id);
    expect(await outcome(client.logout())).toBe("resolved");
  });

  it("whose answer is lost is told again", async () => {
    const { world, kept } = await logInAnn();
    const network = await openNetwork(world.port);
    const client = createClient({ baseUrl: network.url, storage: kept });
    await client.login(ann.login, ann.password);
    network.cuts = losing("/api/security/logout", 1);
    expect(await outcome(client.logout())).toBe("resolved");
    expect(await world.count("logout")).toBe(1);
  });

  it("without a network forgets the session here, and says that the server was not told", async () => {
    const { world } = await logInAnn();
    const network = await openNetwork(world.port);
    const client = createClient({ baseUrl: network.url });
    await client.login(ann.login, ann.password);
    network.down = true;
    expect(await outcome(client.logout())).toBe("unavailable");
    expect(await client.session()).toBeUndefined();
  });

  it("of nobody asks nothing", async () => {
    const world = await openWorld();
    await createClient({ baseUrl: world.url }).logout();
    expect(world.requests).toEqual([]);
  });
});

describe("a listener", () => {
  it("is told who is logged in, but not of renewals, and not after it was stopped", async () => {
    const { kept, clock, client } = await logInAnn();
    const told: (string | undefined)[] = [];
    const stop = client.onChange((session: ClientSession | undefined) => void told.push(session?.login));
    kept.age(890);
    clock.advance(890);
    await client.fetch("/guarded");
    await client.login(ben.login, ben.password);
    await client.logout();
    await wait(0);
    expect(told).toEqual(["ben", undefined]);
    stop();
    await client.login(ben.login, ben.password);
    await wait(0);
    expect(told).toHaveLength(2);
  });

  it("is not told what another one stopped it from", async () => {
    const { client } = await logInAnn();
    const told: string[] = [];
    client.onChange(() => stop());
    const stop = client.onChange(() => void told.push("stopped"));
    await client.logout();
    await wait(0);
    expect(told).toEqual([]);
  });

  it("is told of other roles", async () => {
    const { world, client } = await logInAnn();
    const told: (readonly string[] | undefined)[] = [];
    client.onChange((session) => void told.push(session?.roles));
    await world.ampho.users.setRoles("ann", ["author"]);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    await wait(0);
    expect(told).toEqual([["author"]]);
  });

  it("is not told what was there before it", async () => {
    const { open } = await logInAnn();
    const told: unknown[] = [];
    const client = open();
    client.onChange((session) => void told.push(session));
    await client.fetch("/guarded");
    await wait(0);
    expect(told).toEqual([]);
  });
});
