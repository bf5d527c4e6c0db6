// One round of a digest, salted or not: LDAP's `{SSHA}` and kin (RFC 2307 and its successors), Django's `sha1$` and
// `md5$`, and Werkzeug's before 0.9. An attacker with the database cracks them. They exist so that their users can log
// in once.

import { createHash, createHmac } from "node:crypto";
import { equalBytes } from "../../crypto/equal.js";
import { decodeBase64, decodeHex } from "./base64.js";
import {
  type Digest,
  digestBytes,
  type HashReader,
  type HashRejection,
  isDigest,
  malformed,
  type StoredHash,
} from "./scheme.js";

const saltMaxBytes = 64;

interface LdapScheme {
  readonly digest: Digest;
  readonly salted: boolean;
}

const plain = (digest: Digest): LdapScheme => ({ digest, salted: false });
const salted = (digest: Digest): LdapScheme => ({ digest, salted: true });

// The keys are the names without dashes.
const ldapSchemes = new Map<string, LdapScheme>([
  ["MD5", plain("md5")],
  ["SMD5", salted("md5")],
  ["SHA", plain("sha1")],
  ["SHA1", plain("sha1")],
  ["SSHA", salted("sha1")],
  ["SSHA1", salted("sha1")],
  ["SHA256", plain("sha256")],
  ["SSHA256", salted("sha256")],
  ["SHA384", plain("sha384")],
  ["SSHA384", salted("sha384")],
  ["SHA512", plain("sha512")],
  ["SSHA512", salted("sha512")],
]);

/**
 * Base64 of the digest of password and salt, and then the salt. Hex where the name states it (Dovecot's `.HEX`), and
 * where there is no salt and the length fits.
 */
export function readLdapDigest(scheme: string, rest: string): StoredHash | HashRejection | undefined {
  const [, name = "", encoding] = /^([A-Z0-9]+)(?:\.(HEX|B64|BASE64))?$/.exec(scheme) ?? [];
  const kind = ldapSchemes.get(name);
  if (kind === undefined) return undefined;
  const { digest } = kind;
  const isHex = encoding === "HEX" || (!kind.salted && rest.length === 2 * digestBytes[digest]);
  const bytes = isHex ? decodeHex(rest) : decodeBase64(rest);
  const saltLength = (bytes?.length ?? 0) - digestBytes[digest];
  if (bytes === undefined || saltLength < 0 || saltLength > (kind.salted ? saltMaxBytes : 0)) return malformed;
  const [output, salt] = [bytes.subarray(0, digestBytes[digest]), bytes.subarray(digestBytes[digest])];
  return {
    format: `ldap-${scheme.toLowerCase()}`,
    verify: (text) => equalBytes(createHash(digest).update(text).update(salt).digest(), output),
  };
}

/**
 * Django hashes salt and password. Werkzeug writes the same form, but its value is an HMAC of the password with the
 * salt as key.
 */
const readDollars: HashReader = (stored) => {
  const [, digest, salt = "", hex = ""] =
    /^(md5|sha1|sha224|sha256|sha384|sha512)\$([^$]{0,64})\$([0-9a-f]+)$/.exec(stored) ?? [];
  if (!isDigest(digest)) return undefined;
  const output = decodeHex(hex);
  if (output?.length !== digestBytes[digest]) return malformed;
  return {
    format: `salted-${digest}`,
    verify(text) {
      const django = createHash(digest)
        .update(salt + text)
        .digest();
      const werkzeug = createHmac(digest, salt).update(text).digest();
      return equalBytes(django, output) || (salt !== "" && equalBytes(werkzeug, output));
    },
  };
};

export const digestReaders: readonly HashReader[] = [readDollars];
