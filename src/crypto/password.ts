// `hashPassword` and `verifyPassword` for applications that keep their own user table.
import { createPasswordPool, type PasswordPool } from "./password-pool.js";

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
 * form of docs/importing.md. With `undefined` (no such user) it takes as long, and is false.
 * A hash that is malformed, or asks for more memory or time than is ever given, is nobody's: false.
 * Rejects with AmphoError `overloaded`, `unavailable`.
 */
export function verifyPassword(hash: string | undefined, password: string): Promise<boolean> {
  return pool().verify(hash, password);
}
