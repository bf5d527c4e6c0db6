// Gateways that take keys and tokens through POST /introspect. These are the real nginx with njs and the files of
// deploy/nginx, and the real Caddy with the files of docs/guides/gateway.md. Only addresses, ports and certificates
// differ. Envoy is in neither Debian nor npm, so no test runs it.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { generateApiKey } from "../../dist/tokens/api-key.js";
import { openAmpho } from "../world/ampho.js";
import { installMs } from "../world/debian.js";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { listen } from "../world/listen.js";
import { claimsOf, foreignToken, newKey } from "../world/tokens.js";
import { requireProgram } from "./programs.js";
import { type ProxyConfiguration, proxyConfigurations, requireProxies } from "./raw-proxies.js";

beforeAll(requireProxies, installMs);

async function openGateway({ start }: ProxyConfiguration, other?: string) {
  const scopes = { reader: ["articles:read"], other: ["articles:write"] };
  const signer = newKey("key-1");
  const { ampho } = await openAmpho({ key: signer, scopes, tokenEndpoint: true, apiKeys: 5 });
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
  const gateway = await ampho.services.createApiKey("gateway");
  const port = await freePort();
  const children = await start({ ampho: url, program: other ?? program.url, key: gateway.key, port });
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
    { timeout: 60_000, interval: 100 },
  );
  return { ampho, url, ask, gateway, signer };
}

const challenges: Readonly<Record<string, (error: string) => string | null>> = {
  "deploy/nginx/introspect.conf": (error) => `Bearer error="${error}"`,
  "docs/guides/gateway.md": () => null,
};
const gateways = proxyConfigurations.filter(([name]) => name in challenges);

it.each(gateways)("%s takes keys and tokens with the scope, and passes on who it was", async (name, configuration) => {
  const challenge = challenges[name] ?? String;
  const { ampho, ask, url, gateway, signer } = await openGateway(configuration);
  const reader = await ampho.users.create({ login: "reader", roles: ["reader"] });
  const writer = await ampho.users.create({ login: "writer", roles: ["other"] });
  const { key, id } = await ampho.apiKeys.create(reader.id, { name: "x", scopes: ["articles:read"] });
  const { key: lacking } = await ampho.apiKeys.create(writer.id, { name: "x", scopes: ["articles:write"] });
  const { token } = await ampho.sessions.create(reader.id);
  const accepted = (user: string) => [200, [user, "articles:read", "none"]];
  const forged = { "X-Auth-Id": "admin", "X-Auth-Scopes": "everything", X_Auth_Id: "admin", "X-Auth_Scopes": "all" };
  for (const each of [key, token]) expect(await ask(`Bearer ${each}`, forged)).toEqual(accepted(reader.id));
  const service = await ampho.services.add({ name: "nightly", scopes: ["articles:read"] });
  const { key: serviceKey } = await ampho.services.createApiKey("nightly");
  const granted = await fetch(`${url}/api/security/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "client_credentials", client_id: service.id, client_secret: serviceKey }),
  });
  const { access_token: serviceToken } = (await granted.json()) as { readonly access_token: string };
  for (const each of [serviceKey, serviceToken]) expect(await ask(`Bearer ${each}`)).toEqual(accepted(service.id));
  expect(await ask(`Bearer ${lacking}`)).toEqual([403, challenge("insufficient_scope")]);
  expect(await ask()).toEqual([401, "Bearer"]);
  const bad = [generateApiKey("ampho"), token.slice(0, -2), "x", `${key}&token=${key}`, `${key} ${key}`, key.slice(1)];
  for (const each of bad) expect((await ask(`Bearer ${each}`))[0], each).toBe(401);
  for (const authorization of [`Basic ${btoa(`x:${key}`)}`, key, "Bearer", ""])
    expect((await ask(authorization))[0], authorization).toBe(401);
  // Another actor is not the user, whatever its scopes are.
  const claims = claimsOf(token);
  const delegated = foreignToken(signer, { ...claims, act: { sub: "agent" } });
  expect((await ampho.verify(delegated, ["delegated"])).scopes).toEqual(["articles:read"]);
  expect(await ask(`Bearer ${delegated}`)).toEqual([403, challenge("credential_not_accepted")]);
  // No route can name this credential, so introspection finds no active token.
  expect((await ask(`Bearer ${foreignToken(signer, { ...claims, by: "agent" })}`))[0]).toBe(401);
  await ampho.apiKeys.revoke(id);
  expect((await ask(`Bearer ${key}`))[0]).toBe(401);
  // Without its own key the gateway lets nothing through.
  await ampho.apiKeys.revoke(gateway.id);
  for (const each of [token, serviceKey]) expect((await ask(`Bearer ${each}`))[0]).toBe(500);
});

/** Programs that read `X_Auth_Id` of their environment, as CGI named it. */
const languages: Readonly<
  Record<string, readonly [install: string, file: string, code: string, args: (port: number) => readonly string[]]>
> = {
  php: [
    "php-cli",
    "program.php",
    `<?php header("Content-Type: application/json");
echo json_encode([$_SERVER["HTTP_X_AUTH_ID"] ?? null, $_SERVER["HTTP_X_AUTH_SCOPES"] ?? null, "none"]);`,
    (port) => ["-S", `127.0.0.1:${port}`, "program.php"],
  ],
  python3: [
    "python3",
    "program.py",
    `import json, sys
from wsgiref.simple_server import make_server
def program(environ, start):
    start("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([environ.get("HTTP_X_AUTH_ID"), environ.get("HTTP_X_AUTH_SCOPES"), "none"]).encode()]
make_server("127.0.0.1", int(sys.argv[1]), program).serve_forever()`,
    (port) => ["program.py", String(port)],
  ],
};
const pairs = gateways.flatMap(([name, configuration]) =>
  Object.keys(languages).map((language) => [language, name, configuration] as const),
);

it.each(pairs)(
  "a program in %s behind %s reads the id of the caller, however a client spells it",
  {
    timeout: installMs,
  },
  async (language, _, configuration) => {
    const [install, file, code, args] = languages[language] ?? [];
    if (install === undefined || file === undefined || code === undefined || args === undefined)
      throw new Error(language);
    const folder = freshFolder();
    writeFileSync(path.join(folder, file), code);
    const port = await freePort();
    const program = spawn(requireProgram(language, install), args(port), { cwd: folder, stdio: "ignore" });
    onTestFinished(() => void program.kill("SIGKILL"));
    const { ampho, ask } = await openGateway(configuration, `http://127.0.0.1:${port}`);
    const { id } = await ampho.users.create({ login: "reader", roles: ["reader"] });
    const { key } = await ampho.apiKeys.create(id, { name: "x", scopes: ["articles:read"] });
    const accepted = [200, [id, "articles:read", "none"]];
    await vi.waitFor(async () => expect(await ask(`Bearer ${key}`)).toEqual(accepted), {
      timeout: 60_000,
      interval: 100,
    });
    for (const character of "!#$%&'*+-.^_`|~") {
      const names = ["X?Auth?Id", "X-Auth?Id", "X?Auth-Id", "x?auth?id", "X?Auth?Scopes"].map((each) =>
        each.replaceAll("?", character),
      );
      const forged = Object.fromEntries(names.map((each) => [each, "root"]));
      expect(await ask(`Bearer ${key}`, forged), character).toEqual(accepted);
    }
  },
);
