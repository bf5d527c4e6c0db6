// Identities at outside providers (docs/guides/providers.md). The issuer and the subject are compared exactly, and the
// primary key decides which of two accounts gets an identity.
import { createHash } from "node:crypto";
import { count, exists, queryLastRow, type Transaction, write } from "../../transaction.js";
import { identityHolderOf, makeRoom, visible } from "./import-rows.js";
import { asInteger, asText, orUndefined, type RowOf, tableOf } from "./table.js";
import { joinedUserColumns, joinedUserOf, type User } from "./users.js";

const fields = {
  issuer: asText,
  subject: asText,
  userId: asText,
  /** The name of the provider in the configuration. */
  provider: asText,
  email: orUndefined(asText),
  createdAt: asInteger,
  usedAt: orUndefined(asInteger),
};
const identities = tableOf("ampho_identities", fields);
export type IdentityRow = RowOf<typeof identities>;
/** An identity as a provider has proven it. */
export type ProvenIdentity = Pick<IdentityRow, "issuer" | "subject" | "provider" | "email">;
type IdentityKey = Pick<IdentityRow, "issuer" | "subject">;

/** The id of an identity in paths and commands. It reveals neither part. */
export const identityIdOf = ({ issuer, subject }: IdentityKey): string =>
  createHash("sha256")
    .update(JSON.stringify([issuer, subject]))
    .digest("base64url");

export interface FoundIdentity {
  readonly identity: IdentityRow;
  /** The stored user. Undefined for a user of an application's own table. */
  readonly user: User | undefined;
}

const selectWithUser = `select ${identities.joined()}, ${joinedUserColumns} from ampho_identities
  left join ampho_users on ampho_users.id = ampho_identities.user_id
  where issuer = ? and subject = ? and (ampho_users.id is null or ${visible})`;

export function* findIdentity({ issuer, subject }: IdentityKey): Transaction<FoundIdentity | undefined> {
  const row = yield* queryLastRow(selectWithUser, [issuer, subject]);
  return row && { identity: identities.of(row), user: joinedUserOf(row) };
}

/** The oldest first. */
export function* listIdentities(userId: string): Transaction<readonly IdentityRow[]> {
  return inOrder(yield* identities.allLast("where user_id = ?", [userId]));
}

/** The same within a transaction that goes on. */
export function* identitiesOf(userId: string): Transaction<readonly IdentityRow[]> {
  return inOrder(yield* identities.all("where user_id = ?", [userId]));
}

const inOrder = (all: readonly IdentityRow[]) =>
  [...all].sort((a, b) => a.createdAt - b.createdAt || (a.subject < b.subject ? -1 : 1));

/** The advisory lock of a user who gets the identity, before every other lock. */
export const identityLock = ({ issuer, subject }: IdentityKey) => `identity ${issuer} ${subject}`;

/** An import that is not published loses its user with the identity. */
export function* isIdentityTaken(identity: IdentityKey): Transaction<boolean> {
  const holder = yield* identityHolderOf(identity);
  if (holder.kind === "import") yield* makeRoom(holder);
  return holder.kind === "user";
}

export const identitiesMax = 20;

const newIdentities = tableOf("ampho_identities", { ...fields, addedBy: orUndefined(asText) });
const insert = `${newIdentities.insert} on conflict (issuer, subject) do nothing returning user_id`;

type NewIdentity = Omit<ProvenIdentity, "email"> & Partial<Pick<ProvenIdentity, "email">>;

interface IdentityTimes extends Pick<IdentityRow, "createdAt" | "usedAt"> {
  /** The session that has linked it. Undefined for an import and a registration. */
  readonly addedBy: string | undefined;
}

/** `taken`: an account has it. `full`: the account has 20. */
export function* insertIdentity(
  userId: string,
  identity: NewIdentity,
  times: IdentityTimes,
): Transaction<"done" | "taken" | "full"> {
  const had = yield* count("select count(*) from ampho_identities where user_id = ?", [userId]);
  if (had >= identitiesMax) return "full";
  if (yield* insertFreeIdentity(userId, identity, times)) return "done";
  if (yield* isIdentityTaken(identity)) return "taken";
  return (yield* insertFreeIdentity(userId, identity, times)) ? "done" : "taken";
}

/** False: there is a row of this identity, which can be that of an import. */
export function insertFreeIdentity(
  userId: string,
  { issuer, subject, provider, email }: NewIdentity,
  { createdAt, usedAt, addedBy }: IdentityTimes,
): Transaction<boolean> {
  const values = newIdentities.values({ issuer, subject, userId, provider, email, createdAt, usedAt, addedBy });
  return exists(insert, values);
}

/** The mailbox of the account, a confirmed passkey or the registration has confirmed it. */
export const confirmIdentity = ({ issuer, subject }: IdentityKey): Transaction<void> =>
  write("update ampho_identities set confirmed = 1 where issuer = ? and subject = ?", [issuer, subject]);

/** Records a login. False: the identity was unlinked meanwhile. */
export const touchIdentity = (
  userId: string,
  { issuer, subject, email }: ProvenIdentity,
  now: number,
): Transaction<boolean> =>
  exists(
    `update ampho_identities set used_at = ?, email = coalesce(?, email)
     where issuer = ? and subject = ? and user_id = ? returning user_id`,
    [now, email ?? null, issuer, subject, userId],
  );
