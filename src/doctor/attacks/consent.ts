// Whether a running instance may be attacked: it has the configured key, or it was started with AMPHO_ALLOW_ATTACK_TEST=true.
// Nothing is tried before that is known. One token goes there: of nobody, without roles, for a few seconds.
import { randomBytes } from "node:crypto";
import { consentHeader } from "../../http/rest/responses/attack-consent.js";
import type { Key } from "../../keys/key.js";
import { type Exchange, headerOf, membersOf } from "../exchange.js";
import { bearer, type TokenRules } from "./attack.js";
import { forge, join, segmentsOf } from "./forge.js";

export type Consent =
  /** `key`: the server's key, where the configured one was found to be it. */
  | { readonly given: true; readonly by: "key" | "server"; readonly key: Key | undefined; readonly skewSeconds: number }
  | { readonly given: false; readonly why: string };

/** Whether what is sent there is seen by nobody on the way: TLS, or this machine. */
export function isPrivate({ protocol, hostname }: URL): boolean {
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
    return refused("there is no Ampho at this URL: it has no JWK Set under the REST prefix");
  const skewSeconds = skewOf(headerOf(published, "date"), nowSeconds);
  const declared = headerOf(published, consentHeader) === "true";
  const key = keys?.[0];
  const proof = key === undefined ? noKey : await prove(exchange, key, jwks, rules, nowSeconds + skewSeconds);
  if (declared) return { given: true, by: "server", key: proof === undefined ? key : undefined, skewSeconds };
  if (proof !== undefined) return refused(proof);
  return { given: true, by: "key", key, skewSeconds };
}

const noKey = "there is no key to show that the server is yours: configure its key, or use --key-stdin";
const refused = (why: string): Consent => ({ given: false, why });

/** Undefined when the server takes what the key signs, and not what anybody signs; else why it is no proof. */
async function prove(
  exchange: Exchange,
  key: Key,
  jwks: readonly unknown[],
  { issuer, audience }: Pick<TokenRules, "issuer" | "audience">,
  now: number,
): Promise<string | undefined> {
  const other = "the configured key is not the server's";
  // A public key that it does not know is a key that it does not have: no token has to be shown.
  if (key.publicJwk !== undefined && !jwks.some((jwk) => isOf(key, jwk))) return other;
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
  const good = await exchange.send({ path: "/session", headers: [bearer(token)] });
  if (good.status !== 200 || membersOf(good)["login"] !== login)
    return `${other}, or another issuer or audience is configured there`;
  const { header, payload, signature } = segmentsOf(token);
  const anybodys = randomBytes(Buffer.from(signature, "base64url").length).toString("base64url");
  const bad = await exchange.send({ path: "/session", headers: [bearer(join(header, payload, anybodys))] });
  if (bad.status === 200)
    return "it takes tokens with any signature: a fault, and no proof that it is yours. Nothing else was tried";
  return undefined;
}

function isOf({ publicJwk }: Key, jwk: unknown): boolean {
  if (typeof jwk !== "object" || jwk === null || publicJwk === undefined) return false;
  const published: Readonly<Record<string, unknown>> = { ...jwk };
  return ["kid", "kty", "crv", "x", "y", "n", "e"].every((name) => published[name] === publicJwk[name]);
}

/** How far the server's clock is ahead of ours. */
export function skewOf(date: string | undefined, nowSeconds: number): number {
  const theirs = Math.floor(Date.parse(date ?? "") / 1000);
  return Number.isFinite(theirs) ? theirs - nowSeconds : 0;
}
