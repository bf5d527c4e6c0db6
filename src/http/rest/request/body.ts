// Reads a request body into its members: media type, size, encoding, shape. Each step rejects before the next one costs anything.
import { AmphoError } from "../../../errors.js";
import type { HttpRequest } from "../message.js";
import { bodyFormatOf, bodyParsers } from "./body-formats.js";
import { bodyLimitBytes, tooLarge } from "./body-limits.js";

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

/** True for a body whose type is that of a form. */
export function isForm(request: HttpRequest): boolean {
  return /^application\/x-www-form-urlencoded\b/i.test(request.header("content-type")?.trim() ?? "");
}

/** The result has no prototype, so `__proto__` and `constructor` are members like any other. */
function membersOf(value: unknown): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AmphoError("invalid_request", "The request body must be one JSON object.");
  }
  const members = Object.create(null) as Record<string, unknown>;
  for (const [name, member] of Object.entries(value)) members[name] = member;
  return members;
}
