// bcrypt (Provos and Mazieres, 1999), also behind the SHA-256 of Django and passlib and the HMAC of WordPress.
// The library is bcryptjs, which has no native part and no dependency. It verifies an imported hash once, at the first
// correct login. bcrypt itself reads only 72 bytes of a password, as the exporting system did. The argon2id hash that
// replaces it covers the whole password.
import { createHash, createHmac } from "node:crypto";
import { hashSync } from "bcryptjs";
import { equalBytes } from "../../crypto/equal.js";
import { decodeBcryptBase64 } from "./base64.js";
import { type HashReader, type HashRejection, malformed, readerOf, type StoredHash, tooCostly } from "./scheme.js";

// 14 takes a second, and each further step doubles it.
const costs = { min: 4, max: 14 };

const modular = /^\$2([aby])\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/;

// The text before the modular format, and the text that is hashed in place of the password.
const wrappings = [
  { format: "bcrypt", before: "", prehash: (text: string) => text },
  { format: "django-bcrypt", before: "bcrypt$", prehash: (text: string) => text },
  { format: "django-bcrypt-sha256", before: "bcrypt_sha256$", prehash: (text: string) => sha256(text).toString("hex") },
  { format: "wordpress-bcrypt", before: "$wp", prehash: (text: string) => hmac("sha384", "wp-sha384", text) },
];

export const readBcrypt: HashReader = (stored) => {
  const wrapping = wrappings.find(({ before }) => stored.startsWith(`${before}$2`));
  if (wrapping === undefined) return undefined;
  const [, , cost, salt = "", output = ""] = modular.exec(stored.slice(wrapping.before.length)) ?? [];
  return bcryptHash(wrapping.format, Number(cost), salt, output, wrapping.prehash);
};

/** passlib's bcrypt_sha256, of its versions 1 (`2a,12`) and 2 (`v=2,t=2b,r=12`, keyed with the salt). */
export const readPasslibBcrypt = readerOf(
  "$bcrypt-sha256$",
  /^\$bcrypt-sha256\$(?:2[ab],(\d\d?)|v=2,t=2b,r=(\d\d?))\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})$/,
  (first: string | undefined, second: string | undefined, salt, output) => {
    const prehash = (text: string): string =>
      second === undefined ? sha256(text).toString("base64") : hmac("sha256", salt, text);
    return bcryptHash("passlib-bcrypt-sha256", Number(first ?? second), salt, output, prehash);
  },
);

function bcryptHash(
  format: string,
  cost: number,
  salt: string,
  output: string,
  prehash: (text: string) => string,
): StoredHash | HashRejection {
  if (output === "" || !(cost >= costs.min)) return malformed;
  if (cost > costs.max) return tooCostly;
  const setting = `$2b$${String(cost).padStart(2, "0")}$${salt}`;
  const verify = (text: string) => {
    const hashed = prehash(text);
    // The bytes are compared, because the last character has stray bits.
    const actual = decodeBcryptBase64(hashSync(hashed, setting).slice(setting.length));
    // bcrypt repeats its key with a NUL in between, so `a` and `a\0a` are the same key. In C, the rest is lost.
    return equalBytes(actual, decodeBcryptBase64(output)) && !hashed.includes("\0");
  };
  return { format, verify };
}

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();
const hmac = (digest: string, key: string, text: string): string =>
  createHmac(digest, key).update(text).digest("base64");
