// `@simplewebauthn/browser` in a real Chromium against the routes of passkeys, without `ampho/client`.
import { build } from "esbuild";
import { expect, it } from "vitest";
import { addAuthenticator } from "./authenticator.js";
import { openShop, useBrowser } from "./passkey-shop.js";
import { ann } from "./world.js";

useBrowser();

declare global {
  // The page sets it.
  var other: typeof import("@simplewebauthn/browser");
}

async function bundleOther(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: 'export * from "@simplewebauthn/browser";', resolveDir: import.meta.dirname },
    bundle: true,
    format: "esm",
    platform: "browser",
    write: false,
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}

it("a page with @simplewebauthn/browser adds a passkey, signs in with it, and uses it as a second factor", async () => {
  const page = `<script type="module">import * as other from "/other.js"; Object.assign(globalThis, { other, ways: 0 })</script>`;
  const { tab } = await openShop(false, {}, { "/": page, "/other.js": await bundleOther() });
  await addAuthenticator(tab);
  const seen = await tab.evaluate(async ({ login, password }) => {
    const { startRegistration, startAuthentication } = other;
    const call = async (method: string, route: string, body?: object, token = "") => {
      const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
      const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
      return (await fetch(`/api/security${route}`, init)).json();
    };
    const { token } = await call("POST", "/login", { login, password });
    const setUp = await call("POST", "/passkeys/options", {}, token);
    const created = await startRegistration({ optionsJSON: setUp.passkey });
    const added = await call("POST", "/passkeys", { transaction: setUp.transaction, passkey: created }, token);
    const page = await call("GET", "/login");
    const alone = await startAuthentication({ optionsJSON: page.passkey });
    const first = await call("POST", "/login", { transaction: page.transaction, passkey: alone });
    const needed = await call("POST", "/login", { login, password });
    const second = await startAuthentication({ optionsJSON: needed.passkey });
    const last = await call("POST", "/login", { transaction: needed.transaction, passkey: second });
    const amrOf = (text: string) =>
      JSON.parse(atob(text.split(".")[1]?.replace(/-/g, "+").replace(/_/g, "/") ?? "")).amr;
    return [added.passkey.transports, amrOf(first.token), amrOf(last.token)];
  }, ann);
  expect(seen).toEqual([["internal"], ["hwk", "mfa"], ["pwd", "hwk", "mfa"]]);
});
