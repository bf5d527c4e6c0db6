// Uses examples/accounts from the packed tarball as its README describes, in a real Chromium. Mails are files.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { simpleParser } from "mailparser";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { execFileSync, spawnSync } from "../../scripts/child-process.mjs";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { freePort } from "../world/free-port.js";
import { type Consumer, installPacked } from "./packed.js";
import { prepare, type Running, start } from "./running.js";

const password = "violet kettle harbour morning";

let browser: Browser;
let consumer: Consumer;
let running: Running;
let folder: string;
let tab: Page;

beforeAll(async () => {
  consumer = await installPacked(["accounts"]);
  folder = path.join(consumer.folder, "mails");
  mkdirSync(folder);
  const port = String(await freePort());
  const mail = { AMPHO_MAIL_URL: `file:${folder}`, AMPHO_APP_URL: `http://localhost:${port}/` };
  const env = { ...prepare(consumer, password), ...mail, PORT: port };
  const add = [consumer.ampho, "user-add", "bob@example.org", "--password-stdin"];
  execFileSync(process.execPath, add, { env, cwd: consumer.folder, input: password });
  [running, browser] = await Promise.all([
    start(path.join(consumer.folder, "accounts"), env, "server.js"),
    openBrowser(),
  ]);
  tab = await browser.newPage();
  await tab.goto(running.url);
}, browserTimeoutMs);
afterAll(async () => {
  await browser?.close();
  await running?.stop();
  consumer?.remove();
});

const read = new Set<string>();

/** The next mail with this subject. */
async function nextMail(subject: string): Promise<{ readonly code: string; readonly link: string }> {
  const find = async () => {
    for (const name of readdirSync(folder).filter((each) => !each.startsWith(".") && !read.has(each))) {
      const mail = await simpleParser(readFileSync(path.join(folder, name)));
      if (!mail.subject?.startsWith(subject)) continue;
      read.add(name);
      return mail.text ?? "";
    }
    return undefined;
  };
  const text = await vi.waitUntil(find, { timeout: 60_000, interval: 100 });
  return { code: /\d\d \d\d \d\d \d\d/.exec(text)?.[0] ?? "", link: /http:\S+#\S+/.exec(text)?.[0] ?? "" };
}

const openWay = async (page: Page, way: string, address: string) => {
  await page.fill("#login [name=address]", address);
  await page.click(`button[value=${way}]`);
};
const prove = async (page: Page, fields: Readonly<Record<string, string>>) => {
  for (const [name, value] of Object.entries(fields)) await page.fill(`#proof [name=${name}]`, value);
  await page.click("#proof button");
};
const showsUser = (page: Page, address: string) => expect.poll(() => page.textContent("#who")).toBe(address);

it("the types in the comments of the example accounts are right", () => {
  const tsc = path.join(consumer.folder, "node_modules/typescript/bin/tsc");
  const cwd = path.join(consumer.folder, "accounts");
  const { status, stdout } = spawnSync(process.execPath, [tsc], { cwd, encoding: "utf8" });
  expect([status, stdout]).toEqual([0, ""]);
});

it("a person registers on the page of the example, changes the address, and the old one gets an alarm link", async () => {
  await openWay(tab, "register", "ann@example.org");
  const { code } = await nextMail("Confirm your address");
  await prove(tab, { code, password: "short" });
  await expect.poll(() => tab.textContent("[role=alert]")).toContain("characters");
  await prove(tab, { code, password });
  await showsUser(tab, "ann@example.org");

  await tab.fill("#change [name=address]", "ann@new.example");
  await tab.click("#change button");
  await prove(tab, { code: (await nextMail("Confirm your new address")).code });
  await tab.waitForSelector("#proof", { state: "hidden" });
  const { link } = await nextMail("New address");
  expect(link).toContain("#ampho-alarm=");
  await tab.click("#logout");
  await tab.waitForSelector("#out");
});

it("a user opens the link of the example in another browser, which asks for the number of the first page", async () => {
  await openWay(tab, "mail", "ann@example.org");
  const { link } = await nextMail("Sign in");
  const [, match = ""] = /number (\d\d)/.exec((await tab.textContent("#proof output")) ?? "") ?? [];
  const context = await browser.newContext();
  const other = await context.newPage();
  await other.goto(link);
  expect(other.url()).toBe(`${running.url.replace("127.0.0.1", "localhost")}/`);
  await prove(other, {});
  await other.waitForSelector("#code:not([hidden])");
  await prove(other, { code: match });
  await showsUser(other, "ann@example.org");
  await context.close();
});

it("a user who forgot the password sets a new one on the page of the example, and logs in with it", async () => {
  const next = "amber tulip canoe walnut";
  await openWay(tab, "reset", "bob@example.org");
  const { code } = await nextMail("Reset your password");
  await prove(tab, { code, password: next });
  await showsUser(tab, "bob@example.org");
  await tab.click("#logout");
  await tab.waitForSelector("#out:not([hidden])");
  await tab.fill("#login [name=password]", next);
  await openWay(tab, "password", "bob@example.org");
  await showsUser(tab, "bob@example.org");
});

it("the server of the example accounts writes nothing to stderr and stops", async () => {
  const { code, stderr } = await running.stop();
  expect([code, stderr]).toEqual([0, ""]);
});
