// The commands of service accounts, and the program of docs/guides/services.md.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { snippets } from "../docs/snippets.js";
import { openAmpho } from "../world/ampho.js";
import { ampho as command, execute } from "../world/command.js";
import { freshFolder } from "../world/folder.js";
import { keyPair } from "../world/key-pairs.js";
import { listen } from "../world/listen.js";
import { readers, scopes } from "./services.js";

async function openPlace() {
  const cwd = freshFolder();
  const env = { AMPHO_SECURITY_TOKEN_ENDPOINT: "true", AMPHO_SECURITY_SCOPES: JSON.stringify(scopes) };
  const run = async (args: string, stdin?: string) => {
    const { stdout, stderr, code } = await command(args.split(" "), {
      cwd,
      env,
      ...(stdin !== undefined && { stdin }),
    });
    return { stdout: stdout.trim(), stderr, code };
  };
  expect((await run("db-up")).code).toBe(0);
  return { cwd, run };
}

it("the commands and the program of the guide call a guarded route", async () => {
  const { cwd, run } = await openPlace();
  const { stdout: id } = await run("service-add nightly --scope articles:read");
  const { stdout: key } = await run("service-api-key nightly --days 366");
  expect([id, key]).toEqual([expect.stringMatching(/^svc_/), expect.stringMatching(/^ampho_key_/)]);
  const databaseUrl = `sqlite:${path.join(cwd, "ampho.db")}`;
  const { ampho } = await openAmpho({ databaseUrl, scopes, tokenEndpoint: true });
  onTestFinished(() => ampho.close());
  const { url } = await listen(mount(ampho));
  const api = await listen(async (request, response) => {
    const auth = await ampho.host.guard(request.headers.authorization, readers, request);
    response.end(`${request.url} ${auth?.id} ${auth?.credential}`);
  });
  const { "nightly.mjs": program = "" } = snippets("docs/guides/services.md", "nightly.mjs");
  writeFileSync(path.join(cwd, "nightly.mjs"), program);
  const env = { AMPHO_URL: url, API_URL: api.url, SERVICE_ID: id, SERVICE_KEY: key };
  const { stdout, stderr } = await execute(process.execPath, ["nightly.mjs"], { cwd, env });
  expect([stdout, stderr]).toEqual([`200 /articles ${id} service\n`, ""]);
  const [curl = ""] = /^curl .*$/m.exec(readFileSync("docs/guides/services.md", "utf8")) ?? [];
  writeFileSync(path.join(cwd, "nightly.key"), `${key}\n`);
  const sent = await execute("sh", ["-c", curl], { cwd, env });
  expect(JSON.parse(sent.stdout)).toMatchObject({ token_type: "Bearer", scope: "articles:read" });
});

it("the commands list, show, change and delete a service account", async () => {
  const { cwd, run } = await openPlace();
  const { stdout: id } = await run("service-add nightly --scope articles:read");
  const { stdout: key } = await run("service-api-key nightly --name Server-2");
  expect((await run("service-add nightly")).code).toBe(1);
  expect((await run("service-add Nightly")).code).toBe(1);
  expect((await run("service-api-key nightly --days 367")).code).toBe(1);
  expect((await run("service-api-key nightly --days 0")).code).toBe(2);
  const list = async () => JSON.parse((await run("service-list --json")).stdout);
  expect(await list()).toMatchObject([{ id, name: "nightly", scopes: ["articles:read"], disabled: false, kids: [] }]);
  expect((await run("service-list")).stdout).toMatch(/nightly +svc_\S+ +enabled +articles:read/);
  const own = { ...keyPair("ed25519").publicKey.export({ format: "jwk" }), kid: "own" };
  writeFileSync(path.join(cwd, "public.json"), JSON.stringify(own));
  expect((await run("service-jwk nightly public.json")).stderr).toContain("own");
  expect((await run("service-jwk nightly")).code).toBe(2);
  expect((await run("service-jwk nightly nightly.json")).code).toBe(1);
  const shown = await run(`service-show ${id}`);
  expect(shown.stdout).toContain("public keys own");
  expect(shown.stdout).toMatch(/^key key_\S+, \S{4}…, "?Server-2"?, expires .*, used never$/m);
  expect(shown.stdout).not.toContain(key);
  expect(JSON.parse((await run("service-show nightly --json")).stdout).api_keys).toHaveLength(1);
  const inspected = await run("api-key-inspect", key);
  expect([inspected.code, inspected.stdout]).toEqual([0, expect.stringContaining("scopes articles:read")]);
  expect((await run("service-scopes nightly --scope articles:write")).code).toBe(0);
  expect((await run("service-scopes nightly --scope articles:delete")).code).toBe(1);
  expect((await run("service-disable nightly")).code).toBe(0);
  expect(await list()).toMatchObject([{ scopes: ["articles:write"], disabled: true, kids: ["own"] }]);
  expect((await run("api-key-inspect", key)).code).toBe(1);
  expect((await run("service-enable nightly")).code).toBe(0);
  expect((await run("service-jwk nightly --none")).code).toBe(0);
  expect(await list()).toMatchObject([{ disabled: false, kids: [] }]);
  expect((await run("service-delete nightly")).code).toBe(0);
  for (const args of ["service-show", "service-disable", "service-api-key", "service-delete"])
    expect((await run(`${args} nightly`)).code).toBe(1);
  expect(await list()).toEqual([]);
});
