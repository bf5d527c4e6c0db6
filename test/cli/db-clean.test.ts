import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAmpho } from "../../dist/ampho.js";
import { settableClock } from "../world/clock.js";
import { ampho } from "../world/command.js";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "ampho-clean-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

// The command needs no key.
const run = (env: Readonly<Record<string, string>>, ...args: readonly string[]) => ampho(args, { cwd, env, stdin: "" });

/** Creates a user who logged in and out so many days ago. */
async function past(days: number): Promise<void> {
  const clock = settableClock();
  clock.advance(Math.floor(Date.now() / 1000) - days * 86_400 - clock.now());
  const api = await createAmpho({ databaseUrl: `sqlite:${join(cwd, "ampho.db")}`, clock, log: () => {} });
  const { id } = await api.users.create({ login: "ann" });
  await api.sessions.create(id);
  await api.sessions.endForUser(id);
  await api.close();
}

test("db-clean removes old rows and prints the counts, and a second run finds nothing", async () => {
  await past(100);
  const kept = await run({ AMPHO_AUDIT_KEEP: "0" }, "db-clean", "--json");
  expect(JSON.parse(kept.stdout)).toEqual({
    sessions: 1,
    connections: 0,
    revocations: 1,
    attempts: 0,
    sources: 0,
    spent: 0,
    mail: 0,
    user_events: 0,
    invites: 0,
    imports: 0,
    keys: 0,
    audit: 0,
  });
  const cleaned = await run({}, "db-clean");
  const named = `ampho: The database is ${join(cwd, "ampho.db")}.\n`;
  expect(cleaned).toMatchObject({ code: 0, stderr: named });
  expect(cleaned.stdout.split("\n").map((line) => line.replace(/ +/g, " "))).toEqual([
    "ROWS REMOVED",
    "sessions 0",
    "connections of applications 0",
    "revocations 0",
    "failed attempts, by login 0",
    "failed attempts, by address 0",
    "used login transactions 0",
    "mails that were sent or dropped 0",
    "changes of users without a hook 0",
    "old invitations 0",
    "expired API keys 0",
    "users of interrupted imports 0",
    "audit log 3",
    "",
  ]);
  const again = await run({}, "db-clean", "--json");
  expect(Object.values(JSON.parse(again.stdout))).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  expect(JSON.parse((await run({}, "user-list", "--json")).stdout)).toMatchObject([{ login: "ann" }]);
});
