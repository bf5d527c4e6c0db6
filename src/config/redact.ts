// What a message may show of a value that is wrong. A secret may stand in any parameter by mistake, so long texts and
// everything that is made of parts are described, not shown.

const longestShown = 40;

/** A URL or a connection string that was misspelt may hold a password. */
const maybeSecret = /@|pass|secret|^postgres(?:ql)?:/i;

/** Control, format and surrogate characters as \u escapes, which JSON reads back: none reaches a terminal or a log raw. */
export const escaped = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );

export function describeValue(value: unknown): string {
  if (typeof value === "string") {
    const url = /^([a-z][a-z0-9+.-]{0,19}):\/\//i.exec(value);
    // Not even the host: a password with an @ or a / in it would not end where it seems to.
    if (url) return `a ${url[1]}:// URL`;
    if (maybeSecret.test(value)) return "a text that is not shown, as it may hold a password,";
    return value.length > longestShown ? `a text of ${[...value].length} characters` : escaped(JSON.stringify(value));
  }
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** With an ending, or as secrets are mounted (/run/secrets/ampho_key): base64 without one capital letter is no random key. */
const pathForms = [/^[^{}"]{1,200}\.[a-z0-9]{1,8}$/i, /^\.{0,2}\/[a-z0-9_./-]{1,200}$/];

/** The path of a key file, unless it looks like the key itself. */
export function describePath(value: unknown): string {
  const looksLikePath = typeof value === "string" && pathForms.some((form) => form.test(value));
  return looksLikePath ? escaped(JSON.stringify(value)) : "a value that is not shown, as it may be a key";
}

export const redactSecret = (_value: unknown): string => "a value that is not shown, as it is a secret,";
