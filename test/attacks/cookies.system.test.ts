// Attacks on cookie mode by pages of other sites and of sub-domains, in a real Chromium. Names under localhost resolve to this
// machine and are trustworthy without TLS. Each is a site of its own, so app.localhost and evil.localhost share no site.
// The page sub.app.localhost is of the same site as app.localhost and can set cookies for it.
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { authorize, guardedUpgrade, mount, renew } from "../../dist/adapters/node.js";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import { type Ampho, createAmpho } from "../../dist/index.js";
import { closeServer } from "../adapters/express-app.js";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { openPort } from "../world/listen.js";

const alice = { login: "alice", password: "violet kettle harbour morning" };
const mallory = { login: "mallory", password: "copper lantern drizzle 84" };

let browser: Browser;
let ampho: Ampho;
let server: Server;
let port: number;
/** The calls that the application carried out, with their users. */
const deeds: string[] = [];
/** The cookies and headers of each guarded request. */
const heads: { path: string; site: string; cookies: string }[] = [];

/** The destinations of the requests for rendered pages that have their responses. */
const loaded = new Set<string>();

/** Releases the delayed renewal. */
let release: (() => void) | undefined;

const origin = (name: string) => `http://${name}:${port}`;
const app = () => origin("app.localhost");
const evil = () => origin("evil.localhost");
const sibling = () => origin("sub.app.localhost");
const friend = () => origin("friend.app.localhost");

beforeAll(async () => {
  server = createServer();
  port = await openPort(server);
  const [opened, instance] = await Promise.all([openBrowser(), open()]);
  browser = opened;
  ampho = instance;
  serve();
}, browserTimeoutMs);
afterAll(async () => {
  await browser?.close();
  await closeServer(server);
  await ampho?.close();
});

async function open(): Promise<Ampho> {
  const made = await createAmpho({
    databaseUrl: "sqlite::memory:",
    cookies: true,
    corsOrigins: [friend()],
    pages: { prefix: "/me" },
    appUrl: app(),
    log: () => undefined,
  });
  await made.users.create(alice);
  await made.users.create(mallory);
  return made;
}

/** Every name serves the same pages. Only its origin makes a page foreign. */
function serve(): void {
  const api = mount(ampho);
  const guard = authorize(ampho);
  const renewed = renew(ampho);
  server.on("request", (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/page")
      return void response.setHeader("Content-Type", "text/html").end("<!doctype html><p>A page");
    if (pathname === "/slow/renew") {
      release = () => api(Object.assign(request, { url: "/api/security/renew" }), response);
      return;
    }
    const kind = String(request.headers["sec-fetch-dest"]);
    if (/^\/(me|rendered)\b/.test(pathname)) response.on("finish", () => loaded.add(kind));
    if (pathname === "/rendered") return renewed(request, response, () => response.end("A rendered page"));
    if (!pathname.startsWith("/account")) return api(request, response);
    const { cookie = "", "sec-fetch-site": site = "" } = request.headers;
    heads.push({ path: pathname, site: String(site), cookies: cookie });
    guard(request, response, () => {
      deeds.push(`${request.method} ${pathname} by ${request.auth?.login}`);
      response.setHeader("Cache-Control", "no-store");
      response.setHeader("Content-Type", "application/json").end(JSON.stringify({ login: request.auth?.login }));
    });
  });
  server.on(
    "upgrade",
    guardedUpgrade(ampho, (request, socket) => {
      deeds.push(`socket by ${request.auth.login}`);
      socket.destroy();
    }),
  );
}

/** A browser in which alice is logged in at app.localhost, unless `loggedIn` is false. */
async function openVictim({ loggedIn = true } = {}) {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  deeds.length = 0;
  heads.length = 0;
  const page = await context.newPage();
  await page.goto(`${app()}/page`);
  if (loggedIn) expect((await call(page, "/api/security/login", alice)).status).toBe(200);
  const visit = async (where: string) => {
    const tab = await context.newPage();
    await tab.goto(`${where}/page`);
    return tab;
  };
  return { context, page, visit };
}

const call = (page: Page, path: string, body?: object): Promise<{ status: number; text: string }> =>
  page.evaluate(
    async ([to, text]) => {
      const headers = { "content-type": "application/json" };
      const response = await fetch(to, { method: "POST", headers, ...(text === undefined ? {} : { body: text }) });
      return { status: response.status, text: await response.text() };
    },
    [path, body && JSON.stringify(body)] as const,
  );

/** The user that the application sees, in a page of its own. */
const whoIs = (page: Page): Promise<string> =>
  page.evaluate(async () => {
    const response = await fetch("/account");
    const body = await response.json();
    return body.login ?? body.error;
  });

/** Submits a form by script. Returns the status that the browser gets. */
async function submit(
  page: Page,
  to: string,
  fields: Record<string, string>,
  method = "POST",
): Promise<number | undefined> {
  const [response] = await Promise.all([
    page.waitForNavigation(),
    page.evaluate(
      ([action, entries, how]) => {
        const form = Object.assign(document.createElement("form"), { action, method: how });
        for (const [name, value] of entries)
          form.append(Object.assign(document.createElement("input"), { name, value }));
        document.body.append(form);
        form.submit();
      },
      [to, Object.entries(fields), method] as const,
    ),
  ]);
  return response?.status();
}

/** Sends a request with cookies, as a page of any origin can. */
interface Sent {
  readonly method?: string;
  readonly mode?: RequestMode;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly keepalive?: boolean;
}

const send = (page: Page, to: string, init: Sent): Promise<string> =>
  page.evaluate(
    ([url, options]) =>
      fetch(url, { credentials: "include", ...options }).then(
        async (response) => `${response.type} ${response.status} ${await response.text()}`,
        () => "no response",
      ),
    [to, init] as const,
  );

const ourCookies = async (context: BrowserContext) =>
  (await context.cookies(app())).filter(({ name }) => name.startsWith("__Host-ampho"));

describe("pages of our own on http://…localhost", () => {
  it("our own pages keep their cookies out of reach of scripts, and change data with them", async () => {
    const { context, page } = await openVictim();
    const kept = await ourCookies(context);
    expect(kept.map(({ name }) => name).sort()).toEqual(
      Object.values(cookieNames)
        .filter((name) => name !== cookieNames.transaction)
        .sort(),
    );
    for (const cookie of kept)
      expect(cookie).toMatchObject({
        path: "/",
        secure: true,
        httpOnly: true,
        sameSite: "Lax",
        domain: "app.localhost",
      });
    expect(await page.evaluate(() => document.cookie)).toBe("");
    expect(await whoIs(page)).toBe("alice");
    expect(await submit(page, "/account/pay", { to: "bob" })).toBe(200);
    expect(deeds.at(-1)).toBe("POST /account/pay by alice");
    await page.goto(`${app()}/page`);
    expect((await call(page, "/api/security/renew")).status).toBe(200);
    expect((await call(page, "/api/security/logout")).status).toBe(204);
    expect((await ourCookies(context)).map(({ name }) => name)).toEqual([cookieNames.device]);
    expect(await whoIs(page)).toBe("missing_token");
  });

  it.each(["localhost", "127.0.0.1"])("our own pages also work by the name %s", async (name) => {
    const { context, visit } = await openVictim({ loggedIn: false });
    const page = await visit(origin(name));
    expect((await call(page, "/api/security/login", alice)).status).toBe(200);
    expect(await whoIs(page)).toBe("alice");
    expect(await submit(page, "/account/pay", {})).toBe(200);
    expect(await context.cookies(origin(name))).toHaveLength(3);
  });

  it("our own pages work as docs/guides/cookies.md describes", async () => {
    const { context, page } = await openVictim({ loggedIn: false });
    const text = readFileSync(new URL("../../docs/guides/cookies.md", import.meta.url), "utf8");
    const [, snippet = ""] = /^```js\n(.*?)^```$/ms.exec(text) ?? [];
    const code = snippet.replace("/articles", "/account/articles").replace("…", "x");
    await page.evaluate(`(async (login, password) => { ${code} })("${alice.login}", "${alice.password}")`);
    expect(deeds).toEqual(["POST /account/articles by alice"]);
    expect((await ourCookies(context)).map(({ name }) => name)).toEqual([cookieNames.device]);
    expect((await ampho.audit.list({ limit: 2 })).map(({ event }) => event).sort()).toEqual(["logout", "renew"]);
  });

  it("a page that is left during a renewal has the new cookies when it sends them as docs/guides/cookies.md describes", async () => {
    const { context, page } = await openVictim();
    const kept = async () => (await ourCookies(context)).find(({ name }) => name === cookieNames.refreshToken)?.value;
    const before = await kept();
    const arrived = page.waitForRequest(/renew$/);
    await page.evaluate(() => void fetch("/slow/renew", { method: "POST", keepalive: true }));
    await arrived;
    await page.goto(`${app()}/page`);
    release?.();
    await expect.poll(kept).not.toBe(before);
  });

  it("the back button shows no page after a logout if the page is sent with no-store", async () => {
    const { page } = await openVictim();
    await page.goto(`${app()}/account/home`);
    expect(await page.content()).toContain("alice");
    expect((await call(page, "/api/security/logout")).status).toBe(204);
    await page.goto(`${app()}/page`);
    await page.goBack();
    expect(await page.content()).toContain("missing_token");
  });

  it("our own pages open sockets", async () => {
    const { page } = await openVictim();
    await openSocket(page, app());
    await expect.poll(() => deeds.at(-1)).toBe("socket by alice");
  });
});

const openSocket = (page: Page, to: string) =>
  page.evaluate(
    (url) =>
      new Promise<void>((resolve) => {
        const socket = new WebSocket(url);
        socket.onerror = () => resolve();
        socket.onclose = () => resolve();
      }),
    `${to.replace("http", "ws")}/chat`,
  );

describe.each([
  ["another site", evil, "cross-site"],
  ["a sub-domain", sibling, "same-site"],
])("a page of %s", (_what, where, site) => {
  it("a foreign page changes nothing by a form", async () => {
    const { page, visit } = await openVictim();
    const tab = await visit(where());
    expect(await submit(tab, `${app()}/account/pay`, { to: "mallory" })).toBe(site === "same-site" ? 403 : 401);
    expect(heads.at(-1)?.site).toBe(site);
    expect(deeds).toEqual([]);
    expect(await whoIs(page)).toBe("alice");
  });

  it("a foreign page ends no session, and renews nothing", async () => {
    const { context, page, visit } = await openVictim();
    const before = await ourCookies(context);
    for (const path of ["/logout", "/renew", "/sessions", "/password"])
      await submit(await visit(where()), `${app()}/api/security${path}`, {});
    expect(await ourCookies(context)).toEqual(before);
    expect(await whoIs(page)).toBe("alice");
  });

  it.each([
    ["a simple request", { method: "POST", mode: "no-cors", body: "to=mallory" }],
    [
      "a form's request",
      { method: "POST", mode: "no-cors", headers: { "content-type": "application/x-www-form-urlencoded" } },
    ],
    ["JSON", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }],
    ["another method", { method: "DELETE" }],
    ["a kept connection", { method: "POST", mode: "no-cors", keepalive: true, body: "x" }],
  ] as const)("a foreign page changes nothing by %s of fetch", async (_how, init) => {
    const { page, visit } = await openVictim();
    const tab = await visit(where());
    expect(await send(tab, `${app()}/account/pay`, { ...init })).not.toContain("alice");
    expect(deeds).toEqual([]);
    expect(await whoIs(page)).toBe("alice");
  });

  it("a foreign page reads nothing", async () => {
    const { visit } = await openVictim();
    const tab = await visit(where());
    for (const mode of ["cors", "no-cors"] as const)
      expect(await send(tab, `${app()}/account`, { mode })).not.toContain("alice");
    expect(await send(tab, `${app()}/api/security/session`, {})).toBe("no response");
  });

  it("an image on a foreign page brings cookies only from a sub-domain, and changes nothing", async () => {
    const { visit } = await openVictim();
    const tab = await visit(where());
    await tab.evaluate(
      (src) =>
        new Promise<void>((resolve) => {
          const image = new Image();
          image.onload = () => resolve();
          image.onerror = () => resolve();
          image.src = src;
        }),
      `${app()}/account/picture`,
    );
    const [head] = heads;
    expect(head?.site).toBe(site);
    expect(head?.cookies.includes(cookieNames.token)).toBe(site === "same-site");
    expect(deeds.filter((deed) => !deed.startsWith("GET"))).toEqual([]);
  });

  it.each(["/me", "/me/sign-in?to=%2Fevil", "/me/in", "/rendered"])(
    "a foreign page that loads %s renews no session, and sets no return address",
    async (path) => {
      const { context, visit } = await openVictim();
      await context.clearCookies({ name: cookieNames.token });
      const before = await ourCookies(context);
      expect(before.map(({ name }) => name)).toContain(cookieNames.refreshToken);
      const tab = await visit(where());
      loaded.clear();
      await tab.evaluate((url) => {
        const add = (tag: string, members: object) =>
          document.body.append(Object.assign(document.createElement(tag), members));
        add("img", { src: url });
        add("iframe", { src: url });
        add("object", { data: url });
        add("script", { src: url });
        add("link", { rel: "stylesheet", href: url });
        add("link", { rel: "prefetch", href: url });
        void fetch(url, { mode: "no-cors", credentials: "include", headers: { accept: "text/html" } }).catch(() => {});
      }, app() + path);
      await expect.poll(() => [...loaded].sort()).toEqual(["empty", "iframe", "image", "object", "script", "style"]);
      expect(await whoIs(tab)).toBe("missing_token");
      expect(await ourCookies(context)).toEqual(before);
    },
  );

  it("a link that the user follows renews the session, and the page is the user's", async () => {
    const { context, visit } = await openVictim();
    await context.clearCookies({ name: cookieNames.token });
    const tab = await visit(where());
    await tab.evaluate((href) => {
      document.body.append(Object.assign(document.createElement("a"), { href, textContent: "Follow" }));
    }, `${app()}/me`);
    await tab.click("text=Follow");
    await tab.waitForURL(`${app()}/me`);
    expect((await ourCookies(context)).map(({ name }) => name)).toContain(cookieNames.token);
    expect(await tab.content()).toContain("alice");
  });

  it("a foreign page opens no socket", async () => {
    const { visit } = await openVictim();
    await openSocket(await visit(where()), app());
    expect(deeds).toEqual([]);
  });

  it.each(["", "loggedIn"])("a foreign page logs its visitor in as no other user (%s)", async (state) => {
    const { context, page, visit } = await openVictim({ loggedIn: state !== "" });
    const before = await ourCookies(context);
    expect(await submit(await visit(where()), `${app()}/api/security/login`, mallory)).toBe(403);
    const grant = await ampho.sessions.create((await ampho.users.find("mallory"))?.id ?? "");
    const stolen = { refresh_token: grant.refresh_token ?? "" };
    expect(await submit(await visit(where()), `${app()}/api/security/renew`, stolen)).toBe(403);
    await send(await visit(where()), `${app()}/api/security/login`, {
      method: "POST",
      mode: "no-cors",
      body: new URLSearchParams(mallory).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect(await ourCookies(context)).toEqual(before);
    expect(await whoIs(page)).toBe(state === "" ? "missing_token" : "alice");
  });
});

describe("a sub-domain tosses a cookie", () => {
  it.each([
    ["by our name", `${cookieNames.token}=%s`],
    ["by our name in capitals", `${cookieNames.token.toUpperCase()}=%s`],
    ["by our name in another case", `${cookieNames.token.replace("H", "h")}=%s`],
    ["without a name", `=${cookieNames.token}=%s`],
    ["with a space before", ` ${cookieNames.token}=%s`],
    ["with a strange space before", `\u2000${cookieNames.token}=%s`],
    ["with a hard space before", `\u00a0${cookieNames.token}=%s`],
    ["without the prefix", "ampho-token=%s"],
    ["in the value of another", `a=b, ${cookieNames.token}=%s`],
    ["in quotes", `"${cookieNames.token}"=%s`],
    ["with a deeper path", `${cookieNames.token}=%s; Path=/account`],
  ])("a tossed cookie %s authenticates no request", async (_how, form) => {
    const user = await ampho.users.find("mallory");
    const { token } = await ampho.sessions.create(user?.id ?? "");
    for (const loggedIn of [false, true]) {
      const { page, visit } = await openVictim({ loggedIn });
      const tab = await visit(sibling());
      const text = `${form.replace("%s", token)}; Domain=app.localhost; Secure${form.includes("Path=") ? "" : "; Path=/"}`;
      await tab.evaluate((cookie) => {
        // biome-ignore lint/suspicious/noDocumentCookie: this is the attack
        document.cookie = cookie;
      }, text);
      expect(await whoIs(page)).toBe(loggedIn ? "alice" : "missing_token");
      expect(await submit(page, "/account/pay", {})).toBe(loggedIn ? 200 : 401);
    }
  });
});

describe("a page of a listed sub-domain", () => {
  it("a page of a listed sub-domain reads and changes what its user is allowed to", async () => {
    const { page, visit } = await openVictim();
    const tab = await visit(friend());
    expect(await send(tab, `${app()}/api/security/session`, {})).toContain('"login":"alice"');
    expect(await send(tab, `${app()}/api/security/renew`, { method: "POST" })).toContain('cors 200 {"starts"');
    expect(await submit(tab, `${app()}/account/pay`, {})).toBe(200);
    expect(await whoIs(page)).toBe("alice");
  });
});
