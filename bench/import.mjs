// Measures imported users a second against bare inserts into the same table, and the memory during the import. Usage: npm run build && node bench/import.mjs [ROWS] [ROUNDS]
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadDriver } from "../dist/store/sqlite/driver.js";
import { openSqlite } from "../dist/store/sqlite/store.js";
import { importUsers } from "../dist/users/import.js";
import { machine, median, print } from "./measure.mjs";

const rows = Number(process.argv[2] ?? 200_000);
const rounds = Number(process.argv[3] ?? 3);
const { DatabaseSync } = loadDriver(undefined);
const folder = mkdtempSync(path.join(process.env.BENCH_DIR ?? tmpdir(), "ampho-bench-"));
const clock = { now: () => Math.floor(Date.now() / 1000), monotonicMs: () => performance.now() };
const hash = "$2b$12$abcdefghijklmnopqrstuuWPXQG2bmuJOxSGaCHmO0n2PKpaKVRIe";
// Logins are in random order, as in an export of another system.
const loginOf = (n) => `${((n * 2_654_435_761) % 4_294_967_296).toString(36)}.${n}@example.org`;

/** Yields chunks as a file does, with lines that cross chunks. */
async function* chunks() {
  let text = "";
  for (let n = 0; n < rows; n++) {
    text += `{"login":"${loginOf(n)}","password_hash":"${hash}","roles":["reader"]}\n`;
    if (text.length < 65_536) continue;
    yield Buffer.from(text);
    text = "";
  }
  yield Buffer.from(text);
}

async function empty(name) {
  const file = path.join(folder, name);
  const store = await openSqlite({ path: file, migrate: true, log: () => {} });
  return { file, store };
}

async function imported(round) {
  const { store } = await empty(`import-${round}.db`);
  const megabytes = [];
  const begin = performance.now();
  const onProgress = () => void megabytes.push(process.memoryUsage().rss / 2 ** 20);
  await importUsers({ store, clock }, chunks(), { onProgress }, { actor: "operator" });
  const perSecond = rows / ((performance.now() - begin) / 1000);
  await store.close();
  const quarters = [1, 2, 3, 4].map((quarter) => megabytes[Math.ceil((megabytes.length * quarter) / 4) - 1] ?? 0);
  return { perSecond, megabytes: quarters };
}

/** Inserts rows with one bare INSERT each, and this many in a transaction. */
async function bare(round, inTransaction) {
  const { file, store } = await empty(`bare-${inTransaction}-${round}.db`);
  await store.close();
  const database = new DatabaseSync(file);
  database.exec("pragma synchronous = full; pragma cache_size = -16384; pragma wal_autocheckpoint = 4000");
  const insert = database.prepare(
    `insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled,
      created_at, hash_kind, import_n, import_line, email, email_canonical)
     values (?, ?, ?, ?, 1, ?, 1, 0, ?, ?, ?, ?, ?, ?)`,
  );
  const now = clock.now();
  const begin = performance.now();
  for (let n = 0; n < rows; n++) {
    if (n % inTransaction === 0) database.exec("begin immediate");
    const login = loginOf(n);
    const id = Math.random().toString(36) + n;
    // A login that is an address is also the user's address.
    insert.run(id, login, login, hash, '["reader"]', now, "bcrypt bcrypt 4100", 1, n, login, login);
    if ((n + 1) % inTransaction === 0 || n + 1 === rows) database.exec("commit");
  }
  const perSecond = rows / ((performance.now() - begin) / 1000);
  database.close();
  return perSecond;
}

const results = { imported: [], batches: [], whole: [] };
let megabytes = [];
for (let round = 0; round < rounds; round++) {
  results.batches.push(await bare(round, 500));
  const one = await imported(round);
  results.imported.push(one.perSecond);
  megabytes = one.megabytes;
  results.whole.push(await bare(round, rows));
}
const rate = Object.fromEntries(Object.entries(results).map(([name, all]) => [name, median(all)]));
const size = statSync(path.join(folder, "import-0.db")).size / 2 ** 20;
console.log(`${machine()}, ${rows} rows, ${rounds} rounds, a database of ${Math.round(size)} MiB`);
const row = (name, perSecond) => [name, Math.round(perSecond), (rate.imported / perSecond).toFixed(2)];
print([
  ["what", "rows/s", "import against it"],
  row("import", rate.imported),
  row("bare inserts, 500 a transaction", rate.batches),
  row("bare inserts, one transaction", rate.whole),
]);
console.log(
  `memory of the process by quarters of an import: ${megabytes.map((each) => `${Math.round(each)} MiB`).join(", ")}`,
);
rmSync(folder, { recursive: true, force: true });
