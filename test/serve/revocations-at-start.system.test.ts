// A process that starts while 600 000 revocations are live becomes ready, with bounded memory, and knows all of them.
import path from "node:path";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { bearer } from "../world/requests.js";
import { addUser, freshPlace, logIn, type Place, startServe } from "../world/serve.js";
import { DatabaseSync } from "../world/sqlite.js";
import { useDatabase } from "../world/use-postgres.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const rows = 600_000;
/** As after a year of use: the rows before it were deleted. */
const before = 90_000_000;
const now = Math.floor(Date.now() / 1000);
/** The tables of the rows are 250 MiB, and a process alone has 120 MiB. */
const rssMax = 700 * 2 ** 20;

const database = useDatabase();
beforeAll(() => database.empty());

/** The last one ends the session. Between them lie rows that are no longer in force, and numbers without a row. */
const statementsOf = (sid: string, series: string) => [
  `insert into ampho_revocations (n, at, until, kind, session_id)
   select ${before} + i + i / 100000, ${now}, case when i % 10 = 0 then ${now} - 1 else ${now} + 3600 end, 'session', '0.x' || i
   from ${series}`,
  `insert into ampho_revocations (n, at, until, kind, session_id)
   values (${before} + ${2 * rows}, ${now}, ${now} + 3600, 'session', '${sid}')`,
  `update ampho_state set last_revocation = ${before} + ${2 * rows}`,
];

interface Filled {
  readonly place: Place;
  fill(sid: string): Promise<void>;
}

const databases: readonly (readonly [string, () => Filled])[] = [
  [
    "SQLite",
    () => {
      const place = freshPlace();
      return {
        place,
        fill: async (sid) => {
          const file = new DatabaseSync(path.join(place.cwd, "ampho.db"));
          const series = `(with recursive s(i) as (select 1 union all select i + 1 from s where i < ${rows}) select i from s)`;
          for (const sql of statementsOf(sid, series)) file.prepare(sql).all();
          file.close();
        },
      };
    },
  ],
  [
    "PostgreSQL",
    () => ({
      place: freshPlace({ AMPHO_DATABASE_URL: database.runtimeUrl }),
      fill: async (sid) => {
        for (const sql of statementsOf(sid, `generate_series(1, ${rows}) as s(i)`))
          await database.query(`set search_path = ampho; ${sql}`);
      },
    }),
  ],
];

describe.each(databases)("a start beside many revocations on %s", (_, openFilled) => {
  it("the process becomes ready with bounded memory, and rejects what the last revocation has ended", async () => {
    const { place, fill } = openFilled();
    await addUser(place);
    const first = await startServe(place);
    const [ended, live] = [(await logIn(first)).token, (await logIn(first)).token];
    await first.stop();
    const { sid } = JSON.parse(Buffer.from(ended.split(".")[1] ?? "", "base64url").toString());
    await fill(sid);

    const served = await startServe(place);
    onTestFinished(async () => void (await served.stop("SIGKILL")));
    let rss = 0;
    const ready = async () => {
      rss = Math.max(rss, served.rssBytes());
      return (await fetch(`${served.root}/readyz`)).status;
    };
    // An idle machine needs 6 s. The read of all rows in one statement never became ready.
    await vi.waitFor(async () => expect(await ready()).toBe(200), { timeout: 120_000, interval: 100 });
    const status = async (token: string) => (await fetch(`${served.url}/session`, { headers: bearer(token) })).status;
    expect([await status(ended), await status(live)]).toEqual([401, 200]);
    expect(rss).toBeLessThan(rssMax);
  });
});
