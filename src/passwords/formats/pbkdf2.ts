// PBKDF2 (RFC 8018) as it is stored by passlib and PHC strings, Django, Werkzeug, ASP.NET Core Identity (its
// PasswordHasher.cs), `$p5k2$`, Atlassian, Defuse's password-hashing, and LDAP servers.
import { decodeAnyBase64, decodeBase64, decodeHex, decodeDottedBase64 as dotted } from "./base64.js";
import { type HashReader, malformed, pbkdf2Hash, readerOf } from "./scheme.js";

/** `$pbkdf2-sha256$29000$…` of passlib, and `$pbkdf2-sha256$i=29000,l=32$…` by the PHC rules. `$pbkdf2$` is SHA-1. */
const readModular = readerOf(
  "$pbkdf2",
  /^\$pbkdf2(?:-(sha1|sha224|sha256|sha384|sha512))?\$(?:i=)?(\d{1,10})(?:,l=\d{1,3})?\$([A-Za-z0-9+/.]+=*)\$([A-Za-z0-9+/.]+=*)$/,
  (digest = "sha1", rounds, salt, output) =>
    pbkdf2Hash(`pbkdf2-${digest}`, digest, rounds, dotted(salt), dotted(output)),
);

const readDjango = readerOf(
  "pbkdf2_",
  /^pbkdf2_(sha1|sha256|sha384|sha512)\$(\d{1,10})\$([^$]+)\$([A-Za-z0-9+/]+=*)$/,
  (digest, rounds, salt, output) => pbkdf2Hash(`django-pbkdf2-${digest}`, digest, rounds, salt, decodeBase64(output)),
);

const readWerkzeug = readerOf(
  "pbkdf2:",
  /^pbkdf2:(md5|sha1|sha224|sha256|sha384|sha512):(\d{1,10})\$([^$]+)\$([0-9a-f]+)$/,
  (digest, rounds, salt, output) => pbkdf2Hash(`werkzeug-pbkdf2-${digest}`, digest, rounds, salt, decodeHex(output)),
);

// The index is the number in version 3, which is a KeyDerivationPrf of Microsoft.AspNetCore.Cryptography.KeyDerivation.
const aspNetDigests = ["sha1", "sha256", "sha512"];

/**
 * Version 2 is a 0, 16 bytes of salt and 32 of key. Version 3 is a 1, then the digest, the rounds and the length of the
 * salt in 32 bits each, then salt and key.
 */
const readAspNet = readerOf(undefined, /^(A[A-Q][A-Za-z0-9+/]{60,}={0,2})$/, (stored) => {
  const bytes = decodeBase64(stored);
  if (bytes[0] === 0) {
    if (bytes.length !== 49) return malformed;
    return pbkdf2Hash("aspnet-identity-v2", "sha1", 1000, bytes.subarray(1, 17), bytes.subarray(17));
  }
  if (bytes[0] !== 1) return undefined;
  const digest = aspNetDigests[bytes.readUInt32BE(1)] ?? "";
  const saltEnd = 13 + bytes.readUInt32BE(9);
  if (saltEnd > bytes.length) return malformed;
  const [salt, output] = [bytes.subarray(13, saltEnd), bytes.subarray(saltEnd)];
  return pbkdf2Hash("aspnet-identity-v3", digest, bytes.readUInt32BE(5), salt, output);
});

/**
 * `$p5k2$` has hexadecimal rounds and SHA-1. Cryptacular's has 20 bytes, padding, `-` and `_`. Litzenberger's has 24
 * bytes, and all text before the output is the salt.
 */
const readP5k2 = readerOf(
  "$p5k2$",
  /^(\$p5k2\$([0-9a-f]{0,8})\$([^$]{1,86}))\$([A-Za-z0-9+/._-]{27}=|[A-Za-z0-9+/.]{32})$/,
  (before, hex, salt, output) => {
    // Litzenberger omits the default of 400 rounds.
    const rounds = hex === "" ? 400 : Number.parseInt(hex, 16);
    if (!output.endsWith("=")) return pbkdf2Hash("pbkdf2-p5k2", "sha1", rounds, before, dotted(output));
    return pbkdf2Hash("pbkdf2-p5k2", "sha1", rounds, decodeAnyBase64(salt), decodeAnyBase64(output));
  },
);

/** `sha256:1000:salt:hash`, whose salt is its base64 text, or `sha1:64000:18:salt:hash`, whose salt is the bytes. */
const readDefuse = readerOf(
  undefined,
  /^(sha1|sha256|sha512):(\d{1,10}):(?:(\d{1,3}):)?([A-Za-z0-9+/]+=*):([A-Za-z0-9+/]+=*)$/,
  (digest, rounds, size: string | undefined, salt, hash) => {
    const output = decodeBase64(hash);
    if (size === undefined) return pbkdf2Hash("defuse-pbkdf2", digest, rounds, salt, output);
    if (Number(size) !== output.length) return malformed;
    return pbkdf2Hash("defuse-pbkdf2", digest, rounds, decodeBase64(salt), output);
  },
);

/** The text after `{PBKDF2-SHA256}` in the form of passlib and OpenLDAP, or Dovecot (`$1$salt$rounds$hex`). */
export const readPbkdf2Scheme = (digest: string, rest: string): ReturnType<HashReader> =>
  readerOf(undefined, /^(\d{1,10})\$([A-Za-z0-9+/.]+=*)\$([A-Za-z0-9+/.]+=*)$/, (rounds, salt, output) =>
    pbkdf2Hash(`ldap-pbkdf2-${digest}`, digest, rounds, dotted(salt), dotted(output)),
  )(rest) ?? readDovecot(rest);

const readDovecot = readerOf("", /^\$1\$([^$]+)\$(\d{1,10})\$([0-9a-f]{40})$/, (salt, rounds, hex) =>
  pbkdf2Hash("dovecot-pbkdf2", "sha1", rounds, salt, decodeHex(hex)),
);

/** Spring's Pbkdf2PasswordEncoder writes salt and key in hex. The cost follows from the version alone. */
export function readSpringPbkdf2(version: "5.5" | "5.8", rest: string): ReturnType<HashReader> {
  const bytes = decodeHex(rest);
  const [saltBytes, digest, rounds] =
    version === "5.8" ? ([16, "sha256", 310_000] as const) : ([8, "sha1", 185_000] as const);
  if (bytes.length !== saltBytes + 32) return malformed;
  return pbkdf2Hash("spring-pbkdf2", digest, rounds, bytes.subarray(0, saltBytes), bytes.subarray(saltBytes));
}

/** Atlassian writes 16 bytes of salt and 32 of key in base64. */
export function readAtlassian(rest: string): ReturnType<HashReader> {
  const bytes = decodeBase64(rest);
  if (bytes.length !== 48) return malformed;
  return pbkdf2Hash("atlassian-pbkdf2", "sha1", 10_000, bytes.subarray(0, 16), bytes.subarray(16));
}

export const pbkdf2Readers = [readModular, readDjango, readWerkzeug, readAspNet, readP5k2, readDefuse];
