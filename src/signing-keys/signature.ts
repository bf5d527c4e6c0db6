// Signatures of a JWS (RFC 7515 §5), synchronous: WebCrypto would queue behind password hashes on libuv's threads.
import { createVerify, type KeyObject, sign, type VerifyKeyObjectInput, verify } from "node:crypto";
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
  const { hash, signature: options } = algorithmFacts(algorithm);
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
