// The data that an authenticator signs (WebAuthn L3 §6.1), and the steps about its flags that §7.1 and §7.2 have in common.
import { hash } from "node:crypto";
import { type Cbor, decodeCbor, isCborMap } from "./cbor.js";
import { ensure } from "./webauthn-error.js";

export interface AuthenticatorData {
  readonly rpIdHash: Buffer;
  readonly userPresent: boolean;
  readonly userVerified: boolean;
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  readonly signCount: number;
  /** Only at a registration. */
  readonly credential?: { readonly aaguid: Buffer; readonly id: Buffer; readonly publicKey: Cbor };
}

const flag = {
  userPresent: 1,
  userVerified: 4,
  backupEligible: 8,
  backedUp: 16,
  credential: 64,
  extensions: 128,
} as const;
const reservedFlags = 0b0010_0010;
const headBytes = 37;
const aaguidBytes = 16;

function readCredential(bytes: Buffer) {
  const idAt = headBytes + aaguidBytes + 2;
  ensure(bytes.length > idAt, "authenticator_data");
  const keyAt = idAt + bytes.readUInt16BE(idAt - 2);
  ensure(bytes.length > keyAt, "authenticator_data");
  const key = decodeCbor(bytes, keyAt);
  ensure(key !== undefined, "authenticator_data");
  const aaguid = bytes.subarray(headBytes, headBytes + aaguidBytes);
  return { credential: { aaguid, id: bytes.subarray(idAt, keyAt), publicKey: key.value }, end: key.end };
}

/**
 * Reads the data. A reserved flag, a missing part and bytes after the last part are rejected. Only a registration
 * contains a credential. The extensions are skipped.
 */
export function readAuthenticatorData(bytes: Buffer, ceremony: "registration" | "authentication"): AuthenticatorData {
  ensure(bytes.length >= headBytes, "authenticator_data");
  const flags = bytes.readUInt8(32);
  ensure((flags & reservedFlags) === 0, "authenticator_data");
  ensure(((flags & flag.credential) !== 0) === (ceremony === "registration"), "authenticator_data");
  const attested = ceremony === "registration" ? readCredential(bytes) : undefined;
  let end = attested?.end ?? headBytes;
  if ((flags & flag.extensions) !== 0) {
    const extensions = decodeCbor(bytes, end);
    ensure(extensions !== undefined && isCborMap(extensions.value), "authenticator_data");
    end = extensions.end;
  }
  ensure(end === bytes.length, "authenticator_data");
  return {
    rpIdHash: bytes.subarray(0, 32),
    userPresent: (flags & flag.userPresent) !== 0,
    userVerified: (flags & flag.userVerified) !== 0,
    backupEligible: (flags & flag.backupEligible) !== 0,
    backedUp: (flags & flag.backedUp) !== 0,
    signCount: bytes.readUInt32BE(33),
    ...(attested === undefined ? {} : { credential: attested.credential }),
  };
}

export function checkAuthenticatorData(
  data: AuthenticatorData,
  expected: { readonly rpId: string; readonly userPresence: boolean; readonly userVerification: boolean },
): void {
  // §7.1 step 14, §7.2 step 15.
  ensure(data.rpIdHash.equals(hash("sha256", expected.rpId, "buffer")), "rp_id");
  // §7.1 step 15, §7.2 step 16.
  ensure(data.userPresent || !expected.userPresence, "user_presence");
  // §7.1 step 16, §7.2 step 17.
  ensure(data.userVerified || !expected.userVerification, "user_verification");
  // §7.1 step 17, §7.2 step 18.
  ensure(data.backupEligible || !data.backedUp, "backup_state");
}
