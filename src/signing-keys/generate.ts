// New keys: RFC 7517 §4, with the RFC 7638 thumbprint as `kid`.
import { createPrivateKey, type ED25519KeyPairOptions, generateKeyPairSync, type KeyObject } from "node:crypto";
import { randomOctets } from "../crypto/random.js";
import { type Algorithm, algorithmFacts } from "./algorithms.js";
import { thumbprint } from "./thumbprint.js";

/** 128 bits of strength (NIST SP 800-57 part 1, table 2). 2048 bits must not be used after 2030. */
const modulusLength = 3072;

/** In Node 20 the `export` of a generated key object can block on its lock for ever. A new object of octets cannot. */
const encoding: ED25519KeyPairOptions<"der", "der"> = {
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: { type: "pkcs8", format: "der" },
};

function generatePrivateKey(algorithm: Algorithm): KeyObject {
  const { kty, crv } = algorithmFacts(algorithm);
  const der = () => {
    if (kty === "RSA") return generateKeyPairSync("rsa", { modulusLength, ...encoding }).privateKey;
    if (kty === "OKP") return generateKeyPairSync("ed25519", encoding).privateKey;
    return generateKeyPairSync("ec", { namedCurve: crv ?? "P-256", ...encoding }).privateKey;
  };
  return createPrivateKey({ key: der(), ...encoding.privateKeyEncoding });
}

function complete(algorithm: Algorithm, members: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { kty } = algorithmFacts(algorithm);
  return { kty, alg: algorithm, kid: thumbprint(kty, { ...members, kty }), ...members };
}

/** A new private JWK for `algorithm`: `kty`, `alg`, `kid` and its members. HMAC keys are as long as the hash. */
export function generateJwk(algorithm: Algorithm): Readonly<Record<string, string>> {
  const { secretBytes } = algorithmFacts(algorithm);
  if (secretBytes !== undefined) return complete(algorithm, { k: randomOctets(secretBytes).toString("base64url") });
  const members = Object.entries(generatePrivateKey(algorithm).export({ format: "jwk" })).filter(
    (entry): entry is [string, string] => entry[0] !== "kty" && typeof entry[1] === "string",
  );
  return complete(algorithm, Object.fromEntries(members));
}
