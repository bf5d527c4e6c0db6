// The pages of a session: the account, its factors, its sessions.
import { browserOf } from "../mail/texts/browser.js";
import type { AccountView, SessionView } from "../wire/account.js";
import type { PasskeySetUp, TotpSetUp } from "../wire/begun.js";
import type { Ways } from "../wire/login.js";
import { attributes, field, firstField, type Html, hidden, html, type Inserted } from "./html.js";
import { fill } from "./texts/texts.js";
import {
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

const more = (title: string, content: Html): Html => html`<details><summary>${title}</summary>${content}</details>`;

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
}

export function accountPage(view: View, { account: own, sessions, ways }: AccountParts): HtmlPage {
  const sections = [
    profile(view, own),
    ways.password && view.features.changesPasswords && password(view, own),
    ways.passkey && passkeys(view, own),
    secondStep(view, own),
    ways.providers.length > 0 && identities(view, own, ways),
    where(view, sessions),
    data(view),
  ];
  return { ...page(view.texts.app.account, html`<div class="grid">${sections}</div>`), isWide: true };
}

function profile(view: View, own: AccountView): Html {
  const { account: t, fields } = view.texts;
  const unproven = own.email !== null && !own.email_proven;
  // Who signs in with the address goes on to do so.
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
    t.changeEmail,
    form(
      view,
      "email",
      html`${renames && hidden("login", "true")}${field("email", fields.email, attributes.email)}
<button>${view.texts.signIn.mail}</button>`,
    ),
  )
}
${
  view.features.account.login &&
  more(
    t.changeLogin,
    form(
      view,
      "login",
      html`<p>${t.changeLoginHint}</p>${loginField(view, "", false)}<button>${t.changeLogin}</button>`,
    ),
  )
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
      title,
      form(
        view,
        "password",
        html`${own.password && field("password", fields.presentPassword, attributes.password)}
${newPasswordField(view, "new_password")}<button>${title}</button>`,
      ),
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
  t.rename,
  form(
    view,
    "passkeys/rename",
    html`${hidden("id", id)}${field("name", fill(t.newName, { name }), html`maxlength="100" required`)}
<button class="small">${t.rename}</button>`,
  ),
)}`,
  ),
)}
${more(
  t.addPasskey,
  form(
    view,
    "passkeys/begin",
    html`${field("name", fields.name, html`maxlength="100" required`, t.passkeyNameHint)}
<button>${t.addPasskey}</button>`,
  ),
)}`,
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
  more(
    view.texts.account.delete,
    form(
      view,
      "delete",
      html`<p>${view.texts.account.deleteText}</p><button class="danger">${view.texts.account.delete}</button>`,
    ),
  )
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
