// Every schema that was ever released, with the data that its programs left in it: it opens, goes forward and back, and
// keeps what can be kept. On SQLite and on PostgreSQL.
import { existsSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { known } from "../../dist/store/migrations/known.js";
import { openStore } from "../../dist/store/open.js";
import type { Store } from "../../dist/store/store.js";
import { alice } from "../world/people.js";
import { command, freshPlace, logIn, startServe } from "../world/serve.js";
import { usePostgres } from "../world/use-postgres.js";
import { renewal, start } from "./fixtures.js";
import { expanding, makeLaterProgram, type OtherProgram, present } from "./later-program.js";
import { type Kind, postgresKind, type Seen, sqliteKind, withMigrations } from "./schema-fixtures.js";

// Many processes start here, on a machine that can be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const server = usePostgres();
let later: OtherProgram;
beforeAll(async () => {
  later = makeLaterProgram(expanding);
});
afterAll(async () => {
  later.remove();
});

const kinds: readonly Kind[] = [sqliteKind, postgresKind(() => server)];
const versions = Array.from({ length: present }, (_, at) => at + 1);

it("each migration has its fixtures, which `npm run schemas` writes for the newest", () => {
  const files = readdirSync(new URL("../../src/store/migrations/", import.meta.url));
  const numbers = files.flatMap((name) => /^(\d{4})-.*\.ts$/.exec(name)?.[1] ?? []);
  expect(numbers).toEqual(versions.map((version) => String(version).padStart(4, "0")));
  for (const number of numbers)
    for (const { name } of kinds)
      expect(existsSync(new URL(`./schemas/${number}.${name}.sql`, import.meta.url)), `${number}.${name}`).toBe(true);
});

it("each migration keeps the programs of the previous version working", () => {
  for (const [at, { version, servesFrom }] of known.entries()) {
    expect(version).toBe(at + 1);
    expect(servesFrom).toBeGreaterThanOrEqual(known[at - 1]?.servesFrom ?? 1);
    expect(servesFrom).toBeLessThanOrEqual(Math.max(at, 1));
  }
});

async function open({ url }: Seen): Promise<Store> {
  const store = await openStore({ url, migrate: true, log: () => {} });
  onTestFinished(() => store.close());
  return store;
}

describe.each(kinds)("on $name", (kind) => {
  describe.each(versions)("schema version %i", (version) => {
    it("the released schema equals the schema that the migrations create", async () => {
      const [made, released] = [await kind.empty(), await kind.released(version)];
      await withMigrations(made, async (migrations) => {
        await migrations.up();
        while ((await migrations.current()) > version) await migrations.down();
      });
      expect(await released.schema()).toEqual(await made.schema());
    });

    it("the released schema goes forward and back with every row, and a second forward does nothing", async () => {
      const seen = await kind.released(version);
      const before = await seen.rows();
      for (let round = 0; round < 2; round++)
        await withMigrations(seen, async (migrations) => {
          expect(await migrations.up()).toHaveLength(present - version);
          const forward = await seen.rows();
          expect(await migrations.up()).toEqual([]);
          expect(await seen.rows()).toEqual(forward);
          while ((await migrations.current()) > version) await migrations.down();
          expect(await seen.rows()).toEqual(before);
        });
    });

    /** The era is the time at which all sessions ended. */
    const era = (start + 90).toString(36);

    it("the released schema is opened with its users, sessions, revocations and log", async () => {
      const store = await open(await kind.released(version));
      expect(await store.findUser("alice")).toMatchObject({ id: "u-alice", roles: ["editor", "reader"] });
      expect(await store.findUser("gus")).toBeUndefined();
      const sessions = await store.listSessions({ userId: "u-alice", now: start + 100 });
      expect(sessions.map(({ id }) => id)).toEqual([`${era}.renewed`, `${era}.reauthenticated`, `${era}.new`]);
      const renewed = await store.renewSession(renewal({ id: `${era}.renewed`, gen: 2 }));
      expect(renewed).toMatchObject({ outcome: "renewed", session: { gen: 3 } });
      for (const id of ["0.before-everything-ended", `${era}.replayed`, `${era}.logged-out`, `${era}.of-disabled`])
        expect(await store.renewSession(renewal({ id, gen: 0 }))).toMatchObject({ outcome: "ended" });
      const { rows } = await store.readRevocations({ after: 0, now: start });
      expect(new Set(rows.map(({ kind: each }) => each))).toEqual(
        new Set(["session", "user", "roles", "signing_key", "all"]),
      );
      const audit = await store.listAudit({ login: undefined, since: undefined, limit: 1000 });
      const events = new Set<string>(audit.map(({ event }) => event));
      for (const event of ["login", "renew_replayed", "logout", "signing_key_revoked"]) expect(events).toContain(event);
    });

    it("the users of the released schema can sign in", async () => {
      const { url } = await kind.released(version);
      const served = await startServe(freshPlace({ AMPHO_DATABASE_URL: url, AMPHO_DATABASE_MIGRATE: "auto" }));
      await logIn(served, alice);
      await served.stop();
    });
  });

  it("a later migration keeps every row, forward, back and forward again", async () => {
    const seen = await kind.released(present);
    const place = freshPlace({ AMPHO_DATABASE_URL: seen.url });
    const run = (name: string) => command({ ...place, program: later.main }, [name]);
    const before = await seen.rows();
    expect((await run("db-up")).stdout).toBe(`Applied migration ${present + 1} (expanding).\n`);
    const forward = await seen.rows();
    const sessions = Object.entries(before).find(([table]) => table.endsWith("ampho_sessions"));
    expect(forward[sessions?.[0] ?? ""]).toEqual(sessions?.[1].map((row) => ({ ...row, label: null })));
    expect((await run("db-up")).stdout).toBe("");
    expect(await seen.rows()).toEqual(forward);
    expect((await run("db-down")).stdout).toBe(`Reverted migration ${present + 1} (expanding).\n`);
    expect(await seen.rows()).toEqual(before);
    expect((await run("db-up")).stdout).toBe(`Applied migration ${present + 1} (expanding).\n`);
    const schema = (await seen.schema()).join("\n");
    expect(schema).toMatch(/index ampho_sessions_label on (ampho\.)?ampho_sessions/i);
  });

  it.each([
    // Few commands create the tables of an empty database.
    ["an empty", () => kind.empty(), present + 1, (n: number) => ["user-add", `user-${n}`]],
    ["an old", () => kind.released(present), 1, () => ["user-list"]],
  ] as const)("one of ten concurrent processes migrates %s database, and all work", async (_, make, steps, args) => {
    const seen = await make();
    const place = freshPlace({ AMPHO_DATABASE_URL: seen.url, AMPHO_DATABASE_MIGRATE: "auto" });
    const started = Array.from({ length: 10 }, (_each, n) => command({ ...place, program: later.main }, args(n)));
    const ended = await Promise.all(started);
    expect(ended.map(({ code, stderr }) => (code === 0 ? "" : stderr))).toEqual(Array(10).fill(""));
    const reported = ended.flatMap(({ stderr }) => stderr.match(/applied migration \d+/g) ?? []);
    expect(reported.sort()).toEqual(
      Array.from({ length: steps }, (_each, at) => `applied migration ${present + 2 - steps + at}`),
    );
  });
});
