// Every command, as its row states what it does with the database, in an empty folder and beside a database.
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { commands } from "../../dist/cli/commands.js";
import { ampho } from "../world/command.js";
import { freshFolder } from "../world/folder.js";
import { alice } from "../world/people.js";
import { freshPlace, type Place, startServe } from "../world/serve.js";
import { useDatabase } from "../world/use-postgres.js";

const key = '{"kty":"oct","kid":"one","k":"6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw"}';
const publicJwk = '{"kty":"OKP","crv":"Ed25519","kid":"s","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}';

/** The words after a command whose example needs something that is not there. */
const typed: Readonly<Record<string, readonly string[]>> = {
  "sec-rotate-key": ["--stage", "activate", "--force", "--reason", "test"],
  "sec-revoke-key": ["--force", "elsewhere"],
  "user-import": ["-"],
  "invite-remove": ["x"],
  "identity-remove": ["alice", "x", "--reason", "stolen"],
  "session-end": ["--all"],
  "api-key-revoke": ["--all"],
  "service-jwk": ["nightly", "-"],
  "provider-check": [],
};
const stdin: Readonly<Record<string, string>> = {
  "user-add": alice.password,
  "user-password": "harbour violet morning kettle",
  "user-import": '{"login":"bob"}\n',
  "service-jwk": publicJwk,
};

const argumentsOf = (row: (typeof commands)[number]): readonly string[] =>
  typed[row.name] ??
  [...(row.example ?? "").matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)]
    .map(([, double, single, plain]) => double ?? single ?? plain ?? "")
    .filter((_, at, all) => !all.slice(0, at + 1).includes("<"));

const run = (row: (typeof commands)[number], { cwd, env }: Place) =>
  ampho([row.name, ...argumentsOf(row)], { cwd, env, stdin: stdin[row.name] ?? "" });

const databasesIn = (cwd: string) => readdirSync(cwd).filter((name) => /\.db/.test(name));
const env = {
  AMPHO_SECURITY_KEY: key,
  AMPHO_APP_URL: "http://localhost:3000",
  AMPHO_SECURITY_REGISTRATION: "invite",
  AMPHO_SECURITY_TOKEN_ENDPOINT: "true",
  AMPHO_MAIL_URL: "console:",
};
const rowsWith = (...uses: readonly string[]) => commands.filter(({ database }) => uses.includes(database));

test("the rows that create a database are these four", () => {
  expect(rowsWith("creates").map(({ name }) => name)).toEqual(["serve", "user-add", "user-import", "db-up"]);
});

describe("in an empty folder", () => {
  test.each(rowsWith("changes", "reads").map((row) => [row.name, row] as const))(
    "`%s` creates no database, and ends with a text that names what to set",
    async (_, row) => {
      const cwd = freshFolder();
      const { code, stderr } = await run(row, { cwd, env });
      expect(stderr).toContain(`There is no database at ${path.join(cwd, "ampho.db")}. Set AMPHO_DATABASE_URL`);
      expect([code, databasesIn(cwd)]).toEqual([2, []]);
    },
  );

  test.each(rowsWith("none").map((row) => [row.name, row] as const))("`%s` creates no database", async (_, row) => {
    const cwd = freshFolder();
    await run(row, { cwd, env });
    expect(databasesIn(cwd)).toEqual([]);
  });

  test.each(["user-add", "user-import", "db-up"])("`%s` creates a database and names it", async (name) => {
    const cwd = freshFolder();
    const row = commands.find((one) => one.name === name) ?? expect.unreachable();
    const { code, stderr } = await run(row, { cwd, env });
    expect([code, existsSync(path.join(cwd, "ampho.db"))]).toEqual([0, true]);
    expect(stderr).toContain(`ampho: The database is ${path.join(cwd, "ampho.db")}.`);
  });

  test("`serve` creates a database and names it in its log", async () => {
    const place = freshPlace();
    const served = await startServe(place);
    expect(served.stderr()).toContain(`"message":"The database is ${path.join(place.cwd, "ampho.db")}."`);
    await served.stop();
  });
});

test("a file that is there and empty does not become a database", async () => {
  const cwd = freshFolder();
  writeFileSync(path.join(cwd, "ampho.db"), "");
  const { code, stderr } = await ampho(["session-end", "--all"], { cwd, env });
  expect([code, stderr]).toEqual([1, expect.stringContaining("Run `ampho db-up`")]);
});

test("a database in memory is no database of a command", async () => {
  const { code, stderr } = await ampho(["session-end", "--all"], {
    cwd: freshFolder(),
    env: { ...env, AMPHO_DATABASE_URL: "sqlite::memory:" },
  });
  expect([code, stderr]).toEqual([2, expect.stringContaining("that only its own process can use")]);
});

describe("beside a database", () => {
  const place = { cwd: freshFolder(), env };
  beforeAll(async () => {
    for (const [args, input] of [
      [["user-add", "alice", "--password-stdin"], alice.password],
      [["user-add", "bob"], ""],
      [["user-add", "carol"], ""],
      [["service-add", "nightly"], ""],
    ] as const)
      expect(await ampho(args, { ...place, stdin: input })).toMatchObject({ code: 0 });
  });

  test.each(rowsWith("changes").map((row) => [row.name, row] as const))(
    "`%s` names the database on stderr",
    async (_, row) => {
      const { stderr } = await run(row, place);
      expect(stderr).toContain(`ampho: The database is ${path.join(place.cwd, "ampho.db")}.`);
    },
  );

  test.each(rowsWith("reads").map((row) => [row.name, row] as const))(
    "`%s` only reads, and names no database",
    async (_, row) => {
      expect((await run(row, place)).stderr).not.toContain("The database is");
    },
  );
});

describe("on PostgreSQL", () => {
  const database = useDatabase();

  test("a command leaves a database without a schema as it is, and no output has the password", async () => {
    const url = new URL(database.ownerUrl);
    url.password ||= "violet-kettle";
    const at = { cwd: freshFolder(), env: { ...env, AMPHO_DATABASE_URL: url.href } };
    const { code, stderr } = await ampho(["session-end", "--all"], at);
    expect([code, stderr]).toEqual([1, expect.stringContaining("schema version 0")]);
    expect(stderr).toContain(`ampho: The database is postgres://${url.host}${url.pathname}.`);
    expect(stderr).not.toContain(url.password);
  });
});
