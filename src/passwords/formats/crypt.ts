// crypt(3) by rounds of a digest: `$5$` and `$6$` (Drepper, "Unix crypt using SHA-256 and SHA-512", 2008), `$1$`
// (Kamp, FreeBSD 1994) and Apache's `$apr1$`.

import { createHash, hash } from "node:crypto";
import { equalText } from "../../crypto/equal.js";
import { encodeCryptBase64 } from "./base64.js";
import { affordsDigests, digestBytes, digestRoundsMax, type HashReader, malformed, tooCostly } from "./scheme.js";

function fill(piece: Buffer, length: number): Buffer {
  return Buffer.alloc(length, piece);
}

/** The bits of a length, lowest first. Both families mix in a value for each bit. */
function bitsOf(length: number): readonly number[] {
  return length === 0 ? [] : [...length.toString(2)].reverse().map(Number);
}

// The order of the bytes in the encoding. It has three columns that rotate by one in each row, and then the rest.
const shaCrypts = {
  "5": { digest: "sha256", rows: 10, turn: 2, rest: [30, 31], encodedLength: 43 },
  "6": { digest: "sha512", rows: 21, turn: 1, rest: [63], encodedLength: 86 },
} as const;

type ShaCrypt = (typeof shaCrypts)[keyof typeof shaCrypts];

function encodeShaCrypt(bytes: Buffer, { rows, turn, rest }: ShaCrypt): string {
  const order: number[] = [];
  for (let row = 0; row < rows; row += 1)
    for (const column of [2, 1, 0]) order.push(row + rows * ((column + turn * row) % 3));
  return encodeCryptBase64([...order, ...rest].map((index) => bytes[index] ?? 0));
}

function shaCrypt(kind: ShaCrypt, password: Buffer, salt: Buffer, rounds: number): string {
  const { digest } = kind;
  const size = digestBytes[digest];
  const sum = (...parts: readonly Buffer[]): Buffer => hash(digest, Buffer.concat(parts), "buffer");
  const mixed = sum(password, salt, password);
  const start = sum(
    password,
    salt,
    fill(mixed, password.length),
    ...bitsOf(password.length).map((bit) => (bit === 1 ? mixed : password)),
  );
  const repeated = createHash(digest);
  for (let n = 0; n < password.length; n += 1) repeated.update(password);
  const p = fill(repeated.digest(), password.length);
  const s = fill(sum(fill(salt, salt.length * (16 + (start[0] ?? 0)))), salt.length);
  const inputs = roundInputs(p, s, size);
  let last = start;
  for (let round = 0; round < rounds; round += 1) {
    const { buffer, at } = inputs[round % inputs.length] ?? { buffer: p, at: [] };
    for (const offset of at) last.copy(buffer, offset);
    last = hash(digest, buffer, "buffer");
  }
  return encodeShaCrypt(last, kind);
}

/**
 * The 42 different texts of the rounds, with room for the last result. They are joined once, because to join them a
 * million times takes longer than to hash them.
 */
function roundInputs(
  p: Buffer,
  s: Buffer,
  size: number,
): readonly { readonly buffer: Buffer; readonly at: readonly number[] }[] {
  const gap = Buffer.alloc(size);
  return Array.from({ length: 42 }, (_, round) => {
    const parts = [
      round % 2 === 1 ? p : gap,
      round % 3 === 0 ? undefined : s,
      round % 7 === 0 ? undefined : p,
      round % 2 === 1 ? gap : p,
    ].filter((part) => part !== undefined);
    const at: number[] = [];
    let offset = 0;
    for (const part of parts) {
      if (part === gap) at.push(offset);
      offset += part.length;
    }
    return { buffer: Buffer.concat(parts), at };
  });
}

const readShaCrypt: HashReader = (stored) => {
  if (!/^\$[56]\$/.test(stored)) return undefined;
  const kind = stored.startsWith("$5$") ? shaCrypts["5"] : shaCrypts["6"];
  const form = /^\$[56]\$(?:rounds=([1-9]\d{0,9})\$)?([^$:\n]{0,16})\$([./A-Za-z0-9]{43,86})$/;
  const [matched, written = "5000", salt = "", output = ""] = form.exec(stored) ?? [];
  const rounds = Number(written);
  if (matched === undefined || output.length !== kind.encodedLength || rounds < 1000) return malformed;
  if (rounds > digestRoundsMax) return tooCostly;
  return {
    format: `${kind.digest}-crypt`,
    verify(text) {
      const password = Buffer.from(text);
      return (
        affordsDigests(rounds, password.length) &&
        equalText(shaCrypt(kind, password, Buffer.from(salt), rounds), output)
      );
    },
  };
};

// The order of the bytes in the encoding, lowest bits first.
const md5Order = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

function md5Crypt(password: Buffer, magic: string, salt: Buffer): string {
  const sum = (...parts: readonly Buffer[]): Buffer => hash("md5", Buffer.concat(parts), "buffer");
  const bits = bitsOf(password.length).map((bit) => (bit === 1 ? Buffer.alloc(1) : password.subarray(0, 1)));
  let last = sum(password, Buffer.from(magic), salt, fill(sum(password, salt, password), password.length), ...bits);
  for (let round = 0; round < 1000; round += 1) {
    const parts = [
      round % 2 === 1 ? password : last,
      ...(round % 3 === 0 ? [] : [salt]),
      ...(round % 7 === 0 ? [] : [password]),
      round % 2 === 1 ? last : password,
    ];
    last = sum(...parts);
  }
  return encodeCryptBase64(md5Order.map((index) => last[index] ?? 0));
}

const readMd5Crypt: HashReader = (stored) => {
  const [, magic] = /^(\$1\$|\$apr1\$)/.exec(stored) ?? [];
  if (magic === undefined) return undefined;
  const [matched, salt = "", output = ""] =
    /^([^$:\n]{0,8})\$([./A-Za-z0-9]{22})$/.exec(stored.slice(magic.length)) ?? [];
  if (matched === undefined) return malformed;
  return {
    format: magic === "$1$" ? "md5-crypt" : "apr1-crypt",
    verify: (text) => equalText(md5Crypt(Buffer.from(text), magic, Buffer.from(salt)), output),
  };
};

export const cryptReaders: readonly HashReader[] = [readShaCrypt, readMd5Crypt];
