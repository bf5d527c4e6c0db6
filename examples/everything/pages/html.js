// HTML as text. Everything that a template inserts is escaped, unless it is such HTML itself.

class Html {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/** @typedef {Html} HtmlText */
/** @typedef {HtmlText | string | number | false | null | undefined | readonly HtmlText[]} Inserted */

const escapes = /** @type {Record<string, string>} */ ({
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
});

/**
 * @param {Inserted} value
 * @returns {string}
 */
function textOf(value) {
  if (value instanceof Html) return value.text;
  if (value === false || value === null || value === undefined) return "";
  if (typeof value === "object") return value.map(textOf).join("");
  return String(value).replace(/[&<>"']/g, (character) => escapes[character] ?? "");
}

/**
 * @param {TemplateStringsArray} strings
 * @param {Inserted[]} values
 * @returns {HtmlText}
 */
export const html = (strings, ...values) => new Html(String.raw({ raw: strings }, ...values.map(textOf)));

/** @typedef {{ title: string, body: HtmlText, wide?: boolean }} Page */
/** @typedef {Readonly<Record<string, unknown>> | boolean | null | undefined} Ceremony Options of WebAuthn, or true where the script has them. */

/**
 * @param {string} title
 * @param {HtmlText} body
 * @returns {Page}
 */
export const page = (title, body) => ({ title, body: html`<h1 tabindex="-1">${title}</h1>${body}` });

/**
 * @param {string} label
 * @param {string} name
 * @param {HtmlText} [attributes]
 * @param {string} [hint]
 */
export const field = (label, name, attributes, hint) =>
  html`<label>${label}${hint && html` <small>${hint}</small>`}<input name="${name}" ${attributes}></label>`;

/**
 * @param {string} action
 * @param {HtmlText} content
 */
export const form = (action, content) => html`<form action="${action}" method="post">${content}</form>`;

/**
 * @param {string} name
 * @param {string | undefined} value
 */
export const hidden = (name, value) =>
  value !== undefined && html`<input type="hidden" name="${name}" value="${value}">`;

/**
 * A button for a ceremony of WebAuthn. Rendered by the server, it is hidden until the script has loaded.
 * @param {string} text
 * @param {"get" | "create"} kind
 * @param {Ceremony} options
 * @param {HtmlText} [attributes]
 */
export const passkeyButton = (text, kind, options, attributes) =>
  options
    ? html`<button class="quiet" formnovalidate data-webauthn="${kind}" ${attributes} ${
        options !== true && html`data-options="${JSON.stringify(options)}" hidden`
      }>${text}</button>`
    : html``;

/**
 * The contents of a page that the server renders again after a wrong code.
 * @param {object} contents
 * @param {Ceremony} options
 */
export const needed = (contents, options) =>
  typeof options === "object" && hidden("needed", JSON.stringify({ ...contents, passkey: options }));

const dates = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });

/** @param {number} seconds */
export const time = (seconds) => {
  const date = new Date(seconds * 1000);
  return html`<time datetime="${date.toISOString()}">${dates.format(date)} UTC</time>`;
};

export const code = html`inputmode="numeric" autocomplete="one-time-code" required`;
export const newPassword = html`type="password" autocomplete="new-password" required`;
