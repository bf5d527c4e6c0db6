// Rows of ampho_users that an import has written: whether they are there for anybody, and how they make room.
// A million rows are published by one: a row is there when it is of no import, or of one that is published. Hidden rows
// hold nobody up: whoever takes their login gets it, and the import that has lost a row can no longer be published.
import { first, integer, type Transaction, text, write } from "../transaction.js";

/** A condition on a row of ampho_users. One look into a table of a few rows, and none for a row of no import. */
export const visible = `(ampho_users.import_n is null or exists (
  select 1 from ampho_imports where ampho_imports.n = ampho_users.import_n and ampho_imports.state = 'published'))`;

/** Who holds a canonical login that could not be inserted. */
export type Holder =
  | { readonly kind: "nobody" }
  | { readonly kind: "user" }
  /** The row of an import that is not published: `line` of its input. `doomed`: it cannot be any more, or was never to be. */
  | { readonly kind: "import"; readonly n: number; readonly line: number; readonly doomed: boolean };

export function* holderOf(canonical: string): Transaction<Holder> {
  const row = yield* first("select import_n, import_line from ampho_users where canonical = ?", [canonical]);
  if (!row) return { kind: "nobody" };
  if (row["import_n"] === null) return { kind: "user" };
  const n = integer(row, "import_n");
  // Locked: it must not be published between this look and what is done because of it.
  const run = yield* first("select state, lost_line from ampho_imports where n = ?", [n], "update");
  if (run && text(run, "state") === "published") return { kind: "user" };
  const doomed = !run || text(run, "state") !== "open" || run["lost_line"] !== null;
  return { kind: "import", n, line: integer(row, "import_line"), doomed };
}

/** Removes the row of a holder of kind "import", whose import can then no longer be published. */
export function* makeRoom(canonical: string, { n, line }: Extract<Holder, { kind: "import" }>): Transaction<void> {
  yield* write("update ampho_imports set lost_line = ? where n = ? and (lost_line is null or lost_line > ?)", [
    line,
    n,
    line,
  ]);
  yield* write("delete from ampho_users where canonical = ? and import_n = ?", [canonical, n]);
}
