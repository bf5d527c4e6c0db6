// HTML as text. Everything that a template inserts is escaped, unless it is such HTML itself. Attributes are always
// quoted.
import { escapeHtml } from "../mail/texts/compose.js";

class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type { Html };
export type Inserted = Html | string | number | false | null | undefined | Parts;
export type Parts = readonly Inserted[];

function textOf(value: Inserted): string {
  if (value instanceof Html) return value.text;
  if (value === false || value === null || value === undefined) return "";
  if (typeof value === "object") return value.map(textOf).join("");
  return escapeHtml(String(value));
}

export const html = (strings: TemplateStringsArray, ...values: readonly Inserted[]): Html =>
  new Html(String.raw({ raw: strings }, ...values.map(textOf)));

/** A text is a paragraph, and a list is one part after the other. */
export function block(part: Inserted): Inserted {
  if (typeof part === "string") return html`<p>${part}</p>`;
  return typeof part !== "object" || part === null || part instanceof Html ? part : part.map(block);
}

/** `look`: the classes of the style sheet. */
export const button = (text: Inserted, look?: string, name?: string): Html =>
  html`<button${look !== undefined && html` class="${look}"`}${name !== undefined && html` aria-label="${name}"`}>${text}</button>`;

/** A part of a page that the user unfolds. */
export const details = (title: string, part: Inserted, isOpen = false): Html =>
  html`<details${isOpen && html` open`}><summary>${title}</summary>${part}</details>`;
