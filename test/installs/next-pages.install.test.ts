// The production build of examples/next in a real Chromium, with access tokens of ten seconds. A live session just goes on in
// pages and server actions, and users sign in by password, passkey and provider.
import type { BrowserContext } from "playwright-core";
import { beforeAll, expect, it, onTestFinished } from "vitest";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import { addAuthenticator } from "../client/authenticator.js";
import { openBrowser } from "../client/browser.js";
import { freePort } from "../world/free-port.js";
import { startOpenIdProvider } from "../world/open-id-provider.js";
import { copyExample, packedWithSqlite, password, serving, shell } from "./project.js";

const node = "24";

async function hasToken(context: BrowserContext): Promise<boolean> {
  return (await context.cookies()).some(({ name }) => name === cookieNames.token);
}

let folder = "";
beforeAll(async () => {
  folder = copyExample("next");
  shell(folder, `npm install --no-audit --no-fund ${await packedWithSqlite()}`, {}, node);
  shell(folder, "npm run build", { NEXT_TELEMETRY_DISABLED: "1" }, node);
});

const environmentOf = (port: number, database: string) => ({
  AMPHO_SECURITY_KEY: shell(folder, "ampho sec-gen-key").stdout.trim(),
  AMPHO_DATABASE_URL: `sqlite:${folder}/${database}`,
  AMPHO_SECURITY_TOKEN_TTL: "10",
  AMPHO_SECURITY_TOKEN_LEEWAY: "0",
  NODE_ENV: "production",
  PORT: String(port),
});

it("a form on Next.js is accepted after the end of the token, and racing tabs and a lost response do no harm", async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = environmentOf(port, "ampho.db");
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
    await expect.poll(() => hasToken(context)).toBe(false);
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

it("a visitor of the Next.js example signs in at a provider, adds a passkey, and orders after the end of the token", async () => {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const client = { clientId: "shop", clientSecret: "a secret of this test alone" };
  const callback = `${url}/api/security/login/outside/acme/callback`;
  const provider = await startOpenIdProvider({ ...client, redirectUris: [callback] });
  provider.user = { sub: "ann", claims: { email: "ann@example.org", email_verified: true } };
  const env = {
    ...environmentOf(port, "outside.db"),
    AMPHO_APP_URL: url,
    // No package is needed for a server that takes mails over HTTP. This one takes none.
    AMPHO_MAIL_URL: "https://:the-key-of-the-mails-of-this-test-alone@127.0.0.1:9/",
    AMPHO_MAIL_FROM: "shop@example.org",
    AMPHO_SECURITY_REGISTRATION: "open",
    AMPHO_SECURITY_PROVIDERS: JSON.stringify({
      acme: {
        issuer: provider.issuer,
        client_id: client.clientId,
        client_secret: client.clientSecret,
        address: "believed",
      },
    }),
  };
  await serving({ folder, command: "exec npm start", env, node, url: `${url}/sign-in` }, async () => {
    const browser = await openBrowser();
    onTestFinished(() => browser.close());
    const context = await browser.newContext();
    const page = await context.newPage();
    await addAuthenticator(page);
    await page.goto(`${url}/sign-in`);
    await page.getByRole("button", { name: "Sign in with Acme" }).click();
    await page.waitForURL(`${url}/account`);
    expect(await page.getByRole("heading").textContent()).toBe("Hello ann@example.org");

    await page.goto(`${url}/sign-in`);
    await page.getByRole("button", { name: "Add a passkey" }).click();
    const passkeys = () =>
      page.evaluate(async () => (await (await fetch("/api/security/passkeys")).json()).passkeys?.length);
    await expect.poll(passkeys).toBe(1);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Use a passkey" }).click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();

    await page.goto(`${url}/account`);
    await page.getByLabel("Article").fill("heron");
    await expect.poll(() => hasToken(context)).toBe(false);
    await page.getByRole("button", { name: "Order" }).click();
    await expect.poll(() => page.getByRole("status").textContent()).toBe("Ordered: heron for ann@example.org");
  });
});
