// The texts of the pages in each language. The compiler reports a missing one.
import type { Language } from "../../mail/texts/language.js";
import { de } from "./de.js";
import { en, type Texts } from "./en.js";
import { es } from "./es.js";
import { fr } from "./fr.js";

export const texts: Readonly<Record<Language, Texts>> = { en, de, fr, es };

/** Puts the values into a text. A function is the replacement, because `$&` in a value would otherwise be replaced again. */
export const fill = (text: string, values: Readonly<Record<string, string | number>>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
