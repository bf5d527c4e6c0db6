// Device proofs (contract §4, `device`): a user was let in here before. A proof gives its holder a budget of guesses of its
// own and nothing else. It names a place (`did`), not a person's machine: whoever has it, is there.
import { randomId } from "../crypto/random.js";
import { AmphoError } from "../errors.js";
import type { Keyring } from "../tokens/keyring.js";
import type { Account } from "../users/directory.js";

/** 180 days. */
export const proofTtlSeconds = 15_552_000;

export interface DeviceProof {
  readonly userId: string;
  readonly passwordVersion: number | undefined;
  readonly deviceId: string;
}

export interface DeviceProofs {
  /** A proof that is ours and not expired; whose it is, is still to be seen. Anything else is nothing. */
  read(proof: string | undefined, now: number): DeviceProof | undefined;
  /** The next proof of the same place, or the first one of a new place. */
  issue(account: Account, deviceId: string | undefined, now: number): string;
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
    issue(account, deviceId = randomId(), now) {
      const passwordVersion = passwordVersionOf(account);
      return keyring.signDevice({
        sub: account.id,
        did: deviceId,
        ...(passwordVersion === undefined ? {} : { pwv: passwordVersion }),
        iat: now,
        exp: now + proofTtlSeconds,
      });
    },
  };
}

/** Whether it is this user's, and of the password that the user has now. */
export function isProofOf(proof: DeviceProof, account: Account | undefined): account is Account {
  return account !== undefined && proof.userId === account.id && proof.passwordVersion === passwordVersionOf(account);
}

/** An application's own table says nothing of passwords: there a proof is bound to the user's id alone. */
function passwordVersionOf({ stored }: Account): number | undefined {
  return stored?.passwordVersion;
}
