// `hashPassword`, `verifyPassword` and `needsRehash` for applications that keep their own user table.
export { needsRehash } from "./hash.js";

import { invalidRequest } from "../errors.js";
import { createPasswordPool, type PasswordPool } from "./pool.js";

let shared: PasswordPool | undefined;

// It is created at the first call, so an import starts nothing. Idle threads keep no process alive.
function pool(): PasswordPool {
  shared ??= createPasswordPool();
  return shared;
}

/**
 * Resolves to an argon2id hash of the password after NFC, as a PHC string of 97 characters. It is computed off the
 * event loop. No password policy applies. Rejects with AmphoError `invalid_request` (no string, more than 1024
 * characters, or ill-formed Unicode), `overloaded` or `unavailable`.
 * @example const hash = await hashPassword(password); // $argon2id$v=19$m=…
 */
export async function hashPassword(password: string): Promise<string> {
  if (typeof password !== "string") throw invalidRequest("The password must be a string.", "password");
  return pool().hash(password);
}

/**
 * Resolves to whether the password fits a stored hash in any form of docs/guides/importing.md. The hash comes first,
 * while the `compare` of bcrypt has it second. For `undefined` or `null` (no user, or no password) it is false after
 * the usual time. It is also false for a hash that is malformed or too expensive. Rejects with AmphoError `overloaded`,
 * `unavailable`, and with TypeError for a hash that is no string.
 * @example const isRight = await verifyPassword(row.passwordHash, password);
 */
export async function verifyPassword(hash: string | null | undefined, password: string): Promise<boolean> {
  // Some drivers give bytes, and JavaScript anything.
  if (hash !== undefined && hash !== null && typeof hash !== "string")
    throw new TypeError("The stored hash of a password must be a string, or undefined where there is none.");
  return pool().verify(hash ?? undefined, password);
}
