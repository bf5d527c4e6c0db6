// Builds valid and invalid tokens, from parts that Ampho's own signer would never combine.
import { hmacOf, isObject, type Key } from "./key.js";

/** The content of a segment: bytes, a text as it is, or a value as JSON. */
export type Content = Uint8Array | string | Readonly<Record<string, unknown>> | readonly unknown[];

export function encode(content: Content): string {
  const bytes = typeof content === "string" || content instanceof Uint8Array ? content : JSON.stringify(content);
  return Buffer.from(bytes).toString("base64url");
}

/** Signs with the key, independent of the header. */
export function forge(key: Key, header: Content, payload: Content): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${key.sign(input)}`;
}

/** Signs with an HMAC secret and the algorithm that the header names. */
export function forgeHmac(
  secret: string | Uint8Array,
  header: Readonly<Record<string, unknown>> & { readonly alg: string },
  payload: Content,
): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${hmacOf(header.alg, secret, input)}`;
}

export interface Segments {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
}

export function segmentsOf(token: string): Segments {
  const [header = "", payload = "", signature = ""] = token.split(".");
  return { header, payload, signature };
}

export const join = (...segments: readonly string[]): string => segments.join(".");

/** Returns the JSON object in a segment, or an empty object if there is none. */
export function parseSegment(segment: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(segment, "base64url").toString("utf8"));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** Returns the segment with one bit flipped. */
export function flipBit(segment: string, at: number): string {
  const bytes = Buffer.from(segment, "base64url");
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  return bytes.toString("base64url");
}
