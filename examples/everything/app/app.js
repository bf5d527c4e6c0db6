// The application in the browser. It shows the pages, and does with `ampho/client` what their forms ask for.
import { createAccount, createClient, createOutside, FactorNeeded, LinkNeeded } from "/ampho/outside.js";
import * as own from "/pages/account.js";
import * as ways from "/pages/ways-in.js";
import { renderSVG } from "/uqr/index.mjs";

/** @import { EnteredSession, Followed, MailLogin, PasswordReset, Registration, EmailChange, TotpSetup } from "ampho/client/mail" */
/** @import { HtmlText, Page } from "../pages/html.js" */

/** @typedef {Readonly<Record<string, string>>} Fields */
/** @typedef {Page | string | undefined | null} Next A page, a notice on the page of the URL, that page, or nothing. */

const client = createClient({ baseUrl: "/", onStepUp: confirmIdentity, onConfirm: enterCode });
const { account, sessions } = createAccount(client);
const outside = createOutside(client);

/** The parts of an action that lasts for several pages. */
const begun = {
  /** @type {FactorNeeded | undefined} */ factor: undefined,
  /** @type {LinkNeeded | undefined} */ identity: undefined,
  /** @type {MailLogin | undefined} */ mail: undefined,
  /** @type {Registration | undefined} */ registration: undefined,
  /** @type {PasswordReset | undefined} */ reset: undefined,
  /** @type {EmailChange | undefined} */ email: undefined,
  /** @type {TotpSetup | undefined} */ totp: undefined,
  /** @type {Followed | undefined} */ link: undefined,
  /** Ends the wait of a change that asked for a recent sign-in. @type {((reason?: Error) => void) | undefined} */ confirmed:
    undefined,
  /** Ends the wait of a change that asked for a mailed code. @type {((code?: string) => void) | undefined} */ code: undefined,
};

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * @template T
 * @param {T | undefined} value
 * @returns {T}
 */
function present(value) {
  if (value === undefined) throw new Error("This page was left. Start again.");
  return value;
}

/** @param {Fields} fields */
const factorOf = ({ totp, recovery_code, remember, passkey }) => ({
  totp: totp || undefined,
  recoveryCode: recovery_code || undefined,
  remember: remember !== undefined,
  .../** @type {{ passkey?: true }} */ (passkey ? { passkey: true } : {}),
});

/**
 * After a sign-in: the account, or the change that asked for it.
 * @param {EnteredSession | undefined} session
 * @returns {Next}
 */
function entered(session) {
  begun.factor = undefined;
  if (begun.confirmed) {
    begun.confirmed();
    begun.confirmed = undefined;
    // The change shows the next page.
    return null;
  }
  navigate("account");
  return (session?.recoveryCodesLeft ?? 3) < 3 ? "few" : undefined;
}

/** @param {readonly string[]} codes @param {string} notice @returns {Next} */
const codesOr = (codes, notice) => (codes.length > 0 ? own.recoveryCodes({ codes }) : notice);

/** One function for each form. @type {Record<string, (fields: Fields) => Promise<Next>>} */
const actions = {
  "sign-in": async ({ login = "", password }) => entered(await client.login(login, password)),
  async "sign-in/mail"({ login = "" }) {
    begun.mail = await client.mailLogin(login);
    return ways.mailedCode(begun.mail);
  },
  "sign-in/code": async ({ code = "" }) => entered(await present(begun.mail).finish(code)),
  "sign-in/passkey": async () => entered(await client.loginWithPasskey()),
  async "sign-in/outside"({ provider = "", max_age: age }) {
    await outside.loginWith(provider, { returnTo: "/account", ...(age && { maxAge: Number(age) }) });
    return undefined;
  },
  "sign-in/factor": async (fields) => entered(await present(begun.factor).finish(factorOf(fields))),
  "sign-in/identity": async ({ code, login = "", password = "" }) =>
    entered(await present(begun.identity).finish(code ? { code } : { login, password })),

  async register({ email = "" }) {
    const invite = begun.link?.for === "invitation" ? begun.link.invite : undefined;
    begun.registration = await client.register(email, { invite });
    return ways.finishRegistration({ match: begun.registration.match, passkey: (await client.ways()).passkey });
  },
  async "register/finish"({ code = "", password = "", passkey }) {
    const proof = passkey ? /** @type {const} */ ({ passkey: true, name: "First passkey" }) : { password };
    const { session, recoveryCodes } = await present(begun.registration).finish({ code, ...proof });
    return recoveryCodes.length > 0 ? own.recoveryCodes({ codes: recoveryCodes }) : entered(session);
  },
  async forgot({ login = "" }) {
    begun.reset = await client.resetPassword(login);
    return ways.finishReset(begun.reset);
  },
  async "forgot/finish"({ code = "", password = "", match, ...fields }) {
    try {
      await present(begun.reset).finish({ code, newPassword: password, ...factorOf(fields) });
    } catch (error) {
      return ways.finishReset({ match, code, factors: factorsOf(error) });
    }
    navigate("");
    return "reset";
  },
  async "link/finish"({ match = undefined, password = "", change = "", ...fields }) {
    const link = present(begun.link);
    if (link.for === "login") return entered(await link.finish({ match }));
    if (link.for === "register") return entered((await link.finish({ match, password })).session);
    if (link.for === "invitation") return ways.register({ invite: link.invite });
    if (link.for === "alarm") {
      await link.finish({ change });
      navigate("");
      return "alarm";
    }
    try {
      await link.finish({ match, newPassword: password, ...factorOf(fields) });
    } catch (error) {
      return ways.finishReset({ match, link: "", factors: factorsOf(error) });
    }
    navigate("");
    return "reset";
  },

  async "confirm/code"({ code = "" }) {
    present(begun.code)(code);
    begun.code = undefined;
    // The change shows the next page.
    return null;
  },
  async "totp/begin"({ code }) {
    begun.totp = await client.totp.begin(begun.factor, { code });
    return own.totpSetUp({ ...begun.totp, qr: renderSVG(begun.totp.uri) });
  },
  async "totp/confirm"({ totp = "" }) {
    const { recoveryCodes } = await present(begun.totp).confirm(totp);
    begun.factor = undefined;
    return own.recoveryCodes({ codes: recoveryCodes });
  },
  async "passkeys/begin"({ name, code }) {
    const { factor } = begun;
    const about = { name: name || undefined, code: code || undefined };
    const { recoveryCodes } = await (factor ? client.passkeys.add(factor, about) : client.passkeys.add(about));
    begun.factor = undefined;
    return codesOr(recoveryCodes, "passkey-added");
  },
  "passkeys/rename": ({ id = "", name = "" }) => client.passkeys.rename(id, name).then(() => "renamed"),
  "passkeys/remove": ({ id = "" }) => client.passkeys.remove(id).then(() => "removed"),
  "totp/remove": () => client.totp.remove().then(() => "removed"),
  "recovery-codes/renew": async () => own.recoveryCodes({ codes: await client.recoveryCodes.renew() }),
  "devices/forget": () => client.devices.forget().then(() => "devices"),
  "identities/link": async ({ provider = "" }) => {
    await outside.identities.link(provider, { returnTo: "/account" });
    return undefined;
  },
  "identities/remove": ({ id = "" }) => outside.identities.unlink(id).then(() => "removed"),

  async email({ email = "" }) {
    begun.email = await client.changeEmail(email);
    return own.confirmEmail(begun.email);
  },
  "email/finish": ({ code = "" }) =>
    present(begun.email)
      .finish(code)
      .then(() => "email"),
  async login({ login = "" }) {
    await account.changeLogin(login);
    navigate("");
    return "login";
  },
  password: ({ password, new_password = "" }) => account.changePassword(new_password, password).then(() => "password"),
  "password/remove": () => account.removePassword().then(() => "password-removed"),
  "sessions/end": ({ id }) => sessions.end(id).then(() => (id ? "ended" : "signed-out")),
  "sign-out": () => client.logout().then(() => "signed-out"),
  async export() {
    const text = JSON.stringify(await account.export(), undefined, 2);
    const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    Object.assign(document.createElement("a"), { href: url, download: "account.json" }).click();
    URL.revokeObjectURL(url);
    return undefined;
  },
  async delete() {
    await account.remove();
    navigate("");
    return "deleted";
  },
};

/** The factors that a reset needs. Throws any other error. @param {unknown} error @returns {readonly string[]} */
function factorsOf(error) {
  const { code, details } = Object(error);
  if (code !== "factor_needed") throw error;
  return details.factors;
}

/** Asks the user to sign in again, for a change that needs a recent sign-in. The client repeats the change then. */
async function confirmIdentity() {
  const [{ login }, offered] = await Promise.all([account.get(), client.ways()]);
  await new Promise((resolve, reject) => {
    begun.confirmed = (reason) => (reason ? reject(reason) : resolve(undefined));
    show(ways.signIn({ ways: offered, login, again: true }));
  });
}

/**
 * Asks for the code that was mailed, for a change that needs one. The client repeats the change then.
 * @param {{ failed: boolean }} about
 * @returns {Promise<string | undefined>}
 */
function enterCode({ failed }) {
  show(own.confirmChange());
  if (failed) element("alert").textContent = "This code is wrong.";
  return new Promise((resolve) => {
    begun.code = resolve;
  });
}

/** The page of the URL. @returns {Promise<Page>} */
async function pageOfUrl() {
  const path = location.pathname.slice(1);
  if (path === "register") return ways.register({});
  if (path === "forgot") return ways.forgot({});
  const offered = await client.ways();
  if (!(await client.session())) {
    navigate("");
    return ways.signIn({ ways: offered });
  }
  navigate("account");
  const [about, list] = await Promise.all([account.get(), sessions.list()]);
  return own.account({ account: about, sessions: list, ways: offered });
}

/** @param {string} path */
function navigate(path) {
  if (location.pathname !== `/${path}`) history.pushState(null, "", `/${path}`);
}

/** @param {Page} page */
function show({ title, body, wide = false }) {
  const main = element("page");
  main.className = wide ? "wide" : "card";
  // Everything in it is escaped (pages/html.js).
  main.innerHTML = body.text;
  document.title = `${title} – Shop`;
  const first = /** @type {HTMLElement | null} */ (main.querySelector("[autofocus]") ?? main.querySelector("h1"));
  first?.focus();
  if (main.querySelector("[data-autofill]") && !begun.confirmed)
    client.loginWithPasskey({ autofill: true }).then((session) => session && run(async () => entered(session)), report);
}

/** Messages of the API are for people. A user who closes the dialog of the browser sees none. @param {unknown} error */
function report(error) {
  const { name, message, code } = Object(error);
  const isCancelled = code === "outside_cancelled";
  element("status").textContent = isCancelled ? (own.noticeOf("cancelled") ?? "") : "";
  element("alert").textContent = isCancelled || name === "NotAllowedError" ? "" : String(message);
}

/** @param {() => Promise<Next>} action */
async function run(action) {
  element("alert").textContent = "";
  element("status").textContent = "";
  try {
    const next = await action();
    if (typeof next === "string") element("status").textContent = own.noticeOf(next) ?? "";
    if (next !== null) show(typeof next === "object" ? next : await pageOfUrl());
  } catch (error) {
    if (error instanceof FactorNeeded) {
      begun.factor = error;
      show(error.enroll ? ways.enrol(error) : ways.secondFactor(error));
    } else if (error instanceof LinkNeeded) {
      begun.identity = error;
      show(ways.identity(error));
    } else if (Object(error).code === "match_needed" && begun.link && begun.link.for !== "invitation")
      show(ways.landing({ purpose: begun.link.for, needsMatch: true }));
    else report(error);
  }
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const fields = /** @type {Fields} */ (Object.fromEntries(new FormData(form)));
  const name = event.submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? "";
  if (event.submitter?.hasAttribute("data-webauthn")) Object.assign(fields, { passkey: "yes" });
  void run(() => present(actions[name])(fields));
});

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (
    link === null ||
    link.origin !== location.origin ||
    !["/", "/register", "/forgot", "/account"].includes(link.pathname)
  )
    return;
  event.preventDefault();
  navigate(link.pathname.slice(1));
  void giveUp();
});
addEventListener("popstate", () => void giveUp());

/** The user left a page, and so what was begun there. */
function giveUp() {
  begun.confirmed?.(new DOMException("The user left the page.", "NotAllowedError"));
  begun.code?.();
  Object.assign(begun, { confirmed: undefined, code: undefined, factor: undefined });
  return run(async () => undefined);
}

element("sign-out").onclick = () => void run(() => present(actions["sign-out"])({}));

/** @param {{ login: string } | undefined} session */
function showUser(session) {
  element("own").hidden = element("sign-out").hidden = session === undefined;
}

/** The first page: of a mailed link, of the response of a provider, or of the URL. @returns {Promise<Next>} */
async function open() {
  begun.link = client.followLink();
  if (begun.link?.for === "invitation") return ways.register({ invite: begun.link.invite });
  if (begun.link)
    return ways.landing({ purpose: begun.link.for, ...(begun.link.for === "alarm" && { change: begun.link.change }) });
  const returned = await outside.returned();
  if (returned === undefined) return undefined;
  navigate((returned.returnTo ?? "/").slice(1));
  return returned.session === undefined ? "linked" : undefined;
}

client.onChange((session) => {
  showUser(session);
  // A logout in another tab.
  if (session === undefined && location.pathname === "/account") void run(async () => undefined);
});
showUser(await client.session());
void run(open);
