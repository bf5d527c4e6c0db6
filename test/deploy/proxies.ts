// The real nginx and Caddy with the files of deploy/. Only addresses, ports and certificates differ.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { vi } from "vitest";
import { freePort } from "../world/free-port.js";
import { requireProgram } from "./programs.js";

const root = path.resolve(import.meta.dirname, "../..");
/** A certificate for `localhost`, which is its own authority. */
export const certificate = path.join(root, "test/store/tls/server.crt");
const certificateKey = path.join(root, "test/store/tls/server.key");

export interface RunningProxy {
  readonly port: number;
  ask(target: string, asked?: Asked): Promise<ReadResponse>;
  stop(): Promise<void>;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface ReadResponse {
  readonly status: number;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

type StartProxy = (upstreams: readonly number[]) => Promise<RunningProxy>;

export const proxies: Readonly<Record<string, StartProxy>> = { nginx: startNginx, Caddy: startCaddy };

/** Replaces exactly one occurrence, because a text that is gone would make the test meaningless. */
function replaced(text: string, changes: readonly (readonly [string | RegExp, string])[]): string {
  return changes.reduce((before, [from, to]) => {
    if (before.split(from).length !== 2) throw new Error(`the file must contain this exactly once: ${from}`);
    return before.replace(from, to);
  }, text);
}

async function startNginx(upstreams: readonly number[]): Promise<RunningProxy> {
  const program = requireProgram("nginx", "nginx");
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-nginx-"));
  const site = replaced(readFileSync(path.join(root, "deploy/nginx/ampho.conf"), "utf8"), [
    [
      /(?: {4}server 127\.0\.0\.1:\d+ .*\n)+/,
      upstreams.map((each) => `    server 127.0.0.1:${each} max_fails=1 fail_timeout=1s;\n`).join(""),
    ],
    ["listen 443 ssl;", `listen 127.0.0.1:${port} ssl;`],
    ["/etc/ssl/certs/auth.example.com.pem", certificate],
    ["/etc/ssl/private/auth.example.com.key", certificateKey],
  ]);
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join("\n");
  const main = `daemon off; pid ${folder}/pid; error_log stderr warn; worker_processes 2;
events {}
http {
${places}
access_log off;
${site}
}`;
  writeFileSync(path.join(folder, "nginx.conf"), main);
  return proxyOf(
    spawn(program, ["-c", path.join(folder, "nginx.conf"), "-p", folder], { stdio: "pipe" }),
    port,
    folder,
  );
}

async function startCaddy(upstreams: readonly number[]): Promise<RunningProxy> {
  const program = requireProgram("caddy", "caddy");
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-caddy-"));
  const site = replaced(readFileSync(path.join(root, "deploy/caddy/Caddyfile"), "utf8"), [
    [/^\{\$AMPHO_SITE:localhost\} \{\n/m, `https://localhost:${port} {\n\ttls ${certificate} ${certificateKey}\n`],
  ]);
  const file = path.join(folder, "Caddyfile");
  writeFileSync(file, `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`);
  const env = {
    PATH: process.env["PATH"],
    HOME: folder,
    AMPHO_UPSTREAMS: upstreams.map((each) => `127.0.0.1:${each}`).join(" "),
  };
  return proxyOf(
    spawn(program, ["run", "--config", file, "--adapter", "caddyfile"], { stdio: "pipe", env }),
    port,
    folder,
  );
}

async function proxyOf(child: ChildProcess, port: number, folder: string): Promise<RunningProxy> {
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (said += chunk));
  const proxy = {
    port,
    ask: (target: string, asked?: Asked) => ask(port, target, asked),
    stop: async () => {
      const ended = once(child, "close");
      child.kill("SIGTERM");
      await ended;
      process.off("exit", kill);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  const responses = async () => {
    if (child.exitCode !== null) throw new Error(said);
    const { status } = await proxy.ask("/readyz");
    if (status !== 200) throw new Error(`The response was ${status}: ${said}`);
  };
  await vi.waitFor(responses, { timeout: 60_000, interval: 50 });
  return proxy;
}

/** Over TLS with a checked certificate, on a connection of its own. */
function ask(port: number, target: string, { method = "GET", headers = {}, body }: Asked = {}): Promise<ReadResponse> {
  const sent = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const all = sent === undefined ? headers : { "content-type": "application/json", ...headers };
  return new Promise((resolve, reject) => {
    const options = { method, headers: all, ca: readFileSync(certificate), agent: false } as const;
    const sending = request(`https://localhost:${port}${target}`, options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        const isJson = response.headers["content-type"]?.startsWith("application/json") === true;
        resolve({ status: response.statusCode ?? 0, text, json: isJson ? JSON.parse(text) : {} });
      });
      response.on("error", reject);
    });
    sending.on("error", reject);
    sending.end(sent);
  });
}
