// The page that asks, in a real Chromium: an application at another origin sends the browser, and gets tokens.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { found } from "../examples/walker.js";
import { openShop, password, type Shop, visitor } from "../pages/shop.js";
import { listen } from "../world/listen.js";
import { challengeOf, newVerifier, settings } from "./connections.js";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
}, browserTimeoutMs);
afterAll(() => browser?.close());

const { connect, scopes, scopeTexts } = settings;
const title = "reader wants to use your account";

async function register({ ampho }: Shop, redirectUri: string): Promise<string> {
  const client = { redirects: [redirectUri], userScopes: ["articles:read", "articles:write"], public: true };
  return (await ampho.services.add({ name: "reader", scopes: [], client })).id;
}

/** An application, registered or known by a document with a name, whose first page leads to the shop, and whose callback shows what it has got. */
async function openApplication(shop: Shop, more: Readonly<Record<string, string>> = {}, name?: string) {
  const seen: { readonly url: URL; readonly referer: string | undefined }[] = [];
  let start = "";
  let document = "";
  const { url } = await listen((request, response) => {
    if (request.url === "/client.json") {
      response.setHeader("content-type", "application/json").end(document);
      return;
    }
    const own = new URL(request.url ?? "", "http://127.0.0.1");
    if (own.pathname === "/callback") seen.push({ url: own, referer: request.headers.referer });
    const link = own.pathname === "/" ? `<a href="${start.replaceAll("&", "&amp;")}">Connect</a>` : "";
    response
      .setHeader("content-type", "text/html")
      .end(`<!doctype html><html lang="en"><title>Reader</title><main><h1>Reader ${own.pathname}</h1>${link}</main>`);
  });
  const redirectUri = `${url}/callback`;
  const id = name === undefined ? await register(shop, redirectUri) : `${url}/client.json`;
  document = JSON.stringify({ client_id: id, client_name: name, redirect_uris: [redirectUri] });
  const verifier = newVerifier();
  const query = new URLSearchParams({
    response_type: "code",
    client_id: id,
    redirect_uri: redirectUri,
    code_challenge: challengeOf(verifier),
    code_challenge_method: "S256",
    state: "a state/with?signs&",
    ...more,
  });
  start = `${shop.origin}/api/security/authorize?${query}`;
  const redeem = async () => {
    const code = seen.at(-1)?.url.searchParams.get("code") ?? "";
    const form = { grant_type: "authorization_code", code, redirect_uri: redirectUri, code_verifier: verifier };
    const body = new URLSearchParams({ ...form, client_id: id });
    return (await fetch(`${shop.origin}/api/security/token`, { method: "POST", body })).json() as Promise<
      Readonly<Record<string, string>>
    >;
  };
  return { url, id, seen, start, redeem };
}

const open = () => openShop({ connect: [connect, "*"], scopes, scopeTexts });

describe.each([{ scripts: false }, { scripts: true }])("scripts: $scripts", ({ scripts }) => {
  it("a user signs in on the way, reads what is asked, allows it, sees it in the account, and ends it", async () => {
    const shop = await open();
    await shop.addUser("alice", ["editor"]);
    const { url, seen, redeem } = await openApplication(shop);
    const person = visitor(shop, browser, { scripts });
    const walker = await person.open("/account");
    await walker.page.goto(url);
    await walker.follow("Connect");
    await person.signIn(walker, "alice");
    await walker.sees(title);
    expect(await walker.page.locator("main").textContent()).toMatch(
      /You are signed in as alice\s*It can:\s*Read your articles new\s*Write articles new\s*Afterwards you go back to a program on this computer\. Allow this only if you have just started it\./,
    );
    // It is accepted from one second on.
    shop.clock.advance(2);
    await walker.press("Allow");
    await walker.sees("Reader /callback");
    expect(seen).toMatchObject([{ referer: undefined }]);
    const { searchParams } = seen[0]?.url ?? new URL("http://x");
    expect([...searchParams.keys()].sort()).toEqual(["code", "iss", "state"]);
    expect([searchParams.get("state"), searchParams.get("iss")]).toEqual(["a state/with?signs&", shop.origin]);
    const { access_token: token = "", scope } = await redeem();
    expect(scope).toBe("articles:read articles:write");
    const taken = { credentials: ["delegated"], scopes: ["articles:read"] } as const;
    expect(await shop.ampho.verify(token, taken.credentials)).toMatchObject({ login: "alice" });

    await walker.page.goto(`${shop.origin}/account`);
    await walker.sees("Your account");
    const row = walker.section("Connected applications").locator("li");
    expect(await row.textContent()).toMatch(/reader\s+Read your articles, Write articles\s+.*Last used/s);
    await walker.press("End reader");
    await walker.reads("status", "The connection has ended. The application can no longer use it.");
    await expect(shop.ampho.verify(token, taken.credentials)).rejects.toMatchObject({ code: "invalid_token" });
    expect(await walker.page.locator("#connections").count()).toBe(0);
  });

  it("a session of yesterday proves itself first, and then the user presses once", async () => {
    const shop = await open();
    await shop.addUser("alice", ["editor"]);
    const { url, seen } = await openApplication(shop, { prompt: "login" });
    const person = visitor(shop, browser, { scripts });
    const walker = await person.open("/account");
    await person.signIn(walker, "alice");
    await walker.sees("Your account");
    shop.clock.advance(3600);
    await walker.page.goto(url);
    await walker.follow("Connect");
    await walker.sees("Is it you?");
    await walker.type("Password", password);
    await walker.press("Sign in");
    await walker.sees(title);
    shop.clock.advance(2);
    await walker.press("Cancel");
    await walker.sees("Reader /callback");
    expect(seen[0]?.url.searchParams.get("error")).toBe("access_denied");
    // The way back is over.
    await walker.page.goto(`${shop.origin}/account/in`);
    await walker.sees("Your account");
  });

  it("M-74: an application that is not registered is named by its host, and its claim is quoted", async () => {
    const shop = await open();
    await shop.addUser("alice", ["editor"]);
    const claim = "Shop</strong><script>alert(1)</script>\u202e";
    const { url, id, start, redeem } = await openApplication(shop, {}, claim);
    const person = visitor(shop, browser, { scripts });
    const walker = await person.open("/account");
    await person.signIn(walker, "alice");
    await walker.sees("Your account");
    await walker.page.goto(start);
    const { host } = new URL(url);
    await walker.sees(`${host} wants to use your account`);
    expect(await walker.page.locator("main").textContent()).toContain(
      `It calls itself “Shop</strong><script>alert(1)</script>”`,
    );
    expect(await walker.page.locator("main").textContent()).toContain(`Allow it only if you trust ${host}.`);
    shop.clock.advance(2);
    await walker.press("Allow");
    await walker.sees("Reader /callback");
    expect(await redeem()).toMatchObject({ token_type: "Bearer" });
    await walker.page.goto(`${shop.origin}/account`);
    expect(await walker.section("Connected applications").locator("li").textContent()).toContain(host);
    expect(id).toBe(`${url}/client.json`);
  });

  it("M-76: a click within the first second does nothing, and the page asks once more", async () => {
    const shop = await open();
    await shop.addUser("alice", ["editor"]);
    const { seen, start } = await openApplication(shop);
    const person = visitor(shop, browser, { scripts });
    const walker = await person.open("/account");
    await person.signIn(walker, "alice");
    await walker.sees("Your account");
    await walker.page.goto(start);
    // However slow the browser is, the click comes at once.
    shop.clock.advance(-60);
    await walker.press("Allow");
    await walker.reads("alert", "Read this once more, and choose.");
    await walker.sees(title);
    expect(seen).toEqual([]);
    shop.clock.advance(62);
    await walker.press("Allow");
    await walker.sees("Reader /callback");
  });

  it("a user without a scope, and an application that is unknown, get a page that states it", async () => {
    const shop = await open();
    await shop.addUser("alice");
    const { start, seen, url } = await openApplication(shop, { scope: "articles:write" });
    const person = visitor(shop, browser, { scripts });
    const walker = await person.open("/account");
    await person.signIn(walker, "alice");
    await walker.sees("Your account");
    await walker.page.goto(start);
    await walker.sees("The application cannot use your account");
    expect(seen).toEqual([]);
    await walker.follow(`Go back to ${new URL(url).host}`);
    await walker.sees("Reader /callback");
    expect(seen[0]?.url.searchParams.get("error")).toBe("invalid_scope");
    await walker.page.goto(`${shop.origin}/account/connect?client_id=svc_0&redirect_uri=https://evil.example/`);
    await walker.sees("The application cannot use your account");
    expect(await walker.page.locator("main a").count()).toBe(0);
  });
});

it("every page was accessible, and no script was blocked or failed", () => {
  expect(found).toEqual({ violations: [], policy: [], errors: [] });
});
