// API keys in a database of the real schema, written by SQL, because a hundred thousand calls would take minutes.
import pg from "pg";
import { openMigrations } from "../dist/store/open.js";
import { loadDriver } from "../dist/store/sqlite/driver.js";
import { apiKeyHash, apiKeyStart, generateApiKey } from "../dist/tokens/api-key.js";

export const scopes = { editor: ["articles:read"] };
const perUser = 100;
const rowsAtOnce = 1000;
const day = 86_400;

/** Migrates the database at this URL, and writes users with keys into it. Resolves to the id and the text of each key. */
export async function addKeys(url, count) {
  const migrations = await openMigrations(url);
  await migrations.up();
  await migrations.close();
  const now = Math.floor(Date.now() / 1000);
  const keys = Array.from({ length: count }, (_, at) => ({
    id: `key_${String(at).padStart(22, "0")}`,
    key: generateApiKey("ampho"),
  }));
  const users = Array.from({ length: Math.ceil(count / perUser) }, (_, at) => at);
  const userRow = (at) =>
    `('user-${String(at).padStart(17, "0")}', 'login-${at}', 'login-${at}', '["editor"]', 1, 1, 0, ${now})`;
  // Used today, as a key in use is.
  const keyRow = ({ id, key }, at) => {
    const user = Math.floor(at / perUser);
    const who = `'user-${String(user).padStart(17, "0")}', 'login-${user}'`;
    const times = `${now}, ${now + 90 * day}, ${Math.floor(now / day)}`;
    return `('${id}', '${apiKeyHash(key)}', ${who}, 'Backup', '${apiKeyStart(key)}', '["articles:read"]', 0, ${times})`;
  };
  const userColumns = "id, login, canonical, roles, roles_version, password_version, disabled, created_at";
  const keyColumns = "id, hash, user_id, login, name, start, scopes, gen, created_at, expires_at, used_day";
  await write(url, [
    ...inserts(`ampho_users (${userColumns})`, users.map(userRow)),
    ...inserts(`ampho_api_keys (${keyColumns})`, keys.map(keyRow)),
  ]);
  return keys;
}

function* inserts(into, rows) {
  for (let at = 0; at < rows.length; at += rowsAtOnce)
    yield `insert into ${into} values ${rows.slice(at, at + rowsAtOnce).join(", ")}`;
}

async function write(url, statements) {
  if (url.startsWith("sqlite:")) {
    const { DatabaseSync } = loadDriver(undefined);
    const database = new DatabaseSync(url.slice("sqlite:".length));
    for (const sql of ["begin", ...statements, "commit"]) database.prepare(sql).all();
    database.close();
    return;
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const sql of statements) await client.query(sql);
  await client.end();
}
