// Used login transactions. A transaction of factors/transactions.ts has no row until it is used. One insert uses it up,
// so that of many requests exactly one has its effect. The row remembers what it bought, for a lost response.
import { isRecent } from "../../../clock.js";
import { skewMaxSeconds } from "../../../throttle/attempt-counter.js";
import { counterKinds } from "../../../throttle/counter-kinds.js";
import { integer, textOrNull } from "../../rows.js";
import { ask, exists, first, queryLastRow, type Transaction, write } from "../../transaction.js";
import type { TokenSession } from "./sessions.js";

export interface Spending {
  /** SHA-256 of the transaction's `jti`, base64url. */
  readonly hash: string;
  /** The row is kept until then: no process accepts the transaction any more. */
  readonly until: number;
  /** SHA-256 of the idempotency key and the proof, base64url, if the client sent a key. */
  readonly idempotency: string | undefined;
  /** The counter of the wrong second factors of the transaction. At its limit the transaction is over. */
  readonly counter?: string | undefined;
}

/** True for a counter of attempts that allows no more. */
const isFull = `select 1 from ampho_attempts where key = ? and streak >= ${counterKinds.transaction.lockAfter}`;
const insert = `insert into ampho_spent (hash, until, at, idempotency)
  select cast(? as text), cast(? as bigint), cast(? as bigint), cast(? as text) where not exists (${isFull})
  on conflict (hash) do nothing returning hash`;

/** False: the transaction was used before, or too many of its proofs were wrong. */
export const spend = ({ hash, until, idempotency, counter }: Spending, now: number): Transaction<boolean> =>
  exists(insert, [hash, until, now, idempotency ?? null, counter ?? null]);

const isSpent = "select 1 from ampho_spent where hash = ?";

/** Reads whether the transaction was used. Deferred, so that it costs no round trip. */
export const sendIsSpent = (hash: string): Transaction<() => Transaction<boolean>> =>
  ask(isSpent, [hash], (row) => row !== undefined);

/** Returns whether the transaction was used, or too many of its proofs were wrong. */
export function* isTransactionOver(input: {
  readonly hash: string;
  /** The counters of its wrong proofs. */
  readonly counters: readonly [factors: string, codes: string];
}): Transaction<boolean> {
  const sql = `${isSpent} union all ${isFull} union all ${isFull}`;
  return (yield* queryLastRow(sql, [input.hash, ...input.counters])) !== undefined;
}

/** Makes the transaction usable again, in the same store transaction. */
export const unspend = ({ hash }: Spending): Transaction<void> =>
  write("delete from ampho_spent where hash = ?", [hash]);

export const recordBought = ({ hash }: Spending, sessionId: string, gen: number): Transaction<void> =>
  write("update ampho_spent set bought = ?, gen = ? where hash = ?", [sessionId, gen, hash]);

/** How long a lost response is returned again, as at a renewal with an idempotency key. */
const repeatSeconds = 60;

/** Returns what the transaction bought, for the client that used it and sends its proof again. */
export function* findBought(
  { hash, idempotency }: Pick<Spending, "hash" | "idempotency">,
  now: number,
): Transaction<TokenSession | undefined> {
  if (idempotency === undefined) return undefined;
  const row = yield* first("select at, bought, gen, idempotency from ampho_spent where hash = ?", [hash]);
  const sessionId = row && textOrNull(row, "bought");
  if (!row || !sessionId || row["idempotency"] !== idempotency) return undefined;
  const isLost = isRecent(integer(row, "at"), repeatSeconds, now, skewMaxSeconds);
  return isLost ? { sessionId, gen: integer(row, "gen") } : undefined;
}
