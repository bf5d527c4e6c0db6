// From a body to its members: media type, size, encoding, shape. Each step refuses before the next one costs anything.
import { AmphoError } from "../../../errors.js";
import type { HttpRequest } from "../message.js";
import { mediaTypeOf, parseForm, parseJson } from "./body-formats.js";
import { bodyLimitBytes, tooLarge } from "./body-limits.js";

export type Members = Readonly<Record<string, unknown>>;

const parsers = { "application/json": parseJson, "application/x-www-form-urlencoded": parseForm };

/**
 * The members of the body's one object; undefined when there is no body (an empty one counts as none).
 * `unsupported_media_type`, `payload_too_large`, `request_timeout`, `invalid_request`.
 */
export async function readMembers(request: HttpRequest): Promise<Members | undefined> {
  const { body } = request;
  if (body.kind === "none") return undefined;
  const type = () => mediaTypeOf(request.header("content-type"), request.header("content-encoding"));
  // A body that was announced is refused by its type and its size before a byte of it is read; what a body parser of the
  // host has read by its own limit is held to ours.
  const announcedBytes = Number(request.header("content-length"));
  if (announcedBytes > 0) type();
  if (announcedBytes > bodyLimitBytes) throw tooLarge();
  const source = body.kind === "stream" ? await body.read(bodyLimitBytes) : body.value;
  const content = typeof source === "string" ? new TextEncoder().encode(source) : source;
  if (!(content instanceof Uint8Array)) return membersOf(content);
  if (content.byteLength > bodyLimitBytes) throw tooLarge();
  if (content.byteLength === 0) return undefined;
  return membersOf(parsers[type()](content));
}

/** Without a prototype, so that `__proto__` and `constructor` are members like any other. */
function membersOf(value: unknown): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AmphoError("invalid_request", "The body must be one JSON object.");
  }
  const members = Object.create(null) as Record<string, unknown>;
  for (const [name, member] of Object.entries(value)) members[name] = member;
  return members;
}

/** The members of a query. `invalid_request` for a name that is there twice: two readers could believe different ones. */
export function queryMembers(query: string | undefined): Members {
  const members = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of new URLSearchParams(query ?? "")) {
    if (name in members) throw new AmphoError("invalid_request", "The query names something twice.");
    members[name] = value;
  }
  return members;
}
