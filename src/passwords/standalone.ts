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
 * Resolves to whether the password fits a stored hash in any form of docs/importing.md. The hash comes first, while the
 * `compare` of bcrypt has it second. For `undefined` or `null` (no user, or no password) it is false after the usual time.
 * It is also false for a hash that is malformed or too expensive.
 * Rejects with AmphoError `overloaded`, `unavailable`, and with TypeError for a hash that is no string.
 */
export async function verifyPassword(hash: string | null | undefined, password: string): Promise<boolean> {
  // Some drivers give bytes, and JavaScript anything.
  if (hash !== undefined && hash !== null && typeof hash !== "string")
    throw new TypeError("the stored hash of a password must be a string, or undefined where there is none");
  return pool().verify(hash ?? undefined, password);
}
