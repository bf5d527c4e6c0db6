// Identities at outside providers (docs/guides/providers.md). The issuer and the subject are compared exactly, and the
// primary key decides which of two accounts gets an identity.
import { createHash } from "node:crypto";
import { integer, type Row, text, textOrNull } from "../rows.js";
import { first, query, queryLast, queryLastRow, type Transaction } from "../transaction.js";
import { identityHolderOf, makeRoom, visible } from "./import-rows.js";
import { columnsOf } from "./keyed-rows.js";
import { joinedUserColumns, joinedUserOf, type User } from "./users.js";

/** An identity as a provider has proven it. */
export interface ProvenIdentity {
  readonly issuer: string;
  readonly subject: string;
  /** The name of the provider in the configuration. */
  readonly provider: string;
  readonly email: string | undefined;
}

export interface IdentityRow extends ProvenIdentity {
  readonly userId: string;
  readonly createdAt: number;
  readonly usedAt: number | undefined;
}

const columns = columnsOf("issuer", "subject", "user_id", "provider", "email", "created_at", "used_at");

function identityOf(row: Row): IdentityRow {
  const usedAt = row["used_at"];
  return {
    issuer: text(row, "issuer"),
    subject: text(row, "subject"),
    userId: text(row, "user_id"),
    provider: text(row, "provider"),
    email: textOrNull(row, "email") ?? undefined,
    createdAt: integer(row, "created_at"),
    usedAt: usedAt === null ? undefined : integer(row, "used_at"),
  };
}

/** The id of an identity in paths and commands. It reveals neither part. */
export function identityIdOf({ issuer, subject }: Pick<ProvenIdentity, "issuer" | "subject">): string {
  return createHash("sha256")
    .update(JSON.stringify([issuer, subject]))
    .digest("base64url");
}

export interface FoundIdentity {
  readonly identity: IdentityRow;
  /** The stored user. Undefined for a user of an application's own table. */
  readonly user: User | undefined;
}

const selectWithUser = `select ${columns.joined("ampho_identities")}, ${joinedUserColumns} from ampho_identities
  left join ampho_users on ampho_users.id = ampho_identities.user_id
  where issuer = ? and subject = ? and (ampho_users.id is null or ${visible})`;

export function* findIdentity(input: {
  readonly issuer: string;
  readonly subject: string;
}): Transaction<FoundIdentity | undefined> {
  const row = yield* queryLastRow(selectWithUser, [input.issuer, input.subject]);
  return row && { identity: identityOf(row), user: joinedUserOf(row) };
}

const selectOfUser = `select ${columns.list} from ampho_identities where user_id = ?`;

/** The oldest first. */
export function* listIdentities(userId: string): Transaction<readonly IdentityRow[]> {
  return inOrder(yield* queryLast(selectOfUser, [userId]));
}

/** The same within a transaction that goes on. */
export function* identitiesOf(userId: string): Transaction<readonly IdentityRow[]> {
  return inOrder(yield* query(selectOfUser, [userId]));
}

function inOrder(rows: readonly Row[]): readonly IdentityRow[] {
  return rows.map(identityOf).sort((a, b) => a.createdAt - b.createdAt || (a.subject < b.subject ? -1 : 1));
}

/** The advisory lock of a user who gets the identity, before every other lock. */
export const identityLock = ({ issuer, subject }: Pick<ProvenIdentity, "issuer" | "subject">) =>
  `identity ${issuer} ${subject}`;

/** An import that is not published loses its user with the identity. */
export function* isIdentityTaken(identity: Pick<ProvenIdentity, "issuer" | "subject">): Transaction<boolean> {
  const holder = yield* identityHolderOf(identity);
  if (holder.kind === "import") yield* makeRoom(holder);
  return holder.kind === "user";
}

export const identitiesMax = 20;

const insertColumns = columnsOf(...columns.names, "added_by");
const insert = `insert into ampho_identities (${insertColumns.list}) values (${insertColumns.placeholders})
  on conflict (issuer, subject) do nothing returning user_id`;

type NewIdentity = Omit<ProvenIdentity, "email"> & { readonly email?: string | null | undefined };

interface IdentityTimes {
  readonly createdAt: number;
  readonly usedAt: number | null;
  /** The session that has linked it. Undefined for an import and a registration. */
  readonly addedBy: string | undefined;
}

/** `taken`: an account has it. `full`: the account has 20. */
export function* insertIdentity(
  userId: string,
  identity: NewIdentity,
  times: IdentityTimes,
): Transaction<"done" | "taken" | "full"> {
  const count = yield* first("select count(*) as identities from ampho_identities where user_id = ?", [userId]);
  if (count && integer(count, "identities") >= identitiesMax) return "full";
  if (yield* insertFreeIdentity(userId, identity, times)) return "done";
  if (yield* isIdentityTaken(identity)) return "taken";
  return (yield* insertFreeIdentity(userId, identity, times)) ? "done" : "taken";
}

/** False: there is a row of this identity, which can be that of an import. */
export function* insertFreeIdentity(
  userId: string,
  { issuer, subject, provider, email = null }: NewIdentity,
  { createdAt, usedAt, addedBy }: IdentityTimes,
): Transaction<boolean> {
  const times = { created_at: createdAt, used_at: usedAt };
  const values = { issuer, subject, user_id: userId, provider, email, ...times, added_by: addedBy ?? null };
  return (yield* first(insert, insertColumns.values(values))) !== undefined;
}

/** Records a login. False: the identity was unlinked meanwhile. */
export function* touchIdentity(
  userId: string,
  { issuer, subject, email }: ProvenIdentity,
  now: number,
): Transaction<boolean> {
  const row = yield* first(
    `update ampho_identities set used_at = ?, email = coalesce(?, email)
     where issuer = ? and subject = ? and user_id = ? returning user_id`,
    [now, email ?? null, issuer, subject, userId],
  );
  return row !== undefined;
}
