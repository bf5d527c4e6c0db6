// The configured keys: how strong, how many, and how old where that can be known.
import type { Key } from "../../keys/key.js";
import type { Finding } from "../finding.js";

const day = 86_400;
/** NIST SP 800-57 part 1 §5.3.6 names one to two years for keys that sign; docs/operating.md says once a year. */
const [ageMaxSeconds, keysMax] = [366 * day, 4];

export interface KeyFacts {
  readonly keys: readonly Key[];
  /** When the key's file was last written, Unix seconds; undefined for a key that stands elsewhere. */
  readonly writtenAt: number | undefined;
  /** Since when the first key signs, where the set says it. */
  readonly signsSince: number | undefined;
  readonly now: number;
}

const finding = (severity: Finding["severity"], message: string, mend: string): Finding => ({
  severity,
  check: "key",
  message,
  mend,
});

export function checkKeys({ keys, writtenAt, signsSince, now }: KeyFacts): readonly Finding[] {
  const findings: Finding[] = [];
  for (const key of keys) findings.push(...strengthOf(key));
  const since = signsSince ?? writtenAt;
  if (since !== undefined && now - since > ageMaxSeconds) {
    const days = Math.floor((now - since) / day);
    const what =
      signsSince === undefined
        ? `the key file was last written ${days} days ago`
        : `the key that signs has done so for ${days} days`;
    findings.push(finding("warning", `${what}: keys are changed once a year`, rotate));
  }
  if (keys.length > keysMax) {
    const message = `${keys.length} keys are configured: each of them can be stolen`;
    findings.push(
      finding("note", message, "drop those that sign nothing that is still good: `ampho sec-rotate-key --keep 1`"),
    );
  }
  return findings;
}

const rotate = "begin with `ampho sec-rotate-key --stage next --in-place` (docs/keys.md); nobody is refused";

function strengthOf({ kid, algorithm, material, publicJwk }: Key): readonly Finding[] {
  if (material.kind === "secret") {
    const secret = material.secret.export();
    if (!isTyped(secret)) return [];
    const message = `the secret of key ${kid} is readable text: whoever guesses at it offline tries such texts`;
    return [finding("warning", message, "make one of random bytes: `ampho sec-gen-key`")];
  }
  const modulusBits =
    publicJwk?.["kty"] === "RSA" ? Buffer.from(publicJwk["n"] ?? "", "base64url").length * 8 : undefined;
  if (modulusBits === undefined || modulusBits >= 3072) return [];
  const message = `the RSA key ${kid} has ${modulusBits} bits: under 3072 is not to be used past 2030 (NIST SP 800-57)`;
  return [
    finding(
      "note",
      message,
      `\`ampho sec-rotate-key --stage next --alg ${algorithm}\` makes one of 3072 bits, \`--alg EdDSA\` a faster one`,
    ),
  ];
}

/** Of random bytes, 32 or more, this never holds. */
function isTyped(secret: Uint8Array): boolean {
  return secret.every((byte) => byte >= 0x20 && byte < 0x7f) || new Set(secret).size <= secret.length / 4;
}
