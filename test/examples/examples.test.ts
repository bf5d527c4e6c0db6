// Every example, started and used as a reader would, from the packed tarball.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Consumer, installPacked } from "./packed.js";

const root = path.resolve(import.meta.dirname, "../..");
const examples = readdirSync(path.join(root, "examples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const password = "violet kettle harbour morning";

let consumer: Consumer;
let env: NodeJS.ProcessEnv;

beforeAll(() => {
  consumer = installPacked(examples);
  const common = { PATH: process.env["PATH"], AMPHO_DATABASE_URL: `sqlite:${path.join(consumer.folder, "ampho.db")}` };
  const key = execFileSync(process.execPath, [consumer.ampho, "sec-gen-key"], { env: common, encoding: "utf8" }).trim();
  env = { ...common, AMPHO_SECURITY_KEY: key, PORT: "0" };
  execFileSync(process.execPath, [consumer.ampho, "user-add", "alice", "--password-stdin"], {
    env,
    cwd: consumer.folder,
    input: password,
  });
});
afterAll(() => consumer.remove());

interface Running {
  readonly url: string;
  /** Exit code after SIGTERM, and what was written to stderr. */
  stop(): Promise<{ code: number | null; stderr: string }>;
}

function start(folder: string, file: string): Promise<Running> {
  const child: ChildProcess = spawn(process.execPath, [file], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let stderr = "";
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return new Promise((resolve, reject) => {
    child.stdout?.on("data", (chunk) => {
      const url = /https?:\/\/\S+/.exec(String(chunk))?.[0];
      if (url === undefined) return;
      const stop = async () => {
        child.kill("SIGTERM");
        return { code: await ended, stderr };
      };
      resolve({ url: new URL(url).origin, stop });
    });
    void ended.then((code) => reject(new Error(`ended with ${code} before it was ready: ${stderr}`)));
  });
}

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
    const running = await start(folder, scripts.build === undefined ? "server.js" : "build/server.js");
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
