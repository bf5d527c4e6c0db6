// Rows of ampho_users that an import wrote, and whether they are visible. A row is visible if it belongs to no import
// or to a published one, so that one row publishes a million users. Hidden rows block no login. A user can be created
// with the login of a hidden row, and the import that lost the row can then no longer be published.
import { integer, type Row, text } from "../../rows.js";
import { exists, first, query, type Transaction, write } from "../../transaction.js";

/** A condition on a row of ampho_users. It costs one look into a small table, and none for a row of no import. */
export const visible = `(ampho_users.import_n is null or exists (
  select 1 from ampho_imports where ampho_imports.n = ampho_users.import_n and ampho_imports.state = 'published'))`;

/** The address of a row, as the unique index `ampho_users_address` has it. */
export const addressOfRow = "coalesce(email_canonical, canonical)";

/** The owner of a canonical login, an address or an identity that could not be inserted. */
export type Holder =
  | { readonly kind: "none" }
  | { readonly kind: "user"; readonly userId: string }
  /** An unpublished import, with this line. `doomed`: it can no longer be published, or is a trial. */
  | {
      readonly kind: "import";
      readonly userId: string;
      readonly n: number;
      readonly line: number;
      readonly doomed: boolean;
    };

const nameColumns = { id: "id", login: "canonical", address: addressOfRow } as const;

export function* holderOf(name: keyof typeof nameColumns, value: string): Transaction<Holder> {
  return yield* readHolder(
    yield* first(`select id, import_n, import_line from ampho_users where ${nameColumns[name]} = ?`, [value]),
  );
}

/** A user of an application's own table has no row, and is of no import. */
const selectByIdentity = `select user_id as id, import_n, import_line from ampho_identities
  left join ampho_users on ampho_users.id = ampho_identities.user_id where issuer = ? and subject = ?`;

export function* identityHolderOf(identity: {
  readonly issuer: string;
  readonly subject: string;
}): Transaction<Holder> {
  return yield* readHolder(yield* first(selectByIdentity, [identity.issuer, identity.subject]));
}

function* readHolder(row: Row | undefined): Transaction<Holder> {
  if (!row) return { kind: "none" };
  const userId = text(row, "id");
  if (row["import_n"] === null) return { kind: "user", userId };
  const n = integer(row, "import_n");
  // Locked, because the import must not be published between this look and the action that follows from it.
  const run = yield* first("select state, lost_line from ampho_imports where n = ?", [n], "update");
  if (run && text(run, "state") === "published") return { kind: "user", userId };
  const doomed = !run || text(run, "state") !== "open" || run["lost_line"] !== null;
  return { kind: "import", userId, n, line: integer(row, "import_line"), doomed };
}

/** Deletes the row of a holder of kind "import". Its import can then no longer be published. */
export function* makeRoom({ userId, n, line }: Extract<Holder, { kind: "import" }>): Transaction<void> {
  const sql = "update ampho_imports set lost_line = ? where n = ? and (lost_line is null or lost_line > ?)";
  yield* write(sql, [line, n, line]);
  const deleted = yield* query("delete from ampho_users where id = ? and import_n = ? returning id", [userId, n]);
  yield* deleteImportedAccounts(deleted.map((row) => text(row, "id")));
}

const idsAtOnce = 50;
const idPlaceholders = Array(idsAtOnce).fill("?").join(", ");

export function* deleteImportedAccounts(ids: readonly string[]): Transaction<void> {
  for (let at = 0; at < ids.length; at += idsAtOnce) {
    // The last id fills the rest, so that the statement has one text.
    const chunk = Array.from({ length: idsAtOnce }, (_, index) => ids[Math.min(at + index, ids.length - 1)] ?? "");
    for (const table of ["ampho_passkeys", "ampho_totp", "ampho_recovery", "ampho_identities", "ampho_accounts"])
      yield* write(`delete from ${table} where user_id in (${idPlaceholders})`, chunk);
  }
}

export interface ImportDeletion {
  /** Undefined: an import whose owner has shown no sign of life for a minute. */
  readonly n: number | undefined;
  readonly now: number;
  /** How many rows are deleted at most. */
  readonly limit: number;
}

/** `found`: an unpublished import exists. `rows`: how many of its rows were deleted. */
export function* deleteUnpublishedRows(
  input: ImportDeletion,
): Transaction<{ readonly found: boolean; readonly rows: number }> {
  const n = input.n ?? (yield* oldestDead(input.now));
  if (n === undefined) return { found: false, rows: 0 };
  // With 0 any process continues the deletion in its next turn.
  const isDropped = yield* exists(
    "update ampho_imports set state = 'dropped', touched_at = 0 where n = ? and state <> 'published' returning n",
    [n],
  );
  if (!isDropped) return { found: false, rows: 0 };
  const deleted = yield* query(
    "delete from ampho_users where id in (select id from ampho_users where import_n = ? limit ?) returning id",
    [n, input.limit],
  );
  yield* deleteImportedAccounts(deleted.map((row) => text(row, "id")));
  if (deleted.length < input.limit) yield* write("delete from ampho_imports where n = ?", [n]);
  return { found: true, rows: deleted.length };
}

/** An import whose owner has shown no sign of life for this long is dead. */
const deadSeconds = 60;

function* oldestDead(now: number): Transaction<number | undefined> {
  const row = yield* first(
    "select n from ampho_imports where state <> 'published' and touched_at < ? order by touched_at limit 1",
    [now - deadSeconds],
  );
  return row && integer(row, "n");
}
