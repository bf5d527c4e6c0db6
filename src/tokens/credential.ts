// What a request came with, by the claims of its token. A route takes a kind only if it names it (docs/reference/contract.md §6).
import { AmphoError } from "../errors.js";

export const credentials = ["session", "foreign", "key", "service", "delegated"] as const;

/**
 * What a request came with: the token of a login (`session`), a token that other software signed with a configured key
 * (`foreign`), a token with which somebody else acts for the user (`delegated`), or that of a service (`service`). `key` is
 * reserved.
 * @example const accepted: readonly Credential[] = ["session", "delegated"];
 */
export type Credential = (typeof credentials)[number];

/** What a route takes that names nothing. */
export const defaultCredentials: readonly Credential[] = ["session", "foreign"];

/** A claim that is there counts, whatever its value. */
export function credentialOf(claims: Readonly<Record<string, unknown>>): Credential {
  const { act, by, client_id: client, sid } = claims;
  if (act !== undefined || by !== undefined) return "delegated";
  if (client !== undefined) return "service";
  return sid === undefined ? "foreign" : "session";
}

export function notAccepted(accepted: readonly Credential[]): AmphoError {
  return new AmphoError(
    "credential_not_accepted",
    `This does not take what the request came with. It takes: ${accepted.join(", ")}.`,
  );
}

/** Throws `credential_not_accepted`. */
export function requireCredential(credential: Credential, accepted: readonly Credential[] = defaultCredentials): void {
  if (!accepted.includes(credential)) throw notAccepted(accepted);
}
