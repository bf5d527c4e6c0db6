// HMAC secrets that are long enough and still no secrets: public ones, placeholders, and ones of plainly little entropy
// (RFC 8725 §3.5: human-memorizable passwords must not be used as keys). The output of a good generator is never
// rejected, also as hexadecimal or base64 text, except with odds below one in a million.
import { createHash } from "node:crypto";
import { knownSecretDigestBytes, knownSecretDigests } from "./known-secrets.js";

/** Words of six letters and more that placeholders contain. Shorter words occur in random base64. */
const placeholder =
  /secret|password|passphrase|changeme|change[-_ ]me|replace|example|default|qwerty|123456|private|signing|development|production|insecure/i;

const distinctBytesMin = 7;

let digests: ReadonlySet<string> | undefined;

function readDigests(): ReadonlySet<string> {
  const bytes = Buffer.from(knownSecretDigests(), "base64url");
  const read = new Set<string>();
  for (let at = 0; at < bytes.length; at += knownSecretDigestBytes)
    read.add(bytes.toString("latin1", at, at + knownSecretDigestBytes));
  return read;
}

function isPublic(secret: Uint8Array): boolean {
  digests ??= readDigests();
  return digests.has(createHash("sha256").update(secret).digest().toString("latin1", 0, knownSecretDigestBytes));
}

/** The whole is one block, twice or more often, the last time perhaps cut. */
function isRepetition(secret: Uint8Array): boolean {
  for (let period = 1; period <= secret.length / 2; period++)
    if (secret.every((byte, at) => at < period || byte === secret[at - period])) return true;
  return false;
}

/** Two thirds of the steps or more go to the same or a neighbouring character: `abcdef…`, `01234…`, `aaaabbbb…`. */
function isRun(secret: Uint8Array): boolean {
  let steps = 0;
  for (let at = 1; at < secret.length; at++)
    if (Math.abs((secret[at] as number) - (secret[at - 1] as number)) <= 1) steps++;
  return steps * 3 >= secret.length * 2;
}

const isText = (secret: Uint8Array): boolean => secret.every((byte) => byte >= 0x20 && byte < 0x7f);

/** Returns whether the bytes themselves show that an attacker could guess them. */
export function isGuessableSecret(secret: Uint8Array): boolean {
  if (new Set(secret).size < distinctBytesMin || isRepetition(secret)) return true;
  // Only text counts. Bytes with a run might be a published test key, which is no forgotten placeholder.
  return isText(secret) && (isRun(secret) || placeholder.test(Buffer.from(secret).toString("latin1")));
}

/** Returns whether an attacker could guess these bytes although there are enough of them, or has them from a list. */
export const isWeakSecret = (secret: Uint8Array): boolean => isGuessableSecret(secret) || isPublic(secret);
