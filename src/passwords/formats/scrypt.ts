// scrypt (RFC 7914) in the formats of PHC strings (passlib, AdonisJS), Django, Werkzeug, libxcrypt and libsodium
// (`$7$`), lambdaworks (`$s0$`), Spring, npm's scrypt-kdf, and common Node programs.

import { createCipheriv, createHash, createHmac } from "node:crypto";
import { equalBytes } from "../../crypto/equal.js";
import {
  decodeAnyBase64,
  decodeBase64,
  decodeDottedBase64,
  decodeHex,
  encodeCryptBase64,
  readCryptNumber,
} from "./base64.js";
import { checkScrypt, type HashReader, malformed, type ScryptCost, scrypt, scryptHash } from "./scheme.js";

const empty = Buffer.alloc(0);

/** `ln` is the logarithm of N. `n` is N, or its logarithm if the value is below 64. */
const readPhc: HashReader = (stored) => {
  if (!stored.startsWith("$scrypt$")) return undefined;
  const form = /^\$scrypt\$(ln|n)=(\d{1,10}),r=(\d{1,10}),p=(\d{1,10})\$([A-Za-z0-9+/.]+=*)\$([A-Za-z0-9+/.]+=*)$/;
  const [, name, first, r, p, salt = "", output = ""] = form.exec(stored) ?? [];
  const n = name === "ln" || Number(first) < 64 ? 2 ** Number(first) : Number(first);
  const parts = { salt: decodeDottedBase64(salt) ?? empty, output: decodeDottedBase64(output) ?? empty };
  return scryptHash("scrypt", { n, r: Number(r), p: Number(p) }, parts);
};

const readDjango: HashReader = (stored) => {
  const form = /^scrypt\$(\d{1,10})\$([^$]+)\$(\d{1,10})\$(\d{1,10})\$([A-Za-z0-9+/]+=*)$/;
  const match = form.exec(stored);
  if (match === null) return undefined;
  const [, n, salt = "", r, p, output = ""] = match;
  const cost = { n: Number(n), r: Number(r), p: Number(p) };
  return scryptHash("django-scrypt", cost, { salt, output: decodeBase64(output) ?? empty });
};

const readWerkzeug: HashReader = (stored) => {
  if (!stored.startsWith("scrypt:")) return undefined;
  const form = /^scrypt:(\d{1,10}):(\d{1,10}):(\d{1,10})\$([^$]+)\$([0-9a-f]+)$/;
  const match = form.exec(stored);
  if (match === null) return undefined;
  const [, n, r, p, salt = "", output = ""] = match;
  const cost = { n: Number(n), r: Number(r), p: Number(p) };
  return scryptHash("werkzeug-scrypt", cost, { salt, output: decodeHex(output) ?? empty });
};

/** lambdaworks and Spring write the cost as one number with log2 N, a byte for r and a byte for p. */
const readPackedCost: HashReader = (stored) => {
  const form = /^(?:\$s0)?\$([0-9a-f]{5,8})\$([A-Za-z0-9+/]+=*)\$([A-Za-z0-9+/]+=*)$/;
  const [matched, packed = "", salt = "", output = ""] = form.exec(stored) ?? [];
  if (matched === undefined) return stored.startsWith("$s0$") ? malformed : undefined;
  const bits = Number.parseInt(packed, 16);
  const cost = { n: 2 ** Math.floor(bits / 0x1_00_00), r: (bits >>> 8) & 255, p: bits & 255 };
  return scryptHash("scrypt", cost, { salt: decodeBase64(salt) ?? empty, output: decodeBase64(output) ?? empty });
};

const readCrypt: HashReader = (stored) => {
  if (!stored.startsWith("$7$")) return undefined;
  const form = /^\$7\$([./A-Za-z0-9])([./A-Za-z0-9]{5})([./A-Za-z0-9]{5})([^$]{1,64})\$([./A-Za-z0-9]{43})$/;
  const [, ln = "", r = "", p = "", salt = "", output = ""] = form.exec(stored) ?? [];
  const cost = { n: 2 ** (readCryptNumber(ln) ?? 0), r: readCryptNumber(r) ?? 0, p: readCryptNumber(p) ?? 0 };
  return (
    checkScrypt(cost) ?? {
      format: "scrypt-crypt",
      verify: (text) => equalBytes(Buffer.from(encodeCryptBase64(scrypt(text, salt, 32, cost))), Buffer.from(output)),
    }
  );
};

/** The header of encrypted files of scrypt(1), in base64 or hex. npm's scrypt-kdf and scrypt store passwords in it. */
const readFileHeader: HashReader = (stored) => {
  const magic = Buffer.from("scrypt\0");
  const decode = stored.startsWith(magic.toString("hex")) ? decodeHex : decodeBase64;
  if (!stored.startsWith(magic.toString("hex")) && !stored.startsWith("c2NyeXB0A")) return undefined;
  const header = decode(stored);
  if (header?.length !== 96 || !header.subarray(0, 7).equals(magic)) return malformed;
  const checksum = createHash("sha256").update(header.subarray(0, 48)).digest().subarray(0, 16);
  if (!checksum.equals(header.subarray(48, 64))) return malformed;
  const cost = { n: 2 ** header.readUInt8(7), r: header.readUInt32BE(8), p: header.readUInt32BE(12) };
  return (
    checkScrypt(cost) ?? {
      format: "scrypt-kdf",
      verify(text) {
        const key = scrypt(text, header.subarray(16, 48), 64, cost).subarray(32);
        const mac = createHmac("sha256", key).update(header.subarray(0, 64)).digest();
        return equalBytes(mac, header.subarray(64));
      },
    }
  );
};

// Programs on Node write salt and key in hex without the cost, which is the default of node:crypto. The salt is the hex
// text or its bytes. better-auth, Lucia and Oslo use twice the r, and NFKC of the password.
const nodeCost: ScryptCost = { n: 16_384, r: 8, p: 1 };
const nodeVariants: readonly {
  readonly cost: ScryptCost;
  readonly form: "NFC" | "NFKC";
  readonly saltAsText: boolean;
}[] = [
  { cost: nodeCost, form: "NFC", saltAsText: true },
  { cost: { ...nodeCost, r: 16 }, form: "NFKC", saltAsText: true },
  { cost: nodeCost, form: "NFC", saltAsText: false },
];

/** `salt:key` or `key.salt`. The key has 64 or 32 bytes and is never shorter than the salt. */
const readNode: HashReader = (stored) => {
  const form = /^(?:scrypt[:$])?([0-9a-f]{16,128})[:.$]([0-9a-f]{16,128})$/i;
  const [matched, one = "", other = ""] = form.exec(stored) ?? [];
  if (matched === undefined) return undefined;
  const [salt, key] = one.length > other.length ? [other, one] : [one, other];
  const [saltBytes, output] = [decodeHex(salt), decodeHex(key)];
  if (saltBytes === undefined || output === undefined || ![32, 64].includes(output.length)) return malformed;
  return {
    format: "node-scrypt",
    verify: (text) =>
      nodeVariants.some(({ cost, form, saltAsText }) => {
        // The caller also verifies the NFC form if it differs.
        const password = form === "NFKC" ? text.normalize(form) : text;
        return equalBytes(scrypt(password, saltAsText ? salt : saltBytes, output.length, cost), output);
      }),
  };
};

export const scryptReaders: readonly HashReader[] = [
  readPhc,
  readDjango,
  readWerkzeug,
  readPackedCost,
  readCrypt,
  readFileHeader,
  readNode,
];

const form = /^\$fbscrypt\$v=1,n=(\d{1,2}),r=(\d{1,3}),p=1(?:,ss=([^,$]*))?,sk=([^,$]+)\$([^$]+)\$([^$]+)$/;

export const readFirebase: HashReader = (stored) => {
  if (!stored.startsWith("$fbscrypt$")) return undefined;
  const [, logN, rounds, ...parts] = form.exec(stored) ?? [];
  const [separator, signerKey, salt, output] = parts.map((part = "") => decodeAnyBase64(part));
  if (separator === undefined || !salt?.length || !signerKey || !output) return malformed;
  if (output.length !== signerKey.length || output.length < 32 || output.length > 128) return malformed;
  const cost = { n: 2 ** Number(logN), r: Number(rounds), p: 1 };
  return (
    checkScrypt(cost) ?? {
      format: "firebase-scrypt",
      verify(text) {
        const key = scrypt(text, Buffer.concat([salt, separator]), 32, cost);
        // The hash is the signer key, encrypted with the scrypt output of the password.
        return equalBytes(createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(signerKey), output);
      },
    }
  );
};
