// application/x-www-form-urlencoded (WHATWG URL §5.1) from bytes, strictly: no field twice, no broken escape, UTF-8 only.
import { AmphoError } from "../../errors.js";

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
