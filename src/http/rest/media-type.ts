// Content-Type (RFC 9110 §8.3) of the bodies that our endpoints take.
import { AmphoError } from "../../errors.js";

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
