// Pages that Express renders, in a real Chromium, with access tokens of ten seconds: a live session just goes on.
import { createServer } from "node:http";
import express from "express";
import type { BrowserContext } from "playwright-core";
import { expect, it, onTestFinished } from "vitest";
import { authorize, mount, renew } from "../../dist/adapters/express.js";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { openAmpho, password } from "../world/ampho.js";
import { openPort } from "../world/listen.js";

const ann = { login: "ann", password };

/** The form waits for the end of the token, as its user does. No script of the page renews anything. */
const form = `<!doctype html><form method="post" action="/orders"><input name="article"><button>Order</button></form>`;

async function openShop() {
  const { ampho } = await openAmpho({ cookies: true, tokenTtl: 20, tokenLeeway: 0 }, ann);
  const app = express();
  app.use(mount(ampho), renew(ampho));
  app.get("/", authorize(ampho), (_request, response) => void response.type("html").send(form));
  app.post("/orders", authorize(ampho), express.urlencoded({ extended: false }), (request, response) => {
    response.type("html").send(`<p role="status">${request.body.article} for ${request.auth?.login}</p>`);
  });
  const server = createServer(app);
  const port = await openPort(server);
  const browser = await openBrowser();
  onTestFinished(async () => {
    await browser.close();
    await ampho.drain(server);
    await ampho.close();
  });
  const url = `http://localhost:${port}`;
  const context = await browser.newContext();
  const data = JSON.stringify(ann);
  const headers = { origin: url, "content-type": "application/json" };
  expect((await context.request.post(`${url}/api/security/login`, { headers, data })).status()).toBe(200);
  return { ampho, url, context };
}

const hasToken = async (context: BrowserContext) =>
  (await context.cookies()).some(({ name }) => name === cookieNames.token);

it(
  "a form that was open for longer than the token lives is accepted, in several tabs at once",
  async () => {
    const { ampho, url, context } = await openShop();
    const tabs = await Promise.all(Array.from({ length: 3 }, () => context.newPage()));
    for (const [index, tab] of tabs.entries()) {
      await tab.goto(url);
      await tab.fill("[name=article]", `kettle ${index}`);
    }
    await expect.poll(() => hasToken(context)).toBe(false);
    await Promise.all(tabs.map((tab) => tab.click("button")));
    for (const [index, tab] of tabs.entries())
      await expect.poll(() => tab.textContent("[role=status]")).toBe(`kettle ${index} for ann`);
    expect(await hasToken(context)).toBe(true);
    const events = (await ampho.audit.list({ limit: 100 })).map(({ event }) => event);
    expect(events.filter((event) => event === "renew")).toHaveLength(1);
    expect(events).not.toContain("renew_replayed");
  },
  browserTimeoutMs,
);

it(
  "a form of another site is rejected after the end of the token, and the session stays",
  async () => {
    const { ampho, url, context } = await openShop();
    await context.clearCookies({ name: cookieNames.token });
    const page = await context.newPage();
    // Another port of localhost is the same site, so the browser sends the cookies. Only the origin differs.
    await page.route("http://localhost:9/", (route) =>
      route.fulfill({ contentType: "text/html", body: form.replace("/orders", `${url}/orders`) }),
    );
    await page.goto("http://localhost:9/");
    await page.fill("[name=article]", "evil");
    const [response] = await Promise.all([page.waitForResponse(`${url}/orders`), page.click("button")]);
    expect(response.status()).toBe(401);
    expect((await ampho.audit.list({ limit: 100 })).map(({ event }) => event)).not.toContain("renew");
    await page.goto(url);
    expect(await page.locator("form").count()).toBe(1);
  },
  browserTimeoutMs,
);
