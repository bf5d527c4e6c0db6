// A language that is written from right to left, made of the English texts: each letter becomes a Hebrew one.
import type { AddedLanguage } from "../../dist/index.js";
import { en } from "../../dist/mail/texts/en.js";
import { enTexts } from "../../dist/page-texts/en.js";

const letters = "אבגדהוזחטיכלמנסעפצקרשתאבגד";

const hebrew = (text: string): string =>
  text.replace(/\{\w+\}|[a-z]/gi, (part) =>
    part.length > 1 ? part : (letters[part.toLowerCase().charCodeAt(0) - 97] ?? part),
  );

/** The same members with other texts. */
function translated<T>(texts: T): T {
  if (typeof texts === "string") return hebrew(texts) as T;
  return Object.fromEntries(Object.entries(Object(texts)).map(([name, text]) => [name, translated(text)])) as T;
}

export const rightToLeft: AddedLanguage = {
  tag: "he",
  direction: "rtl",
  mails: translated(en),
  pages: translated(enTexts),
};
