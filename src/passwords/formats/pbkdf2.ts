// PBKDF2 (RFC 8018) as it is stored by passlib and PHC strings, Django, Werkzeug, ASP.NET Core Identity (its
// PasswordHasher.cs), `$p5k2$`, Atlassian, Defuse's password-hashing, and LDAP servers.
import { decodeAnyBase64, decodeBase64, decodeDottedBase64, decodeHex } from "./base64.js";
import { type Digest, type HashReader, isDigest, malformed, pbkdf2Hash } from "./scheme.js";

const empty = Buffer.alloc(0);

/** `$pbkdf2-sha256$29000$…` of passlib, and `$pbkdf2-sha256$i=29000,l=32$…` by the PHC rules. `$pbkdf2$` is SHA-1. */
const readModular: HashReader = (stored) => {
  if (!stored.startsWith("$pbkdf2")) return undefined;
  const form =
    /^\$pbkdf2(?:-(sha1|sha224|sha256|sha384|sha512))?\$(?:i=)?(\d{1,10})(?:,l=\d{1,3})?\$([A-Za-z0-9+/.]+=*)\$([A-Za-z0-9+/.]+=*)$/;
  const [matched, digest = "sha1", rounds, salt = "", output = ""] = form.exec(stored) ?? [];
  if (matched === undefined || !isDigest(digest)) return malformed;
  return pbkdf2Hash(`pbkdf2-${digest}`, {
    digest,
    rounds: Number(rounds),
    salt: decodeDottedBase64(salt) ?? empty,
    output: decodeDottedBase64(output) ?? empty,
  });
};

const readDjango: HashReader = (stored) => {
  if (!stored.startsWith("pbkdf2_")) return undefined;
  const form = /^pbkdf2_(sha1|sha256|sha384|sha512)\$(\d{1,10})\$([^$]+)\$([A-Za-z0-9+/]+=*)$/;
  const [, digest, rounds, salt = "", output = ""] = form.exec(stored) ?? [];
  if (!isDigest(digest)) return malformed;
  const parameters = { digest, rounds: Number(rounds), salt, output: decodeBase64(output) ?? empty };
  return pbkdf2Hash(`django-pbkdf2-${digest}`, parameters);
};

const readWerkzeug: HashReader = (stored) => {
  if (!stored.startsWith("pbkdf2:")) return undefined;
  const form = /^pbkdf2:(md5|sha1|sha224|sha256|sha384|sha512):(\d{1,10})\$([^$]+)\$([0-9a-f]+)$/;
  const [, digest, rounds, salt = "", output = ""] = form.exec(stored) ?? [];
  if (!isDigest(digest)) return malformed;
  const parameters = { digest, rounds: Number(rounds), salt, output: decodeHex(output) ?? empty };
  return pbkdf2Hash(`werkzeug-pbkdf2-${digest}`, parameters);
};

// The index is the number in version 3, which is a KeyDerivationPrf of Microsoft.AspNetCore.Cryptography.KeyDerivation.
const aspNetDigests: readonly Digest[] = ["sha1", "sha256", "sha512"];

/**
 * Version 2 is a 0, 16 bytes of salt and 32 of key. Version 3 is a 1, then the digest, the rounds and the length of the
 * salt in 32 bits each, then salt and key.
 */
const readAspNet: HashReader = (stored) => {
  const bytes = /^A[A-Q][A-Za-z0-9+/]{60,}={0,2}$/.test(stored) ? decodeBase64(stored) : undefined;
  if (bytes === undefined) return undefined;
  if (bytes[0] === 0) {
    if (bytes.length !== 49) return malformed;
    const parts = { salt: bytes.subarray(1, 17), output: bytes.subarray(17) };
    return pbkdf2Hash("aspnet-identity-v2", { digest: "sha1", rounds: 1000, ...parts });
  }
  if (bytes[0] !== 1) return undefined;
  const [digest, rounds, saltEnd] = [
    aspNetDigests[bytes.readUInt32BE(1)],
    bytes.readUInt32BE(5),
    13 + bytes.readUInt32BE(9),
  ];
  if (digest === undefined || saltEnd > bytes.length) return malformed;
  const parts = { salt: bytes.subarray(13, saltEnd), output: bytes.subarray(saltEnd) };
  return pbkdf2Hash("aspnet-identity-v3", { digest, rounds, ...parts });
};

/**
 * `$p5k2$` has hexadecimal rounds and SHA-1. Cryptacular's has 20 bytes, padding, `-` and `_`. Litzenberger's has 24
 * bytes, and all text before the output is the salt.
 */
const readP5k2: HashReader = (stored) => {
  if (!stored.startsWith("$p5k2$")) return undefined;
  const [, before = "", rounds = "", salt = "", output = ""] =
    /^(\$p5k2\$([0-9a-f]{0,8})\$([^$]{1,86}))\$([A-Za-z0-9+/._-]{27}=|[A-Za-z0-9+/.]{32})$/.exec(stored) ?? [];
  // Litzenberger omits the default of 400 rounds.
  const common = { digest: "sha1", rounds: rounds === "" ? 400 : Number.parseInt(rounds, 16) } as const;
  if (!output.endsWith("="))
    return pbkdf2Hash("pbkdf2-p5k2", { ...common, salt: before, output: decodeDottedBase64(output) ?? empty });
  const parts = { salt: decodeAnyBase64(salt) ?? empty, output: decodeAnyBase64(output) ?? empty };
  return pbkdf2Hash("pbkdf2-p5k2", { ...common, ...parts });
};

/** `sha256:1000:salt:hash`, whose salt is its base64 text, or `sha1:64000:18:salt:hash`, whose salt is the bytes. */
const readDefuse: HashReader = (stored) => {
  const form = /^(sha1|sha256|sha512):(\d{1,10}):(?:(\d{1,3}):)?([A-Za-z0-9+/]+=*):([A-Za-z0-9+/]+=*)$/;
  const [matched, digest, rounds, size, salt = "", hash = ""] = form.exec(stored) ?? [];
  if (matched === undefined || !isDigest(digest)) return undefined;
  const output = decodeBase64(hash) ?? empty;
  if (size !== undefined && Number(size) !== output.length) return malformed;
  const parameters = { digest, rounds: Number(rounds), output };
  return pbkdf2Hash("defuse-pbkdf2", {
    ...parameters,
    salt: size === undefined ? salt : (decodeBase64(salt) ?? empty),
  });
};

/**
 * The text after `{PBKDF2-SHA256}` in the form of passlib and OpenLDAP, Dovecot (`$1$salt$rounds$hex`) or Spring (hex).
 */
export function readPbkdf2Scheme(digest: Digest, rest: string): ReturnType<HashReader> {
  const [matched, rounds, salt = "", output = ""] =
    /^(\d{1,10})\$([A-Za-z0-9+/.]+=*)\$([A-Za-z0-9+/.]+=*)$/.exec(rest) ?? [];
  if (matched !== undefined) {
    const parts = { salt: decodeDottedBase64(salt) ?? empty, output: decodeDottedBase64(output) ?? empty };
    return pbkdf2Hash(`ldap-pbkdf2-${digest}`, { digest, rounds: Number(rounds), ...parts });
  }
  const [dovecot, dovecotSalt = "", dovecotRounds, hex = ""] =
    /^\$1\$([^$]+)\$(\d{1,10})\$([0-9a-f]{40})$/.exec(rest) ?? [];
  if (dovecot === undefined) return malformed;
  const parts = { rounds: Number(dovecotRounds), salt: dovecotSalt, output: decodeHex(hex) ?? empty };
  return pbkdf2Hash("dovecot-pbkdf2", { digest: "sha1", ...parts });
}

/** Spring's Pbkdf2PasswordEncoder writes salt and key in hex. The cost follows from the version alone. */
export function readSpringPbkdf2(version: "5.5" | "5.8", rest: string): ReturnType<HashReader> {
  const bytes = decodeHex(rest);
  const [saltBytes, digest, rounds] =
    version === "5.8" ? ([16, "sha256", 310_000] as const) : ([8, "sha1", 185_000] as const);
  if (bytes?.length !== saltBytes + 32) return malformed;
  const parts = { salt: bytes.subarray(0, saltBytes), output: bytes.subarray(saltBytes) };
  return pbkdf2Hash("spring-pbkdf2", { digest, rounds, ...parts });
}

/** Atlassian writes 16 bytes of salt and 32 of key in base64. */
export function readAtlassian(rest: string): ReturnType<HashReader> {
  const bytes = decodeBase64(rest);
  if (bytes?.length !== 48) return malformed;
  const parts = { salt: bytes.subarray(0, 16), output: bytes.subarray(16) };
  return pbkdf2Hash("atlassian-pbkdf2", { digest: "sha1", rounds: 10_000, ...parts });
}

export const pbkdf2Readers: readonly HashReader[] = [
  readModular,
  readDjango,
  readWerkzeug,
  readAspNet,
  readP5k2,
  readDefuse,
];
