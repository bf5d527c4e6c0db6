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
}

interface AttestedCredential {
  readonly aaguid: Buffer;
  readonly id: Buffer;
  readonly publicKey: Cbor;
}

const flag = {
  userPresent: 1,
  userVerified: 4,
  backupEligible: 8,
  backedUp: 16,
  attested: 64,
  extensions: 128,
} as const;
const reservedFlags = 0b0010_0010;
const headBytes = 37;
const aaguidBytes = 16;

/** The flag `attested` is set at a registration and at no other time (§6.1). */
function readFlags(bytes: Buffer, attested: boolean): number {
  ensure(bytes.length >= headBytes, "authenticator_data");
  const flags = bytes.readUInt8(32);
  ensure((flags & reservedFlags) === 0, "authenticator_data");
  ensure(((flags & flag.attested) !== 0) === attested, "authenticator_data");
  return flags;
}

/** The extensions are skipped. Bytes after the last part are rejected. */
function readHead(bytes: Buffer, flags: number, partsEnd: number): AuthenticatorData {
  let end = partsEnd;
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
  };
}

/** Reads the data of a registration, which contains the new credential (§6.5.1). */
export function readRegistrationData(bytes: Buffer): AuthenticatorData & { readonly credential: AttestedCredential } {
  const flags = readFlags(bytes, true);
  const idAt = headBytes + aaguidBytes + 2;
  ensure(bytes.length > idAt, "authenticator_data");
  const keyAt = idAt + bytes.readUInt16BE(idAt - 2);
  const key = decodeCbor(bytes, keyAt);
  ensure(key !== undefined, "authenticator_data");
  const aaguid = bytes.subarray(headBytes, headBytes + aaguidBytes);
  const credential = { aaguid, id: bytes.subarray(idAt, keyAt), publicKey: key.value };
  return { ...readHead(bytes, flags, key.end), credential };
}

/** Reads the data of an authentication. */
export function readAuthenticationData(bytes: Buffer): AuthenticatorData {
  return readHead(bytes, readFlags(bytes, false), headBytes);
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
