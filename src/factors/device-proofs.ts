// Device proofs (docs/reference/contract.md §4, `device`) give a separate budget of attempts. That of a remembered
// device also spares the prompt for the second factor, and is never a factor itself.
import { randomId } from "../crypto/random.js";
import { unlessRejected } from "../errors.js";
import { type DeviceClaims, deviceProof, peekJwt } from "../tokens/jwt.js";
import type { Keyring } from "../tokens/keyring.js";

export const proofTtlSeconds = 15_552_000;

/** A browser keeps the proofs of the last users who signed in there, as one text. A cookie has 4096 bytes for them. */
const usersMax = 3;
const bytesMax = 4_000;
const separator = "~";

const splitProofs = (sent = ""): readonly string[] => sent.split(separator, usersMax);

export function joinProofs(proof: string, former: string | undefined): string {
  const users: unknown[] = [undefined, userOf(proof)];
  const others = splitProofs(former).filter((other) => !users.includes(userOf(other)));
  const proofs = [proof, ...others].slice(0, usersMax);
  // The ids of an application's own users can be long.
  while (proofs.length > 1 && proofs.join(separator).length > bytesMax) proofs.pop();
  return proofs.join(separator);
}

/** Undefined for a text that is no proof. Its signature is not verified. */
const userOf = (proof: string): unknown => peekJwt(proof)?.claims["sub"];

export interface RememberedDevice {
  readonly until: number;
  /** The gate compares both with those of the account. A change of the factors moves the first one. */
  readonly factorsVersion: number;
  readonly devicesVersion: number;
}

export interface DeviceProof {
  readonly userId: string;
  readonly passwordVersion: number | undefined;
  readonly deviceId: string;
  readonly remember: RememberedDevice | undefined;
}

/** The user of a proof. Without `stored`, in an application's own table, only the id binds the proof. */
interface ProofOwner {
  readonly id: string;
  readonly stored: { readonly passwordVersion: number } | undefined;
}

export type DeviceProofs = ReturnType<typeof createDeviceProofs>;

export function createDeviceProofs(keyring: Pick<Keyring, "sign" | "verify">) {
  function read(proof: string, now: number): DeviceProof | undefined {
    const claims = unlessRejected(() => keyring.verify(deviceProof, proof, now).claims);
    if (claims === undefined) return undefined;
    const { sub, did, pwv } = claims;
    return { userId: sub, deviceId: did, passwordVersion: pwv, remember: rememberedBy(claims, now) };
  }

  /** The valid proofs of any user. `sent` is as `joinProofs` returns it. */
  const readAll = (sent: string | undefined, now: number): readonly DeviceProof[] =>
    splitProofs(sent).flatMap((proof) => read(proof, now) ?? []);

  return {
    readAll,
    /** The one of this user, which was issued for the user's current password. */
    readOf: (owner: ProofOwner, sent: string | undefined, now: number) =>
      readAll(sent, now).find((proof) => isProofOf(proof, owner)),
    /**
     * The next proof of a known device, or the first one of a new one. `remember`: of the login or of the proof before.
     */
    issue: ({ id, stored }: ProofOwner, deviceId = randomId(), now: number, remember?: RememberedDevice): string =>
      keyring.sign(deviceProof, {
        sub: id,
        did: deviceId,
        ...(stored && { pwv: stored.passwordVersion }),
        ...(remember && { rem: remember.until, fv: remember.factorsVersion, dv: remember.devicesVersion }),
        iat: now,
        exp: now + proofTtlSeconds,
      }),
  };
}

function rememberedBy({ rem, fv, dv }: DeviceClaims, now: number): RememberedDevice | undefined {
  if (rem === undefined || fv === undefined || dv === undefined || now >= rem) return undefined;
  return { until: rem, factorsVersion: fv, devicesVersion: dv };
}

/** The proof belongs to this user, and was issued for the user's current password. */
export const isProofOf = (proof: DeviceProof, owner: ProofOwner): boolean =>
  proof.userId === owner.id && proof.passwordVersion === owner.stored?.passwordVersion;
