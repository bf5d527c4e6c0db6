// The idempotency key of a request, as the database knows it.
import { createHash } from "node:crypto";

/** For a renewal, whose token is its proof. */
export function digestOfKey(idempotencyKey: string | undefined): string | undefined {
  return idempotencyKey === undefined ? undefined : hash(idempotencyKey);
}

/**
 * The key together with the proof of its request. So the key alone is no credential, and the database holds nothing by which a
 * short code can be guessed. Undefined without a key or without a proof.
 */
export function digestOfProof(
  idempotencyKey: string | undefined,
  proof: Readonly<Record<string, unknown>>,
): string | undefined {
  if (idempotencyKey === undefined || Object.values(proof).every((sent) => sent === undefined)) return undefined;
  return hash(JSON.stringify([idempotencyKey, proof]));
}

const hash = (text: string) => createHash("sha256").update(text).digest("base64url");
