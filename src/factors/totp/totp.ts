// TOTP (RFC 6238) with the only parameters that all applications support: SHA-1, six digits, 30 seconds.
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import { encodeBase32, standardAlphabet } from "../../crypto/base32.js";
import { decodeBase64url } from "../../crypto/base64url.js";
import { randomOctets } from "../../crypto/random.js";
import type { Keyring } from "../../tokens/keyring.js";

const stepSeconds = 30;
const digits = 6;

export function totpCode(seed: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", seed).update(counter).digest();
  const truncated = mac.readUInt32BE(mac.readUInt8(mac.length - 1) & 0xf) & 0x7fffffff;
  return String(truncated % 10 ** digits).padStart(digits, "0");
}

/** The step with this code: the present one, the one before or after (RFC 6238 §5.2). The caller accepts it once. */
export function findStep(seed: Buffer, code: string, now: number): number | undefined {
  const sent = Buffer.from(code);
  if (sent.length !== digits) return undefined;
  const present = Math.floor(now / stepSeconds);
  let found: number | undefined;
  // All three, so that the time shows nothing. The latest, because the store then rejects earlier ones too.
  for (const step of [present - 1, present, present + 1].filter((value) => value >= 0))
    if (timingSafeEqual(Buffer.from(totpCode(seed, step)), sent)) found = step;
  return found;
}

/** Returns the six digits of a code as a person types it, with or without spaces. Undefined for any other text. */
export function parseTotp(text: string): string | undefined {
  const code = text.replaceAll(" ", "");
  return /^[0-9]{6}$/.test(code) ? code : undefined;
}

export const totpSecretText = (seed: Buffer): string => encodeBase32(seed, standardAlphabet);

/** Returns the URI that an application reads from a QR code, by the Key URI format of Google Authenticator. */
export function otpauthUri(seed: Buffer, login: string, issuer?: string): string {
  const prefix = issuer === undefined ? "" : `${labelPart(issuer)}:`;
  const parameters = [
    `secret=${totpSecretText(seed)}`,
    ...(issuer === undefined ? [] : [`issuer=${labelPart(issuer)}`]),
    "algorithm=SHA1",
    `digits=${digits}`,
    `period=${stepSeconds}`,
  ];
  return `otpauth://totp/${prefix}${labelPart(login)}?${parameters.join("&")}`;
}

/** The format allows no colon in either part, not even an encoded one, because the first colon ends the issuer. */
const labelPart = (text: string): string => encodeURIComponent(text.replaceAll(":", " "));

// TOTP seeds at rest: AES-256-GCM (NIST SP 800-38D) under a key derived from the keyring. The user's id is
// authenticated too, so that no written row gives one user's seed to another user.

const cipher = "aes-256-gcm";
/** Random, so one key must encrypt at most 2^32 seeds (NIST SP 800-38D §8.3). */
const nonceBytes = 12;
const tagBytes = 16;

interface SealedSeed {
  /** Nonce, ciphertext and tag in base64url. */
  readonly secret: string;
  readonly kid: string;
}

export type TotpSecrets = ReturnType<typeof createTotpSecrets>;

export const createTotpSecrets = (
  keyring: Pick<Keyring, "secretFor" | "signingKid" | "isRevoked" | "requireSigning">,
) => ({
  /** Encrypts a seed under the signing key. Throws `unavailable` while that key is revoked. */
  seal(seed: Buffer, userId: string): SealedSeed {
    keyring.requireSigning();
    const kid = keyring.signingKid();
    const key = keyring.secretFor("totpAtRest", kid);
    if (key === undefined) throw new TypeError("the first key of a keyring can sign");
    const nonce = randomOctets(nonceBytes);
    const encryption = createCipheriv(cipher, key, nonce, { authTagLength: tagBytes });
    encryption.setAAD(additionalData(userId));
    const parts = [nonce, encryption.update(seed), encryption.final(), encryption.getAuthTag()];
    return { secret: Buffer.concat(parts).toString("base64url"), kid };
  },
  /** Undefined for a wrong user, key or text. A revoked key still opens, for rekeying only. */
  open({ secret, kid }: SealedSeed, userId: string): Buffer | undefined {
    const key = keyring.secretFor("totpAtRest", kid);
    const bytes = decodeBase64url(secret);
    if (key === undefined || bytes === undefined || bytes.length <= nonceBytes + tagBytes) return undefined;
    const nonce = bytes.subarray(0, nonceBytes);
    const decryption = createDecipheriv(cipher, key, nonce, { authTagLength: tagBytes });
    decryption.setAAD(additionalData(userId));
    decryption.setAuthTag(bytes.subarray(-tagBytes));
    const seed = decryption.update(bytes.subarray(nonceBytes, -tagBytes));
    try {
      decryption.final();
    } catch {
      return undefined;
    }
    return seed;
  },
  isCurrent: (kid: string): boolean => kid === keyring.signingKid(),
  isRevoked: (kid: string): boolean => keyring.isRevoked(kid),
});

/** JSON has one text for each id, also for an application's own id with half a surrogate pair. */
const additionalData = (userId: string): Buffer => Buffer.from(JSON.stringify(userId));
