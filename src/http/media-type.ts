// Content-Type (RFC 9110 §8.3) of the bodies that our endpoints take.
import { AmphoError } from "../errors.js";

export type MediaType = "application/json" | "application/x-www-form-urlencoded";

const known = new Set<string>(["application/json", "application/x-www-form-urlencoded"] satisfies MediaType[]);
const grammar =
  /^([\w!#$&^.+-]+\/[\w!#$&^.+-]+)[ \t]*((?:;[ \t]*(?:[\w!#$&^.+-]+=(?:[\w!#$&^.+:-]+|"[^"\\]*"))?[ \t]*)*)$/;

const isKnown = (type: string): type is MediaType => known.has(type);

/** `unsupported_media_type` for any other type, a charset that is not UTF-8, or a content coding. */
export function mediaTypeOf(contentType: string | undefined, contentEncoding: string | undefined): MediaType {
  const [, name = "", parameters = ""] = grammar.exec((contentType ?? "").trim()) ?? [];
  const type = name.toLowerCase();
  const charset = /;[ \t]*charset="?([^";]*)"?/i.exec(parameters)?.[1]?.trim().toLowerCase();
  const isPlain = contentEncoding === undefined || contentEncoding.trim().toLowerCase() === "identity";
  if (isKnown(type) && isPlain && (charset === undefined || charset === "utf-8" || charset === "utf8")) return type;
  throw new AmphoError(
    "unsupported_media_type",
    "The body must be application/json or application/x-www-form-urlencoded, in UTF-8 and not compressed.",
  );
}
