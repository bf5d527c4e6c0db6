// The two formats of a request body: JSON (RFC 8259) and application/x-www-form-urlencoded (WHATWG URL §5.1), and the Content-Type
// (RFC 9110 §8.3) that names one of them.
import { parseJsonObject } from "../../../crypto/json.js";
import { AmphoError } from "../../../errors.js";

export type MediaType = "application/json" | "application/x-www-form-urlencoded";

const known = new Set<string>(["application/json", "application/x-www-form-urlencoded"] satisfies MediaType[]);

const isKnown = (type: string): type is MediaType => known.has(type);

/** `unsupported_media_type` for any other type, a charset that is not UTF-8, or a content coding. */
export function mediaTypeOf(contentType: string | undefined, contentEncoding: string | undefined): MediaType {
  const text = (contentType ?? "").trim();
  const end = /[; \t]|$/.exec(text)?.index ?? 0;
  const type = text.slice(0, end).toLowerCase();
  const isPlain = contentEncoding === undefined || contentEncoding.trim().toLowerCase() === "identity";
  if (isKnown(type) && isPlain && saysUtf8(text, end)) return type;
  throw new AmphoError(
    "unsupported_media_type",
    "The body must be application/json or application/x-www-form-urlencoded, in UTF-8 and not compressed.",
  );
}

/**
 * Whether the parameters (RFC 9110 §5.6.6) behind `start` follow their grammar, and name no charset but UTF-8, once.
 * One at a time, each in one way only: a pattern for all of them would try every way to cut a row of blanks.
 */
function saysUtf8(text: string, start: number): boolean {
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

export function parseJson(bytes: Uint8Array): Record<string, unknown> {
  const members = parseJsonObject(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (members !== undefined) return members;
  throw new AmphoError(
    "invalid_request",
    "The body must be one JSON object in UTF-8 that names no member twice and is not nested deeply.",
  );
}

export function parseForm(bytes: Uint8Array): Record<string, string> {
  const members = new Map<string, string>();
  for (const pair of decodeUtf8(bytes).split("&")) {
    if (pair === "") continue;
    const cut = pair.indexOf("=");
    const name = decode(cut < 0 ? pair : pair.slice(0, cut));
    if (members.has(name)) throw new AmphoError("invalid_request", "The form names a field twice.");
    members.set(name, cut < 0 ? "" : decode(pair.slice(cut + 1)));
  }
  return Object.fromEntries(members);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new AmphoError("invalid_request", "The form is not valid: a percent escape is broken.");
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new AmphoError("invalid_request", "The form is not valid UTF-8.");
  }
}
