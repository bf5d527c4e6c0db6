// The shared parts of every page of a request: its language, its paths, and the frame around it.
import type { Features } from "../http/rest/features.js";
import type { WebAuthnJson } from "../wire/begun.js";
import { attributes, field, firstField, type Html, hidden, html, type Inserted } from "./html.js";
import type { PageTexts } from "./texts/en.js";
import { fill } from "./texts/texts.js";

export interface View {
  readonly texts: PageTexts;
  /** A language tag (BCP 47). */
  readonly language: string;
  /** The path of a page or of a form's action. */
  readonly at: (name: string) => string;
  readonly passwordMinimum: number;
  /** The API keys that a user can have. 0: none. */
  readonly keysMax: number;
  /** The time of the request, in Unix seconds. */
  readonly now: number;
  /** The changes that an account page can offer. */
  readonly features: Pick<Features, "keepsPasswords" | "changesPasswords" | "offersPasskeys" | "account" | "mails">;
  readonly isSignedIn: boolean;
}

export interface HtmlPage {
  readonly title: string;
  readonly body: Html;
  readonly isWide?: boolean;
}

export const page = (title: string, body: Html): HtmlPage => ({ title, body: html`<h1>${title}</h1>${body}` });

export const form = (view: View, action: string, content: Inserted): Html =>
  html`<form action="${view.at(action)}" method="post">${content}</form>`;

/** The links under a page: name of the page, text. */
export const links = (view: View, ...rows: readonly (readonly [name: string, text: string] | false)[]): Html =>
  html`<nav class="links" aria-label="${view.texts.app.otherPages}">${rows.map(
    (row) => row !== false && html`<a href="${view.at(row[0])}">${row[1]}</a> `,
  )}</nav>`;

export const loginField = ({ texts }: View, value = "", more: Inserted = firstField): Html =>
  field(
    "login",
    texts.fields.login,
    html`value="${value}" autocomplete="username webauthn" autocapitalize="none" spellcheck="false" required ${more}`,
  );

export const mailedCodeField = ({ texts }: View, value = ""): Html =>
  field("code", texts.fields.mailedCode, html`${attributes.code} value="${value}" ${value === "" && firstField}`);

export const newPasswordField = ({ texts, passwordMinimum }: View, name: string): Html => {
  const hint = fill(texts.fields.minimum, { count: passwordMinimum });
  return field(name, texts.fields.newPassword, attributes.newPassword, hint);
};

/** A ceremony of WebAuthn. The button is hidden until the script has loaded. */
export interface Ceremony {
  readonly kind: "get" | "create";
  readonly options: WebAuthnJson;
  /** The browser offers passkeys in the field of the login too. */
  readonly autofill?: boolean;
}

export const passkeyButton = (text: string, { kind, options, autofill }: Ceremony): Html =>
  html`<button class="quiet" hidden data-webauthn="${kind}" data-options="${JSON.stringify(options)}"${
    autofill === true && html` data-autofill`
  }>${text}</button>`;

/** The values with which a page is shown again after a wrong proof. */
export const again = (values: object): Inserted => hidden("again", JSON.stringify(values));

/** A day, such as `2026-11-30`, which is the same in each zone. */
export const day = ({ language }: View, text: string): string =>
  new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(text));

/** The script shows the time in the zone of the browser. */
export function time(view: View, seconds: number): Html {
  const date = new Date(seconds * 1000);
  const format = new Intl.DateTimeFormat(view.language, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
  return html`<time datetime="${date.toISOString()}">${format.format(date)} UTC</time>`;
}
