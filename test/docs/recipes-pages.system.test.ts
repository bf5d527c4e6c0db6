// Runs the recipes for pages unchanged in a real Chromium: React, Vue and Svelte, and socket.io.
import { readFileSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import path from "node:path";
import { build, type Plugin } from "esbuild";
import express, { type Express } from "express";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { io as connect } from "socket.io-client";
import { compile as compileSvelte } from "svelte/compiler";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { compileScript, parse } from "vue/compiler-sfc";
import { guarded, mount } from "../../dist/adapters/express.js";
import type { Ampho } from "../../dist/index.js";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { ann, ben } from "../client/world.js";
import { openAmpho } from "../world/ampho.js";
import { listening } from "../world/listen.js";
import { amphoFile, useRecipes } from "./recipes.js";

const recipes = useRecipes();
let browser: Browser;

const mains = {
  react: {
    shown: ["session.ts", "app.tsx"],
    "main.tsx": `import { createRoot } from "react-dom/client";
      import { App } from "./app.js";
      createRoot(document.body).render(<App />);`,
  },
  vue: {
    shown: ["session.ts", "App.vue", "Account.vue"],
    "main.ts": `import { createApp } from "vue"; import App from "./App.vue"; createApp(App).mount(document.body);`,
  },
  svelte: {
    shown: ["session.ts", "App.svelte", "Account.svelte"],
    "main.ts": `import { mount } from "svelte"; import App from "./App.svelte"; mount(App, { target: document.body });`,
  },
} as const;

beforeAll(async () => {
  for (const [page, { shown, ...others }] of Object.entries(mains)) recipes.write(page, shown, others);
  recipes.write("socketio", ["server.ts", "socket.ts"], {
    "ampho.ts": amphoFile("cookies: true, tokenTtl: 4, tokenLeeway: 0"),
  });
  // The code of a component in Vue, as TypeScript that the compiler checks.
  for (const name of ["App", "Account"]) recipes.write("vue", [], { [`${name}.vue.ts`]: vueCode(name) });
  recipes.compile({
    module: "esnext",
    moduleResolution: "bundler",
    jsx: "react-jsx",
    lib: ["es2023", "dom", "dom.iterable"],
  });
  browser = await openBrowser();
}, browserTimeoutMs);
afterAll(() => browser?.close());

function vueCode(name: string): string {
  const { descriptor } = parse(readFileSync(path.join(recipes.folder, `vue/${name}.vue`), "utf8"));
  return compileScript(descriptor, { id: name, inlineTemplate: true }).content;
}

/** The files of Svelte and Vue, as the bundlers of applications compile them. */
const components: Plugin = {
  name: "components",
  setup({ onLoad }) {
    onLoad({ filter: /\.svelte$/ }, ({ path: file }) => ({
      contents: compileSvelte(readFileSync(file, "utf8"), { filename: file, generate: "client" }).js.code,
    }));
    onLoad({ filter: /\.vue$/ }, ({ path: file }) => ({
      contents: vueCode(path.basename(file, ".vue")),
      loader: "ts",
    }));
  },
};

async function bundle(page: string, entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(recipes.folder, page, entry)],
    bundle: true,
    format: "esm",
    platform: "browser",
    conditions: ["browser"],
    target: "es2022",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    plugins: [components],
    write: false,
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}

function servePage(app: Express, script: string): void {
  app.get("/page.js", (_request, response) => void response.type("text/javascript").send(script));
  app.get(
    "/",
    (_request, response) => void response.send('<!doctype html><body><script type="module" src="/page.js"></script>'),
  );
}

async function openContext(): Promise<BrowserContext> {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  return context;
}

async function openTab(context: BrowserContext, url: string): Promise<Page> {
  const tab = await context.newPage();
  tab.on("pageerror", (error) => expect.unreachable(error.stack));
  await tab.goto(url);
  return tab;
}

describe.each(Object.keys(mains) as (keyof typeof mains)[])("docs/guides/recipes/%s.md", (name) => {
  it("the page follows a login, a logout in another tab, removed roles and a session that was ended", async () => {
    const { ampho } = await openAmpho({}, { ...ann, roles: ["editor"] }, ben);
    onTestFinished(() => ampho.close());
    let articles = ["First", "Second"];
    const app = express().use(mount(ampho));
    app.get(
      "/api/articles",
      guarded(ampho, (_request, response) => response.json(articles)),
    );
    app.delete(
      "/api/articles",
      guarded(ampho, { roles: ["editor"] }, (_request, response) => {
        articles = [];
        response.sendStatus(204);
      }),
    );
    servePage(app, await bundle(name, name === "react" ? "main.tsx" : "main.ts"));
    const { url } = await listening(app);
    const context = await openContext();
    const tab = await openTab(context, url);
    const isSignedOut = (page = tab) => page.waitForSelector("form");
    const signIn = async (login: string, password: string) => {
      await tab.fill("[name=login]", login);
      await tab.fill("[name=password]", password);
      await tab.click("form button");
    };
    const items = () => tab.locator("li").allTextContents();
    const editing = tab.getByText("Delete all");

    await signIn("ann", "not the password of ann");
    await expect.poll(() => tab.textContent("[role=alert]")).not.toBe("");
    await signIn(ann.login, ann.password);
    await expect.poll(() => tab.textContent("h1")).toBe("Hello ann");
    expect(await items()).toEqual([]);
    await tab.getByText("Load").click();
    await expect.poll(items).toEqual(["First", "Second"]);
    expect(await editing.count()).toBe(1);
    await ampho.users.setRoles("ann", { remove: ["editor"] });
    await editing.click();
    await expect.poll(() => tab.textContent("[role=alert]")).toBe("Only editors delete articles.");
    expect(articles).toHaveLength(2);
    await expect.poll(() => editing.count()).toBe(0);

    const second = await openTab(context, url);
    await expect.poll(() => second.textContent("h1")).toBe("Hello ann");
    await second.getByText("Sign out").click();
    await isSignedOut(second);
    await isSignedOut();
    await signIn(ben.login, ben.password);
    await expect.poll(() => tab.textContent("h1")).toBe("Hello ben");
    await expect.poll(() => second.textContent("h1")).toBe("Hello ben");
    // Nothing of ann is left in the page.
    expect(await items()).toEqual([]);
    expect(await editing.count()).toBe(0);

    const found = await ampho.users.find("ben");
    await ampho.sessions.endForUser(found?.id ?? "");
    await tab.getByText("Load").click();
    await isSignedOut();
    await isSignedOut(second);
  });
});

describe("docs/guides/recipes/socketio.md", () => {
  it("a socket of the page survives renewals, and closes when its session ends", async () => {
    const { app, server } = await recipes.load<{ app: Express; server: Server }>("socketio", "server.js");
    const { ampho } = await recipes.load<{ ampho: Ampho }>("socketio", "ampho.js");
    writeFileSync(
      path.join(recipes.folder, "socketio/main.ts"),
      `import { client, socket } from "./socket.js";
      Object.assign(globalThis, { client, socket, heard: [], connections: 0 });
      socket.on("said", (login, text) => globalThis.heard.push(login + ": " + text));
      socket.on("connect", () => globalThis.connections++);`,
    );
    servePage(app, await bundle("socketio", "main.ts"));
    const url = (await listening(server)).url.replace("127.0.0.1", "localhost");
    await ampho.users.create({ ...ann, roles: ["editor"] });
    await ampho.users.create(ben);
    const tab = await openTab(await openContext(), url);
    const connected = () => tab.evaluate<boolean>("socket.connected");
    await tab.waitForFunction("globalThis.client");
    expect(await connected()).toBe(false);
    await tab.evaluate(`client.login(${JSON.stringify(ann.login)}, ${JSON.stringify(ann.password)})`);
    await expect.poll(connected).toBe(true);
    await tab.evaluate('socket.emit("say", "hello")');
    await expect.poll(() => tab.evaluate("heard")).toEqual(["ann: hello"]);

    // Each token ends its socket, and the page connects with the next one.
    await expect.poll(() => tab.evaluate<number>("connections")).toBeGreaterThan(2);
    const { id = "" } = (await ampho.users.find("ann")) ?? {};
    await ampho.sessions.endForUser(id);
    await expect.poll(() => tab.evaluate("client.session().then((session) => session ?? null)")).toBe(null);
    expect(await connected()).toBe(false);
    expect(await tab.evaluate("socket.active")).toBe(false);

    // Programs: the reason of a rejected handshake, and the end of a session.
    const open = async (extraHeaders: Record<string, string>, transport: "websocket" | "polling" = "websocket") => {
      const socket = connect(url, { transports: [transport], extraHeaders, reconnection: false, forceNew: true });
      onTestFinished(() => void socket.disconnect());
      const result = await new Promise<string>((resolve) => {
        socket.on("connect", () => resolve("connected"));
        // The description is the status of polling, or an event of the WebSocket.
        socket.on("connect_error", ({ description }: Error & { readonly description?: unknown }) =>
          resolve(String(Object(description).message ?? description)),
        );
      });
      return { socket, result };
    };
    expect((await open({})).result).toContain("401");
    expect((await open({ Authorization: "Bearer forged" })).result).toContain("401");
    await ampho.users.setRoles("ben", ["editor"]);
    const benId = (await ampho.users.find("ben"))?.id ?? "";
    const tokenOfBen = async () => (await ampho.sessions.create(benId)).token;
    const token = await tokenOfBen();
    expect((await open({ Authorization: `Bearer ${token}` }, "polling")).result).toBe("404");
    const foreign = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    expect((await open({ Cookie: `__Host-ampho-token=${token}`, ...foreign })).result).toContain("403");

    /** Opens a socket of ben, sends a text, and returns what the socket hears until `end` has closed it. */
    const hearUntil = async (text: string, end: (heard: readonly string[]) => Promise<unknown>) => {
      const { socket, result } = await open({ Authorization: `Bearer ${await tokenOfBen()}` });
      expect(result).toBe("connected");
      const heard: string[] = [];
      socket.on("said", (_login: string, said: string) => heard.push(said));
      const closed = new Promise((resolve) => socket.on("disconnect", resolve));
      socket.emit("say", text);
      await end(heard);
      expect(await closed).toBe("transport close");
      return heard;
    };
    const removeRole = async (heard: readonly string[]) => {
      await expect.poll(() => heard).toEqual(["I am an editor"]);
      await ampho.users.setRoles("ben", []);
    };
    await hearUntil("I am an editor", removeRole);
    expect(await hearUntil("I am none", () => ampho.users.disable("ben"))).toEqual([]);
    await ampho.close();
  });
});
