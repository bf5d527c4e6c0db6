// The page "Sign in with Google, step by step" of docs/guides/providers.md, copied, with a real provider in a real browser.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import type { Message } from "../../dist/index.js";
import { snippets } from "../docs/snippets.js";
import { openAmpho } from "../world/ampho.js";
import { listening } from "../world/listen.js";
import { startOpenIdProvider } from "../world/open-id-provider.js";
import { browserTimeoutMs, openBrowser } from "./browser.js";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
}, browserTimeoutMs);
afterAll(() => browser?.close());

/** The page to which the login returns. */
const account = `<!doctype html><title>Account</title><p id="user"></p><script type="module">
  import { createClient, createOutside } from "/ampho/outside.js";
  const client = createClient({ baseUrl: "/", cookies: true });
  await createOutside(client).returned();
  const session = await client.session();
  document.querySelector("#user").textContent = session?.login ?? "signed out";
</script>`;

async function openShop() {
  const server = createServer();
  // The cookies of the page are secure, which a browser accepts at this name without TLS.
  const { port } = await listening(server);
  const origin = `http://localhost:${port}`;
  const client = { clientId: "shop", clientSecret: "a secret of this test alone" };
  const redirectUris = [`${origin}/api/security/login/outside/google/callback`];
  const provider = await startOpenIdProvider({ ...client, redirectUris });
  const mails: Message[] = [];
  const { ampho } = await openAmpho({
    cookies: true,
    appUrl: origin,
    registration: "open",
    mail: async (mail) => void mails.push(mail),
    providers: {
      google: { issuer: provider.issuer, client_id: client.clientId, client_secret: client.clientSecret },
    },
  });
  const copied = snippets("docs/guides/providers.md", "index.html", "google.js");
  const outside = readFileSync(new URL("../../dist/browser/outside.js", import.meta.url), "utf8");
  const files: Readonly<Record<string, readonly [type: string, text: string]>> = {
    "/": ["text/html", copied["index.html"] ?? ""],
    "/google.js": ["text/javascript", copied["google.js"] ?? ""],
    "/ampho/outside.js": ["text/javascript", outside],
    "/account": ["text/html", account],
  };
  const api = mount(ampho);
  server.on("request", (request, response) => {
    const { pathname } = new URL(request.url ?? "/", origin);
    const file = files[pathname];
    if (file === undefined) return void api(request, response);
    response.setHeader("Content-Type", `${file[0]}; charset=utf-8`).end(file[1]);
  });
  const context = await browser.newContext();
  onTestFinished(async () => {
    await context.close();
    await ampho.close();
  });
  const tab = await context.newPage();
  const signIn = async () => {
    await tab.goto(`${origin}/`, { waitUntil: "networkidle" });
    await tab.click("text=Sign in with Google");
  };
  const codeOf = async (to: string) => {
    const code = () => /^\d\d(?: \d\d){3}$/m.exec(mails.find((mail) => mail.to === to)?.text ?? "")?.[0];
    await expect.poll(code).toBeDefined();
    return code() ?? "";
  };
  return { origin, provider, tab, signIn, codeOf };
}

const signedIn = (tab: Awaited<ReturnType<typeof openShop>>["tab"], login: string) =>
  tab.waitForFunction((user) => document.querySelector("#user")?.textContent === user, login);

it("a new person enters the mailed code on the copied page, and then signs in by its form alone", async () => {
  const { origin, provider, tab, signIn, codeOf } = await openShop();
  provider.user = { sub: "user-1", claims: { email: "gus@example.org", email_verified: true } };
  await signIn();
  await tab.waitForSelector("#proof:not([hidden])");
  expect(await tab.textContent("[role=alert]")).toBe(
    "This identity belongs to no account yet. Prove the account or the address.",
  );
  expect(new URL(tab.url()).search).toBe("");
  await tab.fill("[name=code]", await codeOf("gus@example.org"));
  await tab.click("#proof button");
  await tab.waitForURL(`${origin}/account`);
  await signedIn(tab, "gus@example.org");
  await tab.evaluate(`import("/ampho/outside.js").then(({ createClient }) =>
    createClient({ baseUrl: "/", cookies: true }).logout())`);
  await signIn();
  await tab.waitForURL(`${origin}/account`);
  await signedIn(tab, "gus@example.org");
});

it("the copied page states that the login was cancelled, once", async () => {
  const { origin, provider, tab, signIn } = await openShop();
  provider.cancels = true;
  await signIn();
  await tab.waitForFunction(() => document.querySelector("[role=alert]")?.textContent);
  expect(await tab.textContent("[role=alert]")).toBe("The login at the provider was cancelled.");
  expect(tab.url()).toBe(`${origin}/`);
  await tab.reload({ waitUntil: "networkidle" });
  expect(await tab.textContent("[role=alert]")).toBe("");
});

it("a link of another site shows no error on the copied page", async () => {
  const { origin, tab } = await openShop();
  await tab.goto(`${origin}/?ampho_error=link_needed&ampho_needed=mail`, { waitUntil: "networkidle" });
  expect(await tab.textContent("[role=alert]")).toBe("");
  expect(await tab.isVisible("#proof")).toBe(false);
});
