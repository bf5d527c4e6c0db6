// Real processes that run an Ampho on the database of a test.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished } from "vitest";
import type { Clock } from "../../dist/index.js";
import type { World } from "../world/ampho.js";

/** Processes cannot share a settable clock. */
export const realClock: Clock = {
  now: () => Math.floor(Date.now() / 1000),
  monotonicMs: () => performance.now(),
};

export interface Instance {
  /** Sends the same request `count` times at once. */
  calls(count: number, request: Request): Promise<readonly { readonly status: number; readonly text: string }[]>;
  /** Sends these requests at once. */
  all(requests: readonly Request[]): Promise<readonly { readonly status: number; readonly text: string }[]>;
  /** Returns the login of the token, or the code of the rejection. */
  verify(token: string): Promise<string>;
  /** The same with `verifySync`. */
  verifySync(token: string): Promise<string>;
  /** Stops the process, or lets it continue. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  /** Ends it by SIGKILL. */
  kill(): Promise<void>;
  /** Ends its input, and resolves to its exit code and last output. */
  end(): Promise<{ readonly code: number | null; readonly last: unknown; readonly errors: string }>;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly bearer?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function startInstance(world: World, options: object = {}): Promise<Instance> {
  const script = fileURLToPath(new URL("./children/instance.mjs", import.meta.url));
  const settings = { key: world.key, databaseUrl: `sqlite:${world.databaseFile}`, ...options };
  const child = spawn(process.execPath, [script, JSON.stringify(settings)], { stdio: "pipe" });
  onTestFinished(() => void child.kill("SIGKILL"));
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const line = await lines.next();
    return line.done ? undefined : JSON.parse(line.value);
  };
  const ask = (name: string, input: object) => {
    child.stdin.write(`${JSON.stringify({ name, ...input })}\n`);
    return next();
  };
  expect(await next(), errors).toBe("ready");
  return {
    calls: (count, request) => ask("calls", { count, ...request }),
    all: (requests) => ask("all", { requests }),
    verify: (token) => ask("verify", { token }),
    verifySync: (token) => ask("verifySync", { token }),
    signal: (signal) => void child.kill(signal),
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    end: async () => {
      child.stdin.end();
      const last = await next();
      return { last, code: await ended, errors };
    },
  };
}
