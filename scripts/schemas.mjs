// Writes the files of test/store/schemas/ for the newest schema with data in every table, for each kind of database. Run it after
// each change of a migration that is not released. The file of a released schema stays as it is.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { postgresDialect, sqliteDialect } from "../dist/store/dialect.js";
import { known } from "../dist/store/migrations/known.js";
import { migrateUp } from "../dist/store/migrations/migrate.js";
import { loadDriver } from "../dist/store/sqlite/driver.js";
import { openSqlite } from "../dist/store/sqlite/store.js";

const now = 1_790_000_000;
const operator = { actor: "operator", operator: "root@host" };
const origin = { actor: "user", address: "192.0.2.7", agent: "curl/8" };
/** The hash of "violet kettle harbour morning". */
const hash = "$argon2id$v=19$m=19456,t=2,p=1$bIIszpwyEKpG/6XKMz0SeA$pUyTsfjlZ7AAePeHOG6xKDKxioaT7itR42cAYhmIxk0";

async function fill(store) {
  const user = (name, more) =>
    store.createUser({
      user: { id: `u-${name}`, login: name, canonical: name, passwordHash: hash, roles: [], ...more },
      now,
      origin: operator,
    });
  await user("alice", { login: "Alice", roles: ["editor", "reader"] });
  await user("bob", { passwordHash: null });
  await user("cid", { roles: ["editor"] });
  await store.noteUserHooks({ until: now + 2_592_000 });
  await user("dan");
  await imports(store);

  const limits = { accessTtlSeconds: 900, idleSeconds: 1_209_600 };
  const entry = (name) => ({
    ...limits,
    userId: `u-${name}`,
    login: name,
    stored: {},
    now,
    origin,
    amr: ["pwd"],
    provenAt: now,
    gate: { roles: [], rolePolicies: {} },
  });
  const open = async (name, random) => {
    const entered = await store.grantSession({
      ...entry(name),
      create: { random, maxSeconds: 7_776_000, sessionsPerUser: 100 },
    });
    return entered.session.id;
  };
  const renew = (sessionId, gen, more) =>
    store.renewSession({
      ...limits,
      sessionId,
      gen,
      now: now + 60,
      graceSeconds: 10,
      by: "refresh_token",
      origin,
      ownRoles: undefined,
      rolePolicies: {},
      ...more,
    });
  const ending = { now: now + 90, origin: operator, foreignMaxSeconds: 86_400 };
  await open("alice", "before-everything-ended");
  await store.endAllSessions({ ...ending, accessTtlSeconds: 900 });
  await open("alice", "new");
  const live = await open("alice", "reauthenticated");
  await store.grantSession({ ...entry("alice"), now: now + 30, provenAt: now + 30, live });
  const renewed = await open("alice", "renewed");
  await renew(renewed, 0);
  await renew(renewed, 1, { idempotency: "b".repeat(43) });
  const replayed = await open("alice", "replayed");
  for (const gen of [0, 1, 0]) await renew(replayed, gen);
  const left = await open("alice", "logged-out");
  await store.endSession({ id: left, userId: "u-alice", reason: "logout", now: now + 90, origin });
  await open("cid", "with-roles");
  await store.setRoles({ ...ending, userId: "u-cid", rolePolicies: {}, change: { set: ["reader"] } });
  await open("dan", "of-disabled");
  await store.setDisabled({ ...ending, userId: "u-dan", disabled: true });
  await store.revokeSigningKey({ ...ending, kid: "stolen" });
  await factors(store, limits, await open("bob", "with-factors"));
  await mails(store);
  await attempts(store);
}

async function mails(store) {
  const email = { address: "bob@mail.example", canonical: "bob@mail.example", provenAt: now };
  await store.setEmail({ userId: "u-bob", email, now, origin: { ...operator, language: "en" } });
  const until = now + 604_800;
  const invitation = {
    id: "k".repeat(22),
    email: "gil@mail.example",
    canonical: "gil@mail.example",
    roles: ["reader"],
    invitedBy: null,
    createdAt: now,
    until,
    usedAt: null,
    removedAt: null,
  };
  const claims = { inv: invitation.id, iat: now, exp: until };
  const mail = { kind: "invite", userId: undefined, address: invitation.email, claims, language: "en", until };
  await store.createInvitation({ invitation, mail, origin: operator });
}

async function factors(store, limits, sessionId) {
  const bob = { userId: "u-bob", login: "bob", now, origin };
  const own = { ...limits, sessionId, gen: 1_000 };
  const totp = { secret: "c".repeat(64), kid: "signing", step: 59_666_666 };
  const spend = { hash: "d".repeat(43), until: now + 660, idempotency: undefined };
  await store.setFactor({
    ...bob,
    stored: {},
    own,
    factor: "totp",
    totp,
    codes: ["e".repeat(43), "f".repeat(43)],
    spend,
  });
  const publicKey = { kty: "OKP", crv: "Ed25519", x: "g".repeat(43) };
  const passkey = {
    id: "h".repeat(43),
    publicKey,
    alg: -8,
    signCount: 0,
    backupEligible: true,
    backedUp: true,
    userVerified: true,
    discoverable: true,
    transports: ["internal"],
    aaguid: "00000000-0000-0000-0000-000000000000",
    rp: "app.example",
    name: "Phone",
  };
  const handle = "i".repeat(43);
  const again = { ...spend, hash: "j".repeat(43) };
  const added = { factor: "passkey", passkey, handle, codes: [], spend: again };
  await store.setFactor({ ...bob, stored: {}, own, ...added });
  const key = {
    id: "key_1",
    name: "Job",
    start: "aB3d",
    scopes: ["read"],
    expiresAt: now + 86_400,
    hash: "l".repeat(43),
  };
  const service = { id: "svc_1", name: "nightly", scopes: ["articles:read"] };
  const client = { redirects: ["https://reader.example/callback"], userScopes: ["articles:read"], isPublic: true };
  await store.addService({ ...service, ...client, now, origin });
  await store.createApiKey({ ...bob, stored: {}, own: undefined, key, apiKeysMax: 5 });
  const code = { codeHash: "m".repeat(43), challenge: "n".repeat(43), redirectUri: client.redirects[0] };
  const yes = { client: service.id, resource: "https://api.example/mcp", scopes: client.userScopes, how: "code" };
  const level = { authTime: now, amr: ["pwd"], acr: "1fa" };
  const shown = { ...spend, hash: "o".repeat(43) };
  await store.addConnection({
    ...bob,
    stored: {},
    own: undefined,
    ...yes,
    ...level,
    ...code,
    random: "p".repeat(22),
    shown,
  });
  const identity = { issuer: "https://id.example", subject: "1", provider: "acme", email: "bob@app.example" };
  const third = { ...spend, hash: "k".repeat(43) };
  await store.linkIdentity({ ...bob, stored: {}, own, identity, isVouched: false, spend: third });
  await store.setFactorPolicy({ ...bob, origin: operator, policy: "required", rolePolicies: {} });
}

async function imports(store) {
  const staged = (name, line, more) => ({
    id: `i-${name}`,
    login: name,
    canonical: name,
    passwordHash: hash,
    roles: [],
    hashKind: null,
    line,
    ...more,
  });
  const stage = { displaces: true, now };
  const n = await store.startImport({ now, trial: false });
  const md5 = { passwordHash: "{MD5}X03MO1qnZdYdgyfeuILPmQ==", hashKind: "f md5 1" };
  await store.stageUsers({ ...stage, n, users: [staged("eve", 1), staged("fay", 2, md5)] });
  await store.publishImport({ n, now, origin: operator, detail: { users: 2 } });
  const unfinished = await store.startImport({ now, trial: false });
  await store.stageUsers({ ...stage, n: unfinished, users: [staged("gus", 1)] });
}

async function attempts(store) {
  const attempt = {
    sources: [{ source: "192.0.2.7", logins: 30 }],
    counters: [{ key: "login:alice", kind: "login", freeAttempts: 5 }],
    subject: "alice",
    from: "192.0.2.7",
    windowSeconds: 900,
    lockAfter: 100,
    alsoReset: [],
    now: now + 120,
  };
  for (const outcome of ["failed", "failed", undefined]) {
    await store.allowAttempt({ ...attempt, origin, event: "login_throttled", canonical: "alice" });
    if (outcome) await store.settleAttempt({ ...attempt, outcome, login: "Alice", audit: undefined });
  }
}

/** The statements of all migrations for an empty database of that kind. */
function statementsOf(dialect) {
  const [applied, statements] = [[], []];
  for (const { version, name, servesFrom, indexes = [] } of known) {
    const work = migrateUp(dialect, now);
    for (let step = work.next([]); !step.done; ) {
      const { sql, parameters } = step.value;
      const rows = sql.startsWith("select version") ? applied : applied.length > 0 ? [{}] : [];
      if (!sql.startsWith("select")) {
        let at = 0;
        statements.push(sql.replace(/\?/g, () => literal(parameters[at++])));
      }
      step = work.next(rows);
    }
    if (dialect.indexesApart && indexes.length > 0) {
      statements.push(...indexes.map((index) => `create index ${index.name} on ${index.on}`));
      statements.push(`update ampho_migrations set applied_at = ${now} where version = ${version}`);
    }
    applied.push({ version, name, serves_from: servesFrom, applied_at: now });
  }
  return statements.map((sql) => sql.replace(/^ {6}/gm, "  ").replace(/\n {4}\)$/, "\n)"));
}

function literal(value) {
  return value === null ? "null" : typeof value === "number" ? String(value) : `'${value.replaceAll("'", "''")}'`;
}

/** Inserts all rows, those of each table in the order of its first column. */
function rowsOf(database, overriding) {
  const tables = database
    .prepare("select name from sqlite_schema where type = 'table' and name like 'ampho_%' order by rowid")
    .all()
    .map(({ name }) => name)
    .filter((name) => name !== "ampho_migrations");
  return tables.flatMap((table) => {
    const counts = database.prepare("select seq from sqlite_sequence where name = ?").all(table)[0]?.seq;
    const rows = database.prepare(`select * from ${table} order by 1`).all();
    if (rows.length === 0) process.stderr.write(`${table} is empty: fill() should give it rows\n`);
    const inserts = rows.map((row) => {
      const values = Object.entries(row).map(([name, value]) => literal(name === "epoch" ? "e".repeat(32) : value));
      const how = overriding && counts !== undefined ? " overriding system value" : "";
      return `insert into ${table} (${Object.keys(row).join(", ")})${how}\n  values (${values.join(", ")})`;
    });
    // The migration itself inserts their one row.
    if (["ampho_state", "ampho_housekeeping"].includes(table)) return [`delete from ${table}`, ...inserts];
    if (!overriding || counts === undefined) return inserts;
    return [...inserts, `select setval(pg_get_serial_sequence('${table}', 'n'), ${counts})`];
  });
}

const folder = mkdtempSync(path.join(tmpdir(), "ampho-schemas-"));
try {
  const file = path.join(folder, "ampho.db");
  const store = await openSqlite({ path: file, migrate: true, log: () => {} });
  await fill(store);
  await store.close();
  const database = new (loadDriver(undefined).DatabaseSync)(file);
  const kinds = { sqlite: [sqliteDialect, false], postgres: [postgresDialect, true] };
  const target = fileURLToPath(new URL("../test/store/schemas/", import.meta.url));
  mkdirSync(target, { recursive: true });
  for (const [kind, [dialect, overriding]] of Object.entries(kinds)) {
    const name = path.join(target, `${String(known.length).padStart(4, "0")}.${kind}.sql`);
    const statements = [...statementsOf(dialect), ...rowsOf(database, overriding)];
    const head = `-- Schema version ${known.length} with data in every table. Written by \`npm run schemas\`.\n\n`;
    writeFileSync(name, head + statements.map((each) => `${each};\n`).join("\n"));
    process.stderr.write(`${path.relative(process.cwd(), name)}\n`);
  }
  database.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
