// The parts of which each page of a request is built: its language, its paths, forms and fields.
import type { Configuration } from "../config/configuration.js";
import type { Features } from "../http/rest/features.js";
import type { PageTexts } from "../page-texts/en.js";
import { fill, type PageLanguage } from "../page-texts/texts.js";
import type { WebAuthnJson } from "../wire/begun.js";
import { block, type Html, html, type Inserted, type Parts } from "./html.js";

/** An alarm link reports this change. */
export interface ReportedAlarm {
  readonly change: string | undefined;
  readonly iat: number | undefined;
  readonly browser: string | undefined;
}

export interface ViewValues extends PageLanguage {
  /** The path of a page or of a form's action. */
  readonly at: (name: string) => string;
  readonly settings: Pick<Configuration, "passwordMin" | "apiKeysPerUser" | "scopeTexts" | "connectionIdleTtl">;
  /** The time of the request, in Unix seconds. */
  readonly now: number;
  /** The changes that an account page can offer. */
  readonly features: Pick<
    Features,
    "keepsPasswords" | "changesPasswords" | "offersPasskeys" | "account" | "mails" | "connect"
  >;
  /** Undefined for an alarm link that Ampho has not signed, or that is over. No page shows anything of it. */
  readonly readAlarm: (token: string) => ReportedAlarm | undefined;
  readonly isSignedIn: boolean;
  /** Undefined for a user who is not signed in. A form of one user must not change the account of the next one. */
  readonly user: string | undefined;
}

export interface HtmlPage {
  readonly title: string;
  readonly body: Html;
  readonly isWide?: boolean;
}

type Link = readonly [name: string, text: string];

/** The values that a form sends beside its fields. An undefined one is not sent. */
export type Hidden = Readonly<Record<string, string | null | undefined>>;

type FieldName = keyof PageTexts["fields"];

/** The name of a field chooses its label, and how a browser fills it in. */
const inputs: Readonly<Record<FieldName, Html>> = {
  login: html`autocomplete="username webauthn" autocapitalize="none" spellcheck="false"`,
  email: html`type="email" autocomplete="email"`,
  password: html`type="password" autocomplete="current-password"`,
  new_password: html`type="password" autocomplete="new-password"`,
  code: html`inputmode="numeric" autocomplete="one-time-code"`,
  totp: html`inputmode="numeric" autocomplete="one-time-code"`,
  recovery_code: html`autocomplete="off" autocapitalize="characters" spellcheck="false"`,
  name: html`maxlength="100"`,
  link: html`autocomplete="off"`,
  match: html`inputmode="numeric" autocomplete="off"`,
  days: html`type="number"`,
};

interface FieldOptions {
  /** In place of the name that chooses the attributes. */
  readonly name?: string;
  readonly label?: string;
  /** Is announced with the label. */
  readonly hint?: string;
  readonly value?: string | null | undefined;
  /** The first field of the page has the focus. A screen reader also reads the error before it. */
  readonly isFirst?: boolean;
  readonly isOptional?: boolean;
  readonly more?: Inserted;
}

export type View = ReturnType<typeof createView>;

export function createView(values: ViewValues) {
  const { texts: t, at, language } = values;
  const minimum = fill(t.minimum, { count: values.settings.passwordMin });

  /** The script shows the box, which shows the field before it. */
  const shown = html`<label class="check" hidden data-show><input type="checkbox"> ${t.showPassword}</label>`;

  function field(kind: FieldName, options: FieldOptions = {}): Html {
    const { name = kind, label = t.fields[kind], value, isOptional = false, more } = options;
    const { hint = kind === "new_password" && minimum, isFirst = kind === "code" && !value } = options;
    return html`<label>${label}${hint !== false && html` <small>${hint}</small>`}<input name="${name}" ${inputs[kind]}${
      value && html` value="${value}"`
    }${!isOptional && html` required`}${isFirst && html` autofocus aria-describedby="alert"`}${more}></label>${kind.endsWith("password") && shown}`;
  }

  const form = (action: string, parts: Parts, hidden: Hidden = {}): Html =>
    html`<form action="${at(action)}" method="post">${Object.entries({ ...hidden, user: values.user }).map(
      ([name, value]) => value != null && html`<input type="hidden" name="${name}" value="${value}">`,
    )}${block(parts)}</form>`;

  const page = (title: string, parts: Parts, ...links: readonly (Link | false)[]): HtmlPage => {
    const rows = links.flatMap((link) => (link ? [html`<a href="${at(link[0])}">${link[1]}</a> `] : []));
    const under = rows.length > 0 && html`<nav class="links">${rows}</nav>`;
    return { title, body: html`<h1>${title}</h1>${block(parts)}${under}` };
  };

  return {
    ...values,
    field,
    form,
    page,
    minimum,
    startAgain: ["sign-in", t.startAgain] as Link,
    cancel: ["", t.cancel] as Link,
    /** A day, such as `2026-11-30`, which is the same in each zone. */
    day: (text: string) => new Date(text).toLocaleDateString(language, { dateStyle: "medium", timeZone: "UTC" }),
    /** The script shows the time in the zone of the browser. `seconds`: Unix seconds. */
    time(seconds: number): Html {
      const date = new Date(seconds * 1000);
      const text = date.toLocaleString(language, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
      return html`<time datetime="${date.toISOString()}">${text} UTC</time>`;
    },
  };
}

/** The first letter of a provider. It stands for its logo, which has rules of its own. */
export const mark = (label: string): Html =>
  html`<span class="mark" aria-hidden="true">${[...label].at(0)?.toUpperCase()}</span> `;

/** A ceremony of WebAuthn. The button is hidden until the script has loaded. */
export const passkeyButton = (kind: "get" | "create", text: string, options: WebAuthnJson, more?: Inserted): Html =>
  html`<button class="quiet" hidden data-webauthn="${kind}" data-options="${JSON.stringify(options)}"${more}>${text}</button>`;
