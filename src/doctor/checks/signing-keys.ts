// Checks the configured keys: strength, number, and age where it is known.
import type { Key } from "../../signing-keys/key.js";
import { type Finding, note, warning } from "../finding.js";

const day = 86_400;
/** NIST SP 800-57 part 1 §5.3.6 recommends one to two years for signing keys, docs/operate/deploying.md one. */
const [ageMaxSeconds, keysMax] = [366 * day, 4];

/**
 * `writtenAt`: the Unix seconds of the last write of the key file, if the key is in one. `signsSince`: those since
 * which the first key signs, if the set records it.
 */
export function checkKeys(
  keys: readonly Key[],
  writtenAt: number | undefined,
  signsSince: number | undefined,
  now: number,
): readonly Finding[] {
  const findings = keys.flatMap(strengthOf);
  const since = signsSince ?? writtenAt;
  if (since !== undefined && now - since > ageMaxSeconds) {
    const days = Math.floor((now - since) / day);
    const what =
      signsSince === undefined
        ? `The key file was last written ${days} days ago`
        : `The signing key has been in use for ${days} days`;
    findings.push(warning("signing-key", `${what}. Rotate keys once a year.`, rotate));
  }
  if (keys.length > keysMax) {
    const message = `${keys.length} keys are configured. Each of them can be stolen.`;
    // `--keep` would create a key that signs at once, and drop keys whose tokens are valid.
    const fix =
      "`ampho sec-rotate-key --stage retire --in-place` removes previous keys whose tokens have expired. Remove keys without a state by hand (docs/operate/signing-keys.md).";
    findings.push(note("signing-key", message, fix));
  }
  return findings;
}

const rotate =
  "Start with `ampho sec-rotate-key --stage next --in-place` (docs/operate/signing-keys.md). It rejects no token.";

function strengthOf({ kid, algorithm, material, publicJwk }: Key): readonly Finding[] {
  if (material.kind === "secret") {
    const secret = material.secret.export();
    if (!isTyped(secret)) return [];
    const message = `The secret of the key ${kid} is readable text. An attacker who has a token tests such texts offline.`;
    return [warning("signing-key", message, "Create a key of random bytes: `ampho sec-gen-key`.")];
  }
  const modulusBits =
    publicJwk?.["kty"] === "RSA" ? Buffer.from(publicJwk["n"] ?? "", "base64url").length * 8 : undefined;
  if (modulusBits === undefined || modulusBits >= 3072) return [];
  const message = `The RSA key ${kid} has ${modulusBits} bits. NIST SP 800-57 allows fewer than 3072 bits only until 2030.`;
  const fix = `\`ampho sec-rotate-key --stage next --alg ${algorithm}\` creates a key of 3072 bits, and \`--alg EdDSA\` a faster one.`;
  return [note("signing-key", message, fix)];
}

/** Detects secrets that a person typed. 32 or more random bytes never match. */
const isTyped = (secret: Uint8Array): boolean =>
  secret.every((byte) => byte >= 0x20 && byte < 0x7f) || new Set(secret).size <= secret.length / 4;
