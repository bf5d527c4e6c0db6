// Computes argon2 hashes. The calls block their thread for a hash's time, so only the threads of pool.ts load the
// library.
import { hashSync, verifySync } from "@node-rs/argon2";
import { argon2Today, normalizePassword, requirePasswordText } from "./hash.js";

/** A new hash with a salt of its own. Blocks. Throws `invalid_request` for what `checkPasswordText` rejects. */
export function hashPasswordSync(password: string): string {
  requirePasswordText(password);
  const { memoryKib, passes, lanes, outputBytes } = argon2Today;
  // The library's defaults are argon2id, version 19 and 16 random bytes of salt. The tests check them.
  return hashSync(normalizePassword(password), {
    memoryCost: memoryKib,
    timeCost: passes,
    parallelism: lanes,
    outputLen: outputBytes,
  });
}

/** Returns whether this exact text is the password of a hash that `parseArgon2` has read. Blocks. */
export function verifyArgon2Sync(stored: string, text: string): boolean {
  try {
    return verifySync(stored, text);
  } catch {
    // The form and the limits are right, but the library rejects it (a stray bit in the base64). No password fits.
    return false;
  }
}
