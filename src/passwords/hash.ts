// The form of passwords and of their argon2id hashes (RFC 9106), which argon2.ts computes. A hash is a PHC string. Its
// cost is the one of OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
import { invalidRequest, type PasswordProblemReason } from "../errors.js";

export const passwordMaxCharacters = 1024;

/** The parameters of new hashes. */
export const argon2Today = { memoryKib: 19456, passes: 2, lanes: 1, saltBytes: 16, outputBytes: 32 };

export const currentFormat = "argon2id";
const todaysPrefix = `$${currentFormat}$v=19$m=${argon2Today.memoryKib},t=${argon2Today.passes},p=${argon2Today.lanes}$`;
const [saltCharacters, outputCharacters] = [22, 43];

// The limits of a stored hash, because the author of an imported row chooses the cost of each login with it. 256 MiB is
// the "moderate" profile of libsodium, the most expensive in use. Passes times memory limits the time to some 0.4 s.
const argon2Limits = { memoryKib: 262_144, passes: 64, lanes: 16, memoryKibTimesPasses: 1_048_576 };

/** The parameters of a stored argon2 hash. */
interface Argon2Parameters {
  readonly type: "argon2id" | "argon2i" | "argon2d";
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

// Version 19 only: 16 is from before RFC 9106, and weaker. At least 8 bytes of salt and 12 of output.
const argon2Phc =
  /^\$(argon2id|argon2i|argon2d)\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,2})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}$/;

/** Reads a stored argon2 hash. Undefined for another text, and for parameters beyond the limits. Does no work. */
export function parseArgon2(stored: string): Argon2Parameters | undefined {
  const [, type, m, t, p] = argon2Phc.exec(stored) ?? [];
  if (type !== "argon2id" && type !== "argon2i" && type !== "argon2d") return undefined;
  const [memoryKib, passes, lanes] = [Number(m), Number(t), Number(p)];
  if (memoryKib > argon2Limits.memoryKib || passes > argon2Limits.passes || lanes > argon2Limits.lanes)
    return undefined;
  if (memoryKib * passes > argon2Limits.memoryKibTimesPasses || memoryKib < 8 * lanes) return undefined;
  return { type, memoryKib, passes, lanes };
}

/**
 * Returns whether a stored hash has another format or other parameters than `hashPassword` uses now. The next correct
 * login is then the chance to replace it. docs/guides/own-users.md shows this for an application's own table. Does no
 * work.
 * @example if (needsRehash(hash)) row.passwordHash = await hashPassword(password);
 */
export function needsRehash(stored: string): boolean {
  if (typeof stored !== "string") throw new TypeError("The stored hash of a password must be a string.");
  const length = todaysPrefix.length + saltCharacters + 1 + outputCharacters;
  return !stored.startsWith(todaysPrefix) || stored.length !== length || parseArgon2(stored) === undefined;
}

export interface PasswordProblem {
  readonly reason: PasswordProblemReason;
  /** The number of characters that the rule allows. */
  readonly limit?: number;
  /** For people, without the password. It states how to fix the problem. */
  readonly message: string;
}

const invalidCharacters: PasswordProblem = {
  reason: "invalid_characters",
  message: "This password is not well-formed Unicode text. Use a password without broken characters.",
};
export const tooLong: PasswordProblem = {
  reason: "too_long",
  limit: passwordMaxCharacters,
  message: `This password is too long. Use at most ${passwordMaxCharacters} characters.`,
};

/** Why a text cannot be a password of any account, undefined when it can. */
export function checkPasswordText(password: string): PasswordProblem | undefined {
  // A caller in JavaScript can pass a value that is no string. A lone surrogate has no UTF-8, so that different
  // passwords would become the same bytes.
  if (typeof password !== "string" || /\p{Surrogate}/u.test(password)) return invalidCharacters;
  // The cheap test comes first: a code point takes at most two UTF-16 units.
  if (password.length > 2 * passwordMaxCharacters || [...password].length > passwordMaxCharacters) return tooLong;
  return undefined;
}

/** Throws `invalid_request` for what `checkPasswordText` rejects. */
export function requirePasswordText(password: string): void {
  const problem = checkPasswordText(password);
  if (problem !== undefined) throw invalidRequest(problem.message);
}

/** The one form of a password that is hashed and counted: an accent typed on another keyboard is the same accent. */
export const normalizePassword = (password: string): string => password.normalize("NFC");

// No password has these zero bytes for its output, and finding that out costs what a real verification does.
export const hashOfNothing = `${todaysPrefix}${"A".repeat(saltCharacters)}$${"A".repeat(outputCharacters)}`;
