// The database of a run: its address for the servers, its audit log and its size, read without any of our own code.
import { statSync } from "node:fs";
import { join } from "node:path";
import { startOwnPostgres } from "../world/postgres.js";
import { freshPlace, type Place } from "../world/serve.js";
import { DatabaseSync } from "../world/sqlite.js";
import type { AuditRow } from "./history.js";

export const stores = ["sqlite", "postgres"] as const;
export type StoreName = (typeof stores)[number];

export interface HistoryDatabase {
  /** The folder and environment in which the servers and the commands of a run start. */
  place(env: Readonly<Record<string, string>>): Place;
  /** The same for an instance in another folder. */
  readonly url: string;
  readonly migrate: "auto" | "off";
  readAudit(): Promise<readonly AuditRow[]>;
  sizeBytes(): Promise<number>;
  stop(): Promise<void>;
}

export const openDatabase: Readonly<Record<StoreName, () => Promise<HistoryDatabase>>> = {
  async sqlite() {
    const { cwd } = freshPlace();
    const file = join(cwd, "ampho.db");
    const url = `sqlite:${file}`;
    return {
      place: (env) => freshPlace({ ...env, AMPHO_DATABASE_URL: url }),
      url,
      migrate: "auto",
      async readAudit() {
        const database = new DatabaseSync(file);
        const rows = database.prepare(readAll).all();
        database.close();
        return rows.map(rowOf);
      },
      sizeBytes: async () =>
        ["", "-wal"].reduce((sum, end) => sum + (statSync(file + end, { throwIfNoEntry: false })?.size ?? 0), 0),
      // Its folder is one of those that `cleanUp` deletes.
      stop: async () => {},
    };
  },
  async postgres() {
    const server = await startOwnPostgres("max_connections=100");
    const database = await server.database();
    await database.empty();
    return {
      place: (env) => freshPlace({ AMPHO_DATABASE_URL: database.runtimeUrl, ...env }),
      url: database.runtimeUrl,
      // The role of the servers is not allowed to.
      migrate: "off",
      readAudit: async () => (await database.query(readAll.replace("ampho_audit", "ampho.ampho_audit"))).map(rowOf),
      async sizeBytes() {
        const [row] = await database.query("select pg_database_size(current_database()) as bytes");
        return Number(row?.["bytes"]);
      },
      stop: () => server.stop(),
    };
  },
};

const readAll = "select n, at, event, reason, login, session_id, address, detail from ampho_audit order by n";

function rowOf(row: Readonly<Record<string, unknown>>): AuditRow {
  const text = (name: string) => (typeof row[name] === "string" ? row[name] : null);
  const detail: { readonly gen?: number } = JSON.parse(text("detail") ?? "{}");
  return {
    n: Number(row["n"]),
    at: Number(row["at"]),
    event: text("event") ?? "",
    reason: text("reason"),
    login: text("login"),
    sessionId: text("session_id"),
    address: text("address"),
    gen: detail.gen,
  };
}
