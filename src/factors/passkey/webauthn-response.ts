// Reads what a browser sends (WebAuthn L3 §5.1). Each text is measured before it is decoded.
import { decodeBase64url } from "../../crypto/base64url.js";
import { isJsonObject } from "../../crypto/json.js";

// Why a ceremony was rejected, for the audit log. In a response it would help the attacker.

/** The steps of WebAuthn L3 §7.1 (registration) and §7.2 (authentication) that reject for each reason. */
export const webauthnReasons = {
  response: { registration: [3], authentication: [3, 7] },
  credential_id: { registration: [3, 25], authentication: [5] },
  user_handle: { registration: [], authentication: [6] },
  client_data: { registration: [5, 6], authentication: [8, 9] },
  type: { registration: [7], authentication: [10] },
  challenge: { registration: [8], authentication: [11] },
  origin: { registration: [9], authentication: [12] },
  cross_origin: { registration: [10], authentication: [13] },
  top_origin: { registration: [11], authentication: [14] },
  attestation_object: { registration: [13], authentication: [] },
  authenticator_data: { registration: [13], authentication: [7] },
  rp_id: { registration: [14], authentication: [15] },
  user_presence: { registration: [15], authentication: [16] },
  user_verification: { registration: [16], authentication: [] },
  backup_state: { registration: [17], authentication: [18] },
  backup_eligibility: { registration: [], authentication: [19] },
  algorithm: { registration: [20], authentication: [] },
  public_key: { registration: [20], authentication: [] },
  attestation_format: { registration: [21], authentication: [] },
  attestation: { registration: [22], authentication: [] },
  signature: { registration: [], authentication: [21] },
} as const satisfies Record<
  string,
  { readonly registration: readonly number[]; readonly authentication: readonly number[] }
>;

export type WebAuthnReason = keyof typeof webauthnReasons;

export class WebAuthnError extends Error {
  override readonly name = "WebAuthnError";
  readonly reason: WebAuthnReason;

  constructor(reason: WebAuthnReason) {
    super(`the passkey was rejected: ${reason}`);
    this.reason = reason;
  }
}

export function ensure(condition: boolean, reason: WebAuthnReason): asserts condition {
  if (!condition) throw new WebAuthnError(reason);
}

type Members = Readonly<Record<string, unknown>>;

/** The greatest number of bytes. A certificate chain is the longest part, and Ampho does not ask for one. */
const bytesMax = {
  clientDataJSON: 4096,
  attestationObject: 16384,
  authenticatorData: 4096,
  signature: 1024,
  /** WebAuthn L3 §5.4.3. */
  userHandle: 64,
} as const;

/** WebAuthn L3 §7.1 step 25. */
const idBytesMax = 1023;
const idPattern = /^[\w-]{1,1364}$/;
const transportsMax = 16;

/** True for the base64url of an id that a passkey can have, before it is looked up. */
export const isCredentialId = (value: unknown): value is string => typeof value === "string" && idPattern.test(value);

function decode(value: unknown, max: number): Buffer | undefined {
  if (typeof value !== "string" || value.length > Math.ceil((max * 4) / 3)) return undefined;
  const bytes = decodeBase64url(value);
  return bytes === undefined || bytes.length === 0 || bytes.length > max ? undefined : bytes;
}

function readBytes(members: Members, name: keyof typeof bytesMax): Buffer {
  const bytes = decode(members[name], bytesMax[name]);
  ensure(bytes !== undefined, "response");
  return bytes;
}

type Parts<Name extends string> = Readonly<Record<Name, Buffer>>;

interface Credential {
  readonly id: string;
  readonly idBytes: Buffer;
  readonly response: Members;
}

function readCredential(value: unknown): Credential {
  ensure(isJsonObject(value) && value["type"] === "public-key", "response");
  const { id, rawId, response } = value;
  ensure(isJsonObject(response), "response");
  const idBytes = decode(id, idBytesMax);
  ensure(typeof id === "string" && id === rawId && idBytes !== undefined, "credential_id");
  return { id, idBytes, response };
}

/** The transports are a hint for the next login (§5.8.4). Unknown ones are kept, and what cannot be one is dropped. */
export function readTransports(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  const texts = value.slice(0, transportsMax).filter((text): text is string => typeof text === "string");
  return [...new Set(texts.filter((text) => /^[a-z-]{1,32}$/.test(text)))];
}

export function readRegistrationResponse(
  value: unknown,
): Omit<Credential, "response"> &
  Parts<"clientData" | "attestationObject"> & { readonly transports: readonly string[] } {
  const { id, idBytes, response } = readCredential(value);
  return {
    id,
    idBytes,
    clientData: readBytes(response, "clientDataJSON"),
    attestationObject: readBytes(response, "attestationObject"),
    transports: readTransports(response["transports"]),
  };
}

export function readAuthenticationResponse(
  value: unknown,
): Pick<Credential, "id"> & { readonly userHandle: unknown } & Parts<"clientData" | "authenticatorData" | "signature"> {
  const { id, response } = readCredential(value);
  const handle = response["userHandle"] ?? undefined;
  ensure(handle === undefined || decode(handle, bytesMax.userHandle) !== undefined, "response");
  return {
    id,
    userHandle: handle,
    clientData: readBytes(response, "clientDataJSON"),
    authenticatorData: readBytes(response, "authenticatorData"),
    signature: readBytes(response, "signature"),
  };
}
