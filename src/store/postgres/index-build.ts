// Builds an index while its table is read and written
// (https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY). This cannot be part of a
// transaction. A build that was broken off leaves an invalid index, which is dropped and built again.
// A build waits for older transactions, and no transaction waits behind it. So it has no time limit.
import type { IndexSteps } from "../migrations/steps.js";
import type { PostgresConnection } from "./connection.js";

/**
 * Returns true if a server process builds or drops the index. It goes on when its client is killed, and to drop an index
 * that is being built is an internal error (XX000). This is a look-up and not a lock. A lock outside of a transaction belongs
 * to a connection of the server, and behind a pooler the next statement can have another one.
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
