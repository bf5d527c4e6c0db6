// How Ampho proves at the token endpoint that it is the client (RFC 6749 §2.3).
import { sign } from "node:crypto";
import type { ClientAuth } from "oauth4webapi";
import type { ClientProof, ProviderSettings } from "../config/provider-settings.js";
import { encodeBase64url } from "../crypto/base64url.js";
import type { ProtocolLibrary } from "./library.js";

/** Apple accepts up to six months. The secret is created for one request. */
const appleSecretSeconds = 300;

export function authenticateClient(
  library: ProtocolLibrary,
  { issuer, clientId, proof }: Pick<ProviderSettings, "issuer" | "clientId" | "proof">,
  methods: readonly string[] | undefined,
  now: number,
): ClientAuth {
  if ("key" in proof) return library.ClientSecretPost(appleSecret(proof, issuer, clientId, now));
  // Without a list, the method is Basic (OpenID Connect Discovery §3). Several providers decode its escapes wrongly.
  const prefersBody = methods?.includes("client_secret_post") === true;
  return prefersBody ? library.ClientSecretPost(proof.secret) : library.ClientSecretBasic(proof.secret);
}

/** developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret */
function appleSecret(
  { team, keyId, key }: Extract<ClientProof, { readonly key: unknown }>,
  issuer: string,
  clientId: string,
  now: number,
): string {
  const header = { alg: "ES256", kid: keyId };
  const claims = { iss: team, iat: now, exp: now + appleSecretSeconds, aud: issuer, sub: clientId };
  const input = `${encodeBase64url(JSON.stringify(header))}.${encodeBase64url(JSON.stringify(claims))}`;
  const signature = sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}
