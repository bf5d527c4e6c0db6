// The ceremonies of WebAuthn Level 3, in the order of §7.1 and §7.2. Both functions are pure and synchronous. The
// caller knows the challenge, finds the credential and stores what they return. Both throw WebAuthnError.
import { hash } from "node:crypto";
import { parseJsonObject } from "../../crypto/json.js";
import type { PublicJwk } from "../../signing-keys/key.js";
import { type Cbor, decodeCbor, isCborMap } from "./cbor.js";
import { algorithmOf, isPasskeySignature, readCoseKey } from "./cose.js";
import { ensure, readAuthenticationResponse, readRegistrationResponse } from "./webauthn-response.js";

interface Ceremony {
  /** RegistrationResponseJSON or AuthenticationResponseJSON, as the client sent it. */
  readonly response: unknown;
  readonly challenge: Buffer;
  readonly origins: readonly string[];
  readonly rpId: string;
  /** The product passes none. */
  readonly topOrigins?: readonly string[];
}

export interface RegistrationCeremony extends Ceremony {
  readonly userVerification: "required" | "discouraged";
  readonly algorithms: readonly number[];
  /** A conditional create after a password login. The browser asks the user nothing, so no user presence is needed. */
  readonly upgrade?: boolean;
}

export interface RegisteredPasskey {
  readonly id: string;
  readonly publicKey: PublicJwk;
  readonly alg: number;
  readonly signCount: number;
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  readonly userVerified: boolean;
  readonly transports: readonly string[];
  /** The model of the authenticator as a UUID, which nothing proves. */
  readonly aaguid: string;
}

export interface Assertion extends Ceremony {
  readonly credential: Pick<RegisteredPasskey, "id" | "publicKey" | "alg" | "signCount" | "backupEligible"> & {
    /**
     * The user handle of the account to which the credential belongs. Undefined: another system has registered it, and
     * did not keep the handle. No authenticator signs a handle, so the credential id alone names the account then.
     */
    readonly userHandle: string | undefined;
  };
  readonly userHandleRequired: boolean;
}

export interface VerifiedAssertion {
  readonly userVerified: boolean;
  readonly backedUp: boolean;
  readonly signCount: number;
  /** `behind`: a copy of the authenticator might exist. The caller decides, because synced passkeys do not count. */
  readonly counter: "ok" | "behind";
}

/** WebAuthn L3 §8.1. */
const formatPattern = /^[!#-[\]-~]{1,32}$/;

export function verifyRegistration(registration: RegistrationCeremony): RegisteredPasskey {
  const { challenge, origins, rpId, topOrigins = [], algorithms } = registration;
  // Step 3. Step 4 needs nothing, because the client extension results decide nothing.
  const sent = readRegistrationResponse(registration.response);
  // Steps 5 to 11.
  checkClientData(sent.clientData, { type: "webauthn.create", challenge, origins, topOrigins });
  // Step 12.
  const clientDataHash = hash("sha256", sent.clientData, "buffer");
  // Step 13.
  const { format, statement, authData } = readAttestationObject(sent.attestationObject);
  const data = readRegistrationData(authData);
  const { credential } = data;
  // Steps 14 to 17. Steps 18 and 19 are the caller's, who gets both flags.
  const userVerification = registration.userVerification === "required";
  checkAuthenticatorData(data, { rpId, userPresence: registration.upgrade !== true, userVerification });
  // Step 20. An algorithm that was not offered is a downgrade.
  const alg = algorithmOf(credential.publicKey);
  ensure(alg !== undefined && algorithms.includes(alg), "algorithm");
  const key = readCoseKey(credential.publicKey);
  ensure(key !== undefined, "public_key");
  // Step 21. Every format is accepted, because no attestation is asked for.
  ensure(typeof format === "string" && formatPattern.test(format), "attestation_format");
  // Step 22. Steps 23 and 24 need nothing: a statement with certificates counts as none.
  const signed = Buffer.concat([authData, clientDataHash]);
  ensure(isAcceptable(format, statement, key, signed), "attestation");
  // Step 25. The id in the authenticator data is the one that a self attestation signs.
  ensure(sent.idBytes.equals(credential.id), "credential_id");
  // Steps 26, 27 and 29 are the store's. Step 28: the authenticator extensions decide nothing.
  return {
    id: sent.id,
    ...key,
    signCount: data.signCount,
    backupEligible: data.backupEligible,
    backedUp: data.backedUp,
    userVerified: data.userVerified,
    transports: sent.transports,
    aaguid: credential.aaguid.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
  };
}

function readAttestationObject(bytes: Buffer) {
  const object = decodeCbor(bytes);
  ensure(object !== undefined && object.end === bytes.length && isCborMap(object.value), "attestation_object");
  const authData = object.value.get("authData");
  ensure(Buffer.isBuffer(authData), "attestation_object");
  return { format: object.value.get("fmt"), statement: object.value.get("attStmt"), authData };
}

/** §8.7: `none` is empty. §8.2: `packed` without certificates is signed by the credential itself. */
function isAcceptable(
  format: string,
  statement: Cbor | undefined,
  key: { readonly alg: number; readonly publicKey: PublicJwk },
  signed: Buffer,
): boolean {
  if (format === "none") return isCborMap(statement) && statement.size === 0;
  if (format !== "packed") return true;
  if (!isCborMap(statement)) return false;
  if (statement.has("x5c")) return true;
  const signature = statement.get("sig");
  return statement.get("alg") === key.alg && Buffer.isBuffer(signature) && isPasskeySignature(key, signed, signature);
}

export function verifyAssertion(assertion: Assertion): VerifiedAssertion {
  const { challenge, origins, rpId, topOrigins = [], credential } = assertion;
  // Step 3, with the sizes of step 7. Step 4 needs nothing.
  const sent = readAuthenticationResponse(assertion.response);
  // Step 5. The caller found the credential by its id, and by the account if that was known.
  ensure(sent.id === credential.id, "credential_id");
  // Step 6. Without this comparison, a user could present a credential that another account has (§7.2).
  ensure(sent.userHandle !== undefined || !assertion.userHandleRequired, "user_handle");
  const { userHandle = sent.userHandle } = credential;
  ensure(sent.userHandle === undefined || sent.userHandle === userHandle, "user_handle");
  // Step 7.
  const data = readAuthenticationData(sent.authenticatorData);
  // Steps 8 to 14.
  checkClientData(sent.clientData, { type: "webauthn.get", challenge, origins, topOrigins });
  // Steps 15 to 18. Step 17: the caller gets the flag, and a passkey without it is a second factor only.
  checkAuthenticatorData(data, { rpId, userPresence: true, userVerification: false });
  // Step 19. An authenticator never changes it, so a change shows another authenticator (§6.1.3).
  ensure(data.backupEligible === credential.backupEligible, "backup_eligibility");
  // Step 20.
  const clientDataHash = hash("sha256", sent.clientData, "buffer");
  // Step 21.
  const signed = Buffer.concat([sent.authenticatorData, clientDataHash]);
  ensure(isPasskeySignature(credential, signed, sent.signature), "signature");
  // Step 22. Steps 23 to 25 are the caller's.
  const counts = data.signCount !== 0 || credential.signCount !== 0;
  return {
    userVerified: data.userVerified,
    backedUp: data.backedUp,
    signCount: data.signCount,
    counter: counts && data.signCount <= credential.signCount ? "behind" : "ok",
  };
}

interface ExpectedClientData {
  readonly type: "webauthn.create" | "webauthn.get";
  readonly challenge: Buffer;
  readonly origins: readonly string[];
  /** The pages that can embed the application. Empty: the ceremony in a frame of another origin is rejected. */
  readonly topOrigins: readonly string[];
}

const byteOrderMark = Buffer.of(0xef, 0xbb, 0xbf);

function checkClientData(bytes: Buffer, expected: ExpectedClientData): void {
  // §7.1 steps 5 and 6, §7.2 steps 8 and 9. A repeated member is rejected, because two readers can see two challenges.
  const text = bytes.subarray(0, 3).equals(byteOrderMark) ? bytes.subarray(3) : bytes;
  const data = parseJsonObject(text);
  ensure(data !== undefined, "client_data");
  // §7.1 step 7, §7.2 step 10.
  ensure(data["type"] === expected.type, "type");
  // §7.1 step 8, §7.2 step 11. The client knows the challenge, so the time of the comparison reveals nothing.
  ensure(data["challenge"] === expected.challenge.toString("base64url"), "challenge");
  // §7.1 step 9, §7.2 step 12.
  const { origin, crossOrigin, topOrigin } = data;
  ensure(typeof origin === "string" && expected.origins.includes(origin), "origin");
  // §7.1 step 10, §7.2 step 13. In a frame an attacker can cover what the user agrees to (§13.4.2).
  ensure(crossOrigin === undefined || typeof crossOrigin === "boolean", "cross_origin");
  ensure(crossOrigin !== true || expected.topOrigins.length > 0, "cross_origin");
  // §7.1 step 11, §7.2 step 14. Only a client in a frame states a top origin (§5.8.1).
  if (topOrigin === undefined) return;
  ensure(
    crossOrigin === true && typeof topOrigin === "string" && expected.topOrigins.includes(topOrigin),
    "top_origin",
  );
}

interface AuthenticatorData {
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
function readRegistrationData(bytes: Buffer): AuthenticatorData & { readonly credential: AttestedCredential } {
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

const readAuthenticationData = (bytes: Buffer): AuthenticatorData =>
  readHead(bytes, readFlags(bytes, false), headBytes);

function checkAuthenticatorData(
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
