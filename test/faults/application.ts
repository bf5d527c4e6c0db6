// Applications as processes of their own, and requests to them that need a response within a limit.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface Held {
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly timers: number;
  readonly files: number;
}

export interface Application {
  /** The base of the probes. */
  readonly root: string;
  /** The base of the endpoints. */
  readonly url: string;
  /** The base of `/plain` and `/strict`. */
  readonly guards: string;
  held(): Promise<Held>;
  readonly errors: () => string;
  /** Ends its input. It then closes, and ends by itself when nothing keeps it alive. Resolves to its exit code. */
  end(): Promise<number | null>;
  kill(): void;
}

const script = fileURLToPath(new URL("./children/application.mjs", import.meta.url));
const running = new Set<() => void>();
process.once("exit", () => {
  for (const kill of running) kill();
});

export async function startApplication(options: object, through: readonly string[] = []): Promise<Application> {
  const command = [...through, process.execPath, "--expose-gc", script, JSON.stringify(options)];
  const [first = "", ...rest] = command;
  const child = spawn(first, rest, { stdio: "pipe" });
  const kill = () => void child.kill("SIGKILL");
  running.add(kill);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const ended = new Promise<number | null>((resolve) =>
    child.once("close", (code) => {
      running.delete(kill);
      resolve(code);
    }),
  );
  const line = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (line.done) throw new Error(`the application did not start: ${errors}`);
  const { root, guards }: { readonly root: string; readonly guards: string } = JSON.parse(line.value);
  return {
    root,
    url: `${root}/api/security`,
    guards,
    held: async () => (await fetch(`${guards}/held`)).json(),
    errors: () => errors,
    end: () => {
      child.stdin.end();
      return ended;
    },
    kill,
  };
}

export interface Reply {
  readonly status: number;
  readonly error: unknown;
  readonly json: Readonly<Record<string, unknown>>;
  /** Seconds. Zero if the header is missing. */
  readonly retryAfter: number;
}

export interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly bearer?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A later response fails the test. */
  readonly withinMs?: number;
}

/** The contract allows 6 s (§5), as request-time.system.test.ts measures. A busy machine needs longer for a password. */
export const responseMs = 15_000;

export async function ask(url: string, asked: Asked = {}): Promise<Reply> {
  const { method = "GET", body, bearer, headers = {}, withinMs = responseMs } = asked;
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(withinMs),
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  const json: Readonly<Record<string, unknown>> = isJson ? JSON.parse(text) : {};
  const retryAfter = Number(response.headers.get("retry-after") ?? 0);
  return { status: response.status, error: json["error"], json, retryAfter };
}
