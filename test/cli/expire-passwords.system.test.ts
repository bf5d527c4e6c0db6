// The expiry of 100 000 passwords, killed in the middle and continued, on both databases.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { openMigrations } from "../../dist/store/open.js";
import { postgresSeries, type Series, sqliteSeries } from "../store/many-rows.js";
import { binary } from "../world/command.js";
import { freshFolder } from "../world/folder.js";
import { DatabaseSync } from "../world/sqlite.js";
import { useDatabase } from "../world/use-postgres.js";

const users = 100_000;
/** Half of them have no address, a tenth no password. A hundred have a key that a session has added. */
const filling = (series: Series) => [
  `insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled,
     created_at, email, email_canonical)
   select 'u-' || i, 'u-' || (1000000 + i), 'u-' || (1000000 + i), case when i % 10 > 0 then 'old' end, 1, '[]', 1, 0, 1,
     case when i % 2 = 0 then 'u-' || i || '@x.example' end, case when i % 2 = 0 then 'u-' || i || '@x.example' end
   from ${series(1, users)}`,
  `insert into ampho_accounts (user_id, factors_version, devices_version, factors)
   select 'u-' || i, 7, 1, '[]' from ${series(1, users / 2)}`,
  `insert into ampho_api_keys (id, hash, user_id, login, name, start, scopes, gen, created_at, expires_at, added_by)
   select 'key_' || i, 'h-' || i, 'u-' || (i * 1000 - 1), 'x', 'x', 'x', '[]', 0, 1, 9000000000, '0.gone'
   from ${series(1, 100)}`,
];

interface Subject {
  readonly url: string;
  readonly series: Series;
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
}

function sqlite(): () => Promise<Subject> {
  return async () => {
    const file = path.join(freshFolder(), "ampho.db");
    const migrations = await openMigrations(`sqlite:${file}`);
    await migrations.up();
    await migrations.close();
    return {
      url: `sqlite:${file}`,
      series: sqliteSeries,
      query: async (sql) => {
        const database = new DatabaseSync(file);
        database.exec("pragma busy_timeout = 5000");
        const rows = database.prepare(sql).all();
        database.close();
        return rows;
      },
    };
  };
}

function postgres(): () => Promise<Subject> {
  const database = useDatabase();
  return async () => {
    await database.empty();
    return {
      url: database.runtimeUrl,
      series: postgresSeries,
      query: (sql) => database.query(sql.replace(/ampho_/g, "ampho.ampho_")),
    };
  };
}

describe.each([
  ["SQLite", sqlite],
  ["PostgreSQL", postgres],
])("all passwords expire on %s", (_, use) => {
  const open = use();

  it("the command ends all sessions by one revocation, and goes on after a kill, in level memory", {
    timeout: 300_000,
  }, async () => {
    const { url, series, query } = await open();
    for (const statement of filling(series)) await query(statement);
    const count = async (sql: string) => Number(Object.values((await query(`select count(*) ${sql}`))[0] ?? {})[0]);

    const run = (...more: readonly string[]) => {
      const args = [binary, "user-expire-password", "--all", "--reason", "A backup was stolen.", "--json", ...more];
      const env = { PATH: process.env["PATH"], AMPHO_DATABASE_URL: url, AMPHO_APP_URL: "https://app.example" };
      const child = spawn(process.execPath, args, { cwd: freshFolder(), env });
      const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
      return { child, ended };
    };

    const first = run();
    first.child.stdout.resume();
    let after: string | undefined;
    for await (const line of createInterface(first.child.stderr)) {
      after = /--after "([^"]+)"/.exec(line)?.[1];
      if (after !== undefined) break;
    }
    first.child.kill("SIGKILL");
    await first.ended;
    const done = await count("from ampho_users where password_hash <> 'old'");
    expect(done).toBeGreaterThanOrEqual(9_000);
    expect(done).toBeLessThan(90_000);

    const second = run("--after", after ?? "");
    let peakMiB = 0;
    const watch = setInterval(() => {
      const [, kib = "0"] = /^VmHWM:\s*(\d+)/m.exec(statusOf(second.child.pid)) ?? [];
      peakMiB = Math.max(peakMiB, Number(kib) / 1024);
    }, 50);
    let [stdout, stderr] = ["", ""];
    second.child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    second.child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    expect([await second.ended, stderr.match(/fail|error/i)]).toEqual([0, null]);
    clearInterval(watch);

    expect(await count("from ampho_users where password_hash = 'old'")).toBe(0);
    expect(await count("from ampho_users where password_hash is null")).toBe(users / 10);
    expect(await count("from ampho_users where password_version = 1")).toBe(users / 10);
    expect(await count("from ampho_accounts where factors_version > 1000000000")).toBe((users * 9) / 10);
    expect(await count("from ampho_audit where event = 'sessions_ended'")).toBe(1);
    expect(await count("from ampho_revocations where kind = 'all'")).toBe(1);
    // Those of the keys that sessions had added.
    expect(await count("from ampho_revocations where kind <> 'all'")).toBe(100);
    expect(await count("from ampho_api_keys")).toBe(0);
    const printed: readonly { readonly login: string }[] = JSON.parse(stdout);
    expect(printed.every(({ login }) => login > (after ?? ""))).toBe(true);
    const left = users - (Number(after?.slice(2)) - 1_000_000);
    expect(printed.length).toBe(left / 2);
    // A process of Node takes some 60 MiB.
    expect(peakMiB).toBeGreaterThan(20);
    expect(peakMiB).toBeLessThan(250);
  });
});

function statusOf(pid: number | undefined): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}
