// An application with the pages of Ampho on node:http, and a person who walks through them.
import { createServer } from "node:http";
import { TOTP } from "otpauth";
import type { Browser } from "playwright-core";
import { expect, onTestFinished, vi } from "vitest";
import { authorize, mount } from "../../dist/adapters/node.js";
import type { Ampho, AmphoOptions, Message } from "../../dist/index.js";
import { openWalker, openWithPasskeys, type Walker } from "../examples/walker.js";
import { proofsOf } from "../gate/mailboxes.js";
import { openAmpho, untilHashed } from "../world/ampho.js";
import { runningClock, type SettableClock } from "../world/clock.js";
import { listening } from "../world/listen.js";

export const password = "violet kettle harbour morning";
export const nextPassword = "amber tulip canoe walnut";

export interface Shop {
  readonly ampho: Ampho;
  readonly clock: SettableClock;
  readonly origin: string;
  /** Every line of the log. */
  readonly notices: string[];
  addUser(login: string, roles?: readonly string[]): Promise<{ readonly id: string }>;
  /** Waits for the next mail to an address, and takes it. */
  mail(to: string, kind: string): Promise<{ readonly code: string; readonly link: string }>;
}

/** Options can depend on the origin. */
export async function openShop(
  settings: AmphoOptions | ((origin: string) => Promise<AmphoOptions>) = {},
): Promise<Shop> {
  const server = createServer();
  const { port } = await listening(server);
  // Passkeys belong to a name, and a browser keeps secure cookies of this one without TLS.
  const origin = `http://localhost:${port}`;
  const options = typeof settings === "function" ? await settings(origin) : settings;
  const mails: Message[] = [];
  const clock = runningClock();
  const { ampho, notices } = await openAmpho({
    pages: true,
    appUrl: origin,
    appName: "Shop",
    mail: async (message) => void mails.push(message),
    mailLogin: true,
    registration: "open",
    throttleAttempts: 1000,
    throttleLock: 1000,
    throttleAddress: 0,
    clock,
    ...options,
  });
  const pages = mount(ampho);
  const guards = {
    "/cart": authorize(ampho, { redirect: true }),
    "/pay": authorize(ampho, { redirect: true, maxAge: 300 }),
    "/vault": authorize(ampho, { redirect: true, acr: "2fa" }),
    "/admin": authorize(ampho, { redirect: true, roles: ["admin"] }),
  };
  server.on("request", (request, response) => {
    const send = () =>
      response
        .setHeader("content-type", "text/html")
        .end(
          `<!doctype html><html lang="en"><title>Shop</title><main><h1>Shop ${request.auth?.login ?? ""}</h1></main>`,
        );
    const [path = ""] = (request.url ?? "").split("?");
    const guard = Object.hasOwn(guards, path) ? guards[path as keyof typeof guards] : undefined;
    pages(request, response, () => (guard === undefined ? send() : guard(request, response, send)));
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await ampho.close();
  });
  return {
    ampho,
    clock,
    origin,
    notices,
    addUser: (login, roles = []) => untilHashed(() => ampho.users.create({ login, password, roles })),
    async mail(to, kind) {
      const is = (one: Message) => one.to === to && one.kind === kind;
      await vi.waitFor(() => expect(mails.map((one) => [one.kind, one.to])).toContainEqual([kind, to]), {
        timeout: 60_000,
        interval: 10,
      });
      const [mail] = mails.splice(mails.findIndex(is), 1);
      const text = mail?.text ?? "";
      return { code: proofsOf(text).code, link: /http:\S+#\S+/.exec(text)?.[0] ?? "" };
    },
  };
}

export const changed = (text: string) => text.replace(/\d/, (digit) => String((Number(digit) + 1) % 10));

/** A person with a browser of their own. */
export function visitor(shop: Shop, browser: Browser, { scripts = true } = {}) {
  const open = (path: string) => openWalker(browser, shop.origin + path, { scripts });
  return {
    open,
    openWithPasskeys: (path = "/account") => openWithPasskeys(browser, shop.origin + path),
    async signIn(walker: Walker, login: string, secret = password) {
      await walker.sees("Sign in");
      await walker.type("Login name or e-mail address", login);
      await walker.type("Password", secret);
      await walker.press("Sign in");
    },
    async signOut(walker: Walker) {
      await walker.press("Sign out");
      await walker.sees("Sign in");
      await walker.reads("status", "You are signed out.");
    },
    /** A user with a proven address, who stays signed in. */
    async register(walker: Walker, email: string) {
      await walker.follow("Create an account");
      await walker.sees("Create an account");
      await walker.type("E-mail address", email);
      await walker.press("Continue");
      await walker.sees("Check your mail");
      await walker.type("Code from the mail", (await shop.mail(email, "register")).code);
      await walker.type(/^Password/, password);
      await walker.press("Create an account");
      await walker.sees("Your account");
    },
    /** Without scripts, the user pastes the link. */
    async openLink(link: string): Promise<Walker> {
      const walker = await openWalker(browser, link, { scripts });
      if (scripts) return walker;
      await walker.sees("You have opened a mailed link");
      await walker.type("Link", link);
      await walker.press("Continue");
      return walker;
    },
    /** Sets up the authenticator app, from the page that shows its secret. */
    async setUpApp(walker: Walker, next = "Your account") {
      await walker.sees("Set up an authenticator app");
      const secret = (await walker.page.textContent("main code")) ?? "";
      // Each code is accepted once, so the time moves on.
      const app = new TOTP({ secret });
      const code = () => {
        shop.clock.advance(30);
        return app.generate({ timestamp: shop.clock.now() * 1000 });
      };
      const good = code();
      await walker.type("Code from your authenticator app", changed(good));
      await walker.press("Continue");
      await walker.reads("alert", /not right/);
      await walker.type("Code from your authenticator app", good);
      await walker.press("Continue");
      return { next: code, codes: await recoveryCodes(walker, next) };
    },
    recoveryCodes,
  };
}

async function recoveryCodes(walker: Walker, next = "Your account"): Promise<string[]> {
  await walker.sees("Recovery codes");
  const codes = await walker.page.locator("main li code").allTextContents();
  expect(codes).toHaveLength(8);
  await walker.follow("I have stored this safely");
  await walker.sees(next);
  return codes;
}

export const loginOf = (walker: Walker) => walker.page.locator("dd").first().textContent();
