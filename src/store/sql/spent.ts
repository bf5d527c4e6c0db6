// Used transactions. A transaction of factors/transactions.ts has no row until it is used. One insert uses it up, so that of
// many requests exactly one has its effect. The row remembers what it bought, for a client that lost the response.
import { isRecent } from "../../clock.js";
import { skewMaxSeconds } from "../../throttle/clock-skew.js";
import { first, integer, type Transaction, textOrNull, write } from "../transaction.js";
import { columnsOf } from "./columns.js";

export interface Spending {
  /** SHA-256 of the transaction's `jti`, base64url. */
  readonly hash: string;
  /** The row is kept until then: no process accepts the transaction any more. */
  readonly until: number;
  /** SHA-256 of the idempotency key, base64url, if the client sent one. */
  readonly idempotency: string | undefined;
}

const columns = columnsOf("hash", "until", "at", "idempotency");
const insert = `insert into ampho_spent (${columns.list}) values (${columns.placeholders})
  on conflict (hash) do nothing returning hash`;

/** False: the transaction was used before. */
export function* spend({ hash, until, idempotency }: Spending, now: number): Transaction<boolean> {
  const row = yield* first(insert, columns.values({ hash, until, at: now, idempotency: idempotency ?? null }));
  return row !== undefined;
}

/** Makes the transaction usable again, in the same store transaction. */
export function* unspend({ hash }: Spending): Transaction<void> {
  yield* write("delete from ampho_spent where hash = ?", [hash]);
}

export function* recordBought({ hash }: Spending, sessionId: string, gen: number): Transaction<void> {
  yield* write("update ampho_spent set bought = ?, gen = ? where hash = ?", [sessionId, gen, hash]);
}

/** How long a lost response is returned again, as at a renewal with an idempotency key. */
const repeatSeconds = 60;

export interface Bought {
  readonly sessionId: string;
  readonly gen: number;
}

/** Returns what the transaction bought, for the client that used it. */
export function* findBought(
  { hash, idempotency }: Pick<Spending, "hash" | "idempotency">,
  now: number,
): Transaction<Bought | undefined> {
  if (idempotency === undefined) return undefined;
  const row = yield* first("select at, bought, gen, idempotency from ampho_spent where hash = ?", [hash]);
  const sessionId = row && textOrNull(row, "bought");
  if (!row || !sessionId || row["idempotency"] !== idempotency) return undefined;
  const isLost = isRecent(integer(row, "at"), repeatSeconds, now, skewMaxSeconds);
  return isLost ? { sessionId, gen: integer(row, "gen") } : undefined;
}
