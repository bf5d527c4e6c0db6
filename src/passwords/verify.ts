// Verifies a password with a stored hash of any format. It blocks, so only hash-worker.ts calls it.

import { readHash } from "./formats/formats.js";
import { hashOfNothing, normalizePassword, verifyArgon2Sync } from "./hash.js";

/** The forms of a password that are tried. How many they are depends on who types, never on who is meant. */
export function passwordTexts(password: string): readonly string[] {
  return [...new Set([normalizePassword(password), password])];
}

/**
 * A hash is compared with the password after NFC, and also as typed, because other systems hash it as typed. Without a hash,
 * or with a rejected one, it does the work of a current hash and returns false. So the time does not show whether a user or
 * a password exists.
 */
export function verifyPasswordSync(stored: string | undefined, password: string): boolean {
  const texts = passwordTexts(password);
  const reading = stored === undefined ? undefined : readHash(stored);
  if (reading !== undefined && "verify" in reading) return texts.some((text) => reading.verify(text));
  for (const text of texts) verifyArgon2Sync(hashOfNothing, text);
  return false;
}
