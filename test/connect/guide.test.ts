// The blocks of docs/guides/connect.md, from the configuration to the metadata that an application reads, and the commands.
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { createAmpho } from "../../dist/index.js";
import { ampho as command } from "../world/command.js";
import { freshFolder } from "../world/folder.js";
import { listen } from "../world/listen.js";
import { newKey } from "../world/tokens.js";

const page = readFileSync("docs/guides/connect.md", "utf8");
const blocks = [...page.matchAll(/^```sh\n([^`]*)```$/gm)].map(([, code = ""]) => code.trim());

async function openPlace() {
  const cwd = freshFolder();
  const [settings = ""] = blocks;
  const lines = settings.split("\n").map((line) => /^(\w+)='?(.*?)'?$/.exec(line) ?? []);
  const env = Object.fromEntries(lines.map(([, name = "", value = ""]) => [name, value]));
  const run = async (args: readonly string[]) => {
    const { stdout, stderr, code } = await command(args, { cwd, env });
    return { stdout: stdout.trim(), stderr, code };
  };
  expect((await run(["db-up"])).code).toBe(0);
  return { cwd, env, run };
}

it("the configuration of the guide starts, its command registers the application, and the metadata names both", async () => {
  const { cwd, env, run } = await openPlace();
  const [, register = ""] = blocks;
  const { stdout: id } = await run(register.split(" ").slice(1));
  expect(id).toMatch(/^svc_/);
  const options = {
    databaseUrl: `sqlite:${path.join(cwd, "ampho.db")}`,
    key: newKey("2026-12"),
    connect: env["AMPHO_SECURITY_CONNECT"] ?? "",
    scopes: env["AMPHO_SECURITY_SCOPES"] ?? "",
    scopeTexts: env["AMPHO_SECURITY_SCOPE_TEXTS"] ?? "",
    appUrl: env["AMPHO_APP_URL"] ?? "",
    log: () => undefined,
  };
  const ampho = await createAmpho(options);
  onTestFinished(() => ampho.close());
  const { url } = await listen(mount(ampho));
  const metadata = await fetch(`${url}/.well-known/oauth-authorization-server`);
  expect(metadata.headers.get("access-control-allow-origin")).toBe("*");
  expect(await metadata.json()).toMatchObject({
    issuer: "https://app.example",
    authorization_endpoint: "https://app.example/api/security/authorize",
    token_endpoint: "https://app.example/api/security/token",
    scopes_supported: ["articles:read", "articles:write"],
    grant_types_supported: ["authorization_code", "refresh_token"],
    code_challenge_methods_supported: ["S256"],
    authorization_response_iss_parameter_supported: true,
  });
  const query = new URLSearchParams({ client_id: id, redirect_uri: "https://reader.example/callback" });
  const begun = await fetch(`${url}/api/security/authorize?${query}`, { redirect: "manual" });
  expect(begun.headers.get("location")).toMatch(
    /^https:\/\/reader\.example\/callback\?error=unsupported_response_type/,
  );
});

it("the commands show and change what an application is", async () => {
  const { run } = await openPlace();
  const client = ["--redirect", "https://reader.example/callback", "--user-scope", "articles:read"];
  expect((await run(["service-add", "reader", ...client])).code).toBe(0);
  expect((await run(["service-show", "reader"])).stdout).toContain("redirect https://reader.example/callback\n");
  expect((await run(["service-show", "reader"])).stdout).toContain("scopes of users articles:read, with a key");
  expect((await run(["service-client", "reader", ...client, "--public"])).code).toBe(0);
  expect((await run(["service-show", "reader"])).stdout).toContain("articles:read, public");
  expect((await run(["service-client", "reader"])).code).toBe(2);
  expect((await run(["service-client", "reader", "--none", ...client])).code).toBe(2);
  expect((await run(["service-add", "half", "--redirect", "https://reader.example/callback"])).code).toBe(2);
  const wrong = await run(["service-client", "reader", "--redirect", "http://reader.example/", "--user-scope", "x"]);
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("A redirect URI must be an https URL")]);
  expect((await run(["service-client", "reader", "--none"])).stderr).toContain("is no client of users now");
  expect((await run(["service-show", "reader"])).stdout).not.toContain("redirect");
});
