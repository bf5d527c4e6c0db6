// Creates valid and invalid tokens in any form with node:crypto alone, and the keys of these tests.
import { createHmac } from "node:crypto";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { importKeys } from "../../dist/signing-keys/jwk-set.js";
import { createKeySet, type Key, type KeySet } from "../../dist/signing-keys/key.js";

export const now = 1_790_000_000;

export const rules = { now, leewaySeconds: 60, foreignMaxSeconds: 86_400 };

export const goodClaims = { login: "alice", exp: now + 900 };

export function encode(value: string | Uint8Array | object): string {
  const bytes = typeof value === "string" || value instanceof Uint8Array ? value : JSON.stringify(value);
  return Buffer.from(bytes).toString("base64url");
}

export interface Forger {
  readonly jwk: Readonly<Record<string, string>>;
  readonly key: Key;
  readonly keys: KeySet;
  /** Signs two segments without changing them. */
  sign(header: string, payload: string): string;
  /** Encodes and signs. A string is used as text. */
  forge(header: string | Uint8Array | object, payload: string | Uint8Array | object): string;
}

export function setOf(...jwks: readonly unknown[]): KeySet {
  return createKeySet(importKeys({ keys: jwks }).keys);
}

export function firstOf(keys: KeySet): Key {
  const key = keys.keys[0];
  if (key === undefined) throw new Error("the set is empty");
  return key;
}

/** An HS256 key that signs any text. */
export function createForger(): Forger {
  const jwk = generateJwk("HS256");
  const secret = Buffer.from(jwk["k"] ?? "", "base64url");
  const sign = (header: string, payload: string) => {
    const input = `${header}.${payload}`;
    return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
  };
  const keys = setOf(jwk);
  return { jwk, keys, key: firstOf(keys), sign, forge: (header, payload) => sign(encode(header), encode(payload)) };
}
