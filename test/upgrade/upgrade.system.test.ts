// Each release beside this build, on one database with a million rows, under load: up, back, and up again. The steps are
// those of docs/operate/upgrading.md.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { postgresSeries, sqliteSeries } from "../store/many-rows.js";
import { alice } from "../world/people.js";
import { command, freshPlace, type Place, type Served, startServe, unthrottled } from "../world/serve.js";
import { DatabaseSync } from "../world/sqlite.js";
import { usePostgres } from "../world/use-postgres.js";
import { type Release, releaseFiles, unpackRelease } from "./released.js";
import { type Person, startUsers, type Users } from "./users.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const people: readonly Person[] = ["ada", "ben", "cleo", "dan", "eva", "fay", "gus", "hal"].map((login) => ({
  ...alice,
  login,
}));

const settings = (mails: string) => ({
  AMPHO_APP_URL: "https://app.example",
  AMPHO_MAIL_URL: `file:${mails}`,
  AMPHO_SECURITY_API_KEYS: "10",
  AMPHO_SECURITY_SCOPES: '{"*":["read"]}',
  AMPHO_SHUTDOWN_DELAY: "1",
  ...unthrottled,
});

interface Ground {
  readonly serving: Place;
  /** For the commands that change the schema. */
  readonly owning: Place;
  rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  readonly series: (from: number, to: number) => string;
}

const server = usePostgres();

const grounds: readonly (readonly [string, () => Promise<Ground>])[] = [
  [
    "SQLite",
    async () => {
      const place = freshPlace();
      const serving = { ...place, env: { ...place.env, ...settings(path.join(place.cwd, "mails")) } };
      const rows = async (sql: string) => {
        const database = new DatabaseSync(path.join(place.cwd, "ampho.db"));
        try {
          return database.prepare(sql).all();
        } finally {
          database.close();
        }
      };
      return { serving, owning: serving, rows, series: sqliteSeries };
    },
  ],
  [
    "PostgreSQL",
    async () => {
      const { ownerUrl, runtimeUrl, query } = await server.database();
      const place = freshPlace();
      const env = { ...place.env, ...settings(path.join(place.cwd, "mails")), AMPHO_DATABASE_URL: runtimeUrl };
      const owning = { ...place, env: { ...env, AMPHO_DATABASE_URL: ownerUrl } };
      const rows = (sql: string) => query(sql.replace(/\bampho_/g, "ampho.ampho_"));
      return { serving: { ...place, env }, owning, rows, series: postgresSeries };
    },
  ],
];

/** Live sessions of a million devices that do not come back during the upgrade. */
const rowsMax = 1_000_000;
const idle = (
  series: Ground["series"],
) => `insert into ampho_sessions (id, era, user_id, login, gen, created_at, auth_time,
    proved_gen, renewed_at, expires_at, ends_at, access_expires, amr, acr, proved_at, refreshed_at, delete_after)
  select '0.idle' || i, 0, 'idle' || i, 'idle' || i, 1, 1790000000 + i % 1000, 1790000000, 1, 1790000000 + i % 1000,
    4000000000, 4000000000, 1790000900, '[]', '1fa', 1790000000, 1790000000, 4000000000 from ${series(1, rowsMax)}`;

/** An upgrade must leave the idle rows and the users as they are. */
async function fingerprint({ rows }: Ground): Promise<unknown> {
  const sums = ["gen", "created_at", "renewed_at", "expires_at", "ends_at", "delete_after"].map((of) => `sum(${of})`);
  const [idleRows, users] = await Promise.all([
    rows(`select count(*) as n, ${sums.map((sum, at) => `${sum} as s${at}`).join(", ")}, min(id) as low, max(id) as high
      from ampho_sessions where user_id like 'idle%'`),
    rows("select * from ampho_users order by id"),
  ]);
  return JSON.parse(
    JSON.stringify([idleRows, users], (_, value) => (typeof value === "bigint" ? String(value) : value)),
  );
}

describe.each(releaseFiles)("%s", (file) => {
  let release: Release;
  beforeAll(() => {
    release = unpackRelease(file);
  });
  afterAll(() => release.remove());

  it.each(grounds)(
    "every request succeeds during the upgrade, the way back and the second upgrade on %s",
    async (_, open) => {
      const ground = await open();
      const { serving, owning } = ground;
      const old = (place: Place): Place => ({ ...place, program: release.main });
      const mails = path.join(serving.cwd, "mails");
      mkdirSync(mails);
      expect(await command(old(owning), ["db-up"])).toMatchObject({ code: 0 });
      for (const { login, password } of people) {
        expect(await command(old(serving), ["user-add", login, "--password-stdin"], password)).toMatchObject({
          code: 0,
        });
        expect(await command(old(serving), ["user-email", login, `${login}@mail.example`])).toMatchObject({ code: 0 });
      }
      await ground.rows(idle(ground.series));
      const before = await fingerprint(ground);

      const served: Served[] = [];
      const start = async (place: Place) => {
        const one = await startServe(place);
        await vi.waitFor(async () => expect((await fetch(`${one.root}/readyz`)).status).toBe(200), { timeout: 60_000 });
        served.push(one);
        return one;
      };
      const present = { old: [await start(old(serving)), await start(old(serving))], new: [] as Served[] };
      const users: Users = await startUsers(people, present.old);
      const phase = async () => {
        await users.go(5);
        expect(users.wrong).toEqual([]);
      };
      const join = async (which: "old" | "new") => {
        for (let count = 0; count < 2; count++) {
          const one = await start(which === "old" ? old(serving) : serving);
          present[which].push(one);
          users.processes.push(one);
          await phase();
        }
      };
      const leave = async (which: "old" | "new") => {
        for (const one of present[which].splice(0)) {
          users.processes.splice(users.processes.indexOf(one), 1);
          expect((await one.stop()).code).toBe(0);
          await phase();
        }
      };

      await phase();
      expect(await command(owning, ["db-up"])).toMatchObject({ code: 0 });
      await phase();
      await join("new");
      await leave("old");
      // The way back: the old program serves the schema of the new one.
      await join("old");
      await leave("new");
      // And without what the new program has added.
      const version = async (place: Place) => (await command(place, ["db-current"])).stdout.trim();
      const known: unknown[] = JSON.parse((await command(old(owning), ["db-show", "--json"])).stdout);
      const oldVersion = String(known.length);
      while ((await version(owning)) !== oldVersion)
        expect(await command(owning, ["db-down"])).toMatchObject({ code: 0 });
      await phase();
      expect(await command(owning, ["db-up"])).toMatchObject({ code: 0 });
      await join("new");
      await leave("old");
      await users.stop();

      expect(users.wrong).toEqual([]);
      for (const one of served)
        expect(one.entries().filter(({ status, error }) => status >= 500 && error !== "overloaded")).toEqual([]);
      expect(await fingerprint(ground)).toEqual(before);
      expect(users.counts.keys).toBeGreaterThan(people.length);
      expect(users.counts.mails).toBe(people.length);
      // Each mail once.
      const sent = () =>
        readdirSync(mails).filter((name) => /reset/i.test(readFileSync(path.join(mails, name), "utf8")));
      await vi.waitFor(() => expect(sent()).toHaveLength(users.counts.mails), { timeout: 60_000 });
      for (const one of present.new) expect((await one.stop()).code).toBe(0);
      expect(sent()).toHaveLength(users.counts.mails);
    },
  );
});
