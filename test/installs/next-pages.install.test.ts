// Pages and server actions of Next.js in a real Chromium, with access tokens of ten seconds: a live session just goes on.
import type { BrowserContext } from "playwright-core";
import { expect, it, onTestFinished } from "vitest";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import { openBrowser } from "../client/browser.js";
import { freePort } from "../world/free-port.js";
import { packed } from "../world/use-shared.js";
import { copyExample, password, serving, shell } from "./project.js";

const node = "24";

async function hasToken(context: BrowserContext): Promise<boolean> {
  return (await context.cookies()).some(({ name }) => name === cookieNames.token);
}

it("a form on Next.js is accepted after the end of the token, and racing tabs and a lost response do no harm", async () => {
  const folder = copyExample("next");
  shell(folder, `npm install --no-audit --no-fund ${await packed()}`, {}, node);
  shell(folder, "npm run build", { NEXT_TELEMETRY_DISABLED: "1" }, node);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    AMPHO_SECURITY_KEY: shell(folder, "ampho sec-gen-key").stdout.trim(),
    AMPHO_DATABASE_URL: `sqlite:${folder}/ampho.db`,
    AMPHO_SECURITY_TOKEN_TTL: "10",
    AMPHO_SECURITY_TOKEN_LEEWAY: "0",
    NODE_ENV: "production",
    PORT: String(port),
  };
  shell(folder, `printf '%s' '${password}' | ampho user-add alice --password-stdin`, env);
  await serving({ folder, command: "exec npm start", env, node, url: `${url}/sign-in` }, async () => {
    const browser = await openBrowser();
    onTestFinished(() => browser.close());
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${url}/sign-in`);
    await page.getByLabel("Login").fill("alice");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect.poll(() => hasToken(context)).toBe(true);

    // The user thinks for longer than the token lives.
    await page.goto(`${url}/account`);
    await page.getByLabel("Article").fill("kettle");
    await expect.poll(() => hasToken(context), { timeout: 60_000 }).toBe(false);
    await page.getByRole("button", { name: "Order" }).click();
    await expect.poll(() => page.getByRole("status").textContent()).toBe("Ordered: kettle for alice");
    expect(await hasToken(context)).toBe(true);

    // Tabs that race with one refresh token.
    await context.clearCookies({ name: cookieNames.token });
    const tabs = await Promise.all(Array.from({ length: 4 }, () => context.newPage()));
    await Promise.all(tabs.map((tab) => tab.goto(`${url}/account`)));
    for (const tab of tabs) expect(await tab.getByRole("heading").textContent()).toBe("Hello alice");

    // The server has responded, and the browser gets nothing of it.
    await context.clearCookies({ name: cookieNames.token });
    const cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
    const agent = await page.evaluate(() => navigator.userAgent);
    const lost = await fetch(`${url}/account`, { headers: { cookie, "user-agent": agent } });
    expect(lost.status).toBe(200);
    await page.reload();
    expect(await page.getByRole("heading").textContent()).toBe("Hello alice");

    // A request of another site renews nothing.
    const foreign = await fetch(`${url}/account`, {
      method: "POST",
      headers: { cookie, origin: "https://evil.example", "sec-fetch-site": "cross-site" },
      body: "article=x",
      redirect: "manual",
    });
    expect(foreign.headers.getSetCookie()).toEqual([]);

    await page.request.post(`${url}/api/security/logout`, { headers: { origin: url } });
    await page.goto(`${url}/account`);
    expect(new URL(page.url()).pathname).toBe("/sign-in");
  });
});
