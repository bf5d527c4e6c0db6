// Failures of SQLite, by their primary result code (https://sqlite.org/rescode.html).

/** Number, name, and the text of sqlite3_errstr, for a library that reports only the text. */
const codes = [
  [5, "busy", "database is locked"],
  [6, "locked", "database table is locked"],
  [7, "nomem", "out of memory"],
  [8, "readonly", "attempt to write a readonly database"],
  [10, "ioerr", "disk I/O error"],
  [11, "corrupt", "database disk image is malformed"],
  [13, "full", "database or disk is full"],
  [14, "cantopen", "unable to open database file"],
  [15, "protocol", "locking protocol"],
  [26, "notadb", "file is not a database"],
] as const;

type SqliteCode = (typeof codes)[number][1] | "other";

/** The message is SQLite's own text, which names tables and columns but no values. */
export class SqliteFailure extends Error {
  override readonly name = "SqliteFailure";
  readonly code: SqliteCode;

  constructor(error: unknown) {
    super(error instanceof Error ? error.message : "SQLite failed");
    this.code = codeOf(error, this.message);
  }

  /** Another process has a lock. The same call will work in a moment. */
  get passing(): boolean {
    return this.code === "busy" || this.code === "locked" || this.code === "protocol";
  }

  /** The connection might not be usable any more. */
  get breaking(): boolean {
    return this.code !== "full" && this.code !== "other" && !this.passing;
  }
}

function codeOf(error: unknown, message: string): SqliteCode {
  const number =
    typeof error === "object" && error !== null && "errcode" in error && typeof error.errcode === "number"
      ? error.errcode & 0xff
      : undefined;
  return (
    codes.find(([code, , text]) => (number === undefined ? message.includes(text) : code === number))?.[1] ?? "other"
  );
}
