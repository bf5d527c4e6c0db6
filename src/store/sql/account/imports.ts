// Imports of users: started, filled in hidden batches, and then published by one row or dropped.
import type { AuditEntry } from "../../../audit/entry.js";
import { integer, text } from "../../rows.js";
import { exists, first, query, type Transaction, write } from "../../transaction.js";
import { addedByImport } from "../effects/added.js";
import { type ImportedFactors, importFactors } from "../factors/imported.js";
import { recordAudit } from "../rows/audit.js";
import { insertFreeIdentity, type ProvenIdentity } from "../rows/identities.js";
import {
  deleteUnpublishedRows,
  type Holder,
  holderOf,
  type ImportDeletion,
  identityHolderOf,
  makeRoom,
} from "../rows/import-rows.js";
import type { Ending } from "../rows/session-rows.js";
import { asInteger, asText, orNull, tableOf } from "../rows/table.js";
import { recordUserEvent } from "../rows/user-events.js";
import { addressOf, type NewUserRow, users as userTable, userValues } from "../rows/users.js";

/** A user whom an import read from `line` of its input. */
export interface StagedUser extends NewUserRow, ImportedFactors {
  /** The kind and cost of the hash. Null for a hash with the current parameters, and without a hash. */
  readonly hashKind: string | null;
  readonly line: number;
  readonly identities?: readonly Omit<ProvenIdentity, "email">[] | undefined;
}

/** Lines count from 1. A trial, which cannot be published, is an import that has lost this line. */
const trialLine = 0;

const newImports = tableOf("ampho_imports", {
  state: asText,
  startedAt: asInteger,
  touchedAt: asInteger,
  lostLine: orNull(asInteger),
});

/** Returns the number of the import. A trial cannot be published, and blocks no other import. */
export function* startImport(input: { readonly now: number; readonly trial: boolean }): Transaction<number> {
  const { now, trial } = input;
  const opened = { state: "open", startedAt: now, touchedAt: now, lostLine: trial ? trialLine : null };
  const row = yield* first(`${newImports.insert} returning n`, newImports.values(opened));
  if (!row) throw new TypeError("an inserted row was not returned");
  return integer(row, "n");
}

export interface ImportBatch {
  readonly n: number;
  /** Without users the batch only shows that the owner of the import is alive. */
  readonly users: readonly StagedUser[];
  /** False for a trial, which takes no login from another import. */
  readonly displaces: boolean;
  readonly now: number;
}

export type StagingOutcome =
  | {
      readonly outcome: "staged";
      /** The users of whom something exists, is repeated, or belongs to a later import. They cannot be created. */
      readonly rejected: readonly ({ readonly line: number } & Conflict)[];
    }
  /** The import was given up, and nothing of it can be published. */
  | { readonly outcome: "dropped" };

type Conflict =
  | { readonly reason: "exists" | "id" | "email" | "importing" | "factor" | "identity" }
  | { readonly reason: "repeated" | "repeated_id" | "repeated_identity"; readonly firstLine: number };

export function* stageUsers(input: ImportBatch): Transaction<StagingOutcome> {
  const { n, users, now } = input;
  // One import writes at a time. Two imports with logins of each other would wait in a circle until one is rolled back.
  yield* query("select n from ampho_imports where state = 'open' order by n", [], "update");
  const touch = "update ampho_imports set touched_at = ? where n = ? and state = 'open' returning n";
  if (!(yield* exists(touch, [now, n]))) return { outcome: "dropped" };
  const inserted = new Set<number>();
  for (let at = 0; at < users.length; ) {
    // The statement has only two texts, so that prepared statements stay few.
    const rows = users.length - at >= rowsAtOnce ? rowsAtOnce : 1;
    for (const line of yield* insertRows(users.slice(at, at + rows), n, now)) inserted.add(line);
    at += rows;
  }
  const rejected = [];
  for (const user of users) {
    const conflict = inserted.has(user.line) ? "inserted" : yield* resolveConflict(user, input);
    if (conflict === "skipped") continue;
    if (conflict !== "inserted") rejected.push({ line: user.line, ...conflict });
    else if (!(yield* importFactors(user.id, user, now, importerOf(user))))
      rejected.push({ line: user.line, reason: "factor" as const });
    else {
      const taken = yield* importIdentities(user, input);
      if (taken !== undefined) rejected.push({ line: user.line, ...taken });
      // The other system has proven the address, so what is imported with it is its owner's.
      else if (user.email?.provenAt !== undefined) yield* confirmImported(user);
    }
  }
  return { outcome: "staged", rejected };
}

function* confirmImported({ id, passkeys, totp, identities }: StagedUser): Transaction<void> {
  if (passkeys) yield* write("update ampho_passkeys set confirmed = 1 where user_id = ?", [id]);
  if (totp) yield* write("update ampho_totp set confirmed = 1 where user_id = ?", [id]);
  if (identities) yield* write("update ampho_identities set confirmed = 1 where user_id = ?", [id]);
}

const rowsAtOnce = 50;
const rowMarks = `(${userTable.placeholders}, ?, ?, ?)`;
const insertions = new Map(
  [1, rowsAtOnce].map((rows) => [
    rows,
    `insert into ampho_users (${userTable.list}, hash_kind, import_n, import_line)
     values ${Array(rows).fill(rowMarks).join(", ")} on conflict do nothing returning import_line`,
  ]),
);

/** Returns the lines of the users whose id, login and address were free. */
function* insertRows(users: readonly StagedUser[], n: number, now: number): Transaction<readonly number[]> {
  const parameters = users.flatMap((user) => [...userValues(user, now), user.hashKind, n, user.line]);
  const rows = yield* query(insertions.get(users.length) ?? "", parameters);
  return rows.map((row) => integer(row, "import_line"));
}

const repeated = { exists: "repeated", id: "repeated_id" } as const;

/**
 * Decides about an id, a login or an address that exists already. Of two imports the one that started later gets it. So
 * one of any two imports with a common login can be published, and a killed import blocks no login. Nor does an import
 * that cannot be published, which is a trial or has lost a line.
 */
function* resolveConflict(
  user: StagedUser,
  { n, displaces, now }: ImportBatch,
): Transaction<Conflict | "inserted" | "skipped"> {
  for (const [name, value, reason] of [
    ["id", user.id, "id"],
    ["login", user.canonical, "exists"],
    ["address", addressOf(user), "email"],
  ] as const) {
    const holder = yield* holderOf(name, value);
    if (holder.kind === "user") return { reason };
    // The response to this batch was lost after its commit, and it is sent again.
    if (holder.kind === "import" && holder.n === n && holder.line === user.line) return "skipped";
    if (holder.kind === "import" && holder.n === n)
      return reason === "email" ? { reason } : { reason: repeated[reason], firstLine: holder.line };
    const outcome = yield* displace(holder, n, displaces);
    if (outcome !== "displaced") return outcome;
  }
  const [line] = yield* insertRows([user], n, now);
  return line === undefined ? { reason: "exists" } : "inserted";
}

function* displace(holder: Holder, n: number, displaces: boolean): Transaction<Conflict | "displaced" | "skipped"> {
  if (holder.kind !== "import") return "displaced";
  if (!displaces) return "skipped";
  if (holder.n > n && !holder.doomed) return { reason: "importing" };
  yield* makeRoom(holder);
  return "displaced";
}

/** A stranger can have typed an address that is not proven, and then all of the account ends with its first proof. */
const importerOf = ({ email }: StagedUser) => (email?.provenAt === undefined ? addedByImport : undefined);

/** An identity belongs to one user. So a line never takes it from an account, nor from another line. */
function* importIdentities(user: StagedUser, { n, displaces, now }: ImportBatch): Transaction<Conflict | undefined> {
  const times = { createdAt: now, usedAt: undefined, addedBy: importerOf(user) };
  for (const identity of user.identities ?? []) {
    if (yield* insertFreeIdentity(user.id, identity, times)) continue;
    const holder = yield* identityHolderOf(identity);
    if (holder.kind === "user") return { reason: "identity" };
    if (holder.kind === "import" && holder.n === n) return { reason: "repeated_identity", firstLine: holder.line };
    const outcome = yield* displace(holder, n, displaces);
    if (outcome === "skipped") continue;
    if (outcome !== "displaced") return outcome;
    if (!(yield* insertFreeIdentity(user.id, identity, times))) return { reason: "identity" };
  }
  return undefined;
}

export interface ImportPublication extends Ending {
  readonly n: number;
  readonly detail: NonNullable<AuditEntry["detail"]>;
}

export type PublishOutcome =
  | { readonly outcome: "published" | "dropped"; readonly line?: undefined }
  /** Another user has the login of this line by now. */
  | { readonly outcome: "lost"; readonly line: number };

/** Makes all users of an import visible, in one small transaction whatever its size. */
export function* publishImport({ n, now, origin, detail }: ImportPublication): Transaction<PublishOutcome> {
  const isPublished = yield* exists(
    `update ampho_imports set state = 'published', touched_at = ?
     where n = ? and state = 'open' and lost_line is null returning n`,
    [now, n],
  );
  if (isPublished) {
    const entry = { at: now, event: "users_imported", origin, detail: { import: n, ...detail } } as const;
    yield* recordAudit(entry);
    yield* recordUserEvent(entry, n);
    return { outcome: "published" };
  }
  const kept = yield* first("select state, lost_line from ampho_imports where n = ? and state <> 'dropped'", [n]);
  if (kept === undefined) return { outcome: "dropped" };
  // The response to the publication was lost after its commit, and it is sent again.
  if (text(kept, "state") === "published") return { outcome: "published" };
  return { outcome: "lost", line: integer(kept, "lost_line") };
}

/** Returns false when there was nothing to delete. */
export function* deleteUnpublishedImports(input: ImportDeletion): Transaction<boolean> {
  return (yield* deleteUnpublishedRows(input)).found;
}
