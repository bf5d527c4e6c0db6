// Key pairs that a test can export. See src/signing-keys/generate.ts for why the objects of `generateKeyPairSync` must not be exported.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  type RSAKeyPairOptions,
} from "node:crypto";

const encoding = {
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: { type: "pkcs8", format: "der" },
} as const;

interface Options {
  readonly modulusLength?: number;
  readonly publicExponent?: number;
  readonly namedCurve?: string;
}

/** The types and options of `generateKeyPairSync`. */
export function keyPair(
  type: "rsa" | "ec" | "ed25519" | "ed448",
  options: Options = {},
): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  const given = { ...options, ...encoding } as RSAKeyPairOptions<"der", "der">;
  const pair = generateKeyPairSync(type as "rsa", given);
  return {
    privateKey: createPrivateKey({ key: pair.privateKey, ...encoding.privateKeyEncoding }),
    publicKey: createPublicKey({ key: pair.publicKey, ...encoding.publicKeyEncoding }),
  };
}
