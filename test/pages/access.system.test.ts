// The page of everything that can still sign in or act, in a real Chromium, after what a thief has added 8 days ago.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { found, type Walker } from "../examples/walker.js";
import { changed, nextPassword, openShop, password, type Shop, visitor } from "./shop.js";

const title = "Everything that can still sign in or act";
const email = "ann@example.org";
const day = 86_400;

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
}, browserTimeoutMs);
afterAll(() => browser?.close());

const openKeyShop = () => openShop({ apiKeys: 5, scopes: { "*": ["articles:read"] } });

/** A thief of the password has a session, and a program has two API keys, of 8 days ago. */
async function rob(shop: Shop, { open, register, signIn, signOut }: ReturnType<typeof visitor>) {
  const walker = await open("/account");
  await register(walker, email);
  await signOut(walker);
  const thief = await open("/account");
  await signIn(thief, email);
  await thief.sees("Your account");
  const { id } = (await shop.ampho.users.find(email)) ?? { id: "" };
  const create = (name: string) => shop.ampho.apiKeys.create(id, { name, scopes: ["articles:read"] });
  const keys = [(await create("Backup")).key, (await create("Sync")).key];
  shop.clock.advance(8 * day);
  return { walker, thief, keys };
}

const isGood = (shop: Shop, key = "") =>
  shop.ampho.verify(key, ["api_key"]).then(
    () => true,
    () => false,
  );

/** The owner resets the password by mail, and signs in with it. */
async function reset(shop: Shop, walker: Walker, { signIn }: ReturnType<typeof visitor>) {
  await walker.page.goto(`${shop.origin}/account/forgot`);
  await walker.type("Login name or e-mail address", email);
  await walker.press("Continue");
  await walker.type("Code from the mail", (await shop.mail(email, "reset")).code);
  await walker.type(/^New password/, nextPassword);
  await walker.press("Set a new password");
  await walker.sees("Sign in");
  await signIn(walker, email, nextPassword);
}

const rowsOf = (walker: Walker) => walker.page.locator("main li").allTextContents();

describe.each([{ scripts: false }, { scripts: true }])("scripts: $scripts", ({ scripts }) => {
  it("after a reset, the sign-in leads to the page, where one key ends, and then all of the rest by one code", async () => {
    const shop = await openKeyShop();
    const person = visitor(shop, browser, { scripts });
    const { walker, thief, keys } = await rob(shop, person);
    await reset(shop, walker, person);
    await walker.sees(title);
    const rows = await rowsOf(walker);
    expect(rows).toHaveLength(6);
    expect(rows[0]).toMatch(/this device/);
    expect(rows[1]).toMatch(/API key: .*Added .*by this site/s);
    expect(rows.join("\n")).toMatch(/E-mail address: ann@example\.org ?confirmed/);

    await walker.press("Remove API key: Backup");
    await walker.reads("status", "The key has ended. No program can use it any more.");
    await walker.sees(title);
    expect(await Promise.all(keys.map((key) => isGood(shop, key)))).toEqual([false, true]);

    await thief.page.goto(`${shop.origin}/account`);
    await thief.sees("Sign in");
    await walker.press("End all of these");
    await walker.sees("Check your mail");
    const { code } = await shop.mail(email, "confirm");
    await walker.type("Code from the mail", changed(code));
    await walker.press("Continue");
    await walker.reads("alert", /not right/);
    await walker.type("Code from the mail", code);
    await walker.press("Continue");
    await walker.reads("status", "All of it has ended. Only this device is signed in.");
    await walker.sees(title);
    expect(await isGood(shop, keys[1])).toBe(false);
    expect(await rowsOf(walker)).toHaveLength(4);
    // The code is good for all removals of the next minutes.
    await walker.press("End all of these");
    await walker.reads("status", "All of it has ended. Only this device is signed in.");
    await walker.follow("Continue");
    await walker.sees("Your account");
    await walker.leave();
    await thief.leave();
  });

  it("the account leads to the page, and a user whose login is too old proves it and comes back", async () => {
    const shop = await openShop();
    const { open, signIn } = visitor(shop, browser, { scripts });
    await shop.addUser("bob");
    const walker = await open("/account");
    await signIn(walker, "bob");
    await walker.sees("Your account");
    shop.clock.advance(301);
    await walker.follow(title);
    await walker.sees(title);
    await walker.press("End all of these");
    await walker.sees("Is it you?");
    await walker.type("Password", password);
    await walker.press("Sign in");
    await walker.reads("status", /^Thank you/);
    await walker.sees(title);
    await walker.press("End all of these");
    await walker.reads("status", "All of it has ended. Only this device is signed in.");
    await walker.leave();
  });
});

it("a passkey that a thief has added ends, and the one of this sign-in stays", async () => {
  const shop = await openShop();
  const { open, openWithPasskeys, register, signOut, recoveryCodes } = visitor(shop, browser);
  const owner = await openWithPasskeys();
  await register(owner, email);
  const add = async (walker: Walker, name: string) => {
    await walker.type(/^Name/, name);
    await walker.press("Add a passkey");
  };
  await add(owner, "Phone");
  await recoveryCodes(owner);
  await signOut(owner);
  await owner.press("Sign in with a passkey");
  await owner.sees("Your account");
  const { id } = (await shop.ampho.users.find(email)) ?? { id: "" };
  await shop.ampho.sessions.create(id);
  await owner.page.goto(`${shop.origin}/account/access`);
  await owner.sees(title);
  const rows = await rowsOf(owner);
  expect(rows.find((row) => row.includes("Passkey: Phone"))).toMatch(/stays.*confirmed/);
  expect(rows.filter((row) => row.includes("by this site"))).toHaveLength(1);
  await owner.press("End all of these");
  await owner.reads("status", "All of it has ended. Only this device is signed in.");
  const left = await rowsOf(owner);
  expect(left.map((row) => row.split(" ")[0])).not.toContain("Recovery");
  expect(left.find((row) => row.includes("Passkey: Phone"))).toBeDefined();
  // A browser without a session does not see the page.
  const other = await open("/account/access");
  await other.sees("Sign in");
  await other.leave();
  await owner.leave();
});

it("every page was accessible, and no script was blocked or failed", () => {
  expect(found).toEqual({ violations: [], policy: [], errors: [] });
});
