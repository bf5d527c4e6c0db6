// Further origins that get the token: `origins` of `ampho/client/full`, and the attacks on it. `token()` of every client.
import { describe, expect, it } from "vitest";
import { createClient, type FullClientOptions } from "../../dist/client/full.js";
import { type Behavior, listen } from "../world/listen.js";
import { createTestStorage, outcome, seen } from "./storage.js";
import { ann, logInAnn, openWorld } from "./world.js";

/** A service on another port that records the Authorization header of each request. */
async function openService(by: Behavior = (_request, response) => void response.end("{}")) {
  const authorizations: (string | undefined)[] = [];
  const { url } = await listen((request, response) => {
    authorizations.push(request.headers.authorization);
    by(request, response);
  });
  return { url, authorizations };
}

async function logIn(origins: readonly string[], options: Partial<FullClientOptions> = {}) {
  const world = await openWorld();
  const client = createClient({ baseUrl: world.url, storage: createTestStorage(), origins, ...options });
  await client.login(ann.login, ann.password);
  return { world, client };
}

describe("further origins", () => {
  it("a listed origin gets the token, and the server of baseUrl accepts it there", async () => {
    const orders = await openService();
    const { client, world } = await logIn([`${orders.url}/any/path`]);
    for (const input of [`${orders.url}/orders`, new URL(orders.url), new Request(orders.url)])
      await client.fetch(input);
    const [header, ...rest] = orders.authorizations;
    expect(rest).toEqual([header, header]);
    expect((await world.ampho.verify(header?.slice("Bearer ".length) ?? "")).login).toBe("ann");
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
  });

  it("a header of the request itself is not replaced at a listed origin", async () => {
    const orders = await openService();
    const { client } = await logIn([orders.url]);
    await client.fetch(orders.url, { headers: { Authorization: "Basic x" } });
    expect(orders.authorizations).toEqual(["Basic x"]);
  });

  it("an origin that is not listed never gets the token, however the URL is written", async () => {
    const orders = await openService();
    const evil = await openService();
    const { client, world } = await logIn([orders.url]);
    const { host, port } = new URL(evil.url);
    const listed = new URL(orders.url).host;
    const urls = [
      evil.url,
      `//${host}/`,
      `/\\${host}/`,
      `\\\\${host}\\`,
      `http:\\\\${host}`,
      `http://${listed}@${host}/`,
      `http://${listed}%2f@${host}/`,
      `${evil.url}/?${orders.url}/`,
      `${evil.url}/#${orders.url}/`,
      `${evil.url}\t/${orders.url}/`,
      ` ${evil.url}`,
      `http://localhost:${port}/`,
      `http://127.1:${port}/`,
      `HTTP://127.0.0.1:${port}/`,
      new URL(evil.url),
      new Request(evil.url),
    ];
    for (const url of urls) await client.fetch(url).catch(() => {});
    expect(evil.authorizations.length).toBeGreaterThan(8);
    expect(evil.authorizations.filter((header) => header !== undefined)).toEqual([]);
    expect(world.requests.filter((request) => request.includes("evil"))).toEqual([]);
  });

  it("another scheme, host or port than the listed one gets no token", async () => {
    const service = await openService();
    const { port } = new URL(service.url);
    const others = [
      `https://127.0.0.1:${port}`,
      `http://localhost:${port}`,
      `http://127.0.0.1:${port.slice(0, -1)}`,
      `http://127.0.0.1:${port}.example`,
      "http://127.0.0.1",
      `http://127.0.0.1.example:${port}`,
    ].filter((url) => URL.canParse(url));
    const { client } = await logIn(others);
    await client.fetch(`${service.url}/`);
    expect(service.authorizations).toEqual([undefined]);
  });

  it("a URL with a name and a password is not requested", async () => {
    const orders = await openService();
    const { client } = await logIn([orders.url]);
    expect(await outcome(client.fetch(orders.url.replace("//", "//ann:secret@")))).toBe("unavailable");
    expect(orders.authorizations).toEqual([]);
  });

  it.each([301, 302, 303, 307, 308])("a redirect by %i to another origin takes no token along", async (status) => {
    const evil = await openService();
    const orders = await openService((_request, response) => {
      response.writeHead(status, { Location: `${evil.url}/` }).end();
    });
    const { client, world } = await logIn([orders.url]);
    await client.fetch(orders.url);
    await client.fetch(`/moved?status=${status}&to=${encodeURIComponent(evil.url)}`);
    // Also not to a listed origin, because the platform decides on a redirect and does not know the list.
    await client.fetch(`/moved?status=${status}&to=${encodeURIComponent(orders.url)}`);
    expect(evil.authorizations).toEqual([undefined, undefined, undefined]);
    expect(orders.authorizations.slice(1)).toEqual([undefined]);
    expect(await world.count("renew")).toBe(0);
  });

  it("a rejection by a listed origin renews the token once, and by any other origin never", async () => {
    const rejects: Behavior = (_request, response) => {
      response.writeHead(401, { "WWW-Authenticate": 'Bearer realm="ampho", error="invalid_token"' }).end();
    };
    const [orders, evil] = [await openService(rejects), await openService(rejects)];
    const { client, world } = await logIn([orders.url]);
    for (let count = 0; count < 3; count++) expect(await seen(client.fetch(evil.url))).toBe(401);
    expect(await world.count("renew")).toBe(0);
    for (let count = 0; count < 3; count++) expect(await seen(client.fetch(orders.url))).toBe(401);
    expect(await world.count("renew")).toBe(1);
    expect(new Set(orders.authorizations).size).toBe(2);
  });

  it("a step-up that a listed origin asks for calls onStepUp", async () => {
    const orders = await openService((_request, response) => {
      response.writeHead(401).end('{"error":"login_too_weak","message":"Prove it."}');
    });
    const codes: string[] = [];
    const { client } = await logIn([orders.url], {
      onStepUp: ({ code, needs }) => void codes.push(`${code} ${needs}`),
    });
    await client.fetch(orders.url);
    expect(codes).toEqual(["login_too_weak factor"]);
  });

  it("createClient rejects a URL without an origin, and origins where the tokens are in cookies", () => {
    const baseUrl = "https://app.example";
    expect(() => createClient({ baseUrl, origins: ["orders.example"] })).toThrow(TypeError);
    expect(() => createClient({ baseUrl, origins: ["*"] })).toThrow(TypeError);
    expect(() => createClient({ baseUrl, cookies: true, origins: ["https://orders.example"] })).toThrow("no token");
  });
});

describe("token()", () => {
  it("token() resolves to the token of the session, and to undefined without one", async () => {
    const { world, client } = await logInAnn();
    expect((await world.ampho.verify((await client.token()) ?? "")).login).toBe("ann");
    await client.logout();
    expect(await client.token()).toBeUndefined();
  });

  it("token() renews a token that is due, once for many calls", async () => {
    const { world, client } = await logInAnn({ tokenTtl: 5 });
    const first = await client.token();
    // The client takes the times of its own clock, so it waits for the due time.
    await expect.poll(() => client.token(), { interval: 200 }).not.toBe(first);
    const renewals = await world.count("renew");
    await Promise.all([client.token(), client.token(), client.token()]);
    expect(await world.count("renew")).toBe(renewals);
  });

  it("token() rejects after the server has ended the session", async () => {
    const { world, client } = await logInAnn({ tokenTtl: 5 });
    await world.ampho.sessions.endForUser((await client.session())?.id ?? "");
    await expect.poll(() => outcome(client.token()), { interval: 200 }).toBe("session_ended");
    expect(await client.token()).toBeUndefined();
  });
});
