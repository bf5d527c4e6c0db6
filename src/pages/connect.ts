// The page on which a user reads what an application asks for, and gives consent or none.
import { fill } from "../page-texts/texts.js";
import type { ConnectView } from "../wire/connect.js";
import { list, tag } from "./account.js";
import { button, html } from "./html.js";
import type { HtmlPage, View } from "./view.js";

/** `query`: that of the application. */
export function connectPage(view: View, asked: ConnectView, query: string, login: string): HtmlPage {
  const { texts: t, form, settings } = view;
  const days = Math.ceil(settings.connectionIdleTtl / 86_400);
  const { client, scopes, transaction } = asked;
  const { name, host, known, stated_name: stated, returns } = client;
  // A program on the computer has no host, and the text about it warns.
  const trusted = known ? null : (host ?? returns);
  const rows = scopes.map(({ text, new: isNew }) => [text, isNew && tag(t.newScope)]);
  const hidden = { query, transaction };
  return view.page(fill(t.connect, { name: known || host !== null ? name : t.unknownClient }), [
    html`<p>${t.connectAccount} <strong>${login}</strong></p>`,
    stated !== null && html`<p>${t.statesName} “<bdi>${stated}</bdi>”</p>`,
    trusted !== null && html`<p>${fill(t.isUnknown, { name: trusted })}</p>`,
    html`<div><p>${t.canDo}</p><div class="scopes">${list(rows)}</div></div>`,
    returns === null ? t.returnsHere : html`<p>${t.returnsTo} <strong>${returns}</strong></p>`,
    form("connect/allow", [button(t.allow)], hidden),
    form("connect/reject", [button(t.cancel, "quiet")], hidden),
    html`<p><small>${fill(t.connectEnds, { count: days })}</small></p>`,
  ]);
}

/** The application learns of the mistake only if the user goes there. `location`: undefined for an unknown one. */
export function connectFailedPage(view: View, location: string | undefined): HtmlPage {
  const { texts: t } = view;
  const { host = "", protocol = "" } = location === undefined ? {} : new URL(location);
  // The URL of a program can have no host.
  const name = host || protocol.replace(":", "");
  const back = location && html`<p><a href="${location}">${fill(t.goBack, { name })}</a></p>`;
  return view.page(t.connectFailed, [back ?? t.unknownApplication]);
}
