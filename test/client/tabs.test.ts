// `ampho/client` in a real Chromium: tabs of one origin that share a session, over networks that lose and delay answers.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, type TestContext } from "vitest";
import type { Client, ClientSession } from "../../dist/client/client.js";
import { settableClock } from "../world/clock.js";
import { browserTimeoutMs, openBrowser } from "./browser.js";
import { bundleClient } from "./bundle.js";
import { losing, openNetwork } from "./cutting.js";
import { wait } from "./kept.js";
import { ann, ben, openWorld, type World } from "./world.js";

declare global {
  // What the page puts there.
  var client: Client;
  var told: (string | undefined)[];
  /** What was called before the laptop slept. */
  var woken: Promise<Response>;
}

const page = `<!doctype html><title>A tab</title><script type="module">
  import { createClient } from "/client.js";
  globalThis.client = createClient({ baseUrl: "/" });
  globalThis.told = [];
  client.onChange((session) => void told.push(session?.login));
</script>`;

let browser: Browser;
let script: string;
beforeAll(async () => {
  [browser, { text: script }] = await Promise.all([openBrowser(), bundleClient()]);
}, browserTimeoutMs);
afterAll(() => browser?.close());

const week = 7 * 86_400;
const renewals = ({ calls }: World) => calls.filter(({ path }) => path.endsWith("/renew"));
/** Where a busy browser lets a tab see late what another has written, both ask, by one key: it counts as one. */
const askedBy = (world: World) =>
  new Set(renewals(world).map(({ idempotencyKey, body }) => `${idempotencyKey} ${body}`));
/**
 * Without Web Locks a busy browser may show one tab so late what another has written that it takes the lock as well and asks
 * by a key of its own, which moves nothing within the grace: the lock only saves requests.
 */
const askersMax = (prepare: Opening["prepare"]) => (prepare === withoutLocks ? 3 : 1);
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

interface Opening {
  /** Runs in each tab before anything else does. */
  readonly prepare?: (() => void) | undefined;
  readonly count?: number;
  /** Of a test that runs beside others. */
  readonly test?: Pick<TestContext, "expect" | "onTestFinished">;
}

/** Three tabs; ann has logged in in the first. */
async function openTabs({ prepare, count = 3, test = { expect, onTestFinished } }: Opening = {}) {
  const clock = settableClock();
  const world = await openWorld({ clock }, (path) => ({ "/": page, "/client.js": script })[path], test.onTestFinished);
  const network = await openNetwork(world.port, test.onTestFinished);
  const context = await browser.newContext();
  test.onTestFinished(() => context.close());
  if (prepare) await context.addInitScript(prepare);
  const open = () => openTab(context, network.url);
  const tabs = await Promise.all(Array.from({ length: count }, open));
  const [first] = tabs;
  if (first === undefined) throw new Error("no tab");
  await first.evaluate(({ login, password }) => client.login(login, password), ann);
  // What one tab keeps takes its time to be seen in another.
  for (const tab of tabs) await test.expect.poll(() => loginIn(tab)).toBe("ann");
  world.calls.length = 0;
  return { clock, world, network, context, open, tabs, first, others: tabs.slice(1) };
}

async function openTab(context: BrowserContext, url: string): Promise<Page> {
  const tab = await context.newPage();
  await tab.goto(url);
  await tab.waitForFunction(() => "client" in globalThis);
  return tab;
}

/** Whom a guarded route saw in so many calls at once, or how each failed. */
const callIn = (tab: Page, count = 1): Promise<unknown[]> =>
  tab.evaluate(async (calls) => {
    const call = async () => {
      const response = await client.fetch("/guarded");
      return response.ok ? (await response.json()).login : response.status;
    };
    return Promise.all(Array.from({ length: calls }, () => call().catch((error) => error.code ?? String(error))));
  }, count);

/** As if the token had come so much earlier, by the clock of the device. */
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

  it("renew once when all find the token expired", async () => {
    const { clock, world, tabs } = await openTabs(options);
    clock.advance(1000);
    const answers = await Promise.all(tabs.map((tab) => callIn(tab, 20)));
    expect(answers.flat()).toEqual(times(60, "ann"));
    expect(await world.count("renew")).toBe(1);
    expect(askedBy(world).size).toBeLessThanOrEqual(askersMax(prepare));
  });

  it("renew once when all find the token due", async () => {
    const { clock, world, open, tabs, first } = await openTabs(options);
    clock.advance(1000);
    await ageIn(first, 1000);
    await Promise.all(tabs.map((tab) => tab.close()));
    const fresh = await Promise.all([open(), open(), open()]);
    const answers = await Promise.all(fresh.map((tab) => callIn(tab, 20)));
    expect(answers.flat()).toEqual(times(60, "ann"));
    expect(await world.count("renew")).toBe(1);
    expect(askedBy(world).size).toBeLessThanOrEqual(askersMax(prepare));
    expect(world.requests.filter((one) => one === "GET /guarded")).toHaveLength(60);
  });

  it("survive that the one which renews is closed, and that its answer is never seen", async () => {
    const { clock, world, network, first, others } = await openTabs(options);
    clock.advance(1000);
    network.cuts = (sent) => sent.includes("/renew");
    await first.evaluate(() => void client.fetch("/guarded"));
    await expect.poll(() => renewals(world).length, { interval: 5 }).toBeGreaterThan(0);
    await first.close();
    network.cuts = () => false;
    // Long after the grace: only token and key, both as they were kept, are good now.
    clock.advance(3600);
    await others[0]?.evaluate(() => {
      // What a closed tab leaves behind lasts for 25 s; that much is over.
      for (const name of Object.keys(localStorage)) if (name.endsWith(" lock")) localStorage.setItem(name, "0");
    });
    const answers = await Promise.all(others.map((tab) => callIn(tab, 5)));
    expect(answers.flat()).toEqual(times(10, "ann"));
    expect(askedBy(world).size).toBe(1);
    expect(await world.count("renew")).toBe(1);
    expect(await world.count("renew_replayed")).toBe(0);
  });

  it("renew once though answers are cut off", async () => {
    const { clock, world, network, tabs } = await openTabs(options);
    clock.advance(1000);
    network.cuts = losing("/api/security/renew", 2);
    const answers = await Promise.all(tabs.map((tab) => callIn(tab, 5)));
    expect(answers.flat()).toEqual(times(15, "ann"));
    expect(await world.count("renew")).toBe(1);
    const keys = new Set(renewals(world).map(({ idempotencyKey }) => idempotencyKey));
    expect(keys.size).toBeLessThanOrEqual(askersMax(prepare));
  });
});

/** For a slow network or for deadlines of the client: they wait at once. */
describe.concurrent("three tabs that have to wait", () => {
  it.for(locks)("%s renew once over a throttled network", async ([_, prepare], test) => {
    const { clock, world, context, tabs } = await openTabs({ prepare, test });
    for (const tab of tabs) {
      const protocol = await context.newCDPSession(tab);
      const conditions = { offline: false, latency: 300, downloadThroughput: 6_000, uploadThroughput: 6_000 };
      await protocol.send("Network.enable");
      await protocol.send("Network.emulateNetworkConditions", conditions);
    }
    clock.advance(1000);
    const answers = await Promise.all(tabs.map((tab) => callIn(tab, 3)));
    test.expect(answers.flat()).toEqual(times(9, "ann"));
    test.expect(await world.count("renew")).toBe(1);
    test.expect(askedBy(world).size).toBeLessThanOrEqual(askersMax(prepare));
  });

  it("keep their session offline, and go on at once when the network is back", async (test) => {
    const { clock, world, context, tabs, first } = await openTabs({ test });
    clock.advance(1000);
    await ageIn(first, 1000);
    await context.setOffline(true);
    const answers = await Promise.all(tabs.map((tab) => callIn(tab)));
    test.expect(answers).toEqual(times(3, ["unavailable"]));
    test.expect(await Promise.all(tabs.map(loginIn))).toEqual(times(3, "ann"));
    await context.setOffline(false);
    test.expect(await Promise.all(tabs.map((tab) => callIn(tab)))).toEqual(times(3, ["ann"]));
    test.expect(await world.count("renew")).toBe(1);
  });

  it("take over a lock from a page that never gives it back", { timeout: 60_000 }, async (test) => {
    const { clock, world, network, first, others } = await openTabs({ count: 2, test });
    clock.advance(1000);
    await first.evaluate((name) => {
      void navigator.locks.request(name, () => new Promise(() => {}));
    }, `ampho ${network.url}/api/security`);
    test.expect(await callIn(others[0] ?? first, 3)).toEqual(times(3, "ann"));
    test.expect(await world.count("renew")).toBe(1);
  });
});

describe("three tabs", () => {
  it("see a logout and a login of one of them", async () => {
    const { tabs, first, others } = await openTabs();
    const [second] = others;
    const toldIn = (tab: Page) => tab.evaluate(() => told);
    for (const tab of tabs) await expect.poll(() => toldIn(tab)).toEqual(["ann"]);
    await second?.evaluate(() => client.logout());
    for (const tab of tabs) await expect.poll(() => toldIn(tab)).toEqual(["ann", undefined]);
    expect(await Promise.all(tabs.map((tab) => callIn(tab)))).toEqual(times(3, [401]));
    await second?.evaluate(({ login, password }) => client.login(login, password), ben);
    // What one tab writes, the browser tells the others in a moment.
    for (const tab of tabs) await expect.poll(() => toldIn(tab)).toEqual(["ann", undefined, "ben"]);
    expect(await callIn(first)).toEqual(["ben"]);
  });

  it("keep their session while the server is away", async () => {
    const { clock, world, tabs } = await openTabs();
    clock.advance(1000);
    world.intercept = (request, response) => {
      if (!request.url?.endsWith("/renew")) return false;
      response.writeHead(503, { "Retry-After": "1" }).end('{"error":"unavailable","message":"Away."}');
      return true;
    };
    expect(await Promise.all(tabs.map((tab) => callIn(tab, 5)))).toEqual(times(3, times(5, "unavailable")));
    expect(renewals(world)).toHaveLength(3);
    world.intercept = undefined;
    await wait(1100);
    expect(await Promise.all(tabs.map((tab) => callIn(tab)))).toEqual(times(3, ["ann"]));
    expect(await world.count("renew")).toBe(1);
  });

  it("learn at once that the session was ended", async () => {
    const { world, tabs } = await openTabs();
    const { id = "" } = (await world.ampho.users.find("ann")) ?? {};
    await world.ampho.sessions.endForUser(id);
    const answers = await Promise.all(tabs.map((tab) => callIn(tab, 3)));
    // Whoever calls after another tab has learned it calls as nobody.
    expect(answers.flat().filter((answer) => answer !== 401 && answer !== "session_ended")).toEqual([]);
    expect(answers.flat()).toContain("session_ended");
    expect(await Promise.all(tabs.map(loginIn))).toEqual(times(3, undefined));
  });

  it.each([-365, -1, 1, 365])("work by a clock that is wrong by %i days", async (days) => {
    const { world, context, open, tabs } = await openTabs();
    await Promise.all(tabs.map((tab) => tab.close()));
    await context.addInitScript((by) => {
      const now = Date.now;
      Date.now = () => now() + by * 86_400_000;
    }, days);
    const skewed = await Promise.all([open(), open(), open()]);
    for (let round = 0; round < 3; round++)
      expect(await Promise.all(skewed.map((tab) => callIn(tab, 3)))).toEqual(times(3, times(3, "ann")));
    // The clock has jumped since the token came: that costs one renewal, and no more.
    expect(await world.count("renew")).toBe(1);
    expect(askedBy(world).size).toBe(1);
  });

  it("go on after the laptop slept, also in the midst of a renewal", async () => {
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

  it("come back after a week", async () => {
    const { clock, world, open, tabs, first } = await openTabs();
    await ageIn(first, week);
    clock.advance(week);
    await Promise.all(tabs.map((tab) => tab.close()));
    const restored = await Promise.all([open(), open(), open()]);
    expect(await Promise.all(restored.map((tab) => callIn(tab, 3)))).toEqual(times(3, times(3, "ann")));
    expect(await world.count("renew")).toBe(1);
    expect(askedBy(world).size).toBe(1);
  });

  it("come back after the session's time is up, and say so", async () => {
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
  it("that comes back by the back button looks who is logged in now", async () => {
    const { first } = await openTabs({ count: 1 });
    await first.evaluate(() => {
      localStorage.clear();
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    });
    await expect.poll(() => first.evaluate(() => told)).toEqual(["ann", undefined]);
  });

  it("may be left in the moment of its logout", async () => {
    const { world, first } = await openTabs({ count: 1 });
    await first.evaluate(() => {
      void client.logout();
      location.href = "about:blank";
    });
    await expect.poll(() => world.count("logout")).toBe(1);
  });

  it("sends its token to no other origin, also by redirect", async () => {
    const { first } = await openTabs({ count: 1 });
    const heads: (string | undefined)[] = [];
    const elsewhere = createServer((request, response) => {
      heads.push(request.headers.authorization ?? request.headers["access-control-request-headers"]);
      response.writeHead(200, { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*" }).end("{}");
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void elsewhere.close());
    const target = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
    await first.evaluate(async (to) => {
      await client.fetch(to);
      for (const status of [301, 302, 303, 307, 308])
        await client.fetch(`/moved?status=${status}&to=${encodeURIComponent(to)}`).catch(() => undefined);
    }, target);
    expect(heads.length).toBeGreaterThanOrEqual(6);
    expect(heads.filter((head) => head !== undefined && /bearer|authorization/i.test(head))).toEqual([]);
  });

  it("of another origin works where the server allows it", async () => {
    const pages = createServer((request, response) => {
      const isScript = request.url === "/client.js";
      response.writeHead(200, { "Content-Type": isScript ? "text/javascript" : "text/html" });
      response.end(isScript ? script : "<!doctype html><title>Elsewhere</title>");
    });
    await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void pages.close());
    const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
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

  it("whose storage is blocked works until it is closed", async () => {
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
