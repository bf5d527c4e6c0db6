// The next step that `ampho init` prints: each code runs in its framework, and each page exists.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { nextSteps } from "../../dist/cli/next-steps.js";
import { type Consumer, installPacked } from "../examples/packed.js";
import { prepare, start } from "../examples/running.js";
import { freePort } from "../world/free-port.js";

const root = path.resolve(import.meta.dirname, "../..");
const password = "violet kettle harbour morning";

/** The server of a project with the framework: the lines before the printed ones, and those after them. */
const servers: Readonly<Record<string, readonly [before: string, after: string]>> = {
  Express: ['import express from "express";\nconst app = express();', "app.listen(3000, listening);"],
  Fastify: ['import fastify from "fastify";\nconst app = fastify();', "await app.listen({ port: 3000 }); listening();"],
  Hono: [
    'import { serve } from "@hono/node-server";\nimport { Hono } from "hono";\nconst app = new Hono();',
    "serve({ fetch: app.fetch, port: 3000 }, listening);",
  ],
  Koa: ['import Koa from "koa";\nconst app = new Koa();', "app.listen(3000, listening);"],
  h3: [
    'import { H3, serve } from "h3";\nconst app = new H3();',
    "await serve(app, { port: 3000, silent: true }).ready(); listening();",
  ],
  "node:http": ["", "listening();"],
};

let consumer: Consumer;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  consumer = await installPacked();
  env = prepare(consumer, password);
});
afterAll(() => consumer.remove());

it.each(nextSteps.filter(({ code }) => code.length > 0))("the code for $framework guards a route", async (step) => {
  const [before, after] = servers[step.framework] ?? [];
  const port = await freePort();
  const listening = 'const listening = () => console.log("http://localhost:3000");';
  const text = [before, ...step.code, listening, after].join("\n").replaceAll("3000", String(port));
  const file = path.join(consumer.folder, `${port}.mjs`);
  writeFileSync(file, text);
  const { url, stop } = await start(consumer.folder, env, file);
  try {
    expect((await fetch(`${url}/hello`)).status).toBe(401);
    const login = await fetch(`${url}/api/security/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ login: "alice", password }),
    });
    const { token } = await login.json();
    const hello = await fetch(`${url}/hello`, { headers: { authorization: `Bearer ${token}` } });
    expect([hello.status, await hello.text()]).toEqual([200, expect.stringContaining("alice")]);
  } finally {
    await stop();
  }
});

it.each(nextSteps)("the page for $framework exists, with its heading", ({ page }) => {
  const [file = "", anchor] = page.split("#");
  expect(existsSync(path.join(root, "docs", file)), file).toBe(true);
  if (anchor === undefined) return;
  const headings = readFileSync(path.join(root, "docs", file), "utf8").match(/^#+ .*$/gm) ?? [];
  const anchors = headings.map((heading) =>
    heading
      .replace(/^#+ /, "")
      .toLowerCase()
      .replace(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );
  expect(anchors).toContain(anchor);
});

it("the project of each example gets the step of its framework", () => {
  for (const name of ["next", "nuxt", "sveltekit", "astro", "react-router", "remix", "nitro", "nest", "express"]) {
    const text = readFileSync(path.join(root, "examples", name, "package.json"), "utf8");
    const { dependencies, devDependencies } = JSON.parse(text);
    const packages = Object.keys({ ...dependencies, ...devDependencies });
    const step = nextSteps.find((one) => one.packages.some((each) => packages.includes(each)));
    expect(step?.framework.toLowerCase().replace(/\.js| /, "")).toBe(name.replace("-", ""));
  }
});
