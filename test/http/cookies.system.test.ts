// AMPHO_SECURITY_COOKIES: tokens in cookies, and the sites that can send requests with them.
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import { describe as describeRoutes } from "../../dist/http/rest/openapi.js";
import { routes } from "../../dist/http/rest/routes.js";
import { settableClock } from "../world/clock.js";
import { freshFolder } from "../world/folder.js";
import { type Serving, serve } from "../world/http-server.js";
import { alice } from "../world/people.js";
import { bearer, post } from "../world/requests.js";
import { DatabaseSync } from "../world/sqlite.js";
import { openJar } from "./jar.js";
import { sendRaw } from "./raw.js";

const friend = "http://friend.localhost:5173";
const neighbour = "http://127.0.0.1:5173";
const bob = { login: "bob", password: "copper lantern drizzle 84" };
const same = { "sec-fetch-site": "same-origin" };
const { token: access, refreshToken: refresh, device } = cookieNames;

interface Schema {
  readonly title: string;
  readonly required?: readonly string[];
  readonly properties?: object;
}

const clock = settableClock();
let serving: Serving;
beforeAll(async () => {
  serving = await serve({ cookies: true, corsOrigins: [friend, neighbour], clock });
  await serving.ampho.users.create(bob);
});
afterAll(() => serving.close());

/** A browser's cookies after alice has logged in. */
async function logIn() {
  const jar = openJar();
  const send = async (path: string, init: RequestInit = {}, headers: Record<string, string> = same) => {
    const response = await fetch(serving.url + path, { ...init, headers: { cookie: jar.header(), ...headers } });
    jar.keep(response);
    return response;
  };
  const login = (headers: Record<string, string> = {}) =>
    post(`${serving.url}/login`, alice, { ...same, cookie: jar.header(), ...headers }).then((response) => {
      jar.keep(response);
      return response;
    });
  const response = await login();
  expect(response.status).toBe(200);
  return { jar, send, login, response, body: await response.json() };
}
const idsOf = async (login: string) => {
  const user = await serving.ampho.users.find(login);
  return (await serving.ampho.sessions.list(user?.id ?? "")).map((session) => session.id);
};
const outcomeOf = async (response: Response) => [response.status, (await response.json()).error];

describe("login", () => {
  it("a login sets three cookies and returns no token", async () => {
    const { response, body } = await logIn();
    expect(Object.keys(body).sort()).toEqual(["expires", "leeway", "refresh_expires", "starts", "ttl"]);
    const attributes = (maxAge: number) => `; Path=/; Max-Age=${maxAge}; Secure; HttpOnly; SameSite=Lax`;
    const cookies = response.headers.getSetCookie().map((one) => one.replace(/=[\w.-]+/, "=…"));
    expect(cookies).toEqual([
      `__Host-ampho-token=…${attributes(960)}`,
      `__Host-ampho-refresh=…${attributes(1_209_600)}`,
      `__Host-ampho-device=…${attributes(15_552_000)}`,
    ]);
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it("a login reads the device proof from its cookie and sets the next one", async () => {
    const { jar, login } = await logIn();
    const claimsOf = () => JSON.parse(Buffer.from(jar.get(device)?.split(".")[1] ?? "", "base64url").toString());
    const before = claimsOf();
    await login();
    expect(claimsOf().did).toBe(before.did);
  });

  it("a login with the cookies of a live session re-authenticates that session", async () => {
    const { send, login } = await logIn();
    const idOf = async () => (await (await send("/session")).json()).session.id;
    const before = await idOf();
    await login();
    expect(await idOf()).toBe(before);
  });

  it.each(["both tokens", "the refresh token alone"])(
    "a login that overwrites another user's session ends it, known by %s",
    async (known) => {
      const { jar, send } = await logIn();
      const { id } = (await (await send("/session")).json()).session;
      const stolen = jar.header();
      if (known !== "both tokens") jar.remove(access);
      jar.keep(await post(`${serving.url}/login`, bob, { ...same, cookie: jar.header() }));
      expect(await (await send("/session")).json()).toMatchObject({ login: "bob" });
      expect(await idsOf("alice")).not.toContain(id);
      expect(await outcomeOf(await send("/session", {}, { ...same, cookie: stolen }))).toEqual([401, "invalid_token"]);
    },
  );

  it("a login that overwrites the user's own expired session ends it", async () => {
    const { jar, send, login } = await logIn();
    const { id } = (await (await send("/session")).json()).session;
    jar.remove(access);
    await login();
    const { id: next } = (await (await send("/session")).json()).session;
    const ids = await idsOf("alice");
    expect([ids.includes(id), ids.includes(next)]).toEqual([false, true]);
  });

  it("a login and the end of the session that it overwrites are one: neither is without the other", async () => {
    const file = path.join(freshFolder(), "ampho.db");
    const own = await serve({ cookies: true, databaseUrl: `sqlite:${file}` });
    await own.ampho.users.create(bob);
    const jar = openJar();
    jar.keep(await post(`${own.url}/login`, alice, same));
    const sessionOf = async () => {
      const response = await fetch(`${own.url}/session`, { headers: { ...same, cookie: jar.header() } });
      return [response.status, (await response.json()).login];
    };
    const database = new DatabaseSync(file);
    const rows = () => database.prepare("select * from ampho_sessions").all();
    const ends = () => database.prepare("select login from ampho_audit where event = 'logout'").all();
    const before = rows();
    database.exec(
      "create trigger refuse before update on ampho_sessions when new.ended_at is not null begin select raise(abort, 'no'); end",
    );
    const failed = await post(`${own.url}/login`, bob, { ...same, cookie: jar.header() });
    expect([failed.status, failed.headers.getSetCookie(), rows()]).toEqual([503, [], before]);
    expect(await sessionOf()).toEqual([200, "alice"]);
    database.exec("drop trigger refuse");
    jar.keep(await post(`${own.url}/login`, bob, { ...same, cookie: jar.header() }));
    expect(await sessionOf()).toEqual([200, "bob"]);
    expect([rows().length, ends()]).toEqual([2, [{ login: "alice" }]]);
    database.close();
    await own.close();
  });

  it("a rejected login, or one with invalid cookies, ends no session", async () => {
    const { jar, send, login } = await logIn();
    const { id } = (await (await send("/session")).json()).session;
    expect((await login({ ...same, cookie: `${access}=x; ${refresh}=${jar.get(access)}` })).status).toBe(200);
    await post(`${serving.url}/login`, { ...bob, password: "wrong" }, { ...same, cookie: jar.header() });
    expect(await idsOf("alice")).toContain(id);
  });

  it("a rejected login sets no cookie", async () => {
    const response = await post(`${serving.url}/login`, { ...alice, password: "wrong" }, same);
    expect([response.status, response.headers.getSetCookie()]).toEqual([401, []]);
  });
});

describe("renewal", () => {
  it("a renewal reads the refresh token from its cookie", async () => {
    const { jar, send } = await logIn();
    const before = [jar.get(access), jar.get(refresh), jar.get(device)];
    const response = await send("/renew", { method: "POST" });
    expect(response.status).toBe(200);
    expect(Object.keys(await response.json()).sort()).toEqual([
      "expires",
      "leeway",
      "refresh_expires",
      "starts",
      "ttl",
    ]);
    expect(jar.get(access)).not.toBe(before[0]);
    expect(jar.get(refresh)).not.toBe(before[1]);
    expect(jar.get(device)).toBe(before[2]);
  });

  it("a renewal needs no access token", async () => {
    const { jar, send } = await logIn();
    jar.remove(access);
    expect((await send("/renew", { method: "POST" })).status).toBe(200);
    expect((await send("/session")).status).toBe(200);
  });

  it("a renewal of an ended session removes both tokens and keeps the device proof", async () => {
    const { jar, send } = await logIn();
    const user = await serving.ampho.users.find("alice");
    await serving.ampho.sessions.endForUser(user?.id ?? "");
    expect(await outcomeOf(await send("/renew", { method: "POST" }))).toEqual([401, "session_ended"]);
    expect([jar.get(access), jar.get(refresh), jar.get(device)]).toEqual([undefined, undefined, expect.any(String)]);
  });

  it("a renewal with an invalid refresh token removes both tokens", async () => {
    const { jar, send } = await logIn();
    jar.set(refresh, "x.y.z");
    expect(await outcomeOf(await send("/renew", { method: "POST" }))).toEqual([401, "invalid_token"]);
    expect(jar.get(refresh)).toBeUndefined();
  });

  it("a renewal by access token removes the used refresh token", async () => {
    const { jar, send } = await logIn();
    jar.remove(refresh);
    const response = await send("/renew", { method: "POST" });
    expect([response.status, response.headers.getSetCookie().length]).toEqual([200, 2]);
    expect([typeof jar.get(access), jar.get(refresh)]).toEqual(["string", undefined]);
  });

  it("a renewal with two different tokens is rejected", async () => {
    const [one, other] = [await logIn(), await logIn()];
    const body = (token: string | undefined) => JSON.stringify({ refresh_token: token });
    const headers = { ...same, "content-type": "application/json", cookie: one.jar.header() };
    const by = (token: string | undefined) => one.send("/renew", { method: "POST", body: body(token) }, headers);
    expect(await outcomeOf(await by(other.jar.get(refresh)))).toEqual([400, "invalid_request"]);
    const cookie = `${refresh}=${one.jar.get(refresh)}`;
    const mixed = { ...same, cookie, ...bearer(other.jar.get(access) ?? "") };
    expect(await outcomeOf(await one.send("/renew", { method: "POST" }, mixed))).toEqual([400, "invalid_request"]);
    expect((await by(one.jar.get(refresh))).status).toBe(200);
  });

  it("a renewal without a token returns 401", async () => {
    const response = await fetch(`${serving.url}/renew`, { method: "POST", headers: same });
    expect(await outcomeOf(response)).toEqual([401, "missing_token"]);
  });
});

describe("the end of a session", () => {
  it.each([
    ["/logout", "POST"],
    ["/sessions", "DELETE"],
  ])("the call of %s removes both tokens and keeps the device proof", async (path, method) => {
    const { jar, send } = await logIn();
    const stolen = jar.header();
    expect((await send(path, { method })).status).toBe(204);
    expect([jar.get(access), jar.get(refresh), jar.get(device)]).toEqual([undefined, undefined, expect.any(String)]);
    expect(await outcomeOf(await send("/session", {}, { ...same, cookie: stolen }))).toEqual([401, "invalid_token"]);
  });

  it.each(["has expired", "is invalid"])("a logout works when the access token %s", async (how) => {
    const { jar, send } = await logIn();
    const { id } = (await (await send("/session")).json()).session;
    if (how === "has expired") jar.remove(access);
    else jar.set(access, `${jar.get(access)}A`);
    expect((await send("/logout", { method: "POST" })).status).toBe(204);
    expect([jar.get(access), jar.get(refresh)]).toEqual([undefined, undefined]);
    expect(await idsOf("alice")).not.toContain(id);
  });

  it.each([
    ["an authorization of another scheme", "Basic YTpi", 204],
    ["a token in the header", "Bearer x", 401],
  ])("a logout after the access token has expired, with %s (%s), returns %i", async (_what, authorization, status) => {
    const { jar, send } = await logIn();
    const { id } = (await (await send("/session")).json()).session;
    jar.remove(access);
    expect((await send("/logout", { method: "POST" }, { ...same, authorization })).status).toBe(status);
    expect((await idsOf("alice")).includes(id)).toBe(status === 401);
  });

  it("a logout of an ended session removes its cookies", async () => {
    const { jar, send } = await logIn();
    await serving.ampho.sessions.endForUser((await serving.ampho.users.find("alice"))?.id ?? "");
    expect(await outcomeOf(await send("/logout", { method: "POST" }))).toEqual([401, "session_ended"]);
    expect([jar.get(access), jar.get(refresh)]).toEqual([undefined, undefined]);
  });
});

describe("a token that is rejected while another one is good", () => {
  it("an endpoint that renews a session and then rejects the request sets the new cookies", async () => {
    const { jar, send } = await logIn();
    clock.advance(301);
    jar.remove(access);
    expect(await outcomeOf(await send("/account", { method: "DELETE" }))).toEqual([401, "login_too_old"]);
    expect((await send("/session")).status).toBe(200);
    clock.advance(11);
    expect((await send("/renew", { method: "POST" })).status).toBe(200);
  });

  it("a step-up with an expired access token removes it and keeps the refresh token", async () => {
    const { jar, send } = await logIn();
    clock.advance(961);
    const headers = { ...same, "content-type": "application/json" };
    const stepUp = await send("/login", { method: "POST", body: "{}" }, { ...headers, cookie: jar.header() });
    expect(await outcomeOf(stepUp)).toEqual([401, "invalid_token"]);
    expect(jar.get(access)).toBeUndefined();
    expect((await send("/renew", { method: "POST" })).status).toBe(200);
  });

  it("a logout with a bad token in its header keeps the refresh token", async () => {
    const { jar, send } = await logIn();
    jar.remove(access);
    const logout = await send("/logout", { method: "POST" }, { ...same, ...bearer("x"), cookie: jar.header() });
    expect(await outcomeOf(logout)).toEqual([401, "invalid_token"]);
    expect((await send("/renew", { method: "POST" })).status).toBe(200);
  });

  it("a renewal that races with a re-authentication keeps its cookies", async () => {
    const { jar, send, login } = await logIn();
    const cookie = jar.header();
    expect((await login()).status).toBe(200);
    const raced = await send("/renew", { method: "POST" }, { ...same, cookie });
    expect(await outcomeOf(raced)).toEqual([401, "session_ended"]);
    expect((await send("/session")).status).toBe(200);
    expect((await send("/renew", { method: "POST" })).status).toBe(200);
  });
});

describe("the source of a token", () => {
  it("the token comes from the cookie, from the header, or from both if they are equal", async () => {
    const { jar, send } = await logIn();
    const token = jar.get(access) ?? "";
    for (const headers of [{ cookie: `${access}=${token}` }, { cookie: "", ...bearer(token) }, bearer(token)])
      expect((await send("/session", {}, headers)).status).toBe(200);
  });

  it("two different tokens in cookie and header are rejected", async () => {
    const [one, other] = [await logIn(), await logIn()];
    const both = bearer(other.jar.get(access) ?? "");
    expect(await outcomeOf(await one.send("/session", {}, both))).toEqual([400, "invalid_request"]);
    expect(await outcomeOf(await one.send("/session", {}, bearer("")))).toEqual([400, "invalid_request"]);
  });

  it("the token comes from the cookie beside an Authorization header of another scheme", async () => {
    const { send } = await logIn();
    expect((await send("/session", {}, { authorization: "Basic YTpi" })).status).toBe(200);
  });

  it.each([access, refresh, device])("a cookie %s that occurs twice is rejected", async (name) => {
    const { jar } = await logIn();
    const twice = `${jar.header()}; ${name}=${jar.get(name)}`;
    const response = await fetch(`${serving.url}/logout`, { method: "POST", headers: { ...same, cookie: twice } });
    expect(await outcomeOf(response)).toEqual([400, "invalid_request"]);
    expect((await fetch(`${serving.url}/session`, { headers: { cookie: jar.header() } })).status).toBe(200);
  });

  it("two Cookie headers with the same cookie are rejected", async () => {
    const { jar } = await logIn();
    const line = `Cookie: ${access}=${jar.get(access)}\r\n`;
    const text = `GET /api/security/session HTTP/1.1\r\nHost: x\r\n${line}${line}\r\n`;
    expect((await sendRaw(serving.port, text)).status).toBe(400);
  });

  it.each([
    "ampho-token",
    "__Secure-ampho-token",
    "__host-ampho-token",
    "__Host-Ampho-token",
    "__Host-ampho-token2",
    "x__Host-ampho-token",
    "\u00a0__Host-ampho-token",
    "$Version=1; $__Host-ampho-token",
    '"__Host-ampho-token"',
    "__Host%2dampho-token",
  ])("a cookie with the name %j is ignored", async (name) => {
    const { jar } = await logIn();
    const headers = { cookie: `${name}=${jar.get(access)}` };
    expect(await outcomeOf(await fetch(`${serving.url}/session`, { headers }))).toEqual([401, "missing_token"]);
  });

  it.each(['"%s"', "%s;=x", " %s\t", "%sA", "%s, x"])("the token is read byte by byte, as in %j", async (form) => {
    const { jar } = await logIn();
    const value = form.replace("%s", jar.get(access) ?? "");
    const response = await fetch(`${serving.url}/session`, { headers: { cookie: `a=b; ${access}=${value}; c` } });
    expect(response.status).toBe(form.includes('"') || form.includes("A") || form.includes(",") ? 401 : 200);
  });
});

/** Headers of requests, and the site that they show. */
const sites: readonly [string, Record<string, string>, "own" | "foreign" | "unknown"][] = [
  ["our own pages", { "sec-fetch-site": "same-origin", origin: "http://{host}" }, "own"],
  ["our own pages, of which the Origin is not known", { "sec-fetch-site": "same-origin" }, "own"],
  ["our own pages in an older browser", { origin: "http://{host}" }, "own"],
  ["our own pages behind a proxy that ends TLS", { origin: "https://{host}" }, "own"],
  ["a listed sibling", { "sec-fetch-site": "same-site", origin: friend }, "own"],
  ["a listed page of this host in an older browser", { origin: neighbour }, "own"],
  ["another site that is listed, in an older browser", { origin: friend }, "foreign"],
  ["a sibling", { "sec-fetch-site": "same-site", origin: "http://evil.localhost" }, "foreign"],
  ["a sibling without an Origin", { "sec-fetch-site": "same-site" }, "foreign"],
  ["another site", { "sec-fetch-site": "cross-site", origin: "https://evil.example" }, "foreign"],
  ["another site that is listed", { "sec-fetch-site": "cross-site", origin: friend }, "foreign"],
  ["another site by our own Origin", { "sec-fetch-site": "cross-site", origin: "http://{host}" }, "foreign"],
  ["no page at all", { "sec-fetch-site": "none" }, "foreign"],
  ["a value that Fetch Metadata does not define", { "sec-fetch-site": "SAME-ORIGIN" }, "foreign"],
  ["two different values", { "sec-fetch-site": "same-origin, cross-site" }, "foreign"],
  ["a sandboxed frame or a redirect in an older browser", { origin: "null" }, "foreign"],
  ["another port in an older browser", { origin: "http://127.0.0.1:1" }, "foreign"],
  ["a longer name in an older browser", { origin: "http://{host}.evil.example" }, "foreign"],
  ["two Origins", { origin: "http://{host}, http://evil.example" }, "foreign"],
  ["a client that sends no name", {}, "unknown"],
];

describe.each(sites)("a request of %s", (_, sent, site) => {
  const host = () => `127.0.0.1:${serving.port}`;
  const headers = () =>
    Object.fromEntries(Object.entries(sent).map(([name, value]) => [name, value.replace("{host}", host())]));
  const rejected = [403, "cross_site"];

  it(`a request of this kind ${site === "own" ? "can" : "cannot"} change something by cookie`, async () => {
    const { jar, send } = await logIn();
    const before = jar.header();
    for (const [path, method] of [
      ["/renew", "POST"],
      ["/logout", "POST"],
      ["/sessions/x", "DELETE"],
      ["/password", "POST"],
    ] as const) {
      const response = await send(path, { method }, headers());
      if (site === "own") expect([path, response.status]).not.toEqual([path, 403]);
      else expect([path, ...(await outcomeOf(response))]).toEqual([path, ...rejected]);
    }
    if (site === "own") return;
    expect(jar.header()).toBe(before);
    expect((await send("/session")).status).toBe(200);
  });

  it(`a request of this kind ${site === "foreign" ? "cannot" : "can"} sign in`, async () => {
    const fresh = await post(`${serving.url}/login`, alice, headers());
    const form = await fetch(`${serving.url}/login`, {
      method: "POST",
      body: new URLSearchParams(alice),
      headers: headers(),
    });
    for (const response of [fresh, form]) {
      if (site === "foreign")
        expect([...(await outcomeOf(response)), response.headers.getSetCookie()]).toEqual([...rejected, []]);
      else expect([response.status, response.headers.getSetCookie().length]).toEqual([200, 3]);
    }
    const { jar } = await logIn();
    const known = await post(`${serving.url}/login`, alice, { ...headers(), cookie: `${device}=${jar.get(device)}` });
    expect(known.status).toBe(site === "own" ? 200 : 403);
  });

  it("a request of this kind can read by cookie", async () => {
    const { send } = await logIn();
    for (const method of ["GET", "HEAD"]) expect((await send("/session", { method }, headers())).status).toBe(200);
  });

  it("a request of this kind can change something with a token in its header", async () => {
    const { jar, send } = await logIn();
    const token = bearer(jar.get(access) ?? "");
    expect((await send("/logout", { method: "POST" }, { ...headers(), ...token, cookie: "" })).status).toBe(204);
  });
});

describe("a request with only an Origin that is listed", () => {
  const listed = [
    "https://www.shop.example",
    "http://www.shop.example",
    "https://shop.example:8443",
    "https://shop.test",
    "https://evil-shop.example",
    "https://example",
    "https://www.shop.co.uk",
    "http://a.app.localhost:81",
    "http://localhost:81",
    "https://10.0.0.1",
    "https://[2001:db8::1]",
    "https://10.0.0.1.example",
    "capacitor://localhost",
    "https://intranet",
  ];
  let world: Serving;
  beforeAll(async () => {
    world = await serve({ cookies: true, corsOrigins: listed });
  });
  afterAll(() => world.close());

  it.each([
    ["api.shop.example", ["https://www.shop.example", "https://shop.example:8443"]],
    ["API.shop.example:8443", ["https://www.shop.example", "https://shop.example:8443"]],
    ["shop.example", ["https://www.shop.example", "https://shop.example:8443"]],
    ["example", ["https://example"]],
    ["api.example", []],
    ["api.shop.co.uk", ["https://www.shop.co.uk"]],
    ["app.localhost:3000", ["http://a.app.localhost:81"]],
    ["b.localhost", []],
    ["localhost:3000", ["http://localhost:81"]],
    ["10.0.0.1:3000", ["https://10.0.0.1"]],
    ["11.0.0.1", []],
    ["[2001:db8::1]:3000", ["https://[2001:db8::1]"]],
    ["intranet:3000", ["https://intranet"]],
  ])("the host %s accepts no origin that cannot be of its site, only %j", async (host, accepted) => {
    const statusOf = async (origin: string) => {
      const body = JSON.stringify(alice);
      const head = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nOrigin: ${origin}`;
      const text = `POST /api/security/login HTTP/1.1\r\nHost: ${host}\r\n${head}\r\n\r\n${body}`;
      return (await sendRaw(world.port, text)).status;
    };
    for (const origin of listed)
      expect([origin, await statusOf(origin)]).toEqual([origin, accepted.includes(origin) ? 200 : 403]);
  });
});

describe("the application's own routes", () => {
  const route = () => serving.ampho.authorize((_request: Request, auth) => Response.json(auth.login));
  const ask = (method: string, headers: Record<string, string>) =>
    route()(new Request("https://app.example/articles", { method, headers }));

  it("the wrapper guards the application's routes in the same way", async () => {
    const { jar } = await logIn();
    const cookie = jar.header();
    expect((await ask("GET", { cookie })).status).toBe(200);
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"]) {
      expect((await ask(method, { cookie, ...same })).status).toBe(200);
      expect((await ask(method, { cookie, origin: "https://app.example" })).status).toBe(200);
      expect(await outcomeOf(await ask(method, { cookie, origin: "http://app.example" }))).toEqual([403, "cross_site"]);
      expect(await outcomeOf(await ask(method, { cookie }))).toEqual([403, "cross_site"]);
      expect((await ask(method, bearer(jar.get(access) ?? ""))).status).toBe(200);
    }
    expect(await outcomeOf(await ask("GET", {}))).toEqual([401, "missing_token"]);
  });

  it("the application gets the cookies for its own login", async () => {
    const user = await serving.ampho.users.find("alice");
    const grant = await serving.ampho.sessions.create(user?.id ?? "");
    expect(serving.ampho.host.cookies?.cookiesOf(grant).map((one) => one.split("=")[0])).toEqual([
      access,
      refresh,
      device,
    ]);
  });
});

describe("a page of a listed origin", () => {
  it("a page of a listed origin can send its cookies, and a page of another origin cannot", async () => {
    const headers = { "access-control-request-method": "POST" };
    const preflight = (origin: string) =>
      fetch(`${serving.url}/renew`, { method: "OPTIONS", headers: { origin, ...headers } });
    const listed = await preflight(friend);
    expect([listed.status, listed.headers.get("access-control-allow-credentials")]).toEqual([204, "true"]);
    const other = await preflight("http://evil.localhost");
    expect([other.status, other.headers.get("access-control-allow-credentials")]).toEqual([405, null]);
  });
});

describe("an access token that is too large for a cookie", () => {
  let large: Serving;
  afterEach(() => large.close());
  it("a token that does not fit into a cookie is logged as a bug", async () => {
    large = await serve({ cookies: true, claims: () => ({ more: "x".repeat(3_000) }) });
    const response = await post(`${large.url}/login`, alice, same);
    expect([...(await outcomeOf(response)), response.headers.getSetCookie()]).toEqual([500, "internal_error", []]);
    expect(large.notices.join()).toContain("4096 bytes");
  });
});

describe("the description", () => {
  it("the OpenAPI document describes cookies where they are on", async () => {
    const { components, paths } = await (await fetch(`${serving.url}/openapi.json`)).json();
    expect(components.securitySchemes.cookie).toMatchObject({ type: "apiKey", in: "cookie", name: access });
    expect(Object.keys(components.schemas.CookieGrant.properties)).not.toContain("token");
    expect(paths["/api/security/logout"].post.security).toContainEqual({ cookie: [] });
    expect(paths["/api/security/logout"].post.responses["403"].description).toContain("cross_site");
  });

  it("the OpenAPI document with cookies has no token in a response, and no cross_site for pages of other sites", () => {
    const { components, paths } = JSON.parse(
      JSON.stringify(describeRoutes(routes, { prefix: "", version: "1", cookies: {} })),
    );
    // A service account is no browser: it reads its token from the body (RFC 6749, section 5.1), and learns only the type of
    // another token (RFC 7662, section 2.2).
    const { IssuedToken, Introspection, ...ofPeople } = components.schemas;
    expect(IssuedToken.required).toEqual(["access_token", "token_type", "expires_in", "scope"]);
    expect(Object.keys(Introspection.properties).filter((name) => name.includes("token"))).toEqual(["token_type"]);
    for (const { title, required = [], properties = {} } of Object.values<Schema>(ofPeople))
      for (const name of ["token", "token_type", "refresh_token", "device"])
        expect([title, required.includes(name), name in properties]).toEqual([title, false, false]);
    expect(Object.keys(components.schemas)).toEqual(expect.arrayContaining(["CookieGrant", "CookieRegistered"]));
    const callback = paths["/login/outside/{provider}/callback"];
    expect(JSON.stringify(callback.post.responses)).not.toContain("cross_site");
  });
});

describe("without the parameter", () => {
  let plain: Serving;
  beforeAll(async () => {
    plain = await serve();
  });
  afterAll(() => plain.close());
  it("cookies are neither set nor read without the parameter, and the Origin does not matter", async () => {
    const response = await post(`${plain.url}/login`, alice, { "sec-fetch-site": "cross-site" });
    expect([response.status, response.headers.getSetCookie()]).toEqual([200, []]);
    const { token } = await response.json();
    const headers = { cookie: `${access}=${token}` };
    expect(await outcomeOf(await fetch(`${plain.url}/session`, { headers }))).toEqual([401, "missing_token"]);
    const both = { ...bearer(token), cookie: `${access}=x; ${access}=y`, "sec-fetch-site": "cross-site" };
    expect((await fetch(`${plain.url}/logout`, { method: "POST", headers: both })).status).toBe(204);
    expect(plain.ampho.host.cookies).toBeUndefined();
  });
});
