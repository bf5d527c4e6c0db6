// TOTP seeds at rest: AES-256-GCM (NIST SP 800-38D) under a key derived from the keyring. A stolen database yields no seed. The
// user's id is authenticated with it, so that an attacker who can write rows cannot give one user's seed to another user.
import { createCipheriv, createDecipheriv } from "node:crypto";
import { decodeBase64url } from "../../crypto/base64url.js";
import { randomOctets } from "../../crypto/random.js";
import type { Keyring } from "../../tokens/keyring.js";

const cipher = "aes-256-gcm";
/** Random, so one key must encrypt at most 2^32 seeds (NIST SP 800-38D §8.3). */
const nonceBytes = 12;
const tagBytes = 16;

/** A seed as the database has it. */
export interface SealedSeed {
  /** Nonce, ciphertext and tag in base64url. */
  readonly secret: string;
  /** The key from which the key of the encryption is derived. */
  readonly kid: string;
}

export interface TotpSecrets {
  /** Encrypts a seed under the signing key. Throws `unavailable` while that key is revoked. */
  seal(seed: Buffer, userId: string): SealedSeed;
  /**
   * Returns the seed. Undefined if it does not decrypt, is another user's, or has a key that is not there. A revoked
   * key still opens, for rekeying only: its holder can read every seed under it.
   */
  open(sealed: SealedSeed, userId: string): Buffer | undefined;
  /** True for the key under which seeds are sealed now. */
  isCurrent(kid: string): boolean;
  isRevoked(kid: string): boolean;
}

export function createTotpSecrets(
  keyring: Pick<Keyring, "secretFor" | "signingKid" | "isRevoked" | "requireSigning">,
): TotpSecrets {
  return {
    seal(seed, userId) {
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
    open({ secret, kid }, userId) {
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
    isCurrent: (kid) => kid === keyring.signingKid(),
    isRevoked: (kid) => keyring.isRevoked(kid),
  };
}

/** JSON has one text for each id, also for an application's own id with half a surrogate pair. */
function additionalData(userId: string): Buffer {
  return Buffer.from(JSON.stringify(userId));
}
