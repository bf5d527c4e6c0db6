// The kinds of tokens, by their claims. A route takes a kind only if it names it (docs/reference/contract.md §6).
import { AmphoError } from "../errors.js";
import { isServiceId } from "../logins/service-id.js";

export const credentials = ["session", "foreign", "api_key", "service", "delegated"] as const;

/**
 * The kind of a token. `session` is the token of a login, and `foreign` one that other software signed with a
 * configured key. `delegated` is the token of another actor than the user, and `service` that of a service. `api_key`
 * is an API key of a user.
 */
export type Credential = (typeof credentials)[number];

/** True for a token that Ampho has issued for a service. Its `login` is its id and no login name. */
export const isOfService = ({ sub, login, client_id: client }: OfService): boolean =>
  isServiceId(sub) && login === sub && client === sub;

interface OfService {
  readonly sub?: string | undefined;
  readonly login?: string | undefined;
  readonly client_id?: unknown;
}

/** A route that names no kinds takes these. */
export const defaultCredentials: readonly Credential[] = ["session", "foreign"];

/**
 * A token with `by` is `bound` to an organization. A later version has routes for it, so no route of this one takes it.
 */
export type CredentialOfToken = Credential | "bound";

/** A claim that is there counts, whatever its value. */
export function credentialOf(claims: Readonly<Record<string, unknown>>): CredentialOfToken {
  const { act, by, client_id: client, sid } = claims;
  if (by !== undefined) return "bound";
  if (act !== undefined) return "delegated";
  if (client !== undefined) return "service";
  return sid === undefined ? "foreign" : "session";
}

const named: Readonly<Record<CredentialOfToken, string>> = {
  session: "a token of a session",
  foreign: "a token of other software",
  api_key: "an API key",
  service: "an access token of a service account",
  delegated: "a delegated token",
  bound: "a token that is bound to an organization",
};

/** `sent` is the kind of the token, undefined where it has none of these kinds. */
export const notAccepted = (accepted: readonly Credential[], sent?: CredentialOfToken): AmphoError =>
  new AmphoError(
    "credential_not_accepted",
    `This does not accept ${sent === undefined ? "the token that was sent" : named[sent]}. It accepts ${accepted.map((kind) => named[kind]).join(" or ")}.`,
  );

/** Throws `credential_not_accepted`. */
export function requireCredential(credential: Credential, accepted: readonly Credential[] = defaultCredentials): void {
  if (!accepted.includes(credential)) throw notAccepted(accepted, credential);
}
