// `ampho serve` and other commands as processes of their own, in a folder of their own. All end with the tests.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { atEndOfFile } from "./clean-up.js";
import { attackBinary, binary, execute, type Outcome } from "./command.js";
import { freshFolder } from "./folder.js";
import { alice } from "./people.js";
import { type Grant, postLogin } from "./requests.js";

/** Where commands run: the working directory, and the environment besides PATH and HOME. */
export interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** A command that starts another one, put in front of that of the server. */
  readonly through?: readonly string[];
  /** The command line of another build than the present one. */
  readonly program?: string;
}

/** For tests that are not about throttling: every attempt has to reach its handler. */
export const unthrottled = {
  AMPHO_SECURITY_THROTTLE_ATTEMPTS: "1000000",
  AMPHO_SECURITY_THROTTLE_LOCK: "1000000",
  AMPHO_SECURITY_THROTTLE_ADDRESS: "0",
};

const key = '{"kty":"oct","kid":"one","k":"6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw"}';
const running = new Set<ChildProcess>();

/** Ends a server whose tests were killed and could not end it: its stdin is a pipe from them. */
const tether = `data:text/javascript,${encodeURIComponent(`
  import { isMainThread } from "node:worker_threads";
  if (isMainThread) process.stdin.once("end", () => process.kill(process.pid, "SIGKILL")).resume().unref();
`)}`;

process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export function freshPlace(env: Readonly<Record<string, string>> = {}): Place {
  return {
    cwd: freshFolder(),
    env: { NODE_ENV: "production", AMPHO_SECURITY_KEY: key, AMPHO_DATABASE_URL: "sqlite:ampho.db", ...env },
  };
}

/** Runs a command to its end. */
export const command = ({ cwd, env, program = binary }: Place, args: readonly string[], stdin = ""): Promise<Outcome> =>
  execute(process.execPath, [program, ...args], { cwd, env, stdin });

/** Attacks an instance. The test users are created by the `ampho` of the build. */
export const attack = (place: Place, url: string, args: readonly string[] = [], stdin = ""): Promise<Outcome> =>
  command({ ...place, program: attackBinary }, [url, "--ampho", `"${process.execPath}" "${binary}"`, ...args], stdin);

export async function addUser(place: Place, { login, password } = alice): Promise<void> {
  const { code, stderr } = await command(place, ["user-add", login, "--password-stdin"], password);
  if (code !== 0) throw new Error(stderr);
}

/** A line of the access log, as `--log json` writes it. */
export interface LogEntry {
  readonly method?: string;
  readonly route?: string;
  readonly status: number;
  readonly error?: string;
}

export interface Served {
  readonly root: string;
  /** The base of the endpoints. */
  readonly url: string;
  readonly port: number;
  readonly process: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** The access log so far. Each line of stderr must be JSON. */
  entries(): readonly LogEntry[];
  rssBytes(): number;
  /** Sends the signal, and resolves when the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<Outcome>;
}

/** Starts `ampho serve` on a free port. Rejects with its stderr if it ends before it listens. */
export async function startServe(
  { cwd, env, through = [], program = binary }: Place,
  ...args: readonly string[]
): Promise<Served> {
  const [first = "", ...rest] = [
    ...through,
    process.execPath,
    "--import",
    tether,
    program,
    "serve",
    "--port",
    "0",
    "--log",
    "json",
    ...args,
  ];
  const child = spawn(first, rest, { cwd, env: { PATH: process.env["PATH"], HOME: cwd, ...env } });
  running.add(child);
  atEndOfFile(() => child.kill("SIGKILL"));
  let [stdout, stderr] = ["", ""];
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  const ended = new Promise<Outcome>((resolve) =>
    child.once("close", (code) => {
      running.delete(child);
      resolve({ stdout, stderr, code });
    }),
  );
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", () => stdout.includes("\n") && resolve());
    void ended.then(() => reject(new Error(stderr)));
  });
  const root = stdout.trim();
  return {
    root,
    url: `${root}/api/security`,
    port: Number(new URL(root).port),
    process: child,
    stdout: () => stdout,
    stderr: () => stderr,
    entries: () => entriesOf(stderr),
    rssBytes: () => rssBytesOf(child.pid ?? 0),
    stop: (signal = "SIGTERM") => {
      child.kill(signal);
      return ended;
    },
  };
}

function entriesOf(stderr: string): readonly LogEntry[] {
  const lines = stderr.split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line)).filter((entry) => "status" in entry);
}

/** Only Linux reports it. Elsewhere the result is 0. */
function rssBytesOf(pid: number): number {
  if (process.platform !== "linux") return 0;
  const [, kib = "0"] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}

export async function logIn({ url }: Pick<Served, "url">, who = alice): Promise<Grant> {
  const response = await postLogin(url, who);
  if (response.status !== 200) throw new Error(`the login returned ${response.status}`);
  return response.json();
}
