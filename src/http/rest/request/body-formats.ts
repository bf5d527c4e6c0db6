// The two formats of a request body, JSON (RFC 8259) and application/x-www-form-urlencoded (WHATWG URL §5.1), and the
// Content-Type (RFC 9110 §8.3) that selects one.
import { parseJsonObject } from "../../../crypto/json.js";
import { AmphoError } from "../../../errors.js";

export type BodyFormat = "application/json" | "application/x-www-form-urlencoded";

export const bodyParsers: Readonly<Record<BodyFormat, (bytes: Uint8Array) => Record<string, unknown>>> = {
  "application/json": parseJson,
  "application/x-www-form-urlencoded": parseForm,
};

const isFormat = (type: string): type is BodyFormat => Object.hasOwn(bodyParsers, type);

/** Throws `unsupported_media_type` for another type, a charset that is not UTF-8, or a content coding. */
export function bodyFormatOf(contentType: string | undefined, contentEncoding: string | undefined): BodyFormat {
  const text = (contentType ?? "").trim();
  const end = /[; \t]|$/.exec(text)?.index ?? 0;
  const type = text.slice(0, end).toLowerCase();
  const isPlain = contentEncoding === undefined || contentEncoding.trim().toLowerCase() === "identity";
  if (isFormat(type) && isPlain && hasUtf8Parameters(text, end)) return type;
  throw new AmphoError(
    "unsupported_media_type",
    "The request body must be application/json or application/x-www-form-urlencoded, in UTF-8 and not compressed.",
  );
}

/**
 * Returns true if the parameters (RFC 9110 §5.6.6) after `start` follow their grammar and name at most one charset, UTF-8.
 * The loop matches one parameter at a time. One pattern for all of them would backtrack over every way to split a run of
 * blanks, which an attacker could make slow.
 */
function hasUtf8Parameters(text: string, start: number): boolean {
  const parameter = /[ \t]*;[ \t]*(?:([\w!#$&^.+-]+)=(?:([\w!#$&^.+:-]+)|"([^"\\]*)"))?/y;
  let charset: string | undefined;
  for (parameter.lastIndex = start; parameter.lastIndex < text.length; ) {
    const match = parameter.exec(text);
    if (match === null) return false;
    const [, name, token, quoted] = match;
    if (name?.toLowerCase() !== "charset") continue;
    if (charset !== undefined) return false;
    charset = (token ?? quoted ?? "").trim().toLowerCase();
  }
  return charset === undefined || charset === "utf-8" || charset === "utf8";
}

/**
 * Parses strictly, so that no two parsers can read one body differently. Half of a surrogate pair is valid JSON
 * (RFC 8259 §8.2). It passes here, and the check of its field rejects it, for a new password with `invalid_characters`.
 */
export function parseJson(bytes: Uint8Array): Record<string, unknown> {
  const members = parseJsonObject(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    bytes.byteLength,
    "kept",
  );
  if (members !== undefined) return members;
  throw new AmphoError(
    "invalid_request",
    "The request body must be one JSON object in UTF-8, without repeated members and without deep nesting.",
  );
}

/** Rejects a repeated field, a broken percent escape and bytes that are not UTF-8. */
export function parseForm(bytes: Uint8Array): Record<string, string> {
  const members = new Map<string, string>();
  for (const pair of decodeUtf8(bytes).split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decodeFormText(equals < 0 ? pair : pair.slice(0, equals));
    if (members.has(name)) throw new AmphoError("invalid_request", "The form contains a field twice. Send it once.");
    members.set(name, equals < 0 ? "" : decodeFormText(pair.slice(equals + 1)));
  }
  return Object.fromEntries(members);
}

function decodeFormText(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new AmphoError("invalid_request", "The form contains a broken percent escape.");
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new AmphoError("invalid_request", "The form is not valid UTF-8.");
  }
}
