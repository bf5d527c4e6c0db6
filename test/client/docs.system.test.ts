// Runs the snippets of docs/guides/passkeys.md unchanged, in the page that they describe.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { snippets } from "../docs/snippets.js";
import { freshFolder } from "../world/folder.js";
import { claimsOf } from "../world/tokens.js";
import { addAuthenticator } from "./authenticator.js";
import { levelOf, openShop, useBrowser } from "./passkey-shop.js";
import { ann } from "./world.js";

useBrowser();

const readPage = (name: string) => readFileSync(new URL(`../../docs/guides/${name}`, import.meta.url), "utf8");
const page = readPage("passkeys.md");
const snippetsOf = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(([, code = ""]) => code);

it("the snippets of docs/guides/passkeys.md with the client run in a page, whose user adds a passkey and signs in with it", async () => {
  const [form = ""] = snippetsOf("html");
  const [logIn = "", manage = ""] = snippetsOf("ts");
  const script = `<!doctype html>${form}<pre></pre><script type="module">
    const show = (text) => document.querySelector("pre").append(text);
    ${logIn.replace("ampho/client/full", "/ways.js")}
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

declare global {
  /** The functions of docs/guides/passkeys.md. */
  var shown: {
    call(method: string, route: string, body: object): Promise<{ readonly token: string }>;
    addPasskey(token: string, name: string): Promise<readonly string[] | undefined>;
    logInWithPasskey(mediation?: string): Promise<{ readonly token: string }>;
  };
}

it("the code of docs/guides/passkeys.md adds a passkey in a page and signs in with it, also by autofill", async () => {
  const folder = freshFolder();
  const files = snippets("docs/guides/passkeys.md", "call.ts", "log-in-with-passkey.ts", "add-passkey.ts");
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const contents = Object.keys(files).map((name) => `export * from "./${name}";`);
  const { outputFiles } = await build({
    stdin: { contents: contents.join("\n"), resolveDir: folder, loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "browser",
    write: false,
    logLevel: "silent",
  });
  const [, field = ""] = /^```html\n(.*?)^```$/ms.exec(readPage("passkeys.md")) ?? [];
  const text = `<!doctype html>${field}<script type="module">
    import * as shown from "/page.js";
    Object.assign(globalThis, { shown, ways: 0 });
  </script>`;
  const { tab } = await openShop(false, {}, { "/": text, "/page.js": outputFiles[0]?.text ?? "" });
  await addAuthenticator(tab);
  const [codes, ...tokens] = await tab.evaluate(async ({ login, password }) => {
    const { token } = await shown.call("POST", "/login", { login, password });
    const added = await shown.addPasskey(token, "Phone");
    const alone = await shown.logInWithPasskey();
    const filled = await shown.logInWithPasskey("conditional");
    return [added?.length, alone.token, filled.token] as const;
  }, ann);
  expect(codes).toBe(8);
  for (const token of tokens) expect(claimsOf(token)).toMatchObject({ login: "ann", acr: "phr", amr: ["hwk", "mfa"] });
});
