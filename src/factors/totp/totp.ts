// Codes of authenticator applications: TOTP (RFC 6238) with SHA-1, six digits and steps of 30 seconds. These are the only
// parameters that all of the applications support.
import { createHmac, timingSafeEqual } from "node:crypto";
import { encodeBase32, standardAlphabet } from "../../crypto/base32.js";

const stepSeconds = 30;
const digits = 6;

/** Computes the code of one step (RFC 4226 §5.3). */
export function totpCode(seed: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", seed).update(counter).digest();
  const truncated = mac.readUInt32BE(mac.readUInt8(mac.length - 1) & 0xf) & 0x7fffffff;
  return String(truncated % 10 ** digits).padStart(digits, "0");
}

/**
 * Returns the step that has this code: the present one, the one before or the one after (RFC 6238 §5.2). Undefined if
 * none has it. The caller accepts each step once.
 */
export function findStep(seed: Buffer, code: string, now: number): number | undefined {
  const sent = Buffer.from(code);
  if (sent.length !== digits) return undefined;
  const present = Math.floor(now / stepSeconds);
  let found: number | undefined;
  // All three are compared, so that the time does not show which one it was. The latest of several is returned, because
  // the store then rejects the earlier ones too.
  for (const step of [present - 1, present, present + 1].filter((value) => value >= 0))
    if (timingSafeEqual(Buffer.from(totpCode(seed, step)), sent)) found = step;
  return found;
}

/** Returns the six digits of a code as a person types it, with or without spaces. Undefined for any other text. */
export function parseTotp(text: string): string | undefined {
  const code = text.replaceAll(" ", "");
  return /^[0-9]{6}$/.test(code) ? code : undefined;
}

/** Returns the seed as people type it into an application, in Base32. */
export function totpSecretText(seed: Buffer): string {
  return encodeBase32(seed, standardAlphabet);
}

/** Returns the URI that an application reads from a QR code, by the Key URI format of Google Authenticator. */
export function otpauthUri({
  seed,
  login,
  issuer,
}: {
  readonly seed: Buffer;
  readonly login: string;
  readonly issuer?: string | undefined;
}): string {
  const prefix = issuer === undefined ? "" : `${labelPart(issuer)}:`;
  const parameters = [
    `secret=${totpSecretText(seed)}`,
    ...(issuer === undefined ? [] : [`issuer=${labelPart(issuer)}`]),
    ...["algorithm=SHA1", `digits=${digits}`, `period=${stepSeconds}`],
  ];
  return `otpauth://totp/${prefix}${labelPart(login)}?${parameters.join("&")}`;
}

/** The format allows no colon in either part, not even an encoded one, because the first colon ends the issuer. */
function labelPart(text: string): string {
  return encodeURIComponent(text.replaceAll(":", " "));
}
