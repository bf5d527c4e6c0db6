// The portable hashes of phpass (Openwall). WordPress before 6.8 has `$P$`, phpBB `$H$`, Drupal `$S$` with SHA-512.
import { hash } from "node:crypto";
import { equalText } from "../../crypto/equal.js";
import { encodeCryptBase64, readCryptNumber } from "./base64.js";
import { affordsDigests, digestRoundsMax, type HashReader, malformed, tooCostly } from "./scheme.js";

const phpass = { format: "phpass", digest: "md5", length: 22 };
// Drupal cuts the whole hash to 55 characters.
const drupal = { format: "drupal-sha512", digest: "sha512", length: 43 };

/** A leading U means that Drupal ran phpass over the hex MD5 of an older version. */
export const readPhpass: HashReader = (stored) => {
  const [matched, over = "", magic = "", logRounds = "", salt = "", output = ""] =
    /^(U?)(\$[PHS]\$)([./A-Za-z0-9])([./A-Za-z0-9]{8})([./A-Za-z0-9]+)$/.exec(stored) ?? [];
  const kind = magic === "$S$" ? drupal : phpass;
  if (matched === undefined) return /^U?\$[PHS]\$/.test(stored) ? malformed : undefined;
  const rounds = 2 ** (readCryptNumber(logRounds) ?? 0);
  if (output.length !== kind.length || rounds < 128) return malformed;
  if (rounds > digestRoundsMax) return tooCostly;
  const verify = (text: string) => {
    const password = Buffer.from(over === "U" ? hash("md5", text) : text);
    if (!affordsDigests(rounds, password.length)) return false;
    let last = hash(kind.digest, Buffer.concat([Buffer.from(salt), password]), "buffer");
    const input = Buffer.concat([last, password]);
    for (let round = 0; round < rounds; round += 1) {
      last.copy(input);
      last = hash(kind.digest, input, "buffer");
    }
    return equalText(encodeCryptBase64(last).slice(0, kind.length), output);
  };
  return { format: kind.format, verify };
};
