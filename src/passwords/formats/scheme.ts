// The result of every reader of stored hashes, and their shared limits, comparison, and the two KDFs of node:crypto.
import { pbkdf2Sync, scryptSync } from "node:crypto";
import { equalBytes } from "../../crypto/equal.js";

/** A stored hash that can be verified. Its form is right, and its cost is within the limits. */
export interface StoredHash {
  /** The name that reports of the import show, such as `bcrypt` or `django-pbkdf2-sha256`. */
  readonly format: string;
  /** Returns whether this exact text is the password. Blocks for as long as the format takes. */
  verify(text: string): boolean;
}

/** The reason why a stored hash is never verified. It is a sentence for people and does not contain the hash. */
export interface HashRejection {
  readonly reason: string;
}

/** Returns undefined for a spelling that is not its own. */
export type HashReader = (stored: string) => StoredHash | HashRejection | undefined;

/**
 * A reader of one form. `read` gets the groups of `form`. A text with another form is malformed if it has this
 * beginning, and another format otherwise.
 */
export const readerOf =
  (beginning: string | undefined, form: RegExp, read: (...groups: string[]) => ReturnType<HashReader>): HashReader =>
  (stored) => {
    const match = form.exec(stored);
    if (match !== null) return read(...match.slice(1));
    return beginning !== undefined && stored.startsWith(beginning) ? malformed : undefined;
  };

/** Where a format is known, formats.ts names it. */
export const malformed: HashRejection = { reason: "The hash does not have the form of its format." };
export const tooCostly: HashRejection = { reason: "The hash requires more memory or time than the limit." };
export const unusable: HashRejection = { reason: "The hash marks an account without a usable password." };

// The author of an imported row chooses the cost of each login with it. These limits are about two seconds of one core.
// The costs in use are well below. Django 6 uses 1.2 million rounds of PBKDF2, passlib 656 000 of sha512-crypt, and
// OWASP recommends 2^17 blocks of scrypt.
const limits = {
  /** A round of SHA-384 or SHA-512 counts twice, because it takes more than twice as long. */
  pbkdf2Rounds: 5_000_000,
  scryptBytes: 256 * 2 ** 20,
  scryptWork: 2 ** 22,
  scryptLanes: 64,
  /** Rounds of a plain digest. */
  digestRounds: 2 ** 20,
  /** Rounds times the bytes that each round hashes. They grow with the password. */
  digestBytes: 400_000_000,
};

export const digestRoundsMax = limits.digestRounds;

/** False for a password so long that the rounds would take too long: the cost of these formats grows with it. */
export const affordsDigests = (rounds: number, passwordBytes: number): boolean =>
  rounds * (128 + 2 * passwordBytes) <= limits.digestBytes;

// A shorter output could match by chance, or was cut off.
// passport-local-mongoose stores 512 bytes.
const outputBytes = { min: 16, max: 512 };
const inRange = ({ length }: Buffer): boolean => length >= outputBytes.min && length <= outputBytes.max;

export const digestBytes = { md5: 16, sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 } as const;
type Digest = keyof typeof digestBytes;

export const isDigest = (name: string): name is Digest => Object.hasOwn(digestBytes, name);

/** PBKDF2 (RFC 8018 section 5.2) with the parameters of a stored hash. */
export function pbkdf2Hash(
  format: string,
  digest: string,
  rounds: string | number,
  salt: string | Uint8Array,
  output: Buffer,
): StoredHash | HashRejection {
  const count = Number(rounds);
  if (!isDigest(digest) || !inRange(output) || salt.length === 0) return malformed;
  if (!Number.isSafeInteger(count) || count < 1) return malformed;
  const perRound = Math.ceil(output.length / digestBytes[digest]) * (digestBytes[digest] > 32 ? 2 : 1);
  if (count * perRound > limits.pbkdf2Rounds) return tooCostly;
  return { format, verify: (text) => equalBytes(pbkdf2Sync(text, salt, count, output.length, digest), output) };
}

export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** The reason why scrypt (RFC 7914) is not run at this cost, or undefined. */
export function checkScrypt({ n, r, p }: ScryptCost): HashRejection | undefined {
  // RFC 7914 §2: N is less than 2^(128 * r / 8). OpenSSL throws for any other, so each login with it would fail.
  if (![n, r, p].every((value) => value >= 1) || n < 2 || (r === 1 && n >= 65_536)) return malformed;
  if (128 * n * r > limits.scryptBytes || n * r * p > limits.scryptWork || p > limits.scryptLanes) return tooCostly;
  return Number.isInteger(Math.log2(n)) ? undefined : malformed;
}

export function scrypt(text: string, salt: string | Uint8Array, length: number, { n, r, p }: ScryptCost): Buffer {
  // OpenSSL counts the large table, the blocks, and two blocks to work in.
  const maxmem = 128 * r * (n + p + 2);
  return scryptSync(text, salt, length, { N: n, r, p, maxmem });
}

/** scrypt with the parameters of a stored hash. */
export function scryptHash(
  format: string,
  cost: ScryptCost,
  salt: string | Uint8Array,
  output: Buffer,
): StoredHash | HashRejection {
  if (!inRange(output) || salt.length === 0) return malformed;
  const verify = (text: string) => equalBytes(scrypt(text, salt, output.length, cost), output);
  return checkScrypt(cost) ?? { format, verify };
}
