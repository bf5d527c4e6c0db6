// Second factors with AMPHO_SECURITY_COOKIES: the transaction of a login is in a cookie, which only our own pages can send.
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import { type Jar, openJar } from "../http/jar.js";
import { settableClock } from "../world/clock.js";
import { type Serving, serve } from "../world/http-server.js";
import { claimsOf } from "../world/tokens.js";
import { codeAt, textsOf, wrongCode } from "./owners.js";

const friend = "http://friend.localhost:5173";
const password = "copper lantern drizzle 84";
const same = { "sec-fetch-site": "same-origin" };
const { token: access, refreshToken: refresh, device, transaction } = cookieNames;

const clock = settableClock();
let serving: Serving;
beforeAll(async () => {
  const factors = { member: "required" } as const;
  serving = await serve({ cookies: true, corsOrigins: [friend], factors, throttleAttempts: 1000, clock });
});
afterAll(() => serving.close());
beforeEach(() => clock.advance(300));

interface Outcome {
  readonly status: number;
  readonly error: unknown;
  readonly json: Readonly<Record<string, unknown>>;
  /** Set-Cookie, without the values. */
  readonly cookies: readonly string[];
}

/** A browser on our own pages. */
function browse(jar: Jar = openJar()) {
  async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = same) {
    const json: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(serving.url + path, {
      method,
      headers: { cookie: jar.header(), ...json, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    jar.keep(response);
    const text = await response.text();
    const members: Outcome["json"] = text === "" ? {} : JSON.parse(text);
    const cookies = response.headers.getSetCookie().map((cookie) => cookie.replace(/^([^=]+)=[\w.-]+/, "$1=…"));
    return { status: response.status, error: members["error"], json: members, cookies } satisfies Outcome;
  }
  return {
    jar,
    send,
    logIn: (login: string, more: object = {}) => send("POST", "/login", { login, password, ...more }),
    who: async () => (await send("GET", "/session")).json["login"],
  };
}

type Browser = ReturnType<typeof browse>;

let people = 0;

/** Creates a user, with an app unless `roles` has `member`, whose app is not set up yet. */
async function person(...roles: readonly string[]) {
  people += 1;
  const login = `person-${people}`;
  await serving.ampho.users.create({ login, password, roles });
  return login;
}

async function confirmApp(browser: Browser) {
  const begun = await browser.send("POST", "/totp");
  expect([begun.status, begun.error]).toEqual([200, undefined]);
  const secret = String(begun.json["secret"]);
  const confirmed = await browser.send("POST", "/totp/confirm", { totp: codeAt(secret, clock.now()) });
  expect([confirmed.status, confirmed.error]).toEqual([200, undefined]);
  return { secret, begun, confirmed };
}

async function owner() {
  const login = await person();
  const browser = browse();
  await browser.logIn(login);
  const { secret } = await confirmApp(browser);
  return {
    login,
    secret,
    browser,
    nextCode() {
      clock.advance(30);
      return codeAt(secret, clock.now());
    },
  };
}

const attributes = (maxAge: number) => `; Path=/; Max-Age=${maxAge}; Secure; HttpOnly; SameSite=Lax`;
const begunCookie = `${transaction}=…${attributes(600)}`;
const removedCookie = `${transaction}=${attributes(0)}`;
const names = ({ cookies }: Outcome) => cookies.map((cookie) => cookie.split("=")[0]);

it("a login that needs a factor puts its transaction into a cookie, and into no body", async () => {
  const { login } = await owner();
  const browser = browse();
  const needed = await browser.logIn(login);
  expect([needed.status, needed.error, needed.cookies]).toEqual([401, "factor_needed", [begunCookie]]);
  expect(Object.keys(needed.json).sort()).toEqual(["enroll", "error", "factors", "message", "passkey"]);
  expect(JSON.stringify(needed.json)).not.toContain(browser.jar.get(transaction));
});

it("the second step reads the cookie, and its success removes it", async () => {
  const ann = await owner();
  const browser = browse();
  await browser.logIn(ann.login);
  const wrong = await browser.send("POST", "/login", { totp: wrongCode(ann.secret, clock.now()) });
  expect([wrong.status, wrong.error, wrong.cookies]).toEqual([401, "invalid_credentials", []]);
  const done = await browser.send("POST", "/login", { totp: ann.nextCode() });
  expect([done.status, names(done)]).toEqual([200, [access, refresh, device, transaction]]);
  expect(done.cookies.at(-1)).toBe(removedCookie);
  expect(claimsOf(browser.jar.get(access) ?? "")).toMatchObject({ acr: "2fa", amr: ["pwd", "otp", "mfa"] });
  expect(Object.keys(done.json).sort()).toEqual(["expires", "leeway", "refresh_expires", "starts", "ttl"]);
});

it("a transaction that is over removes its cookie", async () => {
  const ann = await owner();
  const browser = browse();
  await browser.logIn(ann.login);
  clock.advance(600);
  const over = await browser.send("POST", "/login", { totp: ann.nextCode() });
  expect([over.status, over.error, over.cookies]).toEqual([401, "transaction_over", [removedCookie]]);
  expect(browser.jar.get(transaction)).toBeUndefined();
  const none = await browser.send("POST", "/login", { totp: ann.nextCode() });
  expect([none.status, none.error]).toEqual([400, "invalid_request"]);
});

it("a login in one request with the cookie of a login that was given up uses its own account", async () => {
  const [ann, bob] = [await owner(), await owner()];
  const browser = browse();
  await browser.logIn(bob.login);
  const done = await browser.logIn(ann.login, { totp: ann.nextCode() });
  expect([done.status, done.cookies.at(-1)]).toEqual([200, removedCookie]);
  expect(await browser.who()).toBe(ann.login);
});

it("a session sets up an app with the transaction in a cookie", async () => {
  const login = await person();
  const browser = browse();
  await browser.logIn(login);
  const { begun, confirmed } = await confirmApp(browser);
  expect([Object.keys(begun.json).sort(), begun.cookies]).toEqual([["secret", "uri"], [begunCookie]]);
  expect(Object.keys(confirmed.json).sort()).toEqual([
    "expires",
    "leeway",
    "recovery_codes",
    "refresh_expires",
    "starts",
    "ttl",
  ]);
  expect(textsOf(confirmed.json["recovery_codes"])).toHaveLength(8);
  expect(names(confirmed)).toEqual([access, refresh, transaction]);
  expect(await browser.who()).toBe(login);
});

it("a renewal in another tab ends no set-up that was begun", async () => {
  const browser = browse();
  await browser.logIn(await person());
  const { json } = await browser.send("POST", "/totp");
  const renewed = await browser.send("POST", "/renew");
  expect([renewed.status, renewed.cookies.map((cookie) => cookie.split("=")[0])]).toEqual([200, [access, refresh]]);
  const confirmed = await browser.send("POST", "/totp/confirm", { totp: codeAt(String(json["secret"]), clock.now()) });
  expect([confirmed.status, browser.jar.get(transaction)]).toEqual([200, undefined]);
});

it("a login that must set up an app does so by its cookie alone, and gets its tokens", async () => {
  const login = await person("member");
  const browser = browse();
  const needed = await browser.logIn(login);
  expect([needed.error, needed.json["enroll"], needed.cookies]).toEqual(["factor_needed", true, [begunCookie]]);
  const { begun, confirmed } = await confirmApp(browser);
  expect(begun.cookies).toEqual([begunCookie]);
  expect([names(confirmed), confirmed.cookies.at(-1)]).toEqual([[access, refresh, device, transaction], removedCookie]);
  expect(textsOf(confirmed.json["recovery_codes"])).toHaveLength(8);
  for (const name of ["token", "refresh_token", "device", "transaction"])
    expect(confirmed.json).not.toHaveProperty(name);
  expect(await browser.who()).toBe(login);
});

it("a step-up asks with an empty object, and then sends the factor", async () => {
  const ann = await owner();
  const asked = await ann.browser.send("POST", "/login", {});
  expect([asked.error, asked.json["factors"], asked.cookies]).toEqual([
    "factor_needed",
    ["totp", "recovery_code"],
    [begunCookie],
  ]);
  const before = claimsOf(ann.browser.jar.get(access) ?? "");
  const raised = await ann.browser.send("POST", "/login", { totp: ann.nextCode() });
  expect([raised.status, raised.error, raised.cookies.at(-1)]).toEqual([200, undefined, removedCookie]);
  expect(claimsOf(ann.browser.jar.get(access) ?? "")).toMatchObject({ acr: "2fa", sid: before["sid"] });
});

/** The browser of a user, in which a login of another user has been given up. */
async function disturbed(...roles: readonly string[]) {
  const ann = { login: await person(), browser: browse() };
  await ann.browser.logIn(ann.login);
  const other = roles.length > 0 ? await person(...roles) : (await owner()).login;
  const needed = await ann.browser.logIn(other);
  expect([needed.error, needed.json["enroll"]]).toEqual(["factor_needed", roles.length > 0]);
  return { ...ann, other };
}

it.each([["with an app"], ["that must set one up", "member"]])(
  "the cookie of a given-up login name of a user %s leaves the session of another user as it is",
  async (_, ...roles) => {
    const { browser, login } = await disturbed(...roles);
    expect(await browser.who()).toBe(login);
    expect((await browser.send("GET", "/sessions")).status).toBe(200);
    expect((await browser.send("POST", "/renew")).status).toBe(200);
    expect(await browser.who()).toBe(login);
  },
);

it.each([["with an app"], ["that must set one up", "member"]])(
  "the cookie of a given-up login name of a user %s does not set up an app for that user",
  async (_, ...roles) => {
    const { browser, login, other } = await disturbed(...roles);
    const { begun, confirmed } = await confirmApp(browser);
    expect(begun.json["uri"]).toContain(`otpauth://totp/${login}?`);
    expect(names(confirmed)).toEqual([access, refresh, transaction]);
    expect(await browser.who()).toBe(login);
    const theirs = await browse().logIn(other);
    expect(theirs.json["enroll"]).toBe(roles.length > 0);
    expect((await browse().logIn(login)).json["enroll"]).toBe(false);
  },
);

it("an empty transaction names the one in the cookie, beside the session of another user", async () => {
  const { browser, other } = await disturbed("member");
  const begun = await browser.send("POST", "/totp", { transaction: "" });
  expect(begun.json["uri"]).toContain(`otpauth://totp/${other}?`);
  const totp = codeAt(String(begun.json["secret"]), clock.now());
  expect((await browser.send("POST", "/totp/confirm", { transaction: "", totp })).status).toBe(200);
  expect(await browser.who()).toBe(other);
  const over = await browser.send("POST", "/login", { transaction: "", totp });
  expect([over.status, over.error]).toEqual([401, "transaction_over"]);
});

it("an empty transaction never begins a step-up", async () => {
  const { browser, login } = await disturbed();
  const asked = await browser.send("POST", "/login", { transaction: "" });
  expect([asked.error, asked.json["factors"]]).toEqual(["factor_needed", ["totp", "recovery_code"]]);
  browser.jar.remove(transaction);
  expect((await browser.send("POST", "/login", { transaction: "" })).error).toBe("transaction_over");
  expect(await browser.who()).toBe(login);
});

it("a session that was ended elsewhere does not go on as the pending login name of another user", async () => {
  const { browser, login } = await disturbed("member");
  const { id = "" } = (await serving.ampho.users.find(login)) ?? {};
  await serving.ampho.sessions.endForUser(id);
  expect((await browser.send("POST", "/totp", {})).error).toBe("invalid_token");
});

it.each([
  ["with a session", 204],
  ["without one", 401],
])("a logout %s ends what was begun", async (_, status) => {
  const { browser } = await disturbed("member");
  if (status === 401) for (const name of [access, refresh]) browser.jar.remove(name);
  const done = await browser.send("POST", "/logout");
  expect([done.status, done.cookies.at(-1), browser.jar.get(transaction)]).toEqual([status, removedCookie, undefined]);
  expect((await browser.send("POST", "/totp")).error).toBe("missing_token");
});

it("a transaction in the body that is over does not remove the one in the cookie", async () => {
  const ann = await owner();
  const browser = browse();
  await browser.logIn(ann.login);
  const over = await browser.send("POST", "/login", { transaction: "over", totp: "123456" });
  expect([over.status, over.error, over.cookies]).toEqual([401, "transaction_over", []]);
  expect((await browser.send("POST", "/login", { totp: ann.nextCode() })).status).toBe(200);
});

it("a login name of another user in the same browser does not forget a remembered device", async () => {
  const [ann, bob] = [await owner(), await owner()];
  const browser = browse();
  for (const user of [ann, bob]) {
    expect((await browser.logIn(user.login, { totp: user.nextCode(), remember: true })).status).toBe(200);
    expect((await browser.send("POST", "/logout")).status).toBe(204);
  }
  for (const user of [ann, bob, ann]) expect((await browser.logIn(user.login)).status).toBe(200);
  // The proofs of one user do not work for another, nor in another browser.
  expect((await browser.logIn((await owner()).login)).error).toBe("factor_needed");
  expect((await browse().logIn(ann.login)).error).toBe("factor_needed");
});

it("the cookie of a given-up login does not change the user of a step-up", async () => {
  const [ann, bob] = [await owner(), await owner()];
  await ann.browser.logIn(bob.login);
  expect((await ann.browser.send("POST", "/login", {})).error).toBe("factor_needed");
  expect((await ann.browser.send("POST", "/login", { totp: ann.nextCode() })).status).toBe(200);
  expect(await ann.browser.who()).toBe(ann.login);
});

it("a user whose policy changed sets up an app by the cookie of the re-authentication", async () => {
  const login = await person();
  const browser = browse();
  await browser.logIn(login);
  clock.advance(301);
  await serving.ampho.users.setRoles(login, { add: ["member"] });
  await browser.send("POST", "/renew");
  const needed = await browser.logIn(login);
  expect([needed.error, needed.json["enroll"]]).toEqual(["factor_needed", true]);
  await confirmApp(browser);
  expect((await browse().logIn(login)).json["enroll"]).toBe(false);
});

/** The requests of a page that is not ours. A browser adds the cookies to some of them. */
const foreignSites: readonly (readonly [string, Record<string, string>])[] = [
  ["another site", { "sec-fetch-site": "cross-site", origin: "https://evil.example" }],
  ["a sub-domain", { "sec-fetch-site": "same-site", origin: "http://evil.localhost" }],
  ["another site in an older browser", { origin: "https://evil.example" }],
  ["a sandboxed frame", { origin: "null" }],
  ["a client without an Origin", {}],
];

const unsafe = [
  ["POST", "/login", { totp: "123456" }],
  ["POST", "/login", {}],
  ["POST", "/totp", {}],
  ["POST", "/totp", undefined],
  ["POST", "/totp/confirm", { totp: "123456" }],
  ["DELETE", "/totp", undefined],
  ["POST", "/recovery-codes", undefined],
  ["DELETE", "/devices", undefined],
] as const;

it.each(foreignSites)(
  "a script or a form of %s cannot use the cookies at a route of second factors",
  async (_, site) => {
    const { browser } = await disturbed();
    const before = browser.jar.header();
    for (const [method, path, body] of unsafe) {
      const byScript = await browser.send(method, path, body, site);
      expect([path, byScript.status, byScript.error, byScript.cookies]).toEqual([path, 403, "cross_site", []]);
      if (method !== "POST") continue;
      const form = { method, body: new URLSearchParams({ totp: "123456" }), headers: { cookie: before, ...site } };
      const byForm = await fetch(serving.url + path, form);
      expect([path, byForm.status, (await byForm.json()).error]).toEqual([path, 403, "cross_site"]);
    }
    expect(browser.jar.header()).toBe(before);
  },
);

it.each(foreignSites)("the transaction cookie alone of %s is rejected", async (_, site) => {
  const { browser } = await disturbed();
  const cookie = `${transaction}=${browser.jar.get(transaction)}`;
  for (const [method, path, body] of unsafe.slice(0, 5)) {
    const headers = { ...site, cookie, "content-type": "application/json" };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await fetch(serving.url + path, init);
    expect([path, response.status, (await response.json()).error]).toEqual([path, 403, "cross_site"]);
  }
});

it.each(foreignSites)("an image of %s changes nothing at a route of second factors", async (_, site) => {
  const { browser } = await disturbed();
  const before = browser.jar.header();
  const image = { ...site, "sec-fetch-dest": "image", "sec-fetch-mode": "no-cors" };
  for (const path of ["/totp", "/totp/confirm", "/recovery-codes", "/devices"]) {
    const response = await browser.send("GET", path, undefined, image);
    expect([path, response.status, response.cookies]).toEqual([path, 405, []]);
  }
  expect((await browser.send("GET", "/login", undefined, image)).cookies).toEqual([]);
  expect(browser.jar.header()).toBe(before);
});

it("a transaction cookie of a sub-domain, which has another name, is ignored", async () => {
  const ann = await owner();
  const browser = browse();
  await browser.logIn(ann.login);
  const value = browser.jar.get(transaction) ?? "";
  for (const name of ["ampho-transaction", "__Secure-ampho-transaction", "__host-ampho-transaction"]) {
    const headers = { ...same, cookie: `${name}=${value}` };
    const response = await browser.send("POST", "/login", { totp: ann.nextCode() }, headers);
    expect([response.status, response.error]).toEqual([400, "invalid_request"]);
  }
  const twice = `${transaction}=${value}; ${transaction}=${value}`;
  const response = await browser.send("POST", "/login", { totp: ann.nextCode() }, { ...same, cookie: twice });
  expect([response.status, response.error]).toEqual([400, "invalid_request"]);
});
