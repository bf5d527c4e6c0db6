// Related origins (WebAuthn L3 §5.11) in a real Chromium. Two host names lead to one server with TLS, and the browser itself
// fetches `/.well-known/webauthn` of the relying party.
import { hash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { Browser } from "playwright-core";
import { afterEach, expect, it, onTestFinished } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { openAmpho } from "../world/ampho.js";
import { listening } from "../world/listen.js";
import { addAuthenticator } from "./authenticator.js";
import { browserTimeoutMs, openBrowser } from "./browser.js";
import { bundleClient } from "./bundle.js";
import { byPasskey, levelOf, logIn, page } from "./passkey-shop.js";
import { ann } from "./world.js";

const party = "https://app.example.com";
const related = "https://shop.example.org";
const fileOf = (name: string) => readFileSync(new URL(`../store/tls/${name}`, import.meta.url));
const [cert, key] = [fileOf("server.crt"), fileOf("server.key")];
const pin = hash("sha256", new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" }), "base64");

let browser: Browser | undefined;
afterEach(() => browser?.close());

/** Opens a page of each origin. The port is that of a test, so the browser gets the address of both hosts. */
async function openOrigins(origins: readonly string[]) {
  const { ampho } = await openAmpho({ appUrl: `${party}/`, passkeys: { origins } }, ann);
  const { text } = await bundleClient("full");
  const fetched: string[] = [];
  const api = mount(ampho);
  const server = createServer({ cert, key }, (request, response) => {
    if (request.url === "/.well-known/webauthn") fetched.push(String(request.headers.host));
    const served = { "/": page(false), "/ways.js": text }[String(request.url)];
    if (served === undefined) return api(request, response);
    response.setHeader("Content-Type", request.url === "/" ? "text/html" : "text/javascript");
    response.end(served);
  });
  onTestFinished(() => ampho.close());
  const { port } = await listening(server);
  browser = await openBrowser(
    `--host-resolver-rules=MAP * 127.0.0.1:${port}`,
    `--ignore-certificate-errors-spki-list=${pin}`,
  );
  const context = await browser.newContext();
  const open = async (origin: string) => {
    const tab = await context.newPage();
    await tab.goto(`${origin}/`);
    await tab.waitForFunction(() => "ways" in globalThis);
    return tab;
  };
  return { open, fetched };
}

it("a passkey of the relying party signs in on a page of a related origin", {
  timeout: browserTimeoutMs,
}, async () => {
  const { open, fetched } = await openOrigins([related]);
  const home = await open(party);
  const authenticator = await addAuthenticator(home);
  expect(await logIn(home)).toBe("resolved");
  await home.evaluate(() => ways.passkeys.add());
  const [credential] = await authenticator.credentials();
  expect(fetched).toEqual([]);
  const shop = await open(related);
  const other = await addAuthenticator(shop);
  if (credential !== undefined) await other.add(credential);
  expect(await byPasskey(shop)).toBe("resolved");
  expect(await levelOf(shop)).toEqual(["ann", "phr", "hwk,mfa"]);
  expect(fetched).toEqual(["app.example.com"]);
});

it("the browser uses no passkey on a page of an origin that is not listed", {
  timeout: browserTimeoutMs,
}, async () => {
  const { open, fetched } = await openOrigins(["https://other.example.net"]);
  const shop = await open(related);
  await addAuthenticator(shop);
  expect(await byPasskey(shop)).toBe("SecurityError");
  expect(fetched).toEqual(["app.example.com"]);
});
