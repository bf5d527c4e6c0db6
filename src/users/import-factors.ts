// The authenticator app of a line of an import, and its recovery codes. Nothing proves them. The operator vouches for them, as for
// a hash.

import { decodeBase32 } from "../crypto/base32.js";
import { decodeBase64url } from "../crypto/base64url.js";

type Wrong = { readonly wrong: string };
const wrong = (reason: string): Wrong => ({ wrong: reason });

export interface ImportedTotp {
  readonly seed: Buffer;
  /** Hashes as Ampho stores them. */
  readonly recoveryHashes: readonly string[];
}

/** NIST SP 800-63B-4 §3.1.4.1 asks for 112 bits. An app accepts no more than this. */
const seedBytes = { min: 14, max: 64 };
const hashesMax = 8;
const hashBytes = 32;

/** Undefined: the line has none. */
export function readTotp(secret: unknown, hashes: unknown): ImportedTotp | Wrong | undefined {
  if (secret === undefined)
    return hashes === undefined ? undefined : wrong("The line has recovery_hashes without totp_secret.");
  const seed = typeof secret === "string" ? decodeBase32(secret) : undefined;
  if (seed === undefined || seed.length < seedBytes.min || seed.length > seedBytes.max)
    return wrong(`The totp_secret is not ${seedBytes.min} to ${seedBytes.max} bytes in base32.`);
  const list: unknown = hashes ?? [];
  if (!Array.isArray(list) || list.length > hashesMax || !list.every(isHash))
    return wrong(`The recovery_hashes are not an array of at most ${hashesMax} SHA-256 in base64url.`);
  if (new Set(list).size < list.length) return wrong("Two recovery_hashes are the same.");
  return { seed, recoveryHashes: list };
}

const isHash = (value: unknown): value is string =>
  typeof value === "string" && decodeBase64url(value)?.length === hashBytes;
