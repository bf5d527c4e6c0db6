// The forms of the pages: one row each, with what it does and the page that shows it again after an error.
import { renderSVG } from "uqr";
import type { PageName } from "../config/kinds.js";
import type { AccountView, SessionView } from "../wire/account.js";
import type { MailBegun, OutsideBegun, PasskeySetUp, RegistrationBegun, TotpSetUp } from "../wire/begun.js";
import type { ApiKeyView, NewApiKey } from "../wire/keys.js";
import type { ClientSession, WaysIn } from "../wire/login.js";
import * as own from "./account.js";
import { type Endpoints, Problem } from "./endpoints.js";
import * as ways from "./sign-in.js";
import type { PageTexts } from "./texts/en.js";
import type { HtmlPage, View } from "./view.js";

export type Fields = Readonly<Record<string, string>>;

/** A page, or the page to go to, or a file. `in` is the page to which a sign-in returns. */
export type Outcome = HtmlPage | { readonly goTo: string; readonly notice?: PageNotice } | { readonly file: string };
export type PageNotice = keyof PageTexts["done"];

export type Action = (call: PageCall, fields: Fields, view: View) => Promise<Outcome> | Outcome;
type Again = (call: PageCall, fields: Fields, view: View) => Promise<HtmlPage> | HtmlPage;

export type PageCall = Endpoints["call"];

const home = (notice: PageNotice) => ({ goTo: "", notice });

interface Entered {
  readonly recovery_codes?: readonly string[];
  readonly recovery_codes_left?: number;
}

/** The codes of a firstField second factor are shown once, before anything else. */
function entered(
  view: View,
  { recovery_codes: codes = [], recovery_codes_left: left = 3 }: Entered,
  fields: Fields = {},
): Outcome {
  if (codes.length > 0) return own.recoveryCodes(view, codes);
  if (left < 3) return home("few");
  return fields["confirms"] === undefined ? { goTo: "in" } : { goTo: "in", notice: "confirmed" };
}

/** A script sends the result of a ceremony as JSON. The endpoint rejects what is none. */
function jsonOf(text = ""): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/**
 * The values that `again` of view.ts has put into the form. They are the browser's own text, so they only decide what
 * this page shows.
 */
function keptOf({ again }: Fields) {
  const kept = jsonOf(again);
  const { factors, passkey, match } = isObject(kept) ? kept : {};
  return {
    factors: Array.isArray(factors) ? factors.map(String) : [],
    passkey: isObject(passkey) ? passkey : null,
    match: typeof match === "string" ? match : undefined,
  };
}

const factorOf = ({ totp = "", recovery_code: code = "", passkey, remember }: Fields) => ({
  totp: totp === "" ? undefined : digits(totp),
  recovery_code: code === "" ? undefined : code,
  passkey: passkey === undefined ? undefined : jsonOf(passkey),
  remember: remember === undefined ? undefined : true,
});

/** An empty transaction names the pending login of the cookie, and never the session beside it. */
const enrolmentOf = ({ pending, code }: Fields) => ({
  transaction: pending && "",
  code: code === undefined ? undefined : digits(code),
});

/** Codes are shown in groups. */
const digits = (text = "") => text.replace(/\s/g, "");
const idOf = ({ id = "" }: Fields) => encodeURIComponent(id);

/** A text that is no number is one for the endpoint to reject. */
const secondsOf = ({ days = "" }: Fields) => Math.round(Number(days) * 86_400);

/** Each scope has a check box of its own, because a form sends a name once. */
function newKeyOf(fields: Fields, { now }: View) {
  const names = Object.keys(fields).filter((field) => field.startsWith(own.scopeField));
  const scopes = names.map((field) => field.slice(own.scopeField.length));
  return { name: fields["name"], scopes, expires: now + secondsOf(fields) };
}

export const showSignIn = async (call: PageCall, view: View, login?: string): Promise<HtmlPage> =>
  ways.signInPage(view, await call<WaysIn>("GET", "/login"), login);

/** A user who is signed in proves it once more. */
export async function confirm(call: PageCall, view: View): Promise<HtmlPage> {
  const [{ login }, offered] = await Promise.all([call<AccountView>("GET", "/account"), call<WaysIn>("GET", "/login")]);
  return ways.signInPage(view, offered, login, true);
}

export async function showAccount(call: PageCall, view: View): Promise<HtmlPage> {
  const hasKeys = view.keysMax > 0;
  const [account, { sessions }, { ways: offered }, { keys }, { scopes }] = await Promise.all([
    call<AccountView>("GET", "/account"),
    call<{ readonly sessions: readonly SessionView[] }>("GET", "/sessions"),
    call<WaysIn>("GET", "/login"),
    hasKeys ? call<{ readonly keys: readonly ApiKeyView[] }>("GET", "/keys") : { keys: [] },
    hasKeys ? call<Pick<ClientSession, "scopes">>("GET", "/session") : { scopes: [] },
  ]);
  return own.accountPage(view, { account, sessions, ways: offered, keys, scopes });
}

/** The page on which a user begins an action. */
export function startOf({ isSignedIn }: View, action: string, { confirms }: Fields): PageName {
  if (isSignedIn) return confirms === undefined ? "account" : "confirm";
  return (["register", "forgot"] as const).find((name) => action.startsWith(name)) ?? "signIn";
}

export const starts = {
  account: showAccount,
  confirm,
  signIn: (call: PageCall, view: View, { login }: Fields) => showSignIn(call, view, login),
  register: (_call: PageCall, view: View) => ways.registerPage(view, {}),
  forgot: (_call: PageCall, view: View, { login }: Fields) => ways.forgotPage(view, login),
  link: (_call: PageCall, view: View) => ways.pasteLinkPage(view),
} as const;

/** A change, and the page with the notice. */
const change =
  (run: (call: PageCall, fields: Fields) => Promise<unknown>, notice: PageNotice, goTo = ""): Action =>
  async (call, fields) => {
    await run(call, fields);
    return { goTo, notice };
  };

/** The forms, by the name in their path: what each does. */
export const actions: Readonly<Record<string, Action>> = {
  "sign-in": async (call, fields, view) => {
    const { login, password } = fields;
    return entered(view, await call("POST", "/login", { login, password }), fields);
  },
  "sign-in/mail": async (call, { login, confirms }, view) =>
    ways.checkMailPage(view, { ...(await call<MailBegun>("POST", "/login/mail", { login })), confirms }),
  "sign-in/code": async (call, fields, view) =>
    entered(view, await call("POST", "/login", { code: digits(fields["code"]) }), fields),
  "sign-in/passkey": async (call, fields, view) => {
    const { transaction, passkey } = fields;
    return entered(view, await call("POST", "/login", { transaction, passkey: jsonOf(passkey) }), fields);
  },
  "sign-in/provider": async (call, { provider, confirms }, view) => {
    const age = confirms === undefined ? {} : { max_age: 300 };
    const body = { provider, return_to: view.at(confirms === undefined ? "in" : "in?done=confirmed"), ...age };
    return ways.leavePage(view, (await call<OutsideBegun>("POST", "/login/outside", body)).url);
  },
  "sign-in/factor": async (call, fields, view) => entered(view, await call("POST", "/login", factorOf(fields)), fields),
  // Without a proof, the endpoint returns as an error what the session can prove, or the pending login of the cookie.
  confirm: async (call, fields, view) => entered(view, await call("POST", "/login"), fields),
  "sign-in/pending": async (call, _fields, view) => entered(view, await call("POST", "/login", { transaction: "" })),
  // An empty transaction names the one that was begun. Without it, this would be a login that links nothing.
  "sign-in/identity": async (call, { code, login, password }, view) => {
    const proof = code === undefined ? { login, password } : { code: digits(code) };
    return entered(view, await call("POST", "/login", { transaction: "", ...proof }));
  },
  register: async (call, { email, invite }, view) =>
    ways.registrationPage(view, await call<RegistrationBegun>("POST", "/register", { email, invite })),
  "register/finish": async (call, { code, password, passkey }, view) => {
    const name = view.texts.register.firstPasskey;
    const proof = passkey === undefined ? { password } : { passkey: jsonOf(passkey), name };
    return entered(view, await call("POST", "/register/finish", { code: digits(code), ...proof }));
  },
  forgot: async (call, { login }, view) =>
    ways.resetPage(view, await call<MailBegun>("POST", "/password/reset", { login })),
  "forgot/finish": (call, fields, view) => finishReset(call, fields, view, { code: digits(fields["code"]) }),
  link: (_call, { link = "" }, view) => landingOf(view, link),
  "link/finish": finishLink,
  "totp/begin": async (call, fields, view) =>
    totpSetUp(view, await call<TotpSetUp>("POST", "/totp", enrolmentOf(fields))),
  "totp/confirm": async (call, { totp }, view) =>
    entered(view, await call("POST", "/totp/confirm", { totp: digits(totp) })),
  "passkeys/begin": async (call, { name, ...fields }, view) =>
    own.createPasskey(view, await call<PasskeySetUp>("POST", "/passkeys/options", enrolmentOf(fields)), name),
  "passkeys/finish": async (call, { name, passkey }, view) => {
    const added = await call<Entered>("POST", "/passkeys", { passkey: jsonOf(passkey), name });
    return added.recovery_codes === undefined ? home("saved") : entered(view, added);
  },
  "passkeys/rename": change(
    (call, { name, ...fields }) => call("POST", `/passkeys/${idOf(fields)}`, { name }),
    "saved",
  ),
  "passkeys/remove": change((call, fields) => call("DELETE", `/passkeys/${idOf(fields)}`), "removed"),
  "totp/remove": change((call) => call("DELETE", "/totp"), "removed"),
  "recovery-codes/renew": async (call, _fields, view) => entered(view, await call("POST", "/recovery-codes")),
  "devices/forget": change((call) => call("DELETE", "/devices"), "saved"),
  "identities/link": async (call, { provider }, view) => {
    const body = { provider, return_to: view.at("?done=saved") };
    return ways.leavePage(view, (await call<OutsideBegun>("POST", "/identities", body)).url);
  },
  "identities/remove": change((call, fields) => call("DELETE", `/identities/${idOf(fields)}`), "removed"),
  email: async (call, { email, login }, view) => {
    await call("POST", "/account/email", { email, login: login === "true" });
    return own.confirmEmail(view);
  },
  "email/finish": change((call, { code }) => call("POST", "/account/email/finish", { code: digits(code) }), "saved"),
  login: change((call, { login }) => call("POST", "/account/login", { login }), "login", "sign-in"),
  password: change(
    (call, { password, new_password }) => call("POST", "/password", { password, new_password }),
    "password",
  ),
  "password/remove": change((call) => call("DELETE", "/password"), "removed"),
  "keys/create": async (call, fields, view) =>
    own.newKeyPage(view, await call("POST", "/keys", newKeyOf(fields, view))),
  "keys/replace": async (call, fields, view) => {
    const overlap = secondsOf(fields);
    return own.newKeyPage(view, await call<NewApiKey>("POST", `/keys/${idOf(fields)}/rotate`, { overlap }));
  },
  "keys/remove": change((call, fields) => call("DELETE", `/keys/${idOf(fields)}`), "key"),
  "sessions/end": change((call, fields) => call("DELETE", `/sessions/${idOf(fields)}`), "ended"),
  "sessions/end-all": change((call) => call("DELETE", "/sessions"), "signed-out", "sign-in"),
  export: async (call) => ({ file: JSON.stringify(await call("GET", "/account/export"), undefined, 2) }),
  "sign-out": change((call) => call("POST", "/logout"), "signed-out", "sign-in"),
  delete: change((call) => call("DELETE", "/account"), "deleted", "sign-in"),
};

const enrolAgain: Again = (call, { pending, mail }, view) =>
  pending === undefined ? showAccount(call, view) : ways.enrolPage(view, { mail: mail !== undefined });

/** The page that shows a form again after an error, where that is not the page of `startOf`. */
export const agains: Readonly<Record<string, Again>> = {
  "sign-in/code": (_call, fields, view) => ways.checkMailPage(view, fields),
  "sign-in/factor": (_call, fields, view) =>
    ways.secondStepPage(view, keptOf(fields), fields["confirms"] !== undefined),
  "sign-in/identity": (_call, { ways: offered = "" }, view) => ways.identityPage(view, offered.split(" ")),
  register: (_call, fields, view) => ways.registerPage(view, fields),
  "register/finish": (_call, fields, view) => ways.registrationPage(view, { ...keptOf(fields), code: fields["code"] }),
  "forgot/finish": (_call, fields, view) => ways.resetPage(view, { ...keptOf(fields), code: fields["code"] }),
  link: (_call, _fields, view) => ways.pasteLinkPage(view),
  "link/finish": (_call, { link = "", ...fields }, view) =>
    fields["again"] === undefined ? landingOf(view, link) : ways.resetPage(view, { ...keptOf(fields), link }),
  "totp/begin": enrolAgain,
  "totp/confirm": (_call, { secret = "", uri = "" }, view) => totpSetUp(view, { secret, uri }),
  "passkeys/begin": enrolAgain,
  "email/finish": (_call, _fields, view) => own.confirmEmail(view),
};

/** The URI comes back with the form, and a picture has a largest size. */
const totpSetUp = (view: View, { secret, uri }: TotpSetUp) =>
  own.totpPage(view, { secret, uri: uri.slice(0, 1000) }, renderSVG(uri.slice(0, 1000)));

/**
 * The part of a mailed link behind `#`: a transaction and its proof. The browser that asked for the mail needs no
 * number.
 */
const tokenOf = (link: string) => /#ampho(-\w+)?=([\w.-]+)\s*$/.exec(link) ?? [];

function landingOf(view: View, link: string): HtmlPage {
  const [, use, token] = tokenOf(link);
  if (token === undefined) return ways.pasteLinkPage(view);
  if (use === "-invite") return ways.registerPage(view, { invite: token });
  return ways.landingPage(view, purposeOf(link), link, use === undefined);
}

/** The purpose for the texts of the page. The endpoint verifies the link, and rejects one of another purpose. */
function purposeOf(link: string): ways.LinkPurpose {
  const [, use, token = ""] = tokenOf(link);
  if (use === "-alarm") return "alarm";
  const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
  const claims = jsonOf(payload);
  const { for: purpose } = isObject(claims) ? claims : {};
  if (purpose === "invite") return "register";
  if (purpose === "recover") return "reset";
  return ways.linkPurposes.find((known) => known === purpose) ?? "login";
}

async function finishLink(call: PageCall, fields: Fields, view: View): Promise<Outcome> {
  const { link = "", match, password } = fields;
  const [, , token] = tokenOf(link);
  const proof = { link: token, match: match === "" ? undefined : match };
  switch (purposeOf(link)) {
    case "alarm":
      await call("POST", "/alarm", { alarm: token });
      return { goTo: "forgot", notice: "alarm" };
    case "register":
      return entered(view, await call("POST", "/register/finish", { ...proof, password }));
    case "login":
      return entered(view, await call("POST", "/login", proof));
    case "reset":
      return finishReset(call, fields, view, proof);
  }
}

async function finishReset(call: PageCall, fields: Fields, view: View, proof: object): Promise<Outcome> {
  const { password, match, code, link } = fields;
  const { remember: _, ...factor } = factorOf(fields);
  try {
    await call("POST", "/password/reset/finish", { ...proof, new_password: password, ...factor });
  } catch (error) {
    if (!(error instanceof Problem) || error.body.error !== "factor_needed") throw error;
    return ways.resetPage(view, {
      match,
      code,
      link,
      factors: error.body.factors ?? [],
      passkey: error.body.passkey,
    });
  }
  return { goTo: "sign-in", notice: "reset" };
}
