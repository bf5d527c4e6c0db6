// An index of a table that is read and written meanwhile
// (https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY). It cannot be part of a
// transaction, and one that was broken off leaves an index that is kept up to date and never used: such a one is built anew.
// It waits for the transactions that are older than it, without anybody waiting behind it, and so has no time limit.
import type { IndexSteps } from "../migrations/steps.js";
import type { PostgresConnection } from "./connection.js";

/**
 * Whether a server process builds or drops it: one goes on for a process of ours that was killed, and dropping an index that
 * is being built is an internal error (XX000). Looked up, not locked: a lock outside of a transaction belongs to a connection
 * of the server, and behind a pooler the next statement may have another one.
 */
export async function isBuilding(connection: PostgresConnection, { name }: IndexSteps): Promise<boolean> {
  const { rows } = await connection.query(
    `select 1 as found from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and state = 'active' and (query like $1 or query like $2)`,
    [`${create(name)} %`, `${drop(name)}%`],
  );
  return rows.length > 0;
}

const create = (name: string) => `create index concurrently ${name}`;
const drop = (name: string) => `drop index concurrently if exists ${name}`;

export async function buildIndex(connection: PostgresConnection, { name, on }: IndexSteps): Promise<void> {
  const { rows } = await connection.query(
    "select indisvalid::integer as whole from pg_index where indexrelid = to_regclass($1)",
    [name],
  );
  if (rows[0]?.["whole"] === 1) return;
  if (rows[0]) await connection.query(drop(name));
  await connection.query(`${create(name)} on ${on}`);
}
