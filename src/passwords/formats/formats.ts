// Hashes of other systems in all known spellings. A hash is read and its cost is limited before it is verified.
// The first reader of the table that knows a spelling decides.
import { verifyArgon2Sync } from "../argon2.js";
import { hashOfNothing, needsRehash, normalizePassword, parseArgon2 } from "../hash.js";
import { readBcrypt, readPasslibBcrypt } from "./bcrypt.js";
import { cryptReaders } from "./crypt.js";
import { digestReaders, readLdapDigest } from "./digest.js";
import { spellJsonCredential } from "./json.js";
import { pbkdf2Readers, readAtlassian, readPbkdf2Scheme, readSpringPbkdf2 } from "./pbkdf2.js";
import { readPhpass } from "./phpass.js";
import { type HashReader, type HashRejection, malformed, type StoredHash, tooCostly, unusable } from "./scheme.js";
import { readFirebase, scryptReaders } from "./scrypt.js";

const unknownFormat: HashRejection = { reason: "The hash has an unknown format." };

// The longest that is read, a Keycloak credential or a Firebase hash with the project's key, has some 400 characters.
const storedMaxLength = 2048;

/** argon2, also with the padding that some libraries write, and with Django's prefix `argon2`. */
const readArgon2: HashReader = (stored) => {
  const phc = stored.replace(/^argon2(?=\$argon2)/, "").replace(/=+(?=\$|$)/g, "");
  if (!/^\$argon2(?:id|i|d)\$/.test(phc)) return undefined;
  const parameters = parseArgon2(phc);
  if (parameters !== undefined) return { format: parameters.type, verify: (text) => verifyArgon2Sync(phc, text) };
  return /^\$argon2i?d?\$v=19\$m=\d+,t=\d+,p=\d+\$[^$]{11,}\$[^$]{16,}$/.test(phc) ? tooCostly : malformed;
};

const passThrough = (_: string, rest: string): ReturnType<HashReader> => readSpelled(rest);
const pbkdf2 = (digest: string) => (_: string, rest: string) => readPbkdf2Scheme(digest, rest);

// The readers by the name in braces: LDAP servers, Dovecot, and Spring's DelegatingPasswordEncoder.
const schemes = new Map<string, (scheme: string, rest: string) => ReturnType<HashReader>>([
  ...["CRYPT", "BCRYPT", "BLFCRYPT", "MD5CRYPT", "SHA256CRYPT", "SHA512CRYPT", "SCRYPT", "SCRYPT@SPRINGSECURITY_V5_8"]
    .concat(["ARGON2", "ARGON2I", "ARGON2ID", "ARGON2@SPRINGSECURITY_V5_2", "ARGON2@SPRINGSECURITY_V5_8"])
    .map((name) => [name, passThrough] as const),
  ["PBKDF2", (_, rest) => (rest.includes("$") ? readPbkdf2Scheme("sha1", rest) : readSpringPbkdf2("5.5", rest))],
  ["PBKDF2@SPRINGSECURITY_V5_8", (_, rest) => readSpringPbkdf2("5.8", rest)],
  ...["sha1", "sha256", "sha512"].map((digest) => [`PBKDF2${digest.toUpperCase()}`, pbkdf2(digest)] as const),
  ["PKCS5S2", (_, rest) => readAtlassian(rest)],
]);

/** The names of schemes are compared without case and dashes, because servers spell them differently. */
const readScheme: HashReader = (stored) => {
  const [matched, name = "", rest = ""] = /^\{([A-Za-z0-9_@.-]{1,40})\}(.+)$/.exec(stored) ?? [];
  if (matched === undefined) return undefined;
  const scheme = name.toUpperCase().replaceAll("-", "");
  return schemes.get(scheme)?.(scheme, rest) ?? readLdapDigest(scheme, rest);
};

/** States the format and its form in place of the reason that no format has. */
function named(format: string, form: string, formatReaders: readonly HashReader[]): readonly HashReader[] {
  const ofFormat = { reason: `The hash begins like ${format} and does not have its form, ${form}.` };
  return formatReaders.map((read) => (stored) => {
    const reading = read(stored);
    return reading === malformed ? ofFormat : reading;
  });
}

const readers: readonly HashReader[] = [
  ...named("argon2", "$argon2id$v=19$m=…,t=…,p=…$SALT$HASH", [readArgon2]),
  ...named("bcrypt", "$2a$, $2b$ or $2y$ with a cost from 04 and 53 characters", [readBcrypt, readPasslibBcrypt]),
  ...named("scrypt", "such as $scrypt$ln=…,r=…,p=…$SALT$HASH", scryptReaders),
  ...named("Firebase", "the JSON of its export with the parameters of the project", [readFirebase]),
  ...named("PBKDF2", "such as $pbkdf2-sha256$ROUNDS$SALT$HASH", pbkdf2Readers),
  ...named("crypt", "such as $6$SALT$HASH", cryptReaders),
  ...named("phpass", "$P$ and 31 characters", [readPhpass]),
  ...named("a digest", "such as {SSHA} and base64", digestReaders),
];

function readSpelled(stored: string): StoredHash | HashRejection | undefined {
  for (const read of readers) {
    const reading = read(stored);
    if (reading !== undefined) return reading;
  }
  return undefined;
}

/** Reads a stored hash without verifying anything. Returns its verifier, or the reason why it is never verified. */
export function readHash(stored: string): StoredHash | HashRejection {
  // Django, shadow(5) and LDAP lock an account with a character that no hash begins with.
  if (stored === "" || /^[!*]/.test(stored)) return unusable;
  if (stored.length > storedMaxLength || /[^\x20-\x7e]/.test(stored)) return malformed;
  const spelled = /^\{\s*"/.test(stored) ? spellJsonCredential(stored) : stored;
  if (spelled === undefined) return unknownFormat;
  return readScheme(spelled) ?? readSpelled(spelled) ?? unknownFormat;
}

/** An attacker with a copy of the database tests millions of passwords a second against these. */
export const isFastFormat = (format: string): boolean => /^(?:ldap-(?!pbkdf2-)|salted-|md5|apr1|phpass)/.test(format);

/** The format of a stored hash and whether it is the current one, or why it is rejected. For imports. Does no work. */
export function identifyHash(stored: string): { readonly format: string; readonly current: boolean } | HashRejection {
  const reading = readHash(stored);
  return "reason" in reading ? reading : { format: reading.format, current: !needsRehash(stored) };
}

/**
 * A hash is compared with the password after NFC, and also as typed, because other systems hash it as typed. Without a
 * hash, or with a rejected one, it does the work of a current hash and returns false. So the time does not show whether
 * a user or a password exists.
 */
export function verifyPasswordSync(stored: string | undefined, password: string): boolean {
  // How many forms are tried depends on who types, never on who is meant.
  const texts = [...new Set([normalizePassword(password), password])];
  const reading = stored === undefined ? undefined : readHash(stored);
  if (reading !== undefined && "verify" in reading) return texts.some((text) => reading.verify(text));
  for (const text of texts) verifyArgon2Sync(hashOfNothing, text);
  return false;
}
