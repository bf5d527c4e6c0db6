// Real servers (`ampho serve`) on one database, and callers whose address the test chooses, behind a proxy that is believed.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type AmphoOptions, createAmpho } from "../../dist/ampho.js";

const binary = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const apart = { strangers: 0 };

export const right = "violet kettle harbour morning";
export const wrong = "heron tumbrel lantern seven";

export interface Login {
  readonly login: string;
  readonly password: string;
  readonly address: string;
  readonly device?: string | undefined;
}

export interface LoginAnswer {
  readonly status: number;
  readonly retryAfter: number | undefined;
  readonly headerNames: readonly string[];
  readonly text: string;
  readonly device: string | undefined;
}

export interface Servers {
  /** Of each server, under which the API is. */
  readonly urls: readonly string[];
  /** The database, by the library. */
  open(options?: AmphoOptions): ReturnType<typeof createAmpho>;
  logIn(server: number, login: Login): Promise<LoginAnswer>;
  close(): Promise<void>;
}

export async function startServers(count: number, env: Readonly<Record<string, string>> = {}): Promise<Servers> {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-attack-"));
  const key = { kty: "oct", kid: "one", k: randomBytes(32).toString("base64url") };
  const databaseUrl = env["AMPHO_DATABASE_URL"] ?? `sqlite:${path.join(folder, "ampho.db")}`;
  const open = (options: AmphoOptions = {}) => createAmpho({ key, databaseUrl, log: () => {}, ...options });
  // The schema is made once, before several processes look for it.
  await (await open()).close();
  const children: ChildProcess[] = [];
  const urls = await Promise.all(
    Array.from({ length: count }, async () => {
      const child = spawn(process.execPath, [binary, "serve", "--port", "0"], {
        env: {
          PATH: process.env["PATH"],
          AMPHO_SECURITY_KEY: JSON.stringify(key),
          AMPHO_DATABASE_URL: databaseUrl,
          AMPHO_TRUST_PROXY: "1",
          ...env,
        },
        cwd: folder,
        stdio: ["ignore", "pipe", "ignore"],
      });
      children.push(child);
      return `${await firstLine(child)}/api/security`;
    }),
  );
  return {
    urls,
    open,
    logIn: (server, login) => logIn(urls[server] ?? "", login),
    async close() {
      await Promise.all(children.map(end));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Addresses that nobody has used yet. */
export function strangers(count: number): readonly string[] {
  return Array.from({ length: count }, () => {
    apart.strangers += 1;
    return `198.${18 + (apart.strangers >> 16)}.${(apart.strangers >> 8) & 255}.${apart.strangers & 255}`;
  });
}

async function logIn(url: string, { address, ...body }: Login): Promise<LoginAnswer> {
  const response = await fetch(`${url}/login`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-forwarded-for": address },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const answer: Readonly<Record<string, unknown>> = JSON.parse(text);
  const retryAfter = response.headers.get("retry-after");
  return {
    status: response.status,
    retryAfter: retryAfter === null ? undefined : Number(retryAfter),
    headerNames: [...response.headers.keys()].sort(),
    text,
    device: typeof answer["device"] === "string" ? answer["device"] : undefined,
  };
}

function firstLine({ stdout }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    stdout?.setEncoding("utf8");
    stdout?.on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.split("\n")[0] ?? "");
    });
    stdout?.on("end", () => reject(new Error("the server did not start")));
  });
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}
