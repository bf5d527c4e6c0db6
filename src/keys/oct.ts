// Symmetric keys: RFC 7518 §6.4.
import { createSecretKey } from "node:crypto";
import { type KeyReader, readOctets } from "./members.js";

/** An HMAC hashes a longer secret first (RFC 2104 §2), so length adds nothing. This limit only limits the work. */
const secretBytesMax = 8192;

export const readOct: KeyReader = (jwk, report) => {
  const octets = readOctets(jwk, "k", report);
  if (octets === undefined) return undefined;
  if (octets.length === 0) return void report("`k` is empty");
  if (octets.length > secretBytesMax) return void report(`\`k\` must have at most ${secretBytesMax} bytes`);
  return { secret: createSecretKey(octets), publicMembers: {} };
};
