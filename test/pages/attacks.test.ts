// The requests of an attacker to the pages: forms of other sites, redirects to other hosts, HTML, and requests that no form sends.
import express from "express";
import fc from "fast-check";
import { TOTP } from "otpauth";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { mount } from "../../dist/adapters/express.js";
import type { Ampho, AmphoOptions, Auth, Message } from "../../dist/index.js";
import { actions } from "../../dist/pages/actions.js";
import { html } from "../../dist/pages/html.js";
import { returnPath } from "../../dist/pages/pages.js";
import { proofsOf } from "../gate/mailboxes.js";
import { openJar } from "../http/jar.js";
import { openAmpho } from "../world/ampho.js";
import { listen } from "../world/listen.js";

const origin = "http://localhost:3000";
const password = "violet kettle harbour morning";
const signedInNow = () => ({ authTime: Math.floor(Date.now() / 1000) });
const pages = ["", "/access", "/sign-in", "/register", "/forgot", "/confirm", "/link", "/in"];
const names = Object.keys(actions);

type Headers = Readonly<Record<string, string>>;
const own: Headers = { origin, host: "localhost:3000" };

/** A browser. */
function browserOf(ampho: Ampho, agent?: string) {
  const jar = openJar();
  const send = async (method: string, path: string, more: RequestInit & { readonly headers?: Headers } = {}) => {
    const headers = { cookie: jar.header(), ...(agent !== undefined && { "user-agent": agent }), ...more.headers };
    const response = await ampho.fetch(new Request(origin + path, { ...more, method, headers }));
    jar.keep(response);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return {
    jar,
    send,
    /** The browser opens a page. */
    get: (path: string, headers: Headers = {}) =>
      send("GET", `/account${path}`, {
        headers: { "sec-fetch-site": "same-origin", "sec-fetch-dest": "document", ...headers },
      }),
    post: (action: string, fields: Readonly<Record<string, string>> = {}, headers: Headers = own) =>
      send("POST", `/account/${action}`, { headers, body: new URLSearchParams(fields) }),
  };
}

async function openPages(options: AmphoOptions = {}) {
  const opened = await openAmpho(
    {
      pages: true,
      mail: async () => undefined,
      mailLogin: true,
      registration: "open",
      throttleAttempts: 10_000,
      throttleLock: 10_000,
      throttleAddress: 0,
      apiKeys: 100,
      scopes: { editor: ["articles:read"] },
      ...options,
    },
    { login: "alice", password, roles: ["editor"] },
    { login: "bob", password, roles: ["editor"] },
  );
  return { ...opened, close: () => opened.ampho.close() };
}

async function signedIn(ampho: Ampho, login = "alice", agent?: string) {
  const browser = browserOf(ampho, agent);
  const { headers } = await browser.post("sign-in", { login, password });
  expect(headers.get("location")).toBe("/account");
  return browser;
}

describe("on one instance", () => {
  let ampho: Ampho;
  let notices: string[];
  beforeAll(async () => {
    const opened = await openPages();
    ({ ampho, notices } = opened);
    return opened.close;
  });

  it("a form of a page that was opened over http states that it needs https", async () => {
    const { status, text } = await browserOf(ampho).post(
      "sign-in",
      { login: "alice", password },
      { origin: "http://devbox.test:3000", host: "devbox.test:3000" },
    );
    expect([status, /role="alert"[^>]*>([^<]*)</.exec(text)?.[1]]).toEqual([
      403,
      "This page was opened over http, so nothing was done. Open it over https, or at localhost.",
    ]);
  });

  it("nothing of a link is shown before its signature is checked", async () => {
    const claims = { change: "password_changed", iat: 1, exp: 2 ** 40, browser: "Call +1 555 0100", login: "555 0101" };
    const textOf = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    for (const [use, purpose] of [
      ["-alarm", "alarm"],
      ["", "login"],
      ["", "reset"],
      ["", "register"],
      ["-invite", "invite"],
    ]) {
      const token = `${textOf({ typ: "mail+jwt", alg: "HS256" })}.${textOf({ ...claims, for: purpose })}.AAAA`;
      const { status, text } = await browserOf(ampho).post("link", { link: `${origin}/#ampho${use}=${token}` });
      // The link goes on in a hidden field, and its purpose alone chooses the text.
      expect(text.replaceAll(token, ""), purpose).not.toMatch(/555|1970/);
      expect([purpose, status >= 400]).toEqual([purpose, purpose === "alarm"]);
    }
  });

  const foreign: readonly (readonly [string, Headers])[] = [
    ["another site", { "sec-fetch-site": "cross-site", origin: "https://evil.example" }],
    ["a sub-domain", { "sec-fetch-site": "same-site", origin: "http://sub.localhost:3000" }],
    ["another port in an older browser", { origin: "http://localhost:3001" }],
    ["a sandboxed frame", { origin: "null" }],
  ];
  it.each(foreign)("no form of %s does anything, with and without a session", async (_from, headers) => {
    const victim = await signedIn(ampho);
    const before = await ampho.audit.list({ limit: 10_000 });
    for (const browser of [victim, browserOf(ampho)])
      for (const name of names) {
        const cookies = browser.jar.header();
        const fields = {
          login: "bob",
          password,
          email: "a@example.org",
          link: `${origin}/#ampho-alarm=x.y.z`,
          code: "1",
          name: "Backup",
          days: "30",
          "scope articles:read": "on",
        };
        const { status, text, headers: received } = await browser.post(name, fields, headers);
        expect([name, status, received.getSetCookie()]).toEqual([name, 403, []]);
        expect(text).toContain("This form came from another site");
        expect(browser.jar.header()).toBe(cookies);
      }
    expect(await ampho.audit.list({ limit: 10_000 })).toEqual(before);
    expect((await victim.get("")).status).toBe(200);
  });

  it("a form with cookies and without an origin does nothing", async () => {
    const victim = await signedIn(ampho);
    for (const name of names) expect([name, (await victim.post(name, {}, {})).status]).toEqual([name, 403]);
  });

  const idOf = async (login: string) => (await ampho.users.find(login))?.id ?? "";

  const evil = [
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example",
    "/\u0000/evil.example",
    "https://evil.example",
    "HTTPS:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "",
    "/é",
    "/\u202e",
    `/${"a".repeat(3500)}`,
    "%2f%2fevil.example",
  ];
  it.each(evil)("the return address %j is ignored", async (to) => {
    expect(returnPath(to)).toBeUndefined();
    const browser = browserOf(ampho);
    const query = `to=${encodeURIComponent(to)}`;
    expect((await browser.get(`/sign-in?${query}`)).headers.getSetCookie()).toEqual([]);
    const { headers } = await browser.post("sign-in", { login: "alice", password });
    expect(headers.get("location")).toBe("/account");
    expect((await browser.get(`/sign-in?${query}`)).headers.get("location")).toBe("/account");
    for (const form of ["%s", "/%s"]) {
      const planted = { cookie: `__Host-ampho-return=${form.replace("%s", () => encodeURIComponent(to))}` };
      expect((await browser.send("GET", "/account/in", { headers: planted })).headers.get("location")).toBe("/account");
    }
  });

  it("every return address keeps the browser on its origin", () => {
    const piece = fc.constantFrom("/", "\\", ".", "..", "evil.example", "%2f", "@", ":", "?", "#", "\t", "javascript:");
    const text = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join("")),
      fc.array(piece).map((pieces) => `/${pieces.join("")}`),
    );
    fc.assert(
      fc.property(text, (to) => {
        const path = returnPath(to);
        if (path === undefined) return;
        expect(new URL(path, origin).origin).toBe(origin);
        expect(path).toBe(to);
      }),
      { numRuns: 5000, examples: [["/.//evil.example"], ["/..//evil.example"], ["/a/..//evil.example"]] },
    );
  });

  it("a return address goes with the sign-in, once", async () => {
    const browser = browserOf(ampho);
    await browser.get("/sign-in?to=%2Fcart%3Fa%3D1%23b");
    const entered = await browser.post("sign-in", { login: "alice", password });
    expect(entered.headers.get("location")).toBe("/cart?a=1#b");
    expect((await browser.get("/in")).headers.get("location")).toBe("/account");
  });

  const left = "/confirm?to=%2Fprivate%3Fname%3DAlice";
  it.each<[string, (browser: Awaited<ReturnType<typeof signedIn>>) => Promise<unknown>]>([
    ["signs out", (browser) => browser.post("sign-out")],
    ["signs out everywhere", (browser) => browser.post("sessions/end-all")],
    ["is signed out by another device", async () => ampho.sessions.endForUser(await idOf("alice"))],
    ["goes away", async (browser) => browser.jar.remove("__Host-ampho-token")],
  ])("a user who %s leaves no return address to the next user", async (_how, end) => {
    const browser = await signedIn(ampho);
    await browser.get(left);
    expect(browser.jar.header()).toContain("__Host-ampho-return=");
    await end(browser);
    const entered = await browser.post("sign-in", { login: "bob", password });
    expect(entered.headers.get("location")).toBe("/account");
    expect(browser.jar.header()).not.toContain("__Host-ampho-return=");
  });

  describe("a return address of before a reset, behind the page of what can still sign in", () => {
    const reset = async () => {
      const sent: Message[] = [];
      const opened = await openPages({ appUrl: origin, mail: async (mail) => void sent.push(mail) });
      onTestFinished(opened.close);
      await opened.ampho.users.setEmail("alice", "alice@x.example");
      const browser = browserOf(opened.ampho);
      await browser.get("/sign-in?to=%2Fprivate%3Fname%3DAlice");
      await browser.post("forgot", { login: "alice" });
      await expect.poll(() => sent.map(({ kind }) => kind)).toContain("reset");
      const { code } = proofsOf(sent.find(({ kind }) => kind === "reset")?.text ?? "");
      const done = await browser.post("forgot/finish", { code, password: "amber tulip canoe walnut" });
      expect(done.headers.get("location")).toBe("/account/sign-in?done=reset");
      const entered = await browser.post("sign-in", { login: "alice", password: "amber tulip canoe walnut" });
      expect(entered.headers.get("location")).toBe("/account/access");
      return { ...opened, browser, entered };
    };

    it("the same user is led there, within another half an hour", async () => {
      const { browser, entered } = await reset();
      expect(entered.headers.getSetCookie().join()).toMatch(/__Host-ampho-return=[^;]+;.*Max-Age=1800/);
      expect((await browser.get("/access")).status).toBe(200);
      await browser.post("access/end", { review: "yes" });
      expect((await browser.get("/in")).headers.get("location")).toBe("/private?name=Alice");
      expect((await browser.get("/in")).headers.get("location")).toBe("/account");
    });

    it("another user is not led there", async () => {
      const { ampho, browser } = await reset();
      await ampho.sessions.endForUser((await ampho.users.find("alice"))?.id ?? "");
      const entered = await browser.post("sign-in", { login: "bob", password });
      expect(entered.headers.get("location")).toBe("/account");
      expect(browser.jar.header()).not.toContain("__Host-ampho-return=");
    });
  });

  it("a user whose session has ended comes back where the user was", async () => {
    const browser = await signedIn(ampho);
    await browser.get(left);
    await ampho.sessions.endForUser(await idOf("alice"));
    const entered = await browser.post("sign-in", { login: "alice", password });
    expect(entered.headers.get("location")).toBe("/private?name=Alice");
  });

  it.each([
    [undefined, "/account"],
    ["/shop", "/account"],
    ["/account/register", "/cart"],
  ])("a sign-in without an address that begins at %s leads to %s", async (from, to) => {
    const browser = browserOf(ampho);
    await browser.get("/sign-in?to=%2Fcart");
    await browser.get("/sign-in", from === undefined ? {} : { referer: origin + from });
    expect((await browser.post("sign-in", { login: "alice", password })).headers.get("location")).toBe(to);
  });

  it.each(["image", "iframe", "empty"])("a request of the kind %s sets and removes no return address", async (kind) => {
    const browser = await signedIn(ampho);
    const load = { "sec-fetch-dest": kind };
    expect((await browser.get("/confirm?to=%2Fcart", load)).headers.getSetCookie()).toEqual([]);
    await browser.get("/confirm?to=%2Fcart");
    for (const path of ["/in", "/sign-in", "/confirm?to=%2Fevil"])
      expect((await browser.get(path, load)).headers.getSetCookie()).toEqual([]);
    expect((await browser.get("/in")).headers.get("location")).toBe("/cart");
  });

  it.each([
    ["to=/cart?a=1&b=%26", "/cart?a=1&b=%26"],
    ["to=/cart&b=2", "/cart"],
    ["to=//evil.example/?a=1&b=2", "/account"],
    ["to=/\\evil.example/?a=1", "/account"],
    [`to=/${"a".repeat(3500)}?b`, "/account"],
  ])("the return address of a proxy that encodes nothing, %s, leads to %s", async (query, to) => {
    const browser = browserOf(ampho);
    await browser.get(`/sign-in?${query}`);
    const { headers } = await browser.post("sign-in", { login: "alice", password });
    expect(headers.get("location")).toBe(to);
  });

  it.each([
    ["sign-in", { login: "alice", password: "wrong" }, "The name, the address or the password is wrong"],
    ["register", { email: "ann@shop" }, "Enter a whole e-mail address"],
    ["api-keys/create", { name: "Backup", days: "90" }, "Choose at least one thing"],
  ])("the form %s states what is wrong", async (name, fields, message) => {
    const browser = name === "api-keys/create" ? await signedIn(ampho) : browserOf(ampho);
    expect((await browser.post(name, fields)).text).toContain(message);
  });

  it("a link of another site changes nothing of what a user has begun", async () => {
    const browser = browserOf(ampho);
    await browser.post("register", { email: "liz@example.org" });
    const before = browser.jar.header();
    expect(before).toContain("__Host-ampho-transaction=");
    const needed = ["x", "", "mail", "totp"].map((one) => `/link?ampho_error=factor_needed&ampho_needed=${one}`);
    const links = [
      ...pages,
      ...needed,
      "/link?ampho_error=link_needed&ampho_needed=<b>",
      "/link?ampho_error=x&done=<b>",
    ];
    for (const path of [...links, "/confirm?factor", "/sign-in?done=__proto__", "/link?ampho_error=constructor"]) {
      const { status, text, headers } = await browser.get(path, { "sec-fetch-site": "cross-site" });
      expect([path, status < 400, headers.getSetCookie()]).toEqual([path, true, []]);
      expect(text).not.toContain("<b>");
    }
    expect(browser.jar.header()).toBe(before);
  });

  const isPage = ({ headers }: { readonly headers: globalThis.Headers }) =>
    headers.get("content-type")?.startsWith("text/html") === true;
  it("every page forbids frames, foreign scripts and caches, and no response is cached", async () => {
    let count = 0;
    for (const browser of [browserOf(ampho), await signedIn(ampho)]) {
      const responses = [
        ...(await Promise.all(pages.map((path) => browser.get(path)))),
        await browser.get("/nothing"),
        ...(await Promise.all(
          names.filter((name) => !/delete|sign-out|sessions/.test(name)).map((name) => browser.post(name)),
        )),
        await browser.post("sign-in", {}, { origin: "https://evil.example" }),
        await browser.send("PUT", "/account/sign-in", { headers: own }),
      ];
      for (const response of responses) {
        expect(response.headers.get("cache-control")).toBe("no-store");
        expect(response.headers.get("x-content-type-options")).toBe("nosniff");
        expect(response.headers.get("access-control-allow-origin")).toBeNull();
        if (!isPage(response)) continue;
        count += 1;
        const policy = response.headers.get("content-security-policy") ?? "";
        expect(policy).toContain("default-src 'none'");
        for (const part of ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "script-src 'self'"])
          expect(policy).toContain(part);
        expect(policy).not.toContain("unsafe");
        expect(response.headers.get("referrer-policy")).toBe("same-origin");
        expect(response.text).not.toMatch(
          /<script(?! type="module" src="\/account\/script\.js"><\/script>)|\son\w+=|<style|\sstyle=/,
        );
      }
    }
    expect(count).toBeGreaterThan(40);
  });

  it("no page contains a token, but for the public transaction of a passkey", async () => {
    const browser = await signedIn(ampho);
    const outside = browserOf(ampho);
    const shown = [
      ...(await Promise.all(pages.map((path) => browser.get(path)))),
      ...(await Promise.all(pages.map((path) => outside.get(path)))),
      await outside.post("register", { email: "zoe@example.org" }),
      await outside.post("sign-in/mail", { login: "alice" }),
      await outside.post("forgot", { login: "alice" }),
      await browser.post("totp/begin"),
      await browser.post("passkeys/begin", { name: "Phone" }),
      await outside.post("sign-in", { login: "alice", password: `${password}x` }),
    ];
    for (const { text } of shown) {
      const rest = text.replaceAll(/<input type="hidden" name="transaction" value="[\w.-]+">/g, "");
      expect(rest).not.toMatch(/eyJ[\w-]+\./);
      expect(rest).not.toMatch(/^\s*\{/);
    }
  });

  it.each([
    ["GET", "/account/sign-out", 405],
    ["GET", "/account/delete", 405],
    ["PUT", "/account/sign-in", 405],
    ["DELETE", "/account", 405],
    ["POST", "/account", 405],
    ["POST", "/account/style.css", 405],
    ["OPTIONS", "/account/sign-in", 405],
    ["GET", "/account/nothing", 404],
    ["POST", "/account/__proto__", 404],
    ["POST", "/account/constructor", 404],
    ["GET", "/account/toString", 404],
    ["GET", "/account/sign-in/", 404],
    ["GET", "/account/%73ign-in", 404],
    ["GET", "/account//sign-in", 404],
    ["GET", "/account/./sign-in%00", 404],
    ["GET", "/account/../account/x", 404],
    ["POST", "/account/Sign-Out", 404],
  ])("%s %s gets a page with %i", async (method, path, status) => {
    const browser = await signedIn(ampho);
    const response = await browser.send(method, path, { headers: own });
    expect([response.status, isPage(response)]).toEqual([status, true]);
    expect((await browser.get("")).status).toBe(200);
  });

  it("HEAD gets the headers of a page and no body", async () => {
    const browser = browserOf(ampho);
    const head = await browser.send("HEAD", "/account/sign-in");
    expect([head.status, head.text, isPage(head)]).toEqual([200, "", true]);
    expect(Number(head.headers.get("content-length"))).toBeGreaterThan(500);
  });

  it.each([
    ["application/json", '{"login":"alice"}', 415],
    ["text/plain", "login=alice", 415],
    ["multipart/form-data; boundary=x", "--x--", 415],
    ["application/x-www-form-urlencoded", `login=${"a".repeat(20_000)}`, 413],
    ["application/x-www-form-urlencoded", "login=%ff", 400],
  ])("a form as %s is rejected", async (type, body, status) => {
    const response = await browserOf(ampho).send("POST", "/account/sign-in", {
      headers: { ...own, "content-type": type },
      body,
    });
    expect([response.status, isPage(response)]).toEqual([status, true]);
  });

  it("no field of a form causes an internal error or becomes an element", async () => {
    const evils = [
      `"><img src=x onerror=alert(1)>`,
      "{}",
      "null",
      '{"factors":7,"passkey":7,"match":{}}',
      '{"__proto__":{}}',
    ];
    evils.push(
      "x".repeat(15_000),
      "otpauth://x?".padEnd(9000, "é"),
      `${origin}/#ampho=a.${btoa("[]")}.c`,
      `#ampho=${btoa("7")}`,
    );
    const fields = [
      "again",
      "uri",
      "secret",
      "link",
      "ways",
      "login",
      "email",
      "passkey",
      "code",
      "totp",
      "id",
      "name",
      "days",
      "scope articles:read",
      `scope <img src=x onerror=alert(1)>`,
    ];
    const browsers = [browserOf(ampho), await signedIn(ampho)];
    for (const evil of evils)
      for (const browser of browsers)
        for (const name of names.filter((one) => !/^(delete|sign-out|sessions\/end|login)$/.test(one))) {
          for (const each of [fields, ["pending", "again"]]) {
            const { status, text } = await browser.post(name, Object.fromEntries(each.map((field) => [field, evil])));
            expect([name, evil.slice(0, 40), status], text).not.toEqual([name, evil.slice(0, 40), 500]);
            expect(text).not.toContain("<img src=x");
          }
        }
    expect(notices.filter((line) => /internal|bug|Error/.test(line))).toEqual([]);
  });
});

describe("the form for the code of a change", () => {
  const address = "alice@example.org";

  /** Alice has a mailbox, and asks for another login name by a form. */
  async function openChange() {
    const codes: string[] = [];
    const mail: AmphoOptions["mail"] = async ({ kind, text }) => {
      if (kind === "confirm") codes.push(/^\d\d \d\d \d\d \d\d$/m.exec(text)?.[0] ?? "");
    };
    const { ampho, notices, close } = await openPages({ mail, throttleAttempts: 1_000_000 });
    onTestFinished(close);
    await ampho.users.setEmail("alice", address, { reason: "known at the desk" });
    const browser = await signedIn(ampho);
    let asked = 0;
    /** Sends a form that needs a code, and returns the code with the hidden fields of the form that asks for it. */
    const ask = async (
      action: string,
      fields: Readonly<Record<string, string>> = {},
      by = browser,
    ): Promise<Readonly<Record<string, string>>> => {
      const { status, text } = await by.post(action, fields);
      expect([status, text.includes("<h1>Check your mail</h1>")], text).toEqual([200, true]);
      asked += 1;
      await expect.poll(() => codes.length).toBe(asked);
      return { ...hiddenOf(text), code: codes.at(-1) ?? "" };
    };
    return { ampho, notices, browser, ask, codes };
  }

  const plain = (value: string) => value.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");
  const hiddenOf = (text: string): Readonly<Record<string, string>> => {
    const [, form = ""] = /<form action="\/account\/change\/confirm"(.*?)<\/form>/s.exec(text) ?? [];
    const fields = [...form.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g)];
    return Object.fromEntries(fields.map(([, name = "", value = ""]) => [name, plain(value)]));
  };
  const confirming = "change/confirm";

  it("the code makes the change once, and not a second time", async () => {
    const { ampho, browser, ask } = await openChange();
    const { user: _, ...form } = await ask("login", { login: "anna" });
    expect((await browser.post(confirming, form)).headers.get("location")).toBe("/account/sign-in?done=login");
    expect(await ampho.users.find("anna")).toBeDefined();
    await browser.post("sign-in", { login: "anna", password });
    const again = await browser.post(confirming, { ...form, kept: JSON.stringify({ login: "eve" }) });
    expect([again.status, await ampho.users.find("eve")]).toEqual([401, undefined]);
  });

  it("the code of another change, user or session, and one for another form change nothing", async () => {
    const { ampho, browser, ask } = await openChange();
    const login = await ask("login", { login: "anna" });
    const removal = await ask("delete");
    const rejects = async (by: typeof browser, fields: Readonly<Record<string, string>>) => {
      const { status } = await by.post(confirming, fields);
      expect([status, await ampho.users.find("anna")]).toEqual([401, undefined]);
    };
    await rejects(browser, { ...login, code: removal["code"] ?? "" });
    const { user: _, ...form } = login;
    await rejects(await signedIn(ampho), form);
    const bob = await signedIn(ampho, "bob");
    await rejects(bob, form);
    // A form that another user has left open does nothing at all.
    expect((await bob.post(confirming, login)).headers.get("location")).toBe("/account");
    // The code has confirmed another login name. The deletion asks for a code of its own.
    const swapped = await browser.post(confirming, { ...form, form: "delete", kept: "{}" });
    expect(swapped.text).toContain("<h1>Check your mail</h1>");
    expect(hiddenOf(swapped.text)["form"]).toBe("delete");
    for (const name of ["alice", "bob"]) expect(await ampho.users.find(name)).toBeDefined();
  });

  it.each([
    ["the fields of another form", "login", '{"email":"eve@example.org"}'],
    ["no fields", "login", "{}"],
    ["no JSON", "login", "login=eve"],
    ["a list", "login", '["eve"]'],
    ["no text", "login", '{"login":["eve"],"user":7}'],
    ["deep JSON", "login", `{"login":${"[".repeat(6000)}${"]".repeat(6000)}}`],
    ["a name of every object", "__proto__", '{"login":"eve"}'],
    ["the same form again", confirming, '{"form":"change/confirm","kept":"{}"}'],
    ["no form", "", '{"login":"eve"}'],
  ])("a kept part of the form that is %s changes nothing, and is no internal error", async (_what, name, kept) => {
    const { ampho, notices, browser, ask } = await openChange();
    const form = await ask("login", { login: "anna" });
    const { status } = await browser.post(confirming, { ...form, form: name, kept });
    expect(status).toBeLessThan(500);
    for (const login of ["anna", "eve"]) expect(await ampho.users.find(login)).toBeUndefined();
    expect((await ampho.users.find("alice"))?.email).toBe(address);
    expect(notices.filter((line) => line.includes("internal"))).toEqual([]);
  });

  it("a user who cannot read the mailbox asks for another address, which the page shows until it is stopped", async () => {
    const { ampho } = await openChange();
    await ampho.users.import([JSON.stringify({ login: "cleo", email: "cleo@example.org", email_proven: true })]);
    const { id = "" } = (await ampho.users.find("cleo")) ?? {};
    const browser = browserOf(ampho);
    browser.jar.set("__Host-ampho-token", (await ampho.sessions.create(id, signedInNow())).token);
    const [offer, stop] = ["I cannot read that mailbox any more", "Stop this"];
    const shows = async () => {
      const { text } = await browser.get("");
      return [offer, "cleo@new.example", stop].map((part) => text.includes(part));
    };
    expect(await shows()).toEqual([true, false, false]);
    const begun = await browser.post("email/later", { email: "cleo@new.example" });
    expect(begun.headers.get("location")).toBe("/account?done=waits");
    expect(await shows()).toEqual([false, true, true]);
    expect((await browser.post("email/taken", { code: "12345678" })).status).toBe(401);
    expect((await browser.post("email/stop")).headers.get("location")).toBe("/account?done=stopped");
    expect(await shows()).toEqual([true, false, false]);
  });

  it("a link that needs a code gets a button for it, and the page mails none before", async () => {
    const { ampho, browser, ask, codes } = await openChange();
    const needed = "/link?ampho_error=confirmation_needed&ampho_needed=mail";
    const { text } = await browser.get(needed, { "sec-fetch-site": "cross-site" });
    expect(text).toContain('action="/account/identities/confirm"');
    expect([codes, (await ampho.audit.list()).filter(({ reason }) => reason === "confirm")]).toEqual([[], []]);
    const { user: _, ...form } = await ask("identities/confirm");
    const { headers } = await browser.post(confirming, form);
    expect(headers.get("location")).toBe("/account?done=confirmed");
  });

  it("a first password is in no page, and its user types it after the code", async () => {
    const { ampho, ask } = await openChange();
    const email = "cleo@example.org";
    await ampho.users.import([JSON.stringify({ login: "cleo", email, email_proven: true })]);
    const { id = "" } = (await ampho.users.find("cleo")) ?? {};
    const browser = browserOf(ampho);
    browser.jar.set("__Host-ampho-token", (await ampho.sessions.create(id, signedInNow())).token);
    const secret = "amber tulip canoe walnut";
    const form = await ask("password", { new_password: secret }, browser);
    expect(JSON.stringify(form)).not.toContain("walnut");
    const wrong = await browser.post(confirming, { ...form, code: "00000000", kept: '{"new_password":"planted one"}' });
    expect([wrong.status, wrong.text.includes(secret)]).toEqual([401, false]);
    // A password that comes back with the code is not taken.
    const typing = await browser.post(confirming, { ...form, kept: '{"new_password":"planted by another"}' });
    expect(typing.text).toContain("<h1>Set a new password</h1>");
    expect(typing.text).not.toContain("planted");
    const set = await browser.post("password", { new_password: secret });
    expect(set.headers.get("location")).toBe("/account?done=password");
    const other = browserOf(ampho);
    expect((await other.post("sign-in", { login: "cleo", password: secret })).headers.get("location")).toBe("/account");
  });
});

const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
it.each([
  ["texts that are none", "again", '{"factors":[{"toString":1,"valueOf":1}]}'],
  ["a deep passkey", "again", `{"passkey":{"a":${nested(7000)}}}`],
  ["deep factors", "again", `{"factors":${nested(7000)}}`],
  ["a picture that is too large", "uri", "€".repeat(1000)],
])("a form that brings back %s is shown again, without an internal error", async (_what, name, value) => {
  const { ampho, notices, close } = await openPages();
  onTestFinished(close);
  const forms = [
    ["", {}, "sign-in/factor", "Second step"],
    ["register", { email: "zoe@example.org" }, "register/finish", "Check your mail"],
    ["forgot", { login: "alice" }, "forgot/finish", "Set a new password"],
    ["totp/begin", {}, "totp/confirm", "Set up an authenticator app"],
  ] as const;
  for (const [begin, begun, finish, title] of forms) {
    const browser = begin === "totp/begin" ? await signedIn(ampho) : browserOf(ampho);
    if (begin !== "") await browser.post(begin, begun);
    // Each wrong code is a form that is shown again.
    const rest = { code: "12345678", password: "amber tulip canoe walnut", totp: "123456" };
    // Brackets stay as they are, so that the form is not too large.
    const body = `${new URLSearchParams(finish === "totp/confirm" ? { totp: rest.totp } : rest)}&${name}=${value}`;
    const headers = { ...own, "content-type": "application/x-www-form-urlencoded" };
    const { status, text } = await browser.send("POST", `/account/${finish}`, { headers, body });
    expect([finish, status < 500, /<h1>(.*?)<\/h1>/.exec(text)?.[1]], text).toEqual([finish, true, title]);
  }
  expect(notices.filter((line) => line.includes("internal"))).toEqual([]);
});

it("a form that is sent twice at once signs in once, and both responses have its session", async () => {
  const { ampho, close } = await openPages({ factors: { editor: "required" } });
  onTestFinished(close);
  const browser = browserOf(ampho);
  await browser.post("sign-in", { login: "alice", password });
  const { text } = await browser.post("totp/begin", { pending: "yes" });
  const app = new TOTP({ secret: (/<code[^>]*>([A-Z2-7 ]+)</.exec(text)?.[1] ?? "").replaceAll(" ", "") });
  const now = Date.now();
  await browser.post("totp/confirm", { totp: app.generate({ timestamp: now }) });
  const other = browserOf(ampho);
  await other.post("sign-in", { login: "alice", password });
  const headers = { ...own, cookie: other.jar.header() };
  const body = () => new URLSearchParams({ totp: app.generate({ timestamp: now + 30_000 }) });
  const sent = await Promise.all(
    [body(), body()].map((form) => other.send("POST", "/account/sign-in/factor", { headers, body: form })),
  );
  for (const one of sent) expect([one.status, one.headers.get("location")]).toEqual([303, "/account"]);
  const { id = "" } = (await ampho.users.find("alice")) ?? {};
  expect(await ampho.sessions.list(id)).toHaveLength(2);
  // Another proof is no repetition, also with the cookies from before.
  const wrong = new URLSearchParams({ totp: "000000" });
  expect((await other.send("POST", "/account/sign-in/factor", { headers, body: wrong })).status).toBe(401);
  // Nor is the same one after the sign-out.
  await other.post("sign-out");
  expect((await other.send("POST", "/account/sign-in/factor", { headers, body: body() })).status).toBe(401);
});

it("a form of a page that one user has left open changes nothing of the next user of the browser", async () => {
  const { ampho, close } = await openPages();
  onTestFinished(close);
  const browser = await signedIn(ampho);
  const left = (await browser.get("")).text;
  await browser.post("sign-out");
  await browser.post("sign-in", { login: "bob", password });
  const before = await ampho.audit.list({ limit: 10_000 });
  const forms = [...left.matchAll(/<form action="\/account\/([\w/-]+)" method="post">(.*?)<\/form>/gs)];
  expect(forms.map(([, action]) => action)).toContain("delete");
  for (const [, action = "", inner = ""] of forms) {
    const hidden = [...inner.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g)];
    const typed = {
      login: "eve",
      email: "eve@example.org",
      name: "x",
      password,
      new_password: "amber tulip canoe walnut",
    };
    const fields = { ...typed, ...Object.fromEntries(hidden.map(([, name, value]) => [name, value])) };
    const { status, headers, text } = await browser.post(action, fields);
    expect([action, status, headers.get("location"), text]).toEqual([action, 303, "/account", ""]);
  }
  expect(await ampho.audit.list({ limit: 10_000 })).toEqual(before);
  expect((await browser.get("")).text).toContain("bob");
  // A page of the application has a form without the user.
  await browser.post("delete");
  expect(await ampho.users.find("bob")).toBeUndefined();
});

it("a user whom the application's table has lost gets the sign-in page, and can sign in as another one", async () => {
  const rows = new Map(["alice", "bob"].map((login) => [login, { id: login, login, disabled: false }]));
  const find = (login: string) => rows.get(login);
  const users = { find, findById: find, verify: (_: unknown, given: string) => given === password };
  const { ampho } = await openAmpho({ pages: true, throttleAddress: 0, users });
  onTestFinished(() => ampho.close());
  const guarded = ampho.authorize(
    { redirect: true, live: true },
    (_request: Request, auth: Auth) => new Response(auth.login),
  );
  for (const lose of [
    () => void rows.delete("alice"),
    () => void rows.set("alice", { id: "alice", login: "alice", disabled: true }),
  ]) {
    rows.set("alice", { id: "alice", login: "alice", disabled: false });
    const browser = await signedIn(ampho);
    lose();
    expect((await browser.get("")).headers.get("location")).toBe("/account/sign-in");
    const cart = new Request(`${origin}/cart`, { headers: { cookie: browser.jar.header(), accept: "text/html" } });
    expect((await guarded(cart)).headers.get("location")).toBe("/account/sign-in?to=%2Fcart");
    for (const path of ["/sign-in", "/sign-in?to=%2Fcart"]) {
      const { status, text } = await browser.get(path);
      expect([path, status, text.includes("<h1>Sign in</h1>")]).toEqual([path, 200, true]);
    }
    const wrong = await browser.post("sign-in", { login: "bob", password: "wrong" });
    expect([wrong.status, wrong.text.includes("The name, the address or the password is wrong.")]).toEqual([401, true]);
    expect((await browser.post("sign-in", { login: "bob", password })).headers.get("location")).toBe("/cart");
    expect((await browser.get("/sign-in")).headers.get("location")).toBe("/account");
    expect((await browser.get("")).text).toContain("bob");
  }
});

it("HTML in a login, an agent, a provider's label and the names of the site is text", async () => {
  const evil = `<img src=x onerror=alert(1)>"'&`;
  const { ampho, close } = await openPages({
    appName: evil,
    providers: { acme: { issuer: "https://id.example", client_id: "a", client_secret: "0".repeat(32), label: evil } },
  });
  onTestFinished(close);
  const login = `<img/src=x>"'&`;
  await ampho.users.create({ login, password });
  const browser = await signedIn(ampho, login, `<script>alert(1)</script> Firefox/140.0`);
  for (const path of ["", "/sign-in", "/register"]) {
    const { text } = await browser.get(path);
    expect(text).not.toMatch(/<img(?! class="qr")|<script>|alert\(1\)>/);
  }
  const { text } = await browser.get("");
  expect(text).toContain("&lt;img/src=x&gt;&quot;&#39;&amp;");
});

it("a value that a template inserts stays inside its text or attribute", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, two) => {
      const { text } = html`<a title="${one}">${[two, html`<b>${one}</b>`]}</a>`;
      expect(text).toMatch(/^<a title="[^"<>]*">[^"<>']*<b>[^"<>']*<\/b><\/a>$/s);
    }),
    {
      examples: [
        ["$&", "$1"],
        ["</a>", "&lt;"],
      ],
    },
  );
});

it("HTML in the name of a key and in scopes is text, and one user touches no key of another", async () => {
  const evil = `<img src=x onerror=alert(1)>"'&`;
  const { ampho, close } = await openPages();
  onTestFinished(close);
  const [alice, bob] = [await signedIn(ampho), await signedIn(ampho, "bob")];
  const made = await alice.post("api-keys/create", { name: evil, days: "30", "scope articles:read": "on" });
  const key = /<code>(ampho_key_\w+)</.exec(made.text)?.[1] ?? "";
  const account = await alice.get("");
  for (const { text } of [made, account]) expect(text).not.toContain("<img src=x");
  expect(account.text).toContain("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;");
  expect([made.headers.get("cache-control"), account.text.includes(key.slice(14))]).toEqual(["no-store", false]);
  const { apiKey: about } = await ampho.verify(key, ["api_key"]);
  for (const action of ["api-keys/remove", "api-keys/replace"])
    for (const id of [about?.id ?? "", `../api-keys/${about?.id}`, "..", "x/rotate", "%2e%2e"])
      expect([(await bob.post(action, { id, days: "0" })).status, action, id]).toEqual([404, action, id]);
  expect((await ampho.verify(key, ["api_key"])).login).toBe("alice");
});

it.each([
  ["no scope", { days: "30" }],
  ["a scope that the user does not have", { days: "30", "scope articles:write": "on" }],
  ["the scope `*`", { days: "30", "scope *": "on" }],
  ["an empty scope", { days: "30", "scope ": "on" }],
  ["367 days", { days: "367", "scope articles:read": "on" }],
  ["a negative number of days", { days: "-1", "scope articles:read": "on" }],
  ["an endless number of days", { days: "Infinity", "scope articles:read": "on" }],
  ["no number of days", { days: "soon", "scope articles:read": "on" }],
] as const)("a key with %s is not created", async (_what, fields) => {
  const { ampho, close } = await openPages();
  onTestFinished(close);
  const browser = await signedIn(ampho);
  const { status, text } = await browser.post("api-keys/create", { name: "Backup", ...fields });
  expect([status, /missing or wrong|Choose at least one/.test(text)]).toEqual([400, true]);
  expect(await ampho.apiKeys.list((await ampho.users.find("alice"))?.id ?? "")).toEqual([]);
});

it("the account page has no keys without AMPHO_SECURITY_API_KEYS, and for a user without scopes", async () => {
  for (const options of [{ apiKeys: 0 }, { scopes: { other: ["articles:read"] } }]) {
    const { ampho, close } = await openPages(options);
    onTestFinished(close);
    const browser = await signedIn(ampho);
    expect((await browser.get("")).text).not.toContain("api-keys/create");
    const made = await browser.post("api-keys/create", { name: "x", days: "1", "scope articles:read": "on" });
    expect([made.status, made.text.includes("ampho_key_")]).toEqual([options.apiKeys === 0 ? 404 : 400, false]);
  }
});

it("the transaction of another user sets nothing up", async () => {
  const { ampho, close } = await openPages();
  onTestFinished(close);
  const [alice, bob] = [await signedIn(ampho), await signedIn(ampho, "bob")];
  const { text } = await alice.post("totp/begin");
  const secret = /<code[^>]*>([A-Z2-7 ]+)</.exec(text)?.[1] ?? "";
  const code = new TOTP({ secret: secret.replaceAll(" ", "") }).generate();
  const stolen = alice.jar.get("__Host-ampho-transaction") ?? "";
  const headers = { ...own, cookie: `${bob.jar.header()}; __Host-ampho-transaction=${stolen}` };
  const taken = await bob.send("POST", "/account/totp/confirm", { headers, body: new URLSearchParams({ totp: code }) });
  expect(taken.status).toBe(401);
  for (const login of ["alice", "bob"]) {
    const user = await ampho.users.find(login);
    expect((await ampho.factors.list(user?.id ?? "")).factors).toEqual([]);
  }
  // Its owner can still use it.
  expect((await alice.post("totp/confirm", { totp: code })).text).toContain("Recovery codes");
});

it("a failure of the instance is a page too", async () => {
  const { ampho, close } = await openPages();
  const browser = await signedIn(ampho);
  await close();
  const { status, text } = await browser.get("");
  expect(status).toBeGreaterThanOrEqual(500);
  expect(text).toContain("The site has a problem at the moment");
});

it("a form that a body parser of the host has read has texts alone, and causes no internal error", async () => {
  const { ampho, notices, close } = await openPages();
  onTestFinished(close);
  const app = express().use(express.urlencoded({ extended: true }), mount(ampho));
  const { url } = await listen((request, response) => void app(request, response));
  const send = (body: string) =>
    fetch(`${url}/account/sign-in`, {
      method: "POST",
      redirect: "manual",
      headers: { "content-type": "application/x-www-form-urlencoded", origin: url },
      body,
    });
  const rest = `password=${encodeURIComponent(password)}`;
  for (const login of ["login[toString]=x", "login[a]=x", "login[]=alice", "login=alice&login=bob"])
    expect([login, (await send(`${login}&${rest}`)).status]).toEqual([login, 400]);
  expect((await send(`login=alice&${rest}`)).status).toBe(303);
  expect(notices.filter((line) => line.includes("internal"))).toEqual([]);
});
