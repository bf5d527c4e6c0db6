// The commands `api-key-list`, `api-key-revoke` and `api-key-inspect` with keys of an application.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAmpho } from "../../dist/ampho.js";
import { generateApiKey } from "../../dist/tokens/api-key.js";
import { ampho } from "../world/command.js";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "ampho-keys-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const env = { AMPHO_SECURITY_API_KEYS: "5", AMPHO_SECURITY_SCOPES: '{"editor":["articles:read"]}' };
const run = (stdin: string, ...args: readonly string[]) => ampho(args, { cwd, env, stdin });

/** Two keys of ann and one of bob. */
async function createApiKeys() {
  const api = await createAmpho({
    databaseUrl: `sqlite:${join(cwd, "ampho.db")}`,
    apiKeys: 5,
    scopes: { editor: ["articles:read"] },
    log: () => {},
  });
  const create = async (login: string, name: string) => {
    const id = (await api.users.find(login))?.id ?? (await api.users.create({ login, roles: ["editor"] })).id;
    return api.apiKeys.create(id, { name, scopes: ["articles:read"] });
  };
  const keys = [await create("ann", "Backup"), await create("ann", "=CI\t"), await create("bob", "x")] as const;
  await api.close();
  return keys;
}

test("api-key-list lists the keys of a user, api-key-inspect names the owner, and api-key-revoke ends one or all of them", async () => {
  const [backup, ci, ofBob] = await createApiKeys();
  const listed = await run("", "api-key-list", "ann");
  expect(listed.stdout).toMatch(new RegExp(`^${backup.id} +\\w{4}… +Backup +articles:read +\\d{4}-`, "m"));
  for (const { key } of [backup, ci, ofBob]) expect(listed.stdout).not.toContain(key.slice(14));
  expect(JSON.parse((await run("", "api-key-list", "ann", "--json")).stdout)).toMatchObject([
    { id: backup.id, last_used: null },
    { id: ci.id, name: "=CI" },
  ]);

  const good = await run(`${backup.key}\n`, "api-key-inspect");
  expect([good.code, good.stderr]).toEqual([0, ""]);
  expect(good.stdout).toContain(`key ${backup.id}, "Backup"`);
  expect(good.stdout).toContain('owner "ann"');
  expect(good.stdout).toContain("The API key would be accepted now.");
  expect(good.stdout).not.toContain(backup.key.slice(14));
  const json = JSON.parse((await run(ofBob.key, "api-key-inspect", "--json")).stdout);
  expect(json).toMatchObject({ form: true, api_key: { id: ofBob.id }, login: "bob", good: true });
  const unknown = await run(generateApiKey("ampho"), "api-key-inspect");
  expect([unknown.code, unknown.stderr]).toEqual([1, "ampho: No API key in the database has this text.\n"]);

  const named = `ampho: The database is ${join(cwd, "ampho.db")}.\n`;
  const ended = await run("", "api-key-revoke", backup.id);
  expect(ended).toEqual({ code: 0, stdout: "", stderr: `${named}API key ended.\n` });
  expect((await run(backup.key, "api-key-inspect")).code).toBe(1);
  expect((await run("", "api-key-revoke", "--login", "ann")).stderr).toBe(`${named}1 API key of user "ann" ended.\n`);
  expect((await run(ofBob.key, "api-key-inspect")).code).toBe(0);
  await run("", "user-disable", "bob");
  expect((await run(ofBob.key, "api-key-inspect")).code).toBe(1);
});
