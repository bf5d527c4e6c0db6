// The texts of the pages in each language. The compiler reports a missing one.
import type { Language } from "../../mail/texts/language.js";
import { deTexts } from "./de.js";
import { enTexts, type PageTexts } from "./en.js";
import { esTexts } from "./es.js";
import { frTexts } from "./fr.js";

export const pageTexts: Readonly<Record<Language, PageTexts>> = { en: enTexts, de: deTexts, fr: frTexts, es: esTexts };

/** Puts the values into a text. The replacement is a function, because `$&` in a value would be replaced again. */
export const fill = (text: string, values: Readonly<Record<string, string | number>>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
