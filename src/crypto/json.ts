// Strict JSON (RFC 8259) for headers and payloads: a UTF-8 object without a repeated member (RFC 7515 §4, RFC 7519 §4),
// at any depth and in any escaped form. A byte order mark and half of a surrogate pair are rejected.
import { isUtf8 } from "node:buffer";

/** Far more than a token needs. Later code can walk the value recursively without exceeding its stack. */
const depthMax = 64;

const quote = 0x22;
const colon = 0x3a;
const openArray = 0x5b;
const backslash = 0x5c;
const closeArray = 0x5d;
const openObject = 0x7b;
const closeObject = 0x7d;

/** How many members are written, at every depth. -1 when they are nested too deeply. */
function countWritten(bytes: Buffer, end: number): number {
  let members = 0;
  let depth = 0;
  for (let at = 0; at < end; at++) {
    const byte = bytes[at];
    if (byte === quote) {
      for (at++; at < end && bytes[at] !== quote; at++) if (bytes[at] === backslash) at++;
    } else if (byte === colon) members++;
    else if (byte === openObject || byte === openArray) {
      if (++depth > depthMax) return -1;
    } else if (byte === closeObject || byte === closeArray) depth--;
  }
  return members;
}

/** The fewest characters that spell a value (`1e3` for 1000), or Infinity where they are not worth counting. */
function leastLengthOf(value: unknown): number {
  if (typeof value === "string") return value.length + 2;
  if (typeof value !== "number" || !Number.isInteger(value)) return Number.POSITIVE_INFINITY;
  if (value >= 0 && value <= 9) return 1;
  if (value < 0 || value >= 1e10 || value % 1000 === 0) return Number.POSITIVE_INFINITY;
  return value >= 1e9 ? 10 : String(value).length;
}

/**
 * Returns whether `length` characters are the fewest that spell the object. Then nothing in it is repeated, escaped or
 * spaced. Most tokens are written so, and this takes a quarter of the time in which the colons of a token are counted.
 */
function isBriefest(object: Readonly<Record<string, unknown>>, length: number): boolean {
  // An enumerable name on Object.prototype would be counted below.
  for (const _inherited in {}) return false;
  // The braces, and one comma less than members.
  let least = 1;
  for (const name in object) {
    const value = object[name];
    // Two quotes, a colon and a comma.
    least += name.length + 4;
    if (Array.isArray(value)) {
      least += value.length === 0 ? 2 : 1;
      for (const part of value) least += leastLengthOf(part) + 1;
    } else least += leastLengthOf(value);
  }
  return least === length;
}

function countMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const parts = Object.values(value);
  let count = Array.isArray(value) ? 0 : parts.length;
  for (const part of parts) count += countMembers(part);
  return count;
}

const escapes = /\\(?:u([0-9a-fA-F]{4})|.)/gs;

/** `\ud800` without its other half. JSON.parse accepts it, and other languages reject or replace it. */
function hasHalfPair(text: string): boolean {
  let high = -1;
  for (const found of text.matchAll(escapes)) {
    const unit = Number.parseInt(found[1] ?? "0", 16);
    if (high !== -1) {
      if (found.index !== high || unit < 0xdc00 || unit > 0xdfff) return true;
      high = -1;
    } else if (unit >= 0xdc00 && unit <= 0xdfff) return true;
    else if (unit >= 0xd800 && unit <= 0xdbff) high = found.index + found[0].length;
  }
  return high !== -1;
}

export const isJsonObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((text) => typeof text === "string");

/**
 * The object that `bytes` (the first `end` of them) spell, or undefined when they are anything else.
 * A member `__proto__` is an ordinary own property of it. `kept`: the caller checks each text for half pairs itself.
 */
export function parseJsonObject(
  bytes: Buffer,
  end = bytes.length,
  halfPairs: "rejected" | "kept" = "rejected",
): Record<string, unknown> | undefined {
  const text = bytes.toString("utf8", 0, end);
  // Bytes that are no UTF-8 become U+FFFD, which only a text with more than Latin-1 can hold.
  if ((text.length !== end || text.includes("\ufffd")) && !isUtf8(bytes.subarray(0, end))) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value)) return undefined;
  if (isBriefest(value, text.length)) return value;
  // JSON.parse keeps the last of two members with one name: then fewer are read than are written.
  const written = countWritten(bytes, end);
  if (written === -1 || written !== countMembers(value)) return undefined;
  return halfPairs === "rejected" && text.includes("\\") && hasHalfPair(text) ? undefined : value;
}
