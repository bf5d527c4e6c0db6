// An example as a process of its own: its key, its user, its start and its end.
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { execFileSync } from "../../scripts/child-process.mjs";
import type { Consumer } from "./packed.js";

/** The environment of an example: a new key, and a database with the user alice. */
export function prepare({ folder, ampho }: Consumer, password: string): NodeJS.ProcessEnv {
  const common = { PATH: process.env["PATH"], AMPHO_DATABASE_URL: `sqlite:${path.join(folder, "ampho.db")}` };
  const key = execFileSync(process.execPath, [ampho, "sec-gen-key"], { env: common, encoding: "utf8" }).trim();
  const env = { ...common, AMPHO_SECURITY_KEY: key, PORT: "0" };
  const add = [ampho, "user-add", "alice", "--password-stdin"];
  execFileSync(process.execPath, add, { env, cwd: folder, input: password });
  return env;
}

export interface Running {
  readonly url: string;
  /** Exit code after SIGTERM, and what was written to stderr. */
  stop(): Promise<{ code: number | null; stderr: string }>;
}

export function start(folder: string, env: NodeJS.ProcessEnv, file: string): Promise<Running> {
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
