// Follows docs/start/password.md: its two files, with a user, in Chromium. Also the page for Google of docs/guides/providers.md.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { type Consumer, installPacked } from "../examples/packed.js";
import { freePort } from "../world/free-port.js";
import { alice } from "../world/people.js";
import { readPage } from "./evidence.js";
import { environment } from "./readme.js";
import { startServer } from "./start.js";

const page = readPage("docs/start/password.md");
const options = /^```js\n\/\/ ampho\.config\.js\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? "";
const blockOf = (language: string, text = page) =>
  new RegExp(`^\`\`\`${language}\\n.*?\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(text)?.[1] ?? "";
let consumer: Consumer;
let browser: Awaited<ReturnType<typeof openBrowser>>;
beforeAll(async () => {
  [consumer, browser] = await Promise.all([installPacked(), openBrowser()]);
}, browserTimeoutMs);
afterAll(async () => {
  await browser?.close();
  consumer?.remove();
});

it("the page has 25 lines of code and a few for the form, and signs a user in", async () => {
  const { folder, ampho } = consumer;
  const [server, html] = [blockOf("js"), blockOf("html")];
  const code = [server, options, html.split("<script")[1] ?? ""].map((text) => text.trim().split(/\n+/).length);
  expect(code.reduce((sum, lines) => sum + lines)).toBeLessThanOrEqual(25);
  const port = await freePort();
  mkdirSync(path.join(folder, "public"));
  writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(path.join(folder, "server.js"), server.replaceAll("3000", String(port)));
  writeFileSync(path.join(folder, "public/index.html"), html);
  const here = { cwd: folder, env: environment, encoding: "utf8", stdio: "pipe" } as const;
  execFileSync(process.execPath, [ampho, "init"], here);
  writeFileSync(path.join(folder, "ampho.config.js"), options);
  const add = [ampho, "user-add", alice.login, "--password-stdin"];
  execFileSync(process.execPath, add, { ...here, input: alice.password });
  const running = startServer("node --env-file=.env server.js", folder, environment);
  try {
    const url = `http://localhost:${port}`;
    await expect.poll(running.output).toContain(url);
    expect((await fetch(`${url}/hello`)).status).toBe(401);
    const tab = await browser.newPage();
    await tab.goto(url);
    await tab.fill("[name=login]", alice.login);
    await tab.fill("[name=password]", "a wrong password");
    await tab.click("button");
    await expect.poll(() => tab.textContent("output")).toContain("wrong");
    await tab.fill("[name=password]", alice.password);
    await tab.click("button");
    await expect.poll(() => tab.textContent("output")).toBe(`Hello ${alice.login}`);
  } finally {
    await running.stop();
  }
}, 180_000);

it("the page for Google imports what the built file for browsers has", async () => {
  const text = readPage("docs/guides/providers.md");
  const [, names = ""] = /import \{ (.*) \} from "\/ampho\/outside.js"/.exec(text) ?? [];
  const built = (await import(path.join(consumer.folder, "node_modules/ampho/dist/browser/outside.js"))) as object;
  expect(names.split(", ").length).toBe(3);
  for (const name of names.split(", ")) expect(built).toHaveProperty(name);
});
