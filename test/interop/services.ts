// The services of examples/verify-node, verify-python and verify-go as processes: one program in three languages, which
// knows users by their tokens alone.
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { spawnSync } from "../../scripts/child-process.mjs";
import { atEndOfFile } from "../world/clean-up.js";
import { installFromDebian } from "../world/debian.js";
import { freshFolder } from "../world/folder.js";
import { requirePython } from "./python.js";

const root = path.resolve(import.meta.dirname, "../..");
export const feedToken = "feed-5f2c8e9a4b7d1e6f3a0c9b8d7e6f";
export const issuer = "https://auth.example";
export const audience = "https://api.example";

export const languages = ["node", "python", "go"] as const;
export type Language = (typeof languages)[number];

/** Copies the example, as a reader does. */
function copyOf(language: Language): string {
  const folder = path.join(freshFolder(), language);
  cpSync(path.join(root, `examples/verify-${language}`), folder, { recursive: true });
  return folder;
}

function node(): readonly string[] {
  const folder = copyOf("node");
  mkdirSync(path.join(folder, "node_modules"));
  symlinkSync(root, path.join(folder, "node_modules/ampho"));
  return [process.execPath, path.join(folder, "server.js")];
}

function python(): readonly string[] {
  requirePython();
  return ["/usr/bin/python3", path.join(copyOf("python"), "service.py")];
}

const goEnv = { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=mod", GOPROXY: "off" };

/** Runs a command of Go in the copy, and throws what it reports. */
function runGo(cwd: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("go", args, { cwd, env: goEnv, encoding: "utf8", timeout: 240_000 });
  if (status !== 0) throw new Error(`go ${args.join(" ")}: ${stderr}${stdout}`);
  return String(stdout);
}

function go(): readonly string[] {
  if (spawnSync("go", ["version"]).status !== 0) installFromDebian("Go", "golang-go");
  const cwd = copyOf("go");
  runGo(cwd, "vet", "./...");
  runGo(cwd, "build", "-o", "service", ".");
  return [path.join(cwd, "service")];
}

/** Compiles the code of a page as the body of a function in a service. */
export function compileGo(body: string): void {
  const cwd = copyOf("go");
  const imports = ["fmt", "net/http", "os", "example.com/orders/amphoverify"]
    .map((name) => `import "${name}"`)
    .join("\n");
  writeFileSync(path.join(cwd, "main.go"), `package main\n${imports}\nfunc main() {\n${body}\n_ = err\n}\n`);
  runGo(cwd, "vet", "./...");
}

const builders = { node, python, go };
const commands = new Map<Language, readonly string[]>();

/** Installs and builds what the services need. It blocks this process, so servers start later. */
export function buildServices(): void {
  for (const language of languages) commands.set(language, builders[language]());
}

export interface Service {
  readonly language: Language;
  readonly process: ChildProcess;
  readonly url: string;
  readonly stderr: () => string;
  /** The response to a token: "200", or the code of its error. */
  verdict(token: string): Promise<string>;
  /** The status and the body, without the message. */
  ask(authorization: string | undefined): Promise<Readonly<Record<string, unknown>>>;
}

/** Rejects with its stderr for a service that ends, because it could not read keys or revocations. */
export async function startService(
  language: Language,
  authUrl: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Service> {
  const [program = "", ...args] = commands.get(language) ?? [];
  const env = { AUTH_URL: authUrl, FEED_TOKEN: feedToken, ISSUER: issuer, AUDIENCE: audience, ...more };
  const child = spawn(program, args, { env: { PATH: process.env["PATH"], ...env } });
  atEndOfFile(() => child.kill("SIGKILL"));
  let [stdout, stderr] = ["", ""];
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const url = await new Promise<string>((resolve, reject) => {
    child.once("close", () => reject(new Error(`the service in ${language} has ended: ${stderr}`)));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (stdout.includes("\n")) resolve(stdout.trim());
    });
  });
  const ask = async (authorization: string | undefined) => {
    const response = await fetch(url, { headers: authorization === undefined ? {} : { authorization } });
    const { error, login, roles, credential } = await response.json();
    return { status: response.status, error, login, roles, credential };
  };
  return {
    language,
    process: child,
    url,
    stderr: () => stderr,
    ask,
    async verdict(token) {
      const { status, error } = await ask(`Bearer ${token}`);
      return status === 200 ? "200" : String(error);
    },
  };
}

/** Starts the service in each language. */
export const startServices = (
  authUrl: string,
  more: Readonly<Record<string, string>> = {},
): Promise<readonly Service[]> => Promise.all(languages.map((language) => startService(language, authUrl, more)));
