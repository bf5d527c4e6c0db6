// A page of an application with passkeys, in a real Chromium with a virtual authenticator.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import type { createClient, FullClient } from "../../dist/client/full.js";
import type { AmphoOptions } from "../../dist/index.js";
import { settableClock } from "../world/clock.js";
import { addAuthenticator } from "./authenticator.js";
import { browserTimeoutMs, openBrowser } from "./browser.js";
import { bundleClient } from "./bundle.js";
import { ann, openWorld } from "./world.js";

declare global {
  // The page sets all.
  var ways: FullClient;
  var openClient: typeof createClient;
  /** Returns the code or the name of the error. */
  var outcome: (work: Promise<unknown>) => Promise<string>;
}

export const page = (cookies: boolean) => `<!doctype html><title>Shop</title>
<form><input name="login" autocomplete="username webauthn"></form>
<script type="module">
  import { createClient } from "/ways.js";
  const ways = createClient({ baseUrl: "/", cookies: ${cookies} });
  const outcome = (work) => work.then((value) => (value ? "resolved" : "nothing"), (error) => error.code?.length ? error.code : error.name);
  Object.assign(globalThis, { ways, outcome, openClient: createClient });
</script>`;

let browser: Browser;
let script: string;

/** Each file calls this once. */
export function useBrowser(): void {
  beforeAll(async () => {
    [browser, { text: script }] = await Promise.all([openBrowser(), bundleClient("full")]);
  }, browserTimeoutMs);
  afterAll(() => browser?.close());
}

export async function openShop(
  cookies = false,
  options: AmphoOptions = {},
  files: Readonly<Record<string, string>> = {},
) {
  const clock = settableClock();
  const served: Readonly<Record<string, string>> = { "/": page(cookies), "/ways.js": script, ...files };
  const world = await openWorld(
    (appUrl) => ({ clock, cookies, appUrl, ...options }),
    (path) => served[path],
  );
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const openTab = async () => {
    const tab = await context.newPage();
    await tab.goto(world.appUrl);
    await tab.waitForFunction(() => "ways" in globalThis);
    return tab;
  };
  return { clock, world, context, tab: await openTab(), openTab };
}

export const logIn = (tab: Page) => tab.evaluate(({ login, password }) => outcome(ways.login(login, password)), ann);
export const logOut = (tab: Page) => tab.evaluate(() => ways.logout());
export const levelOf = (tab: Page) =>
  tab.evaluate(async () => {
    const session = await ways.session();
    return session && [session.login, session.acr, session.amr.join()];
  });
export const byPasskey = (tab: Page) => tab.evaluate(() => outcome(ways.loginWithPasskey()));

/** Ann adds a passkey after a login by password, and logs out. */
export async function openEnrolled(cookies = false, options?: object, ampho?: AmphoOptions) {
  const shop = await openShop(cookies, ampho);
  const authenticator = await addAuthenticator(shop.tab, options);
  expect(await logIn(shop.tab)).toBe("resolved");
  const added = await shop.tab.evaluate(() => ways.passkeys.add({ name: "Phone" }));
  await logOut(shop.tab);
  return { ...shop, authenticator, added };
}
