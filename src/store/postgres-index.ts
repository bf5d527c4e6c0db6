// An index of a table that is read and written meanwhile
// (https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY). It cannot be part of a
// transaction, and one that was broken off leaves an index that is kept up to date and never used: such a one is built anew.
// It waits for the transactions that are older than it, without anybody waiting behind it, and so has no time limit.
import type { IndexSteps } from "./migrations/steps.js";
import type { Connection } from "./postgres-connection.js";

export async function buildIndex(connection: Connection, { name, on }: IndexSteps): Promise<void> {
  const { rows } = await connection.query(
    "select indisvalid::integer as whole from pg_index where indexrelid = to_regclass($1)",
    [name],
  );
  if (rows[0]?.["whole"] === 1) return;
  if (rows[0]) await connection.query(`drop index concurrently if exists ${name}`);
  await connection.query(`create index concurrently ${name} on ${on}`);
}
