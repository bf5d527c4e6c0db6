// The idempotency key of a request, as the database knows it.
import { createHash } from "node:crypto";

/**
 * The key of a request with a code that is used up: the repetition must send the same code, which cannot be checked again.
 */
export function keyWith(idempotencyKey: string | undefined, ...sent: readonly (string | undefined)[]) {
  return idempotencyKey === undefined ? undefined : JSON.stringify([idempotencyKey, ...sent]);
}

export function digestOf(idempotencyKey: string): string {
  return createHash("sha256").update(idempotencyKey).digest("base64url");
}
