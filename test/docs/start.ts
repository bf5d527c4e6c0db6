// docs/getting-started.md begins with an empty folder. The tests write the files of a framework, run its commands, and use the
// application in Chromium. `test/docs/start.system.test.ts` has packages that are here anyway, and `start.install.test.ts` installs them.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser, Dialog, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { spawnSync } from "../../scripts/child-process.mjs";
import { addAuthenticator } from "../client/authenticator.js";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { listen } from "../world/listen.js";
import { startGroup } from "../world/process-group.js";
import { readPage } from "./evidence.js";
import { root } from "./readme.js";

export const password = "violet kettle harbour morning";

export interface StartPage {
  readonly framework: string;
  /** The folder of examples/ whose package.json has the versions of the packages. */
  readonly example: string;
}

export const startPages: readonly StartPage[] = [
  { framework: "Express", example: "express" },
  { framework: "Hono", example: "hono" },
  { framework: "Next.js", example: "next" },
];

const file = "docs/getting-started.md";

/** The blocks of a section whose first line is a comment with the name of a file, and its commands. */
function readSection(heading: string) {
  const text =
    readPage(file)
      .split(/^##+ /m)
      .find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const files = [...text.matchAll(/^```(?:jsx?|html|css)\n(?:\/\/|<!--|\/\*) (\S+).*\n([\s\S]*?)^```$/gm)];
  const commands = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
  expect(files.length + commands.length).toBe(text.match(/^```\w+$/gm)?.length);
  return { files: files.map(([, name = "", code = ""]) => ({ name, code })), commands };
}

/** The files of a framework, and the commands before and after them. The first commands are the same for each of them. */
export function readStartPage({ framework }: StartPage) {
  const shared = readSection("Create the project").commands;
  const { files, commands } = readSection(framework);
  expect([shared.length, commands.length]).toEqual([1, 2]);
  const [install = "", start = ""] = commands;
  return { files, prepare: `${shared.join("")}${install}`, start };
}

/** The page has the port 3000, which another program can use here. */
export const withPort = (text: string, port: number): string => text.replaceAll("3000", String(port));

export function writeFiles(folder: string, page: StartPage, port: number): void {
  for (const { name, code } of readStartPage(page).files) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), withPort(code, port));
  }
}

export interface RunningServer {
  output(): string;
  /** The processor time of the server and its live children, in seconds. */
  seconds(): number;
  stop(): Promise<void>;
}

/** Runs a command of a page in a shell, in a process group of its own. */
export function startServer(command: string, folder: string, env: NodeJS.ProcessEnv): RunningServer {
  const { child: shell, end } = startGroup("sh", ["-c", command], { cwd: folder, env });
  let output = "";
  for (const stream of [shell.stdout, shell.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  const closed = new Promise<void>((resolve) => shell.once("close", () => resolve()));
  return {
    output: () => output,
    seconds: () => groupSeconds(shell.pid ?? Number.NaN),
    async stop() {
      end();
      await closed;
    },
  };
}

/** The processor time of the processes of a group. A time is `[[dd-]hh:]mm:ss`. */
function groupSeconds(group: number): number {
  const { stdout } = spawnSync("ps", ["-A", "-o", "pgid=,time="], { encoding: "utf8" });
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([pgid]) => Number(pgid) === group)
    .map(([, time = ""]) => time.split(/[-:]/).reduce((sum, part) => sum * 60 + Number(part), 0))
    .reduce((sum, one) => sum + one, 0);
}

interface Opened {
  readonly url: string;
  readonly server: RunningServer;
  /** Runs a command of Ampho in the folder of the page, with a password on stdin, and returns what it prints. */
  readonly ampho: (...args: readonly string[]) => string;
}

/** Registers the tests of a page. `open` starts its server. */
export function usePage(page: StartPage, open: () => Promise<Opened>) {
  let browser: Browser;
  let tab: Page;
  let server: RunningServer | undefined;
  let ampho: Opened["ampho"];
  let url: string;

  beforeAll(async () => {
    browser = await openBrowser();
    ({ url, server, ampho } = await open());
    const { output } = server;
    await vi.waitFor(() => expect(output()).toContain(url), { timeout: 60_000 });
    tab = await browser.newPage();
    // Autofill would sign in before the test clicks, because a virtual authenticator does not wait.
    await tab.addInitScript(() => {
      Object.defineProperty(PublicKeyCredential, "isConditionalMediationAvailable", { value: undefined });
    });
  }, browserTimeoutMs);

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  const isAccount = async () => {
    await tab.waitForURL(`${url}/account`);
    await expect.poll(() => tab.textContent("#orders")).toBe("ann@example.org has no orders yet.");
  };
  const signOut = async () => {
    await tab.click("#sign-out");
    await tab.waitForURL(`${url}/`);
    await tab.waitForSelector("#sign-in");
    // Before the script of the page has run, a button of React does nothing.
    const isReact = () =>
      Object.keys(document.querySelector("#passkey") ?? {}).some((key) => key.startsWith("__react"));
    if (page.framework === "Next.js") await tab.waitForFunction(isReact);
  };
  const signIn = async (typed = password, email = "ann@example.org") => {
    await tab.fill("#sign-in [name=email]", email);
    await tab.fill("#sign-in [name=password]", typed);
    await tab.click("#sign-in button:not([type])");
  };
  const endElsewhere = async () => {
    const cookies = (await tab.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
    const headers = { cookie: cookies, origin: url };
    expect((await fetch(`${url}/api/security/logout`, { method: "POST", headers })).status).toBe(204);
  };
  const deleteCookie = (name: string) => tab.context().clearCookies({ name: `__Host-ampho-${name}` });

  it("a visitor without a session is sent to the sign-in page", async () => {
    await tab.goto(`${url}/account`);
    expect(new URL(tab.url()).pathname).toBe("/");
    expect((await fetch(`${url}/api/orders`)).status).toBe(401);
  });

  it("a sign-in without scripts, as before they have loaded, puts no password into the URL", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const plain = await context.newPage();
    await plain.goto(url);
    await plain.fill("#sign-in [name=email]", "ann@example.org");
    await plain.fill("#sign-in [name=password]", password);
    await plain.click("#sign-in button:not([type])");
    await plain.waitForLoadState("load");
    expect(plain.url()).toBe(`${url}/`);
    await context.close();
  });

  it("a visitor registers with the code that the terminal shows", async () => {
    await tab.fill("#register [name=email]", "ann@example.org");
    await tab.click("#register button");
    await expect.poll(() => server?.output()).toMatch(/\d\d \d\d \d\d \d\d/);
    const [code = ""] = /\d\d \d\d \d\d \d\d/.exec(server?.output() ?? "") ?? [];
    await tab.fill("#confirm [name=code]", code);
    await tab.fill("#confirm [name=password]", password);
    await tab.click("#confirm button");
    await isAccount();
  });

  it("a user whose token has ended is still signed in", async () => {
    await deleteCookie("token");
    await tab.goto(`${url}/account`);
    await isAccount();
  });

  it("no other page shows the pages of a user in a frame", async () => {
    const frames = ["/", "/account"].map((path) => `<iframe src="${url}${path}"></iframe>`).join("");
    const { url: other } = await listen((_request, response) => {
      response.setHeader("Content-Type", "text/html");
      response.end(frames);
    });
    await tab.goto(other.replace("127.0.0.1", "sub.localhost"));
    const blocked = "chrome-error://chromewebdata/";
    const shown = () =>
      tab
        .frames()
        .slice(1)
        .map((frame) => frame.url());
    await expect.poll(shown).toEqual([blocked, blocked]);
    await tab.goto(`${url}/account`);
    await isAccount();
  });

  it("the back button does not show the account page after a sign-out", async () => {
    await signOut();
    await tab.goBack();
    await tab.waitForSelector("#sign-in");
    expect(tab.url()).toBe(`${url}/`);
  });

  it("a wrong password is reported on the page", async () => {
    await signIn("a wrong password");
    await expect.poll(() => tab.textContent("[role=alert]")).toContain("wrong");
  });

  it("the user adds a passkey, signs out, and signs in with it, alone and after the password", async () => {
    await signIn();
    await isAccount();
    await addAuthenticator(tab);
    const before = server?.output().length ?? 0;
    let used = 0;
    const codeOf = () => (server?.output().slice(before) ?? "").match(/\d\d \d\d \d\d \d\d/g)?.[used];
    const confirm = async (dialog: Dialog) => {
      expect(dialog.message()).toBe("The code from the mail that you just got");
      await expect.poll(codeOf).toBeDefined();
      const code = codeOf();
      used += 1;
      await dialog.accept(code);
    };
    tab.on("dialog", confirm);
    await tab.click("#add");
    await expect.poll(() => tab.locator("#passkeys li").allTextContents()).toEqual(["This device"]);
    const codes = (await tab.textContent("#codes"))?.trim().split("\n") ?? [];
    expect(codes).toHaveLength(9);
    if (process.env["AMPHO_TEST_PICTURE"] === page.example) await takePicture();
    // The set-up has used the code up, and is no login with the passkey. So a further passkey needs another code. Then
    // the browser itself rejects a second one of the same authenticator.
    await tab.click("#add");
    await expect.poll(() => tab.textContent("[role=alert]")).toContain("already registered");
    tab.off("dialog", confirm);
    await signOut();
    await tab.click("#passkey");
    await isAccount();
    await signOut();
    await signIn();
    await isAccount();
    await signOut();
    // Without the device, the browser rejects, and the page asks for a recovery code.
    await tab.evaluate(() => {
      navigator.credentials.get = () => Promise.reject(new DOMException("no passkey", "NotAllowedError"));
    });
    tab.once("dialog", (dialog) => void dialog.accept(codes[1]));
    await signIn();
    await isAccount();
  });

  it("a visitor registers with the link that the terminal shows", async () => {
    await signOut();
    const before = server?.output().length ?? 0;
    await tab.fill("#register [name=email]", "bob@example.org");
    await tab.click("#register button");
    const linkIn = () => /http:\S+#ampho=\S+/.exec(server?.output().slice(before) ?? "")?.[0];
    await expect.poll(linkIn).toBeDefined();
    await tab.goto("about:blank");
    await tab.goto(linkIn() ?? "");
    await tab.fill("#confirm [name=password]", password);
    await tab.click("#confirm button");
    await tab.waitForURL(`${url}/account`);
    await expect.poll(() => tab.textContent("#orders")).toBe("bob@example.org has no orders yet.");
  });

  it("a session that was ended elsewhere leads to the sign-in page, which states it", async () => {
    // The account page can still be loading the passkeys. Then it would learn of the end first, and state it itself.
    await tab.goto("about:blank");
    await endElsewhere();
    await tab.goto(`${url}/account`);
    expect(tab.url()).toBe(`${url}/`);
    await expect.poll(() => tab.textContent("[role=alert]")).toBe("The session has ended.");
  });

  it("the account page states that the session has ended while it loaded", async () => {
    await signIn(password, "bob@example.org");
    await tab.waitForURL(`${url}/account`);
    const orders = `${url}/api/orders`;
    await tab.route(orders, (route) => endElsewhere().then(() => route.continue()), { times: 1 });
    await tab.goto(`${url}/account`);
    await expect.poll(() => tab.textContent("[role=alert]")).toBe("The session has ended.");
    await tab.goto(url);
  });

  it("a user of whom a policy requires a second factor sets one up on the sign-in page", async () => {
    ampho("factor-policy", "bob@example.org", "required");
    const before = server?.output().length ?? 0;
    const codeOf = () => /\d\d \d\d \d\d \d\d/.exec(server?.output().slice(before) ?? "")?.[0];
    const shown: string[] = [];
    tab.on("dialog", async (dialog) => {
      shown.push(dialog.message());
      if (dialog.type() === "prompt") await expect.poll(codeOf).toBeDefined();
      await dialog.accept(codeOf());
    });
    await signIn(password, "bob@example.org");
    await tab.waitForURL(`${url}/account`);
    await expect.poll(() => tab.locator("#passkeys li").allTextContents()).toEqual(["This device"]);
    expect(shown[0]).toBe("The code from the mail that you just got");
    expect(shown[1]?.split("\n")).toHaveLength(9);
  });

  /** The link of the newest mail whose fragment begins so. */
  const linkAfter = async (before: number, begin: string) => {
    const linkOf = () => new RegExp(`http:\\S+#${begin}=\\S+`).exec(server?.output().slice(before) ?? "")?.[0];
    await expect.poll(linkOf).toBeDefined();
    return linkOf() ?? "";
  };
  const follow = async (link: string) => {
    await tab.goto("about:blank");
    await tab.goto(link);
  };
  const alerted = (text: string) => expect.poll(() => tab.textContent("[role=alert]")).toBe(text);
  const length = () => server?.output().length ?? 0;

  it("the link of a reset sets a new password", async () => {
    ampho("user-add", "cara@example.org", "--email", "cara@example.org", "--password-stdin");
    const before = length();
    const headers = { "content-type": "application/json", origin: url };
    const body = JSON.stringify({ login: "cara@example.org" });
    const asked = await fetch(`${url}/api/security/password/reset`, { method: "POST", headers, body });
    const { match } = (await asked.json()) as { readonly match: string };
    await follow(await linkAfter(before, "ampho"));
    // The link is opened in another browser than the one that has asked.
    await tab.fill("#reset [name=match]", match);
    await tab.fill("#reset [name=newPassword]", `${password} again`);
    await tab.click("#reset button");
    await alerted("The new password is set. Sign in with it.");
  });

  it("the link of a recovery asks for the number of the operator, and for the passkey of the account", async () => {
    const before = length();
    const printed = ampho("user-recover", "bob@example.org", "--reason", "Called back.");
    await follow(await linkAfter(before, "ampho"));
    await tab.fill("#reset [name=match]", /asks for the number (\d\d)/.exec(printed)?.[1] ?? "");
    await tab.fill("#reset [name=newPassword]", password);
    await tab.click("#reset button");
    await alerted("The new password is set. Sign in with it.");
  });

  it("the link of a notice ends all sessions, also in a browser that is signed in, after the user has checked the box", async () => {
    const before = length();
    await signIn(password, "bob@example.org");
    await tab.waitForURL(`${url}/account`);
    const notice = server?.output().slice(0, before) ?? "";
    const link = [...notice.matchAll(/http:\S+#ampho-alarm=\S+/g)].at(-1)?.[0] ?? "";
    await follow(link);
    await tab.click("#alarm button");
    expect(await tab.textContent("[role=alert]")).toBe("");
    await tab.check("#alarm [name=change]");
    await tab.click("#alarm button");
    await alerted("All sessions have ended.");
    await tab.goto(`${url}/account`);
    expect(tab.url()).toBe(`${url}/`);
  });

  it("the link of an invitation registers the person who was invited", async () => {
    const before = length();
    ampho("user-invite", "eve@example.org");
    await follow(await linkAfter(before, "ampho-invite"));
    const asked = length();
    await tab.fill("#register [name=email]", "eve@example.org");
    await tab.click("#register button");
    await expect.poll(() => server?.output().slice(asked)).toMatch(/\d\d \d\d \d\d \d\d/);
    const [code = ""] = /\d\d \d\d \d\d \d\d/.exec(server?.output().slice(asked) ?? "") ?? [];
    await tab.fill("#confirm [name=code]", code);
    await tab.fill("#confirm [name=password]", password);
    await tab.click("#confirm button");
    await tab.waitForURL(`${url}/account`);
  });

  /** Writes the picture of the page. */
  async function takePicture(): Promise<void> {
    const [, target = ""] = /!\[.*\]\((.*)\)/.exec(readPage(file)) ?? [];
    const picture = path.resolve(root, path.dirname(file), target);
    await tab.setViewportSize({ width: 560, height: 620 });
    rmSync(picture, { force: true });
    await tab.screenshot({ path: picture });
  }
}
