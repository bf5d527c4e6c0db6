// The texts of the pages in each language. The compiler reports a missing one.
import { type Language, languages } from "../mail/texts/language.js";
import { type AddedMailTexts, checkTexts } from "../mail/texts/mail-languages.js";
import { deTexts } from "./de.js";
import { enTexts, type PageTexts } from "./en.js";
import { esTexts } from "./es.js";
import { frTexts } from "./fr.js";

export const pageTexts: Readonly<Record<Language, PageTexts>> = { en: enTexts, de: deTexts, fr: frTexts, es: esTexts };

/** A language of mails and pages, in one file of the application (docs/guides/pages.md). */
export interface AddedLanguage extends AddedMailTexts {
  /** The texts of `src/page-texts/en.ts` in this language. */
  readonly pages: PageTexts;
}

export interface PageLanguage {
  readonly language: string;
  readonly direction: "ltr" | "rtl";
  readonly texts: PageTexts;
}

/** Ampho's languages and those that the application adds. Throws ConfigurationError for one that lacks a text. */
export function pageLanguages(added: readonly AddedLanguage[] = []): ReadonlyMap<string, PageLanguage> {
  for (const { tag, pages } of added) checkTexts(`${tag}.pages`, pages, enTexts);
  return new Map([
    ...languages.map((language) => [language, { language, direction: "ltr", texts: pageTexts[language] }] as const),
    ...added.map(({ tag, direction = "ltr", pages }) => [tag, { language: tag, direction, texts: pages }] as const),
  ]);
}

/** Puts the values into a text. The replacement is a function, because `$&` in a value would be replaced again. */
export const fill = (text: string, values: Readonly<Record<string, string | number>>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
