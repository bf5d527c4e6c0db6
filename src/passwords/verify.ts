// Whether a password is the one of a stored hash, whatever wrote the hash. Blocks: only hash-worker.ts calls it.

import { readHash } from "./formats/formats.js";
import { hashOfNothing, normalizePassword, verifyArgon2Sync } from "./hash.js";

/** The forms of a password that are tried. How many they are depends on who types, never on who is meant. */
export function passwordTexts(password: string): readonly string[] {
  return [...new Set([normalizePassword(password), password])];
}

/**
 * Hashes are compared with the password after NFC and, since other systems hashed what was typed, also as typed.
 * Without a hash, or with one that is refused, as much work is done as for a hash of today, and the answer is false:
 * time must not tell whether a user or a password is there.
 */
export function verifyPasswordSync(stored: string | undefined, password: string): boolean {
  const texts = passwordTexts(password);
  const reading = stored === undefined ? undefined : readHash(stored);
  if (reading !== undefined && "verify" in reading) return texts.some((text) => reading.verify(text));
  for (const text of texts) verifyArgon2Sync(hashOfNothing, text);
  return false;
}
