// Login and logout of `ampho/client` against a real server.
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { AmphoError, type ClientSession, createClient } from "../../dist/client/client.js";
import { createClient as createFullClient } from "../../dist/client/full.js";
import { listening } from "../world/listen.js";
import { losing, openNetwork } from "./network.js";
import { createTestStorage, outcome, seen, wait } from "./storage.js";
import { ann, ben, logInAnn, openWorld, type World } from "./world.js";

const sessionsOf = async ({ ampho }: World, login: string) => {
  const user = await ampho.users.find(login);
  return user === undefined ? [] : await ampho.sessions.list(user.id);
};

/** Sends this response to every request. */
const respond =
  (status: number, body: string, headers: Record<string, string> = {}) =>
  (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status, headers).end(body);
    return true;
  };

describe("a login", () => {
  it("the client's session equals the response of GET /session", async () => {
    const { client } = await logInAnn({ scopes: { editor: ["read", "write"] } });
    const response = await client.fetch("/api/security/session");
    expect(await client.session()).toEqual(await response.json());
    expect(await client.session()).toMatchObject({ login: "ann", roles: ["editor"], scopes: ["read", "write"] });
  });

  it("a login can have names and roles in any script", async () => {
    const world = await openWorld();
    await world.ampho.users.create({ login: "ёжик", password: ann.password, roles: ["éditeur"] });
    const client = createClient({ baseUrl: world.url });
    expect(await client.login("ёжик", ann.password)).toMatchObject({ login: "ёжик", roles: ["éditeur"] });
  });

  it("a rejected login throws the code and the message of the response", async () => {
    const { client } = await logInAnn();
    await client.logout();
    await expect(client.login("ann", "something else entirely")).rejects.toMatchObject({
      name: "AmphoError",
      code: "invalid_credentials",
      message: "The login, the password or the code is wrong.",
    });
    expect(await client.session()).toBeUndefined();
  });

  it("a login that needs a second factor fails with factor_needed and its message, and stores nothing", async () => {
    const world = await openWorld({ factors: { editor: "required" } });
    const storage = createTestStorage();
    const client = createClient({ baseUrl: world.url, storage });
    await expect(client.login(ann.login, ann.password)).rejects.toMatchObject({
      code: "factor_needed",
      message: "This account needs a second factor. Set one up.",
    });
    expect(storage.record()).toEqual({});
    expect(await sessionsOf(world, "ann")).toEqual([]);
  });

  it("a rejected login leaves the present session alone", async () => {
    const { client } = await logInAnn();
    expect(await outcome(client.login("ben", "something else entirely"))).toBe("invalid_credentials");
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
  });

  it("a throttled login reports how long to wait", async () => {
    const world = await openWorld();
    const body = JSON.stringify({ error: "too_many_attempts", message: "Too many attempts." });
    world.intercept = respond(429, body, { "Retry-After": "7" });
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
    ["JSON without an object", 200, "7"],
    ["an object with malformed tokens", 200, '{"token":"a.b.c","refresh_token":"d"}'],
    ["an object with a token without claims", 200, '{"token":"e30.e30.e30","refresh_token":"d"}'],
    ["empty", 200, ""],
  ])("a login fails with unavailable when the response is %s", async (_, status, body) => {
    const world = await openWorld();
    world.intercept = respond(status, body);
    const client = createClient({ baseUrl: world.url });
    expect(await outcome(client.login(ann.login, ann.password))).toBe("unavailable");
    expect(await client.session()).toBeUndefined();
  });

  it("a login whose response is lost fails with unavailable and is not repeated", async () => {
    const world = await openWorld();
    const network = await openNetwork(world.port);
    network.cuts = losing("/api/security/login", 1);
    expect(await outcome(createClient({ baseUrl: network.url }).login(ann.login, ann.password))).toBe("unavailable");
    expect(await world.count("login")).toBe(1);
  });

  it("a login follows no redirect, which would get the password", async () => {
    const world = await openWorld();
    const elsewhere: string[] = [];
    const { url } = await listening((request, response) => {
      elsewhere.push(String(request.url));
      response.end();
    });
    world.intercept = respond(307, "", { Location: `${url}/` });
    expect(await outcome(createClient({ baseUrl: world.url }).login(ann.login, ann.password))).toBe("unavailable");
    expect(elsewhere).toEqual([]);
  });

  it("a second login of the same user re-authenticates the session", async () => {
    const { world, clock, client } = await logInAnn();
    const before = await client.session();
    clock.advance(100);
    const after = await client.login(ann.login, ann.password);
    expect(after.session?.id).toBe(before?.session?.id);
    expect(after.session?.authenticated).toBe((before?.session?.authenticated ?? 0) + 100);
    expect(await sessionsOf(world, "ann")).toHaveLength(1);
  });

  it("a login name of another user ends the former session", async () => {
    const { world, client } = await logInAnn();
    await client.login(ben.login, ben.password);
    expect(await seen(client.fetch("/guarded"))).toBe("ben");
    await expect.poll(() => sessionsOf(world, "ann")).toEqual([]);
    expect(await sessionsOf(world, "ben")).toHaveLength(1);
  });

  it("a login that a logout follows at once leaves no user signed in", async () => {
    const world = await openWorld();
    const client = createClient({ baseUrl: world.url });
    let logout: Promise<string> | undefined;
    world.intercept = (request) => {
      if (request.url?.endsWith("/login")) logout = outcome(client.logout());
      return false;
    };
    expect(await outcome(client.login(ann.login, ann.password))).toBe("session_ended");
    expect(await logout).toBe("resolved");
    expect(await client.session()).toBeUndefined();
    await expect.poll(() => world.events()).toContain("logout");
    expect(await sessionsOf(world, "ann")).toEqual([]);
  });

  it("a login that is called twice at once is one login, and a login after a logout is another", async () => {
    const world = await openWorld();
    const client = createFullClient({ baseUrl: world.url });
    const logins = () => world.requests.filter((one) => one === "POST /api/security/login").length;
    const twice = [client.login(ann.login, ann.password), client.login(ann.login, ann.password)];
    expect(await Promise.all(twice.map(outcome))).toEqual(["resolved", "resolved"]);
    expect(logins()).toBe(1);
    const first = outcome(client.login(ann.login, ann.password));
    const logout = outcome(client.logout());
    const last = outcome(client.login(ann.login, ann.password));
    expect(await Promise.all([first, logout, last])).toEqual(["session_ended", "resolved", "resolved"]);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    await expect.poll(() => sessionsOf(world, "ann")).toHaveLength(1);
  });

  it("the last of two logins wins, whichever response comes first", async () => {
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

  it("a login that cannot be stored ends its own new session and no other", async () => {
    const { world, storage, client } = await logInAnn();
    const [present] = await sessionsOf(world, "ann");
    const full = {
      ...storage,
      set: (key: string, value: string) =>
        key.endsWith("lock") ? storage.set(key, value) : Promise.reject(new Error("quota exceeded")),
    };
    const unstored = createClient({ baseUrl: world.url, storage: full });
    expect(await outcome(unstored.login(ann.login, ann.password))).toBe("unavailable");
    expect(await outcome(unstored.login(ben.login, ben.password))).toBe("unavailable");
    await expect.poll(() => world.requests).toContain("POST /api/security/logout");
    await expect.poll(() => sessionsOf(world, "ben")).toEqual([]);
    expect(await sessionsOf(world, "ann")).toMatchObject([{ id: present?.id }]);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
  });

  it("a login that starts during a logout stays signed in", async () => {
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

  it("a device proof survives a logout and exempts its user from a lockout", async () => {
    const world = await openWorld({ throttleAttempts: 2 });
    const storage = createTestStorage();
    const client = createClient({ baseUrl: world.url, storage });
    await client.login(ann.login, ann.password);
    await client.logout();
    const stranger = createClient({ baseUrl: world.url });
    const attempts: string[] = [];
    for (let count = 0; count < 3; count++) attempts.push(await outcome(stranger.login("ann", `guess ${count}`)));
    expect(attempts).toEqual(["invalid_credentials", "invalid_credentials", "too_many_attempts"]);
    expect(await outcome(stranger.login(ann.login, ann.password))).toBe("too_many_attempts");
    expect(await outcome(createClient({ baseUrl: world.url, storage }).login("Ann", ann.password))).toBe("resolved");
  });

  it("the proofs of several users of a browser work for each of them", async () => {
    const world = await openWorld({ throttleAttempts: 1 });
    const client = createClient({ baseUrl: world.url });
    for (const { login, password } of [ann, ben]) await client.login(login, password);
    await client.logout();
    const stranger = createClient({ baseUrl: world.url });
    for (const { login } of [ann, ben])
      for (let count = 0; count < 2; count++) await outcome(stranger.login(login, `guess ${count}`));
    for (const { login, password } of [ben, ann, ben]) {
      expect(await outcome(stranger.login(login, password))).toBe("too_many_attempts");
      expect(await outcome(client.login(login, password))).toBe("resolved");
    }
    const users = devicesSent(world).map((device) => (typeof device === "string" ? device.split("~").length : 0));
    expect(Math.max(...users)).toBe(2);
  });
});

describe("a logout", () => {
  it("a logout ends the session in the client and on the server", async () => {
    const { world, storage, client } = await logInAnn();
    const { token } = storage.record();
    await client.logout();
    expect(storage.record()).toEqual({});
    expect(await seen(client.fetch("/guarded"))).toBe(401);
    expect(await outcome(world.ampho.verify(String(token)))).not.toBe("resolved");
    expect(await sessionsOf(world, "ann")).toEqual([]);
  });

  it("a logout ends a session whose access token has expired", async () => {
    const { world, clock, client } = await logInAnn();
    clock.advance(7 * 86_400);
    await client.logout();
    expect(await world.events()).toEqual(expect.arrayContaining(["renew", "logout"]));
  });

  it("a logout of a session that has already ended succeeds", async () => {
    const { world, client } = await logInAnn();
    for (const { id } of await sessionsOf(world, "ann")) await world.ampho.sessions.end(id);
    expect(await outcome(client.logout())).toBe("resolved");
  });

  it("a logout whose response is lost is sent again", async () => {
    const { world, storage } = await logInAnn();
    const network = await openNetwork(world.port);
    const client = createClient({ baseUrl: network.url, storage });
    await client.login(ann.login, ann.password);
    network.cuts = losing("/api/security/logout", 1);
    expect(await outcome(client.logout())).toBe("resolved");
    expect(await world.count("logout")).toBe(1);
  });

  it("a logout without a network deletes the stored session and fails with unavailable", async () => {
    const { world } = await logInAnn();
    const network = await openNetwork(world.port);
    const client = createClient({ baseUrl: network.url });
    await client.login(ann.login, ann.password);
    network.down = true;
    expect(await outcome(client.logout())).toBe("unavailable");
    expect(await client.session()).toBeUndefined();
  });

  it("a logout without a session sends no request", async () => {
    const world = await openWorld();
    await createClient({ baseUrl: world.url }).logout();
    expect(world.requests).toEqual([]);
  });
});

describe("a listener", () => {
  it("a listener gets logins and logouts, but no renewals, and nothing after it was removed", async () => {
    const { storage, clock, client } = await logInAnn();
    const reported: (string | undefined)[] = [];
    const stop = client.onChange((session: ClientSession | undefined) => void reported.push(session?.login));
    storage.age(890);
    clock.advance(890);
    await client.fetch("/guarded");
    await client.login(ben.login, ben.password);
    await client.logout();
    await wait(0);
    expect(reported).toEqual(["ben", undefined]);
    stop();
    await client.login(ben.login, ben.password);
    await wait(0);
    expect(reported).toHaveLength(2);
  });

  it("a listener that another listener removes is not called", async () => {
    const { client } = await logInAnn();
    const reported: string[] = [];
    client.onChange(() => stop());
    const stop = client.onChange(() => void reported.push("stopped"));
    await client.logout();
    await wait(0);
    expect(reported).toEqual([]);
  });

  it("a listener is called when the roles change", async () => {
    const { world, client } = await logInAnn();
    const reported: (readonly string[] | undefined)[] = [];
    client.onChange((session) => void reported.push(session?.roles));
    await world.ampho.users.setRoles("ann", ["author"]);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    await wait(0);
    expect(reported).toEqual([["author"]]);
  });

  it("a listener is not called for the session that existed before it", async () => {
    const { open } = await logInAnn();
    const reported: unknown[] = [];
    const client = open();
    client.onChange((session) => void reported.push(session));
    await client.fetch("/guarded");
    await wait(0);
    expect(reported).toEqual([]);
  });
});
