// The pages before a session: sign in, second step, set-up, registration, forgotten password, mailed links.
import type { WebAuthnJson } from "../wire/begun.js";
import type { WaysIn } from "../wire/login.js";
import { attributes, field, firstField, hidden, html, type Inserted } from "./html.js";
import { fill } from "./texts/texts.js";
import {
  again,
  form,
  type HtmlPage,
  links,
  loginField,
  mailedCodeField,
  newPasswordField,
  page,
  passkeyButton,
  type View,
} from "./view.js";

/** `confirms`: the same page asks a user who is signed in to prove it again. */
export function signInPage(view: View, { ways, passkey, transaction }: WaysIn, login = "", confirms = false): HtmlPage {
  const { signIn: t, fields } = view.texts;
  const canType = ways.password || ways.mail;
  const confirming = confirms && hidden("confirms", "yes");
  const knows = login !== "" && ways.password;
  return page(
    confirms ? t.again : t.title,
    html`
${confirms && html`<p>${t.againText}</p>`}
${
  canType &&
  form(
    view,
    ways.password ? "sign-in" : "sign-in/mail",
    html`${confirming}${loginField(view, login, html`${confirms && html`readonly`} ${!knows && firstField}`)}
${
  ways.password &&
  html`${field("password", fields.password, html`${attributes.password} ${knows && firstField}`)}
<button>${t.title}</button>`
}
${ways.mail && html`<button class="${ways.password && "quiet"}" formaction="${view.at("sign-in/mail")}" formnovalidate>${t.mail}</button>`}`,
  )
}
<div class="choices">
${
  passkey !== null &&
  form(
    view,
    "sign-in/passkey",
    html`${confirming}${hidden("transaction", transaction ?? undefined)}
${passkeyButton(t.passkey, { kind: "get", options: passkey, autofill: true })}`,
  )
}
${ways.providers.map(({ name, label }) =>
  form(
    view,
    "sign-in/provider",
    html`${hidden("provider", name)}${confirming}
<button class="quiet">${fill(t.provider, { provider: label })}</button>`,
  ),
)}</div>
${!canType && passkey === null && ways.providers.length === 0 && html`<p>${t.none}</p>`}
${
  confirms
    ? links(view, ["", view.texts.app.cancel])
    : links(
        view,
        ways.registration === "open" && ["register", view.texts.register.title],
        ways.password && view.features.mails.reset && ["forgot", view.texts.reset.title],
      )
}`,
  );
}

export interface NeededFactors {
  readonly factors: readonly string[];
  readonly passkey?: WebAuthnJson | null | undefined;
}

/** `confirms`: a user who is signed in proves the second step for a change. */
export function secondStepPage(view: View, { factors, passkey }: NeededFactors, confirms = false): HtmlPage {
  const { factor: t, fields, signIn: words, app } = view.texts;
  const shared = html`${again({ factors, passkey })}${confirms && hidden("confirms", "yes")}`;
  const remember =
    !confirms &&
    html`<label class="check"><input type="checkbox" name="remember" value="yes"> ${fields.remember}</label>`;
  return page(
    t.title,
    html`
<p>${factors.length === 0 ? t.none : confirms ? words.againFactor : t.text}</p>
${
  passkey &&
  form(
    view,
    "sign-in/factor",
    html`${shared}
${passkeyButton(t.passkey, { kind: "get", options: passkey })}`,
  )
}
${
  factors.includes("totp") &&
  form(
    view,
    "sign-in/factor",
    html`${shared}${field("totp", fields.appCode, html`${attributes.code} ${firstField}`)}${remember}
<button>${view.texts.app.continue}</button>`,
  )
}
${
  factors.includes("recovery_code") &&
  html`<details><summary>${t.recovery}</summary>${form(
    view,
    "sign-in/factor",
    html`${shared}${field("recovery_code", fields.recoveryCode, html`${attributes.recoveryCode} required`)}
<button>${view.texts.app.continue}</button>`,
  )}</details>`
}
${links(view, confirms ? ["", factors.length === 0 ? app.account : app.cancel] : ["sign-in", app.startAgain])}`,
  );
}

/**
 * The button asks the server for the second factors, because a GET changes nothing. `action`: `confirm` or `sign-
 * in/pending`.
 */
export const goOnPage = (view: View, action: string): HtmlPage =>
  page(
    view.texts.factor.title,
    html`<p>${action === "confirm" ? view.texts.signIn.againFactor : view.texts.factor.text}</p>
${form(
  view,
  action,
  html`${hidden("confirms", action === "confirm" ? "yes" : undefined)}
<button>${view.texts.app.continue}</button>`,
)}
${links(view, action === "confirm" ? ["", view.texts.app.cancel] : ["sign-in", view.texts.app.startAgain])}`,
  );

/** The policy of the account requires a second factor, and it has none. `retryAfter`: too many codes were mailed. */
export function enrolPage(
  view: View,
  { mail, retryAfter }: { readonly mail: boolean; readonly retryAfter?: number | undefined },
): HtmlPage {
  const t = view.texts.enrol;
  if (retryAfter !== undefined)
    return page(
      t.title,
      html`<p>${fill(t.tooMany, { minutes: Math.ceil(retryAfter / 60) })}</p>${links(view, ["sign-in", view.texts.app.startAgain])}`,
    );
  return page(
    t.title,
    html`<p>${t.text}</p>${mail && html`<p>${t.mailed}</p>`}
${form(
  view,
  "totp/begin",
  html`${hidden("pending", "yes")}${mail && html`${hidden("mail", "yes")}${mailedCodeField(view)}`}
<button>${view.texts.account.setUpApp}</button>
${view.features.offersPasskeys && html`<button class="quiet" formaction="${view.at("passkeys/begin")}">${view.texts.account.addPasskey}</button>`}`,
)}${links(view, ["sign-in", view.texts.app.startAgain])}`,
  );
}

/** The identity at a provider belongs to no account yet. */
export function identityPage(view: View, ways: readonly string[]): HtmlPage {
  const { identity: t, fields } = view.texts;
  const kept = hidden("ways", ways.join(" "));
  return page(
    t.title,
    html`<p>${t.text}</p>
${
  ways.includes("mail") &&
  form(
    view,
    "sign-in/identity",
    html`<p>${view.texts.mail.code}</p>${kept}${mailedCodeField(view)}<button>${view.texts.app.continue}</button>`,
  )
}
${
  ways.includes("login") &&
  html`<details${!ways.includes("mail") && html` open`}><summary>${t.login}</summary>${form(
    view,
    "sign-in/identity",
    html`${kept}${loginField(view)}${field("password", fields.password, attributes.password)}
<button>${view.texts.app.continue}</button>`,
  )}</details>`
}
${links(view, ["sign-in", view.texts.app.startAgain])}`,
  );
}

export function registerPage(
  view: View,
  { email = "", invite }: { readonly email?: string | undefined; readonly invite?: string | undefined },
): HtmlPage {
  const { register: t, fields } = view.texts;
  return page(
    t.title,
    html`${invite !== undefined && html`<p>${t.invited}</p>`}
${form(
  view,
  "register",
  html`${hidden("invite", invite)}
${field("email", fields.email, html`${attributes.email} value="${email}" ${firstField}`)}
<button>${view.texts.app.continue}</button>`,
)}
${links(view, ["sign-in", t.have])}`,
  );
}

export const forgotPage = (view: View, login = ""): HtmlPage =>
  page(
    view.texts.reset.title,
    html`<p>${view.texts.reset.text}</p>
${form(view, "forgot", html`${loginField(view, login)}<button>${view.texts.app.continue}</button>`)}
${links(view, ["sign-in", view.texts.app.cancel])}`,
  );

/** The text is the same whether the address has an account or not. */
const sent = ({ texts: { mail: t } }: View, match: string | undefined): Inserted =>
  html`<p>${t.sent}</p>
${match !== undefined && html`<p>${t.match} <strong class="match">${match}</strong></p>${hidden("match", match)}`}`;

export interface Mailed {
  readonly match?: string | undefined;
  readonly code?: string | undefined;
  readonly confirms?: string | undefined;
}

export const checkMailPage = (view: View, { match, confirms }: Mailed): HtmlPage =>
  page(
    view.texts.mail.title,
    html`${form(
      view,
      "sign-in/code",
      html`${hidden("confirms", confirms)}${sent(view, match)}${mailedCodeField(view)}
<button>${view.texts.signIn.title}</button>`,
    )}
${links(view, ["sign-in", view.texts.app.startAgain])}`,
  );

export function registrationPage(
  view: View,
  { match, code, passkey }: Mailed & Pick<NeededFactors, "passkey">,
): HtmlPage {
  const { register: t, fields } = view.texts;
  const hint = fill(passkey ? t.passwordHint : fields.minimum, { count: view.passwordMinimum });
  return page(
    view.texts.mail.title,
    form(
      view,
      "register/finish",
      html`${sent(view, match)}${again({ match, passkey })}${mailedCodeField(view, code)}
${field("password", fields.password, passkey ? html`type="password" autocomplete="new-password"` : attributes.newPassword, hint)}
<button>${t.title}</button> ${passkey && passkeyButton(t.passkey, { kind: "create", options: passkey })}
${links(view, ["register", view.texts.app.startAgain])}`,
    ),
  );
}

/**
 * `link`: the mailed link that is finished. Without it, the form asks for the code. `factors` are those that it also
 * needs.
 */
export function resetPage(
  view: View,
  {
    match,
    code,
    link,
    factors = [],
    passkey,
  }: Mailed & Partial<NeededFactors> & { readonly link?: string | undefined },
): HtmlPage {
  const { reset: t, fields } = view.texts;
  return page(
    t.finish,
    form(
      view,
      link === undefined ? "forgot/finish" : "link/finish",
      html`${
        link === undefined
          ? html`${sent(view, match)}
${mailedCodeField(view, code)}`
          : html`${hidden("link", link)}${hidden("match", match)}`
      }
${again({ match, factors, passkey })}
${newPasswordField(view, "password")}
${factors.length > 0 && html`<p>${t.factor}</p>`}
${factors.includes("totp") && field("totp", fields.appCode, attributes.optionalCode)}
${factors.includes("recovery_code") && field("recovery_code", fields.recoveryCode, attributes.recoveryCode)}
<button>${t.submit}</button> ${passkey && passkeyButton(t.passkey, { kind: "get", options: passkey })}
${links(view, ["forgot", view.texts.app.startAgain])}`,
    ),
  );
}

/** The part of a link behind `#` reaches no server. The script fills the field in, or the user does. */
export const pasteLinkPage = (view: View): HtmlPage =>
  page(
    view.texts.link.title,
    html`<p>${view.texts.link.text}</p>
${form(
  view,
  "link",
  html`${field("link", view.texts.fields.link, html`autocomplete="off" required ${firstField}`)}
<button>${view.texts.app.continue}</button>`,
)}
${links(view, ["sign-in", view.texts.signIn.title])}`,
  );

export const linkPurposes = ["login", "register", "reset", "alarm"] as const;
export type LinkPurpose = (typeof linkPurposes)[number];

/** The landing page of mailed links. A button finishes them, because mail scanners open links. */
export function landingPage(view: View, purpose: LinkPurpose, link: string, needsMatch: boolean): HtmlPage {
  const { link: t, fields, reset, register: registration, signIn: words } = view.texts;
  const rows: Readonly<Record<LinkPurpose, readonly [title: string, button?: string, text?: string]>> = {
    login: [words.title],
    register: [registration.title],
    reset: [reset.finish, reset.submit],
    alarm: [t.alarmTitle, t.alarmSubmit, t.alarmText],
  };
  const [title, button = title, text] = rows[purpose];
  const asksPassword = purpose === "register" || purpose === "reset";
  return page(
    title,
    html`${text !== undefined && html`<p>${text}</p>`}${form(
      view,
      "link/finish",
      html`${hidden("link", link)}
${needsMatch && field("match", fields.match, html`inputmode="numeric" autocomplete="off" ${firstField}`, t.matchHint)}
${asksPassword && newPasswordField(view, "password")}
<button>${button}</button>`,
    )}${links(view, ["sign-in", view.texts.app.startAgain])}`,
  );
}

export const failedPage = (view: View): HtmlPage =>
  page(
    view.texts.app.failed,
    html`<p>${view.texts.app.failedText}</p>${links(view, ["sign-in", view.texts.app.startAgain])}`,
  );

/** A form must not be redirected to another site (`form-action`), so the page leads there. */
export const leavePage = (view: View, url: string): HtmlPage =>
  page(
    view.texts.provider.go,
    html`<meta http-equiv="refresh" content="0;url=${url}"><p><a href="${url}">${view.texts.provider.go}</a></p>`,
  );
