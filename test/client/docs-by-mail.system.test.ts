// Runs the snippets of the guides about mail unchanged, in a real Chromium.
import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import type { AmphoOptions, Message } from "../../dist/index.js";
import { browserTimeoutMs, openBrowser } from "./browser.js";
import { bundleClient } from "./bundle.js";
import { ann, openWorld } from "./world.js";

const text = readFileSync(new URL("../../docs/guides/mail-flows.md", import.meta.url), "utf8");
const snippetsOf = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(([, code = ""]) => code);
const snippetWith = (word: string) => snippetsOf("ts").find((code) => code.includes(word)) ?? "";

let browser: Browser;
let script: string;
beforeAll(async () => {
  [browser, { text: script }] = await Promise.all([openBrowser(), bundleClient("mail")]);
}, browserTimeoutMs);
afterAll(() => browser?.close());

const newPassword = "amber tulip canoe walnut";

async function openShop(options: AmphoOptions = {}) {
  const mails: Message[] = [];
  const [html = ""] = snippetsOf("html");
  const [landing = ""] = snippetsOf("js");
  const files: Record<string, string> = {
    "/": html,
    "/landing.js": `${landing.replace("ampho/client/mail", "/mail.js")}\nglobalThis.client = client;`,
    "/mail.js": script,
    "/blank": "<!doctype html><title>Shop</title>",
  };
  const receive = async (message: Message) => void mails.push(message);
  const base = { cookies: true, mailLogin: true, registration: "open", mail: receive } as const;
  const world = await openWorld(
    (appUrl) => ({ appUrl, ...base, ...options }),
    (path) => files[path],
  );
  await world.ampho.users.create({ login: "ann@example.org", password: ann.password });
  const next = (kind: string) => {
    const find = () => {
      const at = mails.findIndex((each) => each.kind === kind);
      return mails.splice(at < 0 ? mails.length : at, 1)[0]?.text;
    };
    return vi.waitUntil(find, { timeout: 60_000 });
  };
  const openPage = async (url: string): Promise<Page> => {
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const tab = await context.newPage();
    await tab.goto(url);
    return tab;
  };
  return { world, appUrl: world.appUrl, next, openPage };
}

const codeOf = (mail: string) => /\d\d \d\d \d\d \d\d/.exec(mail)?.[0] ?? "";
const linkOf = (mail: string) => /http:\S+#ampho\S*/.exec(mail)?.[0] ?? "";

type Shop = Awaited<ReturnType<typeof openShop>>;

/** Runs a snippet in a page with `client`, `show` and `ask`. Returns what it showed. */
async function run({ next, openPage, appUrl }: Shop, code: string, kind: string, tab?: Page): Promise<string[]> {
  const page = tab ?? (await openPage(`${appUrl}blank`));
  const shown: string[] = [];
  const asked: Readonly<Record<string, () => Promise<string> | string>> = {
    "the code": async () => codeOf(await next(kind)),
    "a password": () => newPassword,
    "the address": () => "dan@example.org",
  };
  await page.exposeFunction("show", (line: string) => void shown.push(line));
  await page.exposeFunction("ask", (what: string) => asked[what]?.());
  await page.addScriptTag({
    type: "module",
    content: `import { createClient } from "/mail.js";
      globalThis.client ??= createClient({ baseUrl: "/", cookies: true });
      try { ${code}; show("done as " + (await client.session())?.login) } catch (error) { show(error.code ?? error.message) }`,
  });
  await expect.poll(() => shown.at(-1)).toMatch(/^done/);
  return shown;
}

it("the snippets of the guides about mail sign in, change the address, register and reset the password", async () => {
  const shop = await openShop();
  const tab = await shop.openPage(`${shop.appUrl}blank`);
  expect((await run(shop, snippetWith("mailLogin"), "login", tab)).at(-1)).toBe("done as ann@example.org");
  const changing = await tab.context().newPage();
  await changing.goto(`${shop.appUrl}blank`);
  await run(shop, snippetWith("changeEmail"), "email", changing);
  expect(await shop.world.ampho.users.find("ann@example.org")).toMatchObject({ email: "ann@new.example" });
  const registered = await run(shop, snippetWith("Welcome"), "register");
  expect(registered.slice(-2)).toEqual(["Welcome dan@example.org", "done as dan@example.org"]);
});

it("the snippet of docs/guides/mail-flows.md resets a forgotten password", async () => {
  const shop = await openShop();
  expect((await run(shop, snippetWith("resetPassword"), "reset")).at(-1)).toBe("done as undefined");
  const body = JSON.stringify({ login: "ann@example.org", password: newPassword });
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${shop.world.url}/api/security/login`, { method: "POST", headers, body });
  expect(response.status).toBe(200);
});

it("the snippet of docs/guides/mail-flows.md registers an invited person", async () => {
  const shop = await openShop({ registration: "invite" });
  await shop.world.ampho.users.invite({ email: "dan@example.org", roles: ["editor"] });
  const { hash } = new URL(linkOf(await shop.next("invite")));
  const tab = await shop.openPage(`${shop.appUrl}blank${hash}`);
  expect((await run(shop, snippetWith("invitation"), "register", tab)).at(-1)).toBe("done as dan@example.org");
  expect(await shop.world.ampho.users.find("dan@example.org")).toMatchObject({ roles: ["editor"] });
});

it("the landing page of docs/guides/mail-flows.md follows each link, and asks for the number", async () => {
  const shop = await openShop();
  const blank = await shop.openPage(`${shop.appUrl}blank`);
  const begin = async (way: string, address: string) => {
    const client = `(await import("/mail.js")).createClient({ baseUrl: "/", cookies: true })`;
    return String(await blank.evaluate(`(async () => (await ${client}.${way}("${address}")).match)()`));
  };
  const press = async (tab: Page, fields: Readonly<Record<string, string>> = {}) => {
    for (const [name, value] of Object.entries(fields)) await tab.fill(`[name=${name}]`, value);
    await tab.click("button");
  };
  const says = (tab: Page) => expect.poll(() => tab.textContent("output"));

  const match = await begin("mailLogin", "ann@example.org");
  const login = await shop.openPage(linkOf(await shop.next("login")));
  expect(login.url()).toBe(shop.appUrl);
  await press(login);
  await says(login).toContain("another browser");
  await press(login, { match });
  await says(login).toBe("Done.");

  const number = await begin("register", "dan@example.org");
  const register = await shop.openPage(linkOf(await shop.next("register")));
  await press(register, { password: newPassword });
  await says(register).toContain("another browser");
  await press(register, { match: number });
  await says(register).toBe("Done.");

  const { match: third } = await shop.world.ampho.users.recover("dan@example.org", { reason: "A test." });
  const reset = await shop.openPage(linkOf(await shop.next("recover")));
  await press(reset, { password: "violet lantern orbit pancake" });
  await says(reset).toContain("another browser");
  await press(reset, { match: third });
  await says(reset).toBe("Done.");
  const alarm = await shop.openPage(linkOf(await shop.next("password_changed")));
  await press(alarm);
  await alarm.check("[name=change]");
  expect(await alarm.textContent("output")).toBe("");
  await press(alarm);
  await says(alarm).toBe("Done.");
});
