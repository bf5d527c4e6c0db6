// Strict JSON (RFC 8259) for headers and payloads: a UTF-8 object in which no member is written twice (RFC 7515 §4,
// RFC 7519 §4), at any depth and however it is escaped; no byte order mark; no half of a surrogate pair.
import { isUtf8 } from "node:buffer";

/** What a token can hold is far below; what comes later may walk the value without fear for its stack. */
const depthMax = 64;

const code = {
  quote: 0x22,
  colon: 0x3a,
  open: 0x5b,
  backslash: 0x5c,
  close: 0x5d,
  openObject: 0x7b,
  closeObject: 0x7d,
};

interface Shape {
  /** How many members are written. */
  members: number;
  objects: number;
  ascii: boolean;
  escaped: boolean;
}

/** Counts what is written; undefined when it is nested too deeply. What is not JSON is found out by JSON.parse. */
function measure(bytes: Uint8Array): Shape | undefined {
  const shape: Shape = { members: 0, objects: 0, ascii: true, escaped: false };
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (inString) {
      if (byte === code.quote) inString = false;
      else if (byte === code.backslash) {
        shape.escaped = true;
        at++;
      } else if (byte > 0x7f) shape.ascii = false;
    } else if (byte === code.quote) inString = true;
    else if (byte === code.colon) shape.members++;
    else if (byte === code.openObject || byte === code.open) {
      if (byte === code.openObject) shape.objects++;
      if (++depth > depthMax) return undefined;
    } else if (byte === code.closeObject || byte === code.close) depth--;
    else if (byte > 0x7f) return undefined;
  }
  return shape;
}

function countMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const parts = Object.values(value);
  let count = Array.isArray(value) ? 0 : parts.length;
  for (const part of parts) count += countMembers(part);
  return count;
}

const escapes = /\\(?:u([0-9a-fA-F]{4})|.)/gs;

/** `\ud800` without its other half: JSON.parse takes it, other languages refuse it or replace it. */
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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The object that `bytes` spell, or undefined when they are anything else.
 * A member `__proto__` is an ordinary own property of it.
 */
export function parseJsonObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  const shape = measure(bytes);
  if (shape === undefined || !(shape.ascii || isUtf8(bytes))) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(shape.ascii ? "latin1" : "utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  // JSON.parse keeps the last of two members with one name: then fewer are read than are written.
  const read = shape.objects === 1 ? Object.keys(value).length : countMembers(value);
  if (read !== shape.members || (shape.escaped && hasHalfPair(text))) return undefined;
  return value;
}
