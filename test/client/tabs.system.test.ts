import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, type TestContext } from "vitest";
import type { Client, ClientSession } from "../../dist/client/client.js";
import { settableClock } from "../world/clock.js";
import { listening } from "../world/listen.js";
import { browserTimeoutMs, openBrowser } from "./browser.js";
import { bundleClient } from "./bundle.js";
import { losing, openNetwork } from "./network.js";
import { wait } from "./storage.js";
import { ann, ben, openWorld, type World } from "./world.js";

declare global {
  // The page sets `client` and `reported`.
  var client: Client;
  var reported: (string | undefined)[];
  /** The call that was under way when the laptop fell asleep. */
  var woken: Promise<Response>;
}

const page = `<!doctype html><title>A tab</title><script type="module">
  import { createClient } from "/client.js";
  globalThis.client = createClient({ baseUrl: "/" });
  globalThis.reported = [];
  client.onChange((session) => void reported.push(session?.login));
</script>`;

let browser: Browser;
let script: string;
beforeAll(async () => {
  [browser, { text: script }] = await Promise.all([openBrowser(), bundleClient()]);
}, browserTimeoutMs);
afterAll(() => browser?.close());

const week = 7 * 86_400;
const renewals = ({ calls }: World) => calls.filter(({ path }) => path.endsWith("/renew"));
/**
 * Counts renewals with the same token and key as one. In a busy browser a tab sees late what another tab wrote, and then
 * both send the renewal.
 */
const distinctRenewals = (world: World) =>
  new Set(renewals(world).map(({ idempotencyKey, body }) => `${idempotencyKey} ${body}`));
/**
 * Without Web Locks, a tab of a busy browser can see the lock of another tab too late and renew with a key of its own.
 * Within the grace this does not advance the session again, because the lock only saves requests.
 */
const distinctMax = (prepare: Opening["prepare"]) => (prepare === withoutLocks ? 3 : 1);
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

interface Opening {
  /** Runs in each tab before the scripts of the page. */
  readonly prepare?: (() => void) | undefined;
  readonly count?: number;
  /** The context of a concurrent test. */
  readonly testContext?: Pick<TestContext, "expect" | "onTestFinished">;
}

/** Opens tabs, three by default. Ann logs in from the first. */
async function openTabs({ prepare, count = 3, testContext = { expect, onTestFinished } }: Opening = {}) {
  const clock = settableClock();
  const world = await openWorld(
    { clock },
    (path) => ({ "/": page, "/client.js": script })[path],
    testContext.onTestFinished,
  );
  const network = await openNetwork(world.port, testContext.onTestFinished);
  const context = await browser.newContext();
  testContext.onTestFinished(() => context.close());
  if (prepare) await context.addInitScript(prepare);
  const open = () => openTab(context, network.url);
  const tabs = await Promise.all(Array.from({ length: count }, open));
  const [first] = tabs;
  if (first === undefined) throw new Error("no tab");
  await first.evaluate(({ login, password }) => client.login(login, password), ann);
  // The other tabs see the login of the first one a moment later.
  for (const tab of tabs) await testContext.expect.poll(() => loginIn(tab)).toBe("ann");
  world.calls.length = 0;
  return { clock, world, network, context, open, tabs, first, others: tabs.slice(1) };
}

async function openTab(context: BrowserContext, url: string): Promise<Page> {
  const tab = await context.newPage();
  await tab.goto(url);
  await tab.waitForFunction(() => "client" in globalThis);
  return tab;
}

/** Returns the login that a guarded route saw in each of `count` concurrent calls, or the failure of the call. */
const callIn = (tab: Page, count = 1): Promise<unknown[]> =>
  tab.evaluate(async (calls) => {
    const call = async () => {
      const response = await client.fetch("/guarded");
      return response.ok ? (await response.json()).login : response.status;
    };
    return Promise.all(Array.from({ length: calls }, () => call().catch((error) => error.code ?? String(error))));
  }, count);

/** Changes the record as if the token had come this much earlier, by the clock of the device. */
const ageIn = (tab: Page, seconds: number): Promise<void> =>
  tab.evaluate((age) => {
    for (const [name, text] of Object.entries(localStorage)) {
      if (!name.endsWith("/api/security")) continue;
      const record = JSON.parse(text);
      localStorage.setItem(name, JSON.stringify({ ...record, receivedMs: record.receivedMs - age * 1000 }));
    }
  }, seconds);

const loginIn = (tab: Page): Promise<string | undefined> => tab.evaluate(async () => (await client.session())?.login);

const withoutLocks = () => void Object.defineProperty(Navigator.prototype, "locks", { value: undefined });

const locks: readonly (readonly [name: string, prepare: (() => void) | undefined])[] = [
  ["with Web Locks", undefined],
  ["without Web Locks", withoutLocks],
];

describe.each(locks)("three tabs %s", (_, prepare) => {
  const options = { prepare };

  it("three tabs renew once when the server rejects their token as expired", async () => {
    const { clock, world, tabs } = await openTabs(options);
    clock.advance(1000);
    const results = await Promise.all(tabs.map((tab) => callIn(tab, 20)));
    expect(results.flat()).toEqual(times(60, "ann"));
    expect(await world.count("renew")).toBe(1);
    expect(distinctRenewals(world).size).toBeLessThanOrEqual(distinctMax(prepare));
  });

  it("three tabs renew once when their token is due", async () => {
    const { clock, world, open, tabs, first } = await openTabs(options);
    clock.advance(1000);
    await ageIn(first, 1000);
    await Promise.all(tabs.map((tab) => tab.close()));
    const fresh = await Promise.all([open(), open(), open()]);
    const results = await Promise.all(fresh.map((tab) => callIn(tab, 20)));
    expect(results.flat()).toEqual(times(60, "ann"));
    expect(await world.count("renew")).toBe(1);
    expect(distinctRenewals(world).size).toBeLessThanOrEqual(distinctMax(prepare));
    expect(world.requests.filter((one) => one === "GET /guarded")).toHaveLength(60);
  });

  it("two tabs repeat the renewal of a third one, which was closed before it got the response", async () => {
    const { clock, world, network, first, others } = await openTabs(options);
    clock.advance(1000);
    network.cuts = (sent) => sent.includes("/renew");
    await first.evaluate(() => void client.fetch("/guarded"));
    await expect.poll(() => renewals(world).length, { interval: 5 }).toBeGreaterThan(0);
    await first.close();
    network.cuts = () => false;
    // Long after the grace the server accepts only the stored token together with the stored key.
    clock.advance(3600);
    await others[0]?.evaluate(() => {
      // The lock that the closed tab left lasts for 25 s. Here this time is over.
      for (const name of Object.keys(localStorage)) if (name.endsWith(" lock")) localStorage.setItem(name, "0");
    });
    const results = await Promise.all(others.map((tab) => callIn(tab, 5)));
    expect(results.flat()).toEqual(times(10, "ann"));
    expect(distinctRenewals(world).size).toBe(1);
    expect(await world.count("renew")).toBe(1);
    expect(await world.count("renew_replayed")).toBe(0);
  });

  it("three tabs renew once although responses are lost", async () => {
    const { clock, world, network, tabs } = await openTabs(options);
    clock.advance(1000);
    network.cuts = losing("/api/security/renew", 2);
    const results = await Promise.all(tabs.map((tab) => callIn(tab, 5)));
    expect(results.flat()).toEqual(times(15, "ann"));
    expect(await world.count("renew")).toBe(1);
    const keys = new Set(renewals(world).map(({ idempotencyKey }) => idempotencyKey));
    expect(keys.size).toBeLessThanOrEqual(distinctMax(prepare));
  });
});

// These tests wait for a slow network or for deadlines of the client, so they run concurrently.
describe.concurrent("three tabs that have to wait", () => {
  it.for(locks)("three tabs %s renew once over a slow network", async ([_, prepare], testContext) => {
    const { clock, world, context, tabs } = await openTabs({ prepare, testContext });
    for (const tab of tabs) {
      const protocol = await context.newCDPSession(tab);
      const conditions = { offline: false, latency: 300, downloadThroughput: 6_000, uploadThroughput: 6_000 };
      await protocol.send("Network.enable");
      await protocol.send("Network.emulateNetworkConditions", conditions);
    }
    clock.advance(1000);
    const results = await Promise.all(tabs.map((tab) => callIn(tab, 3)));
    testContext.expect(results.flat()).toEqual(times(9, "ann"));
    testContext.expect(await world.count("renew")).toBe(1);
    testContext.expect(distinctRenewals(world).size).toBeLessThanOrEqual(distinctMax(prepare));
  });

  it("three tabs keep their session offline and continue at once when the network is back", async (testContext) => {
    const { clock, world, context, tabs, first } = await openTabs({ testContext });
    clock.advance(1000);
    await ageIn(first, 1000);
    await context.setOffline(true);
    const results = await Promise.all(tabs.map((tab) => callIn(tab)));
    testContext.expect(results).toEqual(times(3, ["unavailable"]));
    testContext.expect(await Promise.all(tabs.map(loginIn))).toEqual(times(3, "ann"));
    await context.setOffline(false);
    testContext.expect(await Promise.all(tabs.map((tab) => callIn(tab)))).toEqual(times(3, ["ann"]));
    testContext.expect(await world.count("renew")).toBe(1);
  });

  it("a tab takes over a lock that another page never releases", { timeout: 180_000 }, async (testContext) => {
    const { clock, world, network, first, others } = await openTabs({ count: 2, testContext });
    clock.advance(1000);
    await first.evaluate((name) => {
      void navigator.locks.request(name, () => new Promise(() => {}));
    }, `ampho ${network.url}/api/security`);
    testContext.expect(await callIn(others[0] ?? first, 3)).toEqual(times(3, "ann"));
    testContext.expect(await world.count("renew")).toBe(1);
  });
});

describe("three tabs", () => {
  it("three tabs notice the logout and the login of one of them", async () => {
    const { tabs, first, others } = await openTabs();
    const [second] = others;
    const reportedIn = (tab: Page) => tab.evaluate(() => reported);
    for (const tab of tabs) await expect.poll(() => reportedIn(tab)).toEqual(["ann"]);
    await second?.evaluate(() => client.logout());
    for (const tab of tabs) await expect.poll(() => reportedIn(tab)).toEqual(["ann", undefined]);
    expect(await Promise.all(tabs.map((tab) => callIn(tab)))).toEqual(times(3, [401]));
    await second?.evaluate(({ login, password }) => client.login(login, password), ben);
    // The browser reports the write of one tab to the others a moment later.
    for (const tab of tabs) await expect.poll(() => reportedIn(tab)).toEqual(["ann", undefined, "ben"]);
    expect(await callIn(first)).toEqual(["ben"]);
  });

  it("three tabs keep their session while the server is unavailable", async () => {
    const { clock, world, tabs } = await openTabs();
    clock.advance(1000);
    world.intercept = (request, response) => {
      if (!request.url?.endsWith("/renew")) return false;
      response.writeHead(503, { "Retry-After": "5" }).end('{"error":"unavailable","message":"Down."}');
      return true;
    };
    expect(await Promise.all(tabs.map((tab) => callIn(tab, 5)))).toEqual(times(3, times(5, "unavailable")));
    expect(renewals(world)).toHaveLength(3);
    world.intercept = undefined;
    await wait(5100);
    expect(await Promise.all(tabs.map((tab) => callIn(tab)))).toEqual(times(3, ["ann"]));
    expect(await world.count("renew")).toBe(1);
  });

  it("three tabs notice at their next call that the session was ended", async () => {
    const { world, tabs } = await openTabs();
    const { id = "" } = (await world.ampho.users.find("ann")) ?? {};
    await world.ampho.sessions.endForUser(id);
    const results = await Promise.all(tabs.map((tab) => callIn(tab, 3)));
    // A tab that calls after another tab noticed the end sends no token and gets 401.
    expect(results.flat().filter((result) => result !== 401 && result !== "session_ended")).toEqual([]);
    expect(results.flat()).toContain("session_ended");
    expect(await Promise.all(tabs.map(loginIn))).toEqual(times(3, undefined));
  });

  it.each([-365, -1, 1, 365])("three tabs work with a clock that is wrong by %i days", async (days) => {
    const { world, context, open, tabs } = await openTabs();
    await Promise.all(tabs.map((tab) => tab.close()));
    await context.addInitScript((by) => {
      const now = Date.now;
      Date.now = () => now() + by * 86_400_000;
    }, days);
    const skewed = await Promise.all([open(), open(), open()]);
    for (let round = 0; round < 3; round++)
      expect(await Promise.all(skewed.map((tab) => callIn(tab, 3)))).toEqual(times(3, times(3, "ann")));
    // The clock has jumped since the token came, which costs one renewal.
    expect(await world.count("renew")).toBe(1);
    expect(distinctRenewals(world).size).toBe(1);
  });

  it("three tabs continue after the laptop slept, even during a renewal", async () => {
    const { clock, world, network, context, tabs } = await openTabs();
    const protocols = await Promise.all(tabs.map((tab) => context.newCDPSession(tab)));
    const turn = (state: "frozen" | "active") =>
      Promise.all(protocols.map((protocol) => protocol.send("Page.setWebLifecycleState", { state })));
    clock.advance(1000);
    network.delayMs = 300;
    const call = () => {
      woken = client.fetch("/guarded");
    };
    await Promise.all(tabs.map((tab) => tab.evaluate(call)));
    await expect.poll(() => renewals(world).length, { interval: 5 }).toBe(1);
    await turn("frozen");
    await wait(500);
    network.delayMs = 0;
    // The grace is long over.
    clock.advance(600);
    await turn("active");
    const statuses = await Promise.all(tabs.map((tab) => tab.evaluate(async () => (await woken).status)));
    expect(statuses).toEqual(times(3, 200));
    await turn("frozen");
    clock.advance(3600);
    await turn("active");
    expect(await Promise.all(tabs.map((tab) => callIn(tab)))).toEqual(times(3, ["ann"]));
    expect([await world.count("renew"), await world.count("renew_replayed")]).toEqual([2, 0]);
  });

  it("three tabs continue their session after a week", async () => {
    const { clock, world, open, tabs, first } = await openTabs();
    await ageIn(first, week);
    clock.advance(week);
    await Promise.all(tabs.map((tab) => tab.close()));
    const restored = await Promise.all([open(), open(), open()]);
    expect(await Promise.all(restored.map((tab) => callIn(tab, 3)))).toEqual(times(3, times(3, "ann")));
    expect(await world.count("renew")).toBe(1);
    expect(distinctRenewals(world).size).toBe(1);
  });

  it("two tabs report session_ended after the time limit of the session", async () => {
    const { clock, open, tabs, first } = await openTabs();
    await ageIn(first, 3 * week);
    clock.advance(3 * week);
    await Promise.all(tabs.map((tab) => tab.close()));
    const restored = await Promise.all([open(), open()]);
    const session = (tab: Page): Promise<ClientSession | undefined> => tab.evaluate(() => client.session());
    expect(await Promise.all(restored.map((tab) => callIn(tab)))).toEqual(times(2, ["session_ended"]));
    expect(await Promise.all(restored.map(session))).toEqual(times(2, undefined));
  });
});

describe("a tab", () => {
  it("a tab that the back button restores reads again which user is signed in", async () => {
    const { first } = await openTabs({ count: 1 });
    await first.evaluate(() => {
      localStorage.clear();
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    });
    await expect.poll(() => first.evaluate(() => reported)).toEqual(["ann", undefined]);
  });

  it("a logout reaches the server although the user leaves the page at once", async () => {
    const { world, first } = await openTabs({ count: 1 });
    await first.evaluate(() => {
      void client.logout();
      location.href = "about:blank";
    });
    await expect.poll(() => world.count("logout")).toBe(1);
  });

  it("a tab never sends its token to another origin, even after a redirect", async () => {
    const { first } = await openTabs({ count: 1 });
    const heads: (string | undefined)[] = [];
    const { url } = await listening((request, response) => {
      heads.push(request.headers.authorization ?? request.headers["access-control-request-headers"]);
      response.writeHead(200, { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*" }).end("{}");
    });
    const target = `${url}/`;
    await first.evaluate(async (to) => {
      await client.fetch(to);
      for (const status of [301, 302, 303, 307, 308])
        await client.fetch(`/moved?status=${status}&to=${encodeURIComponent(to)}`).catch(() => undefined);
    }, target);
    expect(heads.length).toBeGreaterThanOrEqual(6);
    expect(heads.filter((head) => head !== undefined && /bearer|authorization/i.test(head))).toEqual([]);
  });

  it("a tab of another origin works with a server that allows its origin", async () => {
    const { url: origin } = await listening((request, response) => {
      const isScript = request.url === "/client.js";
      response.writeHead(200, { "Content-Type": isScript ? "text/javascript" : "text/html" });
      response.end(isScript ? script : "<!doctype html><title>Elsewhere</title>");
    });
    const clock = settableClock();
    const world = await openWorld({ clock, corsOrigins: [origin] });
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const tab = await context.newPage();
    await tab.goto(origin);
    await tab.addScriptTag({
      type: "module",
      content: `import { createClient } from "/client.js"; globalThis.client = createClient({ baseUrl: "${world.url}" });`,
    });
    await tab.waitForFunction(() => "client" in globalThis);
    await tab.evaluate(({ login, password }) => client.login(login, password), ann);
    clock.advance(1000);
    const seen = await tab.evaluate(async () => (await (await client.fetch("/api/security/session")).json()).login);
    expect(seen).toBe("ann");
    await tab.evaluate(() => client.logout());
    expect(await world.events()).toEqual(expect.arrayContaining(["login", "renew", "logout"]));
  });

  it("a tab with a blocked storage keeps its session in memory", async () => {
    const { clock, first } = await openTabs({
      count: 1,
      prepare: () =>
        void Object.defineProperty(globalThis, "localStorage", {
          get: () => {
            throw new DOMException("blocked", "SecurityError");
          },
        }),
    });
    clock.advance(1000);
    expect(await callIn(first, 3)).toEqual(times(3, "ann"));
  });
});
