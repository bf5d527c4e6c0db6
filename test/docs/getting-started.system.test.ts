// Follows docs/getting-started.md to the letter: writes its files, runs its commands, and uses its pages in Chromium.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";
import { addAuthenticator } from "../client/authenticator.js";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { type Consumer, installPacked } from "../examples/packed.js";
import { freePort } from "../world/free-port.js";
import { environment, root } from "./readme.js";

const page = readFileSync(path.join(root, "docs/getting-started.md"), "utf8");
const password = "violet kettle harbour morning";

/** The blocks whose first line is a comment with the name of a file. */
const files = [...page.matchAll(/^```(?:js|html|css)\n(?:\/\/|<!--|\/\*) (\S+).*\n([\s\S]*?)^```$/gm)].map(
  ([, name = "", text = ""]) => ({ name, text }),
);

let consumer: Consumer;
let browser: Browser;
let tab: Page;
let output = "";
let server: ReturnType<typeof spawn>;
let url: string;

beforeAll(async () => {
  consumer = await installPacked();
  const { folder, ampho } = consumer;
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module" }));
  execFileSync(process.execPath, [ampho, "init"], { cwd: folder, env: environment, stdio: "pipe" });
  for (const name of ["public", "pages"]) mkdirSync(path.join(folder, name));
  const port = await freePort();
  url = `http://localhost:${port}`;
  // The page has the port 3000, which another program can use here.
  for (const { name, text } of files)
    writeFileSync(
      path.join(folder, name),
      text.replaceAll(":3000", `:${port}`).replace("listen(3000", `listen(${port}`),
    );
  expect(page).toContain("node --env-file=.env server.js\n");
  server = spawn(process.execPath, ["--env-file=.env", "server.js"], { cwd: folder, env: environment });
  for (const stream of [server.stdout, server.stderr])
    stream?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  browser = await openBrowser();
  await vi.waitFor(() => expect(output).toContain(url), { timeout: 60_000 });
  tab = await browser.newPage();
  // Autofill would sign in before the test clicks, because a virtual authenticator does not wait.
  await tab.addInitScript(() => {
    Object.defineProperty(PublicKeyCredential, "isConditionalMediationAvailable", { value: undefined });
  });
}, browserTimeoutMs);

afterAll(async () => {
  await browser?.close();
  server?.kill("SIGKILL");
  consumer?.remove();
});

const isAccount = () => tab.waitForURL(`${url}/account`);

it("the page names each file of the project once", () => {
  expect(files.map(({ name }) => name)).toEqual([
    ...["server.js", "public/index.html", "public/sign-in.js"],
    ...["pages/account.html", "public/account.js", "public/style.css"],
  ]);
});

it("a visitor without a session is sent to the sign-in page", async () => {
  await tab.goto(`${url}/account`);
  expect(new URL(tab.url()).pathname).toBe("/");
  expect((await fetch(`${url}/api/orders`)).status).toBe(401);
});

it("a visitor registers with the code that the terminal shows", async () => {
  await tab.fill("#register [name=email]", "ann@example.org");
  await tab.click("#register button");
  await expect.poll(() => output).toMatch(/\d\d \d\d \d\d \d\d/);
  const [code = ""] = /\d\d \d\d \d\d \d\d/.exec(output) ?? [];
  await tab.fill("#confirm [name=code]", code);
  await tab.fill("#confirm [name=password]", password);
  await tab.click("#confirm button");
  await isAccount();
  await expect.poll(() => tab.textContent("#orders")).toBe("ann@example.org has no orders yet.");
});

it("the user adds a passkey, signs out, and signs in with it, alone and after the password", async () => {
  await addAuthenticator(tab);
  await tab.click("#add");
  await expect.poll(() => tab.locator("#passkeys li").allTextContents()).toEqual(["This device"]);
  expect((await tab.textContent("#codes"))?.trim().split("\n")).toHaveLength(9);
  const picture = process.env["AMPHO_TEST_PICTURE"];
  if (picture !== undefined) await takePicture(picture);
  await signOut();
  await tab.click("#passkey");
  await isAccount();
  await signOut();
  await tab.fill("#sign-in [name=email]", "ann@example.org");
  await tab.fill("#sign-in [name=password]", password);
  await tab.click("#sign-in button:not([type])");
  await isAccount();
});

async function signOut(): Promise<void> {
  await tab.click("#sign-out");
  await tab.waitForURL(`${url}/`);
  await tab.waitForLoadState("load");
}

/** Writes the picture of the page. */
async function takePicture(file: string): Promise<void> {
  await tab.setViewportSize({ width: 560, height: 620 });
  rmSync(file, { force: true });
  await tab.screenshot({ path: file });
}
