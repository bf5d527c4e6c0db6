// Decides whether an instance can be attacked: it has the key that is known here, it is on this machine, or the operator has typed its
// host a second time. No attack runs before that is known. The proof of the key sends one token: for an unknown login, without
// roles, valid for a few seconds.
import { randomBytes } from "node:crypto";
import { bearerHeader, type TokenRules } from "./attack.js";
import { type Exchange, headerOf, membersOf } from "./exchange.js";
import { forge, join, segmentsOf } from "./forge.js";
import { isObject, type Key } from "./key.js";

export type Consent =
  /** `key` is the server's key, if the known key was shown to be that key. */
  | { readonly given: true; readonly key: Key | undefined; readonly skewSeconds: number }
  | { readonly given: false; readonly why: string };

/** This machine (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). A name below `localhost` can resolve to any host. */
const isLoopback = ({ hostname }: URL): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);

/** Reports whether an attacker on the network path cannot read what is sent: TLS, or this machine. */
export const isConfidential = (url: URL): boolean => url.protocol === "https:" || isLoopback(url);

export interface ConsentInput {
  readonly exchange: Exchange;
  readonly api: URL;
  readonly key: Key | undefined;
  readonly rules: Pick<TokenRules, "issuer" | "audience">;
  /** True if the operator has typed the host a second time. */
  readonly ownsHost: boolean;
  readonly nowSeconds: number;
}

/** Sends nothing to another host that neither a key nor a repeated host belongs to. */
export async function askConsent({ exchange, api, key, rules, ownsHost, nowSeconds }: ConsentInput): Promise<Consent> {
  if (key === undefined && !ownsHost && !isLoopback(api)) return rejected(noKey);
  const published = await exchange.send({ path: "/.well-known/jwks.json" });
  const jwks = membersOf(published)["keys"];
  if (published.status !== 200 || !Array.isArray(jwks))
    return rejected("There is no Ampho at this URL, because it has no JWK Set under the REST prefix.");
  const skewSeconds = skewOf(headerOf(published, "date"), nowSeconds);
  if (key === undefined) return { given: true, key, skewSeconds };
  const problem = await prove(exchange, key, jwks, rules, nowSeconds + skewSeconds);
  if (problem === undefined) return { given: true, key, skewSeconds };
  return ownsHost ? { given: true, key: undefined, skewSeconds } : rejected(problem);
}

const noKey =
  "Without its key, nothing shows that this server is yours. Configure the key, use --key-stdin, or repeat the host with --i-own-this-host.";
const rejected = (why: string): Consent => ({ given: false, why });

/**
 * Returns undefined if the server knows the signature of the key from a random one, else the reason. Its routes take no token
 * but that of a session. So 403 shows that the signature was good, and 401 that it was not.
 */
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
  const login = `attack-${randomBytes(9).toString("hex")}`;
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
  if (good.status !== 403 || membersOf(good)["error"] !== "credential_not_accepted")
    return `${other}, or another issuer or audience is configured there.`;
  const { header, payload, signature } = segmentsOf(token);
  const random = randomBytes(Buffer.from(signature, "base64url").length).toString("base64url");
  const bad = await exchange.send({ path: "/session", headers: [bearerHeader(join(header, payload, random))] });
  if (bad.status !== 401)
    return "The server accepts tokens with any signature. That is a fault, and no proof that the server is yours. No attack ran.";
  return undefined;
}

function isOf({ publicJwk }: Key, jwk: unknown): boolean {
  if (!isObject(jwk) || publicJwk === undefined) return false;
  return ["kid", "kty", "crv", "x", "y", "n", "e"].every((name) => jwk[name] === publicJwk[name]);
}

/** The seconds by which the server's clock is ahead of this machine. */
function skewOf(date: string | undefined, nowSeconds: number): number {
  const theirs = Math.floor(Date.parse(date ?? "") / 1000);
  return Number.isFinite(theirs) ? theirs - nowSeconds : 0;
}
