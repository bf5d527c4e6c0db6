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

// No key: operators clean without one.
const run = (env: Readonly<Record<string, string>>, ...args: readonly string[]) => ampho(args, { cwd, env, stdin: "" });

/** A user who was there so many days ago, and logged out. */
async function past(days: number): Promise<void> {
  const clock = settableClock();
  clock.advance(Math.floor(Date.now() / 1000) - days * 86_400 - clock.now());
  const api = await createAmpho({ databaseUrl: `sqlite:${join(cwd, "ampho.db")}`, clock, log: () => {} });
  const { id } = await api.users.create({ login: "ann" });
  await api.sessions.create(id);
  await api.sessions.endForUser(id);
  await api.close();
}

test("db-clean removes what is old and prints how much of it; a second one finds nothing", async () => {
  await past(100);
  const kept = await run({ AMPHO_AUDIT_KEEP: "0" }, "db-clean", "--json");
  expect(JSON.parse(kept.stdout)).toEqual({
    sessions: 1,
    revocations: 1,
    guesses: 0,
    places: 0,
    imports: 0,
    audit: 0,
  });
  const cleaned = await run({}, "db-clean");
  expect(cleaned).toMatchObject({ code: 0, stderr: "" });
  expect(cleaned.stdout.split("\n").map((line) => line.replace(/ +/g, " "))).toEqual([
    "WHAT REMOVED",
    "sessions 0",
    "revocations 0",
    "failed guesses, by login 0",
    "failed guesses, by address 0",
    "users of imports that were given up 0",
    "audit log 3",
    "",
  ]);
  const again = await run({}, "db-clean", "--json");
  expect(Object.values(JSON.parse(again.stdout))).toEqual([0, 0, 0, 0, 0, 0]);
  expect(JSON.parse((await run({}, "user-list", "--json")).stdout)).toMatchObject([{ login: "ann" }]);
});
