// The fetch of `ampho/client`: what it sends where, what it sends again, and what it gives back.
import { getEventListeners } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { AmphoError, createClient } from "../../dist/client/client.js";
import { openNetwork } from "./cutting.js";
import { outcome, seen, wait } from "./kept.js";
import { ann, logInAnn, openWorld } from "./world.js";

/** Another origin, which writes down every Authorization header. */
async function openElsewhere() {
  const authorizations: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    const challenge = { "WWW-Authenticate": 'Bearer realm="ampho", error="invalid_token"' };
    if (request.url === "/refuses") response.writeHead(401, challenge);
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { authorizations, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe("the token", () => {
  it("goes to the origin of baseUrl, however its URL is written", async () => {
    const { world, client } = await logInAnn();
    const absolute = `${world.url}/guarded`;
    for (const input of ["/guarded", "guarded?q=1", absolute, new URL(absolute), new Request(absolute)])
      expect(await seen(client.fetch(input))).toBe("ann");
  });

  it("goes along with the headers that were given", async () => {
    const { world, client } = await logInAnn();
    const request = new Request(`${world.url}/guarded`, { method: "POST", body: "text", headers: { "X-A": "1" } });
    expect(await seen(client.fetch(request))).toBe("ann");
    expect(await seen(client.fetch("/guarded", { headers: new Headers({ "X-A": "1" }) }))).toBe("ann");
  });

  it("goes to no other origin, also by redirect", async () => {
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

  it("is not renewed because another origin refuses", async () => {
    const { world, client } = await logInAnn();
    const elsewhere = await openElsewhere();
    expect((await client.fetch(`${elsewhere.url}/refuses`)).status).toBe(401);
    const moved = await client.fetch(`/moved?to=${encodeURIComponent(`${elsewhere.url}/refuses`)}`);
    expect(moved.status).toBe(401);
    expect(world.requests).not.toContain("POST /api/security/renew");
  });

  it("goes along on a redirect within the origin", async () => {
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

  it("does not stand in for one that the caller sends", async () => {
    const { client } = await logInAnn();
    const response = await client.fetch("/open", { headers: { Authorization: "Basic Zm9v" } });
    expect((await response.json()).authorization).toBe("Basic Zm9v");
  });

  it("is not sent when nobody is logged in", async () => {
    const world = await openWorld();
    const client = createClient({ baseUrl: world.url });
    expect((await (await client.fetch("/open")).json()).authorization).toBeNull();
    expect(await seen(client.fetch("/guarded"))).toBe(401);
    expect(world.requests).not.toContain("POST /api/security/renew");
  });
});

describe("an answer", () => {
  it.each([200, 204, 403, 404, 500, 503])("of %i is given back as it is", async (status) => {
    const { world, client } = await logInAnn();
    world.intercept = (request, response) => {
      if (request.url !== "/status") return false;
      response.writeHead(status).end();
      return true;
    };
    expect((await client.fetch("/status")).status).toBe(status);
    expect(world.requests).toEqual(["GET /status"]);
  });

  it.each(["login_too_old", "missing_token", "session_ended", ""])("of 401 %s is no reason to renew", async (error) => {
    const { world, client } = await logInAnn();
    world.intercept = (_, response) => {
      response.writeHead(401).end(JSON.stringify({ error, message: "" }));
      return true;
    };
    const response = await client.fetch("/status");
    expect((await response.json()).error).toBe(error);
    expect(world.requests).toEqual(["GET /status"]);
  });

  it("that refuses every token costs one renewal, not one a call", async () => {
    const { world, client } = await logInAnn();
    world.intercept = (request, response) => {
      if (request.url !== "/broken") return false;
      response.writeHead(401).end('{"error": "invalid_token"}');
      return true;
    };
    for (let count = 0; count < 3; count++) expect((await client.fetch("/broken")).status).toBe(401);
    expect(world.requests.filter((one) => one.endsWith("/renew"))).toHaveLength(1);
  });

  it("that never comes is unavailable, with the platform's error as its cause", async () => {
    const { world, kept } = await logInAnn();
    const network = await openNetwork(world.port);
    network.down = true;
    for (const storage of [kept, undefined]) {
      const client = createClient({ baseUrl: network.url, ...(storage && { storage }) });
      await expect(client.fetch("/guarded")).rejects.toMatchObject({
        code: "unavailable",
        cause: expect.any(TypeError),
      });
    }
  });
});

describe("a call that cannot be made", () => {
  it.each([
    ["a URL that is none", "http://[", undefined],
    ["a method that is none", "/guarded", { method: "A B" }],
    ["a header's name that is none", "/guarded", { headers: { "a b": "1" } }],
    ["a header's value that is none", "/guarded", { headers: { "X-A": "\u0100" } }],
  ])("for %s is unavailable, with the platform's error as its cause", async (_, url, init) => {
    const { world, client } = await logInAnn();
    const failure = client.fetch(url, init);
    await expect(failure).rejects.toBeInstanceOf(AmphoError);
    await expect(failure).rejects.toMatchObject({ code: "unavailable", cause: expect.any(TypeError) });
    expect(world.requests).toEqual([]);
  });
});

describe("a body", () => {
  const stream = () => new Blob(["streamed"]).stream();

  it.each([
    ["a text", "text", "text"],
    ["bytes", new TextEncoder().encode("bytes"), "bytes"],
    ["a form", new URLSearchParams({ a: "1" }), "a=1"],
    ["a blob", new Blob(["blob"]), "blob"],
  ])("that is %s is sent again", async (_, body, text) => {
    const { clock, client } = await logInAnn();
    clock.advance(1000);
    const response = await client.fetch("/guarded", { method: "POST", body });
    expect((await response.json()).body).toBe(text);
  });

  it("that is a stream is not sent again; the next call has the new token", async () => {
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

  it("of a Request is not needed to be seen, as it cannot be in Firefox", async () => {
    const { world, clock, client } = await logInAnn();
    const body = Object.getOwnPropertyDescriptor(Request.prototype, "body") ?? {};
    Object.defineProperty(Request.prototype, "body", { configurable: true, value: undefined });
    onTestFinished(() => void Object.defineProperty(Request.prototype, "body", body));
    clock.advance(1000);
    const request = () => new Request(`${world.url}/guarded`, { method: "POST", body: "of a request" });
    expect((await client.fetch(request())).status).toBe(401);
    expect(await (await client.fetch(request())).json()).toMatchObject({ login: "ann", body: "of a request" });
  });

  it.each([
    ["was due", 1000],
    ["seems to be of tomorrow", -86_400],
  ])("that is a stream is not needed twice when the token %s", async (_, ageSeconds) => {
    const { kept, clock, open } = await logInAnn();
    kept.age(ageSeconds);
    clock.advance(1000);
    const response = await open().fetch("/guarded", { method: "POST", body: stream(), ...{ duplex: "half" } });
    expect(await response.json()).toMatchObject({ login: "ann", body: "streamed" });
  });
});

describe("a signal", () => {
  it("stops the one that waits for a renewal, and not the renewal", async () => {
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

  it("that outlives many calls does not know of them afterwards", async () => {
    const { world, kept, client } = await logInAnn();
    const { signal } = new AbortController();
    kept.age(1000);
    world.intercept = (_, response) => {
      response.writeHead(503).end();
      return true;
    };
    const calls = Array.from({ length: 5 }, () => outcome(client.fetch("/guarded", { signal })));
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["unavailable"]));
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("that has been given already stops at once", async () => {
    const { world, kept, client } = await logInAnn();
    const signal = AbortSignal.abort(new RangeError("enough"));
    await expect(client.fetch("/guarded", { signal })).rejects.toThrow(RangeError);
    await expect(client.fetch(new Request(`${world.url}/guarded`, { signal }))).rejects.toThrow(RangeError);
    kept.age(1000);
    // Nor does it wait for a renewal that is not answered.
    world.intercept = () => true;
    await expect(client.fetch("/guarded", { signal })).rejects.toThrow(RangeError);
  });

  it("stops a call under way", async () => {
    const { world, client } = await logInAnn();
    world.intercept = (request) => request.url === "/slow";
    const fetching = client.fetch("/slow", { signal: AbortSignal.timeout(100) });
    await expect(fetching).rejects.toMatchObject({ name: "TimeoutError" });
    await wait(0);
  });
});

describe("a storage that fails", () => {
  it("is unavailable, and ends nothing", async () => {
    const { world, kept, clock } = await logInAnn();
    kept.age(1000);
    clock.advance(1000);
    const full = { ...kept, set: () => Promise.reject(new Error("quota exceeded")) };
    expect(await outcome(createClient({ baseUrl: world.url, storage: full }).fetch("/guarded"))).toBe("unavailable");
    expect(await seen(createClient({ baseUrl: world.url, storage: kept }).fetch("/guarded"))).toBe("ann");
    const gone = {
      ...kept,
      get: () => {
        throw new Error("gone");
      },
    };
    expect(await outcome(createClient({ baseUrl: world.url, storage: gone }).session())).toBe("unavailable");
  });

  it("holds rubbish: nobody is logged in", async () => {
    const { world, kept, client } = await logInAnn();
    for (const text of ["", "{", "null", "[]", '"text"', '{"token":1}', '{"refresh_token":1}']) {
      kept.values.set(`ampho ${world.url}/api/security`, text);
      expect(await client.session()).toBeUndefined();
      expect(await seen(client.fetch("/open"))).toBeNull();
    }
  });
});
