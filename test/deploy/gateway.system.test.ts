// Gateways that take keys and tokens through POST /introspect. These are the real nginx with njs and the files of
// deploy/nginx, and the real Caddy with the files of docs/guides/gateway.md. Only addresses, ports and certificates
// differ. Envoy is in neither Debian nor npm, so no test runs it.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { createApiKey } from "../../dist/tokens/api-key.js";
import { snippets } from "../docs/snippets.js";
import { openAmpho } from "../world/ampho.js";
import { installFromDebian, installMs } from "../world/debian.js";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { listen } from "../world/listen.js";
import { claimsOf, foreignToken, newKey } from "../world/tokens.js";
import { requireProgram } from "./programs.js";

const files = path.resolve(import.meta.dirname, "../../deploy/nginx");
const modules = "/usr/lib/nginx/modules/ngx_http_js_module.so";

beforeAll(() => {
  requireProgram("nginx", "nginx");
  requireProgram("caddy", "caddy");
  if (!existsSync(modules)) installFromDebian("nginx with njs", "libnginx-mod-http-js");
}, installMs);

/** Replaces exactly one occurrence. */
function replaced(text: string, ...changes: readonly (readonly [string | RegExp, string])[]): string {
  return changes.reduce((before, [from, to]) => {
    if (before.split(from).length !== 2) throw new Error(`the file must contain this exactly once: ${from}`);
    return before.replace(from, to);
  }, text);
}

interface Upstreams {
  readonly url: string;
  readonly program: string;
  readonly key: string;
  readonly port: number;
}

/** Starts the processes of a gateway. */
type StartGateway = (upstreams: Upstreams) => readonly ChildProcess[];

const startNginx: StartGateway = ({ url, program, key, port }) => {
  const folder = freshFolder();
  writeFileSync(path.join(folder, "key.conf"), `set $ampho_key "${key}";\n`);
  const site = replaced(
    readFileSync(path.join(files, "introspect.conf"), "utf8"),
    ["listen 443 ssl;", `listen 127.0.0.1:${port};`],
    [/ {4}ssl_certificate .*\n/, ""],
    [/ {4}ssl_certificate_key .*\n/, ""],
    ["/etc/nginx/ampho/introspect.js", path.join(files, "introspect.js")],
    ["/etc/nginx/ampho/key.conf", path.join(folder, "key.conf")],
    ["http://127.0.0.1:3000", url],
    ["http://127.0.0.1:8000", program],
  );
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const places = temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n");
  const main = `load_module ${modules}; daemon off; pid ${folder}/pid; error_log stderr warn; worker_processes 2;
user root; events {}
http {
${places}
access_log off;
${site}
}`;
  writeFileSync(path.join(folder, "nginx.conf"), main);
  return [spawn(requireProgram("nginx", "nginx"), ["-c", path.join(folder, "nginx.conf"), "-p", folder])];
};

const guide = readFileSync(path.resolve(import.meta.dirname, "../../docs/guides/gateway.md"), "utf8");

const startCaddy =
  (checkPort: number): StartGateway =>
  ({ url, program, key, port }) => {
    const folder = freshFolder();
    const { "check.mjs": code = "" } = snippets("docs/guides/gateway.md", "check.mjs");
    writeFileSync(path.join(folder, "check.mjs"), code);
    const [, printed = ""] = /^```caddyfile\n([\s\S]*?)^```$/m.exec(guide) ?? [];
    const site = replaced(
      printed,
      ["api.example.com {", `http://127.0.0.1:${port} {`],
      ["127.0.0.1:4000", `127.0.0.1:${checkPort}`],
      ["127.0.0.1:8000", program.replace("http://", "")],
    );
    writeFileSync(path.join(folder, "Caddyfile"), `{\n\tadmin off\n}\n${site}`);
    const { PATH } = process.env;
    const env = { PATH, HOME: folder, AMPHO_URL: url, GATEWAY_KEY: key, CHECK_PORT: String(checkPort) };
    return [
      spawn(process.execPath, [path.join(folder, "check.mjs")], { env }),
      spawn(requireProgram("caddy", "caddy"), ["run", "--config", path.join(folder, "Caddyfile")], { env }),
    ];
  };

async function openGateway(start: StartGateway) {
  const scopes = { reader: ["articles:read"], other: ["articles:write"] };
  const signer = newKey("key-1");
  const { ampho } = await openAmpho({ key: signer, scopes, tokenEndpoint: true, keysPerUser: 5 });
  onTestFinished(() => ampho.close());
  const { url } = await listen(mount(ampho));
  const program = await listen((request, response) => {
    const { headers } = request;
    // A program can read an underscore in the name of a header as a hyphen.
    const names = Object.keys(headers).filter((name) => /^x.auth/.test(name));
    const isOwn = names.sort().join() === "x-auth-id,x-auth-scopes";
    response.end(
      JSON.stringify([headers["x-auth-id"], isOwn && headers["x-auth-scopes"], headers.authorization ?? "none"]),
    );
  });
  await ampho.services.add({ name: "gateway", scopes: ["ampho:introspect"] });
  const gateway = await ampho.services.createKey("gateway");
  const port = await freePort();
  const children = start({ url, program: program.url, key: gateway.key, port });
  let said = "";
  for (const child of children) {
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (said += chunk));
    onTestFinished(() => void child.kill("SIGKILL"));
  }
  const ask = async (authorization?: string, more: Record<string, string> = {}) => {
    const headers = { ...more, ...(authorization !== undefined && { Authorization: authorization }) };
    const response = await fetch(`http://127.0.0.1:${port}/articles`, { headers });
    const text = await response.text();
    return [response.status, response.status === 200 ? JSON.parse(text) : response.headers.get("www-authenticate")];
  };
  await vi.waitFor(
    async () => {
      if (children.some(({ exitCode }) => exitCode !== null)) throw new Error(said);
      expect((await ask())[0], said).toBe(401);
    },
    { timeout: 30_000, interval: 100 },
  );
  return { ampho, url, ask, gateway, signer };
}

const gateways = [
  ["nginx", async () => startNginx, (error: string) => `Bearer error="${error}"`],
  ["Caddy", async () => startCaddy(await freePort()), () => null],
] as const;

it.each(gateways)("%s takes keys and tokens with the scope, and passes on who it was", async (_, start, challenge) => {
  const { ampho, ask, url, gateway, signer } = await openGateway(await start());
  const reader = await ampho.users.create({ login: "reader", roles: ["reader"] });
  const writer = await ampho.users.create({ login: "writer", roles: ["other"] });
  const { key, id } = await ampho.apiKeys.create(reader.id, { name: "x", scopes: ["articles:read"] });
  const { key: lacking } = await ampho.apiKeys.create(writer.id, { name: "x", scopes: ["articles:write"] });
  const { token } = await ampho.sessions.create(reader.id);
  const accepted = (user: string) => [200, [user, "articles:read", "none"]];
  const forged = { "X-Auth-Id": "admin", "X-Auth-Scopes": "everything", X_Auth_Id: "admin", "X-Auth_Scopes": "all" };
  for (const each of [key, token]) expect(await ask(`Bearer ${each}`, forged)).toEqual(accepted(reader.id));
  const service = await ampho.services.add({ name: "nightly", scopes: ["articles:read"] });
  const { key: serviceKey } = await ampho.services.createKey("nightly");
  const granted = await fetch(`${url}/api/security/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "client_credentials", client_id: service.id, client_secret: serviceKey }),
  });
  const { access_token: serviceToken } = (await granted.json()) as { readonly access_token: string };
  for (const each of [serviceKey, serviceToken]) expect(await ask(`Bearer ${each}`)).toEqual(accepted(service.id));
  expect(await ask(`Bearer ${lacking}`)).toEqual([403, challenge("insufficient_scope")]);
  expect(await ask()).toEqual([401, "Bearer"]);
  const bad = [createApiKey("ampho"), token.slice(0, -2), "x", `${key}&token=${key}`, `${key} ${key}`, key.slice(1)];
  for (const each of bad) expect((await ask(`Bearer ${each}`))[0], each).toBe(401);
  for (const authorization of [`Basic ${btoa(`x:${key}`)}`, key, "Bearer", ""])
    expect((await ask(authorization))[0], authorization).toBe(401);
  // Another actor is not the user, whatever its scopes are.
  const claims = claimsOf(token);
  for (const more of [{ act: { sub: "agent" } }, { by: "agent" }]) {
    const delegated = foreignToken(signer, { ...claims, ...more });
    expect((await ampho.verify(delegated, ["delegated"])).scopes).toEqual(["articles:read"]);
    expect(await ask(`Bearer ${delegated}`)).toEqual([403, challenge("credential_not_accepted")]);
  }
  await ampho.apiKeys.revoke(id);
  expect((await ask(`Bearer ${key}`))[0]).toBe(401);
  // Without its own key the gateway lets nothing through.
  await ampho.apiKeys.revoke(gateway.id);
  for (const each of [token, serviceKey]) expect((await ask(`Bearer ${each}`))[0]).toBe(500);
});
