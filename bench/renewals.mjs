// Measures renewals a second on the embedded database with synchronous=FULL, against one bare UPDATE a transaction. It also
// measures how far the number falls from a thousand to a million sessions. Usage: npm run build && node bench/renewals.mjs [ROUNDS]
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { loadDriver } from "../dist/store/sqlite/driver.js";
import { openSqlite } from "../dist/store/sqlite/store.js";

const rounds = Number(process.argv[2] ?? 5);
const secondsEach = 2;
const atOnce = 256;
const now = Math.floor(Date.now() / 1000);
const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const { DatabaseSync } = loadDriver(undefined);
const folder = mkdtempSync(path.join(process.env["BENCH_DIR"] ?? tmpdir(), "ampho-bench-"));

/** Creates a database with this many live sessions of different users, and a table for the bare UPDATE. */
async function prepare(sessions) {
  const file = path.join(folder, `${sessions}.db`);
  const store = await openSqlite({ path: file, migrate: true, log: () => {} });
  await store.close();
  const database = new DatabaseSync(file);
  database.exec(`begin;
    create table bare (id text not null primary key, gen bigint not null);
    with recursive count(n) as (select 1 union all select n + 1 from count where n < ${sessions})
    insert into ampho_users
      (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at)
      select lower(hex(randomblob(16))), 'login-' || n, 'login-' || n, '${"h".repeat(97)}', 1, '["editor"]', 1, 0, ${now}
      from count;
    insert into ampho_sessions (amr, acr, proved_at, refreshed_at,
       id, era, user_id, login, gen, proved_gen, created_at, auth_time, renewed_at, expires_at, ends_at,
      access_expires, address, agent, delete_after)
      select '[]', '1fa', 0, 0, '0.' || lower(hex(randomblob(16))), 0, id, login, 0, 0, ${now}, ${now}, ${now}, ${now + 1209600},
      ${now + 7776000}, ${now + 900}, '192.0.2.1', '${agent}', ${now + 1900000}
      from ampho_users;
    insert into ampho_audit (at, event, user_id, login, session_id, actor, address)
      select ${now}, 'login', user_id, login, id, 'user', address from ampho_sessions;
    insert into bare (id, gen) select id, 0 from ampho_sessions;
    commit; pragma wal_checkpoint(truncate)`);
  const ids = database.prepare("select id from ampho_sessions order by random() limit 200000").all();
  database.close();
  return { file, sessions: ids.map(({ id }) => ({ id, gen: 0 })) };
}

async function rate(work) {
  const begin = performance.now();
  const until = begin + secondsEach * 1000;
  const done = await work(() => performance.now() < until);
  return done / ((performance.now() - begin) / 1000);
}

/** Runs one bare UPDATE a transaction on a table with the same number of rows. */
async function bare({ file, sessions }) {
  const database = new DatabaseSync(file);
  database.exec("pragma synchronous = full; pragma cache_size = -16384");
  const update = database.prepare("update bare set gen = gen + 1 where id = ?");
  const perSecond = await rate((more) => {
    let done = 0;
    while (more()) update.run(sessions[done++ % sessions.length].id);
    return done;
  });
  database.close();
  return perSecond;
}

async function renewals({ file, sessions }) {
  const store = await openSqlite({ path: file, migrate: false, log: () => {} });
  const usual = {
    now,
    accessTtlSeconds: 900,
    idleSeconds: 1209600,
    graceSeconds: 10,
    by: "refresh_token",
    stored: true,
  };
  const origin = { actor: "user", address: "192.0.2.1", agent };
  let next = 0;
  let done = 0;
  const perSecond = await rate(async (more) => {
    const client = async () => {
      while (more()) {
        const session = sessions[next++ % sessions.length];
        const input = { ...usual, sessionId: session.id, gen: session.gen++, idempotency: undefined, origin };
        const { outcome } = await store.renewSession(input);
        if (outcome !== "renewed") throw new Error(`a renewal came out as ${outcome}`);
        done++;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, client));
    return done;
  });
  await store.close();
  return perSecond;
}

const median = (values) => Math.round(values.toSorted((a, b) => a - b)[values.length >> 1]);
const thousand = await prepare(1000);
const million = await prepare(1_000_000);
const rates = { bareThousand: [], renewThousand: [], bareMillion: [], renewMillion: [] };
for (let round = 0; round < rounds; round++) {
  rates.bareThousand.push(await bare(thousand));
  rates.renewThousand.push(await renewals(thousand));
  rates.bareMillion.push(await bare(million));
  rates.renewMillion.push(await renewals(million));
}
rmSync(folder, { recursive: true });
const perSecond = Object.fromEntries(Object.entries(rates).map(([name, values]) => [name, median(values)]));
const ratio = (a, b) => Number((a / b).toFixed(2));
console.log(
  JSON.stringify({
    bench: "renewals",
    machine: `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`,
    rounds,
    perSecond,
    toBareUpdate: {
      thousand: ratio(perSecond.renewThousand, perSecond.bareThousand),
      million: ratio(perSecond.renewMillion, perSecond.bareMillion),
    },
    fallFromThousandToMillion: ratio(perSecond.renewThousand, perSecond.renewMillion),
  }),
);
