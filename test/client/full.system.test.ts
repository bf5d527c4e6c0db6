import { type TOTP, URI } from "otpauth";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { createClient, FullClient, TotpSetup } from "../../dist/client/full.js";
import { settableClock } from "../world/clock.js";
import { listening } from "../world/listen.js";
import { browserTimeoutMs, openBrowser } from "./browser.js";
import { bundleClient } from "./bundle.js";
import { ann, openWorld } from "./world.js";

declare global {
  // The page sets both.
  var ways: FullClient;
  var openClient: typeof createClient;
  var setup: TotpSetup;
}

/** The form of the code serves the second step of a login, the set-up and a step-up. */
const page = (cookies: boolean) => `<!doctype html><title>Shop</title>
<form id="login"><input name="login"><input name="password" type="password"><button>Sign in</button></form>
<form id="factor" hidden><input name="code" autocomplete="one-time-code"><button>Send</button></form>
<button id="enrol">Set up</button> <button id="order">Order</button> <button id="logout">Sign out</button>
<output></output><pre></pre>
<script type="module">
  import { createClient, FactorNeeded } from "/ways.js";
  const find = (selector) => document.querySelector(selector);
  const say = (text) => find("output").replaceChildren(text);
  const askCode = () => new Promise((resolve) => {
    find("#factor").hidden = false;
    find("#factor").onsubmit = (event) => {
      event.preventDefault();
      find("#factor").hidden = true;
      resolve(new FormData(event.target).get("code"));
    };
  });
  const client = createClient({
    baseUrl: "/",
    cookies: ${cookies},
    onStepUp: async () => (await client.stepUp()).finish({ totp: await askCode() }),
  });
  find("#login").onsubmit = async (event) => {
    event.preventDefault();
    const fields = new FormData(event.target);
    try {
      await client.login(fields.get("login"), fields.get("password"));
    } catch (error) {
      if (error instanceof FactorNeeded) await error.finish({ totp: await askCode() });
    }
  };
  find("#enrol").onclick = async () => {
    const setup = await client.totp.begin();
    find("pre").replaceChildren(setup.uri);
    const { recoveryCodes } = await setup.confirm(await askCode());
    find("pre").replaceChildren(recoveryCodes.join(" "));
  };
  find("#order").onclick = async () => say("ordered by " + (await (await client.fetch("/strong")).json()).login);
  find("#logout").onclick = () => client.logout();
  client.onChange((session) => say(session ? session.login + " at " + session.acr : "signed out"));
  Object.assign(globalThis, { ways: client, openClient: createClient });
</script>`;

let browser: Browser;
let script: string;
beforeAll(async () => {
  [browser, { text: script }] = await Promise.all([openBrowser(), bundleClient("full")]);
}, browserTimeoutMs);
afterAll(() => browser?.close());

async function openShop(cookies: boolean) {
  const clock = settableClock();
  const files: Record<string, string> = { "/": page(cookies), "/ways.js": script };
  const world = await openWorld({ clock, cookies }, (path) => files[path]);
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  return { clock, world, context, openTab: () => openTab(context, world.url) };
}

async function openTab(context: BrowserContext, url: string): Promise<Page> {
  const tab = await context.newPage();
  await tab.goto(url);
  await tab.waitForFunction(() => "ways" in globalThis);
  return tab;
}

async function typeLogin(tab: Page): Promise<void> {
  await tab.fill("[name=login]", ann.login);
  await tab.fill("[name=password]", ann.password);
  await tab.click("#login button");
}

async function typeCode(tab: Page, code: string): Promise<void> {
  await tab.fill("#factor:not([hidden]) input", code);
  await tab.click("#factor button");
}

/** After a login on a remembered device, the session has proven one factor. */
const becomeWeak = (tab: Page, totp: string) =>
  tab.evaluate(
    async ({ login, password, ...proof }) => {
      await ways.logout();
      await ways.login(login, password, { ...proof, remember: true });
      await ways.logout();
      await ways.login(login, password);
    },
    { ...ann, totp },
  );

const says = (tab: Page) => expect.poll(() => tab.textContent("output"));
const loginOf = (tab: Page) => tab.evaluate(async () => (await ways.session())?.login);
const callIn = (tab: Page, count = 1): Promise<unknown[]> =>
  tab.evaluate(async (calls) => {
    const call = async () => {
      const response = await ways.fetch("/guarded");
      return response.ok ? (await response.json()).login : response.status;
    };
    return Promise.all(Array.from({ length: calls }, () => call().catch((error) => error.code)));
  }, count);

describe.each([
  ["bearer", false],
  ["cookie", true],
] as const)("a page in %s mode", (mode, cookies) => {
  it(`a user of a page in ${mode} mode sets up TOTP, signs in with it, and steps up`, async () => {
    const { clock, openTab } = await openShop(cookies);
    const tab = await openTab();
    await typeLogin(tab);
    await says(tab).toBe("ann at 1fa");
    await tab.click("#enrol");
    await expect.poll(() => tab.textContent("pre")).toMatch(/^otpauth:/);
    const app = URI.parse(String(await tab.textContent("pre"))) as TOTP;
    const next = () => {
      clock.advance(30);
      return app.generate({ timestamp: clock.now() * 1000 });
    };
    await typeCode(tab, next());
    await expect.poll(() => tab.textContent("pre")).toMatch(/^([0-9A-Z]{4}(-| |$)){48}$/);

    // The set-up has raised the session.
    await tab.click("#order");
    await says(tab).toBe("ordered by ann");
    expect((await tab.evaluate(() => ways.session()))?.acr).toBe("2fa");

    await tab.click("#logout");
    await says(tab).toBe("signed out");
    await typeLogin(tab);
    await typeCode(tab, next());
    await says(tab).toBe("ann at 2fa");

    await becomeWeak(tab, next());
    await says(tab).toBe("ann at 1fa");
    await tab.click("#order");
    await typeCode(tab, next());
    await says(tab).toBe("ordered by ann");
    expect((await tab.evaluate(() => ways.session()))?.acr).toBe("2fa");
  });
});

describe.each([
  ["bearer", false],
  ["cookie", true],
] as const)("two tabs in %s mode", (mode, cookies) => {
  it(`a tab in ${mode} mode whose token is due during the step-up of another tab keeps the raised session`, async () => {
    const { clock, world, openTab } = await openShop(cookies);
    const [first, second] = await Promise.all([openTab(), openTab()]);
    await typeLogin(first);
    await expect.poll(() => loginOf(second)).toBe("ann");
    const uri = await first.evaluate(async () => {
      const setup = await ways.totp.begin();
      globalThis.setup = setup;
      return setup.uri;
    });
    const app = URI.parse(uri) as TOTP;
    const code = () => app.generate({ timestamp: clock.now() * 1000 });
    await first.evaluate((totp) => setup.confirm(totp), code());
    clock.advance(30);
    await becomeWeak(first, code());
    clock.advance(30);
    await expect.poll(() => loginOf(second)).toBe("ann");

    // The server receives the step-up, and responds to it only after the second tab has asked for a renewal.
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await first.route("**/api/security/login", async (route) => {
      const response = await route.fetch();
      if (response.ok()) await released;
      await route.fulfill({ response });
    });
    const raised = first.evaluate(async (totp) => (await (await ways.stepUp()).finish({ totp })).acr, code());
    await expect.poll(() => world.count("stepped_up")).toBe(1);
    await second.evaluate(() => {
      for (const [name, text] of Object.entries(localStorage))
        if (name.endsWith("/api/security")) {
          const record = JSON.parse(text);
          localStorage.setItem(name, JSON.stringify({ ...record, receivedMs: record.receivedMs - 880_000 }));
        }
    });
    const reported = second.evaluate(async () => {
      const logins: (string | undefined)[] = [];
      ways.onChange((session) => void logins.push(session?.login));
      const response = await ways.fetch("/strong");
      return [response.status, logins];
    });
    // It waits for the first one.
    const waiting = () => second.evaluate(async () => (await navigator.locks.query()).pending?.length);
    await expect.poll(waiting).toBe(1);
    release();
    expect(await raised).toBe("2fa");
    expect(await reported).toEqual([200, ["ann"]]);
    expect([await world.count("renew"), await world.count("renew_replayed")]).toEqual([0, 0]);
  });
});

describe("tabs in cookie mode", () => {
  it("three tabs in cookie mode share a login, renew once, and share a logout", async () => {
    const { clock, world, context, openTab } = await openShop(true);
    const tabs = await Promise.all([openTab(), openTab(), openTab()]);
    const [first, second] = tabs;
    if (first === undefined || second === undefined) throw new Error("no tabs");
    await typeLogin(first);
    for (const tab of tabs) await expect.poll(() => loginOf(tab)).toBe("ann");
    expect(await first.evaluate(() => JSON.stringify({ ...localStorage }))).not.toMatch(/eyJ|refresh_token/);

    clock.advance(1000);
    await context.clearCookies({ name: "__Host-ampho-token" });
    const results = await Promise.all(tabs.map((tab) => callIn(tab, 10)));
    expect(new Set(results.flat())).toEqual(new Set(["ann"]));
    expect(await world.count("renew")).toBe(1);
    expect(await world.count("renew_replayed")).toBe(0);

    await second.evaluate(() => ways.logout());
    for (const tab of tabs) await expect.poll(() => loginOf(tab)).toBeUndefined();
    expect(await Promise.all(tabs.map((tab) => callIn(tab)))).toEqual([[401], [401], [401]]);
    expect((await context.cookies()).map(({ name }) => name)).toEqual(["__Host-ampho-device"]);
  });

  it("a tab in cookie mode that the user reloads continues the session after a day", async () => {
    const { clock, context, openTab } = await openShop(true);
    const tab = await openTab();
    await typeLogin(tab);
    await says(tab).toBe("ann at 1fa");
    clock.advance(86_400);
    await context.clearCookies({ name: "__Host-ampho-token" });
    await tab.reload();
    await tab.waitForFunction(() => "ways" in globalThis);
    expect([await loginOf(tab), await callIn(tab, 3)]).toEqual(["ann", ["ann", "ann", "ann"]]);
  });

  it("a page of a listed origin of the same site works in cookie mode", async () => {
    const { port } = await listening((request, response) => {
      const isScript = request.url === "/ways.js";
      response.writeHead(200, { "Content-Type": isScript ? "text/javascript" : "text/html" });
      response.end(isScript ? script : page(true));
    });
    const origin = `http://app.localhost:${port}`;
    const clock = settableClock();
    const world = await openWorld({ clock, cookies: true, corsOrigins: [origin] });
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const tab = await openTab(context, origin);
    const seen = await tab.evaluate(
      async ({ baseUrl, login, password }) => {
        const client = openClient({ baseUrl, cookies: true });
        await client.login(login, password);
        const response = await client.fetch("/api/security/session");
        return (await response.json()).login;
      },
      { baseUrl: `http://api.app.localhost:${world.port}`, ...ann },
    );
    expect(seen).toBe("ann");
    clock.advance(1000);
    const again = await tab.evaluate(async (baseUrl) => {
      const client = openClient({ baseUrl, cookies: true });
      const response = await client.fetch("/api/security/session");
      await client.logout();
      return response.status;
    }, `http://api.app.localhost:${world.port}`);
    expect(again).toBe(200);
    expect(await world.events()).toEqual(expect.arrayContaining(["login", "renew", "logout"]));
  });
});
