// JSON (RFC 8259) from bytes, in one reading only: what two parsers could understand differently is refused.
import { AmphoError } from "../errors.js";

const depthLimit = 32;

/** Parses UTF-8 JSON. `invalid_request` for bad UTF-8, a byte order mark, a member named twice, or nesting past 32. */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decodeUtf8(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AmphoError("invalid_request", "The body is not valid JSON.");
  }
  refuseAmbiguity(text);
  return value;
}

/** Strict UTF-8: a byte order mark is kept, and so refused by whoever parses the text. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new AmphoError("invalid_request", "The body is not valid UTF-8.");
  }
}

/** Walks text that is known to be valid JSON: `JSON.parse` keeps the last of two members of one name, other parsers the first. */
function refuseAmbiguity(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  const token = /"(?:[^"\\]|\\.)*"(?=([ \t\n\r]*:)?)|[[\]{}]/gs;
  for (const [lexeme, isName] of text.matchAll(token)) {
    if (lexeme === "{" || lexeme === "[") {
      open.push(lexeme === "{" ? new Set() : undefined);
      if (open.length > depthLimit) throw new AmphoError("invalid_request", "The body is nested too deeply.");
    } else if (lexeme === "}" || lexeme === "]") {
      open.pop();
    } else if (isName !== undefined) {
      const name = String(JSON.parse(lexeme));
      const names = open.at(-1);
      if (names?.has(name)) throw new AmphoError("invalid_request", "The body names a member twice.");
      names?.add(name);
    }
  }
}
