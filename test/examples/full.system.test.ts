// Uses examples/full from the packed tarball as its README describes, in three tabs of a real Chromium. Tokens expire meanwhile.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { pause } from "../world/wait.js";
import { type Consumer, installPacked } from "./packed.js";
import { prepare, type Running, start } from "./running.js";

const password = "violet kettle harbour morning";
const ttlSeconds = 5;
/** Longer than a busy machine takes from a login to the next click. */
const maxAgeSeconds = 15;

let browser: Browser;
let consumer: Consumer;
let env: NodeJS.ProcessEnv;
let running: Running;
const tabs: Page[] = [];
/** The keys of the renewals of all tabs. Requests with the same key are one renewal. */
const renewals = new Set<string | undefined>();

beforeAll(async () => {
  consumer = await installPacked(["full"]);
  // The example allows a minute, which is too long for a test.
  const file = path.join(consumer.folder, "full/server.js");
  writeFileSync(file, readFileSync(file, "utf8").replace("maxAge: 60", `maxAge: ${maxAgeSeconds}`));
  // The environment overrides the example's own file.
  env = { ...prepare(consumer, password), AMPHO_SECURITY_TOKEN_TTL: String(ttlSeconds) };
  [running, browser] = await Promise.all([start(path.join(consumer.folder, "full"), env, "server.js"), openBrowser()]);
  const context = await browser.newContext();
  context.on("request", (request) => {
    if (request.url().endsWith("/api/security/renew")) renewals.add(request.headers()["idempotency-key"]);
  });
  for (let count = 0; count < 3; count++) {
    const tab = await context.newPage();
    await tab.goto(running.url);
    tabs.push(tab);
  }
}, browserTimeoutMs);
afterAll(async () => {
  await browser?.close();
  await running?.stop();
  consumer?.remove();
});

const tab = (index: number): Page => {
  const found = tabs[index];
  if (found === undefined) throw new Error("no tab");
  return found;
};
const inAll = <T>(look: (page: Page) => Promise<T>) => Promise.all(tabs.map(look));
const notesIn = (page: Page) => page.locator("li").allTextContents();
const asksToLogIn = (page: Page) => page.locator("#login").isVisible();
const greets = (page: Page) => page.locator("main").isVisible();
const expectInAll = <T>(look: (page: Page) => Promise<T>, value: T) =>
  expect.poll(() => inAll(look)).toEqual(tabs.map(() => value));
const expire = () => pause((ttlSeconds + 0.5) * 1000);

async function logIn(page: Page, secret: string): Promise<void> {
  await page.fill("[name=login]", "alice");
  await page.fill("[name=password]", secret);
  await page.click("#login button");
}

it("a wrong password shows a message, and no tab is signed in", async () => {
  await logIn(tab(0), "wrong");
  await expect.poll(() => tab(0).locator("[role=alert]").textContent()).toMatch(/wrong/);
  expect(await inAll(asksToLogIn)).toEqual([true, true, true]);
});

it("a login in one tab logs all tabs in", async () => {
  await logIn(tab(0), password);
  await expectInAll(greets, true);
  expect(await inAll((page) => page.locator("#who").textContent())).toEqual(["alice", "alice", "alice"]);
});

it("an expired token is renewed by one tab for all, and the user does not notice it", async () => {
  await tab(1).fill("[name=text]", "buy <b>milk</b>");
  await tab(1).click("#note button");
  await expect.poll(() => notesIn(tab(1))).toEqual(["buy <b>milk</b>"]);
  await expire();
  renewals.clear();
  await inAll((page) => page.click("#reload"));
  await expectInAll(notesIn, ["buy <b>milk</b>"]);
  expect(renewals.size).toBe(1);
});

it("the page asks for the password before it deletes all notes after an old login", async () => {
  await pause(maxAgeSeconds * 1000);
  await tab(1).click("#clear");
  await expect.poll(() => asksToLogIn(tab(1))).toBe(true);
  expect(await tab(1).locator("[role=alert]").textContent()).toMatch(/more recent login/);
  await logIn(tab(1), password);
  await expect.poll(() => asksToLogIn(tab(1))).toBe(false);
  await tab(1).click("#clear");
  await expect.poll(() => notesIn(tab(1))).toEqual([]);
  expect(await inAll(greets)).toEqual([true, true, true]);
});

it("a logout in one tab logs all tabs out", async () => {
  await expire();
  await tab(2).click("#logout");
  await expectInAll(asksToLogIn, true);
  expect(await inAll(notesIn)).toEqual([[], [], []]);
});

it("all tabs ask for the password after an operator ended the session", async () => {
  await logIn(tab(1), password);
  await expectInAll(greets, true);
  execFileSync(process.execPath, [consumer.ampho, "session-end", "--login", "alice"], { env, cwd: consumer.folder });
  // The script clicks inside the page, because the button can be hidden at any moment.
  const reload = (page: Page) => page.evaluate(() => document.querySelector<HTMLElement>("#reload")?.click());
  const reloadAndLook = async () => {
    await inAll(reload);
    return inAll(asksToLogIn);
  };
  await expect.poll(reloadAndLook, { interval: 500 }).toEqual([true, true, true]);
});

it("the server writes nothing to stderr and stops", async () => {
  const { code, stderr } = await running.stop();
  expect([code, stderr]).toEqual([0, ""]);
});
