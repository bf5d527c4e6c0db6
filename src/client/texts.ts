// Texts: random ids, JSON and objects from outside, and base64url without padding (RFC 4648 §5).

/** 128 random bits. Pages over plain http have no `crypto.randomUUID`. */
export function randomId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).join("-");
}

/** Returns undefined for anything else than JSON, such as the page of a captive portal or a proxy. */
export function parse(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text as string);
  } catch {
    return undefined;
  }
}

export function toBytes(text: string): BufferSource {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
}

export function textOf(bytes: ArrayBuffer): string {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}
