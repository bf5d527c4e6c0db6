// A person uses passkeys, recovery codes and passwords on the pages in a real Chromium. Each page must be accessible.
//
// The sample: a page is checked once for each markup, in light and dark colours. A whole run checks it each time that it is seen.
import { readFileSync } from "node:fs";
import { TOTP } from "otpauth";
import { describe, expect, it } from "vitest";
import { openWalker } from "../examples/walker.js";
import { changed, openShop, password, visitor } from "./shop.js";
import { everyPageWasAccessible, useBrowser } from "./walking.js";

const browser = useBrowser();

it("a second click does not lose the recovery codes of a new authenticator app", async () => {
  const shop = await openShop();
  await shop.addUser("mel");
  const person = visitor(shop, browser());
  const walker = await person.open("/account");
  await person.signIn(walker, "mel");
  await walker.press("Set up an authenticator app");
  await walker.sees("Set up an authenticator app");
  const secret = (await walker.page.textContent("main code")) ?? "";
  const app = new TOTP({ secret: secret.replaceAll(" ", "") });
  await walker.type("Code from your authenticator app", app.generate({ timestamp: shop.clock.now() * 1000 }));
  let sent = 0;
  walker.page.on("request", (request) => {
    if (request.method() === "POST") sent += 1;
  });
  await walker.page.getByRole("button", { name: "Continue" }).evaluate(
    (button) =>
      new Promise<void>((resolve) => {
        (button as HTMLButtonElement).click();
        setTimeout(() => {
          (button as HTMLButtonElement).click();
          resolve();
        });
      }),
  );
  await person.recoveryCodes(walker);
  expect(sent).toBe(1);
});

it("the script moves a mailed link from the URL into the form", async () => {
  const shop = await openShop();
  const { open } = visitor(shop, browser());
  const walker = await open("/account/register");
  await walker.type("E-mail address", "max@example.org");
  await walker.press("Continue");
  await walker.sees("Check your mail");
  const other = await openWalker(browser(), (await shop.mail("max@example.org", "register")).link);
  await other.sees("Create an account");
  await other.page.goBack();
  expect(other.page.url()).not.toContain("#");
  await other.leave();
  await walker.leave();
});

describe("the pages with passkeys", () => {
  it("a user adds a passkey, and signs in with it by the button, by autofill and as the second step", async () => {
    const shop = await openShop();
    const { openWithPasskeys, signIn, signOut, recoveryCodes } = visitor(shop, browser());
    await shop.addUser("paul");
    const walker = await openWithPasskeys();
    await signIn(walker, "paul");
    await walker.sees("Your account");
    const name = `<img src="x" onerror="document.title = 'script'">`;
    await walker.type(/^Name/, name);
    await walker.press("Add a passkey");
    await recoveryCodes(walker);
    // The name is a text, and no element.
    expect(await walker.section("Passkeys").locator("strong").textContent()).toBe(name);
    expect(await walker.page.locator("img").count()).toBe(0);
    await walker.type(/^New name of /, "Phone");
    await walker.press("Rename");
    await expect.poll(() => walker.section("Passkeys").locator("strong").allTextContents()).toEqual(["Phone"]);
    await signOut(walker);

    await walker.press("Sign in with a passkey");
    await walker.sees("Your account");
    shop.clock.advance(301);
    await walker.press("Remove Password");
    await walker.sees("Is it you?");
    await walker.press("Sign in with a passkey");
    await walker.reads("status", /^Thank you/);
    await signOut(walker);
    await signIn(walker, "paul");
    await walker.sees("Second step");
    await walker.press("Use a passkey");
    await walker.sees("Your account");

    const [credential] = await walker.authenticator.credentials();
    if (credential === undefined) throw new Error("no passkey");
    const other = await openWalker(browser(), "about:blank");
    const { addAuthenticator } = await import("../client/authenticator.js");
    await (await addAuthenticator(other.page)).add(credential);
    await other.page.goto(`${shop.origin}/account`);
    await other.sees("Your account");
    await other.leave();

    await walker.press("Remove Password");
    await walker.reads("status", "It is removed. Your other devices are signed out.");
    await walker.press("Remove Phone");
    await walker.reads("alert", /Add another way/);
    await walker.leave();
  });

  it("a person registers with a passkey in place of a password", async () => {
    const shop = await openShop();
    const { openWithPasskeys, recoveryCodes } = visitor(shop, browser());
    const email = "kim@example.org";
    const walker = await openWithPasskeys("/account/register");
    await walker.type("E-mail address", email);
    await walker.press("Continue");
    const { code } = await shop.mail(email, "register");
    await walker.type("Code from the mail", changed(code));
    await walker.press("Use a passkey");
    await walker.reads("alert", /not right/);
    await walker.type("Code from the mail", code);
    await walker.press("Use a passkey");
    await recoveryCodes(walker);
    await walker.leave();
  });

  it("an account that needs a second step sets up a passkey at its sign-in", async () => {
    const shop = await openShop({ factors: { "*": "required" } });
    const { openWithPasskeys, signIn, recoveryCodes } = visitor(shop, browser());
    await shop.addUser("quin");
    const walker = await openWithPasskeys();
    await signIn(walker, "quin");
    await walker.sees("Set up a second step");
    await walker.press("Add a passkey");
    await recoveryCodes(walker);
    await walker.leave();
  });
});

it.each([false, true])("recovery codes are downloaded, and with scripts copied and printed: %s", async (scripts) => {
  const shop = await openShop();
  await shop.addUser("rita");
  const { open, signIn } = visitor(shop, browser(), { scripts });
  const walker = await open("/account");
  const { page } = walker;
  await signIn(walker, "rita");
  await walker.press("Set up an authenticator app");
  await walker.sees("Set up an authenticator app");
  const app = new TOTP({ secret: ((await page.textContent("main code")) ?? "").replaceAll(" ", "") });
  await walker.type("Code from your authenticator app", app.generate({ timestamp: shop.clock.now() * 1000 }));
  await walker.press("Continue");
  await walker.sees("Recovery codes");
  const codes = await page.locator("main li code").allTextContents();
  const [download] = await Promise.all([page.waitForEvent("download"), walker.follow("Download")]);
  expect(download.suggestedFilename()).toBe("recovery-codes.txt");
  expect(
    readFileSync(await download.path(), "utf8")
      .trim()
      .split("\n"),
  ).toEqual(codes);
  const buttons = ["Copy", "Print"].map((name) => page.getByRole("button", { name, exact: true }));
  expect(await Promise.all(buttons.map((button) => button.isVisible()))).toEqual([scripts, scripts]);
  if (scripts) {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await walker.press("Copy");
    await walker.reads("status", "Copied.");
    expect((await page.evaluate(() => navigator.clipboard.readText())).trim().split("\n")).toEqual(codes);
    await page.evaluate(() => Object.assign(globalThis, { print: () => (document.title = "printed") }));
    await walker.press("Print");
    expect(await page.title()).toBe("printed");
  }
  // A line of a code is as wide as the page of a phone.
  await page.setViewportSize({ width: 360, height: 740 });
  const lines = page.locator("main li code").evaluateAll((all) => all.map((each) => each.getClientRects().length));
  expect(await lines).toEqual(codes.map(() => 1));
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  await walker.follow("I have stored this safely");
  await walker.sees("Your account");
  // The app that there is can be replaced.
  expect(await page.getByRole("button", { name: "Set up an authenticator app" }).count()).toBe(0);
  await walker.press("Replace Authenticator app");
  await walker.sees("Set up an authenticator app");
  await walker.leave();
});

it("a box shows each password, and the field is one for passwords again when it is sent", async () => {
  const shop = await openShop();
  await shop.addUser("tom");
  const { open } = visitor(shop, browser());
  const walker = await open("/account");
  const field = walker.page.locator("[name=password]");
  await walker.type("Login name or e-mail address", "tom");
  await walker.type("Password", password);
  await walker.page.getByLabel("Show password").check();
  expect([await field.getAttribute("type"), await field.inputValue()]).toEqual(["text", password]);
  await walker.page.evaluate(() =>
    document.addEventListener("submit", () => sessionStorage.setItem("sent", document.forms[0]?.password.type)),
  );
  await walker.press("Sign in");
  await walker.sees("Your account");
  expect(await walker.page.evaluate(() => sessionStorage.getItem("sent"))).toBe("password");
  expect(await walker.page.locator("input[type=password]").count()).toBe(
    await walker.page.locator("[data-show]").count(),
  );
  await walker.leave();
});

everyPageWasAccessible(20);
