// The options of a ceremony, in the JSON of WebAuthn L3 §5.1.8, for `parseCreationOptionsFromJSON` and
// `parseRequestOptionsFromJSON` of browsers.
import { randomId } from "../../crypto/random.js";
import { offeredAlgorithms } from "./cose.js";
import type { RelyingParty } from "./relying-party.js";

const timeoutMs = 300_000;

/** A user handle of 32 bytes (WebAuthn L3 §14.6.1). It is random, so it reveals nothing about the user. */
export const createUserHandle = (): string => randomId(32);

/** `login`: proves a user alone. `second`: after a first factor. `upgrade`: created silently after a password login. */
export const passkeyUses = ["login", "second", "upgrade"] as const;
export type PasskeyUse = (typeof passkeyUses)[number];

interface Credential {
  readonly id: string;
  readonly transports: readonly string[];
}

const descriptorsOf = (passkeys: readonly Credential[]) =>
  passkeys.map(({ id, transports }) => ({ type: "public-key", id, transports }));

/** Without passkeys of an account the options are the same for everyone, so they reveal no account. */
export function requestOptions(party: RelyingParty, challenge: Buffer, passkeys?: readonly Credential[]) {
  return {
    challenge: challenge.toString("base64url"),
    rpId: party.id,
    timeout: timeoutMs,
    // After a password, a PIN on top of it would be one step too many.
    userVerification: passkeys === undefined ? "required" : "discouraged",
    allowCredentials: passkeys === undefined ? [] : descriptorsOf(passkeys),
  };
}

export function creationOptions(
  party: RelyingParty,
  challenge: Buffer,
  {
    handle,
    login,
    use,
    passkeys,
  }: {
    readonly handle: string;
    readonly login: string;
    readonly use: PasskeyUse;
    readonly passkeys: readonly Credential[];
  },
) {
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
