// The page of everything that can still sign in to the account or act for it, with a button for each, and one for all.

import { fill } from "../page-texts/texts.js";
import type { AccessItem } from "../wire/account.js";
import type { Ways } from "../wire/login.js";
import { action, cell, list, tag } from "./account.js";
import { button, type Html, html, type Inserted } from "./html.js";
import type { HtmlPage, View } from "./view.js";

/** One mailed code confirms all removals, and each leads back to this page. */
const review = { review: "yes" };

export function accessPage(view: View, items: readonly AccessItem[], { providers }: Pick<Ways, "providers">): HtmlPage {
  const { texts: t, form } = view;
  const labels = new Map(providers.map(({ name, label }) => [name, label]));
  const rows = items.map((item) => {
    const name = nameOf(view, item, labels);
    const { current, confirmed } = item;
    const tags = [
      current && tag(item.kind === "session" ? t.thisDevice : t.stays),
      confirmed !== null && tag(confirmed ? t.confirmed : t.unproven),
    ];
    return [cell(name, tags, ...factsOf(view, item)), endOf(view, item, name)];
  });
  const all = form("access/end", [fill(t.endAccessText, { stays: t.stays }), button(t.endAccess, "danger")], review);
  const body = html`<section class="card"><p>${t.accessText}</p>${list(rows)}${all}</section>`;
  const page = view.page(t.access, [body], ["in", t.continue]);
  return { ...page, isWide: true };
}

function nameOf({ texts: t }: View, { kind, name }: AccessItem, labels: ReadonlyMap<string, string>): string {
  const shown = name ?? "";
  switch (kind) {
    case "session":
      return name ?? t.unknownBrowser;
    case "passkey":
      return fill(t.onePasskey, { name: shown });
    case "identity":
      return fill(t.oneIdentity, { name: labels.get(shown) ?? shown });
    case "api_key":
      return fill(t.oneApiKey, { name: shown });
    case "connection":
      return fill(t.oneConnection, { name: shown });
    case "totp":
      return t.app;
    case "recovery_codes":
      return `${t.recoveryCodes}: ${fill(t.codesLeft, { count: shown })}`;
    case "password":
      return t.fields.password;
    case "address":
      return `${t.fields.email}: ${shown}`;
    case "login":
      return `${t.loginName}: ${shown}`;
  }
}

/** When and from where it was added, and its last use. */
function factsOf(view: View, { kind, created, browser, address, actor, used }: AccessItem): readonly Inserted[] {
  const { texts: t } = view;
  const by = actor === "operator" ? t.byOperator : actor === "application" && t.byApplication;
  // The name of a session is its browser.
  const from = [kind !== "session" && browser, address, by].filter((part) => part);
  const added = kind === "session" ? t.signedIn : t.added;
  return [
    created !== null && html`${added} ${view.time(created)}${from.map((part) => html` · ${part}`)}`,
    used !== null && html`${t.used} ${view.time(used)}`,
  ].filter((line) => line !== false);
}

const removals = { passkey: "passkeys/remove", totp: "totp/remove", identity: "identities/remove" } as const;

function endOf(view: View, { kind, id, current }: AccessItem, name: string): Inserted {
  const { texts: t, features } = view;
  const change = (is: boolean, section: string): Html | false =>
    is &&
    html`<a class="button small quiet" href="${view.at("")}#${section}" aria-label="${t.change} ${name}">${t.change}</a>`;
  switch (kind) {
    case "session":
      return !current && action(view, "sessions/end", t.signOut, { id, ...review }, name);
    case "api_key":
      return action(view, "api-keys/remove", t.remove, { id, ...review }, name);
    case "connection":
      return action(view, "connections/end", t.remove, { id, ...review }, name);
    case "recovery_codes":
      return action(view, "recovery-codes/renew", t.renewCodes);
    case "passkey":
    case "totp":
    case "identity":
      return action(view, removals[kind], t.remove, { id, ...review }, name);
    case "password":
      return change(features.changesPasswords, "password");
    case "address":
      return change(features.mails.email, "profile");
    case "login":
      return change(features.account.login, "profile");
  }
}
