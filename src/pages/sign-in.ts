// The pages before a session: sign in, second step, set-up, registration, forgotten password, mailed links.

import { fill } from "../page-texts/texts.js";
import type { OutsideBegun } from "../wire/begun.js";
import type { WaysIn } from "../wire/login.js";
import type { ProblemBody } from "../wire/problem.js";
import { button, details, html, type Inserted } from "./html.js";
import { type Hidden, type HtmlPage, mark, passkeyButton, type ReportedAlarm, type View } from "./view.js";

const yes = (is: boolean) => (is ? "yes" : undefined);

/** `confirms`: the same page asks a user who is signed in to prove it again. */
export function signInPage(
  view: View,
  { ways, passkey, transaction }: WaysIn,
  login = "",
  confirms?: string | undefined,
): HtmlPage {
  const { texts: t, form, field } = view;
  const hidden = { confirms };
  const knows = login !== "" && ways.password;
  const canType = ways.password || ways.mail;
  const canChoose = passkey !== null || ways.providers.length > 0;
  const toMail = html` formaction="${view.at("sign-in/mail")}" formnovalidate`;
  const typed = [
    field("login", { value: login, isFirst: !knows, more: confirms !== undefined && html` readonly` }),
    ways.password && [field("password", { isFirst: knows }), button(t.signIn)],
    ways.mail && html`<button class="${ways.password && "quiet"}"${toMail}>${t.mailCode}</button>`,
  ];
  const byPasskey = passkey && passkeyButton("get", t.signInPasskey, passkey, html` data-autofill`);
  const choices = [
    byPasskey && form("sign-in/passkey", [byPasskey], { ...hidden, transaction }),
    ways.providers.map(({ name: provider, label }) =>
      form("sign-in/provider", [button([mark(label), fill(t.signInProvider, { provider: label })], "quiet")], {
        ...hidden,
        provider,
      }),
    ),
  ];
  const parts = [
    confirms !== undefined && t.againText,
    canType && form(ways.password ? "sign-in" : "sign-in/mail", typed, hidden),
    html`<div class="choices">${choices}</div>`,
    !canType && !canChoose && t.noWayIn,
  ];
  if (confirms !== undefined) return view.page(t.isItYou, parts, view.cancel);
  const register = ways.registration === "open" && (["register", t.register] as const);
  const forgot = ways.password && view.features.mails.reset && (["forgot", t.forgotten] as const);
  return view.page(t.signIn, parts, register, forgot);
}

type NeededFactors = Pick<ProblemBody, "factors" | "passkey">;

/** The values with which a page is shown again after a wrong proof. */
const kept = (values: object) => ({ again: JSON.stringify(values) });

/** `confirms`: a user who is signed in proves the second step for a change. */
export function secondStepPage(view: View, { factors = [], passkey }: NeededFactors, confirms?: string): HtmlPage {
  const { texts: t, form, field } = view;
  const hidden = { ...kept({ factors, passkey }), confirms };
  const step = (...parts: Inserted[]) => form("sign-in/factor", parts, hidden);
  const box = html`<label class="check"><input type="checkbox" name="remember" value="yes"> ${t.remember}</label>`;
  const parts = [
    factors.length === 0 ? t.noSecondStep : confirms ? t.againText : t.secondStepText,
    passkey && step(passkeyButton("get", t.usePasskey, passkey)),
    factors.includes("totp") && step(field("totp", { isFirst: true }), !confirms && box, button(t.continue)),
    factors.includes("recovery_code") && details(t.useRecoveryCode, step(field("recovery_code"), button(t.continue))),
  ];
  return view.page(t.secondStep, parts, confirms ? ["", factors.length === 0 ? t.account : t.cancel] : view.startAgain);
}

/** The button asks the server for the second factors, because a GET changes nothing. */
export function goOnPage(view: View, action: "confirm" | "sign-in/pending"): HtmlPage {
  const { texts: t } = view;
  const confirms = action === "confirm";
  const [text, link] = confirms ? [t.againText, view.cancel] : [t.secondStepText, view.startAgain];
  return view.page(t.secondStep, [text, view.form(action, [button(t.continue)], { confirms: yes(confirms) })], link);
}

/**
 * The policy of the account requires a second factor, and it has none. `mail`: a code was mailed first. `waitSeconds`:
 * too many were mailed.
 */
export function enrolPage(view: View, mail: boolean, waitSeconds?: number): HtmlPage {
  const { texts: t, form, field } = view;
  const wait = waitSeconds !== undefined && fill(t.errors.too_many_attempts, { minutes: Math.ceil(waitSeconds / 60) });
  if (wait !== false) return view.page(t.setUpStep, [wait], view.startAgain);
  const passkeys = html`<button class="quiet" formaction="${view.at("passkeys/begin")}">${t.addPasskey}</button>`;
  const parts = [mail && field("code"), button(t.setUpApp), view.features.offersPasskeys && passkeys];
  const begin = form("totp/begin", parts, { pending: "yes", mail: yes(mail) });
  return view.page(t.setUpStep, [`${t.secondStepText} ${t.setUpNow}`, mail && t.codeMailed, begin], view.startAgain);
}

/** The identity at a provider belongs to no account yet. */
export function identityPage(view: View, ways: readonly string[]): HtmlPage {
  const { texts: t, field } = view;
  const form = (...parts: Inserted[]) =>
    view.form("sign-in/identity", [...parts, button(t.continue)], { ways: ways.join(" ") });
  const byMail = ways.includes("mail");
  const byLogin = form(field("login", { isFirst: !byMail }), field("password"));
  const mail = byMail && form(t.codeMailed, field("code"));
  const login = ways.includes("login") && details(t.toSignIn, byLogin, !byMail);
  return view.page(t.linkAccount, [t.newIdentity, mail, login], view.startAgain);
}

export function registerPage(view: View, { email, invite }: Hidden): HtmlPage {
  const { texts: t, form, field } = view;
  const begin = form("register", [field("email", { value: email, isFirst: true }), button(t.continue)], { invite });
  return view.page(t.register, [invite && t.invited, begin], ["sign-in", t.toSignIn]);
}

export function forgotPage(view: View, login?: string): HtmlPage {
  const { texts: t, form, field } = view;
  const begin = form("forgot", [field("login", { value: login, isFirst: true }), button(t.continue)]);
  return view.page(t.forgotten, [t.forgottenText, begin], ["sign-in", t.cancel]);
}

interface Mailed {
  /** The number for a link that is opened in another browser. */
  readonly match?: string | undefined;
  readonly code?: string | undefined;
}

/** The field for a mailed code. The text is the same whether the address has an account or not. */
const mailed = ({ texts: t, field }: View, { match, code }: Mailed): readonly Inserted[] => [
  t.mailSent,
  match !== undefined && html`<p>${t.mailMatch} <strong class="match">${match}</strong></p>`,
  field("code", { value: code }),
];

export function checkMailPage(view: View, { match }: Mailed, { confirms }: Hidden): HtmlPage {
  const { texts: t, form } = view;
  const parts = [mailed(view, { match }), button(t.signIn)];
  return view.page(t.checkMail, [form("sign-in/code", parts, { confirms, match })], view.startAgain);
}

export function registrationPage(view: View, { match, code, passkey }: Mailed & NeededFactors): HtmlPage {
  const { texts: t, form, field, minimum } = view;
  const hint = passkey ? `${minimum} ${t.orPasskey}` : minimum;
  const parts = [
    mailed(view, { match, code }),
    field("new_password", { name: "password", label: t.fields.password, hint, isOptional: passkey != null }),
    button(t.register),
    passkey && passkeyButton("create", t.usePasskey, passkey),
  ];
  const hidden = { match, ...kept({ match, passkey }) };
  return view.page(t.checkMail, [form("register/finish", parts, hidden)], ["register", t.startAgain]);
}

/** `link`: the mailed link that is finished. Without it, the form asks for the code. `needed`: what it also needs. */
export function resetPage(view: View, needed: Mailed & NeededFactors, { link }: Hidden = {}): HtmlPage {
  const { texts: t, form, field } = view;
  const { match, code, factors = [], passkey } = needed;
  const parts = [
    link === undefined && mailed(view, { match, code }),
    field("new_password", { name: "password" }),
    factors.length > 0 && t.resetFactor,
    factors.includes("totp") && field("totp", { isOptional: true }),
    factors.includes("recovery_code") && field("recovery_code", { isOptional: true }),
    button(t.newPassword),
    passkey && passkeyButton("get", t.usePasskey, passkey),
  ];
  const hidden = { link, match, ...kept({ match, factors, passkey }) };
  const action = link === undefined ? "forgot/finish" : "link/finish";
  return view.page(t.newPassword, [form(action, parts, hidden)], ["forgot", t.startAgain]);
}

/** The part of a link behind `#` reaches no server. The script fills the field in, or the user does. */
export function pasteLinkPage(view: View): HtmlPage {
  const { texts: t, form, field } = view;
  const go = form("link", [field("link", { isFirst: true }), button(t.continue)]);
  return view.page(t.openedLink, [t.openedLinkText, go], ["sign-in", t.signIn]);
}

export const linkPurposes = ["login", "register", "reset", "alarm"] as const;
export type LinkPurpose = (typeof linkPurposes)[number];

/** The box states the change. A mail scanner that presses every button checks none, so nothing ends. */
export function alarmPage(view: View, link: string, { change, iat, browser }: ReportedAlarm): HtmlPage {
  const { texts: t, form } = view;
  const kind = Object.keys(t.changes).find((each): each is keyof typeof t.changes => each === change);
  const [before = "", after = ""] = t.notMyChange.split("{change}");
  const named = kind === undefined ? "" : t.changes[kind];
  const time = iat !== undefined && html`, ${view.time(iat)}`;
  const where = browser !== undefined && browser !== "unknown" && `, ${browser}`;
  const box = html`<label class="check"><input type="checkbox" name="change" value="${kind ?? ""}" required> ${before}${named}${time}${where}${after}</label>`;
  const isDeleted = kind === "account_deleted";
  const parts = [box, button(isDeleted ? t.informOperator : t.endAll)];
  return view.page(t.notMe, [!isDeleted && t.alarmText, form("link/finish", parts, { link })], view.startAgain);
}

/** The landing page of mailed links. A button finishes them, because mail scanners open links. */
export function landingPage(
  view: View,
  purpose: Exclude<LinkPurpose, "alarm">,
  link: string,
  needsMatch: boolean,
): HtmlPage {
  const { texts: t, form, field } = view;
  const title = { login: t.signIn, register: t.register, reset: t.newPassword }[purpose];
  const asksPassword = purpose === "register" || purpose === "reset";
  const parts = [
    needsMatch && field("match", { hint: t.matchHint, isFirst: true, isOptional: true }),
    asksPassword && field("new_password", { name: "password" }),
    button(title),
  ];
  return view.page(title, [form("link/finish", parts, { link })], view.startAgain);
}

export const noAccessPage = (view: View): HtmlPage =>
  view.page(view.texts.noAccess, [view.texts.noAccessText], ["", view.texts.account]);

export const failedPage = (view: View): HtmlPage =>
  view.page(view.texts.failed, [view.texts.failedText], view.startAgain);

/** A form must not be redirected to another site (`form-action`), so the page leads there. */
export function leavePage(view: View, { url }: Pick<OutsideBegun, "url">): HtmlPage {
  const text = view.texts.continue;
  return view.page(text, [html`<meta http-equiv="refresh" content="0;url=${url}"><p><a href="${url}">${text}</a></p>`]);
}
