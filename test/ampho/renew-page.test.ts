import { expect, it } from "vitest";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import type { Renewed } from "../../dist/index.js";
import { type FullGrant, openWorld } from "../world/ampho.js";
import { listening } from "../world/listen.js";
import { claimsOf } from "../world/tokens.js";

const page = "https://shop.example/orders";
const { token: tokenName, refreshToken: refreshName } = cookieNames;
const ownPage = { origin: "https://shop.example", "sec-fetch-site": "same-origin" };

const typed = { "sec-fetch-site": "none", "sec-fetch-dest": "document" };
/** By what a page of a sub-domain loads a URL. */
const ofSub = (kind: string) => ({ "sec-fetch-site": "same-site", "sec-fetch-dest": kind });

async function openAnn() {
  const world = await openWorld({ cookies: true, trustProxy: 1 });
  const ann = await world.user("ann");
  const grant = await world.session(ann);
  const { renew } = world.ampho;
  /** The browser has deleted the cookie of the access token that has ended. */
  const cookie = `theme=dark; ${refreshName}=${grant.refresh_token}`;
  const get = (headers: Readonly<Record<string, string>> = {}) =>
    renew(new Request(page, { headers: { cookie, ...typed, ...headers } }));
  const post = (headers: Readonly<Record<string, string>>, url = page) =>
    renew(new Request(url, { method: "POST", headers: { cookie, ...headers }, body: "note=hello" }));
  return { world, ann, grant, renew, cookie, get, post };
}

const cookieOf = ({ headers }: Renewed, name: string) =>
  new Map((headers.get("cookie") ?? "").split("; ").map((pair) => pair.split("=", 2) as [string, string])).get(name);
const generationOf = (renewed: Renewed) => claimsOf(cookieOf(renewed, tokenName) ?? "")["gen"];
const receivedBy = (grant: FullGrant) => `${tokenName}=${grant.token}; ${refreshName}=${grant.refresh_token}`;
const removed = [`${tokenName}=; `, `${refreshName}=; `].map((start) =>
  expect.stringContaining(`${start}Path=/; Max-Age=0`),
);

it("a page that was left for an hour gets its user, the cookies to set, and headers for the rest of the request", async () => {
  const { world, ann, get } = await openAnn();
  world.clock.advance(3600);
  const renewed = await get({ "accept-language": "de" });
  expect(renewed.auth).toMatchObject({ id: ann.id, login: "ann" });
  expect(renewed.cookies).toEqual([
    `${tokenName}=${cookieOf(renewed, tokenName)}; Path=/; Max-Age=960; Secure; HttpOnly; SameSite=Lax`,
    expect.stringContaining(`${refreshName}=${cookieOf(renewed, refreshName)}; Path=/; Max-Age=`),
  ]);
  expect([cookieOf(renewed, "theme"), renewed.headers.get("accept-language")]).toEqual(["dark", "de"]);
  const { authenticate, authorize } = world.ampho;
  expect((await authenticate({ headers: renewed.headers }))?.login).toBe("ann");
  const rest = new Request(page, { method: "POST", headers: { ...Object.fromEntries(renewed.headers), ...ownPage } });
  expect((await authorize((_request: Request, auth) => new Response(auth.login))(rest)).status).toBe(200);
});

it("a form that is sent an hour after the page was opened is accepted", async () => {
  const { world, post } = await openAnn();
  world.clock.advance(3600);
  expect((await post(ownPage)).auth?.login).toBe("ann");
});

it("the new tokens are in the request itself, of every kind", async () => {
  const { world, renew, cookie } = await openAnn();
  world.clock.advance(3600);
  const request = new Request(page, { headers: { ...typed, cookie } });
  for (const given of [request, { request }, { req: request }, { headers: new Headers({ ...typed, cookie }) }]) {
    expect((await renew(given)).auth?.login).toBe("ann");
    expect((await world.ampho.authenticate(given))?.login).toBe("ann");
  }
  const results: unknown[] = [];
  const { url } = await listening(async (message, response) => {
    const renewed = await renew(message).catch((error: unknown) => error as Renewed);
    results.push(renewed.auth?.login, renewed.headers?.get("cookie") === message.headers.cookie);
    results.push((await world.ampho.authenticate(message))?.login);
    response.end();
  });
  await fetch(url, { headers: { ...typed, cookie } });
  expect(results).toEqual(["ann", true, "ann"]);
});

it("a request whose token is good stays as it is", async () => {
  const { world, grant, renew } = await openAnn();
  const headers = { cookie: receivedBy(grant) };
  const renewed = await renew(new Request(page, { headers }));
  expect([renewed.auth?.login, renewed.cookies, renewed.headers.get("cookie")]).toEqual(["ann", [], headers.cookie]);
  const bearer = new Request(page, { headers: { authorization: `Bearer ${grant.token}` } });
  expect(await renew(bearer)).toMatchObject({ auth: { login: "ann" }, cookies: [] });
  expect(await world.events()).not.toContain("renew");
});

it("racing requests of a browser get the same generation, and one of them has moved the session", async () => {
  const { world, get, post } = await openAnn();
  world.clock.advance(3600);
  const all = await Promise.all([...Array.from({ length: 10 }, () => get()), post(ownPage)]);
  expect(all.map(generationOf)).toEqual(Array(11).fill(1));
  expect((await world.events()).filter((event) => event === "renew")).toHaveLength(1);
});

it("a browser that lost the response continues an hour later", async () => {
  const { world, get } = await openAnn();
  world.clock.advance(3600);
  await get();
  world.clock.advance(3600);
  const again = await get();
  expect([again.auth?.login, generationOf(again)]).toEqual(["ann", 1]);
});

it("a token that a browser has replaced ends the session when it is sent again, as soon as the new one was used", async () => {
  const { world, get, renew } = await openAnn();
  world.clock.advance(3600);
  const first = await get();
  const next = new Request(page, { headers: { ...typed, cookie: first.headers.get("cookie") ?? "" } });
  expect((await renew(next)).auth?.login).toBe("ann");
  world.clock.advance(11);
  const replayed = await get();
  expect([replayed.auth, replayed.cookies]).toEqual([undefined, removed]);
  expect((await world.events()).filter((event) => event.startsWith("renew_"))).toEqual(["renew_replayed"]);
  expect((await renew(next)).auth).toBeUndefined();
});

it.each([
  ["another address", { "x-forwarded-for": "203.0.113.9" }],
  ["another browser", { "user-agent": "other" }],
])("a copied token that %s sends after the renewal ends the session", async (_, headers) => {
  const { world, get } = await openAnn();
  world.clock.advance(3600);
  await get();
  world.clock.advance(11);
  expect(await get(headers)).toMatchObject({ auth: undefined, cookies: removed });
  expect(await get()).toMatchObject({ auth: undefined, cookies: removed });
});

it.each([
  ["a page of another site", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
  ["a page of a sub-domain", { origin: "https://old.shop.example", "sec-fetch-site": "same-site" }],
  ["a page of another site in an older browser", { origin: "https://evil.example" }],
  ["a page without an origin", { origin: "null", "sec-fetch-site": "cross-site" }],
  ["an unknown page", {}],
])("a POST that %s has sent with the cookies is not renewed, and the guard rejects it", async (_, headers) => {
  const { world, post, cookie } = await openAnn();
  world.clock.advance(3600);
  const renewed = await post(headers);
  expect(renewed).toMatchObject({ auth: undefined, cookies: [] });
  expect(renewed.headers.get("cookie")).toBe(cookie);
  expect(await world.events()).not.toContain("renew");
  const guarded = world.ampho.authorize(() => new Response("done"));
  const rest = new Request(page, { method: "POST", headers: renewed.headers });
  expect((await guarded(rest)).status).toBe(401);
});

const html = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
it.each<[string, Readonly<Record<string, string>>, boolean]>([
  ["a user who types the address", { "sec-fetch-site": "none", "sec-fetch-dest": "document" }, true],
  ["a link of the application", { "sec-fetch-site": "same-origin", "sec-fetch-dest": "document" }, true],
  ["a script of the application", { "sec-fetch-site": "same-origin", "sec-fetch-dest": "empty" }, true],
  ["a link of another site", { "sec-fetch-site": "cross-site", "sec-fetch-dest": "document" }, true],
  ["a browser that loads a typed address ahead", { ...typed, "sec-purpose": "prefetch" }, true],
  ["an older browser that opens a page", html, true],
  ["a sub-domain that loads a page ahead", { ...ofSub("document"), "sec-purpose": "prefetch;prerender" }, false],
  ["an image of a sub-domain", ofSub("image"), false],
  ["a script of a sub-domain that asks for a page", { ...html, ...ofSub("empty") }, false],
  ["a frame of a sub-domain", { ...html, ...ofSub("iframe") }, false],
  ["an object of a sub-domain", { ...html, ...ofSub("object") }, false],
  ["an image of another site", { "sec-fetch-site": "cross-site", "sec-fetch-dest": "image" }, false],
  ["a typed address whose kind is missing", { ...html, "sec-fetch-site": "none" }, false],
  ["an image of an older browser", { accept: "image/webp,*/*" }, false],
  ["a program", {}, false],
])("a GET by %s with %j renews: %s", async (_, headers, renews) => {
  const { world, renew, cookie } = await openAnn();
  world.clock.advance(3600);
  const { auth, cookies, headers: rest } = await renew(new Request(page, { headers: { cookie, ...headers } }));
  expect([auth?.login, cookies.length]).toEqual(renews ? ["ann", 2] : [undefined, 0]);
  if (!renews) expect(rest.get("cookie")).toBe(cookie);
  expect((await world.events()).includes("renew")).toBe(renews);
});

it("a WebSocket that a page of another site opens is not renewed", async () => {
  const { world, get } = await openAnn();
  world.clock.advance(3600);
  const headers = { upgrade: "websocket", "sec-fetch-site": "cross-site", origin: "https://evil.example" };
  expect(await get(headers)).toMatchObject({ auth: undefined, cookies: [] });
});

it.each([
  ["ended", (world: Awaited<ReturnType<typeof openWorld>>) => world.ampho.sessions.endForUser("ann")],
  ["of a disabled user", (world: Awaited<ReturnType<typeof openWorld>>) => world.ampho.users.disable("ann")],
])("a session that is %s loses its cookies, in the response and in the rest of the request", async (state, change) => {
  const { world, ann, grant, renew } = await openAnn();
  await (state === "ended" ? world.ampho.sessions.endForUser(ann.id) : change(world));
  const renewed = await renew(new Request(page, { headers: { ...typed, cookie: `${receivedBy(grant)}; theme=dark` } }));
  expect(renewed).toMatchObject({ auth: undefined, cookies: removed });
  expect(renewed.headers.get("cookie")).toBe("theme=dark");
});

it("a forged refresh token belongs to no user", async () => {
  const { renew, grant } = await openAnn();
  const forged = `${refreshName}=${grant.refresh_token.slice(0, -6)}AAAAAA`;
  expect(await renew(new Request(page, { headers: { ...typed, cookie: forged } }))).toMatchObject({ auth: undefined });
});

it("another user's refresh token beside a good token changes neither user nor session", async () => {
  const { world, grant, renew } = await openAnn();
  const bob = await world.session(await world.user("bob"));
  const cookie = `${tokenName}=${grant.token}; ${refreshName}=${bob.refresh_token}`;
  expect(await renew(new Request(page, { headers: { ...typed, cookie } }))).toMatchObject({
    auth: { login: "ann" },
    cookies: [],
  });
  const header = { cookie: `${refreshName}=${bob.refresh_token}`, authorization: `Bearer ${grant.token}` };
  expect(await renew(new Request(page, { headers: header }))).toMatchObject({ auth: { login: "ann" }, cookies: [] });
  expect(await world.events()).not.toContain("renew");
});

it("a bad token in the Authorization header is not replaced by the session of the cookies", async () => {
  const { get } = await openAnn();
  for (const authorization of ["Bearer x", "Bearer x, Bearer y"])
    expect(await get({ authorization })).toMatchObject({ auth: undefined, cookies: [] });
});

it("the headers for the rest of the request have each token once, whatever the request has", async () => {
  const { world, grant, renew } = await openAnn();
  world.clock.advance(3600);
  const cookie = [
    `\t ${tokenName}=${grant.token}`,
    `${tokenName}x=kept`,
    `${tokenName.toUpperCase()}=kept`,
    "noName",
    ` ${refreshName}  =  ${grant.refresh_token}`,
    "",
  ].join(";");
  const renewed = await renew(new Request(page, { headers: { ...typed, cookie } }));
  const sent = renewed.headers.get("cookie")?.split("; ") ?? [];
  expect(sent.map((pair) => pair.split("=")[0])).toEqual([
    `${tokenName}x`,
    tokenName.toUpperCase(),
    "noName",
    tokenName,
    refreshName,
  ]);
  expect(generationOf(renewed)).toBe(1);
});

it("a request with a token twice has no user, and is not renewed", async () => {
  const { world, cookie, renew } = await openAnn();
  world.clock.advance(3600);
  for (const twice of [`${cookie}; ${refreshName}=x`, `${cookie}; ${tokenName}=x; ${tokenName}=y`])
    expect(await renew(new Request(page, { headers: { ...typed, cookie: twice } }))).toMatchObject({
      auth: undefined,
      cookies: [],
    });
  expect(await world.events()).not.toContain("renew");
});

it("a request to Ampho's own endpoints keeps the cookies that the browser has sent", async () => {
  const { world, post, cookie } = await openAnn();
  world.clock.advance(3600);
  const renewed = await post(ownPage, "https://shop.example/api/security/renew");
  expect([renewed.cookies, renewed.headers.get("cookie")]).toEqual([[], cookie]);
});

it("addCookies adds the cookies to any response, which no cache can store then", async () => {
  const { world, get } = await openAnn();
  world.clock.advance(3600);
  const { addCookies, cookies } = await get();
  const cached = new Response("page", { headers: { "cache-control": "public, max-age=60", "set-cookie": "own=1" } });
  expect(addCookies(cached)).toBe(cached);
  expect(cached.headers.getSetCookie()).toEqual(["own=1", ...cookies]);
  const moved = addCookies(Response.redirect("https://shop.example/", 303));
  expect([moved.status, moved.headers.get("location"), moved.headers.getSetCookie()]).toEqual([
    303,
    "https://shop.example/",
    cookies,
  ]);
  for (const response of [cached, moved]) expect(response.headers.get("cache-control")).toBe("no-store");
});

it("renew rejects without tokens in cookies, and for anything without headers", async () => {
  const world = await openWorld();
  const without = "renew needs tokens in cookies. Set AMPHO_SECURITY_COOKIES, or the option `cookies`.";
  await expect(world.ampho.renew(new Request(page))).rejects.toThrow(without);
  const { renew } = await openAnn();
  await expect(Reflect.apply(renew, undefined, [{}])).rejects.toThrow("renew needs a request");
});

it("renew rejects while the database is down, so that no page signs the user out", async () => {
  const { world, get } = await openAnn();
  world.clock.advance(3600);
  await world.ampho.close();
  await expect(get()).rejects.toMatchObject({ code: "unavailable" });
});

it("the request of Next.js, which throws when a member is read that it does not have, is read as a request", async () => {
  const { world, cookie } = await openAnn();
  world.clock.advance(3600);
  class Hint extends Request {
    get request(): never {
      throw new Error('The middleware "/proxy" accepts an async API directly with the form: …');
    }
    get req(): never {
      return this.request;
    }
  }
  const request = new Hint(page, { headers: { ...typed, cookie } });
  expect((await world.ampho.renew(request)).auth?.login).toBe("ann");
  expect((await world.ampho.authenticate(request))?.login).toBe("ann");
});
