// Programs that run to their end, above all the command `ampho` of the build.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The command line of the build. */
export const binary = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** The command line of the build of `ampho-attack`. */
export const attackBinary = fileURLToPath(new URL("../../packages/attack/dist/main.js", import.meta.url));

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

export interface ExecuteOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string;
}

/** Runs a program with only PATH, HOME, the database `sqlite:ampho.db` and `env` in its environment. */
export function execute(command: string, args: readonly string[], options: ExecuteOptions): Promise<Outcome> {
  const env = {
    PATH: process.env["PATH"],
    HOME: options.cwd,
    AMPHO_DATABASE_URL: "sqlite:ampho.db",
    ...options.env,
  };
  const child = spawn(command, args, { cwd: options.cwd, env });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  // A command that reads nothing can end before all of its input is written.
  child.stdin.on("error", () => {});
  child.stdin.end(options.stdin ?? "");
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ stdout, stderr, code }));
  });
}

/** Runs `ampho`. */
export const ampho = (args: readonly string[], options: ExecuteOptions): Promise<Outcome> =>
  execute(process.execPath, [binary, ...args], options);
