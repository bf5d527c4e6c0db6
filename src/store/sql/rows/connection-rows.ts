// Rows of connections: a user's consent to a client, and the session that the client holds by it. A connection is live
// while its code was redeemed, it has not ended, belongs to the current era, and `now < expires_at` (never past
// `ends_at`).
import { acrs } from "../../../levels/acr.js";
import { integer, type Row, text } from "../../rows.js";
import { count, query, queryLast, queryLastRow, type Transaction } from "../../transaction.js";
import { visible } from "./import-rows.js";
import { sessionKeptSeconds } from "./session-rows.js";
import { asInteger, asOneOf, asText, asTexts, orNull, orUndefined, type RowOf, tableOf } from "./table.js";
import { joinedUserColumns, joinedUserOf, type User } from "./users.js";

export const connections = tableOf("ampho_connections", {
  /** `{era}.{random}`, as the id of a session. */
  id: asText,
  userId: asText,
  /** The login in the tokens of the connection. */
  login: asText,
  /** The `client_id`. */
  client: asText,
  /** The `aud` of its tokens. Undefined: that of sessions. */
  resource: orUndefined(asText),
  /** Those that the user has given. */
  scopes: asTexts,
  how: asOneOf(["code"]),
  /** 0: the code was not redeemed yet. */
  gen: asInteger,
  /** The claim `gen` of its access tokens, which grows with each loss of rights. */
  rights: asInteger,
  /** The session in which the user gave consent. */
  addedBy: orUndefined(asText),
  createdAt: asInteger,
  /** How the user had signed in when giving consent. */
  authTime: asInteger,
  amr: asTexts,
  acr: asOneOf(acrs),
  /** When the current generation was created. */
  renewedAt: asInteger,
  /** It ends then if it is not renewed. */
  expiresAt: asInteger,
  /** It ends then in any case. */
  endsAt: asInteger,
  /** No access token that was issued for it has a later `exp`. */
  accessExpires: asInteger,
  /** The client of the request that created the current generation. */
  address: orNull(asText),
  agent: orNull(asText),
});
export type StoredConnection = RowOf<typeof connections>;

/** The number of its row, and the address at which an older token got the current one, until it renews. */
export const moves = tableOf("ampho_connections", { n: asInteger, sharedWith: orUndefined(asText) });

/** The code of a consent, and what it is bound to. */
export const codes = tableOf("ampho_connections", { codeHash: asText, challenge: asText, redirectUri: asText });
export type CodeBinding = RowOf<typeof codes>;

export const isOfEra = "era = (select era from ampho_state where id = 1)";

const own = "ampho_connections";
const isLive = `${own}.ended_at is null and ${own}.${isOfEra} and ${own}.expires_at > ?`;

/** Those of a user whose client has tokens, the newest first. */
export const listConnections = (input: {
  readonly userId: string;
  readonly now: number;
}): Transaction<readonly StoredConnection[]> =>
  connections.allLast(`where user_id = ? and gen > 0 and ${isLive} order by n desc`, [input.userId, input.now]);

/** Those of a client behind a number, the oldest first, at most `limit`. */
export function* listClientConnections(input: {
  readonly client: string;
  readonly after: number;
  readonly limit: number;
  readonly now: number;
}): Transaction<{ readonly connections: readonly StoredConnection[]; readonly next: number | undefined }> {
  const { client, after, limit, now } = input;
  const rows = yield* queryLast(
    `select ${connections.list}, n from ampho_connections
     where client = ? and n > ? and gen > 0 and ${isLive} order by n limit ?`,
    [client, after, now, limit],
  );
  const last = rows.at(-1);
  const next = last && rows.length === limit ? integer(last, "n") : undefined;
  return { connections: rows.map((row) => connections.of(row)), next };
}

/**
 * A live connection with its stored user, by its id, or by the code of one that waits for its client. One statement,
 * because a route with `live` runs it for each request.
 */
export function* findConnection(
  input: ({ readonly id: string } | { readonly codeHash: string }) & { readonly now: number },
): Transaction<{ readonly connection: StoredConnection; readonly user: User | undefined } | undefined> {
  const [which, value] = "id" in input ? ["id = ? and gen > 0", input.id] : ["code_hash = ?", input.codeHash];
  const row = yield* queryLastRow(
    `select ${connections.joined()}, ${joinedUserColumns} from ampho_connections
     left join ampho_users on ampho_users.id = ampho_connections.user_id and ${visible}
     where ampho_connections.${which} and ${isLive}`,
    [value, input.now],
  );
  return row && { connection: connections.of(row), user: joinedUserOf(row) };
}

/** How many consents of a user wait for their client. */
export const countBegun = (userId: string, now: number): Transaction<number> =>
  count(`select count(*) from ampho_connections where user_id = ? and gen = 0 and ${isLive}`, [userId, now]);

/** The live ones of a user beyond so many, those that were idle for longest. */
export function* findIdle(userId: string, keep: number, now: number): Transaction<readonly string[]> {
  const sql = `select id, n, renewed_at from ampho_connections where user_id = ? and gen > 0 and ${isLive}`;
  const newest = (a: Row, b: Row) =>
    integer(b, "renewed_at") - integer(a, "renewed_at") || integer(b, "n") - integer(a, "n");
  const rows = [...(yield* query(sql, [userId, now]))].sort(newest);
  return rows.slice(keep).map((row) => text(row, "id"));
}

/** The real time until which a row is kept. A consent without tokens is kept a day, for a code that is sent again. */
export const connectionKeptUntil = `case when ended_at is not null then delete_after
  when gen = 0 then expires_at + 86400
  when access_expires > expires_at then access_expires + ${sessionKeptSeconds}
  else expires_at + ${sessionKeptSeconds} end`;
