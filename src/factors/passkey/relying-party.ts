// The relying party of passkeys (WebAuthn L3 §4). It comes from the configuration alone, never from a request.
import { isIP } from "node:net";
import type { Configuration } from "../../config/configuration.js";
import { randomId } from "../../crypto/random.js";
import { offeredAlgorithms } from "./cose.js";

export interface RelyingParty {
  readonly id: string;
  readonly name: string;
  /** The origins whose pages can use the passkeys. They are compared exactly. */
  readonly origins: readonly string[];
}

/** Web origins outside of the relying party's domain. Its host must serve a list of them (WebAuthn L3 §5.11). */
export function relatedOriginsOf({ id, origins }: RelyingParty): readonly string[] {
  const isOutside = ({ hostname }: URL) => hostname !== id && !hostname.endsWith(`.${id}`);
  return origins.filter((origin) => !origin.startsWith("android:") && isOutside(new URL(origin)));
}

/** Undefined while passkeys are not offered. */
export function relyingPartyOf(
  settings: Pick<Configuration, "appUrl" | "appName" | "passkeys">,
): RelyingParty | undefined {
  const { appUrl, appName, passkeys } = settings;
  if (appUrl === undefined || !passkeys) return undefined;
  const { hostname, origin } = new URL(appUrl);
  // An IP address is no relying party (§5.1.3).
  if (isIP(hostname) !== 0 || hostname.startsWith("[")) return undefined;
  return { id: passkeys.rp ?? hostname, name: appName ?? hostname, origins: [origin, ...passkeys.origins] };
}

// The options of a ceremony, in the JSON of WebAuthn L3 §5.1.8.

const timeoutMs = 300_000;

/** A user handle of 32 bytes (WebAuthn L3 §14.6.1). It is random, so it reveals nothing about the user. */
export const createUserHandle = (): string => randomId(32);

/** `login`: proves a user alone. `second`: after a first factor. `upgrade`: created silently after a password login. */
export type PasskeyUse = "login" | "second" | "upgrade";

interface Credential {
  readonly id: string;
  readonly transports: readonly string[];
}

const descriptorsOf = (passkeys: readonly Credential[]) =>
  passkeys.map(({ id, transports }) => ({ type: "public-key", id, transports }));

/** Without passkeys of an account the options are the same for everyone, so they reveal no account. */
export const requestOptions = (party: RelyingParty, challenge: Buffer, passkeys?: readonly Credential[]) => ({
  challenge: challenge.toString("base64url"),
  rpId: party.id,
  timeout: timeoutMs,
  // After a password, a PIN on top of it would be one step too many.
  userVerification: passkeys === undefined ? "required" : "discouraged",
  allowCredentials: passkeys === undefined ? [] : descriptorsOf(passkeys),
});

interface NewCredential {
  readonly handle: string;
  readonly login: string;
  readonly use: PasskeyUse;
  readonly passkeys: readonly Credential[];
}

export function creationOptions(party: RelyingParty, challenge: Buffer, credential: NewCredential) {
  const { handle, login, use, passkeys } = credential;
  const isSecond = use === "second";
  return {
    rp: { id: party.id, name: party.name },
    user: { id: handle, name: login, displayName: login },
    challenge: challenge.toString("base64url"),
    pubKeyCredParams: offeredAlgorithms.map((alg) => ({ type: "public-key", alg })),
    timeout: timeoutMs,
    excludeCredentials: descriptorsOf(passkeys),
    authenticatorSelection: {
      residentKey: isSecond ? "discouraged" : "required",
      requireResidentKey: !isSecond,
      userVerification: use === "login" ? "required" : isSecond ? "discouraged" : "preferred",
    },
    ...(isSecond && { hints: ["security-key"] }),
    attestation: "none",
    extensions: { credProps: true },
  };
}
