// `hashPassword`, `verifyPassword` and `needsRehash` for applications that keep their own user table.
export { needsRehash } from "./hash.js";

import { createPasswordPool, type PasswordPool } from "./pool.js";

let shared: PasswordPool | undefined;

// Made at the first call: importing starts nothing, and its idle threads keep no process alive, so it needs no close.
function pool(): PasswordPool {
  shared ??= createPasswordPool();
  return shared;
}

/**
 * An argon2id hash of the password after NFC, as a PHC string of 97 characters, computed off the event loop.
 * Rejects with AmphoError `invalid_request` (more than 1024 characters, or ill-formed Unicode), `overloaded`, `unavailable`.
 * It holds new passwords to no policy.
 */
export function hashPassword(password: string): Promise<string> {
  return pool().hash(password);
}

/**
 * Whether the password is the one of a stored hash, which comes first (bcrypt's `compare` has it the other way round), in any
 * form of docs/importing.md. With `undefined` or `null` (no such user, none of their own) it takes as long, and is false.
 * A hash that is malformed, or asks for more memory or time than is ever given, is nobody's: false.
 * Rejects with AmphoError `overloaded`, `unavailable`, and with TypeError for a hash that is no text.
 */
export async function verifyPassword(hash: string | null | undefined, password: string): Promise<boolean> {
  // Some drivers give bytes, and JavaScript anything.
  if (hash !== undefined && hash !== null && typeof hash !== "string")
    throw new TypeError("the stored hash of a password must be a string, or undefined where there is none");
  return pool().verify(hash ?? undefined, password);
}
