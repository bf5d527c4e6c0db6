// Passkeys (WebAuthn L3 §7). Every statement that changes one names its user.

import { integer, type Row, text, textOrNull, texts } from "../../rows.js";
import { first, query, queryLast, queryLastRow, type Transaction, write } from "../../transaction.js";
import { visible } from "../import-rows.js";
import { columnsOf } from "../keyed-rows.js";
import { type AccountFactors, accountColumnsOf, accountOf } from "../state.js";
import { joinedUserColumns, joinedUserOf, type User } from "../users.js";

export interface PasskeyRow {
  /** The credential id, base64url. */
  readonly id: string;
  readonly userId: string;
  /** A public JWK. */
  readonly publicKey: Readonly<Record<string, unknown>>;
  /** COSE. */
  readonly alg: number;
  readonly signCount: number;
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  /** The registration or a later use has verified the user. */
  readonly userVerified: boolean;
  /** The authenticator offers it without being asked for its id. Undefined if the browser did not state it. */
  readonly discoverable: boolean | undefined;
  readonly transports: readonly string[];
  readonly aaguid: string;
  /** The relying party. */
  readonly rp: string;
  readonly name: string;
  readonly createdAt: number;
  readonly usedAt: number | undefined;
  /**
   * The user handle that another system has given to this passkey alone. Empty: unknown. Undefined: that of the
   * account.
   */
  readonly ownHandle?: string | undefined;
}

const columns = columnsOf(
  "id",
  "user_id",
  "public_key",
  "alg",
  "sign_count",
  "backup_eligible",
  "backed_up",
  "uv",
  "discoverable",
  "transports",
  "aaguid",
  "rp",
  "name",
  "created_at",
  "used_at",
  "own_handle",
  "added_by",
);

function passkeyOf(row: Row): PasskeyRow {
  const discoverable = row["discoverable"];
  const usedAt = row["used_at"];
  return {
    id: text(row, "id"),
    userId: text(row, "user_id"),
    publicKey: JSON.parse(text(row, "public_key")) as PasskeyRow["publicKey"],
    alg: integer(row, "alg"),
    signCount: integer(row, "sign_count"),
    backupEligible: integer(row, "backup_eligible") === 1,
    backedUp: integer(row, "backed_up") === 1,
    userVerified: integer(row, "uv") === 1,
    discoverable: discoverable === null ? undefined : discoverable === 1,
    transports: texts(row, "transports"),
    aaguid: text(row, "aaguid"),
    rp: text(row, "rp"),
    name: text(row, "name"),
    createdAt: integer(row, "created_at"),
    usedAt: usedAt === null ? undefined : integer(row, "used_at"),
    ownHandle: textOrNull(row, "own_handle") ?? undefined,
  };
}

export interface FoundPasskey {
  readonly passkey: PasskeyRow;
  /** The stored user. Undefined for a user of an application's own table. */
  readonly user: User | undefined;
  readonly account: AccountFactors & { readonly handle: string | null };
}

const selectWithUser = `select ${columns.joined("ampho_passkeys")}, ${accountColumnsOf("ampho_accounts")}, handle, ${joinedUserColumns}
  from ampho_passkeys
  left join ampho_accounts on ampho_accounts.user_id = ampho_passkeys.user_id
  left join ampho_users on ampho_users.id = ampho_passkeys.user_id and ${visible}
  where ampho_passkeys.id = ?`;

/** One statement: the passkey with its user and the account. */
export function* findPasskey(id: string): Transaction<FoundPasskey | undefined> {
  const row = yield* queryLastRow(selectWithUser, [id]);
  return (
    row && {
      passkey: passkeyOf(row),
      user: joinedUserOf(row),
      account: { ...accountOf(row), handle: textOrNull(row, "handle") },
    }
  );
}

export interface PasskeyList {
  readonly passkeys: readonly PasskeyRow[];
  readonly handle: string | null;
}

const listed = `select ${columns.joined("ampho_passkeys", "of_")}, handle
  from (select cast(? as text) as user_id) as asked
  left join ampho_accounts on ampho_accounts.user_id = asked.user_id
  left join ampho_passkeys on ampho_passkeys.user_id = asked.user_id`;

export function* listPasskeys(userId: string): Transaction<PasskeyList> {
  const rows = yield* queryLast(listed, [userId]);
  const handle = rows[0] === undefined ? null : textOrNull(rows[0], "handle");
  // At most 20, the oldest first. The one row of an account without passkeys has none.
  const passkeys = rows.filter((row) => row["of_id"] !== null).map((row) => passkeyOf(withoutPrefix(row)));
  return { passkeys: passkeys.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)), handle };
}

const withoutPrefix = (row: Row): Row =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name.replace(/^of_/, ""), value]));

export type NewPasskeyRow = Omit<PasskeyRow, "userId" | "createdAt" | "usedAt">;

export const passkeysMax = 20;

const insert = `insert into ampho_passkeys (${columns.list}) values (${columns.placeholders})
  on conflict (id) do nothing returning id`;

/**
 * False: the account has 20 passkeys, or an account has this credential id. The caller holds the lock of the sessions.
 */
export function* insertPasskey(
  userId: string,
  passkey: NewPasskeyRow,
  now: number,
  addedBy: string | undefined,
): Transaction<boolean> {
  const count = yield* first("select count(*) as passkeys from ampho_passkeys where user_id = ?", [userId]);
  if (count && integer(count, "passkeys") >= passkeysMax) return false;
  const values = columns.values({
    id: passkey.id,
    user_id: userId,
    public_key: JSON.stringify(passkey.publicKey),
    alg: passkey.alg,
    sign_count: passkey.signCount,
    backup_eligible: passkey.backupEligible ? 1 : 0,
    backed_up: passkey.backedUp ? 1 : 0,
    uv: passkey.userVerified ? 1 : 0,
    discoverable: passkey.discoverable === undefined ? null : passkey.discoverable ? 1 : 0,
    transports: JSON.stringify(passkey.transports),
    aaguid: passkey.aaguid,
    rp: passkey.rp,
    name: passkey.name,
    created_at: now,
    used_at: null,
    own_handle: passkey.ownHandle ?? null,
    added_by: addedBy ?? null,
  });
  return (yield* first(insert, values)) !== undefined;
}

export function* isPasskeyTaken(id: string): Transaction<boolean> {
  return (yield* first("select id from ampho_passkeys where id = ?", [id])) !== undefined;
}

export function* hasPasskey(userId: string, id: string): Transaction<boolean> {
  return (yield* first("select id from ampho_passkeys where id = ? and user_id = ?", [id, userId])) !== undefined;
}

/** Returns false unless the user has this passkey. */
export function* renamePasskey(input: {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
}): Transaction<boolean> {
  const row = yield* first("update ampho_passkeys set name = ? where id = ? and user_id = ? returning id", [
    input.name,
    input.id,
    input.userId,
  ]);
  return row !== undefined;
}

export function* passkeyIdsOf(userId: string): Transaction<readonly string[]> {
  const rows = yield* query("select id from ampho_passkeys where user_id = ?", [userId]);
  return rows.map((row) => text(row, "id"));
}

/**
 * True if the user has a passkey that can sign in alone: it verifies the user, and the browser offers it without its
 * id.
 */
export function* hasLoginPasskey(userId: string, rp: string, except = ""): Transaction<boolean> {
  const row = yield* first(
    `select id from ampho_passkeys
     where user_id = ? and rp = ? and id <> ? and uv = 1 and coalesce(discoverable, 1) = 1 limit 1`,
    [userId, rp, except],
  );
  return row !== undefined;
}

/** Deletes one passkey of the user. Without an id, deletes all. */
export function* deletePasskeys(userId: string, id?: string): Transaction<void> {
  if (id === undefined) yield* write("delete from ampho_passkeys where user_id = ?", [userId]);
  else yield* write("delete from ampho_passkeys where user_id = ? and id = ?", [userId, id]);
}

export interface PasskeyTouch {
  readonly factor: "passkey";
  readonly id: string;
  /** The counter that the caller has read. Of two assertions with one counter only one is accepted. */
  readonly seenCount: number;
  readonly signCount: number;
  readonly backedUp: boolean;
  readonly userVerified: boolean;
}

export function* usePasskey(userId: string, use: PasskeyTouch, now: number): Transaction<boolean> {
  const row = yield* first(
    `update ampho_passkeys set sign_count = ?, backed_up = ?, uv = case when uv = 1 then 1 else ? end, used_at = ?
     where id = ? and user_id = ? and sign_count = ? returning id`,
    [use.signCount, use.backedUp ? 1 : 0, use.userVerified ? 1 : 0, now, use.id, userId, use.seenCount],
  );
  return row !== undefined;
}

/** Sets the user handle, which all passkeys of the account have. The account has a row. */
export function* writeHandle(userId: string, handle: string): Transaction<void> {
  yield* write("update ampho_accounts set handle = ? where user_id = ?", [handle, userId]);
}
