// HTML as text. Everything that a template inserts is escaped, unless it is such HTML itself. Attributes are always
// quoted.

class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type { Html };
export type Inserted = Html | string | number | false | null | undefined | readonly Inserted[];

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function textOf(value: Inserted): string {
  if (value instanceof Html) return value.text;
  if (value === false || value === null || value === undefined) return "";
  if (typeof value === "object") return value.map(textOf).join("");
  return String(value).replace(/[&<>"']/g, (character) => escapes[character] ?? "");
}

export const html = (strings: TemplateStringsArray, ...values: readonly Inserted[]): Html =>
  new Html(String.raw({ raw: strings }, ...values.map(textOf)));

export const hidden = (name: string, value: string | undefined): Inserted =>
  value !== undefined && html`<input type="hidden" name="${name}" value="${value}">`;

/** A text field with its label. `hint` is announced with it. */
export function field(name: string, label: string, attributes: Inserted, hint?: string): Html {
  return html`<label>${label}${hint !== undefined && html` <small>${hint}</small>`}<input name="${name}" ${attributes}></label>`;
}

/** The firstField field of a page. A screen reader also reads the error before it. */
export const firstField = html`autofocus aria-describedby="alert"`;

export const attributes = {
  name: html`maxlength="100" required`,
  code: html`inputmode="numeric" autocomplete="one-time-code" required`,
  optionalCode: html`inputmode="numeric" autocomplete="one-time-code"`,
  recoveryCode: html`autocomplete="off" autocapitalize="characters" spellcheck="false"`,
  newPassword: html`type="password" autocomplete="new-password" required`,
  password: html`type="password" autocomplete="current-password" required`,
  email: html`type="email" autocomplete="email" required`,
};
