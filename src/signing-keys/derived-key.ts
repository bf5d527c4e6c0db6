// Keys derived from a private key, one for each kind of token: HKDF-SHA-256 (RFC 5869) with the kind as `info`. A
// standard verifier that has our JWK or JWKS cannot mistake a token under a derived key for an access token.
import { createSecretKey, hkdfSync } from "node:crypto";
import { createSecretMaterial, type Key } from "./key.js";

const derivedBytes = 32;

function privateOctets(key: Key): Buffer | undefined {
  const { material } = key;
  if (material.kind === "secret") return material.secret.export();
  const privateKey = material.signing?.key;
  if (privateKey === undefined || !("export" in privateKey)) return undefined;
  const { d } = privateKey.export({ format: "jwk" });
  return d === undefined ? undefined : Buffer.from(d, "base64url");
}

/** An HS256 key for one kind of token, with the same `kid`. Undefined for a public key, because it has no secret. */
export function deriveKey(key: Key, info: string): Key | undefined {
  const octets = privateOctets(key);
  if (octets === undefined) return undefined;
  const secret = createSecretKey(Buffer.from(hkdfSync("sha256", octets, "", info, derivedBytes)));
  return {
    kid: key.kid,
    algorithm: "HS256",
    canSign: key.canSign,
    publicJwk: undefined,
    material: createSecretMaterial(secret, "HS256"),
  };
}
