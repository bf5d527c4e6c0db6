// Reads the members of a JWK (RFC 7517 §4, RFC 7518 §6). A report contains no value of the key, because of logs.
import type { KeyObject } from "node:crypto";
import { decodeBase64url } from "../crypto/base64url.js";

export type Jwk = Readonly<Record<string, unknown>>;
export type Report = (problem: string) => void;

export interface KeyMembers {
  readonly secret?: KeyObject;
  readonly publicKey?: KeyObject;
  readonly privateKey?: KeyObject;
  readonly crv?: string;
  /** The members that a public JWK has. */
  readonly publicMembers: Readonly<Record<string, string>>;
}

/** An unsupported value, which a reader of sets can skip (RFC 7517 §5). */
export interface Unsupported {
  readonly unsupported: string;
}

/** Undefined after something was reported. */
export type KeyReader = (jwk: Jwk, report: Report) => KeyMembers | Unsupported | undefined;

/** The bytes of a base64url member, of `bytes` length if that is given. */
export function readOctets(jwk: Jwk, name: string, report: Report, bytes?: number): Buffer | undefined {
  const value = jwk[name];
  const octets = typeof value === "string" ? decodeBase64url(value) : undefined;
  if (octets === undefined) return void report(`\`${name}\` must be a base64url string without padding`);
  if (bytes !== undefined && octets.length !== bytes) return void report(`\`${name}\` must have ${bytes} bytes`);
  return octets;
}

/** A Base64urlUInt (RFC 7518 §2): no more octets than the value needs. */
export function readInteger(jwk: Jwk, name: string, report: Report): bigint | undefined {
  const octets = readOctets(jwk, name, report);
  if (octets === undefined) return undefined;
  if (octets.length === 0 || octets[0] === 0)
    return void report(`\`${name}\` must be a positive integer without leading zero octets`);
  // No key in use is longer, and arithmetic on longer numbers takes time.
  if (octets.length > 2048) return void report(`\`${name}\` is too long`);
  return BigInt(`0x${octets.toString("hex")}`);
}

/** Undefined for what OpenSSL rejects. Its checks, and whether it throws, differ between versions of Node. */
export function tryCreate<T>(create: () => T): T | undefined {
  try {
    return create();
  } catch {
    return undefined;
  }
}

/** `d` of every key pair. The others are of RSA. A prime without `d` is enough to compute it. */
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/** True when a private member exists, even if it is no string. */
export const isPrivate = (jwk: Jwk): boolean => privateMembers.some((name) => jwk[name] !== undefined);

/** When the key came into its state (states.ts), in Unix seconds. The time counts only beside the actual state. */
export const sinceOf = ({ state, since }: Jwk, actual: string): number | undefined =>
  state === actual && typeof since === "number" && Number.isSafeInteger(since) && since >= 0 ? since : undefined;
