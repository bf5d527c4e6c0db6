// Device proofs (docs/contract.md §4, `device`): a proof shows that its user has logged in on this device before. It
// gives its holder a separate budget of attempts and nothing else.

import { randomId } from "../crypto/random.js";
import { AmphoError } from "../errors.js";
import type { Keyring } from "../tokens/keyring.js";

/** 180 days. */
export const proofTtlSeconds = 15_552_000;

export interface DeviceProof {
  readonly userId: string;
  readonly passwordVersion: number | undefined;
  readonly deviceId: string;
}

/** The user of a proof. Without `stored`, in an application's own table, only the id binds the proof. */
interface ProofOwner {
  readonly id: string;
  readonly stored: { readonly passwordVersion: number } | undefined;
}

export interface DeviceProofs {
  /** Returns a proof that this instance issued and that has not expired, of any user. Otherwise undefined. */
  read(proof: string | undefined, now: number): DeviceProof | undefined;
  /** Returns the next proof of a known device, or the first proof of a new one. */
  issue(owner: ProofOwner, deviceId: string | undefined, now: number): string;
}

export function createDeviceProofs(keyring: Pick<Keyring, "signDevice" | "verifyDevice">): DeviceProofs {
  return {
    read(proof, now) {
      if (proof === undefined) return undefined;
      try {
        const { sub, did, pwv } = keyring.verifyDevice(proof, now);
        return { userId: sub, deviceId: did, passwordVersion: pwv };
      } catch (error) {
        if (error instanceof AmphoError) return undefined;
        throw error;
      }
    },
    issue({ id, stored }, deviceId = randomId(), now) {
      return keyring.signDevice({
        sub: id,
        did: deviceId,
        ...(stored === undefined ? {} : { pwv: stored.passwordVersion }),
        iat: now,
        exp: now + proofTtlSeconds,
      });
    },
  };
}

/** The proof belongs to this user, and was issued for the user's current password. */
export function isProofOf(proof: DeviceProof, owner: ProofOwner): boolean {
  return proof.userId === owner.id && proof.passwordVersion === owner.stored?.passwordVersion;
}
