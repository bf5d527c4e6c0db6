// Every printed and shipped configuration of a proxy, started with the real program. Only addresses, ports and certificates differ.
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { installFromDebian } from "../world/debian.js";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { textOf } from "./configurations.js";
import { requireProgram } from "./programs.js";

const root = path.resolve(import.meta.dirname, "../..");
const modules = "/usr/lib/nginx/modules/ngx_http_js_module.so";

export function requireProxies(): void {
  requireProgram("nginx", "nginx");
  requireProgram("caddy", "caddy");
  if (!existsSync(modules)) installFromDebian("nginx with njs", "libnginx-mod-http-js");
}

export interface Upstreams {
  /** The URL of Ampho. */
  readonly ampho: string;
  /** Where the program behind the proxy listens. */
  readonly program: string;
  /** The key of the gateway. */
  readonly key: string;
  readonly port: number;
  /** TLS and HTTP/2, as browsers speak to a proxy. */
  readonly tls?: boolean;
}

type StartProxy = (text: string, upstreams: Upstreams, folder: string) => Promise<readonly ChildProcess[]>;

export interface ProxyConfiguration {
  /** The headers that the proxy states itself, so that no client can: the id of the caller, or the address of the client. */
  readonly states: Readonly<Record<string, "caller" | "scopes" | "address">>;
  /** The program can be of any language, so another spelling of a stated header must not reach it. */
  readonly folds: boolean;
  /** The proxy asks Ampho about each request, and this path needs a session or a key. */
  readonly guarded: string | undefined;
  /** The scope belongs to the path, so the program must get the path that was checked, however it reads paths. */
  readonly scoped?: true;
  /** WebSockets reach an application that has Ampho inside. */
  readonly webSockets?: true;
  start(upstreams: Upstreams): Promise<readonly ChildProcess[]>;
}

/** Replaces exactly one occurrence, because a text that is gone would make the test meaningless. */
function replaced(text: string, ...changes: readonly (readonly [string | RegExp, string])[]): string {
  return changes.reduce((before, [from, to]) => {
    if (before.split(from).length !== 2) throw new Error(`the file must contain this exactly once: ${from}`);
    return before.replace(from, () => to);
  }, text);
}

/** A certificate for `localhost`. */
const certificate = path.join(root, "test/store/tls/server.crt");
const certificateKey = path.join(root, "test/store/tls/server.key");

/** Where nginx listens, with the certificate that the site names itself if it speaks TLS. */
function nginxListens(text: string, { port, tls }: Upstreams): string {
  return replaced(
    text,
    ["listen 443 ssl;", `listen 127.0.0.1:${port}${tls ? " ssl;\n    http2 on" : ""};`],
    [/ {4}ssl_certificate .*\n/, tls ? `    ssl_certificate ${certificate};\n` : ""],
    [/ {4}ssl_certificate_key .*\n/, tls ? `    ssl_certificate_key ${certificateKey};\n` : ""],
  );
}

/** The first line of a site of Caddy. It speaks HTTP/2 by itself where it has a certificate. */
const caddySite = ({ port, tls }: Upstreams) =>
  tls
    ? `https://localhost:${port} {\n\tbind 127.0.0.1\n\ttls ${certificate} ${certificateKey}`
    : `http://127.0.0.1:${port} {`;

/** nginx with the pages of a new installation in its folder, as Debian has them. */
function runNginx(folder: string, http: string, load = ""): ChildProcess {
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join("\n");
  mkdirSync(path.join(folder, "html"));
  writeFileSync(path.join(folder, "html/index.html"), "Welcome to nginx!");
  chmodSync(folder, 0o755);
  const main = `${load} daemon off; pid ${folder}/pid; error_log stderr warn; worker_processes 2;
user root; events {}
http {
${places}
access_log off;
${http}
}`;
  writeFileSync(path.join(folder, "nginx.conf"), main);
  return spawn(requireProgram("nginx", "nginx"), ["-e", "stderr", "-c", path.join(folder, "nginx.conf"), "-p", folder]);
}

function runCaddy(folder: string, site: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  const file = path.join(folder, "Caddyfile");
  writeFileSync(file, `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`);
  return spawn(requireProgram("caddy", "caddy"), ["run", "--config", file, "--adapter", "caddyfile"], {
    cwd: folder,
    env: { PATH: process.env["PATH"], HOME: folder, ...env },
  });
}

const nginxGateway: StartProxy = async (text, upstreams, folder) => {
  const { ampho, program, key } = upstreams;
  writeFileSync(path.join(folder, "key.conf"), `set $ampho_key "${key}";\n`);
  const site = replaced(
    nginxListens(text, upstreams),
    ["/etc/nginx/ampho/introspect.js", path.join(root, "deploy/nginx/introspect.js")],
    ["/etc/nginx/ampho/key.conf", path.join(folder, "key.conf")],
    ["http://127.0.0.1:3000", ampho],
    ["http://127.0.0.1:8000", program],
  );
  return [runNginx(folder, site, `load_module ${modules};`)];
};

const caddyGateway: StartProxy = async (text, upstreams, folder) => {
  const { ampho, program, key } = upstreams;
  const checkPort = String(await freePort());
  const site = replaced(
    text,
    ["api.example.com {", caddySite(upstreams)],
    ["127.0.0.1:4000", `127.0.0.1:${checkPort}`],
    ["127.0.0.1:8000", program.replace("http://", "")],
  );
  const env = { PATH: process.env["PATH"], AMPHO_URL: ampho, GATEWAY_KEY: key, CHECK_PORT: checkPort };
  return [spawn(process.execPath, [path.join(root, "deploy/caddy/check.mjs")], { env }), runCaddy(folder, site)];
};

const nginxFront: StartProxy = async (text, upstreams, folder) => {
  const server = `    server ${upstreams.program.replace("http://", "")};\n`;
  const site = replaced(nginxListens(text, upstreams), [/(?: {4}server 127\.0\.0\.1:\d+ .*\n)+/, server]);
  return [runNginx(folder, site)];
};

const caddyFront: StartProxy = async (text, upstreams, folder) => {
  const site = replaced(text, [/^\{\$AMPHO_SITE:localhost\} \{$/m, caddySite(upstreams)]);
  return [runCaddy(folder, site, { AMPHO_UPSTREAMS: upstreams.program.replace("http://", "") })];
};

/** The files of examples/protect-anything, with the pages of the site. */
const protecting = (text: string, upstreams: Upstreams, folder: string): string => {
  const { ampho, program, port, tls } = upstreams;
  cpSync(path.join(root, "examples/protect-anything/site"), path.join(folder, "site"), { recursive: true });
  return text
    .replaceAll("http://127.0.0.1:3000", ampho)
    .replaceAll("127.0.0.1:3000", ampho.replace("http://", ""))
    .replaceAll("127.0.0.1:8000", program.replace("http://", ""))
    .replace("http://localhost:8080 {", caddySite(upstreams))
    .replace(
      "listen 127.0.0.1:8080;",
      tls ? `$& ssl_certificate ${certificate}; ssl_certificate_key ${certificateKey};` : "$&",
    )
    .replace("listen 127.0.0.1:8080;", tls ? "listen 127.0.0.1:8080 ssl; http2 on;" : "$&")
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${port}`);
};

const protectingNginx: StartProxy = async (text, upstreams, folder) => {
  const [, http = ""] = /^http \{\n([\s\S]*)^\}$/m.exec(protecting(text, upstreams, folder)) ?? [];
  return [runNginx(folder, replaced(http, ["    access_log off;\n", ""]))];
};

const protectingCaddy: StartProxy = async (text, upstreams, folder) => [
  runCaddy(folder, protecting(text, upstreams, folder)),
];

const gateway = {
  states: { "X-Auth-Id": "caller", "X-Auth-Scopes": "scopes" },
  folds: true,
  guarded: "/articles",
} as const;
const front = { states: { "X-Forwarded-For": "address" }, folds: false, guarded: undefined } as const;
const protects = { ...front, guarded: "/app/articles" } as const;

const rows: Readonly<Record<string, Omit<ProxyConfiguration, "start"> & { readonly start: StartProxy }>> = {
  "deploy/nginx/ampho.conf": { ...front, start: nginxFront },
  "deploy/caddy/Caddyfile": { ...front, webSockets: true, start: caddyFront },
  "deploy/nginx/introspect.conf": { ...gateway, scoped: true, start: nginxGateway },
  "docs/guides/gateway.md": { ...gateway, start: caddyGateway },
  "examples/protect-anything/nginx.conf": { ...protects, start: protectingNginx },
  "examples/protect-anything/Caddyfile": { ...protects, start: protectingCaddy },
};

/** A row for each configuration that the files and pages contain. */
export const proxyConfigurations: readonly (readonly [string, ProxyConfiguration])[] = Object.entries(rows).map(
  ([name, { start, ...about }]) => {
    const text = textOf("proxy", name);
    return [name, { ...about, start: (upstreams) => start(text, upstreams, freshFolder()) }];
  },
);
