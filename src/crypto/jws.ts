// JWS compact serialization: RFC 7515 §3.1, §5 and §7.1, in the one spelling and form of docs/concepts.md: three segments of
// strict base64url, a JSON header without repeated members, the algorithm bound to the key (RFC 8725 §3.1), no extensions.
import { decodeBase64url, encodeBase64url } from "./base64url.js";
import { parseJsonObject } from "./json.js";
import type { Key, KeySet } from "./key.js";
import { refuse } from "./refusal.js";
import { signInput, verifyInput } from "./signature.js";

const tokenCharactersMax = 8192;

export interface Jws {
  readonly key: Key;
  /** As it is compared: in lower case, without `application/`; empty when there is none. */
  readonly typ: string;
  /** Whether the header names the key. */
  readonly named: boolean;
  readonly payload: Buffer;
}

interface Header {
  /** Whose signature it may be: one key, or without `kid` all of the algorithm. */
  readonly candidates: readonly Key[];
  readonly typ: string;
  readonly named: boolean;
}

export type IsKeyRevoked = (kid: string) => boolean;

export interface JwsSegments {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
}

/** Header segments of tokens that verified, which almost all later tokens share. Junk cannot get in. */
const headersMax = 64;
const knownHeaders = new WeakMap<KeySet, Map<string, Header>>();

function headersOf(keys: KeySet): Map<string, Header> {
  const known = knownHeaders.get(keys);
  if (known !== undefined) return known;
  const none = new Map<string, Header>();
  knownHeaders.set(keys, none);
  return none;
}

/** Splits a token; throws AmphoError `invalid_token` when it is too long or has not three segments. */
export function splitJws(token: string): JwsSegments {
  if (token.length > tokenCharactersMax) refuse("tooLong");
  const first = token.indexOf(".");
  const last = token.indexOf(".", first + 1);
  if (first === -1 || last === -1 || token.indexOf(".", last + 1) !== -1) refuse("form");
  return { header: token.slice(0, first), payload: token.slice(first + 1, last), signature: token.slice(last + 1) };
}

/** RFC 7515 §4.1.9: a media type, of which `application/` may be left out, compared in any case. */
function normalizeType(typ: string): string {
  const lower = typ.toLowerCase();
  return lower.startsWith("application/") ? lower.slice("application/".length) : lower;
}

/** The members of a header; throws AmphoError `invalid_token` when it is not strict. `jku`, `x5u`, `jwk`, `x5c` are not read. */
export function readHeaderMembers(segment: string): Record<string, unknown> {
  const bytes = decodeBase64url(segment);
  if (bytes === undefined) refuse("form");
  return parseJsonObject(bytes) ?? refuse("header");
}

function readHeader(segment: string, keys: KeySet): Header {
  const { alg, kid, typ = "", crit, b64 } = readHeaderMembers(segment);
  if (typeof alg !== "string" || typeof typ !== "string") refuse("header");
  if (crit !== undefined || b64 !== undefined) refuse("extension");
  if (kid === undefined) {
    const candidates = keys.byAlgorithm.get(alg) ?? refuse("algorithm");
    return { candidates, typ: normalizeType(typ), named: false };
  }
  if (typeof kid !== "string" || kid === "") refuse("header");
  const key = keys.byKid.get(kid) ?? refuse("unknownKey");
  if (key.algorithm !== alg) refuse("algorithm");
  return { candidates: [key], typ: normalizeType(typ), named: true };
}

function findSigner(header: Header, input: string, signature: string, isKeyRevoked: IsKeyRevoked): Key {
  let revoked = 0;
  for (const key of header.candidates) {
    if (isKeyRevoked(key.kid)) revoked++;
    else if (verifyInput(key, input, signature)) return key;
  }
  return refuse(revoked === header.candidates.length ? "revokedKey" : "signature");
}

/**
 * Verifies a token's form and signature with the keys, of which those that `isKeyRevoked` names verify nothing.
 * Throws AmphoError `invalid_token`.
 */
export function verifyJws(token: string, keys: KeySet, isKeyRevoked: IsKeyRevoked): Jws {
  const segments = splitJws(token);
  const headers = headersOf(keys);
  const known = headers.get(segments.header);
  const header = known ?? readHeader(segments.header, keys);
  // What is signed is decoded strictly before it is taken for ASCII.
  const payload = decodeBase64url(segments.payload) ?? refuse("form");
  const input = token.slice(0, segments.header.length + 1 + segments.payload.length);
  const key = findSigner(header, input, segments.signature, isKeyRevoked);
  if (known === undefined && headers.size < headersMax) headers.set(segments.header, header);
  return { key, typ: header.typ, named: header.named, payload };
}

const signingHeaders = new WeakMap<Key, Map<string, string>>();

function writeHeader(key: Key, typ: string): string {
  let headers = signingHeaders.get(key);
  if (headers === undefined) {
    headers = new Map();
    signingHeaders.set(key, headers);
  }
  const written = headers.get(typ);
  if (written !== undefined) return written;
  const header = encodeBase64url(JSON.stringify({ alg: key.algorithm, kid: key.kid, typ }));
  headers.set(typ, header);
  return header;
}

/** Signs `payload` with a key that can sign. */
export function signJws(key: Key, typ: string, payload: string): string {
  const input = `${writeHeader(key, typ)}.${encodeBase64url(payload)}`;
  return `${input}.${signInput(key, input)}`;
}
