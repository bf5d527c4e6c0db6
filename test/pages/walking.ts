// A person walks through every page in a real Chromium, without scripts or with them. Each page must be accessible.
import { readFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { checked, found, tabTo } from "../examples/walker.js";
import { type OpenIdProvider, startOpenIdProvider } from "../world/open-id-provider.js";
import { changed, loginOf, nextPassword, openShop, password, visitor } from "./shop.js";

let browser: Browser;

/** Starts the browser of a file, and closes it. */
export function useBrowser(): () => Browser {
  beforeAll(async () => {
    browser = await openBrowser();
  }, browserTimeoutMs);
  afterAll(() => browser?.close());
  return () => browser;
}

/** The last test of each file that walks. `least`: as many pages were different. */
export function everyPageWasAccessible(least: number): void {
  it("every page was accessible, and no script was blocked or failed", () => {
    expect(found).toEqual({ violations: [], policy: [], errors: [] });
    expect(checked.size).toBeGreaterThanOrEqual(least);
  });
}

async function openAcme() {
  const client = { clientId: "shop", clientSecret: "a secret of this test alone" };
  const providers: OpenIdProvider[] = [];
  const shop = await openShop(async (origin) => {
    const redirectUris = [`${origin}/api/security/login/outside/acme/callback`];
    const provider = await startOpenIdProvider({ ...client, redirectUris });
    providers.push(provider);
    const { issuer } = provider;
    const acme = { issuer, client_id: client.clientId, client_secret: client.clientSecret, label: "Acme" };
    return { providers: { acme } };
  });
  const [provider] = providers;
  if (provider === undefined) throw new Error("the options were not asked for");
  return { provider, shop };
}

export function walkThroughPages(scripts: boolean): void {
  describe(`the pages, scripts: ${scripts}`, () => {
    it("a user signs in with the keyboard alone, and signs out", async () => {
      const shop = await openShop();
      const { open } = visitor(shop, browser, { scripts });
      await shop.addUser("alice");
      const walker = await open("/account");
      const { page } = walker;
      await walker.sees("Sign in");
      expect(await page.evaluate(() => document.activeElement?.getAttribute("name"))).toBe("login");
      await page.keyboard.type("alice");
      await tabTo(page, "[name=password]");
      await page.keyboard.type(`${password}x`);
      await page.keyboard.press("Enter");
      await walker.reads("alert", "The name, the address or the password is wrong. Check them, and try again.");
      await walker.sees("Sign in");
      // The login is known, so the password has the focus, and a screen reader reads what was wrong.
      const focused = () => page.evaluate(() => document.activeElement?.outerHTML);
      expect(await focused()).toMatch(/name="password".*aria-describedby="alert"/);
      await page.keyboard.type(password);
      await page.keyboard.press("Enter");
      await walker.sees("Your account");
      expect(await loginOf(walker)).toBe("alice");
      await tabTo(page, "[action$=sign-out] button");
      await page.keyboard.press("Enter");
      await walker.sees("Sign in");
      await walker.leave();
    });

    it("a person registers, signs in by a mailed code, and by its link in another browser", async () => {
      const shop = await openShop();
      const { open, openLink, signOut } = visitor(shop, browser, { scripts });
      const email = "ann@example.org";
      const walker = await open("/account");
      await walker.follow("Create an account");
      await walker.type("E-mail address", email);
      await walker.press("Continue");
      await walker.sees("Check your mail");
      const { code } = await shop.mail(email, "register");
      await walker.type("Code from the mail", code);
      await walker.type(/^Password/, "short");
      await walker.press("Create an account");
      await walker.reads("alert", /at least 15 characters/);
      await walker.sees("Check your mail");
      await walker.type(/^Password/, password);
      await walker.press("Create an account");
      await walker.sees("Your account");
      await signOut(walker);

      shop.clock.advance(61);
      await walker.type("Login name or e-mail address", email);
      await walker.press("Mail me a code");
      await walker.sees("Check your mail");
      const mail = await shop.mail(email, "login");
      const match = (await walker.page.textContent(".match")) ?? "";
      await walker.type("Code from the mail", changed(mail.code));
      await walker.press("Sign in");
      await walker.reads("alert", /not right/);

      const other = await openLink(mail.link);
      await other.sees("Sign in");
      await other.type(/^Number on the page/, changed(match));
      await other.press("Sign in");
      await other.reads("alert", /not right/);
      await other.type(/^Number on the page/, match);
      await other.press("Sign in");
      await other.sees("Your account");
      expect(await loginOf(other)).toBe(email);
      await other.leave();
      // The code belongs to the same mail.
      await walker.type("Code from the mail", mail.code);
      await walker.press("Sign in");
      await walker.reads("alert", /Start again/);
      await walker.sees("Sign in");
      await walker.leave();
    });

    it("a person registers by the link in another browser", async () => {
      const shop = await openShop();
      const { open, openLink } = visitor(shop, browser, { scripts });
      const walker = await open("/account/register");
      await walker.type("E-mail address", "bob@example.org");
      await walker.press("Continue");
      const match = (await walker.page.textContent(".match")) ?? "";
      const other = await openLink((await shop.mail("bob@example.org", "register")).link);
      await other.sees("Create an account");
      await other.type(/^Number on the page/, match);
      await other.type(/^New password/, password);
      await other.press("Create an account");
      await other.sees("Your account");
      await other.leave();
      await walker.leave();
    });

    it("a user changes the login name, and the alarm link of the notice signs out all devices", async () => {
      const shop = await openShop();
      const { open, openLink, register } = visitor(shop, browser, { scripts });
      const walker = await open("/account");
      await register(walker, "dan@example.org");
      await walker.type("E-mail address", "dan@new.example");
      await walker.press("Mail me a code");
      await walker.sees("Check your mail");
      await walker.type("Code from the mail", (await shop.mail("dan@new.example", "email")).code);
      await walker.press("Change the address");
      await walker.reads("status", "Your change is saved.");
      // The address was the login, so it still is.
      expect(await loginOf(walker)).toBe("dan@new.example");
      await walker.type("Login name or e-mail address", "danny");
      await walker.press("Change the login name");
      await walker.sees("Sign in");
      const { link } = await shop.mail("dan@new.example", "login_changed");
      const other = await openLink(link);
      await other.sees("This was not me");
      // Without the box, the button does nothing.
      await other.press("Sign out everywhere");
      await other.sees("This was not me");
      await other.page.getByLabel(/I did not do this: new login name, /).check();
      await other.press("Sign out everywhere");
      await other.sees("Sign in");
      await other.reads("status", "All devices are signed out. We have mailed you a link for a new password.");
      const reset = await openLink((await shop.mail("dan@new.example", "alarm_reset")).link);
      await reset.type(/^New password/, "another velvet quartz");
      await reset.press("Set a new password");
      await reset.sees("Sign in");
      await reset.leave();
      await walker.page.reload();
      await walker.sees("Sign in");
      await other.leave();
      await walker.leave();
    });

    it("a user who signed in with the password enters a mailed code where the change is made", async () => {
      const shop = await openShop();
      const { open, register, setUpApp, signIn, signOut } = visitor(shop, browser, { scripts });
      const email = "zoe@example.org";
      await shop.addUser("alice");
      const walker = await open("/account");
      await register(walker, email);
      await signOut(walker);
      await signIn(walker, email);
      await walker.sees("Your account");
      const enter = async (of: (code: string) => string = String) => {
        await walker.sees("Check your mail");
        const { code } = await shop.mail(email, "confirm");
        await walker.type("Code from the mail", of(code));
        await walker.press("Continue");
        return code;
      };
      // The name that the user has typed goes with the code, and is decided after it.
      await walker.type("Login name or e-mail address", "alice");
      await walker.press("Change the login name");
      await enter();
      await walker.reads("alert", /Another account has this name/);
      await walker.sees("Your account");
      expect(await loginOf(walker)).toBe(email);

      await walker.press("Set up an authenticator app");
      const code = await enter(changed);
      await walker.reads("alert", /not right/);
      await walker.sees("Check your mail");
      await walker.type("Code from the mail", code);
      await walker.press("Continue");
      await setUpApp(walker);

      await walker.press("Remove Authenticator app");
      await walker.sees("Check your mail");
      await shop.mail(email, "confirm");
      await walker.follow("Cancel");
      await walker.sees("Your account");
      expect(await walker.page.getByRole("button", { name: "Remove Authenticator app" }).count()).toBe(1);
      await walker.press("Delete the account");
      await enter();
      await walker.reads("status", "Your account is deleted.");
      await walker.leave();
    });

    it("a user sets up the app, signs in with it and with a recovery code, and resets the password with it", async () => {
      const shop = await openShop();
      const { open, register, setUpApp, signIn, signOut, recoveryCodes } = visitor(shop, browser, { scripts });
      const email = "eve@example.org";
      const walker = await open("/account");
      await register(walker, email);
      await walker.press("Set up an authenticator app");
      const { next, codes } = await setUpApp(walker);
      await signOut(walker);

      await signIn(walker, email);
      await walker.sees("Second step");
      await walker.type("Code from your authenticator app", "000000");
      await walker.press("Continue");
      await walker.reads("alert", /not right/);
      await walker.sees("Second step");
      await walker.page.getByLabel("Do not ask for the second step").check();
      await walker.type("Code from your authenticator app", next());
      await walker.press("Continue");
      await walker.sees("Your account");
      await signOut(walker);
      await signIn(walker, email);
      await walker.sees("Your account");

      // The remembered device has skipped the second step, which this change requires.
      await walker.press("Get new recovery codes");
      await walker.sees("Second step");
      await walker.type("Recovery code", codes[0] ?? "");
      await walker.page.locator("details").getByRole("button", { name: "Continue" }).click();
      await walker.sees("Your account");
      await walker.press("Get new recovery codes");
      await walker.sees("Check your mail");
      await walker.type("Code from the mail", (await shop.mail(email, "confirm")).code);
      await walker.press("Continue");
      expect(await recoveryCodes(walker)).not.toContain(codes[1]);
      await signOut(walker);

      shop.clock.advance(61);
      await walker.follow("Forgotten password");
      await walker.sees("Forgotten password");
      await walker.type("Login name or e-mail address", email);
      await walker.press("Continue");
      await walker.sees("Set a new password");
      const mail = await shop.mail(email, "reset");
      await walker.type("Code from the mail", mail.code);
      await walker.type(/^New password/, nextPassword);
      await walker.press("Set a new password");
      await expect.poll(() => walker.page.locator("[name=totp]").count()).toBe(1);
      await walker.sees("Set a new password");
      await walker.type(/^New password/, nextPassword);
      await walker.type("Code from your authenticator app", "000000");
      await walker.press("Set a new password");
      await walker.reads("alert", /not right/);
      await walker.type(/^New password/, nextPassword);
      await walker.type("Code from your authenticator app", next());
      await walker.press("Set a new password");
      await walker.sees("Sign in");
      await walker.reads("status", "Your password is set. Sign in with it.");
      await signIn(walker, email, nextPassword);
      await walker.sees("Second step");
      await walker.leave();
    });

    it("a user without a second step resets the password by the mailed link", async () => {
      const shop = await openShop();
      const { open, openLink, register, signIn, signOut } = visitor(shop, browser, { scripts });
      const walker = await open("/account");
      await register(walker, "flo@example.org");
      await signOut(walker);
      shop.clock.advance(61);
      await walker.follow("Forgotten password");
      await walker.type("Login name or e-mail address", "flo@example.org");
      await walker.press("Continue");
      const match = (await walker.page.textContent(".match")) ?? "";
      const other = await openLink((await shop.mail("flo@example.org", "reset")).link);
      await other.sees("Set a new password");
      await other.type(/^Number on the page/, match);
      await other.type(/^New password/, nextPassword);
      await other.press("Set a new password");
      await other.reads("status", "Your password is set. Sign in with it.");
      await signIn(other, "flo@example.org", nextPassword);
      await other.sees("Everything that can still sign in or act");
      await other.follow("Continue");
      await other.sees("Your account");
      await other.leave();
      await walker.leave();
    });

    it("an account whose role requires a second step sets one up at its next sign-in", async () => {
      const shop = await openShop({ factors: { "*": "optional", admin: "required" } });
      const { open, setUpApp, signIn } = visitor(shop, browser, { scripts });
      await shop.addUser("carol", ["admin"]);
      const walker = await open("/account/sign-in?to=/cart");
      await signIn(walker, "carol");
      await walker.sees("Set up a second step");
      await walker.press("Set up an authenticator app");
      await walker.sees("Set up an authenticator app");
      // After the codes, the browser returns to the page from which it came.
      await setUpApp(walker, "Shop carol");
      await walker.page.goto(`${shop.origin}/account`);
      await walker.press("Remove Authenticator app");
      await walker.reads("alert", /Add another way/);
      await walker.leave();
    });

    it("an account with a proven address also needs the mailed code to set up its first factor", async () => {
      const shop = await openShop({ factors: { "*": "optional", admin: "required" } });
      const { open, register, signIn, signOut } = visitor(shop, browser, { scripts });
      const email = "fay@example.org";
      const walker = await open("/account");
      await register(walker, email);
      await signOut(walker);
      await shop.ampho.users.setRoles(email, ["admin"]);
      shop.clock.advance(61);
      await signIn(walker, email);
      await walker.sees("Set up a second step");
      const { code } = await shop.mail(email, "enroll");
      await walker.type("Code from the mail", changed(code));
      await walker.press("Set up an authenticator app");
      await walker.reads("alert", /not right/);
      await walker.type("Code from the mail", code);
      await walker.press("Set up an authenticator app");
      await walker.sees("Set up an authenticator app");
      await walker.leave();
    });

    it("a new person signs in at the provider, and a user links and unlinks an identity", async () => {
      const { shop, provider } = await openAcme();
      const { open, setUpApp, signIn, signOut } = visitor(shop, browser, { scripts });
      provider.user = { sub: "user-1", claims: { email: "gus@example.org", email_verified: true } };
      const walker = await open("/cart");
      await walker.press("Sign in with Acme");
      await walker.sees("Link your account");
      await walker.type("Code from the mail", (await shop.mail("gus@example.org", "identity")).code);
      await walker.press("Continue");
      await walker.sees("Shop gus@example.org");
      await walker.page.goto(`${shop.origin}/account`);
      await signOut(walker);
      await walker.press("Sign in with Acme");
      await walker.sees("Your account");
      await walker.leave();

      provider.user = { sub: "user-2", claims: {} };
      await shop.addUser("hal");
      const other = await open("/account");
      await signIn(other, "hal");
      await other.sees("Your account");
      await other.press("Link Acme");
      await other.reads("status", "Your change is saved.");
      await other.sees("Your account");
      await other.press("Set up an authenticator app");
      const { next } = await setUpApp(other);
      await signOut(other);
      await other.press("Sign in with Acme");
      await other.sees("Second step");
      // A GET changes nothing, so the server asks for the factors only when the user goes on.
      await other.press("Continue");
      await other.type("Code from your authenticator app", next());
      await other.press("Continue");
      await other.sees("Your account");
      shop.clock.advance(301);
      await other.press("Remove Acme");
      await other.sees("Is it you?");
      await other.type("Password", password);
      await other.press("Sign in");
      await other.sees("Second step");
      await other.type("Code from your authenticator app", next());
      await other.press("Continue");
      await other.reads("status", /^Thank you/);
      await other.press("Remove Acme");
      await other.reads("status", "It is removed. Your other devices are signed out.");

      // Another account has the identity. The provider has forgotten who was there.
      await other.page.context().clearCookies({ domain: "127.0.0.1" });
      provider.user = { sub: "user-1", claims: {} };
      await other.press("Link Acme");
      await other.reads("alert", /Another account here is linked/);
      await other.sees("Your account");
      await other.leave();
    });

    it("a user follows an invitation", async () => {
      const shop = await openShop({ registration: "invite" });
      const { open, openLink } = visitor(shop, browser, { scripts });
      await shop.ampho.users.invite({ email: "ida@example.org" });
      const first = await open("/account/sign-in");
      expect(await first.page.getByRole("link", { name: "Create an account" }).count()).toBe(0);
      await first.leave();
      const walker = await openLink((await shop.mail("ida@example.org", "invite")).link);
      await walker.sees("Create an account");
      await walker.type("E-mail address", "ida@example.org");
      await walker.press("Continue");
      await walker.sees("Check your mail");
      await walker.type("Code from the mail", (await shop.mail("ida@example.org", "register")).code);
      await walker.type(/^Password/, password);
      await walker.press("Create an account");
      await walker.sees("Your account");
      await walker.leave();
    });

    it("a user changes the login and the password, ends sessions, exports and deletes the account", async () => {
      const shop = await openShop();
      const { open, signIn } = visitor(shop, browser, { scripts });
      await shop.addUser("alice");
      await shop.addUser("jan");
      const [walker, other] = [await open("/account"), await open("/account")];
      for (const one of [walker, other]) {
        await signIn(one, "jan");
        await one.sees("Your account");
      }
      await walker.page.reload();
      await walker.section("Where you are signed in").getByRole("button", { name: "Sign out Unknown browser" }).click();
      await walker.reads("status", "That device is signed out.");
      await other.press("Sign out everywhere");
      await other.sees("Sign in");
      await other.reads("status", "You are signed out. Sign in again to go on.");
      await other.leave();

      await walker.type("Present password", password);
      await walker.type(/^New password/, nextPassword);
      await walker.press("Set a new password");
      await walker.reads("status", "Your password has changed. Your other devices are signed out.");
      await walker.sees("Your account");
      await walker.type("Login name or e-mail address", "alice");
      await walker.press("Change the login name");
      await walker.reads("alert", /Another account has this name/);
      await walker.sees("Your account");
      await walker.type("Login name or e-mail address", "janet");
      await walker.press("Change the login name");
      await walker.sees("Sign in");
      await walker.reads("status", "Your login name has changed. Sign in with it.");
      await signIn(walker, "janet", nextPassword);
      await walker.sees("Your account");

      const download = walker.page.waitForEvent("download");
      await walker.press("Download my data");
      const exported = JSON.parse(readFileSync(await (await download).path(), "utf8"));
      expect(exported.account.login).toBe("janet");
      await walker.press("Delete the account");
      await walker.sees("Sign in");
      await walker.reads("status", "Your account is deleted.");
      await signIn(walker, "janet", nextPassword);
      await walker.reads("alert", /is wrong/);
      await walker.leave();
    });

    it("a page of the application sends the browser to sign in or to prove more, and gets it back", async () => {
      const shop = await openShop();
      const { open, setUpApp, signIn } = visitor(shop, browser, { scripts });
      await shop.addUser("max");
      const walker = await open("/cart?a=1&b=%2F");
      await signIn(walker, "max");
      await walker.sees("Shop max");
      expect(walker.page.url()).toBe(`${shop.origin}/cart?a=1&b=%2F`);
      shop.clock.advance(301);
      await walker.page.goto(`${shop.origin}/pay`);
      await walker.sees("Is it you?");
      await walker.type("Password", password);
      await walker.press("Sign in");
      await walker.sees("Shop max");
      expect(walker.page.url()).toBe(`${shop.origin}/pay`);
      // Without a second step there is nothing to prove yet.
      await walker.page.goto(`${shop.origin}/vault`);
      await walker.sees("Second step");
      await walker.press("Continue");
      await expect.poll(() => walker.page.textContent("main")).toMatch(/You have no second step yet/);
      await walker.page.locator(".links a").click();
      await walker.press("Set up an authenticator app");
      // The set-up proves the second step.
      await setUpApp(walker, "Shop max");
      expect(walker.page.url()).toBe(`${shop.origin}/vault`);
      // A role is no matter of the sign-in.
      expect((await walker.page.goto(`${shop.origin}/admin`))?.status()).toBe(403);
      // The session outlives its access token.
      const context = walker.page.context();
      const cookies = (await context.cookies()).filter(({ name }) => name !== "__Host-ampho-token");
      await context.clearCookies();
      await context.addCookies(cookies);
      await walker.page.goto(`${shop.origin}/cart`);
      await walker.sees("Shop max");
      await walker.leave();
    });

    it("a user creates, replaces and removes an API key, which is shown once", async () => {
      const shop = await openShop({
        apiKeys: 2,
        scopes: { editor: ["articles:read", "articles:write"], other: ["bills:read"] },
      });
      const { open, signIn } = visitor(shop, browser, { scripts });
      await shop.addUser("ola", ["editor"]);
      const walker = await open("/account");
      const { page } = walker;
      await signIn(walker, "ola");
      await walker.sees("Your account");
      const keys = walker.section("API keys");
      expect(await keys.getByRole("checkbox").count()).toBe(2);
      const credentials = ["api_key"] as const;
      const shown = async () => {
        await expect.poll(() => page.locator("h1").textContent()).toBe("Your new API key: Backup");
        await walker.sees("Your new API key: Backup");
        const key = (await page.textContent("main code")) ?? "";
        await page.locator("main code").click();
        expect(await page.evaluate(() => String(getSelection()))).toBe(key);
        await walker.follow("I have stored this safely");
        await walker.sees("Your account");
        expect(await page.content()).not.toContain(key.slice(14));
        return key;
      };
      const create = async () => {
        await walker.type("Days until the key ends", "30");
        await keys.getByLabel("Name", { exact: true }).fill("Backup");
        await keys.getByLabel("articles:read").check();
        await keys.getByRole("button", { name: "Create an API key" }).click();
      };
      // A confirmation first, because another person could have found the browser.
      shop.clock.advance(301);
      await create();
      await walker.sees("Is it you?");
      expect(await shop.ampho.apiKeys.list((await shop.ampho.users.find("ola"))?.id ?? "")).toEqual([]);
      await walker.type("Password", password);
      await walker.press("Sign in");
      await walker.reads("status", /^Thank you/);
      // Without a scope there is nothing to create.
      await walker.type("Days until the key ends", "30");
      await keys.getByLabel("Name", { exact: true }).fill("Backup");
      await keys.getByRole("button", { name: "Create an API key" }).click();
      await walker.reads("alert", /at least one/);
      await create();
      const first = await shown();
      const { scopes, expires } = await shop.ampho.verify(first, credentials);
      expect([scopes, Math.round((expires - shop.clock.now()) / 86_400)]).toEqual([["articles:read"], 30]);
      expect(await keys.locator("li").textContent()).toMatch(/Backup …_\w{4}….*articles:read.*Ends/s);

      await walker.type("Days for which the old key of Backup still works", "0");
      await keys.getByRole("button", { name: "Replace" }).click();
      const second = await shown();
      await expect(shop.ampho.verify(first, credentials)).rejects.toMatchObject({ code: "invalid_token" });
      expect((await shop.ampho.verify(second, credentials)).login).toBe("ola");
      await create();
      const third = await shown();
      await expect.poll(() => keys.textContent()).toContain("You have as many keys as you can have");

      await keys.getByRole("button", { name: "Remove Backup" }).first().click();
      await walker.reads("status", "The key has ended. No program can use it any more.");
      await expect(shop.ampho.verify(second, credentials)).rejects.toMatchObject({ code: "invalid_token" });
      expect((await shop.ampho.verify(third, credentials)).login).toBe("ola");
      // A key that has expired can only be removed.
      shop.clock.advance(30 * 86_400 + 1);
      await page.goto(`${shop.origin}/account`);
      await signIn(walker, "ola");
      await walker.sees("Your account");
      expect(await keys.locator("li").textContent()).toContain("Ended");
      expect(await keys.getByRole("button", { name: "Replace" }).count()).toBe(0);
      await walker.leave();
    });

    it("after the sign-out, the back button shows nothing of the account", async () => {
      const shop = await openShop();
      const { open, signIn, signOut } = visitor(shop, browser, { scripts });
      await shop.addUser("nia");
      const walker = await open("/account");
      await signIn(walker, "nia");
      await walker.sees("Your account");
      await signOut(walker);
      await walker.page.goBack();
      await walker.sees("Sign in");
      expect(await walker.page.content()).not.toContain("nia");
      await walker.leave();
    });
  });
}
