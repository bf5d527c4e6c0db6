// The result of every reader of stored hashes, and their shared limits, comparison, and the two KDFs of node:crypto.
import { pbkdf2Sync, scryptSync, timingSafeEqual } from "node:crypto";

/** A stored hash that can be verified. Its form is right, and its cost is within the limits. */
export interface StoredHash {
  /** The name by which people count them, such as `bcrypt` or `django-pbkdf2-sha256`. */
  readonly format: string;
  /** Returns whether this exact text is the password. Blocks for as long as the format takes. */
  verify(text: string): boolean;
}

/** Why a stored hash is never verified, for people, without the hash. */
export interface HashRejection {
  readonly refused: string;
}

/** `undefined`: a spelling that another reader knows. */
export type HashReader = (stored: string) => StoredHash | HashRejection | undefined;

export const malformed: HashRejection = { refused: "The hash is not in the form of its kind." };
export const tooCostly: HashRejection = { refused: "The hash asks for more memory or time than is ever given." };
export const unusable: HashRejection = { refused: "The hash stands for no usable password." };

// The author of an imported row chooses the cost of each login with it. These limits are some two seconds of one core. The
// costs in use are well below. Django 6 uses 1.2 million rounds of PBKDF2, passlib 656 000 of sha512-crypt, and OWASP
// recommends 2^17 blocks of scrypt.
const limits = {
  pbkdf2Rounds: 5_000_000,
  scryptBytes: 256 * 2 ** 20,
  scryptWork: 2 ** 22,
  scryptLanes: 64,
  /** Rounds of a plain digest, times the bytes that each takes in (where the password's length is part of it). */
  digestRounds: 2 ** 20,
  digestBytes: 400_000_000,
};

export const digestRoundsMax = limits.digestRounds;

/** False for a password so long that the rounds would take too long: the cost of these formats grows with it. */
export function affordsDigests(rounds: number, passwordBytes: number): boolean {
  return rounds * (128 + 2 * passwordBytes) <= limits.digestBytes;
}

// A shorter output could be met by chance, or be a cut one.
const outputBytes = { min: 16, max: 128 };
const inRange = ({ length }: Buffer): boolean => length >= outputBytes.min && length <= outputBytes.max;

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

export const equalText = (a: string, b: string): boolean => equalBytes(Buffer.from(a), Buffer.from(b));

export const digestBytes = { md5: 16, sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 } as const;
export type Digest = keyof typeof digestBytes;

export function isDigest(name: string | undefined): name is Digest {
  return name !== undefined && Object.hasOwn(digestBytes, name);
}

interface Pbkdf2 {
  readonly digest: Digest;
  readonly rounds: number;
  readonly salt: string | Uint8Array;
  readonly output: Buffer;
}

/** PBKDF2 (RFC 8018 section 5.2) with the parameters of a stored hash. */
export function pbkdf2Hash(format: string, { digest, rounds, salt, output }: Pbkdf2): StoredHash | HashRejection {
  if (!inRange(output) || salt.length === 0 || !Number.isSafeInteger(rounds) || rounds < 1) return malformed;
  if (rounds * Math.ceil(output.length / digestBytes[digest]) > limits.pbkdf2Rounds) return tooCostly;
  return {
    format,
    verify: (text) => equalBytes(pbkdf2Sync(text, salt, rounds, output.length, digest), output),
  };
}

export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** Why scrypt (RFC 7914) is not run at this cost, or undefined. */
export function checkScrypt({ n, r, p }: ScryptCost): HashRejection | undefined {
  if (![n, r, p].every((value) => value >= 1) || n < 2) return malformed;
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
  { salt, output }: { readonly salt: string | Uint8Array; readonly output: Buffer },
): StoredHash | HashRejection {
  if (!inRange(output) || salt.length === 0) return malformed;
  return (
    checkScrypt(cost) ?? {
      format,
      verify: (text) => equalBytes(scrypt(text, salt, output.length, cost), output),
    }
  );
}
