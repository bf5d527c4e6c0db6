// Every example, started and used as a reader would, from the packed tarball.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Consumer, installPacked } from "./packed.js";
import { prepare, start } from "./running.js";

const root = path.resolve(import.meta.dirname, "../..");
const examples = readdirSync(path.join(root, "examples"), { withFileTypes: true })
  // That one has a test of its own.
  .filter((entry) => entry.isDirectory() && entry.name !== "full")
  .map(({ name }) => name);
const password = "violet kettle harbour morning";

let consumer: Consumer;
let env: NodeJS.ProcessEnv;

beforeAll(() => {
  consumer = installPacked(examples);
  env = prepare(consumer, password);
});
afterAll(() => consumer.remove());

describe.each(examples)("examples/%s", (name) => {
  it("fits on a screen", () => {
    const file = readdirSync(path.join(root, "examples", name)).find((entry) => entry.startsWith("server."));
    expect(readFileSync(path.join(root, "examples", name, file ?? ""), "utf8").split("\n").length).toBeLessThan(60);
  });

  it("starts, lets in whom it should, and stops", async () => {
    const folder = path.join(consumer.folder, name);
    const { scripts } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
    if (scripts.build !== undefined) {
      const compiler = path.join(root, "node_modules/typescript/bin/tsc");
      execFileSync(process.execPath, [compiler, "-p", folder], { stdio: "inherit" });
    }
    const running = await start(folder, env, scripts.build === undefined ? "server.js" : "build/server.js");
    const get = (target: string, token?: string) =>
      fetch(running.url + target, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });

    expect((await get("/")).status).toBe(200);
    const refused = await get("/hello");
    expect([refused.status, (await refused.json()).error]).toEqual([401, "missing_token"]);
    expect(refused.headers.get("www-authenticate")).toBe('Bearer realm="ampho"');

    const login = await fetch(`${running.url}/api/security/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ login: "alice", password }),
    });
    expect(login.status).toBe(200);
    const { token } = await login.json();
    expect(await (await get("/hello", token)).text()).toBe("Hello alice\n");
    expect((await get("/editors", token)).status).toBe(403);
    expect((await get("/editors")).status).toBe(401);
    const logout = { method: "POST", headers: { authorization: `Bearer ${token}` } };
    expect((await fetch(`${running.url}/api/security/logout`, logout)).status).toBe(204);
    expect((await get("/hello", token)).status).toBe(401);

    const { code, stderr } = await running.stop();
    expect([code === 0 || code === null, stderr]).toEqual([true, ""]);
  });
});
