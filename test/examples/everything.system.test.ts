// Walks through examples/everything from the packed tarball, as an application in the browser, and looks at the page that replaces one
// of Ampho's. Mails go through a real SMTP server, and the provider is a real OpenID provider.
import { readFileSync } from "node:fs";
import path from "node:path";
import { simpleParser } from "mailparser";
import { TOTP } from "otpauth";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { execFileSync, spawnSync } from "../../scripts/child-process.mjs";
import { addAuthenticator } from "../client/authenticator.js";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { type MailServer, startMailServer } from "../mail/mail-server.js";
import { freePort } from "../world/free-port.js";
import { type OpenIdProvider, startOpenIdProvider } from "../world/open-id-provider.js";
import { expectNoFrames } from "./exercise.js";
import { type Consumer, installPacked } from "./packed.js";
import { prepare, type Running, start } from "./running.js";
import { found, openWalker, openWithPasskeys, tabTo, type Walker } from "./walker.js";

const password = "violet kettle harbour morning";
const nextPassword = "amber tulip canoe walnut";
let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
}, browserTimeoutMs);
afterAll(() => browser?.close());

describe("examples/everything in the browser", () => {
  let consumer: Consumer;
  let running: Running;
  let env: NodeJS.ProcessEnv;
  let mails: MailServer;
  let provider: OpenIdProvider;
  let url: string;
  const folder = () => path.join(consumer.folder, "everything");
  const command = (args: readonly string[], input = "") =>
    execFileSync(process.execPath, [consumer.ampho, ...args], { env, cwd: folder(), input, encoding: "utf8" });
  const addUser = (login: string) => command(["user-add", login, "--password-stdin"], password);

  beforeAll(async () => {
    consumer = await installPacked(["everything"]);
    const port = await freePort();
    const origin = `http://localhost:${port}`;
    const redirectUris = [`${origin}/api/security/login/outside/acme/callback`];
    const client = { clientId: "shop", clientSecret: "a secret of this test alone" };
    [mails, provider] = await Promise.all([startMailServer(), startOpenIdProvider({ ...client, redirectUris })]);
    const { issuer } = provider;
    const acme = { issuer, client_id: client.clientId, client_secret: client.clientSecret, label: "Acme" };
    env = {
      ...prepare(consumer, password),
      PORT: String(port),
      AMPHO_APP_URL: `${origin}/link`,
      AMPHO_SECURITY_COOKIES: "false",
      AMPHO_MAIL_URL: `smtp://127.0.0.1:${mails.port}`,
      AMPHO_MAIL_FROM: "shop@example.org",
      AMPHO_SECURITY_PROVIDERS: JSON.stringify({ acme }),
      AMPHO_SECURITY_FACTORS: JSON.stringify({ "*": "optional", admin: "required" }),
    };
    running = await start(folder(), env, "server.js");
    url = `${running.url}/`;
  });
  afterAll(async () => {
    await running?.stop();
    consumer?.remove();
  });

  const open = (at = url) => openWalker(browser, at);
  async function signIn(walker: Walker, login: string, secret = password): Promise<void> {
    await walker.sees("Sign in");
    await walker.type("Login or e-mail address", login);
    await walker.type("Password", secret);
    await walker.press("Sign in");
  }
  async function signOut(walker: Walker): Promise<void> {
    await walker.press("Sign out");
    await walker.sees("Sign in");
    await walker.reads("status", "You have signed out.");
  }
  /** The next mail to an address. */
  async function nextMail(to: string, subject: string) {
    const find = async () => {
      for (const [at, { to: recipients, raw }] of mails.arrived.entries()) {
        if (!recipients.includes(to)) continue;
        const mail = await simpleParser(raw);
        if (!mail.subject?.startsWith(subject)) continue;
        mails.arrived.splice(at, 1);
        return mail.text ?? "";
      }
      return undefined;
    };
    const text = await vi.waitUntil(find, { timeout: 60_000, interval: 50 });
    return { code: /\d\d \d\d \d\d \d\d/.exec(text)?.[0] ?? "", link: /http:\S+#\S+/.exec(text)?.[0] ?? "" };
  }
  /** A user with a proven address, who stays signed in. */
  async function register(walker: Walker, email: string): Promise<void> {
    await walker.follow("Create an account");
    await walker.sees("Create an account");
    await walker.type("E-mail address", email);
    await walker.press("Continue");
    await walker.sees("Check your mail");
    await walker.type("Code of the mail", (await nextMail(email, "Confirm your address")).code);
    await walker.type(/^Password/, password);
    await walker.press("Create the account");
    await walker.sees("Your account");
  }
  const changes = (text: string) => text.replace(/\d/, (digit) => String((Number(digit) + 1) % 10));

  /** Sets up the authenticator app, from the page that shows its secret. */
  async function setUpApp(walker: Walker) {
    await walker.sees("Set up the authenticator app");
    const secret = (await walker.page.textContent("main code")) ?? "";
    const app = new TOTP({ secret });
    // Each code is accepted once, and from 30 seconds before its time until 30 seconds or more after it.
    let timestamp = Date.now();
    const first = app.generate({ timestamp });
    const next = async () => {
      timestamp = Math.max(timestamp + 30_000, Date.now());
      await vi.waitUntil(() => Date.now() >= timestamp - 30_000, { timeout: 40_000 });
      return app.generate({ timestamp });
    };
    await walker.type("Code that the app shows", changes(first));
    await walker.press("Confirm");
    await walker.reads("alert", /wrong/);
    await walker.type("Code that the app shows", first);
    await walker.press("Confirm");
    return { next, codes: await recoveryCodes(walker) };
  }
  async function recoveryCodes(walker: Walker): Promise<string[]> {
    await walker.sees("Your recovery codes");
    const codes = await walker.page.locator("main li code").allTextContents();
    expect(codes).toHaveLength(8);
    await walker.follow("I have stored them");
    await walker.sees("Your account");
    return codes;
  }
  const loginOf = (walker: Walker) => walker.page.locator("dd").first().textContent();

  it("the types in the comments of the example are right", () => {
    const tsc = path.join(consumer.folder, "node_modules/typescript/bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc], { cwd: folder(), encoding: "utf8" });
    expect([status, stdout]).toEqual([0, ""]);
  });

  it("a user signs in with the keyboard alone, and signs out", async () => {
    const walker = await open();
    const { page } = walker;
    await walker.sees("Sign in");
    await tabTo(page, "[name=login]");
    await page.keyboard.type("alice");
    await tabTo(page, "[name=password]");
    await page.keyboard.type(`${password}x`);
    await page.keyboard.press("Enter");
    await walker.reads("alert", "The login, the password or the code is wrong.");
    await walker.sees("Sign in");
    await tabTo(page, "[name=password]");
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await walker.sees("Your account");
    expect(await loginOf(walker)).toBe("alice");
    await tabTo(page, "#sign-out");
    await page.keyboard.press("Enter");
    await walker.sees("Sign in");
    await walker.leave();
  });

  it("a person registers, signs in by a mailed code, and by its link in another browser", async () => {
    const email = "ann@example.org";
    const walker = await open();
    await walker.follow("Create an account");
    await walker.type("E-mail address", email);
    await walker.press("Continue");
    await walker.sees("Check your mail");
    const { code } = await nextMail(email, "Confirm your address");
    await walker.type("Code of the mail", code);
    await walker.type(/^Password/, "short");
    await walker.press("Create the account");
    await walker.reads("alert", /characters/);
    await walker.sees("Check your mail");
    await walker.type("Code of the mail", code);
    await walker.type(/^Password/, password);
    await walker.press("Create the account");
    await walker.sees("Your account");
    await signOut(walker);

    await walker.type("Login or e-mail address", email);
    await walker.press("Mail me a code");
    await walker.sees("Check your mail");
    const mail = await nextMail(email, "Sign in");
    const match = (await walker.page.textContent(".match")) ?? "";
    await walker.type("Code of the mail", changes(mail.code));
    await walker.press("Sign in");
    await walker.reads("alert", /wrong/);

    const other = await open(mail.link);
    await other.sees("Sign in by mail");
    await other.press("Sign in");
    await expect.poll(() => other.page.locator("[name=match]").count()).toBe(1);
    await other.type("Number on the page that asked for the mail", changes(match));
    await other.press("Sign in");
    await other.reads("alert", /wrong/);
    await other.type("Number on the page that asked for the mail", match);
    await other.press("Sign in");
    await other.sees("Your account");
    expect(await loginOf(other)).toBe(email);
    await other.leave();
    await walker.leave();
  });

  it("a user changes the address, and the alarm link of a later notice signs out all devices", async () => {
    const walker = await open();
    await register(walker, "dan@example.org");
    await walker.type("New e-mail address", "dan@new.example");
    await walker.press("Mail me a code");
    await walker.sees("Check your mail");
    await walker.type("Code of the mail", (await nextMail("dan@new.example", "Confirm your new address")).code);
    await walker.press("Change the address");
    await walker.reads("status", "Your address has changed.");
    expect((await nextMail("dan@example.org", "New address")).link).toBe("");
    await walker.press("Set up the authenticator app");
    await setUpApp(walker);
    const { link } = await nextMail("dan@new.example", "New sign-in method");
    const other = await open(link);
    await other.sees("Was that not you?");
    await other.page.getByRole("checkbox").check();
    await other.press("Sign out everywhere");
    await other.reads("status", /^All devices are signed out/);
    await walker.page.reload();
    await walker.sees("Sign in");
    await other.leave();
    await walker.leave();
  });

  it("a user sets up the app, signs in with it and with a recovery code, and resets the password with it", async () => {
    const email = "eve@example.org";
    const walker = await open();
    await register(walker, email);
    await walker.press("Set up the authenticator app");
    const { next, codes } = await setUpApp(walker);
    await signOut(walker);

    await signIn(walker, email);
    await walker.sees("Second factor");
    await walker.type("Code of your authenticator app", "000000");
    await walker.press("Continue");
    await walker.reads("alert", /wrong/);
    await walker.sees("Second factor");
    await walker.page.getByLabel("Remember this device").check();
    await walker.type("Code of your authenticator app", await next());
    await walker.press("Continue");
    await walker.sees("Your account");
    await signOut(walker);
    await signIn(walker, email);
    await walker.sees("Your account");

    // The remembered device has skipped the second factor, which this change requires.
    await walker.press("Replace the recovery codes");
    await walker.sees("Confirm that it is you");
    await walker.type("Password", password);
    await walker.press("Sign in");
    await walker.sees("Second factor");
    await walker.type("Recovery code", codes[0] ?? "");
    await walker.page.locator("details").getByRole("button", { name: "Continue" }).click();
    await walker.sees("Confirm the change");
    const { code } = await nextMail(email, "Sign-in methods for");
    await walker.type("Code of the mail", changes(code));
    await walker.press("Confirm");
    await walker.reads("alert", "This code is wrong.");
    await walker.type("Code of the mail", code);
    await walker.press("Confirm");
    expect(await recoveryCodes(walker)).not.toContain(codes[1]);
    await signOut(walker);

    await walker.follow("I forgot my password");
    await walker.sees("Forgotten password");
    await walker.type("Login or e-mail address", email);
    await walker.press("Continue");
    await walker.sees("Set a new password");
    const mail = await nextMail(email, "Reset your password");
    await walker.type("Code of the mail", mail.code);
    await walker.type(/^New password/, nextPassword);
    await walker.press("Set the password");
    await expect.poll(() => walker.page.locator("[name=totp]").count()).toBe(1);
    await walker.sees("Set a new password");
    await walker.type(/^New password/, nextPassword);
    await walker.type("Code of your authenticator app", "000000");
    await walker.press("Set the password");
    await walker.reads("alert", /wrong/);
    await walker.type("Code of the mail", mail.code);
    await walker.type(/^New password/, nextPassword);
    await walker.type("Code of your authenticator app", await next());
    await walker.press("Set the password");
    await walker.sees("Sign in");
    await walker.reads("status", "Your password is set. Sign in with it.");
    await signIn(walker, email, nextPassword);
    await walker.sees("Second factor");
    await walker.leave();
  });

  it("a user adds a passkey, and signs in with it by the button, by autofill and as the second factor", async () => {
    addUser("paul");
    const walker = await openWithPasskeys(browser, url);
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
    await signOut(walker);
    await signIn(walker, "paul");
    await walker.sees("Second factor");
    await walker.press("Use a passkey");
    await walker.sees("Your account");

    const [credential] = await walker.authenticator.credentials();
    if (credential === undefined) throw new Error("no passkey");
    const other = await openWalker(browser, "about:blank");
    await (await addAuthenticator(other.page)).add(credential);
    await other.page.goto(url);
    await other.sees("Your account");
    await other.leave();

    await walker.press("Remove the password");
    await walker.reads("status", "Your password is removed.");
    await walker.press("Remove Phone");
    await walker.reads("alert", /requires|way/);
    await walker.leave();
  });

  it("a person registers with a passkey in place of a password", async () => {
    const email = "kim@example.org";
    const walker = await openWithPasskeys(browser, url);
    await walker.follow("Create an account");
    await walker.type("E-mail address", email);
    await walker.press("Continue");
    const { code } = await nextMail(email, "Confirm your address");
    await walker.type("Code of the mail", changes(code));
    await walker.press("Use a passkey in place of a password");
    await walker.reads("alert", /wrong/);
    await walker.type("Code of the mail", code);
    await walker.press("Use a passkey in place of a password");
    await recoveryCodes(walker);
    await walker.leave();
  });

  it("an account whose role requires a second factor sets one up at its next sign-in", async () => {
    addUser("carol");
    command(["user-roles", "carol", "--add", "admin"]);
    const walker = await open();
    await signIn(walker, "carol");
    await walker.sees("Set up a second factor");
    await walker.press("Use an authenticator app");
    await setUpApp(walker);
    await walker.press("Remove the authenticator app");
    await walker.reads("alert", /requires/);
    await walker.leave();
  });

  it("an account with a proven address also needs the mailed code to set up its first factor", async () => {
    const email = "fay@example.org";
    const walker = await openWithPasskeys(browser, url);
    await register(walker, email);
    await signOut(walker);
    command(["user-roles", email, "--add", "admin"]);
    await signIn(walker, email);
    await walker.sees("Set up a second factor");
    const { code } = await nextMail(email, "");
    await walker.type("Code of the mail", changes(code));
    await walker.press("Use an authenticator app");
    await walker.reads("alert", /wrong/);
    await walker.type("Code of the mail", code);
    await walker.press("Use a passkey");
    await recoveryCodes(walker);
    await walker.leave();
  });

  it("a new person signs in at the provider, proves the address by mail, and a user links and unlinks an identity", async () => {
    provider.user = { sub: "user-1", claims: { email: "gus@example.org", email_verified: true } };
    const walker = await open();
    await walker.press("Sign in with Acme");
    await walker.sees("Link your account");
    await walker.type("Code of the mail", (await nextMail("gus@example.org", "")).code);
    await walker.press("Continue");
    await walker.sees("Your account");
    await signOut(walker);
    await walker.press("Sign in with Acme");
    await walker.sees("Your account");
    expect(await loginOf(walker)).toBe("gus@example.org");
    await walker.leave();

    provider.user = { sub: "user-2", claims: {} };
    addUser("hal");
    const other = await open();
    await signIn(other, "hal");
    await other.sees("Your account");
    await other.press("Link Acme");
    await other.reads("status", "The identity is linked.");
    await other.sees("Your account");
    await other.press("Set up the authenticator app");
    const { next } = await setUpApp(other);
    await signOut(other);
    await other.press("Sign in with Acme");
    await other.sees("Second factor");
    await other.type("Code of your authenticator app", await next());
    await other.press("Continue");
    await other.sees("Your account");
    await other.press("Unlink acme");
    await other.reads("status", "It is removed, and your other sessions have ended.");
    await other.leave();
  });

  it("a user follows an invitation", async () => {
    command(["user-invite", "ida@example.org"]);
    const walker = await open((await nextMail("ida@example.org", "")).link);
    await walker.sees("Create an account");
    await walker.type("E-mail address", "ida@example.org");
    await walker.press("Continue");
    await walker.sees("Check your mail");
    await walker.leave();
  });

  it("a user changes the login and the password, ends sessions, exports and deletes the account", async () => {
    addUser("jan");
    const [walker, other] = [await open(), await open()];
    for (const one of [walker, other]) {
      await signIn(one, "jan");
      await one.sees("Your account");
    }
    await walker.page.reload();
    await walker.sees("Your account");
    await walker.press("End this session");
    await walker.reads("status", "The session has ended.");
    await other.page.reload();
    await other.sees("Sign in");
    await other.leave();

    await walker.type("Present password", password);
    await walker.type(/^New password/, nextPassword);
    await walker.press("Set the password");
    await walker.reads("status", "Your password has changed. Your other sessions have ended.");
    await walker.sees("Your account");
    await walker.type(/^New login/, "alice");
    await walker.press("Change the login");
    await walker.reads("alert", /already exists/);
    await walker.sees("Your account");
    await walker.type(/^New login/, "janet");
    await walker.press("Change the login");
    await walker.sees("Sign in");
    await walker.reads("status", "Your login has changed. Sign in with it.");
    await signIn(walker, "janet", nextPassword);
    await walker.sees("Your account");

    const [download] = await Promise.all([walker.page.waitForEvent("download"), walker.press("Export everything")]);
    const exported = JSON.parse(readFileSync(await download.path(), "utf8"));
    expect(exported.account.login).toBe("janet");
    await walker.press("Forget all devices");
    await walker.reads("status", "No device is remembered any more.");
    await walker.sees("Your account");
    await walker.press("Delete my account");
    await walker.sees("Sign in");
    await walker.reads("status", "Your account is deleted.");
    await signIn(walker, "janet", nextPassword);
    await walker.reads("alert", /wrong/);
    await walker.press("Sign in");
    await walker.leave();
  });

  it("no other page shows a page in a frame", async () => {
    for (const path of ["", "register", "forgot", "link"]) expectNoFrames(await fetch(url + path));
  });

  it("a login that is HTML is shown as text", async () => {
    const walker = await open();
    await walker.sees("Sign in");
    const text = `"><img src=x onerror="document.title='script'">`;
    await walker.type("Login or e-mail address", text);
    await walker.type("Password", password);
    await walker.press("Sign in");
    await walker.reads("alert", /.+/);
    expect(await walker.page.inputValue("[name=login]")).toBe(text);
    expect(await walker.page.locator("img").count()).toBe(0);
    await walker.leave();
  });

  it("a page of the application takes the place of Ampho's sign-in page", async () => {
    const port = await freePort();
    const more = { PORT: String(port), AMPHO_APP_URL: `http://localhost:${port}`, AMPHO_SECURITY_COOKIES: "true" };
    const pages = await start(folder(), { ...env, ...more, AMPHO_SECURITY_PROVIDERS: undefined }, "server.js");
    const walker = await openWalker(browser, `${pages.url}/`);
    await walker.sees("Sign in to the shop");
    await walker.type("Login or e-mail address", "alice");
    await walker.type("Password", `${password}x`);
    await walker.press("Sign in");
    await expect.poll(() => walker.page.textContent("[role=alert]")).toBe("The login or the password is wrong.");
    await walker.type("Login or e-mail address", "alice");
    await walker.type("Password", password);
    await walker.press("Sign in");
    await walker.sees("Your account");
    await walker.press("Sign out");
    await walker.sees("Sign in to the shop");
    await walker.leave();
    const { code, stderr } = await pages.stop();
    expect([code, stderr]).toEqual([0, ""]);
  });

  it("a user creates an API key on the account page of Ampho, and a program reads with it", async () => {
    command(["user-add", "kay", "--role", "reader", "--password-stdin"], password);
    const port = await freePort();
    const keys = { AMPHO_SECURITY_API_KEYS: "5", AMPHO_SECURITY_SCOPES: '{"reader":["articles:read"]}' };
    const more = { PORT: String(port), AMPHO_APP_URL: `http://localhost:${port}`, AMPHO_SECURITY_COOKIES: "true" };
    const pages = await start(folder(), { ...env, ...more, ...keys, AMPHO_SECURITY_PROVIDERS: undefined }, "server.js");
    const walker = await openWalker(browser, `${pages.url}/`);
    await walker.sees("Sign in to the shop");
    await walker.type("Login or e-mail address", "kay");
    await walker.type("Password", password);
    await walker.press("Sign in");
    await walker.sees("Your account");
    await walker.type("Days until the key ends", "30");
    const section = walker.section("API keys");
    await section.getByLabel("Name", { exact: true }).fill("Backup");
    await section.getByLabel("articles:read").check();
    await walker.press("Create an API key");
    await walker.sees("Your new API key: Backup");
    const key = (await walker.page.textContent("main code")) ?? "";
    const read = async (text: string) => {
      const response = await fetch(`${pages.url}/api/articles`, { headers: { authorization: `Bearer ${text}` } });
      return [response.status, await response.json()];
    };
    expect(await read(key)).toEqual([200, { reader: "kay" }]);
    expect(await read(key.slice(0, -1))).toMatchObject([401, { error: "invalid_token" }]);
    await walker.leave();
    const { code, stderr } = await pages.stop();
    expect([code, stderr]).toEqual([0, ""]);
  });

  it("every page was accessible, no script was blocked or failed, and the server writes nothing to stderr", async () => {
    expect(found).toEqual({ violations: [], policy: [], errors: [] });
    const { code, stderr } = await running.stop();
    expect([code, stderr]).toEqual([0, ""]);
  });
});
