// One open SQLite database: its files, pragmas and prepared statements, and the transactions that run on it.
import { accessSync, closeSync, constants, openSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { DatabaseError } from "../database-error.js";
import type { Row, SqlValues } from "../rows.js";
import { noEffects, type Statement, type Step, type Transaction, withPages } from "../transaction.js";
import type { SqliteModule } from "./driver.js";
import { SqliteFailure } from "./failure.js";

export type SqliteConnection = ReturnType<typeof openConnection>;

/**
 * `file` undefined: in memory. `create`: creates the file if there is none.
 * Throws DatabaseError if a person can fix the cause, else SqliteFailure.
 */
export function openConnection(module: SqliteModule, file: string | undefined, create: boolean, pages = "") {
  // An absolute path, so that SQLite takes no name for a URI, and `:memory:` not for memory.
  const location = file === undefined ? ":memory:" : path.resolve(file);
  const files = file === undefined ? undefined : prepareFile(location, create);
  let database: InstanceType<SqliteModule["DatabaseSync"]>;
  try {
    database = new module.DatabaseSync(location);
  } catch (error) {
    throw explained(new SqliteFailure(error), location);
  }
  const statements = new Map<string, ReturnType<typeof database.prepare>>();

  function attempt<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw new SqliteFailure(error);
    }
  }

  function rowsOf(sql: string, parameters: SqlValues): readonly Row[] {
    // The SQLite libraries cut bound text at NUL, so that `hops\0evil` would find `hops`.
    if (parameters.some((value) => typeof value === "string" && value.includes("\0")))
      throw new TypeError("a bound text contains NUL");
    return attempt(() => {
      const statement = statements.get(sql) ?? database.prepare(sql);
      statements.set(sql, statement);
      return statement.all(...parameters);
    });
  }

  const connection = {
    /** A statement without parameters or rows. */
    exec: (sql: string) => void rowsOf(sql, []),
    /** Adds the effects of the transaction to `effects`. */
    run: <T>(work: Transaction<T>, effects = noEffects()): T => {
      const ahead = new Map<Statement, readonly Row[]>();
      let ended = false;
      const rowsOfStep = (value: Step): readonly Row[] => {
        if ("resultOf" in value) return ahead.get(value.resultOf) ?? [];
        if ("revoked" in value) {
          effects.revoked.push(...value.revoked);
          return [];
        }
        if (ended) throw new TypeError("a step follows the end");
        ended = "end" in value;
        if ("advisoryLock" in value || "end" in value) return [];
        const rows = rowsOf(value.sql, withPages(value, pages));
        if (value.deferred) ahead.set(value, rows);
        if (value.mails) effects.mails = true;
        return rows;
      };
      let step = work.next([]);
      while (!step.done) step = work.next(rowsOfStep(step.value));
      return step.value;
    },
    close: () => database.close(),
    /** False if the path, or the log beside it, names another file by now, or none. */
    isAtPath: () => files === undefined || identities(files) === opened,
  };
  let opened: string | undefined;
  try {
    for (const pragma of pragmas) attempt(() => database.exec(`pragma ${pragma}`));
    if (files !== undefined) {
      startWal(rowsOf);
      // A read creates the log and its index, which then exist as long as this connection.
      rowsOf("pragma schema_version", []);
      opened = identities(files);
    }
    return connection;
  } catch (error) {
    database.close();
    throw error instanceof SqliteFailure ? explained(error, location) : error;
  }
}

const pragmas = [
  // The queue waits for locks and runs reads meanwhile.
  "busy_timeout = 0",
  "synchronous = full",
  "foreign_keys = on",
  "trusted_schema = off",
  "cache_size = -16384",
  // Each job of a batch is a savepoint, for which SQLite keeps the old pages. Beyond 64 KiB it would use files.
  "temp_store = memory",
  // In pages. With many sessions each renewal changes another page, and the default of 1000 is full after a few
  // hundred.
  "wal_autocheckpoint = 4000",
  // The bytes that the log keeps on disk after a long read made it grow.
  "journal_size_limit = 67108864",
];

function startWal(rowsOf: (sql: string, parameters: SqlValues) => readonly Row[]): void {
  const mode = (sql: string) => rowsOf(sql, [])[0]?.["journal_mode"];
  if (mode("pragma journal_mode") === "wal") return;
  if (mode("pragma journal_mode = wal") !== "wal")
    throw new DatabaseError("The database is on a file system that does not support SQLite's write-ahead log");
}

/** Returns the files that must stay the same while the database is open. */
function prepareFile(location: string, create: boolean): readonly string[] {
  try {
    prepare(location, create);
    return filesOf(location);
  } catch (error) {
    const why = error instanceof Error && "code" in error ? pathProblems[String(error.code)] : undefined;
    throw why === undefined ? error : new DatabaseError(`${why}: ${location}`, { cause: error });
  }
}

const pathProblems: Readonly<Record<string, string>> = {
  EACCES: "This user has no access to the database",
  ELOOP: "The links in the path of the database form a circle",
  ENAMETOOLONG: "The path of the database is too long",
  ENOENT: "The database or its folder does not exist any more",
  ENOTDIR: "A part of the path of the database is not a folder",
  ENOSPC: "The disk of the database is full",
};

function prepare(location: string, create: boolean): void {
  const folder = path.dirname(location);
  const parent = statSync(folder, { throwIfNoEntry: false });
  if (!parent?.isDirectory()) throw new DatabaseError(`The folder of the database does not exist: ${folder}`);
  const file = statSync(location, { throwIfNoEntry: false });
  if (file?.isDirectory()) throw new DatabaseError(`The path of the database is a folder: ${location}`);
  if (file && !file.isFile()) throw new DatabaseError(`The path of the database is not a file: ${location}`);
  if (!file && !create) throw new DatabaseError(`The database is gone: ${location}`);
  // The folder too, because the write-ahead log is beside the database.
  if (!mayWrite(folder)) throw new DatabaseError(`The folder of the database cannot be written to: ${folder}`);
  if (file && !mayWrite(location)) throw new DatabaseError(`The database cannot be written to: ${location}`);
  // Only the owner can read it, because it contains password hashes. SQLite gives the files beside it the same mode.
  if (!file) closeSync(openSync(location, "a", 0o600));
}

function mayWrite(location: string): boolean {
  try {
    accessSync(location, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The database and the files that SQLite keeps beside it. A process with another log, or another index of the log, has
 * another database: neither would see the writes of the other.
 */
function filesOf(location: string): readonly string[] {
  const linked = realpathSync(location);
  return [location, `${linked}-wal`, `${linked}-shm`];
}

function identities(files: readonly string[]): string {
  const identityOf = (name: string) => {
    const file = statSync(name, { throwIfNoEntry: false });
    return file && `${file.dev}:${file.ino}`;
  };
  return files.map(identityOf).join(" ");
}

function explained(failure: SqliteFailure, location: string): Error {
  const why = explanations[failure.code];
  return why ? new DatabaseError(`${why}: ${location}`, { cause: failure }) : failure;
}

const explanations: Partial<Readonly<Record<SqliteFailure["code"], string>>> = {
  notadb: "The file is not an SQLite database",
  corrupt: "The database is damaged",
  readonly: "The database cannot be written to",
  cantopen: "The database cannot be opened",
};
