// The SQLite library of the store, to read a database from outside.
import { loadDriver } from "../../dist/store/sqlite/driver.js";

export const { DatabaseSync } = loadDriver(undefined);

/** Every text of every table, by `table.column`. */
export function textsOf(databaseFile: string): ReadonlyMap<string, readonly string[]> {
  const database = new DatabaseSync(databaseFile);
  const texts = new Map<string, string[]>();
  for (const { name: table } of database.prepare("select name from sqlite_master where type = 'table'").all()) {
    for (const row of database.prepare(`select * from ${String(table)}`).all()) {
      for (const [column, value] of Object.entries(row)) {
        if (typeof value !== "string") continue;
        const key = `${String(table)}.${column}`;
        texts.set(key, [...(texts.get(key) ?? []), value]);
      }
    }
  }
  database.close();
  return texts;
}
