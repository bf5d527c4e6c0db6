// The pages of a session: the account, its factors, its sessions.
import { renderSVG } from "uqr";
import { scopeText } from "../config/scope-texts.js";
import { browserOf } from "../mail/texts/browser.js";
import { fill } from "../page-texts/texts.js";
import type { AccountView, SessionView } from "../wire/account.js";
import type { ApiKeyView, NewApiKey } from "../wire/api-keys.js";
import type { PasskeySetUp, TotpSetUp } from "../wire/begun.js";
import type { ConnectionView } from "../wire/connect.js";
import type { Ways } from "../wire/login.js";
import { block, button, details, type Html, html, type Inserted, type Parts } from "./html.js";
import { type Hidden, type HtmlPage, mark, passkeyButton, type View } from "./view.js";

export interface AccountParts {
  readonly account: AccountView;
  readonly sessions: readonly SessionView[];
  readonly ways: Ways;
  readonly apiKeys: readonly ApiKeyView[];
  readonly connections: readonly ConnectionView[];
  /** The scopes that the user has, and that a key can have. */
  readonly scopes: readonly string[];
}

export function accountPage(view: View, parts: AccountParts): HtmlPage {
  const { account: own, sessions, ways, apiKeys: keys, connections, scopes } = parts;
  const sections = [
    profile(view, own),
    ways.password && view.features.changesPasswords && password(view, own),
    ways.passkey && passkeys(view, own),
    secondStep(view, own),
    ways.providers.length > 0 && identities(view, own, ways),
    (keys.length > 0 || scopes.length > 0) && apiKeys(view, parts),
    connections.length > 0 && connected(view, connections),
    where(view, sessions),
    data(view),
  ];
  return { ...view.page(view.texts.account, [html`<div class="grid">${sections}</div>`]), isWide: true };
}

const section = (id: string, title: string, ...parts: Parts): Html =>
  html`<section class="card" aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${block(parts)}</section>`;

/** A form that the user unfolds. */
const more = ({ form }: View, name: string, title: string, parts: Parts, hidden?: Hidden, submit = button(title)) =>
  details(title, form(name, [...parts, submit], hidden));

export const tag = (text: string): Html => html` <span class="tag">${text}</span>`;

export const list = (items: readonly Parts[]): Inserted =>
  items.length > 0 && html`<ul>${items.map((item) => html`<li>${item}</li>`)}</ul>`;

/** The first cell of a row. */
export const cell = (name: string, tag: Inserted, ...lines: Parts): Html =>
  html`<div><strong>${name}</strong>${tag}${lines.map((line) => html` <small>${line}</small>`)}</div>`;

/** A button that does one thing. `of` is the name of its thing, for a screen reader. */
export const action = ({ form }: View, name: string, text: string, hidden?: Hidden, of?: string): Html =>
  form(name, [button(text, "small quiet", of && `${text} ${of}`)], hidden);

function profile(view: View, own: AccountView): Html {
  const { texts: t, field, features } = view;
  const unproven = !own.email_proven;
  // A user who signs in with the address goes on to do so.
  const hidden = { login: features.account.login && own.login === own.email ? "true" : undefined };
  return section(
    "profile",
    t.profile,
    html`<dl><dt>${t.loginName}</dt><dd>${own.login}</dd>
${own.email !== null && html`<dt>${t.fields.email}</dt><dd>${own.email}${unproven && ` (${t.unproven})`}</dd>`}
${own.created !== null && html`<dt>${t.since}</dt><dd>${view.time(own.created)}</dd>`}</dl>`,
    features.mails.email && [
      more(view, "email", t.changeEmail, [field("email")], hidden, button(t.mailCode)),
      own.email_change === null
        ? own.email_proven &&
          more(view, "email/later", t.lostMailbox, [t.lostMailboxText, field("email", { label: t.newEmail })], hidden)
        : waitingEmail(view, own.email_change),
    ],
    features.account.login && more(view, "login", t.changeLogin, [t.changeLoginHint, field("login")]),
  );
}

/** The change of a user who has lost the mailbox. Its code is entered in any session. */
function waitingEmail(view: View, { to, from }: NonNullable<AccountView["email_change"]>): Inserted {
  const { texts: t, form, field } = view;
  const isMailed = from <= view.now;
  return [
    html`<p>${t.newEmail}: <strong>${to}</strong>, ${view.time(from)}</p>`,
    isMailed && form("email/taken", [field("code"), button(t.changeEmail)]),
    action(view, "email/stop", t.stopChange, undefined, to),
  ];
}

function password(view: View, own: AccountView): Html {
  const { texts: t, field } = view;
  const present = own.password && field("password", { label: t.presentPassword });
  const canRemove = own.password && own.passkeys.length > 0 && view.features.keepsPasswords;
  return section(
    "password",
    t.fields.password,
    more(view, "password", t.newPassword, [present, field("new_password")]),
    canRemove && action(view, "password/remove", t.remove, undefined, t.fields.password),
  );
}

function passkeys(view: View, own: AccountView): Html {
  const { texts: t, field } = view;
  const newName = (name: string) => field("name", { label: fill(t.newName, { name }) });
  const rows = own.passkeys.map(({ id, name, created, used, synced }) => [
    cell(name, synced && tag(t.synced), html`${used === null ? t.added : t.used} ${view.time(used ?? created)}`),
    action(view, "passkeys/remove", t.remove, { id }, name),
    more(view, "passkeys/rename", t.rename, [newName(name)], { id }, button(t.rename, "small")),
  ]);
  const add = more(view, "passkeys/begin", t.addPasskey, [field("name", { hint: t.passkeyNameHint })]);
  return section("passkeys", t.passkeys, t.passkeysText, list(rows), add);
}

function secondStep(view: View, own: AccountView): Html {
  const { texts: t } = view;
  const begin = own.totp === null && action(view, "totp/begin", t.setUpApp);
  const app = own.totp !== null && [
    cell(t.app, null, html`${t.added} ${view.time(own.totp.since)}`),
    action(view, "totp/remove", t.remove, undefined, t.app),
    action(view, "totp/begin", t.replace, undefined, t.app),
  ];
  const codes = [
    cell(t.recoveryCodes, null, fill(t.codesLeft, { count: own.recovery_codes })),
    action(view, "recovery-codes/renew", t.renewCodes),
  ];
  const hasFactor = own.totp !== null || own.passkeys.length > 0;
  return section(
    "factors",
    t.secondStep,
    t.secondStepText,
    app === false ? begin : list([app]),
    hasFactor && [list([codes]), action(view, "devices/forget", t.forgetDevices)],
  );
}

function identities(view: View, own: AccountView, { providers }: Ways): Html {
  const { texts: t, form } = view;
  const labels = new Map(providers.map(({ name, label }) => [name, label]));
  const linked = own.identities.map(({ id, provider }) => {
    const label = labels.get(provider) ?? provider;
    return [cell(label, null), action(view, "identities/remove", t.remove, { id }, label)];
  });
  const others = providers.filter(({ name }) => own.identities.every(({ provider }) => provider !== name));
  const links = others.map(({ name: provider, label }) =>
    form("identities/link", [button([mark(label), fill(t.linkProvider, { provider: label })], "quiet")], { provider }),
  );
  return section("identities", t.identities, list(linked), links);
}

/** Before the name of a scope in the name of its check box. */
export const scopeField = "scope ";

function apiKeys(view: View, { apiKeys: keys, scopes }: Pick<AccountParts, "apiKeys" | "scopes">): Html {
  const { texts: t, field } = view;
  const days = (value: number, min: number, max: number, label = t.fields.days) =>
    field("days", { label, value: String(value), more: html` min="${min}" max="${max}"` });
  const isLive = ({ expires }: ApiKeyView) => expires > view.now;
  const rows = keys.map((key) => {
    const { id, name, start, expires, last_used: used } = key;
    const end = html`${isLive(key) ? t.apiKeyEnds : t.apiKeyEnded} ${view.time(expires)}`;
    const last = used !== null && ` · ${t.used} ${view.day(used)}`;
    const overlap = days(1, 0, 7, fill(t.apiKeyOverlap, { name }));
    return [
      cell(name, html` <code>…_${start}…</code>`, key.scopes.join(", "), html`${end}${last}`),
      action(view, "api-keys/remove", t.remove, { id }, name),
      isLive(key) && more(view, "api-keys/replace", t.replace, [overlap], { id }, button(t.replace, "small")),
    ];
  });
  const boxes = scopes.map(
    (scope) => html`<label class="check"><input type="checkbox" name="${scopeField}${scope}"> ${scope}</label>`,
  );
  const chosen = html`<fieldset><legend>${t.apiKeyScopes}</legend>${boxes}</fieldset>`;
  const add = more(view, "api-keys/create", t.addApiKey, [field("name"), chosen, days(90, 1, 366)]);
  const isFull = keys.filter(isLive).length >= view.settings.apiKeysPerUser;
  return section("api-keys", t.apiKeys, t.apiKeysText, list(rows), isFull ? t.apiKeysFull : add);
}

function connected(view: View, connections: readonly ConnectionView[]): Html {
  const { texts: t, settings, language } = view;
  const rows = connections.map(({ id, client, name: known, scopes, renewed, address }) => {
    const name = known ?? client;
    const can = scopes.map((scope) => scopeText(settings.scopeTexts, scope, language)).join(", ");
    const facts = html`${address !== null && `${address} · `}${t.used} ${view.time(renewed)}`;
    return [cell(name, null, can, facts), action(view, "connections/end", t.endConnection, { id }, name)];
  });
  return section("connections", t.connections, t.connectionsText, list(rows));
}

function where(view: View, sessions: readonly SessionView[]): Html {
  const { texts: t } = view;
  const rows = sessions.map(({ id, current, renewed, agent, address, acr }) => {
    const browser = browserOf(agent ?? undefined);
    const name = browser === "unknown" ? t.unknownBrowser : browser;
    const facts = html`${address !== null && `${address} · `}${acr !== "1fa" && `${t.secondStep} · `}`;
    return [
      cell(name, current && tag(t.thisDevice), html`${facts}${t.used} ${view.time(renewed)}`),
      !current && action(view, "sessions/end", t.signOut, { id }, name),
    ];
  });
  const access = html`<p><a href="${view.at("access")}">${t.access}</a></p>`;
  const endAll = view.form("sessions/end-all", [button(t.endAll, "quiet")]);
  return section("sessions", t.sessions, list(rows), endAll, access);
}

function data(view: View): Html {
  const { texts: t, form } = view;
  const sure = button(t.delete, "danger");
  const removal = view.features.account.removal && more(view, "delete", t.delete, [t.deleteText], {}, sure);
  return section("data", t.data, form("export", [button(t.export, "quiet")]), removal);
}

/** The URI comes back with the form, and a picture has a largest size in bytes. */
export function totpPage(view: View, { secret, uri: whole }: Pick<TotpSetUp, "secret" | "uri">): HtmlPage {
  const { texts: t, form, field } = view;
  const uri = whole.replace(/[^!-~]/g, "").slice(0, 1000);
  const parts = [
    t.appText,
    html`<img class="qr" src="data:image/svg+xml,${encodeURIComponent(renderSVG(uri))}" alt="${t.qr}">
<p><code>${secret.replace(/.{4}/g, "$& ").trim()}</code></p>`,
    form("totp/confirm", [field("totp", { isFirst: true }), button(t.continue)], { secret, uri }),
  ];
  return view.page(t.setUpApp, parts, view.cancel);
}

export function createPasskey(view: View, { passkey }: PasskeySetUp, { name }: Hidden): HtmlPage {
  const { texts: t, form } = view;
  const create = form("passkeys/finish", [passkeyButton("create", t.addPasskey, passkey, html` data-now`)], { name });
  return view.page(t.addPasskey, [t.confirmPasskey, create], view.cancel);
}

interface Secret {
  readonly shown: Html;
  readonly plain: string;
  /** The name under which it can be downloaded, also without a script. */
  readonly file?: string;
}

/** The one page that shows a secret. `next`: the page after it. */
function secretPage(view: View, title: string, text: string, { shown, plain, file }: Secret, next = "in"): HtmlPage {
  const { texts: t, at } = view;
  const copy = html`<button class="small quiet" hidden data-copy="${plain}" data-done="${t.copied}">${t.copy}</button>`;
  const print = html`<button class="small quiet" hidden data-print>${t.print}</button>`;
  const download = html`<a class="button small quiet" download="${file}" href="data:text/plain,${encodeURIComponent(plain)}">${t.download}</a>`;
  const tools = html`<p class="tools">${copy} ${file !== undefined && [download, " ", print]}</p>`;
  return view.page(title, [text, shown, tools, html`<p><a class="button" href="${at(next)}">${t.stored}</a></p>`]);
}

export const newApiKeyPage = (view: View, { name, key }: NewApiKey): HtmlPage =>
  secretPage(view, fill(view.texts.apiKeyTitle, { name }), view.texts.apiKeyText, {
    shown: html`<p><code>${key}</code></p>`,
    plain: key,
  });

/** `next`: the page after this one. */
export function recoveryCodes(view: View, codes: readonly string[], next: string): HtmlPage {
  const { texts: t } = view;
  const shown = html`<ul class="codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>`;
  const secret = { shown, plain: `${codes.join("\n")}\n`, file: "recovery-codes.txt" };
  return secretPage(view, t.recoveryCodes, t.codesText, secret, next);
}

export function confirmEmail(view: View): HtmlPage {
  const { texts: t, form, field } = view;
  return view.page(t.checkMail, [form("email/finish", [t.codeMailed, field("code"), button(t.changeEmail)])]);
}

/** A GET mails no code, so a button asks for it. */
export const confirmLink = (view: View): HtmlPage =>
  view.page(
    view.texts.linkAccount,
    [view.texts.confirmLink, view.form("identities/confirm", [button(view.texts.mailCode)])],
    view.cancel,
  );

/** The session has confirmed that the account gets its first password. */
export function firstPassword(view: View): HtmlPage {
  const { texts: t, form, field } = view;
  return view.page(t.newPassword, [form("password", [field("new_password"), button(t.newPassword)])], view.cancel);
}

/** The code confirms a change. `hidden`: the form of the change, which is sent again with the code. */
export function showConfirmation(view: View, hidden: Hidden): HtmlPage {
  const { texts: t, form, field } = view;
  const parts = [form("change/confirm", [t.codeMailed, field("code"), button(t.continue)], hidden)];
  return view.page(t.checkMail, parts, view.cancel);
}
