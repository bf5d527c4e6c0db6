// Passkeys (WebAuthn L3 §7). Every statement that changes one names its user.
import { text, textOrNull } from "../../rows.js";
import { count, exists, query, queryLast, queryLastRow, type Transaction, write } from "../../transaction.js";
import { visible } from "../rows/import-rows.js";
import { type AccountFactors, accountIn, accounts } from "../rows/state.js";
import { asFlag, asInteger, asJson, asText, asTexts, named, orUndefined, type RowOf, tableOf } from "../rows/table.js";
import { joinedUserColumns, joinedUserOf, type User } from "../rows/users.js";

const fields = {
  /** The credential id, base64url. */
  id: asText,
  userId: asText,
  /** A public JWK. */
  publicKey: asJson<Readonly<Record<string, unknown>>>(),
  /** COSE. */
  alg: asInteger,
  signCount: asInteger,
  backupEligible: asFlag,
  backedUp: asFlag,
  /** The registration or a later use has verified the user. */
  userVerified: named("uv", asFlag),
  /** The authenticator offers it without being asked for its id. Undefined if the browser did not state it. */
  discoverable: orUndefined(asFlag),
  transports: asTexts,
  aaguid: asText,
  /** The relying party. */
  rp: asText,
  name: asText,
  createdAt: asInteger,
  usedAt: orUndefined(asInteger),
  /** The user handle of this passkey alone, from another system. Empty: unknown. Undefined: that of the account. */
  ownHandle: orUndefined(asText),
};
const passkeys = tableOf("ampho_passkeys", fields);
export type PasskeyRow = RowOf<typeof passkeys>;

export interface FoundPasskey {
  readonly passkey: PasskeyRow;
  /** The stored user. Undefined for a user of an application's own table. */
  readonly user: User | undefined;
  readonly account: AccountFactors & { readonly handle: string | null };
}

const selectWithUser = `select ${passkeys.joined()}, ${accounts.joined()}, handle, ${joinedUserColumns}
  from ampho_passkeys
  left join ampho_accounts on ampho_accounts.user_id = ampho_passkeys.user_id
  left join ampho_users on ampho_users.id = ampho_passkeys.user_id and ${visible}
  where ampho_passkeys.id = ?`;

/** One statement: the passkey with its user and the account. */
export function* findPasskey(id: string): Transaction<FoundPasskey | undefined> {
  const row = yield* queryLastRow(selectWithUser, [id]);
  return (
    row && {
      passkey: passkeys.of(row),
      user: joinedUserOf(row),
      account: { ...accountIn(row), handle: textOrNull(row, "handle") },
    }
  );
}

const listed = `select ${passkeys.joined("of_")}, handle
  from (select cast(? as text) as user_id) as asked
  left join ampho_accounts on ampho_accounts.user_id = asked.user_id
  left join ampho_passkeys on ampho_passkeys.user_id = asked.user_id`;

export interface PasskeyList {
  readonly passkeys: readonly PasskeyRow[];
  readonly handle: string | null;
}

export function* listPasskeys(userId: string): Transaction<PasskeyList> {
  const rows = yield* queryLast(listed, [userId]);
  const handle = rows[0] === undefined ? null : textOrNull(rows[0], "handle");
  // At most 20, the oldest first. The one row of an account without passkeys has none.
  const list = rows.flatMap((row) => passkeys.joinedOf(row, "of_") ?? []);
  return { passkeys: list.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)), handle };
}

export type NewPasskeyRow = Omit<PasskeyRow, "userId" | "createdAt" | "usedAt">;

export const passkeysMax = 20;

const newPasskeys = tableOf("ampho_passkeys", { ...fields, addedBy: orUndefined(asText) });
const insert = `${newPasskeys.insert} on conflict (id) do nothing returning id`;

/** False: it has 20 passkeys, or an account has this credential id. The caller holds the lock of the sessions. */
export function* insertPasskey(
  userId: string,
  passkey: NewPasskeyRow,
  now: number,
  addedBy: string | undefined,
): Transaction<boolean> {
  const had = yield* count("select count(*) from ampho_passkeys where user_id = ?", [userId]);
  if (had >= passkeysMax) return false;
  return yield* exists(insert, newPasskeys.values({ ...passkey, userId, createdAt: now, usedAt: undefined, addedBy }));
}

export const isPasskeyTaken = (id: string): Transaction<boolean> =>
  exists("select id from ampho_passkeys where id = ?", [id]);

/** Returns false unless the user has this passkey. */
export const renamePasskey = ({ id, userId, name }: Pick<PasskeyRow, "id" | "userId" | "name">): Transaction<boolean> =>
  exists("update ampho_passkeys set name = ? where id = ? and user_id = ? returning id", [name, id, userId]);

export function* passkeyIdsOf(userId: string): Transaction<readonly string[]> {
  const rows = yield* query("select id from ampho_passkeys where user_id = ?", [userId]);
  return rows.map((row) => text(row, "id"));
}

/** True if a passkey of the user signs in alone: it verifies the user, and the browser offers it without an id. */
export const hasLoginPasskey = (userId: string, rp: string, except = ""): Transaction<boolean> =>
  exists(
    `select id from ampho_passkeys
     where user_id = ? and rp = ? and id <> ? and uv = 1 and coalesce(discoverable, 1) = 1 limit 1`,
    [userId, rp, except],
  );

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

export const usePasskey = (userId: string, use: PasskeyTouch, now: number): Transaction<boolean> =>
  exists(
    `update ampho_passkeys set sign_count = ?, backed_up = ?, uv = case when uv = 1 then 1 else ? end, used_at = ?
     where id = ? and user_id = ? and sign_count = ? returning id`,
    [use.signCount, use.backedUp ? 1 : 0, use.userVerified ? 1 : 0, now, use.id, userId, use.seenCount],
  );

/** Sets the user handle, which all passkeys of the account have. The account has a row. */
export const writeHandle = (userId: string, handle: string): Transaction<void> =>
  write("update ampho_accounts set handle = ? where user_id = ?", [handle, userId]);
