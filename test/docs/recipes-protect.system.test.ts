// Runs the recipes about protected pages unchanged: on a server of each framework, and with their sign-in page in Chromium. The
// pages of Next.js, SvelteKit, React Router and Astro run in test/installs/hosts.install.test.ts.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import path from "node:path";
import { getRequestListener } from "@hono/node-server";
import { build } from "esbuild";
import type { Express } from "express";
import type { FastifyInstance } from "fastify";
import { H3 } from "h3";
import type { Hono } from "hono";
import type Koa from "koa";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Ampho } from "../../dist/index.js";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { ann } from "../client/world.js";
import { listening } from "../world/listen.js";
import { readPage } from "./evidence.js";
import { amphoFile, useRecipes } from "./recipes.js";

const recipes = useRecipes();
const root = path.resolve(import.meta.dirname, "../..");

beforeAll(() => {
  const servers = ["sign-in-path.ts", "express.ts", "fastify.ts", "hono.ts", "koa.ts"];
  recipes.write("protect-pages", servers, { "ampho.ts": amphoFile("cookies: true, tokenTtl: 5, tokenLeeway: 0") });
  recipes.write("sign-in-page", ["sign-in.ts"], {});
  recipes.compile({ lib: ["es2023", "dom", "dom.iterable"] });
});

const listeners: Readonly<Record<string, (app: never) => RequestListener | Promise<RequestListener>>> = {
  express: (app: Express) => app,
  fastify: async (app: FastifyInstance) => {
    await app.ready();
    return (request, response) => app.routing(request, response);
  },
  hono: (app: Hono) => getRequestListener(app.fetch),
  koa: (app: Koa) => app.callback(),
};

async function open(name: string) {
  const { app } = await recipes.load<{ app: never }>("protect-pages", `${name}.js`);
  const { ampho } = await recipes.load<{ ampho: Ampho }>("protect-pages", "ampho.js");
  const listener = await listeners[name]?.(app);
  return { app, ampho, listener: listener ?? expect.unreachable() };
}

describe("docs/guides/recipes/protect-pages.md", () => {
  it.each(Object.keys(listeners))(
    "a page of %s redirects visitors, and users whose session has ended",
    async (name) => {
      const { ampho, listener } = await open(name);
      const { url } = await listening(listener);
      const user = await ampho.users.create({ login: `user of ${name}` });
      const { token } = await ampho.sessions.create(user.id);
      const ask = async (cookie: string, more = {}) => {
        const headers = { ...(cookie !== "" && { Cookie: `__Host-ampho-token=${cookie}` }), ...more };
        const response = await fetch(`${url}/account?tab=1`, { redirect: "manual", headers });
        return [response.status, response.headers.get("location"), await response.text()];
      };
      const redirected = [302, "/sign-in?to=%2Faccount%3Ftab%3D1", expect.anything()];
      expect(await ask("")).toEqual(redirected);
      expect(await ask("forged")).toEqual(redirected);
      expect(await ask(`${token}x`)).toEqual(redirected);
      const shown = await fetch(`${url}/account`, { headers: { Cookie: `__Host-ampho-token=${token}` } });
      expect([shown.status, await shown.text()]).toEqual([200, `Hello user of ${name}`]);
      expect(shown.headers.get("cache-control")).toBe("no-store");
      // The prefix __Host- keeps other hosts from setting the cookie. Another name is no token.
      expect(await ask("", { Cookie: `ampho-token=${token}` })).toEqual(redirected);
      await ampho.sessions.endForUser(user.id);
      expect(await ask(token ?? "")).toEqual(redirected);
    },
  );
});

describe("docs/guides/recipes/protect-pages.md, other frameworks", () => {
  it("an event of h3 and a message of node:http name the user", async () => {
    const { ampho } = await recipes.load<{ ampho: Ampho }>("protect-pages", "ampho.js");
    const { id } = await ampho.users.create({ login: "user of others" });
    const { token } = await ampho.sessions.create(id);
    const headers = { Cookie: `__Host-ampho-token=${token}` };
    const app = new H3().get("/", async (event) => String((await ampho.authenticate(event))?.login));
    const ofH3 = async (given: HeadersInit) => (await app.request("/", { headers: given })).text();
    expect([await ofH3({}), await ofH3(headers)]).toEqual(["undefined", "user of others"]);
    const { url } = await listening(async (request, response) => {
      response.end(String((await ampho.authenticate(request))?.login));
    });
    const ofNode = async (given: HeadersInit) => (await fetch(url, { headers: given })).text();
    expect([await ofNode({}), await ofNode(headers)]).toEqual(["undefined", "user of others"]);
  });
});

describe("docs/guides/recipes/protect-pages.md, rendered pages", () => {
  it("the page shows the code of the example", () => {
    const page = readPage("docs/guides/recipes/protect-pages.md");
    const shown = [...page.matchAll(/^```tsx\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)];
    expect(shown).toHaveLength(1);
    for (const [, file = "", text = ""] of shown) {
      const examples = readdirSync(path.join(root, "examples")).filter((name) =>
        existsSync(path.join(root, "examples", name, file)),
      );
      expect(examples, file).toHaveLength(1);
      expect(readFileSync(path.join(root, "examples", examples.join(), file), "utf8")).toBe(text);
    }
  });
});

describe("docs/guides/recipes/protect-pages.md, the sign-in page", () => {
  it(
    "the sign-in page returns to the page, renews an expired token, and never leads to another site",
    async () => {
      const { ampho, listener } = await open("express");
      const { outputFiles } = await build({
        entryPoints: [path.join(recipes.folder, "sign-in-page/sign-in.ts")],
        bundle: true,
        format: "esm",
        platform: "browser",
        target: "es2022",
        write: false,
      });
      const [, form = ""] = /^```html\n(.*?)^```$/ms.exec(readPage("docs/guides/recipes/protect-pages.md")) ?? [];
      const pages: Readonly<Record<string, readonly [type: string, text: string]>> = {
        "/sign-in": ["text/html", `<!doctype html>${form}<script type="module" src="/sign-in.js"></script>`],
        "/sign-in.js": ["text/javascript", outputFiles[0]?.text ?? ""],
        "/": ["text/html", "<!doctype html><p>The front page</p>"],
      };
      const server = createServer((request, response) => {
        const [type, text] = pages[new URL(request.url ?? "/", "http://localhost").pathname] ?? [];
        if (type === undefined) listener(request, response);
        else response.setHeader("Content-Type", type).end(text);
      });
      const url = (await listening(server)).url.replace("127.0.0.1", "localhost");
      await ampho.users.create(ann);
      const browser = await openBrowser();
      onTestFinished(() => browser.close());
      const tab = await browser.newPage();
      const signIn = async () => {
        await tab.fill("[name=login]", ann.login);
        await tab.fill("[name=password]", ann.password);
        await tab.click("button");
      };
      await tab.goto(`${url}/account?tab=1`);
      expect(tab.url()).toBe(`${url}/sign-in?to=%2Faccount%3Ftab%3D1`);
      await signIn();
      await tab.waitForURL(`${url}/account?tab=1`);
      expect(await tab.textContent("body")).toBe("Hello ann");

      // The browser deletes the cookie of an expired token. The page then comes back without a password.
      const names = async () => (await tab.context().cookies()).map(({ name }) => name);
      await expect.poll(names).not.toContain("__Host-ampho-token");
      await tab.goto(`${url}/account`);
      await tab.waitForURL(`${url}/account`);
      expect(await tab.textContent("body")).toBe("Hello ann");

      for (const to of [
        "//evil.example/",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "data:,x",
      ]) {
        await tab.goto(`${url}/sign-in?to=${encodeURIComponent(to)}`);
        await tab.waitForURL(`${url}/`);
        expect(await tab.textContent("body")).toBe("The front page");
      }

      const { id = "" } = (await ampho.users.find("ann")) ?? {};
      await ampho.sessions.endForUser(id);
      await tab.goto(`${url}/account`);
      await tab.waitForFunction(() => document.querySelector("form")?.textContent?.includes("session"));
      expect(new URL(tab.url()).pathname).toBe("/sign-in");
      await signIn();
      await tab.waitForURL(`${url}/account`);
    },
    browserTimeoutMs,
  );
});
