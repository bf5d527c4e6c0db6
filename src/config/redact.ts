// Describes a wrong value for a message. Any parameter can contain a secret by mistake, so long texts and structured
// values are described and not shown.

const longestShown = 40;

/** A misspelt URL or connection string can contain a password. */
const possibleSecret = /@|pass|secret|^(?:postgres(?:ql)?|smtps?|https?):/i;

/** Writes control, format and surrogate characters as \u escapes of JSON, so that none reaches a terminal or a log. */
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
    // The host is not shown either: a password that contains @ or / would reach into it.
    if (url) return `a ${url[1]}:// URL`;
    if (possibleSecret.test(value)) return "a text that is not shown because it might contain a password";
    return value.length > longestShown ? `a text of ${[...value].length} characters` : escaped(JSON.stringify(value));
  }
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** For a parameter whose URL contains no secret. A text with @ might contain a password by mistake. */
export function describeUrl(value: unknown): string {
  const url =
    typeof value === "string" && value.length <= 200 ? /^https?:\/\/[\w.~:[\]/-]+/i.exec(value)?.[0] : undefined;
  if (typeof value !== "string" || url === undefined || value.includes("@")) return describeValue(value);
  return `"${url}${value === url ? "" : "…"}"`;
}

/** A path has an ending or looks like /run/secrets/ampho_key. Base64 without a capital letter is not a random key. */
const pathForms = [/^[^{}"]{1,200}\.[a-z0-9]{1,8}$/i, /^\.{0,2}\/[a-z0-9_./-]{1,200}$/];

/** Shows the path of a key file, unless it looks like the key itself. */
export function describePath(value: unknown): string {
  const looksLikePath = typeof value === "string" && pathForms.some((form) => form.test(value));
  return looksLikePath ? escaped(JSON.stringify(value)) : "a value that is not shown because it might be a key";
}

export const redactSecret = (_value: unknown): string => "a value that is not shown because it is a secret";
