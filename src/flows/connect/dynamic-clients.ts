// Dynamic clients (RFC 7591): programs that register themselves. The `client_id` is the registration, signed, so that a
// stranger who registers a million causes no row. Nothing in it is proven, so people read that it is unknown.
import { AmphoError, type ErrorCode, unlessRejected } from "../../errors.js";
import type { ClientRegistration } from "../../wire/connect.js";
import type { Deps, Flow } from "../deps.js";
import { shownName } from "./documents.js";
import { isRedirectUri, redirectForm } from "./redirect-uri.js";

const redirectsMax = 5;
/** The query of a request contains it, in at most 2048 characters. */
const idMax = 1000;
const lifetimeSeconds = 10 * 365 * 86_400;

export interface SentRegistration {
  readonly redirect_uris?: unknown;
  readonly client_name?: unknown;
}

/** Rejects with `invalid_redirect_uri` or `invalid_client_metadata`. The client learns of the rest by the response. */
export const registerClient: Flow<ClientRegistration, SentRegistration> = async ({ tokens, clock }, sent) => {
  const { redirect_uris: redirects, client_name: name } = sent;
  const fail = (code: ErrorCode, message: string): never => {
    throw new AmphoError(code, message, { oauth: true });
  };
  if (!Array.isArray(redirects) || redirects.length === 0 || redirects.length > redirectsMax)
    return fail("invalid_redirect_uri", "The redirect_uris must be an array of 1 to 5 texts.");
  const isForm = (one: unknown): one is string => typeof one === "string" && isRedirectUri(one);
  if (!redirects.every(isForm)) return fail("invalid_redirect_uri", `Each redirect URI must be ${redirectForm}.`);
  if (name !== undefined && typeof name !== "string")
    return fail("invalid_client_metadata", "The client_name must be a text.");
  tokens.requireSigningKey();
  const now = clock.now();
  const shown = name === undefined ? undefined : shownName(name);
  const claims = { redirects, ...(shown !== undefined && { name: shown }), iat: now, exp: now + lifetimeSeconds };
  const id = tokens.signClient(claims);
  if (id.length > idMax)
    return fail("invalid_client_metadata", "The redirect_uris and the client_name are too long together.");
  return {
    client_id: id,
    client_id_issued_at: now,
    ...(shown !== undefined && { client_name: shown }),
    redirect_uris: redirects,
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
  };
};

export type DynamicClient = ReturnType<Deps["tokens"]["readClient"]>;

/** Undefined for any other text, one of a key that was removed or revoked, and while none are taken. */
export function readDynamicClient(
  { settings, tokens, clock }: Pick<Deps, "settings" | "tokens" | "clock">,
  id: string,
): DynamicClient | undefined {
  if (!settings.connect.includes("dynamic") || id.length > idMax) return undefined;
  return unlessRejected(() => tokens.readClient(id, clock.now()));
}
