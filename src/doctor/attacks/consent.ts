// Decides whether the doctor can attack an instance: it has the configured key, or it runs with AMPHO_ALLOW_ATTACK_TEST=true.
// No attack runs before that is known. The proof sends one token: for an unknown login, without roles, valid for a few seconds.
import { randomBytes } from "node:crypto";
import { attackConsentHeader } from "../../http/rest/responses/response.js";
import type { Key } from "../../keys/key.js";
import { type Exchange, headerOf, membersOf } from "../exchange.js";
import { bearerHeader, type TokenRules } from "./attack.js";
import { forge, join, segmentsOf } from "./forge.js";

export type Consent =
  /** `key` is the server's key, if the configured key was shown to be that key. */
  | { readonly given: true; readonly by: "key" | "server"; readonly key: Key | undefined; readonly skewSeconds: number }
  | { readonly given: false; readonly why: string };

/** Reports whether an attacker on the network path cannot read what is sent: TLS, or this machine. */
export function isConfidential({ protocol, hostname }: URL): boolean {
  return (
    protocol === "https:" || (protocol === "http:" && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname))
  );
}

export async function askConsent(
  exchange: Exchange,
  keys: readonly Key[] | undefined,
  rules: Pick<TokenRules, "issuer" | "audience">,
  nowSeconds: number,
): Promise<Consent> {
  const published = await exchange.send({ path: "/.well-known/jwks.json" });
  const jwks = membersOf(published)["keys"];
  if (published.status !== 200 || !Array.isArray(jwks))
    return rejected("There is no Ampho at this URL, because it has no JWK Set under the REST prefix.");
  const skewSeconds = skewOf(headerOf(published, "date"), nowSeconds);
  const declared = headerOf(published, attackConsentHeader) === "true";
  const key = keys?.[0];
  const proof = key === undefined ? noKey : await prove(exchange, key, jwks, rules, nowSeconds + skewSeconds);
  if (declared) return { given: true, by: "server", key: proof === undefined ? key : undefined, skewSeconds };
  if (proof !== undefined) return rejected(proof);
  return { given: true, by: "key", key, skewSeconds };
}

const noKey =
  "Without its key, the doctor cannot show that the server is yours. Configure the key, or use --key-stdin.";
const rejected = (why: string): Consent => ({ given: false, why });

/** Returns undefined if the server accepts what the key signs and rejects a random signature, else the reason. */
async function prove(
  exchange: Exchange,
  key: Key,
  jwks: readonly unknown[],
  { issuer, audience }: Pick<TokenRules, "issuer" | "audience">,
  now: number,
): Promise<string | undefined> {
  const other = "The configured key is not the key of the server";
  // The server does not publish this public key, so it does not have the key. No token is sent.
  if (key.publicJwk !== undefined && !jwks.some((jwk) => isOf(key, jwk))) return `${other}.`;
  const login = `doctor-${randomBytes(9).toString("hex")}`;
  const claims = {
    login,
    iat: now,
    nbf: now,
    exp: now + 5,
    ...(issuer === undefined ? {} : { iss: issuer }),
    ...(audience.length === 0 ? {} : { aud: audience }),
  };
  const token = forge(key, { alg: key.algorithm, kid: key.kid, typ: "at+jwt" }, claims);
  const good = await exchange.send({ path: "/session", headers: [bearerHeader(token)] });
  if (good.status !== 200 || membersOf(good)["login"] !== login)
    return `${other}, or another issuer or audience is configured there.`;
  const { header, payload, signature } = segmentsOf(token);
  const random = randomBytes(Buffer.from(signature, "base64url").length).toString("base64url");
  const bad = await exchange.send({ path: "/session", headers: [bearerHeader(join(header, payload, random))] });
  if (bad.status === 200)
    return "The server accepts tokens with any signature. That is a fault, and no proof that the server is yours. No attack ran.";
  return undefined;
}

function isOf({ publicJwk }: Key, jwk: unknown): boolean {
  if (typeof jwk !== "object" || jwk === null || publicJwk === undefined) return false;
  const published: Readonly<Record<string, unknown>> = { ...jwk };
  return ["kid", "kty", "crv", "x", "y", "n", "e"].every((name) => published[name] === publicJwk[name]);
}

/** The seconds by which the server's clock is ahead of this machine. */
export function skewOf(date: string | undefined, nowSeconds: number): number {
  const theirs = Math.floor(Date.parse(date ?? "") / 1000);
  return Number.isFinite(theirs) ? theirs - nowSeconds : 0;
}
