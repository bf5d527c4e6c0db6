// A configured secret that is sent as a bearer token, compared in a time that does not show how much of it was right.
import { createHash, timingSafeEqual } from "node:crypto";

/** Binds the comparison to `secret`. Digests have one length, and their common prefix reveals nothing. */
export function createSecretMatch(secret: string): (sent: string) => boolean {
  const digest = digestOf(secret);
  return (sent) => timingSafeEqual(digestOf(sent), digest);
}

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();
