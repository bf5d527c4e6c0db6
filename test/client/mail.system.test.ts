// `ampho/client/mail` in a real Chromium, with tokens in the record and with tokens in cookies.
import { Secret, TOTP } from "otpauth";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Followed, MailClient } from "../../dist/client/mail.js";
import type { AmphoOptions, Message } from "../../dist/index.js";
import { settableClock } from "../world/clock.js";
import { addAuthenticator } from "./authenticator.js";
import { browserTimeoutMs, openBrowser } from "./browser.js";
import { bundleClient } from "./bundle.js";
import { ann, openWorld } from "./world.js";

declare global {
  // The page sets all but the last three, which the tests set.
  var mail: MailClient;
  var followed: Followed | undefined;
  /** Returns the code or the name of the error. */
  var outcome: (work: Promise<unknown>) => Promise<string>;
  var login: Awaited<ReturnType<MailClient["mailLogin"]>>;
  var registration: Awaited<ReturnType<MailClient["register"]>>;
  var reset: Awaited<ReturnType<MailClient["resetPassword"]>>;
}

const page = (cookies: boolean) => `<!doctype html><title>Shop</title>
<script type="module">
  import { createClient } from "/mail.js";
  const mail = createClient({ baseUrl: "/", cookies: ${cookies}, onConfirm: () => mailedCode() });
  const outcome = (work) => work.then(() => "resolved", (error) => error.code?.length ? error.code : error.name);
  Object.assign(globalThis, { mail, outcome, followed: mail.followLink() });
</script>`;

let browser: Browser;
let script: string;
beforeAll(async () => {
  [browser, { text: script }] = await Promise.all([openBrowser(), bundleClient("mail")]);
}, browserTimeoutMs);
afterAll(() => browser?.close());

const newPassword = "amber tulip canoe walnut";

async function openShop(cookies: boolean, options: AmphoOptions = {}) {
  const clock = settableClock();
  const files: Record<string, string> = { "/": page(cookies), "/mail.js": script };
  const mails: Message[] = [];
  const receive = async (message: Message) => void mails.push(message);
  const base = { clock, cookies, mailLogin: true, registration: "open", mail: receive } as const;
  const world = await openWorld(
    (appUrl) => ({ appUrl, ...base, ...options }),
    (path) => files[path],
  );
  await world.ampho.users.setEmail(ann.login, "ann@example.org");
  const openContext = async () => {
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    await context.exposeFunction("mailedCode", async () => codeOf(await next("confirm")));
    return context;
  };
  const context = await openContext();
  const openTab = async (url = world.appUrl, own: BrowserContext = context): Promise<Page> => {
    const tab = await own.newPage();
    await tab.goto(url);
    await tab.waitForFunction(() => "mail" in globalThis);
    return tab;
  };
  const next = async (kind: string): Promise<string> => {
    const find = () => {
      const at = mails.findIndex((each) => each.kind === kind);
      return mails.splice(at < 0 ? mails.length : at, 1)[0];
    };
    const { text } = await vi.waitUntil(find, { timeout: 60_000 });
    return text;
  };
  return { clock, world, next, openTab, openContext, tab: await openTab() };
}

const codeOf = (text: string) => /\d\d \d\d \d\d \d\d/.exec(text)?.[0] ?? "";
const linkOf = (text: string) => /http:\S+#ampho\S*/.exec(text)?.[0] ?? "";
const loginOf = (tab: Page) => tab.evaluate(async () => (await mail.session())?.login);
const beginLogin = (tab: Page) =>
  tab.evaluate(async () => {
    globalThis.login = await mail.mailLogin("ann");
    return { ...globalThis.login };
  });

describe.each([
  ["bearer", false],
  ["cookie", true],
] as const)("a page in %s mode", (mode, cookies) => {
  it(`a user of a page in ${mode} mode signs in by a mailed code`, async () => {
    const { tab, next, clock } = await openShop(cookies);
    expect(await beginLogin(tab)).toMatchObject({
      match: expect.stringMatching(/^\d\d$/),
      expires: clock.now() + 600,
      resend: clock.now() + 60,
    });
    const code = codeOf(await next("login"));
    expect(await tab.evaluate(() => outcome(login.finish("12345678")))).toBe("invalid_credentials");
    expect(await tab.evaluate((sent) => outcome(login.finish(sent)), code)).toBe("resolved");
    expect(await loginOf(tab)).toBe("ann");
    // The same code with the same key is a request whose response was lost.
    expect(await tab.evaluate((sent) => outcome(login.finish(sent)), code)).toBe(
      cookies ? "transaction_over" : "resolved",
    );
    expect(await tab.evaluate((sent) => outcome(login.finish(sent)), ` ${code}`)).not.toBe("resolved");
  });

  it(`a link in another tab of the same browser signs in without a number in ${mode} mode`, async () => {
    const { tab, next, openTab, openContext } = await openShop(cookies);
    const { match } = await beginLogin(tab);
    const link = linkOf(await next("login"));
    const other = await openTab(link, await openContext());
    expect(other.url()).not.toContain("ampho");
    expect(await other.evaluate(() => followed?.for)).toBe("login");
    const follow = (page: Page, number?: string) =>
      page.evaluate(async (sent) => {
        if (followed?.for !== "login") return "nothing";
        return outcome(followed.finish({ match: sent }));
      }, number);
    expect(await follow(other)).toBe("match_needed");
    expect(await follow(other, match === "00" ? "01" : "00")).toBe("invalid_credentials");
    const same = await openTab(link);
    expect(await follow(same)).toBe("resolved");
    expect(await loginOf(same)).toBe("ann");
    expect(await follow(other, match)).toBe("transaction_over");
    expect(await loginOf(other)).toBeUndefined();
  });

  it(`a person registers with a password in ${mode} mode, and a link elsewhere asks for the number`, async () => {
    const { tab, next, openTab, openContext, clock } = await openShop(cookies);
    const begin = (email: string) =>
      tab.evaluate(async (address) => {
        globalThis.registration = await mail.register(address);
        return registration.match;
      }, email);
    await begin("dan@example.org");
    const code = codeOf(await next("register"));
    const finish = (sent: string, password: string) =>
      tab.evaluate((body) => outcome(registration.finish(body)), { code: sent, password });
    expect(await finish("12345678", newPassword)).toBe("invalid_credentials");
    expect(await finish(code, "short")).toBe("password_rejected");
    expect(await finish(code, newPassword)).toBe("resolved");
    expect(await loginOf(tab)).toBe("dan@example.org");

    clock.advance(61);
    const match = await begin("eve@example.org");
    const other = await openTab(linkOf(await next("register")), await openContext());
    const byLink = (sent?: string) =>
      other.evaluate(
        async (body) => {
          if (followed?.for !== "register") return "nothing";
          return [followed.email, await outcome(followed.finish(body))].join();
        },
        { password: "violet lantern orbit pancake", match: sent },
      );
    expect(await byLink()).toBe("eve@example.org,match_needed");
    expect(await byLink(match)).toBe("eve@example.org,resolved");
    expect(await loginOf(other)).toBe("eve@example.org");
  });

  it(`a person registers with a passkey in ${mode} mode, which is created once`, async () => {
    const { tab, next } = await openShop(cookies);
    const authenticator = await addAuthenticator(tab);
    await tab.evaluate(async () => {
      globalThis.registration = await mail.register("dan@example.org", { login: "dan" });
    });
    const code = codeOf(await next("register"));
    const finish = (sent: string) =>
      tab.evaluate(
        async (body) => {
          try {
            return (await registration.finish({ ...body, passkey: true, name: "Phone" })).recoveryCodes.length;
          } catch (error) {
            return (error as { code: string }).code;
          }
        },
        { code: sent },
      );
    expect(await finish("12345678")).toBe("invalid_credentials");
    expect(await finish(code)).toBe(8);
    expect(await authenticator.credentials()).toHaveLength(1);
    expect(await loginOf(tab)).toBe("dan");
    expect(await tab.evaluate(async () => (await mail.passkeys.list()).map(({ name }) => name))).toEqual(["Phone"]);
  });

  it(`a user resets a forgotten password in ${mode} mode with the second factor, and is not signed in`, async () => {
    const { tab, next, clock } = await openShop(cookies);
    // The first proof of an address would end the app, so the address is proven before.
    await tab.evaluate(async () => {
      globalThis.reset = await mail.resetPassword("ann");
    });
    const first = { code: codeOf(await next("reset")), newPassword: "copper meadow lantern thistle" };
    await tab.evaluate((body) => reset.finish(body), first);
    await tab.evaluate(({ newPassword }) => mail.login("ann", newPassword), first);
    const secret = await tab.evaluate(async () => {
      Object.assign(globalThis, { setup: await mail.totp.begin() });
      return setup.secret;
    });
    const totp = new TOTP({ secret: Secret.fromBase32(secret) });
    const shown = () => totp.generate({ timestamp: clock.now() * 1000 });
    await tab.evaluate((code) => setup.confirm(code), shown());
    await tab.evaluate(() => mail.logout());
    clock.advance(61);
    await tab.evaluate(async () => {
      globalThis.reset = await mail.resetPassword("ANN");
    });
    const code = codeOf(await next("reset"));
    const finish = (more: object) =>
      tab.evaluate(
        async (body) => {
          try {
            return (await reset.finish(body)) ?? "resolved";
          } catch (error) {
            const { code, details } = error as { code: string; details: { factors?: readonly string[] } };
            return [code, ...(details.factors ?? [])].join();
          }
        },
        { code, newPassword, ...more },
      );
    expect(await finish({})).toBe("factor_needed,totp,recovery_code");
    expect(await finish({ totp: "000000" })).toBe("invalid_credentials");
    expect(await finish({ totp: shown() })).toBe("resolved");
    expect(await loginOf(tab)).toBeUndefined();
    expect(await tab.evaluate((password) => outcome(mail.login("ann", password)), newPassword)).toBe("factor_needed");
  });

  it(`a user changes the address in ${mode} mode, and the alarm of a notice ends all sessions`, async () => {
    const { tab, world, next, openTab, openContext } = await openShop(cookies);
    await beginLogin(tab);
    const code = codeOf(await next("login"));
    await tab.evaluate((sent) => login.finish(sent), code);
    const { from, expires } = await tab.evaluate(() => mail.lostMailbox.begin("ann@later.example"));
    expect(expires - from).toBe(3 * 86_400);
    expect(await tab.evaluate(() => outcome(mail.lostMailbox.finish("12345678")))).toBe("transaction_over");
    await tab.evaluate(() => mail.lostMailbox.stop());
    await tab.evaluate(async () => {
      Object.assign(globalThis, { change: await mail.changeEmail("ann@new.example") });
    });
    const sent = codeOf(await next("email"));
    const finish = (typed: string) =>
      tab.evaluate((text) => outcome((globalThis as unknown as { change: typeof login }).change.finish(text)), typed);
    expect(await finish("12345678")).toBe("invalid_credentials");
    expect(await finish(sent)).toBe("resolved");
    await next("email_changed");
    await world.ampho.users.recover("ann", { reason: "The user has called." });
    const other = await openTab(linkOf(await next("recovery_begun")), await openContext());
    const alarm = (change: string) =>
      other.evaluate(
        (given) =>
          followed?.for === "alarm" ? outcome(followed.finish({ change: given })) : Promise.resolve("nothing"),
        change,
      );
    expect(await alarm("factor_added")).toBe("invalid_request");
    expect(await other.evaluate(() => followed?.for === "alarm" && followed.change)).toBe("recovery_begun");
    expect(await alarm("recovery_begun")).toBe("resolved");
    expect(await tab.evaluate(() => outcome(mail.passkeys.list()))).toBe("session_ended");
  });
});

it("an invited person registers by the link of the invitation", async () => {
  const { world, next, openTab } = await openShop(false, { registration: "invite" });
  const tab = await openTab();
  expect(await tab.evaluate(() => outcome(mail.register("dan@example.org")))).toBe("registration_closed");
  await world.ampho.users.invite({ email: "dan@example.org", roles: ["editor"] });
  const invited = await openTab(linkOf(await next("invite")));
  await invited.evaluate(async () => {
    if (followed?.for !== "invitation") throw new Error(followed?.for);
    globalThis.registration = await mail.register("dan@example.org", { login: "dan", invite: followed.invite });
  });
  const code = codeOf(await next("register"));
  const body = { code, password: newPassword };
  const { session } = await invited.evaluate((sent) => registration.finish(sent), body);
  expect(session).toMatchObject({ login: "dan", roles: ["editor"] });
});

it("a page without a mailed link, and one with a damaged link, report it", async () => {
  const { openTab, tab } = await openShop(false);
  expect(await tab.evaluate(() => followed === undefined)).toBe(true);
  const other = await openTab(`${tab.url()}#ampho=abc.def`);
  const finish = () =>
    other.evaluate(() => (followed?.for === "login" ? outcome(followed.finish()) : Promise.resolve("nothing")));
  expect(await finish()).toBe("transaction_over");
});
