// `fetch` of `ampho/client`: where it sends the token, which requests it sends again, and how it fails.
import { randomInt } from "node:crypto";
import { getEventListeners } from "node:events";
import { createServer } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { AmphoError, createClient } from "../../dist/client/client.js";
import { listening } from "../world/listen.js";
import { openNetwork } from "./network.js";
import { outcome, seen, wait } from "./storage.js";
import { ann, logInAnn, openWorld } from "./world.js";

/** Opens a server of another origin that records every Authorization header. */
async function openElsewhere(port = 0) {
  const authorizations: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    const challenge = { "WWW-Authenticate": 'Bearer realm="ampho", error="invalid_token"' };
    if (request.url === "/rejects") response.writeHead(401, challenge);
    response.end("{}");
  });
  const { url } = await listening(server, onTestFinished, port);
  return { authorizations, url };
}

/**
 * Two free ports, of which the second one is written as the first one and a digit. `fetch` rejects none of these, and no other
 * test has them, because they are below those of `ports.ts` and those that the system assigns.
 */
async function freePortsWithOneBeginning(): Promise<readonly [number, number]> {
  const isFree = (port: number) =>
    new Promise<boolean>((resolve) => {
      const server = createServer().once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
  for (let port = 1024 + randomInt(50); port < 1100; port += 1) {
    const longer = port * 10 + 1;
    if ((await isFree(port)) && (await isFree(longer))) return [port, longer];
  }
  throw new Error("no such ports are free");
}

describe("the token", () => {
  it("the token is sent to the origin of baseUrl, however the URL is written", async () => {
    const { world, client } = await logInAnn();
    const absolute = `${world.url}/guarded`;
    for (const input of ["/guarded", "guarded?q=1", absolute, new URL(absolute), new Request(absolute)])
      expect(await seen(client.fetch(input))).toBe("ann");
  });

  it("the token is sent with a request that has headers of its own", async () => {
    const { world, client } = await logInAnn();
    const request = new Request(`${world.url}/guarded`, { method: "POST", body: "text", headers: { "X-A": "1" } });
    expect(await seen(client.fetch(request))).toBe("ann");
    expect(await seen(client.fetch("/guarded", { headers: new Headers({ "X-A": "1" }) }))).toBe("ann");
  });

  it("the token is never sent to another origin, even after a redirect", async () => {
    const { world, client } = await logInAnn();
    const elsewhere = await openElsewhere();
    const other = elsewhere.url.replace("127.0.0.1", "localhost");
    await client.fetch(`${elsewhere.url}/`);
    for (const status of [301, 302, 303, 307, 308])
      for (const to of [elsewhere.url, other])
        await client.fetch(`/moved?status=${status}&to=${encodeURIComponent(to)}`).catch(() => undefined);
    expect(elsewhere.authorizations.length).toBeGreaterThanOrEqual(6);
    expect(new Set(elsewhere.authorizations)).toEqual(new Set([undefined]));
    expect(world.requests).not.toContain("POST /api/security/renew");
  });

  it("a 401 from another origin renews nothing", async () => {
    const { world, client } = await logInAnn();
    const elsewhere = await openElsewhere();
    expect((await client.fetch(`${elsewhere.url}/rejects`)).status).toBe(401);
    const moved = await client.fetch(`/moved?to=${encodeURIComponent(`${elsewhere.url}/rejects`)}`);
    expect(moved.status).toBe(401);
    expect(world.requests).not.toContain("POST /api/security/renew");
  });

  it("a 401 from an origin that begins like that of baseUrl renews nothing", async () => {
    const [port, longer] = await freePortsWithOneBeginning();
    const { world, client } = await logInAnn({}, undefined, port);
    const elsewhere = await openElsewhere(longer);
    expect(elsewhere.url.startsWith(world.url)).toBe(true);
    const moved = await client.fetch(`/moved?to=${encodeURIComponent(`${elsewhere.url}/rejects`)}`);
    expect(moved.status).toBe(401);
    expect(world.requests).not.toContain("POST /api/security/renew");
  });

  it("the token is sent along a redirect within the origin", async () => {
    const { client } = await logInAnn();
    expect(await seen(client.fetch("/moved?to=/guarded"))).toBe("ann");
  });

  it("a token that a route behind a redirect rejects is renewed, and the next call has the new one", async () => {
    const { world, clock, client } = await logInAnn();
    clock.advance(1000);
    expect(await seen(client.fetch("/moved?to=/guarded"))).toBe(401);
    expect(await world.count("renew")).toBe(1);
    expect(await seen(client.fetch("/moved?to=/guarded"))).toBe("ann");
    expect(await world.count("renew")).toBe(1);
  });

  it("an Authorization header of the caller is sent instead of the token", async () => {
    const { client } = await logInAnn();
    const response = await client.fetch("/open", { headers: { Authorization: "Basic Zm9v" } });
    expect((await response.json()).authorization).toBe("Basic Zm9v");
  });

  it("a call without a session is sent without a token and renews nothing", async () => {
    const world = await openWorld();
    const client = createClient({ baseUrl: world.url });
    expect((await (await client.fetch("/open")).json()).authorization).toBeNull();
    expect(await seen(client.fetch("/guarded"))).toBe(401);
    expect(world.requests).not.toContain("POST /api/security/renew");
  });
});

describe("a response", () => {
  it.each([200, 204, 403, 404, 500, 503])("the client returns a response with status %i as it is", async (status) => {
    const { world, client } = await logInAnn();
    world.intercept = (request, response) => {
      if (request.url !== "/status") return false;
      response.writeHead(status).end();
      return true;
    };
    expect((await client.fetch("/status")).status).toBe(status);
    expect(world.requests).toEqual(["GET /status"]);
  });

  it.each(["login_too_old", "session_ended", ""])('a 401 with the error "%s" renews nothing', async (error) => {
    const { world, client } = await logInAnn();
    world.intercept = (_, response) => {
      response.writeHead(401).end(JSON.stringify({ error, message: "" }));
      return true;
    };
    const response = await client.fetch("/status");
    expect((await response.json()).error).toBe(error);
    expect(world.requests).toEqual(["GET /status"]);
  });

  it("a route that rejects every token costs one renewal, not one for each call", async () => {
    const { world, client } = await logInAnn();
    world.intercept = (request, response) => {
      if (request.url !== "/broken") return false;
      response.writeHead(401).end('{"error": "invalid_token"}');
      return true;
    };
    for (let count = 0; count < 3; count++) expect((await client.fetch("/broken")).status).toBe(401);
    expect(world.requests.filter((one) => one.endsWith("/renew"))).toHaveLength(1);
  });

  it("a call without a response fails with unavailable and the platform's error as its cause", async () => {
    const { world, storage } = await logInAnn();
    const network = await openNetwork(world.port);
    network.down = true;
    for (const options of [{ storage }, {}]) {
      const client = createClient({ baseUrl: network.url, ...options });
      await expect(client.fetch("/guarded")).rejects.toMatchObject({
        code: "unavailable",
        cause: expect.any(TypeError),
      });
    }
  });
});

describe("a call that cannot be sent", () => {
  it.each([
    ["an invalid URL", "http://[", undefined],
    ["an invalid method", "/guarded", { method: "A B" }],
    ["an invalid header name", "/guarded", { headers: { "a b": "1" } }],
    ["an invalid header value", "/guarded", { headers: { "X-A": "\u0100" } }],
  ])("a call with %s fails with unavailable and the platform's error as its cause", async (_, url, init) => {
    const { world, client } = await logInAnn();
    const failure = client.fetch(url, init);
    await expect(failure).rejects.toBeInstanceOf(AmphoError);
    await expect(failure).rejects.toMatchObject({ code: "unavailable", cause: expect.any(TypeError) });
    expect(world.requests).toEqual([]);
  });
});

it("a client with a relative URL can be created where a server renders the page, and its calls reject there", async () => {
  const client = createClient({ baseUrl: "/" });
  expect(await client.session()).toBeUndefined();
  await expect(client.fetch("/guarded")).rejects.toMatchObject({ code: "unavailable" });
  await expect(client.login("ann", "x")).rejects.toMatchObject({ code: "unavailable" });
});

describe("a body", () => {
  const stream = () => new Blob(["streamed"]).stream();

  it.each([
    ["a text", "text", "text"],
    ["bytes", new TextEncoder().encode("bytes"), "bytes"],
    ["a form", new URLSearchParams({ a: "1" }), "a=1"],
    ["a blob", new Blob(["blob"]), "blob"],
  ])("a body that is %s is sent again after a renewal", async (_, body, text) => {
    const { clock, client } = await logInAnn();
    clock.advance(1000);
    const response = await client.fetch("/guarded", { method: "POST", body });
    expect((await response.json()).body).toBe(text);
  });

  it("a stream and the body of a Request are not sent again, and the next call has the new token", async () => {
    const { world, clock, client } = await logInAnn();
    clock.advance(1000);
    const init = () => ({ method: "POST", body: stream(), duplex: "half" });
    expect((await client.fetch("/guarded", init())).status).toBe(401);
    expect(await (await client.fetch("/guarded", init())).json()).toMatchObject({ login: "ann", body: "streamed" });
    clock.advance(1000);
    const request = () => new Request(`${world.url}/guarded`, { method: "POST", body: "of a request" });
    expect((await client.fetch(request())).status).toBe(401);
    expect(await (await client.fetch(request())).json()).toMatchObject({ login: "ann", body: "of a request" });
  });

  it("the body of a Request is not sent again in a browser that hides it, such as Firefox", async () => {
    const { world, clock, client } = await logInAnn();
    const body = Object.getOwnPropertyDescriptor(Request.prototype, "body");
    Object.defineProperty(Request.prototype, "body", { configurable: true, value: undefined });
    onTestFinished(() => {
      // A library can have replaced Request by a class that inherits the property.
      if (body === undefined) Reflect.deleteProperty(Request.prototype, "body");
      else Object.defineProperty(Request.prototype, "body", body);
    });
    clock.advance(1000);
    const request = () => new Request(`${world.url}/guarded`, { method: "POST", body: "of a request" });
    expect((await client.fetch(request())).status).toBe(401);
    expect(await (await client.fetch(request())).json()).toMatchObject({ login: "ann", body: "of a request" });
  });

  it.each([
    ["is due", 1000],
    ["has a date in the future", -86_400],
  ])("a stream is sent once, after a renewal, when the token %s", async (_, ageSeconds) => {
    const { storage, clock, open } = await logInAnn();
    storage.age(ageSeconds);
    clock.advance(1000);
    const init = { method: "POST", body: stream(), duplex: "half" };
    const response = await open().fetch("/guarded", init);
    expect(await response.json()).toMatchObject({ login: "ann", body: "streamed" });
  });
});

describe("a signal", () => {
  it("a signal stops the call that waits for a renewal, but not the renewal", async () => {
    const { world, clock } = await logInAnn();
    const network = await openNetwork(world.port);
    network.delayMs = 200;
    const client = createClient({ baseUrl: network.url });
    await client.login(ann.login, ann.password);
    clock.advance(1000);
    const controller = new AbortController();
    const waiting = [client.fetch("/guarded", { signal: controller.signal }), client.fetch("/guarded")] as const;
    await expect.poll(() => world.requests, { interval: 5 }).toContain("POST /api/security/renew");
    controller.abort(new RangeError("enough"));
    await expect(waiting[0]).rejects.toThrow(RangeError);
    expect(await seen(waiting[1])).toBe("ann");
    expect(await world.count("renew")).toBe(1);
  });

  it("a signal that outlives many calls keeps none of their listeners", async () => {
    const { world, storage, client } = await logInAnn();
    const { signal } = new AbortController();
    storage.age(1000);
    world.intercept = (_, response) => {
      response.writeHead(503).end();
      return true;
    };
    const calls = Array.from({ length: 5 }, () => outcome(client.fetch("/guarded", { signal })));
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["unavailable"]));
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("a signal that is already aborted stops a call at once", async () => {
    const { world, storage, client } = await logInAnn();
    const signal = AbortSignal.abort(new RangeError("enough"));
    await expect(client.fetch("/guarded", { signal })).rejects.toThrow(RangeError);
    await expect(client.fetch(new Request(`${world.url}/guarded`, { signal }))).rejects.toThrow(RangeError);
    storage.age(1000);
    // Otherwise these calls would wait for a renewal that gets no response.
    world.intercept = () => true;
    await expect(client.fetch("/guarded", { signal })).rejects.toThrow(RangeError);
  });

  it("a signal stops a call that is under way", async () => {
    const { world, client } = await logInAnn();
    world.intercept = (request) => request.url === "/slow";
    const fetching = client.fetch("/slow", { signal: AbortSignal.timeout(100) });
    await expect(fetching).rejects.toMatchObject({ name: "TimeoutError" });
    await wait(0);
  });
});

describe("a storage that fails", () => {
  it("a failing storage causes unavailable and ends no session", async () => {
    const { world, storage, clock } = await logInAnn();
    storage.age(1000);
    clock.advance(1000);
    const full = { ...storage, set: () => Promise.reject(new Error("quota exceeded")) };
    expect(await outcome(createClient({ baseUrl: world.url, storage: full }).fetch("/guarded"))).toBe("unavailable");
    expect(await seen(createClient({ baseUrl: world.url, storage }).fetch("/guarded"))).toBe("ann");
    const gone = {
      ...storage,
      get: () => {
        throw new Error("gone");
      },
    };
    expect(await outcome(createClient({ baseUrl: world.url, storage: gone }).session())).toBe("unavailable");
  });

  it("a storage with an invalid record counts as one without a session", async () => {
    const { world, storage, client } = await logInAnn();
    for (const text of ["", "{", "null", "[]", '"text"', '{"token":1}', '{"refresh_token":1}']) {
      storage.values.set(`ampho ${world.url}/api/security`, text);
      expect(await client.session()).toBeUndefined();
      expect(await seen(client.fetch("/open"))).toBeNull();
    }
  });
});
