// The idempotency key of a request, as the database knows it.
import { createHash } from "node:crypto";

export function digestOf(idempotencyKey: string): string {
  return createHash("sha256").update(idempotencyKey).digest("base64url");
}
