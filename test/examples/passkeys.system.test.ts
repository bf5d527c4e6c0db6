// Uses examples/passkeys from the packed tarball as its README describes, in a real Chromium with a virtual authenticator.
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { spawnSync } from "../../scripts/child-process.mjs";
import { type Authenticator, addAuthenticator } from "../client/authenticator.js";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { freePort } from "../world/free-port.js";
import { expectNoFrames } from "./exercise.js";
import { type Consumer, installPacked } from "./packed.js";
import { prepare, type Running, start } from "./running.js";

const password = "violet kettle harbour morning";

let browser: Browser;
let consumer: Consumer;
let running: Running;
let tab: Page;
let authenticator: Authenticator;

beforeAll(async () => {
  consumer = await installPacked(["passkeys"]);
  const port = String(await freePort());
  const env = { ...prepare(consumer, password), PORT: port, AMPHO_APP_URL: `http://localhost:${port}/` };
  const folder = path.join(consumer.folder, "passkeys");
  [running, browser] = await Promise.all([start(folder, env, "server.js"), openBrowser()]);
  tab = await browser.newPage();
  // Autofill would log the user in before the test clicks, because a virtual authenticator does not wait.
  await tab.addInitScript(() => {
    Object.defineProperty(PublicKeyCredential, "isConditionalMediationAvailable", { value: undefined });
  });
  await tab.goto(running.url);
}, browserTimeoutMs);
afterAll(async () => {
  await browser?.close();
  await running?.stop();
  consumer?.remove();
});

it("no other page shows a page in a frame", async () => {
  for (const path of ["/", "/account.html"]) expectNoFrames(await fetch(running.url + path));
});

async function typeLogin(): Promise<void> {
  await tab.fill("[name=login]", "alice");
  await tab.fill("[name=password]", password);
  await tab.click("[type=submit]");
}

const opensAccount = () => tab.waitForURL("**/account.html");

async function logOut(): Promise<void> {
  await tab.click("#logout");
  await tab.waitForSelector("#passkey");
  await tab.waitForLoadState("load");
}

it("the types in the comments of the example are right", () => {
  const tsc = path.join(consumer.folder, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc], {
    cwd: path.join(consumer.folder, "passkeys"),
    encoding: "utf8",
  });
  expect([status, stdout]).toEqual([0, ""]);
});

it("a user of the example adds a passkey, and uses it by the button, after the password and for a route that requires it", async () => {
  await typeLogin();
  await opensAccount();
  authenticator = await addAuthenticator(tab);
  await tab.fill("[name=name]", "Laptop");
  await tab.click("[type=submit]");
  await expect.poll(() => tab.locator("li").allTextContents()).toEqual(["Laptop RenameRemove"]);
  expect((await tab.textContent("code"))?.split(" ")).toHaveLength(8);

  // The password alone is too weak for this route, so the page asks for the passkey.
  await tab.click("#secret");
  await expect.poll(() => tab.textContent("output")).toBe("Only alice and a passkey open this.");

  await logOut();
  await tab.click("#passkey");
  await opensAccount();

  await logOut();
  await typeLogin();
  await opensAccount();
  await expect.poll(() => tab.locator("li").count()).toBe(1);
});

it("a virtual authenticator responds to the example's autofill at once, and the user removes the passkey", async () => {
  const [credential] = await authenticator.credentials();
  if (credential === undefined) throw new Error("no passkey");
  const other = await tab.context().browser()?.newPage();
  if (other === undefined) throw new Error("no browser");
  const second = await addAuthenticator(other);
  await second.add(credential);
  await other.goto(running.url);
  await other.waitForURL("**/account.html");
  await expect.poll(() => other.locator("li").count()).toBe(1);
  await other.click("text=Remove");
  await expect.poll(() => other.locator("li").count()).toBe(0);
  await expect.poll(() => second.credentials()).toEqual([]);
});

it("the server of the example writes nothing to stderr and stops", async () => {
  const { code, stderr } = await running.stop();
  expect([code, stderr]).toEqual([0, ""]);
});
