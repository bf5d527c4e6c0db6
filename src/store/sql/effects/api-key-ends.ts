// The ends of API keys: the revocation of a key, and the keys that a change of their account ends.
import { leewayMaxSeconds, transactionTtlSeconds } from "../../../clock.js";
import { text } from "../../rows.js";
import { advisoryLock, query, type Transaction } from "../../transaction.js";
import { recordAudit } from "../rows/audit.js";
import type { NewRevocation, NewRevocations } from "../rows/revocations.js";
import { type Additions, whichOf } from "./added.js";

/**
 * How long a process uses what it has read of a key. Every revocation is in force for longer, and so meets each entry.
 */
export const apiKeyCacheSeconds = transactionTtlSeconds;

/** Ids of keys begin with it, and no id of a session does. */
export const apiKeyIdPrefix = "key_";

/** First where a key is created (`isShared`), or every key ends: a delete sees no key that is created meanwhile. */
export const lockApiKeys = (options?: { readonly isShared: boolean }): Transaction<void> =>
  advisoryLock("api_keys", options);

/** It has the form of a session's, which every verifier knows. `gen`: only what was read of older generations. */
export function apiKeyRevocation(id: string, now: number, gen?: number): NewRevocation {
  const until = now + apiKeyCacheSeconds + leewayMaxSeconds;
  return { kind: "session", at: now, until, sessionId: id, ...(gen !== undefined && { gen }) };
}

/** The ids of the ended keys in one row of the audit log. */
const recordedMax = 100;

/** Ends the keys that a change ends, before the sessions end. The caller writes the revocations. */
export function* endApiKeys(input: Additions): Transaction<NewRevocations> {
  const { userId, login, now, origin, fates, reason } = input;
  const which = fates.apiKey === "all" ? { sql: "1 = 1", parameters: [] } : whichOf(fates.apiKey, "apiKey", input);
  if (which === undefined) return [];
  const sql = `delete from ampho_api_keys where user_id = ? and ${which.sql} returning id`;
  const rows = yield* query(sql, [userId, ...which.parameters]);
  const ids = rows.map((row) => text(row, "id"));
  if (ids.length === 0) return [];
  const detail = { count: ids.length, api_keys: ids.slice(0, recordedMax) };
  yield* recordAudit({ at: now, event: "api_key_removed", reason, userId, login, origin, detail });
  return ids.map((id) => apiKeyRevocation(id, now));
}
