// Runs the recipes for Windows, mobile apps and hosts, as far as they can run here. The shells of Windows cannot.
import { execFile, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseEnv, promisify } from "node:util";
import { createContext, runInContext } from "node:vm";
import { AbortController, AbortSignal } from "abort-controller";
import { build } from "esbuild";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Client } from "../../dist/client/client.js";
import { readConfiguration } from "../../dist/config/configuration.js";
import { withEnvFile } from "../../dist/config/env-file.js";
import { execFileSync } from "../../scripts/child-process.mjs";
import { ann, openWorld } from "../client/world.js";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { command, freshPlace } from "../world/serve.js";
import { useDatabase } from "../world/use-postgres.js";
import { readPage } from "./evidence.js";
import { useRecipes } from "./recipes.js";

const recipes = useRecipes();
const database = useDatabase();
const pageOf = (name: string) =>
  readPage(name === "deploying" ? "docs/operate/deploying.md" : `docs/guides/recipes/${name}.md`);
/** The code blocks of a language, in a section of the page or in all of it. */
const blocks = (page: string, language: string, section = "") =>
  [
    ...pageOf(page)
      .split(/^## /m)
      .filter((text) => text.startsWith(section))
      .join("\n")
      .matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms")),
  ].map(([, code = ""]) => code);

describe("docs/guides/recipes/windows.md", () => {
  const [envFile = ""] = blocks("windows", "ini");
  const context = { env: {}, user: "me", host: "here" };

  it("the file .env has the values of the page, also with the line ends and the byte order mark of Windows", () => {
    const cwd = freshFolder();
    writeFileSync(path.join(cwd, ".env"), `\uFEFF${envFile.replaceAll("\n", "\r\n")}`);
    writeFileSync(path.join(cwd, "ampho-key.json"), freshPlace().env["AMPHO_SECURITY_KEY"] ?? "");
    const { configuration, warnings } = readConfiguration(withEnvFile({ ...context, cwd }));
    expect(warnings).toEqual([]);
    expect(configuration.databaseUrl).toBe("sqlite:C:/data/ampho.db");
    expect(path.win32.resolve("D:\\app", configuration.databaseUrl.slice("sqlite:".length))).toBe("C:\\data\\ampho.db");
    expect(configuration.scopes).toEqual({ editor: ["read", "write"] });
    const [, wrong = ""] = /In double quotes.*\n?.*`("sqlite:[^`]*)`/.exec(pageOf("windows")) ?? [];
    expect(parseEnv(`A=${wrong}`)["A"]).toBe("sqlite:C:\\\new\\ampho.db".replace("\\\n", "\n"));
  });

  it("the commands create a key and the file .env, and wrong quotes and encodings are rejected with a reason", async () => {
    const place = { cwd: freshFolder(), env: {} };
    expect(blocks("windows", "sh", "Begin").join("")).toContain("npx ampho init\n");
    expect((await command(place, ["init"])).code).toBe(0);
    expect(readFileSync(path.join(place.cwd, ".gitignore"), "utf8")).toMatch(/^\.env$/m);
    expect(parseEnv(readFileSync(path.join(place.cwd, ".env"), "utf8"))).toEqual({
      AMPHO_SECURITY_KEY_FILE: "ampho-key.json",
    });
    expect((await command(place, ["sec-gen-key", "-o", "other.json"])).code).toBe(0);

    const spaced = await command({ ...place, env: { AMPHO_PORT: "8080 " } }, ["serve"]);
    expect(spaced).toMatchObject({ code: 2, stderr: expect.stringContaining('but is "8080 "') });
    const key = readFileSync(path.join(place.cwd, "other.json"), "utf8");
    writeFileSync(path.join(place.cwd, "ampho-key.json"), `\uFEFF${key}`, "utf16le");
    const wide = await command(place, ["serve"]);
    expect(wide).toMatchObject({ code: 2, stderr: expect.stringContaining("is not JSON") });
  });

  it("a password with other letters signs in with the content type of the page, and not in another encoding", async () => {
    const [, type = ""] = /\$type = "([^"]+)"/.exec(blocks("windows", "powershell").join("")) ?? [];
    const { url, ampho } = await openWorld();
    const password = "Straßenbahn übermorgen";
    await ampho.users.create({ login: "dora", password });
    const logIn = async (encoding: "utf8" | "latin1", contentType: string) => {
      const body = Buffer.from(JSON.stringify({ login: "dora", password }), encoding);
      const headers = { "Content-Type": contentType };
      return (await fetch(`${url}/api/security/login`, { method: "POST", headers, body })).status;
    };
    expect(await logIn("latin1", "application/json")).not.toBe(200);
    expect(await logIn("utf8", type)).toBe(200);
  });
});

describe("docs/guides/recipes/mobile.md", () => {
  /** The rules of SecureStore (https://docs.expo.dev/versions/latest/sdk/securestore/), and the limit of older iOS. */
  const device = `const values = globalThis.device;
    const known = (key) => { if (!/^[\\w.-]+$/.test(key)) throw new Error("Invalid key provided to SecureStore."); };
    export const AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY = 1;
    export async function getItemAsync(key, options) { known(key); return values.get(key) ?? null; }
    export async function deleteItemAsync(key, options) { known(key); values.delete(key); }
    export async function setItemAsync(key, value, options) {
      known(key);
      if (value.length > 2048) throw new Error("The value is too large.");
      values.set(key, value);
    }`;
  const types = `export const AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: number;
    export interface Options { keychainAccessible?: number }
    export function getItemAsync(key: string, options?: Options): Promise<string | null>;
    export function setItemAsync(key: string, value: string, options?: Options): Promise<void>;
    export function deleteItemAsync(key: string, options?: Options): Promise<void>;`;

  beforeAll(() => {
    const packages = { "expo-secure-store": [device, types], "react-native-get-random-values": ["", "export {};"] };
    for (const [name, [code = "", declared = ""]] of Object.entries(packages)) {
      const folder = path.join(recipes.folder, "node_modules", name);
      mkdirSync(folder);
      writeFileSync(path.join(folder, "package.json"), `{ "name": "${name}", "type": "module", "main": "index.js" }`);
      writeFileSync(path.join(folder, "index.js"), code);
      writeFileSync(path.join(folder, "index.d.ts"), declared);
    }
    recipes.write("mobile", ["polyfills.ts", "session.ts"], {});
    recipes.compile({ lib: ["es2023", "dom", "dom.iterable"] });
  });

  /** Runs the snippet with the objects of the page alone, and the `abort-controller` of React Native. */
  async function openApp(url: string, values: Map<string, string>): Promise<Client> {
    const { outputFiles } = await build({
      entryPoints: [path.join(recipes.folder, "mobile/session.ts")],
      bundle: true,
      format: "iife",
      globalName: "app",
      platform: "neutral",
      mainFields: ["main"],
      write: false,
    });
    const [, list = ""] = /uses these objects of the platform: ([^.]*)\./.exec(pageOf("mobile")) ?? [];
    const names = [...list.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
    expect(names).toHaveLength(12);
    const platform = Object.fromEntries(names.map((name) => [name, Reflect.get(globalThis, name) as unknown]));
    // Each app gets a class of its own, which the snippet changes.
    class Signal extends AbortSignal {}
    expect("timeout" in Signal).toBe(false);
    const context = createContext({ ...platform, AbortController, AbortSignal: Signal, device: values });
    const script = outputFiles[0]?.text.replaceAll("https://app.example", url) ?? "";
    return (runInContext(`${script}; app`, context) as { client: Client }).client;
  }

  it("the session is in the secure storage, and the next start of the app has it until it is ended", async () => {
    const { url, ampho } = await openWorld();
    const values = new Map<string, string>();
    const client = await openApp(url, values);
    await expect(client.login("ann", "not the password of ann")).rejects.toMatchObject({ code: "invalid_credentials" });
    await client.login(ann.login, ann.password);
    expect([...values.values()].join("")).toContain("refresh_token");

    const restarted = await openApp(url, values);
    expect(await restarted.session()).toMatchObject({ login: "ann" });
    expect((await restarted.fetch("/guarded")).status).toBe(200);
    const { id = "" } = (await ampho.users.find("ann")) ?? {};
    await ampho.sessions.endForUser(id);
    await expect(restarted.fetch("/guarded")).rejects.toMatchObject({ code: "session_ended" });
    expect([...values.values()].join("")).not.toContain("refresh_token");
  });

  it("the calls without the client sign in and renew, and a repeated renewal does no harm", async () => {
    const { url } = await openWorld();
    const [logIn = "", renew = ""] = blocks("mobile", "sh", "Swift").join("").trim().split("\n");
    const cwd = freshFolder();
    const env = { PATH: process.env["PATH"], URL: `${url}/api/security`, LOGIN: ann.login, PASSWORD: ann.password };
    const run = async (line: string, more = {}) => {
      await promisify(execFile)("sh", ["-ec", line], { cwd, env: { ...env, ...more } });
      return JSON.parse(readFileSync(path.join(cwd, "session.json"), "utf8")) as Readonly<Record<string, string>>;
    };
    const REFRESH = (await run(logIn))["refresh_token"] ?? "";
    const first = await run(renew, { REFRESH, KEY: "one-random-key-1" });
    const again = await run(renew, { REFRESH, KEY: "one-random-key-1" });
    expect(first["refresh_token"]).not.toBe(REFRESH);
    expect(again["refresh_token"]).toBe(first["refresh_token"]);
    expect((await run(renew, { REFRESH: "forged", KEY: "one-random-key-2" }))["error"]).toBe("invalid_token");
  });

  it("the origin of a web view is accepted as one of the allowed origins", () => {
    expect(configured(blocks("mobile", "sh", "Apps").join("")).corsOrigins).toEqual([
      "capacitor://localhost",
      "https://localhost",
    ]);
  });
});

/** The configuration after the `export` lines of a block. */
function configured(block: string, given: Readonly<Record<string, string>> = {}) {
  const exports = block.split("\n").filter((line) => line.startsWith("export ") && !line.includes("$("));
  const place = freshPlace();
  const output = execFileSync("sh", ["-ec", `${exports.join("\n")}\nenv -0`], {
    env: { PATH: process.env["PATH"], ...place.env, ...given },
    encoding: "utf8",
  });
  const env = Object.fromEntries(output.split("\0").map((line) => [line.split("=")[0], line.replace(/^[^=]*=/, "")]));
  const { configuration, warnings } = readConfiguration({ env, cwd: place.cwd, user: "me", host: "here" });
  expect(warnings).toEqual([]);
  return configuration;
}

describe("docs/operate/deploying.md", () => {
  it("the parameters of each platform are accepted", () => {
    const [every = "", , functions = ""] = blocks("deploying", "sh", "Run it on a platform");
    expect(configured(every).environment).toBe("production");
    const url = "postgres://ampho:x@pooler.example/ampho";
    expect(configured(functions, { POOLED_DATABASE_URL: url })).toMatchObject({ databaseUrl: url, trustProxy: 1 });
  });

  it("a platform needs the schema first, and the router decides the address of a client", async () => {
    const folder = freshFolder();
    writeFileSync(path.join(folder, "ampho"), `#!/bin/sh\nexec "${process.execPath}" "${ampho()}" "$@"\n`);
    chmodSync(path.join(folder, "ampho"), 0o755);
    symlinkSync(process.execPath, path.join(folder, "node"));
    const port = String(await freePort());
    const place = freshPlace();
    const env = {
      ...place.env,
      PATH: `${folder}:${process.env["PATH"]}`,
      DATABASE_URL: database.runtimeUrl,
      PORT: port,
    };
    const [, block = ""] = blocks("deploying", "sh", "Run it on a platform");
    const shell = (script: string) => spawn("sh", ["-ec", script], { cwd: place.cwd, env });
    const early = shell(block);
    let reason = "";
    early.stderr.on("data", (chunk: Buffer) => (reason += chunk.toString()));
    expect(await new Promise((resolve) => early.once("close", resolve))).toBe(1);
    expect(reason).toContain("db-up");

    const owner = { cwd: place.cwd, env: { ...place.env, AMPHO_DATABASE_URL: database.ownerUrl } };
    expect((await command(owner, ["db-up"])).code).toBe(0);
    const served = shell(block.replace(/^ampho serve/m, "exec ampho serve"));
    onTestFinished(() => void served.kill("SIGKILL"));
    const url = `http://127.0.0.1:${port}`;
    await expect
      .poll(() =>
        fetch(`${url}/readyz`).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);

    // The client forges the first address. The router appends the true one.
    const headers = { "Content-Type": "application/json", "X-Forwarded-For": "203.0.113.66, 192.0.2.7" };
    const body = JSON.stringify({ login: "nobody", password: "violet kettle harbour morning" });
    expect((await fetch(`${url}/api/security/login`, { method: "POST", headers, body })).status).toBe(401);
    const [, check = ""] =
      /^(ampho audit-list .*)$/m.exec(blocks("deploying", "sh", "Check the deployment").join("")) ?? [];
    const listed = execFileSync("sh", ["-ec", check], {
      cwd: place.cwd,
      env: { ...env, AMPHO_DATABASE_URL: database.runtimeUrl },
      encoding: "utf8",
    });
    expect(listed).toContain("192.0.2.7");
    expect(listed).not.toContain("203.0.113.66");
    const ended = new Promise((resolve) => served.once("close", resolve));
    served.kill("SIGTERM");
    expect(await ended).toBe(0);
  });

  const ampho = () => path.join(recipes.folder, "node_modules/ampho/dist/cli/main.js");
});
