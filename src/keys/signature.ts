// Signatures of a JWS (RFC 7515 §5), synchronous: WebCrypto would queue behind password hashes on libuv's threads.
import {
  constants,
  createVerify,
  hash,
  type KeyObject,
  publicDecrypt,
  sign,
  type VerifyKeyObjectInput,
  verify,
} from "node:crypto";
import { decodeBase64urlInto } from "../crypto/base64url.js";
import { type Algorithm, algorithmFacts } from "./algorithms.js";
import { type Key, tokenCharactersMax, type VerifySignature } from "./key.js";
import { tryCreate } from "./members.js";

/** Compares every character, so that the time does not show how many of them are right. */
function isEqual(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let at = 0; at < one.length; at++) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}

/** The buffer for the bytes of a signing input, in use during one call. */
const octets = Buffer.alloc(tokenCharactersMax);

function toOctets(input: string): Buffer {
  if (input.length > octets.length) return Buffer.from(input, "latin1");
  return octets.subarray(0, octets.write(input, "latin1"));
}

export function createVerification(algorithm: Algorithm, publicKey: KeyObject): VerifySignature {
  const { kty, hash, signature: options } = algorithmFacts(algorithm);
  if (kty === "RSA" && hash !== null && options === undefined) {
    const verifyPkcs1 = createPkcs1Verification(publicKey, hash);
    if (verifyPkcs1 !== undefined) return (input, signature) => verifyPkcs1(toOctets(input), signature);
  }
  if (hash === null || options === undefined)
    return (input, signature) => verify(hash, toOctets(input), publicKey, signature);
  const key = { key: publicKey, ...options };
  if (isTaken(hash, key)) return (input, signature) => verify(hash, toOctets(input), key, signature);
  const bytes = publicKey.export({ format: "der", type: "spki" });
  const parsedAgain = { key: bytes, format: "der", type: "spki", ...options } as const;
  return (input, signature) => createVerify(hash).update(toOctets(input)).verify(parsedAgain, signature);
}

/** Returns whether this runtime accepts options with a KeyObject. workerd accepts them only with key bytes. */
const isTaken = (hash: string, key: VerifyKeyObjectInput): boolean =>
  tryCreate(() => verify(hash, Buffer.alloc(0), key, Buffer.alloc(0))) !== undefined;

/** The signature of an ASCII signing input in base64url. The key must be able to sign. */
export function signInput(key: Key, input: string): string {
  const { material } = key;
  if (material.kind === "secret") return material.computeHmac(input);
  if (material.signing === undefined) throw new TypeError("a public key cannot sign");
  return sign(algorithmFacts(key.algorithm).hash, toOctets(input), material.signing).toString("base64url");
}

/** The buffer for a decoded signature. It is as long as the longest token. */
const decoded = Buffer.alloc(tokenCharactersMax);

/** Returns whether `signature` is the canonical base64url of a signature of `input` by `key`. `input` must be ASCII. */
export function verifyInput(key: Key, input: string, signature: string): boolean {
  const { material } = key;
  // To compare the text instead of the bytes rejects every other spelling of the same bytes.
  if (material.kind === "secret") return isEqual(material.computeHmac(input), signature);
  const bytes = decodeBase64urlInto(decoded, signature);
  return bytes !== -1 && material.verify(input, decoded.subarray(0, bytes));
}

// RSASSA-PKCS1-v1_5 verification as RFC 8017 §8.2.2 describes it. The whole encoded message is built and compared, so
// there is no padding to parse and none to forge. It is a tenth faster than crypto.verify for a key of 2048 bits, so
// that a guarded request costs no more than the bare signature.

type DigestName = "sha256" | "sha384" | "sha512";

/** The DER of DigestInfo before the hash itself, and the length of that (RFC 8017 §9.2, note 1). */
const digests: Readonly<Record<DigestName, { readonly info: string; readonly bytes: number }>> = {
  sha256: { info: "3031300d060960864801650304020105000420", bytes: 32 },
  sha384: { info: "3041300d060960864801650304020205000430", bytes: 48 },
  sha512: { info: "3051300d060960864801650304020305000440", bytes: 64 },
};

/** EMSA-PKCS1-v1_5 (RFC 8017 §9.2) with room for the hash at its end. */
function encodeMessage(digest: DigestName, modulusBytes: number): Buffer {
  const { info, bytes } = digests[digest];
  const encoded = Buffer.alloc(modulusBytes, 0xff);
  encoded.set([0x00, 0x01]);
  const infoAt = modulusBytes - bytes - info.length / 2;
  encoded[infoAt - 1] = 0x00;
  encoded.write(info, infoAt, "hex");
  return encoded;
}

type Raw = { readonly key: KeyObject; readonly padding: number };

/** The node:crypto of Deno removes the padding even with RSA_NO_PADDING. The test value 1 stays 1 to any power. */
function isRaw(options: Raw, modulusBytes: number): boolean {
  const one = Buffer.alloc(modulusBytes);
  one[modulusBytes - 1] = 1;
  return tryCreate(() => publicDecrypt(options, one))?.equals(one) === true;
}

/** Undefined where RSA without padding is missing. The key has 2048 bits or more. */
function createPkcs1Verification(
  publicKey: KeyObject,
  digest: DigestName,
): ((input: Buffer, signature: Buffer) => boolean) | undefined {
  const modulusBits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
  const modulusBytes = Math.ceil(modulusBits / 8);
  const expected = encodeMessage(digest, modulusBytes);
  const hashAt = modulusBytes - digests[digest].bytes;
  const options = { key: publicKey, padding: constants.RSA_NO_PADDING };
  if (!isRaw(options, modulusBytes)) return undefined;
  return (input, signature) => {
    // Step 1 checks the length. OpenSSL would read a shorter one as a smaller number.
    if (signature.length !== modulusBytes) return false;
    expected.write(hash(digest, input, "binary"), hashAt, "binary");
    try {
      return publicDecrypt(options, signature).equals(expected);
    } catch {
      // OpenSSL throws for a number that is not below the modulus.
      return false;
    }
  };
}
