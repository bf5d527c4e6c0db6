// crypt(3) by rounds of a digest: `$5$` and `$6$` (Drepper, "Unix crypt using SHA-256 and SHA-512", 2008), `$1$`
// (Kamp, FreeBSD 1994) and Apache's `$apr1$`.
import { createHash, hash } from "node:crypto";
import { equalText } from "../../crypto/equal.js";
import { encodeCryptBase64 } from "./base64.js";
import { affordsDigests, digestRoundsMax, type HashReader, malformed, tooCostly } from "./scheme.js";

/** The bits of a length, lowest first. Both families mix in a value for each bit. */
const bitsOf = (length: number): readonly number[] =>
  length === 0 ? [] : [...length.toString(2)].reverse().map(Number);

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

const sumOf =
  (digest: string) =>
  (...parts: readonly Buffer[]): Buffer =>
    hash(digest, Buffer.concat(parts), "buffer");

function shaCrypt(kind: ShaCrypt, password: Buffer, salt: Buffer, rounds: number): string {
  const { digest } = kind;
  const { length } = password;
  const sum = sumOf(digest);
  const mixed = sum(password, salt, password);
  const bits = bitsOf(length).map((bit) => (bit === 1 ? mixed : password));
  const start = sum(password, salt, Buffer.alloc(length, mixed), ...bits);
  const repeated = createHash(digest);
  for (let n = 0; n < length; n += 1) repeated.update(password);
  const p = Buffer.alloc(length, repeated.digest());
  const s = Buffer.alloc(salt.length, sum(Buffer.alloc(salt.length * (16 + (start[0] ?? 0)), salt)));
  return encodeShaCrypt(runRounds(digest, start, p, s, rounds), kind);
}

/**
 * The rounds of both families. The 42 different texts are joined once, with room for the last result, because to join
 * them a million times takes longer than to hash them.
 */
function runRounds(digest: string, start: Buffer, p: Buffer, s: Buffer, rounds: number): Buffer {
  const inputs = Array.from({ length: 42 }, (_, round) => {
    const parts = [
      round % 2 === 1 ? p : start,
      ...(round % 3 === 0 ? [] : [s]),
      ...(round % 7 === 0 ? [] : [p]),
      round % 2 === 1 ? start : p,
    ];
    const at = round % 2 === 1 ? Buffer.concat(parts.slice(0, -1)).length : 0;
    return { buffer: Buffer.concat(parts), at };
  });
  let last = start;
  for (let round = 0; round < rounds; round += 1) {
    const { buffer, at } = inputs[round % inputs.length] ?? { buffer: p, at: 0 };
    last.copy(buffer, at);
    last = hash(digest, buffer, "buffer");
  }
  return last;
}

const readShaCrypt: HashReader = (stored) => {
  if (!/^\$[56]\$/.test(stored)) return undefined;
  const kind = stored.startsWith("$5$") ? shaCrypts["5"] : shaCrypts["6"];
  const form = /^\$[56]\$(?:rounds=([1-9]\d{0,9})\$)?([^$:\n]{0,16})\$([./A-Za-z0-9]{43,86})$/;
  const [matched, written = "5000", salt = "", output = ""] = form.exec(stored) ?? [];
  const rounds = Number(written);
  if (matched === undefined || output.length !== kind.encodedLength || rounds < 1000) return malformed;
  if (rounds > digestRoundsMax) return tooCostly;
  const verify = (text: string) => {
    const password = Buffer.from(text);
    if (!affordsDigests(rounds, password.length)) return false;
    return equalText(shaCrypt(kind, password, Buffer.from(salt), rounds), output);
  };
  return { format: `${kind.digest}-crypt`, verify };
};

// The order of the bytes in the encoding, lowest bits first.
const md5Order = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

function md5Crypt(password: Buffer, magic: string, salt: Buffer): string {
  const sum = sumOf("md5");
  const bits = bitsOf(password.length).map((bit) => (bit === 1 ? Buffer.alloc(1) : password.subarray(0, 1)));
  const mixed = Buffer.alloc(password.length, sum(password, salt, password));
  const start = sum(password, Buffer.from(magic), salt, mixed, ...bits);
  const last = runRounds("md5", start, password, salt, 1000);
  return encodeCryptBase64(md5Order.map((index) => last[index] ?? 0));
}

const readMd5Crypt: HashReader = (stored) => {
  const [, magic] = /^(\$1\$|\$apr1\$)/.exec(stored) ?? [];
  if (magic === undefined) return undefined;
  const form = /^([^$:\n]{0,8})\$([./A-Za-z0-9]{22})$/;
  const [matched, salt = "", output = ""] = form.exec(stored.slice(magic.length)) ?? [];
  if (matched === undefined) return malformed;
  const verify = (text: string) => equalText(md5Crypt(Buffer.from(text), magic, Buffer.from(salt)), output);
  return { format: magic === "$1$" ? "md5-crypt" : "apr1-crypt", verify };
};

export const cryptReaders: readonly HashReader[] = [readShaCrypt, readMd5Crypt];
