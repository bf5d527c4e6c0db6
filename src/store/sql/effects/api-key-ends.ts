// The ends of API keys: the revocation of a key, and the lock for the end of all.
import { leewayMaxSeconds, transactionTtlSeconds } from "../../../clock.js";
import { advisoryLock, type Transaction } from "../../transaction.js";
import type { NewRevocation } from "../rows/revocations.js";

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
