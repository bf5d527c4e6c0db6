// The pages before a session: sign in, second factor, enrolment, registration, forgotten password, mailed links.
import { code, field, form, hidden, html, needed, newPassword, page, passkeyButton } from "./html.js";

/** @import { Ways } from "ampho/client/full" */
/** @import { Ceremony } from "./html.js" */

/**
 * The same page asks a user who is signed in to confirm it (`again`).
 * @param {{ ways: Ways, login?: string | undefined, again?: boolean, passkey?: Ceremony, transaction?: string | undefined }} about
 */
export const signIn = ({ ways, login = "", again = false, passkey = ways.passkey, transaction }) =>
  page(
    again ? "Confirm that it is you" : "Sign in",
    html`
${again && html`<p>This change needs a recent sign-in. Sign in again, and then repeat the change.</p>`}
${form(
  "sign-in",
  html`
${field("Login or e-mail address", "login", html`value="${login}" autocomplete="username webauthn" autocapitalize="none" spellcheck="false" required ${again && html`readonly`}`)}
${ways.password && field("Password", "password", html`type="password" autocomplete="current-password" required`)}
${ways.password && html`<button>Sign in</button>`}
${ways.mail && html`<button class="quiet" formaction="sign-in/mail" formnovalidate>Mail me a code</button>`}`,
)}
${
  (passkey || ways.providers.length > 0) &&
  html`<div class="choices">
${passkey && form("sign-in/passkey", html`${hidden("transaction", transaction)}${passkeyButton("Sign in with a passkey", "get", passkey, html`data-autofill`)}`)}
${ways.providers.map(({ name, label }) =>
  form(
    "sign-in/outside",
    html`${hidden("provider", name)}${again && hidden("max_age", "300")}<button class="quiet">Sign in with ${label}</button>`,
  ),
)}</div>`
}
${
  !again &&
  html`<nav class="links" aria-label="Other pages">
${ways.registration !== "closed" && html`<a href="register">Create an account</a>`}
<a href="forgot">I forgot my password</a></nav>`
}`,
  );

/**
 * @param {{ factors: readonly string[], passkey?: Ceremony }} needed
 */
export const secondFactor = ({ factors, passkey = factors.includes("passkey") }) => {
  const again = needed({ factors }, passkey);
  const remember = html`<label class="check"><input type="checkbox" name="remember" value="yes"> Remember this device</label>`;
  return page(
    "Second factor",
    html`
${factors.includes("passkey") && form("sign-in/factor", html`${again}${passkeyButton("Use a passkey", "get", passkey)}`)}
${
  factors.includes("totp") &&
  form(
    "sign-in/factor",
    html`${again}${field("Code of your authenticator app", "totp", html`${code} autofocus`)}${remember}<button>Continue</button>`,
  )
}
${
  factors.includes("recovery_code") &&
  html`<details><summary>Use a recovery code</summary>${form(
    "sign-in/factor",
    html`${again}${field("Recovery code", "recovery_code", html`autocomplete="off" autocapitalize="characters" required`)}<button>Continue</button>`,
  )}</details>`
}
<nav class="links" aria-label="Other pages"><a href="./">Start again</a></nav>`,
  );
};

/** After a login at a provider. The button asks the server for the second factors, because a GET changes nothing. */
export const goOn = () =>
  page(
    "Second factor",
    html`
<p>Your account also needs its second factor.</p>
${form("sign-in/pending", html`<button>Continue</button>`)}
<nav class="links" aria-label="Other pages"><a href="./">Start again</a></nav>`,
  );

/**
 * The policy of the account requires a second factor, and it has none. `retryAfter`: too many codes were mailed.
 * @param {{ mail: boolean, retryAfter?: number | undefined }} needed
 */
export const enrol = ({ mail, retryAfter }) =>
  page(
    "Set up a second factor",
    retryAfter !== undefined
      ? html`<p>Your account needs a second factor, and too many codes were mailed. Sign in again in ${Math.ceil(retryAfter / 60)} minutes.</p>
<nav class="links" aria-label="Other pages"><a href="./">Start again</a></nav>`
      : html`
<p>Your account needs a second factor.${mail && " We have mailed a code to your address. Enter it first."}</p>
${form(
  "totp/begin",
  html`${hidden("pending", "yes")}${mail && html`${field("Code of the mail", "code", html`inputmode="numeric" autocomplete="one-time-code"`)}${hidden("mail", "yes")}`}
<button>Use an authenticator app</button>
<button class="quiet" formaction="passkeys/begin">Use a passkey</button>`,
)}`,
  );

/**
 * The identity at a provider belongs to no account yet.
 * @param {{ ways: readonly string[] }} needed
 */
export const identity = ({ ways }) =>
  page(
    "Link your account",
    html`
<p>This identity is new here.</p>
${
  ways.includes("mail") &&
  form(
    "sign-in/identity",
    html`<p>We have sent a mail to its address. Enter the code.</p>${hidden("ways", ways.join(" "))}${field("Code of the mail", "code", code)}<button>Continue</button>`,
  )
}
${
  ways.includes("login") &&
  html`<details ${!ways.includes("mail") && html`open`}><summary>I have an account with a password</summary>${form(
    "sign-in/identity",
    html`${hidden("ways", ways.join(" "))}${field("Login or e-mail address", "login", html`autocomplete="username" required`)}
${field("Password", "password", html`type="password" autocomplete="current-password" required`)}<button>Sign in and link</button>`,
  )}</details>`
}
<nav class="links" aria-label="Other pages"><a href="./">Start again</a></nav>`,
  );

/** @param {{ email?: string | undefined, invite?: string | undefined }} about */
export const register = ({ email = "", invite }) =>
  page(
    "Create an account",
    html`
${invite && html`<p>You are invited. Enter the address to which the invitation was sent.</p>`}
${form(
  "register",
  html`${hidden("invite", invite)}${field("E-mail address", "email", html`type="email" value="${email}" autocomplete="email" required`)}<button>Continue</button>`,
)}
<nav class="links" aria-label="Other pages"><a href="./">I have an account</a></nav>`,
  );

/** @param {{ login?: string | undefined }} about */
export const forgot = ({ login = "" }) =>
  page(
    "Forgotten password",
    html`
<p>We send a mail with a code and a link to the address of the account.</p>
${form("forgot", html`${field("Login or e-mail address", "login", html`value="${login}" autocomplete="username" required`)}<button>Continue</button>`)}
<nav class="links" aria-label="Other pages"><a href="./">Back</a></nav>`,
  );

/**
 * The text is the same whether the address has an account or not.
 * @param {{ match?: string | undefined }} about
 */
const sent = ({ match }) => html`<p>If the address is right, a mail is on its way. Enter its code, or open its link.
${match && html`Another browser asks for the number <strong class="match">${match}</strong>.`}</p>${hidden("match", match)}`;

/** @param {{ match?: string | undefined }} about */
export const mailedCode = (about) =>
  page(
    "Check your mail",
    form("sign-in/code", html`${sent(about)}${field("Code of the mail", "code", code)}<button>Sign in</button>`),
  );

/** @param {{ match?: string | undefined, code?: string | undefined, passkey?: Ceremony }} about */
export const finishRegistration = (about) =>
  page(
    "Check your mail",
    form(
      "register/finish",
      html`${sent(about)}${needed({}, about.passkey)}${field("Code of the mail", "code", html`${code} value="${about.code}"`)}
${field("Password", "password", newPassword, "At least 15 characters. Leave it empty if you use a passkey.")}
<button>Create the account</button>${passkeyButton("Use a passkey in place of a password", "create", about.passkey)}`,
    ),
  );

/**
 * `factors` are those that the account also needs.
 * @param {{ match?: string | undefined, code?: string | undefined, factors?: readonly string[], passkey?: Ceremony, link?: string | undefined }} about
 */
export const finishReset = ({ factors = [], passkey = factors.includes("passkey"), ...about }) =>
  page(
    "Set a new password",
    form(
      about.link === undefined ? "forgot/finish" : "link/finish",
      html`
${about.link === undefined && html`${sent(about)}${field("Code of the mail", "code", html`${code} value="${about.code}"`)}`}
${needed({ factors }, passkey)}${hidden("link", about.link)}${about.link !== undefined && hidden("match", about.match)}
${field("New password", "password", newPassword, "At least 15 characters.")}
${factors.length > 0 && html`<p>Your account also needs its second factor. Use one.</p>`}
${factors.includes("totp") && field("Code of your authenticator app", "totp", html`inputmode="numeric" autocomplete="one-time-code"`)}
${factors.includes("recovery_code") && field("Or a recovery code", "recovery_code", html`autocomplete="off"`)}
<button>Set the password</button>
${factors.includes("passkey") && passkeyButton("Set the password with a passkey", "get", passkey)}`,
    ),
  );

/** The part of a link behind `#` reaches no server. A script fills the field in, or the user does. */
export const pasteLink = () =>
  page(
    "You have opened a mailed link",
    html`
<p>The secret part of a link reaches no server. Continue with the link below. If the field is empty, no script runs here:
enter the code of the mail on the page that asked for the mail, or copy the link from the mail and paste it here.</p>
${form("link", html`${field("Link", "link", html`autocomplete="off" required`)}<button>Continue</button>`)}
<nav class="links" aria-label="Other pages"><a href="./">Sign in</a></nav>`,
  );

/** @typedef {"login" | "register" | "reset" | "alarm"} LinkPurpose */

/** @type {Record<LinkPurpose, { title: string, text: string, button: string }>} */
const landings = {
  login: { title: "Sign in by mail", text: "You have opened a link to sign in.", button: "Sign in" },
  register: {
    title: "Create your account",
    text: "Your address is right. Choose a password.",
    button: "Create the account",
  },
  reset: { title: "Set a new password", text: "You have opened a link to set a password.", button: "Set the password" },
  alarm: {
    title: "Was that not you?",
    text: "Sign out all devices. You get a mail to set a new password.",
    button: "Sign out everywhere",
  },
};

/**
 * The landing page of mailed links. A button finishes them, because mail scanners open links.
 * @param {{ purpose: LinkPurpose, link?: string | undefined, needsMatch?: boolean, change?: string }} about
 */
export const landing = ({ purpose, link, needsMatch = false, change }) => {
  const { title, text, button } = landings[purpose];
  const asksPassword = purpose === "register" || purpose === "reset";
  return page(
    title,
    html`<p>${text}</p>${form(
      "link/finish",
      html`${hidden("link", link)}${hidden("purpose", purpose)}
${needsMatch && field("Number on the page that asked for the mail", "match", html`inputmode="numeric" autocomplete="off" required`)}
${asksPassword && field("New password", "password", newPassword, "At least 15 characters.")}
${change !== undefined && html`<label><input type="checkbox" name="change" value="${change}" required> I did not do this: ${change.replaceAll("_", " ")}</label>`}
<button>${button}</button>`,
    )}<nav class="links" aria-label="Other pages"><a href="./">Start again</a></nav>`,
  );
};

export const failed = () => page("This did not work", html`<p><a href="./">Start again</a></p>`);

/** @param {{ url: string }} about */
export const leave = ({ url }) =>
  page(
    "One moment",
    html`<meta http-equiv="refresh" content="0;url=${url}"><p><a href="${url}">Go to the provider</a></p>`,
  );
