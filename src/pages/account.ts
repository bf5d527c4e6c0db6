// The pages of a session: the account, its factors, its sessions.
import { browserOf } from "../mail/texts/browser.js";
import type { AccountView, SessionView } from "../wire/account.js";
import type { PasskeySetUp, TotpSetUp } from "../wire/begun.js";
import type { ApiKeyView, NewApiKey } from "../wire/keys.js";
import type { Ways } from "../wire/login.js";
import { attributes, field, firstField, type Html, hidden, html, type Inserted } from "./html.js";
import { fill } from "./texts/texts.js";
import {
  day,
  form,
  type HtmlPage,
  links,
  loginField,
  mailedCodeField,
  newPasswordField,
  page,
  passkeyButton,
  time,
  type View,
} from "./view.js";

const section = (id: string, title: string, content: Inserted): Html =>
  html`<section class="card" aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${content}</section>`;

/** A form that the user unfolds. `look` is a class of its button, whose text is the title by default. */
const more = (view: View, action: string, title: string, content: Inserted, look?: "small" | "danger", text = title) =>
  html`<details><summary>${title}</summary>${form(
    view,
    action,
    html`${content}<button${look !== undefined && html` class="${look}"`}>${text}</button>`,
  )}</details>`;

const list = (items: readonly Html[]): Inserted =>
  items.length > 0 && html`<ul class="list">${items.map((item) => html`<li>${item}</li>`)}</ul>`;

/** `name` is the text of the button for a screen reader. */
const button = (view: View, action: string, text: string, id?: string, name?: string): Html =>
  form(
    view,
    action,
    html`${hidden("id", id)}
<button class="small quiet"${name !== undefined && html` aria-label="${name}"`}>${text}</button>`,
  );

export interface AccountParts {
  readonly account: AccountView;
  readonly sessions: readonly SessionView[];
  readonly ways: Ways;
  readonly keys: readonly ApiKeyView[];
  /** The scopes that the user has, and that a key can have. */
  readonly scopes: readonly string[];
}

export function accountPage(view: View, parts: AccountParts): HtmlPage {
  const { account: own, sessions, ways, keys, scopes } = parts;
  const sections = [
    profile(view, own),
    ways.password && view.features.changesPasswords && password(view, own),
    ways.passkey && passkeys(view, own),
    secondStep(view, own),
    ways.providers.length > 0 && identities(view, own, ways),
    (keys.length > 0 || scopes.length > 0) && apiKeys(view, parts),
    where(view, sessions),
    data(view),
  ];
  return { ...page(view.texts.app.account, html`<div class="grid">${sections}</div>`), isWide: true };
}

function profile(view: View, own: AccountView): Html {
  const { account: t, fields } = view.texts;
  const unproven = own.email !== null && !own.email_proven;
  // A user who signs in with the address goes on to do so.
  const renames = view.features.account.login && own.login === own.email;
  return section(
    "profile",
    t.profile,
    html`<dl><dt>${t.login}</dt><dd>${own.login}</dd>
<dt>${fields.email}</dt><dd>${own.email ?? t.noEmail}${unproven && ` (${t.unproven})`}</dd>
${own.created !== null && html`<dt>${t.since}</dt><dd>${time(view, own.created)}</dd>`}</dl>
${
  view.features.mails.email &&
  more(
    view,
    "email",
    t.changeEmail,
    html`${renames && hidden("login", "true")}${field("email", fields.email, attributes.email)}`,
    undefined,
    view.texts.signIn.mail,
  )
}
${
  view.features.account.login &&
  more(view, "login", t.changeLogin, html`<p>${t.changeLoginHint}</p>${loginField(view, "", false)}`)
}`,
  );
}

function password(view: View, own: AccountView): Html {
  const { account: t, fields } = view.texts;
  const title = own.password ? t.changePassword : view.texts.reset.submit;
  return section(
    "password",
    fields.password,
    html`${more(
      view,
      "password",
      title,
      html`${own.password && field("password", fields.presentPassword, attributes.password)}
${newPasswordField(view, "new_password")}`,
    )}
${own.password && own.passkeys.length > 0 && view.features.keepsPasswords && button(view, "password/remove", t.removePassword)}`,
  );
}

function passkeys(view: View, own: AccountView): Html {
  const { account: t, fields } = view.texts;
  return section(
    "passkeys",
    t.passkeys,
    html`<p>${t.passkeysText}</p>
${list(
  own.passkeys.map(
    ({
      id,
      name,
      created,
      used,
      synced,
    }) => html`<div><strong>${name}</strong>${synced && html` <span class="tag">${t.synced}</span>`}
<small>${used === null ? t.added : t.used} ${time(view, used ?? created)}</small></div>
${button(view, "passkeys/remove", t.remove, id, fill(t.removeOf, { name }))}
${more(
  view,
  "passkeys/rename",
  t.rename,
  html`${hidden("id", id)}${field("name", fill(t.newName, { name }), attributes.name)}`,
  "small",
)}`,
  ),
)}
${more(view, "passkeys/begin", t.addPasskey, field("name", fields.name, attributes.name, t.passkeyNameHint))}`,
  );
}

function secondStep(view: View, own: AccountView): Html {
  const { account: t } = view.texts;
  const hasFactor = own.totp !== null || own.passkeys.length > 0;
  return section(
    "factors",
    t.factors,
    html`<p>${t.factorsText}</p>
${
  own.totp === null
    ? button(view, "totp/begin", t.setUpApp)
    : list([
        html`<div><strong>${t.app}</strong> <small>${t.added} ${time(view, own.totp.since)}</small></div>
${button(view, "totp/remove", t.remove, undefined, fill(t.removeOf, { name: t.app }))}
${button(view, "totp/begin", t.setUpApp)}`,
      ])
}
${
  hasFactor &&
  html`${list([
    html`<div><strong>${t.recoveryCodes}</strong> <small>${fill(t.codesLeft, { count: own.recovery_codes })}</small></div>
${button(view, "recovery-codes/renew", t.renewCodes)}`,
  ])}${button(view, "devices/forget", t.forgetDevices)}`
}`,
  );
}

function identities(view: View, own: AccountView, { providers }: Ways): Html {
  const { account: t } = view.texts;
  const labels = new Map(providers.map(({ name, label }) => [name, label]));
  const linked = new Set(own.identities.map(({ provider }) => provider));
  return section(
    "identities",
    t.identities,
    html`${list(
      own.identities.map(({ id, provider }) => {
        const label = labels.get(provider) ?? provider;
        return html`<div><strong>${label}</strong></div>
${button(view, "identities/remove", t.remove, id, fill(t.removeOf, { name: label }))}`;
      }),
    )}
${providers
  .filter(({ name }) => !linked.has(name))
  .map(({ name, label }) =>
    form(
      view,
      "identities/link",
      html`${hidden("provider", name)}<button class="quiet">${fill(t.link, { provider: label })}</button>`,
    ),
  )}`,
  );
}

/** Before the name of a scope in the name of its check box. */
export const scopeField = "scope ";

function apiKeys(view: View, { keys, scopes }: Pick<AccountParts, "keys" | "scopes">): Html {
  const { account: t, fields } = view.texts;
  const days = (min: number, max: number, value: number) =>
    html`type="number" min="${min}" max="${max}" value="${value}" required`;
  const isLive = ({ expires }: ApiKeyView) => expires > view.now;
  return section(
    "keys",
    t.keys,
    html`<p>${t.keysText}</p>
${list(
  keys.map((key) => {
    const { id, name, start, expires, last_used: used } = key;
    return html`<div><strong>${name}</strong> <code>…_${start}…</code>
<small>${key.scopes.join(", ")}</small>
<small>${isLive(key) ? t.keyEnds : t.keyEnded} ${time(view, expires)}${used !== null && ` · ${t.used} ${day(view, used)}`}</small></div>
${button(view, "keys/remove", t.remove, id, fill(t.removeOf, { name }))}
${
  isLive(key) &&
  more(
    view,
    "keys/replace",
    t.replaceKey,
    html`${hidden("id", id)}${field("days", fill(t.keyOverlap, { name }), days(0, 7, 1))}`,
    "small",
  )
}`;
  }),
)}
${
  keys.filter(isLive).length < view.keysMax
    ? more(
        view,
        "keys/create",
        t.addKey,
        html`${field("name", fields.name, attributes.name)}
<fieldset><legend>${t.keyScopes}</legend>${scopes.map(
          (scope) => html`<label class="check"><input type="checkbox" name="${scopeField}${scope}"> ${scope}</label>`,
        )}</fieldset>
${field("days", t.keyDays, days(1, 366, 90))}`,
      )
    : html`<p>${t.keysFull}</p>`
}`,
  );
}

function where(view: View, sessions: readonly SessionView[]): Html {
  const { account: t } = view.texts;
  return section(
    "sessions",
    t.sessions,
    html`${list(
      sessions.map(({ id, current, renewed, agent, address, acr }) => {
        const browser = browserOf(agent ?? undefined);
        const name = browser === "unknown" ? t.unknownBrowser : browser;
        return html`<div><strong>${name}</strong>${current && html` <span class="tag">${t.thisDevice}</span>`}
<small>${address !== null && `${address} · `}${acr !== "1fa" && `${t.secondStep} · `}${t.active} ${time(view, renewed)}</small></div>
${!current && button(view, "sessions/end", t.end, id, fill(t.endOf, { name }))}`;
      }),
    )}
${form(view, "sessions/end-all", html`<button class="quiet">${t.endAll}</button>`)}`,
  );
}

const data = (view: View): Html =>
  section(
    "data",
    view.texts.account.data,
    html`${form(view, "export", html`<button class="quiet">${view.texts.account.export}</button>`)}
${
  view.features.account.removal &&
  more(view, "delete", view.texts.account.delete, html`<p>${view.texts.account.deleteText}</p>`, "danger")
}`,
  );

/** `qr` is an SVG. */
export const totpPage = (view: View, { secret, uri }: TotpSetUp, qr: string): HtmlPage => {
  const { setUp: t, fields, app } = view.texts;
  return page(
    view.texts.account.setUpApp,
    html`<p>${t.appText}</p>
<img class="qr" src="data:image/svg+xml,${encodeURIComponent(qr)}" alt="${t.qr}">
<p><code>${secret.replace(/.{4}/g, "$& ").trim()}</code></p>
${form(
  view,
  "totp/confirm",
  html`${hidden("secret", secret)}${hidden("uri", uri)}
${field("totp", fields.appCode, html`${attributes.code} ${firstField}`)}<button>${app.continue}</button>`,
)}${links(view, ["", app.cancel])}`,
  );
};

export const createPasskey = (view: View, { passkey }: PasskeySetUp, name: string | undefined): HtmlPage => {
  const { setUp: t, app } = view.texts;
  return page(
    view.texts.account.addPasskey,
    html`<p>${t.passkeyText}</p>
${form(
  view,
  "passkeys/finish",
  html`${hidden("name", name)}
${passkeyButton(view.texts.account.addPasskey, { kind: "create", options: passkey })}`,
)}
${links(view, ["", app.cancel])}`,
  );
};

/** The one page that shows a key. */
export const newKeyPage = (view: View, { name, key }: NewApiKey): HtmlPage =>
  page(
    fill(view.texts.setUp.keyTitle, { name }),
    html`<p>${view.texts.setUp.keyText}</p><p><code>${key}</code></p>
<p><a class="button" href="${view.at("in")}">${view.texts.setUp.keyStored}</a></p>`,
  );

export const recoveryCodes = (view: View, codes: readonly string[]): HtmlPage => {
  const { setUp: t } = view.texts;
  return page(
    t.codesTitle,
    html`<p>${t.codesText}</p><ul class="codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>
<p><a class="button" href="${view.at("in")}">${t.codesStored}</a></p>`,
  );
};

export const confirmEmail = (view: View): HtmlPage =>
  page(
    view.texts.mail.title,
    form(
      view,
      "email/finish",
      html`<p>${view.texts.mail.code}</p>${mailedCodeField(view)}<button>${view.texts.account.changeEmail}</button>`,
    ),
  );
