// The pages of a session: the account, its factors, its sessions.
import { code, field, form, hidden, html, newPassword, page, passkeyButton, time } from "./html.js";

/** @import { AccountView, SessionView } from "ampho/client/account" */
/** @import { Ways } from "ampho/client/full" */
/** @import { Ceremony, HtmlText, Inserted } from "./html.js" */

/** The messages after a change. A URL names one of these and nothing else. */
const notices = /** @type {Record<string, string>} */ ({
  email: "Your address has changed.",
  password: "Your password has changed. Your other sessions have ended.",
  "password-removed": "Your password is removed.",
  reset: "Your password is set. Sign in with it.",
  login: "Your login has changed. Sign in with it.",
  "passkey-added": "The passkey is added.",
  removed: "It is removed, and your other sessions have ended.",
  renamed: "The passkey has a new name.",
  devices: "No device is remembered any more.",
  linked: "The identity is linked.",
  cancelled: "You have not signed in at the provider. Choose another way, or try again.",
  ended: "The session has ended.",
  "signed-out": "You have signed out.",
  alarm: "All devices are signed out. We have mailed you a link for a new password.",
  deleted: "Your account is deleted.",
  few: "You have fewer than three recovery codes. Replace them.",
  confirmed: "Thank you. You can now repeat the change.",
});

/** @param {unknown} name */
export const noticeOf = (name) => (Object.hasOwn(notices, String(name)) ? notices[String(name)] : undefined);

/**
 * @param {string} id
 * @param {string} title
 * @param {Inserted} content
 */
const section = (id, title, content) =>
  html`<section class="card" aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${content}</section>`;

/**
 * @param {string} summary
 * @param {Inserted} content
 */
const more = (summary, content) => html`<details><summary>${summary}</summary>${content}</details>`;

/**
 * A button that names its target.
 * @param {string} action
 * @param {string} text
 * @param {string} target
 * @param {Inserted} [content]
 */
const button = (action, text, target, content) =>
  form(action, html`${content}<button class="small quiet">${text}<span class="unseen"> ${target}</span></button>`);

/** @param {readonly HtmlText[]} items */
const list = (items) => items.length > 0 && html`<ul>${items.map((item) => html`<li class="row">${item}</li>`)}</ul>`;

/** The browser and the system of a session, as far as they are known. @param {Pick<SessionView, "agent" | "browser">} session */
function deviceOf({ agent, browser }) {
  const [system] = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(agent ?? "") ?? [];
  return [browser ?? "Unknown browser", system].filter((part) => part !== undefined).join(" on ");
}

/**
 * @param {{ account: AccountView, sessions: readonly SessionView[], ways: Ways }} about
 */
export const account = ({ account: own, sessions, ways }) => {
  const labels = new Map(ways.providers.map(({ name, label }) => [name, label]));
  const linked = new Set(own.identities.map(({ provider }) => provider));
  return {
    wide: true,
    ...page(
      "Your account",
      html`
<div class="grid">
${section(
  "profile",
  "Profile",
  html`
<dl><dt>Login</dt><dd>${own.login}</dd>
<dt>E-mail address</dt><dd>${own.email ?? "none"}${own.email !== null && !own.email_proven && " (not proven)"}</dd>
${own.created !== null && html`<dt>Member since</dt><dd>${time(own.created)}</dd>`}</dl>
${more("Change the address", form("email", html`${field("New e-mail address", "email", html`type="email" autocomplete="email" required`)}<button>Mail me a code</button>`))}
${more("Change the login", form("login", html`${field("New login", "login", html`autocomplete="username" required`, "All your sessions end, and you sign in again.")}<button>Change the login</button>`))}`,
)}
${section(
  "password",
  "Password",
  html`
<p>${own.password ? "You have a password." : "You have no password."}</p>
${more(
  own.password ? "Change the password" : "Set a password",
  form(
    "password",
    html`${own.password && field("Present password", "password", html`type="password" autocomplete="current-password" required`)}
${field("New password", "new_password", newPassword, "At least 15 characters.")}<button>Set the password</button>`,
  ),
)}
${own.password && own.passkeys.length > 0 && button("password/remove", "Remove", "the password")}`,
)}
${section(
  "passkeys",
  "Passkeys",
  html`
${own.passkeys.length === 0 && html`<p>You have no passkey. It replaces the password and the second factor.</p>`}
${list(
  own.passkeys.map(
    ({ id, name, created, used, synced }) => html`
<div><strong>${name}</strong>${synced && html` <span class="tag">synced</span>`}
<small>${used === null ? html`Added ${time(created)}` : html`Last used ${time(used)}`}</small></div>
${button("passkeys/remove", "Remove", name, hidden("id", id))}
${more(
  "Rename",
  form(
    "passkeys/rename",
    html`${hidden("id", id)}${field(`New name of ${name}`, "name", html`maxlength="100" required`)}<button class="small">Rename</button>`,
  ),
)}`,
  ),
)}
${ways.passkey && more("Add a passkey", form("passkeys/begin", html`${field("Name", "name", html`maxlength="100" required`, "Such as “Phone” or “Key on my key ring”.")}<button>Add a passkey</button>`))}`,
)}
${section(
  "factors",
  "Second factors",
  html`
${list([
  html`<div><strong>Authenticator app</strong><small>${own.totp === null ? "not set up" : html`since ${time(own.totp.since)}`}</small></div>
${own.totp !== null && button("totp/remove", "Remove", "the authenticator app")}
${button("totp/begin", own.totp === null ? "Set up" : "Replace", "the authenticator app")}`,
  html`<div><strong>Recovery codes</strong><small>${own.recovery_codes} left</small></div>
${(own.totp !== null || own.passkeys.length > 0) && button("recovery-codes/renew", "Replace", "the recovery codes")}`,
  html`<div><strong>Remembered devices</strong><small>They skip the second factor.</small></div>${button("devices/forget", "Forget", "all devices")}`,
])}`,
)}
${
  ways.providers.length > 0 &&
  section(
    "identities",
    "Other accounts",
    html`
${list(
  own.identities.map(
    ({ id, provider }) =>
      html`<div><strong>${labels.get(provider) ?? provider}</strong></div>${button("identities/remove", "Unlink", provider, hidden("id", id))}`,
  ),
)}
${ways.providers
  .filter(({ name }) => !linked.has(name))
  .map(({ name, label }) =>
    form("identities/link", html`${hidden("provider", name)}<button class="quiet">Link ${label}</button>`),
  )}`,
  )
}
${section(
  "sessions",
  "Sessions",
  html`
${list(
  sessions.map(
    ({ id, current, renewed, agent, browser, address, acr }) => html`
<div><strong>${deviceOf({ agent, browser })}</strong>${current && html` <span class="tag">this one</span>`}
<small>${address} · ${acr} · active ${time(renewed)}</small></div>
${!current && button("sessions/end", "End", "this session", hidden("id", id))}`,
  ),
)}
${form("sessions/end", html`<button class="quiet">Sign out on all devices</button>`)}`,
)}
${section(
  "data",
  "Your data",
  html`
${form("export", html`<button class="quiet">Export everything</button>`)}
${more("Delete the account", form("delete", html`<p>This cannot be undone.</p><button class="danger">Delete my account</button>`))}`,
)}
</div>`,
    ),
  };
};

/**
 * `qr` is an SVG.
 * @param {{ secret: string, uri: string, qr: string }} about
 */
export const totpSetUp = ({ secret, uri, qr }) =>
  page(
    "Set up the authenticator app",
    html`
<p>Scan this code with the app, or enter the secret there.</p>
<img class="qr" src="data:image/svg+xml,${encodeURIComponent(qr)}" alt="QR code with the secret below">
<p><code class="secret">${secret}</code></p>
${form(
  "totp/confirm",
  html`${hidden("secret", secret)}${hidden("uri", uri)}${field("Code that the app shows", "totp", code)}<button>Confirm</button>`,
)}
<nav class="links" aria-label="Other pages"><a href="account">Cancel</a></nav>`,
  );

/** @param {{ name?: string | undefined, passkey: Ceremony }} about */
export const createPasskey = ({ name, passkey }) =>
  page(
    "Create the passkey",
    html`
<p>Your browser asks you to confirm. It needs its one script for that.</p>
${form("passkeys/finish", html`${hidden("name", name)}${passkeyButton("Create the passkey", "create", passkey)}`)}
<nav class="links" aria-label="Other pages"><a href="account">Cancel</a></nav>`,
  );

/** @param {{ codes: readonly string[] }} about */
export const recoveryCodes = ({ codes }) =>
  page(
    "Your recovery codes",
    html`
<p>Print these codes, or store them in a safe place. Each one replaces a lost second factor once. They are not shown again.</p>
<ul class="codes">${codes.map((one) => html`<li><code>${one}</code></li>`)}</ul>
<p><a class="button" href="account">I have stored them</a></p>`,
  );

/** @param {{ match?: string | undefined }} about */
export const confirmEmail = ({ match }) =>
  page(
    "Check your mail",
    form(
      "email/finish",
      html`<p>We have sent a mail to the new address. Enter its code.</p>${hidden("match", match)}${field("Code of the mail", "code", code)}<button>Change the address</button>`,
    ),
  );

export const confirmChange = () =>
  page(
    "Confirm the change",
    html`${form(
      "confirm/code",
      html`<p>We have sent a mail to your address. Enter its code.</p>${field("Code of the mail", "code", code)}<button>Confirm</button>`,
    )}
<nav class="links" aria-label="Other pages"><a href="account">Cancel</a></nav>`,
  );
