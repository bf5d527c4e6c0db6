// Calls of the platform's WebAuthn with the JSON of its options and responses (WebAuthn L3 §5.1.7 to §5.1.10).
import type { WebAuthnJson } from "../wire/begun.js";
import { textOf, toBytes } from "./texts.js";

interface Descriptor {
  readonly id: string;
}

/** Functions that older browsers do not have. */
interface Platform {
  parseCreationOptionsFromJSON?(json: WebAuthnJson): unknown;
  parseRequestOptionsFromJSON?(json: WebAuthnJson): unknown;
  isConditionalMediationAvailable?(): Promise<boolean>;
  getClientCapabilities?(): Promise<Readonly<Record<string, boolean>>>;
  signalUnknownCredential?(about: object): Promise<void>;
  signalAllAcceptedCredentials?(about: object): Promise<void>;
  signalCurrentUserDetails?(about: object): Promise<void>;
}

export const platform = (): Platform => (globalThis.PublicKeyCredential ?? {}) as unknown as Platform;

export type Mediation = "conditional" | undefined;

export async function createCredential(
  json: WebAuthnJson,
  signal: AbortSignal,
  mediation: Mediation,
): Promise<WebAuthnJson> {
  const publicKey = (platform().parseCreationOptionsFromJSON?.(json) ??
    parseOptions(json)) as PublicKeyCredentialCreationOptions;
  // The DOM library does not know the mediation of a creation yet.
  const options: CredentialCreationOptions & { mediation?: Mediation } = { publicKey, signal };
  if (mediation) options.mediation = mediation;
  return jsonOf(await navigator.credentials.create(options));
}

export async function getCredential(
  json: WebAuthnJson,
  signal: AbortSignal,
  mediation?: Mediation,
): Promise<WebAuthnJson> {
  const publicKey = (platform().parseRequestOptionsFromJSON?.(json) ??
    parseOptions(json)) as PublicKeyCredentialRequestOptions;
  return jsonOf(await navigator.credentials.get({ publicKey, signal, ...(mediation && { mediation }) }));
}

/** The members that are base64url in JSON and bytes on the platform. All others are equal. */
function parseOptions(json: WebAuthnJson): unknown {
  const withBytes = <T extends Descriptor>(value: T) => ({ ...value, id: toBytes(value.id) });
  const { challenge, user, excludeCredentials, allowCredentials } = json as {
    readonly challenge: string;
    readonly user?: Descriptor;
    readonly excludeCredentials?: readonly Descriptor[];
    readonly allowCredentials?: readonly Descriptor[];
  };
  return {
    ...json,
    challenge: toBytes(challenge),
    ...(user && { user: withBytes(user) }),
    excludeCredentials: excludeCredentials?.map(withBytes),
    allowCredentials: allowCredentials?.map(withBytes),
  };
}

const binaries = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"] as const;

function jsonOf(created: Credential | null): WebAuthnJson {
  const credential = created as Omit<PublicKeyCredential, "toJSON"> & { toJSON?(): unknown };
  if (credential.toJSON) return credential.toJSON() as WebAuthnJson;
  const { id, type, authenticatorAttachment } = credential;
  const response = credential.response as Partial<Record<(typeof binaries)[number], ArrayBuffer | null>> & {
    getTransports?(): readonly string[];
  };
  const members: Record<string, unknown> = { transports: response.getTransports?.() };
  for (const name of binaries) {
    const bytes = response[name];
    if (bytes) members[name] = textOf(bytes);
  }
  const clientExtensionResults = credential.getClientExtensionResults();
  return { id, rawId: id, type, authenticatorAttachment, clientExtensionResults, response: members };
}
