// An old token, two tabs, a long request, and a program without a host, at the page that asks.
import { expect, it } from "vitest";
import type { AmphoOptions } from "../../dist/index.js";
import { openJar } from "../http/jar.js";
import { openWorld, password } from "../world/ampho.js";
import { addClient, newVerifier, type Query, queryOf, settings, type Ways } from "./connections.js";

const origin = "http://localhost:3000";
const own = { origin, host: "localhost:3000" };
const opened = { "sec-fetch-site": "cross-site", "sec-fetch-dest": "document", "sec-fetch-mode": "navigate" };

async function open(options: AmphoOptions = {}, ways: Ways = {}) {
  const { connect, scopes, scopeTexts } = settings;
  const world = await openWorld({ pages: true, appUrl: origin, scopes, scopeTexts, connect, ...options });
  await world.user("alice", { password, roles: ["editor"] });
  const client = await addClient(world, "reader", ways);
  return { ...world, asks: (more?: Query) => `/account/connect?${queryOf(client, newVerifier(), more)}` };
}

type Opened = Awaited<ReturnType<typeof open>>;

/** A browser. `isLost`: it gets no response. */
function browserOf({ ampho }: Opened) {
  const jar = openJar();
  const send = async (request: Request, isLost = false) => {
    const response = await ampho.fetch(request);
    if (!isLost) jar.keep(response);
    return { status: response.status, to: response.headers.get("location") ?? "", text: await response.text() };
  };
  return {
    get: (path: string) => send(new Request(new URL(path, origin), { headers: { ...opened, cookie: jar.header() } })),
    post(action: string, body: Readonly<Record<string, string>>, isLost = false) {
      const form = { method: "POST", headers: { ...own, cookie: jar.header() }, body: new URLSearchParams(body) };
      return send(new Request(`${origin}/account/${action}`, form), isLost);
    },
  };
}

type Browser = ReturnType<typeof browserOf>;

async function signedIn(world: Opened): Promise<Browser> {
  const browser = browserOf(world);
  await browser.post("sign-in", { login: "alice", password });
  return browser;
}

/** The first page at the end of at most ten redirects. */
async function follow(browser: Browser, path: string) {
  for (let [to, count] = [path, 0]; count < 10; count++) {
    const response = await browser.get(to);
    if (response.status !== 303) return response;
    to = response.to;
  }
  throw new Error("The redirects do not end.");
}

const asking = "reader wants to use your account";

it("M-89: a browser that has missed the response to a proof does not go round between two pages", async () => {
  const world = await open();
  const browser = await signedIn(world);
  world.clock.advance(2);
  await browser.post("sign-in", { login: "alice", password, confirms: "yes" }, true);
  const path = world.asks();
  expect((await follow(browser, path)).text).toContain("Is it you?");
  const { to } = await browser.post("sign-in", { login: "alice", password, confirms: "yes" });
  expect(to).toBe(path);
  expect((await browser.get(to)).text).toContain(asking);
});

it("a browser whose user was deleted comes to the sign-in, and not round and round", async () => {
  const world = await open();
  const browser = await signedIn(world);
  await world.ampho.users.remove("alice");
  expect((await follow(browser, world.asks())).text).toContain('action="/account/sign-in"');
});

it("a connection that has ended in another tab is no reason to show the page that asks", async () => {
  const browser = await signedIn(await open());
  const { status, text } = await browser.post("connections/end", { id: `0.${"x".repeat(22)}` });
  expect(status).toBe(404);
  expect(text).toContain("This page does not exist, or what it was about is gone.");
  expect(text).toContain("<h1>Your account</h1>");
});

it("the longest request of an application waits behind the sign-in", async () => {
  const world = await open();
  const browser = browserOf(world);
  const rest = world.asks({ state: "" }).split("?")[1] ?? "";
  const state = '"'.repeat(Math.floor((2048 - rest.length) / 3));
  const path = world.asks({ state });
  expect((path.split("?")[1] ?? "").length).toBeGreaterThan(2040);
  expect((await follow(browser, path)).text).toContain('action="/account/sign-in"');
  const { to } = await browser.post("sign-in", { login: "alice", password });
  expect(to).toBe(path);
  expect((await browser.get(to)).text).toContain(asking);
});

it("the way back to a program without a host has a name", async () => {
  const redirect = "com.example.app:/callback";
  const world = await open({}, { redirects: [redirect] });
  const browser = await signedIn(world);
  const { text } = await browser.get(world.asks({ redirect_uri: redirect, scope: "nothing" }));
  expect(text).toContain(">Go back to com.example.app</a>");
});
