// CBOR (RFC 8949) in the canonical form of CTAP 2.2 §8: definite lengths, the shortest form of each number, no repeated
// key, no tag and no float. The order of keys is not judged.
import { isUtf8 } from "node:buffer";

export type CborMap = ReadonlyMap<number | string, Cbor>;
export type Cbor = number | string | boolean | null | Buffer | readonly Cbor[] | CborMap;

/** CTAP allows 4. The certificates of an attestation statement are not deeper. */
const depthMax = 8;
/** The entries of one array or one map. A larger number would be an announcement, and no entries have to follow it. */
const entriesMax = 64;

const simpleValues: ReadonlyMap<number, boolean | null> = new Map([
  [20, false],
  [21, true],
  [22, null],
]);

class NotCanonical extends Error {}

function reject(): never {
  throw new NotCanonical();
}

function readNumber(bytes: Buffer, at: number, info: number): { readonly number: number; readonly end: number } {
  if (info < 24) return { number: info, end: at };
  const size = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : info === 27 ? 8 : reject();
  if (at + size > bytes.length) reject();
  const number = size === 8 ? Number(bytes.readBigUInt64BE(at)) : bytes.readUIntBE(at, size);
  const smallest = size === 1 ? 24 : 2 ** (size * 4);
  if (number < smallest || !Number.isSafeInteger(number + 1)) reject();
  return { number, end: at + size };
}

interface Item {
  readonly value: Cbor;
  readonly end: number;
}

function readArray(bytes: Buffer, start: number, count: number, depth: number): Item {
  const value: Cbor[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    const item = readItem(bytes, at, depth);
    value.push(item.value);
    at = item.end;
  }
  return { value, end: at };
}

function readMap(bytes: Buffer, start: number, count: number, depth: number): Item {
  const value = new Map<number | string, Cbor>();
  let at = start;
  for (let index = 0; index < count; index++) {
    const { value: key, end } = readItem(bytes, at, depth);
    if ((typeof key !== "number" && typeof key !== "string") || value.has(key)) reject();
    const item = readItem(bytes, end, depth);
    value.set(key, item.value);
    at = item.end;
  }
  return { value, end: at };
}

function readItem(bytes: Buffer, start: number, depth: number): Item {
  const head = bytes[start] ?? reject();
  const type = head >> 5;
  const info = head & 31;
  if (type === 7) return simpleValues.has(info) ? { value: simpleValues.get(info) ?? null, end: start + 1 } : reject();
  const { number, end } = readNumber(bytes, start + 1, info);
  if (type === 0) return { value: number, end };
  if (type === 1) return { value: -1 - number, end };
  if (type === 2 || type === 3) {
    if (number > bytes.length - end) reject();
    const octets = bytes.subarray(end, end + number);
    if (type === 3 && !isUtf8(octets)) reject();
    return { value: type === 2 ? octets : octets.toString("utf8"), end: end + number };
  }
  if (type === 6 || number > entriesMax || depth === depthMax) reject();
  return type === 4 ? readArray(bytes, end, number, depth + 1) : readMap(bytes, end, number, depth + 1);
}

/**
 * Reads the item that begins at `at`. Undefined if it is not in the canonical form. `end` is the place after the item,
 * and the caller checks what follows. Byte strings are views of `bytes`, so the memory does not grow with their length.
 */
export function decodeCbor(bytes: Buffer, at = 0): Item | undefined {
  try {
    return readItem(bytes, at, 0);
  } catch (error) {
    if (error instanceof NotCanonical) return undefined;
    throw error;
  }
}

export const isCborMap = (value: Cbor | undefined): value is CborMap => value instanceof Map;
