// One round of a digest, salted or not: LDAP's `{SSHA}` and kin (RFC 2307 and its successors), Django's `sha1$` and
// `md5$`, and Werkzeug's before 0.9. An attacker with the database cracks them. Users log in once with them.
import { createHash, createHmac } from "node:crypto";
import { equalBytes } from "../../crypto/equal.js";
import { decodeBase64, decodeHex } from "./base64.js";
import { digestBytes, type HashReader, isDigest, malformed, readerOf } from "./scheme.js";

const saltMaxBytes = 64;

/**
 * Base64 of the digest of password and salt, and then the salt. Hex where the name states it (Dovecot's `.HEX`), and
 * where there is no salt and the length fits.
 */
export function readLdapDigest(scheme: string, rest: string): ReturnType<HashReader> {
  const form = /^(S?)(MD5|SHA(?:1|256|384|512)?)(?:\.(HEX|B64|BASE64))?$/;
  const [, salted, name = "", encoding] = form.exec(scheme) ?? [];
  const digest = name === "SHA" ? "sha1" : name.toLowerCase();
  if (!isDigest(digest)) return undefined;
  const size = digestBytes[digest];
  const isHex = encoding === "HEX" || (!salted && rest.length === 2 * size);
  const bytes = isHex ? decodeHex(rest) : decodeBase64(rest);
  const [output, salt] = [bytes.subarray(0, size), bytes.subarray(size)];
  if (bytes.length < size || salt.length > (salted ? saltMaxBytes : 0)) return malformed;
  const verify = (text: string) => equalBytes(createHash(digest).update(text).update(salt).digest(), output);
  return { format: `ldap-${scheme.toLowerCase()}`, verify };
}

/** Django hashes salt and password. Werkzeug writes the same form of an HMAC of the password, with the salt as key. */
const readDollars = readerOf(
  undefined,
  /^(md5|sha1|sha224|sha256|sha384|sha512)\$([^$]{0,64})\$([0-9a-f]+)$/,
  (digest, salt, hex) => {
    const output = decodeHex(hex);
    if (!isDigest(digest) || output.length !== digestBytes[digest]) return malformed;
    const verify = (text: string) => {
      const django = createHash(digest).update(`${salt}${text}`).digest();
      const werkzeug = createHmac(digest, salt).update(text).digest();
      return equalBytes(django, output) || (salt !== "" && equalBytes(werkzeug, output));
    };
    return { format: `salted-${digest}`, verify };
  },
);

export const digestReaders = [readDollars];
