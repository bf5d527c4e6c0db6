// Outside logins with tokens in cookies (docs/guides/providers.md): no page of the application needs a script.
import { expect, it } from "vitest";
import { password, type ReadResponse, readResponse, type World } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { appleKey, codeOf, identities, type Outside, openOutside } from "./outside.js";
import { addOwner, type Ground, onBothDatabases } from "./owners.js";

const origin = "https://app.example";
const api = `${origin}/api/security`;

/** A browser that keeps cookies. */
function openBrowser(world: World) {
  const cookies = new Map<string, string>();
  async function send(
    method: string,
    path: string,
    { body, headers = {} }: { body?: BodyInit; headers?: object } = {},
  ) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const request = new Request(`${api}${path}`, {
      method,
      headers: { ...(cookie !== "" && { cookie }), ...headers },
      ...(body !== undefined && { body }),
    });
    const response = await world.ampho.fetch(request);
    for (const set of response.headers.getSetCookie()) {
      const [name = "", value = ""] = set.split(";")[0]?.split("=") ?? [];
      if (value === "") cookies.delete(name);
      else cookies.set(name, value);
    }
    return readResponse(response);
  }
  return {
    cookies,
    get: (path: string) => send("GET", path),
    /** A request of a script of the application. */
    post: (path: string, body: object) =>
      send("POST", path, { body: JSON.stringify(body), headers: { "content-type": "application/json", origin } }),
    /** A form of a page. */
    form: (path: string, fields: Record<string, string>, from = origin) =>
      send("POST", path, { body: new URLSearchParams(fields), headers: { origin: from } }),
  };
}

type Browser = ReturnType<typeof openBrowser>;

const has = ({ cookies }: Browser, name: string) => cookies.has(`__Host-ampho-${name}`);
const locationOf = (response: ReadResponse) => {
  expect(response.status, response.text).toBe(303);
  return response.headers.get("location") ?? "";
};

const open = (ground: Ground, acme = {}, options = {}) =>
  openOutside(ground, { acme, options: { cookies: true, ...options } });

/** Links the identity `sub` = `login` to a new user. */
async function addUser({ world, evil }: Outside, ground: Ground, login: string) {
  const { id } = await world.user(login, { password });
  await ground.sql(
    world,
    `insert into ampho_identities (issuer, subject, user_id, provider, created_at)
     values ('${evil.issuer}', '${login}', '${id}', 'acme', ${start})`,
  );
  return id;
}

/** Begins by a form, and prepares the provider. Returns the query of its response. */
async function begin({ evil }: Outside, browser: Browser, claims: object, fields: Record<string, string> = {}) {
  const url = new URL(locationOf(await browser.form("/login/outside", { provider: "acme", ...fields })));
  evil.claims = { nonce: url.searchParams.get("nonce"), ...claims };
  return `code=code-1&state=${url.searchParams.get("state")}`;
}

onBothDatabases((ground) => {
  it("the first login after a reset leads to the page with `ampho_review`, and the next one without", async () => {
    const outside = await open(ground);
    await outside.world.ampho.factors.setPolicy(await addUser(outside, ground, "ann"), "optional");
    await ground.sql(outside.world, "update ampho_accounts set review = 1");
    const enter = async () => {
      const browser = openBrowser(outside.world);
      const query = await begin(outside, browser, { sub: "ann" }, { return_to: "/cart?a=1" });
      return locationOf(await browser.get(`/login/outside/acme/callback?${query}`));
    };
    expect(await enter()).toBe(`${origin}/cart?a=1&ampho_review=true`);
    expect(await enter()).toBe(`${origin}/cart?a=1`);
  });

  it("a form and the callback log a user in without a script, and lead to the page that asked", async () => {
    const outside = await open(ground);
    await addUser(outside, ground, "ann");
    const browser = openBrowser(outside.world);
    const query = await begin(outside, browser, { sub: "ann" }, { return_to: "/cart?x=1" });
    expect(has(browser, "transaction")).toBe(true);
    const response = await browser.get(`/login/outside/acme/callback?${query}`);
    expect(locationOf(response)).toBe(`${origin}/cart?x=1`);
    expect([has(browser, "token"), has(browser, "refresh"), has(browser, "transaction")]).toEqual([true, true, false]);
    expect((await browser.get("/session")).json).toMatchObject({ amr: ["fed"] });
  });

  it("a script gets the URL, and the transaction only as a cookie", async () => {
    const outside = await open(ground);
    const browser = openBrowser(outside.world);
    const begun = await browser.post("/login/outside", { provider: "acme" });
    expect(Object.keys(begun.json).sort()).toEqual(["expires", "url"]);
    expect(has(browser, "transaction")).toBe(true);
  });

  it("a callback in another browser, of another provider, or with a changed state sets no token", async () => {
    const outside = await open(ground);
    const { world, evil, other } = outside;
    await addUser(outside, ground, "ann");
    const [ann, victim] = [openBrowser(world), openBrowser(world)];
    const query = await begin(outside, ann, { sub: "ann" });
    const attempts: [Browser, string, string][] = [
      [victim, `/login/outside/acme/callback?${query}`, "transaction_over"],
      [ann, `/login/outside/other/callback?${query}`, "invalid_credentials"],
    ];
    for (const [browser, path, code] of attempts) {
      const location = new URL(locationOf(await browser.get(path)));
      expect([location.origin, location.searchParams.get("ampho_error")]).toEqual([origin, code]);
      expect(has(browser, "token")).toBe(false);
    }
    const again = await begin(outside, ann, { sub: "ann" });
    await ann.get(`/login/outside/acme/callback?${again.replace("state=", "state=x")}`);
    expect(has(ann, "token")).toBe(false);
    expect([...evil.tokenRequests, ...other.tokenRequests]).toEqual([]);
  });

  it("a foreign link to the callback ends nothing that the browser has begun", async () => {
    const outside = await open(ground);
    const { world } = outside;
    await addUser(outside, ground, "ann");
    const browser = openBrowser(world);
    const query = await begin(outside, browser, { sub: "ann" });
    const links = ["error=access_denied", "error=access_denied&state=x", `${query}x`, "code=code-1", ""];
    for (const link of links) {
      const location = new URL(locationOf(await browser.get(`/login/outside/acme/callback?${link}`)));
      expect([link, location.searchParams.get("ampho_error")]).toEqual([link, "transaction_over"]);
      expect([link, has(browser, "transaction")]).toEqual([link, true]);
    }
    expect(locationOf(await browser.get(`/login/outside/acme/callback?${query}`))).toBe(`${origin}/`);
    expect([has(browser, "token"), has(browser, "transaction")]).toEqual([true, false]);
    // The same for a set-up that the session has begun.
    expect((await browser.post("/totp", {})).status).toBe(200);
    locationOf(await browser.get("/login/outside/acme/callback?error=access_denied"));
    expect(has(browser, "transaction")).toBe(true);
  });

  it("a login by password beside a link that another account needs is a login", async () => {
    const outside = await open(ground);
    const { world } = outside;
    await world.user("ann@acme.example", { password });
    await world.user("bob", { password });
    const claims = { sub: "ann", email: "ann@acme.example", email_verified: true };
    const begunLink = async () => {
      const browser = openBrowser(world);
      const query = await begin(outside, browser, claims);
      const location = new URL(locationOf(await browser.get(`/login/outside/acme/callback?${query}`)));
      expect(location.searchParams.get("ampho_error")).toBe("link_needed");
      return browser;
    };
    const asBob = await begunLink();
    expect((await asBob.form("/login", { login: "bob", password, transaction: "" })).error).toBe("transaction_over");
    const again = await begunLink();
    expect((await again.form("/login", { login: "bob", password })).status).toBe(200);
    expect([has(again, "token"), has(again, "transaction")]).toEqual([true, false]);
    expect(await identities(outside, ground)).toEqual([]);
    const asAnn = await begunLink();
    expect((await asAnn.form("/login", { login: "ann@acme.example", password, transaction: "" })).status).toBe(200);
    expect(await identities(outside, ground)).toMatchObject([{ subject: "ann" }]);
  });

  /** How Ann signs in as always, in a browser in which another person was before. */
  const ordinary: Record<string, (outside: Outside, browser: Browser) => Promise<ReadResponse>> = {
    "a password": (_, browser) => browser.form("/login", { login: "ann@acme.example", password }),
    "the script of a page": (_, browser) => browser.post("/login", { login: "ann@acme.example", password }),
    "a mailed code": async (outside, browser) => {
      // An address gets one code a minute.
      outside.world.clock.advance(61);
      await browser.form("/login/mail", { login: "ann@acme.example" });
      return browser.form("/login", { code: await codeOf(outside, "ann@acme.example", "login") });
    },
    "the code of the mail that the other person has caused": async (outside, browser) =>
      browser.form("/login", { code: await codeOf(outside, "ann@acme.example") }),
  };
  it.each(Object.keys(ordinary))("an ordinary sign-in by %s never links what another person began", async (way) => {
    const outside = await open(ground, {}, { mailLogin: true });
    const { world } = outside;
    await world.user("ann@acme.example", { password });
    const browser = openBrowser(world);
    const stranger = { sub: "stranger", email: "ann@acme.example", email_verified: true };
    const query = await begin(outside, browser, stranger);
    const location = new URL(locationOf(await browser.get(`/login/outside/acme/callback?${query}`)));
    expect(location.searchParams.get("ampho_error")).toBe("link_needed");
    const signedIn = await ordinary[way]?.(outside, browser);
    expect(signedIn?.status).toBe(way.startsWith("the code") ? 401 : 200);
    expect(await identities(outside, ground)).toEqual([]);
  });

  it("the reason of a provider and a failure lead back to the application", async () => {
    const outside = await open(ground);
    const { evil } = outside;
    await addUser(outside, ground, "ann");
    const browser = openBrowser(outside.world);
    const query = await begin(outside, browser, { sub: "ann" }, { return_to: "/cart" });
    const state = new URLSearchParams(query).get("state");
    const denied = locationOf(await browser.get(`/login/outside/acme/callback?error=access_denied&state=${state}`));
    expect(denied).toBe(`${origin}/?ampho_error=outside_cancelled&ampho_return_to=%2Fcart`);
    for (const [error, code] of [
      ["user_cancelled_authorize", "outside_cancelled"],
      ["server_error", "invalid_credentials"],
      ["access_denied_", "invalid_credentials"],
    ]) {
      const begun = new URLSearchParams(await begin(outside, browser, { sub: "ann" }));
      const other = `/login/outside/acme/callback?error=${error}&state=${begun.get("state")}`;
      expect(locationOf(await browser.get(other))).toBe(`${origin}/?ampho_error=${code}`);
    }
    const next = await begin(outside, browser, { sub: "ann" });
    evil.routes.set("/token", (_, response) => void response.writeHead(500).end());
    const down = locationOf(await browser.get(`/login/outside/acme/callback?${next}`));
    expect(down).toBe(`${origin}/?ampho_error=unavailable`);
  });

  it("a second factor is asked for on the page, with the transaction in the cookie", async () => {
    const outside = await open(ground);
    const { world } = outside;
    const browser = openBrowser(world);
    const plain = await openOutside({ open: (options) => world.another({ ...options, cookies: false }) });
    const owner = await addOwner(plain.world, "bob");
    await ground.sql(
      world,
      `insert into ampho_identities (issuer, subject, user_id, provider, created_at)
       values ('${outside.evil.issuer}', 'bob', '${owner.id}', 'acme', ${start})`,
    );
    const query = await begin(outside, browser, { sub: "bob" }, { return_to: "/cart" });
    const location = new URL(locationOf(await browser.get(`/login/outside/acme/callback?${query}`)));
    expect(Object.fromEntries(location.searchParams)).toMatchObject({
      ampho_error: "factor_needed",
      ampho_return_to: "/cart",
    });
    expect(location.searchParams.get("ampho_needed")).toContain("totp");
    expect([has(browser, "token"), has(browser, "transaction")]).toEqual([false, true]);
    const second = await browser.form("/login", { totp: owner.nextCode() });
    expect([second.status, has(browser, "token")]).toEqual([200, true]);
  });

  it("Apple's form of another site goes on as a GET with the cookie, and only its code counts", async () => {
    const outside = await open(ground, {
      kind: "apple",
      client_secret: undefined,
      team: "TEAM123456",
      key_id: "KEY1234567",
      key: appleKey,
    });
    const { world } = outside;
    await addUser(outside, ground, "ann");
    const browser = openBrowser(world);
    const query = await begin(outside, browser, { sub: "ann" });
    const user = JSON.stringify({ name: { firstName: "Eve" }, email: "victim@acme.example" });
    const stranger = openBrowser(world);
    const posted = await stranger.form(
      "/login/outside/acme/callback",
      { ...Object.fromEntries(new URLSearchParams(query)), user },
      "https://appleid.apple.com",
    );
    const forwarded = locationOf(posted);
    expect(forwarded).toBe(`callback?${query}`);
    expect([posted.headers.getSetCookie(), stranger.cookies.size]).toEqual([[], 0]);
    expect(locationOf(await browser.get(`/login/outside/acme/${forwarded}`))).toBe(`${origin}/`);
    expect(has(browser, "token")).toBe(true);
    expect(await identities(outside, ground)).toMatchObject([{ subject: "ann", email: null }]);
    const replayed = new URL(locationOf(await browser.get(`/login/outside/acme/${forwarded}`)));
    expect(replayed.searchParams.get("ampho_error")).toBe("transaction_over");
  });

  it("a page of another site cannot begin a login or a link", async () => {
    const outside = await open(ground);
    const browser = openBrowser(outside.world);
    for (const from of ["https://evil.example", "https://sub.app.example"]) {
      const response = await browser.form("/login/outside", { provider: "acme" }, from);
      expect([from, response.status, response.error]).toEqual([from, 403, "cross_site"]);
    }
    expect(browser.cookies.size).toBe(0);
  });

  it("the callback links an identity to the session of the browser, and to no other one", async () => {
    const outside = await open(ground);
    const { world, evil } = outside;
    const id = await addUser(outside, ground, "ann");
    const browser = openBrowser(world);
    await browser.post("/login", { login: "ann", password });
    const linking = async () => {
      const url = new URL(locationOf(await browser.form("/identities", { provider: "acme", return_to: "/account" })));
      evil.claims = { nonce: url.searchParams.get("nonce"), sub: "second" };
      return `code=code-1&state=${url.searchParams.get("state")}`;
    };
    const query = await linking();
    const transaction = browser.cookies.get("__Host-ampho-transaction") ?? "";
    const attacker = openBrowser(world);
    await world.user("eve", { password });
    await attacker.post("/login", { login: "eve", password });
    attacker.cookies.set("__Host-ampho-transaction", transaction);
    const stolen = new URL(locationOf(await attacker.get(`/login/outside/acme/callback?${query}`)));
    expect(stolen.searchParams.get("ampho_error")).toBe("transaction_over");
    expect(locationOf(await browser.get(`/login/outside/acme/callback?${query}`))).toBe(`${origin}/account`);
    expect(await identities(outside, ground)).toMatchObject([{ subject: "ann" }, { subject: "second", user_id: id }]);
  });
});
