// application/json (RFC 8259) from bytes: one object, in one reading only.
import { parseJsonObject } from "../../crypto/json.js";
import { AmphoError } from "../../errors.js";

export function parseJson(bytes: Uint8Array): Record<string, unknown> {
  const members = parseJsonObject(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (members !== undefined) return members;
  throw new AmphoError(
    "invalid_request",
    "The body must be one JSON object in UTF-8 that names no member twice and is not nested deeply.",
  );
}
