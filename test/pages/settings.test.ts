// The settings of the pages, their languages, replaced pages, and the requirement `redirect` of Fetch handlers.
import { expect, it, onTestFinished } from "vitest";
import { authorize } from "../../dist/adapters/node.js";
import { errorCodes, passwordProblemReasons } from "../../dist/errors.js";
import { checkRequirements } from "../../dist/guard/requirement-rows.js";
import { type AmphoError, type AmphoOptions, type Auth, createAmpho } from "../../dist/index.js";
import { pageTexts } from "../../dist/page-texts/texts.js";
import { openAmpho } from "../world/ampho.js";
import { listen } from "../world/listen.js";
import { newKey } from "../world/tokens.js";

const origin = "http://localhost:3000";
const password = "violet kettle harbour morning";

async function open(options: AmphoOptions = {}) {
  const { ampho } = await openAmpho({ pages: true, throttleAddress: 0, ...options }, { login: "alice", password });
  onTestFinished(() => ampho.close());
  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    ampho.fetch(
      new Request(origin + path, { headers: { "sec-fetch-site": "none", "sec-fetch-dest": "document", ...headers } }),
    );
  const post = (path: string, fields: Readonly<Record<string, string>>, cookie = "") =>
    ampho.fetch(
      new Request(origin + path, { method: "POST", headers: { origin, cookie }, body: new URLSearchParams(fields) }),
    );
  return { ampho, get, post };
}

it.each([
  ["/api", /The prefix of AMPHO_PAGES/],
  ["/api/security", /The prefix of AMPHO_PAGES/],
  ["/api/security/pages", /The prefix of AMPHO_PAGES/],
])("the prefix %s would hide endpoints or pages, so it is a bad value", async (prefix, message) => {
  const options = { key: newKey("key-1"), databaseUrl: "sqlite::memory:", pages: { prefix } };
  await expect(createAmpho(options)).rejects.toThrow(message);
});

it.each([
  { signIn: "//evil.example" },
  { signIn: "https://evil.example/" },
  { signIn: "/a\\b" },
  { other: "/a" },
  { prefix: "me" },
  { prefix: "/me/" },
  { css: "https://evil.example/a.css" },
  { logo: "//evil.example/a.svg" },
  "x",
  7,
])("the pages %j are a bad value", async (pages) => {
  const options = { key: newKey("key-1"), databaseUrl: "sqlite::memory:", pages } as unknown as AmphoOptions;
  await expect(createAmpho(options)).rejects.toThrow(/AMPHO_PAGES/);
});

it("a page with 429 or 503 states when to try again", async () => {
  const { ampho, post } = await open();
  let rejected = await post("/account/sign-in", { login: "alice", password: "x" });
  for (let tries = 0; rejected.status === 401 && tries < 30; tries += 1)
    rejected = await post("/account/sign-in", { login: "alice", password: "x" });
  expect([rejected.status, rejected.headers.get("content-type")]).toEqual([429, "text/html; charset=utf-8"]);
  expect(rejected.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
  await ampho.close();
  const closed = await post("/account/sign-in", { login: "bob", password: "x" });
  expect([closed.status, closed.headers.get("retry-after")]).toEqual([503, expect.stringMatching(/^[1-9]\d*$/)]);
});

it("an instance without pages serves no path of them, and `redirect` is a TypeError", async () => {
  const { ampho, get } = await open({ pages: false });
  expect((await get("/account/sign-in")).status).toBe(404);
  expect(() => authorize(ampho, { redirect: true })).toThrow("`redirect` needs the pages of Ampho");
  expect(() => ampho.authorize({ redirect: true }, (_request: Request) => new Response())).toThrow(TypeError);
  // A verifier has no pages.
  expect(() => checkRequirements({ redirect: true }, { live: false })).toThrow(TypeError);
});

it("a Fetch handler with `redirect` sends a browser to the pages", async () => {
  const { ampho } = await open({ pages: { prefix: "/me" } });
  const handle = ampho.authorize({ redirect: true }, (_request: Request, auth: Auth) => new Response(auth.login));
  const ask = (headers: Readonly<Record<string, string>>, method = "GET") =>
    handle(new Request(`${origin}/cart?a=1`, { method, headers }));
  const sent = await ask({ accept: "text/html" });
  expect([sent.status, sent.headers.get("location")]).toEqual([303, "/me/sign-in?to=%2Fcart%3Fa%3D1"]);
  expect((await ask({ accept: "application/json" })).status).toBe(401);
  expect((await ask({ accept: "text/html" }, "POST")).status).toBe(401);
});

it("authenticate with `redirect` rejects with the path of the page, and resolves to the user after the sign-in", async () => {
  const { ampho } = await open({ pages: { prefix: "/me" } });
  const user = await ampho.users.create({ login: "rita" });
  const { token } = await ampho.sessions.create(user.id);
  const page = (target: string, headers: Readonly<Record<string, string>> = { accept: "text/html" }, method = "GET") =>
    ampho.authenticate(new Request(new URL(target, origin), { method, headers }), { redirect: true });
  const rejection = (given: Promise<Auth>) =>
    given.then(
      () => expect.unreachable(),
      ({ code, details }: AmphoError) => [code, details.location],
    );
  const to = "/me/sign-in?to=%2Fcart%3Fa%3D1";
  const alone = { headers: new Headers(), url: "/cart?a=1" };
  expect(await rejection(page("/cart?a=1"))).toEqual(["missing_token", to]);
  expect(await rejection(ampho.authenticate(alone, { redirect: true }))).toEqual(["missing_token", to]);
  const forged = { accept: "text/html", authorization: `Bearer ${token}x` };
  expect(await rejection(page("/cart?a=1", forged))).toEqual(["invalid_token", to]);
  // A program and a form are no page. A server action states the one to which its user comes back.
  expect(await rejection(page("/cart", { accept: "application/json" }))).toEqual(["missing_token", undefined]);
  expect(await rejection(page("/cart", { accept: "text/html" }, "POST"))).toEqual(["missing_token", undefined]);
  const action = { headers: new Headers({ origin, "sec-fetch-site": "same-origin" }), url: "/cart" };
  const back = ["missing_token", "/me/sign-in?to=%2Fcart"];
  expect(await rejection(ampho.authenticate(action, { redirect: true }))).toEqual(back);
  // A missing role is no question of signing in.
  const signed = { accept: "text/html", authorization: `Bearer ${token}` };
  const admin = ampho.authenticate(new Request(origin, { headers: signed }), { redirect: true, roles: ["admin"] });
  expect(await rejection(admin)).toEqual(["insufficient_scope", undefined]);
  const again = ampho.authenticate(new Request(origin, { headers: signed }), { redirect: true, acr: "2fa" });
  expect(await rejection(again)).toEqual(["login_too_weak", "/me/confirm?factor&to=%2F"]);
  expect((await page("/cart", signed)).id).toBe(user.id);
  // The error of the guard without a page has no place to lead to.
  const nowhere = ampho.authenticate({ headers: new Headers() }, { redirect: true });
  await expect(nowhere).rejects.toThrow("`redirect` needs the `url`");
});

it("authenticate with `redirect` reads a message of node:http", async () => {
  const { ampho } = await open();
  const { url } = await listen((request, response) => {
    ampho.authenticate(request, { redirect: true }).then(
      ({ login }) => response.end(login),
      ({ details }: AmphoError) => response.end(details.location ?? "nowhere"),
    );
  });
  const ask = async (accept: string, method = "GET") =>
    (await fetch(`${url}/cart?a=1`, { method, headers: { accept } })).text();
  expect(await ask("text/html")).toBe("/account/sign-in?to=%2Fcart%3Fa%3D1");
  expect(await ask("application/json")).toBe("nowhere");
  expect(await ask("text/html", "POST")).toBe("nowhere");
});

it.each([
  "https://evil.example/",
  "//evil.example/",
  "/\\evil.example",
  "/%2f/evil.example",
  "/a\r\nLocation: https://evil.example",
  "javascript:alert(1)",
  "https:evil.example",
])("the page %j that authenticate leads back to is on this origin", async (url) => {
  const { ampho, get } = await open({});
  const failure: AmphoError = await ampho
    .authenticate(
      { headers: new Headers({ host: "evil.example", "x-forwarded-host": "evil.example" }), url },
      {
        redirect: true,
      },
    )
    .then(
      () => expect.unreachable(),
      (error: AmphoError) => error,
    );
  const location = failure.details.location ?? "";
  expect(location).toMatch(/^\/account\/sign-in\?to=[\w%.~*!'()-]*$/);
  expect(new URL(location, origin).origin).toBe(origin);
  const kept = (await get(location)).headers.getSetCookie().find((cookie) => cookie.startsWith("__Host-ampho-return="));
  const back = decodeURIComponent(/=[^/]*\/([^;]*)/.exec(kept ?? "")?.[1] ?? "");
  expect(new URL(back, origin).origin).toBe(origin);
});

it("every error has a text in every language, and the pages are in the language of the browser", async () => {
  const { get, post } = await open({ appName: "Shop", pages: { css: "/theme.css", logo: "/logo.svg" } });
  for (const [language, { errors }] of Object.entries(pageTexts)) {
    const page = await (await get("/account/sign-in", { "accept-language": `${language}-XX, en;q=0.5` })).text();
    expect(page).toContain(`<html lang="${language}" dir="ltr">`);
    expect(page).toContain('<link rel="stylesheet" href="/theme.css">');
    expect(page).toContain('<img src="/logo.svg" alt="">');
    for (const code of [...errorCodes, ...passwordProblemReasons]) {
      const headers = { "accept-language": language };
      const shown = await (await get(`/account/sign-in?ampho_error=${code}`, headers)).text();
      const [, alert = ""] = /id="alert"[^>]*>([^<]*)</.exec(shown) ?? [];
      if (code === "factor_needed" || code === "link_needed" || code.endsWith("_needed")) continue;
      expect([language, code, alert.length > 10, /[{}]/.test(alert)]).toEqual([language, code, true, false]);
    }
    expect(Object.keys(errors)).toEqual(Object.keys(pageTexts.en.errors));
  }
  expect(await (await post("/account/sign-in/passkey", { passkey: "1" })).text()).toContain("missing or wrong");
});

it("a replaced page gets the query, the errors, and the way back", async () => {
  const { get, post } = await open({ pages: { signIn: "/my/sign-in?x=1", account: "/my" } });
  const sent = await get("/account/sign-in?to=%2Fcart");
  expect(sent.headers.get("location")).toBe("/my/sign-in?x=1&to=%2Fcart");
  const cookie = sent.headers.getSetCookie().join().split(";")[0] ?? "";
  for (const evil of ["//evil.example/", "https://evil.example", "/a\\b", "//evil.example/&to=/cart"])
    for (const to of [evil, encodeURIComponent(evil)])
      expect((await get(`/account/sign-in?to=${to}&x=y`)).headers.get("location")).toBe("/my/sign-in?x=1&x=y");
  const rejected = await post("/account/sign-in", { login: "alice", password: "wrong" }, cookie);
  expect(rejected.headers.get("location")).toBe("/my/sign-in?x=1&ampho_error=invalid_credentials");
  const entered = await post("/account/sign-in", { login: "alice", password }, cookie);
  expect(entered.headers.get("location")).toBe("/cart");
  expect((await get("/account")).headers.get("location")).toBe("/my");
  expect((await get("/account/register")).status).toBe(200);
});
