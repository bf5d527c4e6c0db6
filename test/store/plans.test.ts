// No statement of any purpose reads a whole table that grows: each is explained as it is run.
import { describe, expect, it } from "vitest";
import { sqliteDialect } from "../../src/store/dialect.js";
import { migrateUp } from "../../src/store/migrations/migrate.js";
import { type Input, type Output, type PurposeName, purposes } from "../../src/store/purposes.js";
import { openConnection } from "../../src/store/sqlite-connection.js";
import { loadDriver } from "../../src/store/sqlite-driver.js";
import type { Work } from "../../src/store/work.js";
import { ann, guess, login, operator, origin, renewal, start } from "./fixtures.js";

/** They count, list or clear tables that are held to a size, and no login waits for them. */
const ofBoundedTables: ReadonlySet<string> = new Set(["sweepGuesses", "listHeldBack", "clearHeldBack"]);

interface Explained {
  readonly purpose: string;
  readonly sql: string;
  readonly steps: readonly string[];
}

function* explaining<T>(purpose: string, work: Work<T>, all: Explained[]): Work<T> {
  let step = work.next([]);
  while (!step.done) {
    if ("alone" in step.value) {
      step = work.next([]);
      continue;
    }
    const { sql, parameters } = step.value;
    const plan = yield { sql: `explain query plan ${sql}`, parameters };
    all.push({ purpose, sql, steps: plan.map((row) => String(row["detail"])) });
    step = work.next(yield step.value);
  }
  return step.value;
}

/** Runs every purpose, each way it can go, and tells the plans of all statements. */
function explainAll(): readonly Explained[] {
  const connection = openConnection(loadDriver(undefined), undefined, true);
  connection.run(migrateUp(sqliteDialect, start));
  const all: Explained[] = [];
  const run = <P extends PurposeName>(purpose: P, input: Input<P>): Output<P> =>
    connection.run(explaining(purpose, purposes[purpose].run(input), all));

  const ending = { userId: ann.id, now: start, origin: operator, foreignMaxSeconds: 60 };
  run("createUser", { user: ann, now: start, origin });
  run("findUser", "ann");
  run("findUserById", ann.id);
  run("listUsers", { after: undefined, limit: 10 });
  run("rehashPassword", { userId: ann.id, from: "hash-1", to: "hash-2", now: start, origin });
  run("setRoles", { ...ending, change: { set: [] } });

  const staged = (line: number) => ({ ...ann, id: `i-${line}`, canonical: `i-${line}`, hashKind: "f md5 1", line });
  const many = Array.from({ length: 60 }, (_, index) => staged(index + 1));
  const stage = { users: [...many, staged(1), { ...staged(61), canonical: "ann" }], displaces: true, now: start };
  for (const n of [1, 2]) {
    run("startImport", { now: start });
    run("stageUsers", { ...stage, n });
    run("stageUsers", { ...stage, n, displaces: false });
  }
  run("createUser", { user: { ...ann, id: "u-3", canonical: "i-1" }, now: start, origin });
  for (const n of [2, 3]) run("publishImport", { n, now: start, origin: operator, detail: {} });
  for (const n of [1, undefined]) run("sweepImports", { n, untouchedSince: start + 1, limit: 10 });
  run("listHashKinds", undefined);
  run("countHashKinds", { after: undefined, limit: 10 });

  run("createSession", login({ random: "first" }));
  run("createSession", login({ random: "second", sessionsMax: 1 }));
  run("reauthenticate", { ...login(), sessionId: "0.second" });
  const second = { id: "0.second", gen: 1 };
  run("renewSession", renewal(second, { idleSeconds: 1_000_000, accessTtlSeconds: 40_000 }));
  run("renewSession", renewal(second));
  run("findSession", { id: "0.second", now: start });
  run("listSessions", { userId: ann.id, now: start });
  run("renewSession", renewal({ ...second, gen: 0 }));
  run("createSession", login({ random: "third" }));
  run("endSession", { ...ending, id: "0.third", userId: ann.id, reason: "logout" });
  run("endSession", { ...ending, id: "0.third", userId: undefined, reason: "ended_by_operator" });
  run("createSession", login({ random: "fourth" }));
  run("endSessionsOf", { ...ending, exceptSession: undefined, reason: "ended_by_operator" });
  run("setPassword", { ...ending, passwordHash: "x", passwordVersion: undefined, exceptSession: undefined });
  run("setDisabled", { ...ending, disabled: true });
  run("removeUser", ending);
  run("endEverySession", { ...ending, accessTtlSeconds: 900 });
  run("revokeKey", { ...ending, kid: "k" });
  run("readRevocations", { after: 0, now: start });
  run("createUser", { user: ann, now: start, origin });
  const guessed = { ...guess(), now: start };
  for (const _ of [1, 2, 3]) {
    run("admitGuess", { ...guessed, origin, event: "login_throttled", canonical: ann.canonical });
    run("settleGuess", { ...guessed, outcome: "failed", login: ann.login, audit: undefined });
  }
  run("settleGuess", { ...guessed, outcome: "succeeded", login: ann.login, audit: undefined });
  run("sweepGuesses", { now: start, windowSeconds: 900, rowsMax: 0 });
  run("listHeldBack", { now: start, windowSeconds: 900, lockAfter: 100, limit: 10, origin: operator });
  for (const target of [{ canonical: "ann" }, { places: ["192.0.2.7"] }, { all: true } as const])
    run("clearHeldBack", { target, now: start, origin: operator });
  run("noteUsersElsewhere", true);
  run("readUsersElsewhere", undefined);
  run("recordAudit", { at: start, event: "login_refused", origin });
  for (const since of [undefined, start])
    for (const login of [undefined, "Ann"]) run("listAudit", { login, since, limit: 10 });
  connection.close();
  return all;
}

describe("plans of statements", () => {
  const all = explainAll();

  it("every purpose was explained", () => {
    expect([...new Set(all.map(({ purpose }) => purpose))].sort()).toEqual(Object.keys(purposes).sort());
  });

  it("none scans a table that grows, or sorts one", () => {
    const bad = all
      .filter(({ purpose }) => !ofBoundedTables.has(purpose))
      .filter(({ steps }) => steps.some((step) => /\bSCAN (?!\d+-ROW VALUES)|TEMP B-TREE/.test(step)));
    expect(bad).toEqual([]);
  });

  it("a renewal looks sessions up by their id and by nothing else", () => {
    const steps = all
      .filter(({ purpose, sql }) => purpose === "renewSession" && sql.includes("ampho_sessions"))
      .flatMap((each) => each.steps);
    expect(new Set(steps)).toEqual(
      new Set(["SEARCH ampho_sessions USING INDEX sqlite_autoindex_ampho_sessions_1 (id=?)"]),
    );
  });
});
