// The name of a browser for a mail and for the list of sessions. A User-Agent header is a text of the sender, so a mail
// never contains it. It only selects a name of this list.

/** `unknown`: another browser, or a program. */
export type Browser = "Firefox" | "Chrome" | "Edge" | "Opera" | "Safari" | "unknown";

/** The first row that matches counts, because most browsers also name those that they resemble. */
const browsers: readonly (readonly [name: Browser, pattern: RegExp])[] = [
  ["Edge", /\bEdg(?:A|iOS)?\/\d/],
  ["Opera", /\b(?:OPR|OPT|OPX|Opera)\/\d/],
  ["Firefox", /\b(?:Firefox|FxiOS)\/\d/],
  ["Chrome", /\b(?:Chrome|CriOS)\/\d/],
  ["Safari", /\bVersion\/\d[\d.]* (?:Mobile\/\w+ )?Safari\/\d/],
];

/** No real header is longer. */
const headerMaxCharacters = 512;

/** @example browserOf(request.headers["user-agent"]) // "Firefox" */
export function browserOf(userAgent: string | undefined): Browser {
  const header = userAgent?.slice(0, headerMaxCharacters) ?? "";
  return browsers.find(([, pattern]) => pattern.test(header))?.[0] ?? "unknown";
}
