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
import { checkScrypt, type HashReader, malformed, readerOf, type ScryptCost, scrypt, scryptHash } from "./scheme.js";

const costOf = (n: string, r: string, p: string): ScryptCost => ({ n: Number(n), r: Number(r), p: Number(p) });

/** `ln` is the logarithm of N. `n` is N, or its logarithm if the value is below 64. */
const readPhc = readerOf(
  "$scrypt$",
  /^\$scrypt\$(ln|n)=(\d{1,10}),r=(\d{1,10}),p=(\d{1,10})\$([A-Za-z0-9+/.]+=*)\$([A-Za-z0-9+/.]+=*)$/,
  (name, first, r, p, salt, output) => {
    const n = name === "ln" || Number(first) < 64 ? 2 ** Number(first) : Number(first);
    const cost = { ...costOf(first, r, p), n };
    return scryptHash("scrypt", cost, decodeDottedBase64(salt), decodeDottedBase64(output));
  },
);

const readDjango = readerOf(
  undefined,
  /^scrypt\$(\d{1,10})\$([^$]+)\$(\d{1,10})\$(\d{1,10})\$([A-Za-z0-9+/]+=*)$/,
  (n, salt, r, p, output) => scryptHash("django-scrypt", costOf(n, r, p), salt, decodeBase64(output)),
);

const readWerkzeug = readerOf(
  undefined,
  /^scrypt:(\d{1,10}):(\d{1,10}):(\d{1,10})\$([^$]+)\$([0-9a-f]+)$/,
  (n, r, p, salt, output) => scryptHash("werkzeug-scrypt", costOf(n, r, p), salt, decodeHex(output)),
);

/** lambdaworks and Spring write the cost as one number with log2 N, a byte for r and a byte for p. */
const readPackedCost = readerOf(
  "$s0$",
  /^(?:\$s0)?\$([0-9a-f]{5,8})\$([A-Za-z0-9+/]+=*)\$([A-Za-z0-9+/]+=*)$/,
  (packed, salt, output) => {
    const bits = Number.parseInt(packed, 16);
    const cost = { n: 2 ** Math.floor(bits / 0x1_00_00), r: (bits >>> 8) & 255, p: bits & 255 };
    return scryptHash("scrypt", cost, decodeBase64(salt), decodeBase64(output));
  },
);

const readCrypt = readerOf(
  "$7$",
  /^\$7\$([./A-Za-z0-9])([./A-Za-z0-9]{5})([./A-Za-z0-9]{5})([^$]{1,64})\$([./A-Za-z0-9]{43})$/,
  (ln, r, p, salt, output) => {
    const cost = { n: 2 ** (readCryptNumber(ln) ?? 0), r: readCryptNumber(r) ?? 0, p: readCryptNumber(p) ?? 0 };
    const verify = (text: string) =>
      equalBytes(Buffer.from(encodeCryptBase64(scrypt(text, salt, 32, cost))), Buffer.from(output));
    return checkScrypt(cost) ?? { format: "scrypt-crypt", verify };
  },
);

/** The header of encrypted files of scrypt(1), in base64 or hex. npm's scrypt-kdf and scrypt store passwords in it. */
const readFileHeader: HashReader = (stored) => {
  const magic = Buffer.from("scrypt\0");
  const decode = stored.startsWith(magic.toString("hex")) ? decodeHex : decodeBase64;
  if (!stored.startsWith(magic.toString("hex")) && !stored.startsWith("c2NyeXB0A")) return undefined;
  const header = decode(stored);
  if (header.length !== 96 || !header.subarray(0, 7).equals(magic)) return malformed;
  const checksum = createHash("sha256").update(header.subarray(0, 48)).digest().subarray(0, 16);
  if (!checksum.equals(header.subarray(48, 64))) return malformed;
  const cost = { n: 2 ** header.readUInt8(7), r: header.readUInt32BE(8), p: header.readUInt32BE(12) };
  const verify = (text: string) => {
    const key = scrypt(text, header.subarray(16, 48), 64, cost).subarray(32);
    const mac = createHmac("sha256", key).update(header.subarray(0, 64)).digest();
    return equalBytes(mac, header.subarray(64));
  };
  return checkScrypt(cost) ?? { format: "scrypt-kdf", verify };
};

// Programs on Node write salt and key in hex without the cost, which is the default of node:crypto. The salt is the hex
// text or its bytes. better-auth, Lucia and Oslo use twice the r, and NFKC of the password.
const nodeCost: ScryptCost = { n: 16_384, r: 8, p: 1 };
const nodeVariants = [
  { cost: nodeCost, form: "NFC", saltAsText: true },
  { cost: { ...nodeCost, r: 16 }, form: "NFKC", saltAsText: true },
  { cost: nodeCost, form: "NFC", saltAsText: false },
];

/** Lucia's `LegacyScrypt` writes `s2:` before the form of better-auth. */
const versions = new Map([["s2:", nodeVariants.slice(1, 2)]]);

/** `salt:key` or `key.salt`. The key has 64 or 32 bytes and is never shorter than the salt. */
const readNode = readerOf(
  undefined,
  /^(scrypt[:$]|s2:)?([0-9a-f]{16,128})[:.$]([0-9a-f]{16,128})$/i,
  (version, one, other) => {
    const [salt, key] = one.length > other.length ? [other, one] : [one, other];
    const [saltBytes, output] = [decodeHex(salt), decodeHex(key)];
    if (saltBytes.length === 0 || ![32, 64].includes(output.length)) return malformed;
    const verify = (text: string) =>
      (versions.get(version) ?? nodeVariants).some(({ cost, form, saltAsText }) => {
        // The caller also verifies the NFC form if it differs.
        const password = form === "NFKC" ? text.normalize(form) : text;
        return equalBytes(scrypt(password, saltAsText ? salt : saltBytes, output.length, cost), output);
      });
    return { format: "node-scrypt", verify };
  },
);

export const scryptReaders = [readPhc, readDjango, readWerkzeug, readPackedCost, readCrypt, readFileHeader, readNode];

export const readFirebase = readerOf(
  "$fbscrypt$",
  /^\$fbscrypt\$v=1,n=(\d{1,2}),r=(\d{1,3}),p=1(?:,ss=([^,$]*))?,sk=([^,$]+)\$([^$]+)\$([^$]+)$/,
  (logN, r, separatorText = "", ...others) => {
    const separator = decodeAnyBase64(separatorText);
    const [signerKey, salt, output] = others.map(decodeAnyBase64);
    if ((separatorText !== "" && separator.length === 0) || !salt?.length || !signerKey || !output) return malformed;
    if (output.length !== signerKey.length || output.length < 32 || output.length > 128) return malformed;
    const cost = { n: 2 ** Number(logN), r: Number(r), p: 1 };
    const verify = (text: string) => {
      const key = scrypt(text, Buffer.concat([salt, separator]), 32, cost);
      // The hash is the signer key, encrypted with the scrypt output of the password.
      return equalBytes(createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(signerKey), output);
    };
    return checkScrypt(cost) ?? { format: "firebase-scrypt", verify };
  },
);
