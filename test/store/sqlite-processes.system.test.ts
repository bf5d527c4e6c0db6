// The embedded store between processes: races for one session, and what is there after a kill.
import path from "node:path";
import { expect, it } from "vitest";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import { openSqlite } from "../../dist/store/sqlite/store.js";
import { freshFolder } from "../world/folder.js";
import { openSession, renewal, start } from "./fixtures.js";
import { type Child, startChild } from "./processes.js";

const quiet = { migrate: true, log: () => {} };

it("exactly one of 20 concurrent renewals from two processes moves the generation, in each round", async () => {
  const file = path.join(freshFolder(), "ampho.db");
  const store = await openSqlite({ path: file, ...quiet });
  const { id } = await openSession(store, { stored: false });
  const children = [startChild("renew", file), startChild("renew", file)];
  for (const child of children) expect(await child.line()).toBe("ready");
  for (let gen = 0; gen < 100; gen++) {
    const line = `${JSON.stringify(renewal({ id, gen }, { ownRoles: [] }))}\n`;
    for (const child of children) child.process.stdin.write(line);
    const reported = await Promise.all(children.map((child) => child.line()));
    const outcomes: string[] = reported.flatMap((each) => JSON.parse(each ?? "[]"));
    expect(outcomes.filter((outcome) => outcome === `renewed ${gen + 1}`)).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === `repeated ${gen + 1}`)).toHaveLength(19);
  }
  for (const child of children) child.process.stdin.end();
  expect(await Promise.all(children.map(({ ended }) => ended))).toEqual([0, 0]);
  await store.close();
});

it("an acknowledged write can be read by another connection at once", async () => {
  const file = path.join(freshFolder(), "ampho.db");
  const store = await openSqlite({ path: file, ...quiet });
  const { id } = await openSession(store, { stored: false });
  const database = new (loadDriver(undefined).DatabaseSync)(file);
  const look = database.prepare("select gen from ampho_sessions where id = ?");
  for (let gen = 0; gen < 300; gen++) {
    await store.renewSession(renewal({ id, gen }, { ownRoles: [] }));
    expect(look.all(id)).toMatchObject([{ gen: gen + 1 }]);
  }
  database.close();
  await store.close();
});

/** The last acknowledged state of a session. */
interface Acknowledged {
  readonly gen: number;
  readonly ended: boolean;
}

async function readUntilKilled(child: Child, lines: number, all: Map<string, Acknowledged>): Promise<void> {
  for (let count = 0; ; count++) {
    if (count === lines) child.process.kill("SIGKILL");
    const line = await child.line();
    if (line === undefined) break;
    const [what, id = "", gen] = line.split(" ");
    all.set(id, { gen: Number(gen), ended: what === "ended" });
  }
  await child.ended;
}

it("after a kill every acknowledged write is there and no write is half done", async () => {
  const file = path.join(freshFolder(), "ampho.db");
  const acknowledged = new Map<string, Acknowledged>();
  for (const [round, lines] of [40, 333, 77, 1000, 5, 210, 600, 150].entries()) {
    const child = startChild("write", file, `round${round}`);
    await readUntilKilled(child, lines, acknowledged);
    expect(child.process.signalCode).toBe("SIGKILL");

    const store = await openSqlite({ path: file, ...quiet });
    const { rows } = await store.readRevocations({ after: 0, now: start });
    const revoked = new Set(rows.map((row) => row.kind === "session" && row.sessionId));
    for (const [id, { gen, ended }] of acknowledged) {
      const found = await store.findSession({ id, now: start });
      if (ended) expect([found, revoked.has(id)]).toEqual([undefined, true]);
      // One more step, a renewal or the end, can be done without its acknowledgement.
      else if (found) expect([gen, gen + 1]).toContain(found.session.gen);
      else expect([gen, revoked.has(id)]).toEqual([3, true]);
    }
    await store.close();
    expect(halfWritten(file)).toEqual([]);
  }
});

/** Rows that contradict each other: a session without its audit rows, an end without its revocation, a broken page. */
function halfWritten(file: string): readonly unknown[] {
  const database = new (loadDriver(undefined).DatabaseSync)(file);
  const count = (event: string) =>
    `(select count(*) from ampho_audit where session_id = ampho_sessions.id and event = '${event}')`;
  const rows = [
    ...database
      .prepare(
        `select id from ampho_sessions where ${count("login")} <> 1 or ${count("renew")} <> gen
         or ${count("logout")} <> (ended_at is not null)
         or (select count(*) from ampho_revocations where session_id = ampho_sessions.id) <> (ended_at is not null)`,
      )
      .all(),
    ...database
      .prepare(
        `select n from ampho_audit where not exists (select 1 from ampho_sessions where id = ampho_audit.session_id)`,
      )
      .all(),
    ...database
      .prepare(
        `select last_revocation from ampho_state where last_revocation <> (select count(*) from ampho_revocations)`,
      )
      .all(),
    ...database
      .prepare("pragma integrity_check")
      .all()
      .filter((row) => row["integrity_check"] !== "ok"),
  ];
  database.close();
  return rows;
}
