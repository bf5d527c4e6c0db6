// Reads a body into its members: media type, size, encoding, shape. Each step rejects before the next costs anything.
import { parseJsonObject } from "../../../crypto/json.js";
import { AmphoError, invalidRequest } from "../../../errors.js";
import type { HttpRequest } from "../message.js";

export const bodyLimitBytes = 16_384;
export const bodyTimeoutMs = 30_000;

export const tooLarge = (): AmphoError =>
  new AmphoError("payload_too_large", "The request body is larger than 16 KiB.");

export const timedOut = (): AmphoError =>
  new AmphoError("request_timeout", "The request was not complete after 30 seconds.");

export const cutShort = (): AmphoError => invalidRequest("The connection ended before the request body was complete.");

/** A mistake in the host's code, not in the request. It becomes `internal_error`. */
export function alreadyRead(): Error {
  return new Error(
    "The body of a request to Ampho was read before Ampho could read it. Mount Ampho before the body parser, or leave the parsed body in `request.body`.",
  );
}

export type Members = Readonly<Record<string, unknown>>;

/**
 * Returns the members of the body's one object, or undefined when there is no body. An empty body counts as none.
 * Throws `unsupported_media_type`, `payload_too_large`, `request_timeout` or `invalid_request`.
 */
export async function readMembers(request: HttpRequest): Promise<Members | undefined> {
  const { body } = request;
  if (body.kind === "none") return undefined;
  const format = () => bodyFormatOf(request.header("content-type"), request.header("content-encoding"));
  // A body with a Content-Length is rejected for its type or size before a byte of it is read. A host's body parser can
  // have a higher limit, so Ampho's limit applies to its result too.
  const announcedBytes = Number(request.header("content-length"));
  if (announcedBytes > 0) format();
  if (announcedBytes > bodyLimitBytes) throw tooLarge();
  const source = body.kind === "stream" ? await body.read(bodyLimitBytes) : body.value;
  const content = typeof source === "string" ? new TextEncoder().encode(source) : source;
  if (!(content instanceof Uint8Array)) return membersOf(content);
  if (content.byteLength > bodyLimitBytes) throw tooLarge();
  if (content.byteLength === 0) return undefined;
  return membersOf(bodyParsers[format()](content));
}

export const isForm = (request: HttpRequest): boolean =>
  /^application\/x-www-form-urlencoded\b/i.test(request.header("content-type")?.trim() ?? "");

/** The result has no prototype, so `__proto__` and `constructor` are members like any other. */
function membersOf(value: unknown): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalidRequest("The request body must be one JSON object.");
  const members = Object.create(null) as Record<string, unknown>;
  for (const [name, member] of Object.entries(value)) members[name] = member;
  return members;
}

type BodyFormat = "application/json" | "application/x-www-form-urlencoded";

const bodyParsers: Readonly<Record<BodyFormat, (bytes: Uint8Array) => Record<string, unknown>>> = {
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
 * Returns true if the parameters (RFC 9110 §5.6.6) after `start` follow their grammar and name at most one charset,
 * UTF-8. The loop matches one parameter at a time. One pattern for all of them would backtrack over every way to split
 * a run of blanks, which an attacker could make slow.
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

/** Strict, so that all parsers agree. Half of a surrogate pair (RFC 8259 §8.2) is left to the check of its field. */
export function parseJson(bytes: Uint8Array): Record<string, unknown> {
  const members = parseJsonObject(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    bytes.byteLength,
    "kept",
  );
  if (members !== undefined) return members;
  throw invalidRequest(
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
    if (members.has(name)) throw invalidRequest("The form contains a field twice. Send it once.");
    members.set(name, equals < 0 ? "" : decodeFormText(pair.slice(equals + 1)));
  }
  return Object.fromEntries(members);
}

function decodeFormText(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw invalidRequest("The form contains a broken percent escape.");
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalidRequest("The form is not valid UTF-8.");
  }
}
