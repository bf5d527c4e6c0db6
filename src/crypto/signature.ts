// Signatures over the signing input of a JWS (RFC 7515 §5), on synchronous node:crypto: WebCrypto would queue behind the
// password hashes on libuv's threads.
import { sign, verify } from "node:crypto";
import { algorithmFacts } from "./algorithms.js";
import { decodeBase64url } from "./base64url.js";
import type { Key } from "./key.js";

/** Compares every character whatever the ones before were, so that time does not tell how many of them are right. */
function isEqual(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let at = 0; at < one.length; at++) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}

/** The signature of an ASCII signing input, base64url. The key has to be one that can sign. */
export function signInput(key: Key, input: string): string {
  const { material } = key;
  if (material.kind === "secret") return material.computeHmac(input);
  if (material.signing === undefined) throw new TypeError("a public key cannot sign");
  return sign(algorithmFacts(key.algorithm).hash, Buffer.from(input, "latin1"), material.signing).toString("base64url");
}

/** Whether `signature` is the one spelling of a signature of `input`, which has to be ASCII, by `key`. */
export function verifyInput(key: Key, input: string, signature: string): boolean {
  const { material } = key;
  // Comparing the text instead of the bytes refuses every other spelling of the same bytes.
  if (material.kind === "secret") return isEqual(material.computeHmac(input), signature);
  const bytes = decodeBase64url(signature);
  if (bytes === undefined) return false;
  return verify(algorithmFacts(key.algorithm).hash, Buffer.from(input, "latin1"), material.verifying, bytes);
}
