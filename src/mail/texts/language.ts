// The language of mails and pages, from the header Accept-Language (RFC 9110 §12.5.4) by the lookup of RFC 4647 §3.4.

export const languages = ["en", "de", "fr", "es"] as const;
export type Language = (typeof languages)[number];

/** No browser sends more. The rest of a longer header is not read. */
const rangesMax = 32;
const headerMaxCharacters = 1024;

const range = /^\s*([a-z]{1,8})(?:-[a-z0-9]{1,8})*\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$/i;

/**
 * Returns the language of `tags` that the header prefers, or English.
 * @example languageOf("de-AT, en;q=0.8") // "de"
 */
export function languageOf(acceptLanguage: string | undefined, tags: readonly string[] = languages): string {
  let [best, bestWeight]: readonly [string, number] = ["en", 0];
  const ranges = acceptLanguage?.slice(0, headerMaxCharacters).split(",", rangesMax) ?? [];
  for (const text of ranges) {
    const [, tag = "", weight = "1"] = range.exec(text) ?? [];
    const language = tags.find((each) => each === tag.toLowerCase());
    if (language !== undefined && Number(weight) > bestWeight) [best, bestWeight] = [language, Number(weight)];
  }
  return best;
}
