// The assertion by which a service proves its private key: `private_key_jwt` (RFC 7523 §3, OpenID Connect Core §9).
import { createHash } from "node:crypto";
import { leewayMaxSeconds } from "../../clock.js";
import { AmphoError, unlessRejected } from "../../errors.js";
import { importPublishedKeys } from "../../signing-keys/jwk-set.js";
import { createKeySet } from "../../signing-keys/key.js";
import type { TokenIssue } from "../../store/sql/account/services.js";
import { isStorableText } from "../../store/storable-text.js";
import type { Claims } from "../../tokens/claims.js";
import { peekJwt, type TokenKind, verifyJwt } from "../../tokens/jwt.js";
import type { Deps } from "../deps.js";

interface AssertionClaims extends Claims {
  readonly sub: string;
  readonly jti: string;
  /** One text. An assertion for several servers could be used again at each of them. */
  readonly aud: string;
}

const assertion: TokenKind<AssertionClaims> = {
  typ: "client-authentication+jwt",
  types: new Set([undefined, "jwt", "client-authentication+jwt"]),
  isComplete: (claims): claims is AssertionClaims =>
    claims.sub !== undefined &&
    claims["iss"] === claims.sub &&
    claims.jti !== undefined &&
    typeof claims["aud"] === "string",
};

const aheadMaxSeconds = 300;

export const unknownClient = () => new AmphoError("invalid_client", "The service account could not be authenticated.");

type AssertionDeps = Pick<Deps, "store" | "settings" | "clock">;

/** Rejects with `invalid_client`. */
export async function verifyServiceAssertion(
  { store, settings, clock }: AssertionDeps,
  text: string,
): Promise<Pick<TokenIssue, "serviceId" | "proof">> {
  const serviceId = peekJwt(text)?.claims["sub"];
  const service =
    typeof serviceId === "string" && isStorableText(serviceId) ? await store.findService(serviceId) : undefined;
  if (service?.jwks === undefined || service.id !== serviceId || service.disabled) throw unknownClient();
  const keys = createKeySet(importPublishedKeys(JSON.parse(service.jwks))?.keys ?? []);
  const rules = { now: clock.now(), leewaySeconds: settings.tokenLeeway };
  const { claims } = unlessRejected(() => verifyJwt(text, keys, assertion, rules)) ?? {};
  if (claims === undefined) throw unknownClient();
  const isHere = audiencesOf(settings).includes(claims.aud);
  const isShort = claims.exp <= rules.now + aheadMaxSeconds + rules.leewaySeconds;
  if (claims.sub !== serviceId || !isHere || !isShort) throw unknownClient();
  const hash = createHash("sha256").update(`assertion ${serviceId} ${claims.jti}`).digest("base64url");
  const spending = { hash, until: claims.exp + leewayMaxSeconds, idempotency: undefined };
  return { serviceId, proof: { jwks: service.jwks, spending } };
}

/** The issuer, and the token endpoint under AMPHO_APP_URL and AMPHO_API_URL. They never come from the request. */
const audiencesOf = ({ tokenIssuer, appUrl, apiUrl, restPrefix }: Deps["settings"]): readonly string[] => [
  ...(tokenIssuer === undefined ? [] : [tokenIssuer]),
  ...[appUrl, apiUrl].flatMap((url) => (url === undefined ? [] : [new URL(`${restPrefix}/token`, url).href])),
];
