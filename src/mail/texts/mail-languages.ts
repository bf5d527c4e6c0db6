// The languages of mails: Ampho's own, and those that the application adds with the option `languages`.
import { isObject } from "../../config/kinds.js";
import { ConfigurationError } from "../../errors.js";
import { de } from "./de.js";
import { en } from "./en.js";
import { es } from "./es.js";
import { fr } from "./fr.js";
import { type Language, languages } from "./language.js";
import type { Texts } from "./texts.js";

/** A language of mails. */
export interface AddedMailTexts {
  /**
   * The primary subtag of a language tag (BCP 47) in lower case, such as `nl`. One of `en`, `de`, `fr` and `es` takes
   * the place of Ampho's texts.
   */
  readonly tag: string;
  /** `rtl` for a script that is written from right to left. Default: `ltr`. */
  readonly direction?: "ltr" | "rtl" | undefined;
  /** The texts of `src/mail/texts/en.ts` in this language. */
  readonly mails: Texts;
}

export interface MailLanguage {
  readonly tag: string;
  readonly direction: "ltr" | "rtl";
  readonly texts: Texts;
}

const ownTexts: Readonly<Record<Language, Texts>> = { en, de, fr, es };

export type MailLanguages = ReturnType<typeof createMailLanguages>;

/** Throws ConfigurationError for a language that lacks a text. */
export function createMailLanguages(added: readonly AddedMailTexts[] = []) {
  const all = new Map<string, MailLanguage>(
    languages.map((tag) => [tag, { tag, direction: "ltr", texts: ownTexts[tag] }]),
  );
  for (const { tag, direction = "ltr", mails } of added) {
    if (typeof tag !== "string" || !/^[a-z]{2,3}$/.test(tag))
      throw new ConfigurationError("The tag of a language must be two or three letters a to z, such as nl.");
    if (direction !== "ltr" && direction !== "rtl")
      throw new ConfigurationError(`The direction of the language ${tag} must be ltr or rtl.`);
    checkTexts(`${tag}.mails`, mails, en);
    all.set(tag, { tag, direction, texts: mails });
  }
  return {
    tags: [...all.keys()],
    /** English for a language that this process does not have. */
    named: (tag: string): MailLanguage => all.get(tag) ?? { tag: "en", direction: "ltr", texts: en },
  };
}

const placeholders = (text: string) => new Set(text.match(/\{\w+\}/g));

/** Compares the texts of a language with the English ones. A text that is missing would only be noticed by a user. */
export function checkTexts(name: string, given: unknown, english: unknown): void {
  if (typeof english === "string") {
    if (typeof given !== "string" || given.trim() === "") throw new ConfigurationError(`The text ${name} is missing.`);
    const known = placeholders(english);
    for (const one of placeholders(given))
      if (!known.has(one)) throw new ConfigurationError(`The text ${name} has ${one}, which the English one has not.`);
    return;
  }
  if (!isObject(given) || !isObject(english)) throw new ConfigurationError(`The texts ${name} are missing.`);
  for (const [member, text] of Object.entries(english)) checkTexts(`${name}.${member}`, given[member], text);
  const unknown = Object.keys(given).find((member) => !Object.hasOwn(english, member));
  if (unknown !== undefined) throw new ConfigurationError(`The text ${name}.${unknown} is not one of Ampho's.`);
}
