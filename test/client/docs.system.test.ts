// Runs the snippets of docs/guides/client.md for passkeys unchanged, in the page that they describe.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { addAuthenticator } from "./authenticator.js";
import { levelOf, openShop, useBrowser } from "./passkey-shop.js";
import { ann } from "./world.js";

useBrowser();

const page = readFileSync(new URL("../../docs/guides/client.md", import.meta.url), "utf8");
const snippetsOf = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(([, code = ""]) => code);

it("the snippets of docs/guides/client.md for passkeys run in a page, whose user adds a passkey and logs in with it", async () => {
  const [form = ""] = snippetsOf("html");
  const [logIn = "", manage = ""] = snippetsOf("ts");
  const script = `<!doctype html>${form}<pre></pre><script type="module">
    const show = (text) => document.querySelector("pre").append(text);
    ${logIn.replace("ampho/client/ways", "/ways.js")}
    globalThis.ways = client;
    globalThis.manage = async () => { ${manage} };
  </script>`;
  const { tab } = await openShop(false, {}, { "/": script });
  await addAuthenticator(tab);
  await tab.evaluate(({ login, password }) => ways.login(login, password), ann);
  await tab.waitForSelector("[data-logged-in]");
  await tab.evaluate("manage()");
  expect(await tab.textContent("pre")).toBe("Phone, 8 codes to print and keep");
  await tab.evaluate(async () => {
    await ways.passkeys.add();
    await ways.logout();
  });
  await tab.waitForSelector("body:not([data-logged-in])");
  await tab.click("#passkey");
  await tab.waitForSelector("[data-logged-in]");
  expect(await levelOf(tab)).toEqual(["ann", "phr", "hwk,mfa"]);
});
