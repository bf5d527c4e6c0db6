// The pages and the forms: one row each, with what it does and the page that shows it again after an error.
import type { PageName } from "../config/kinds.js";
import { parseJson } from "../http/rest/request/body.js";
import type { PageTexts } from "../page-texts/en.js";
import type { AccessView, AccountView, SessionView } from "../wire/account.js";
import type { ApiKeyView, NewApiKey } from "../wire/api-keys.js";
import type {
  ConfirmationBegun,
  MailBegun,
  OutsideBegun,
  PasskeySetUp,
  RegistrationBegun,
  TotpSetUp,
} from "../wire/begun.js";
import type { ConnectionView, ConnectView } from "../wire/connect.js";
import type { ClientSession, Grant, RecoveryCodes, WaysIn } from "../wire/login.js";
import { accessPage } from "./access.js";
import * as accountPages from "./account.js";
import { connectFailedPage, connectPage } from "./connect.js";
import { type Endpoints, Problem } from "./endpoints.js";
import * as signInPages from "./sign-in.js";
import type { HtmlPage, View } from "./view.js";

export type Fields = Readonly<Record<string, string>>;
/** One request of a browser, with its calls of the endpoints. */
export type Visit = View & Pick<Endpoints, "call">;
export type PageNotice = keyof PageTexts["done"];

/**
 * A page, or the page to go to, or a file, or the URL of an application, or a form to send again. `in` is the page to
 * which a sign-in returns.
 */
export type Outcome =
  | HtmlPage
  | { readonly goTo: string; readonly notice?: PageNotice }
  | { readonly file: string }
  | { readonly leaveTo: string }
  | { readonly form: string; readonly fields: Fields };
export type Action = (visit: Visit, fields: Fields) => Promise<Outcome> | Outcome;
/** `fields` are those of a form that failed, and `query` that of a GET. */
type Show = (visit: Visit, fields: Fields, query?: URLSearchParams) => Promise<HtmlPage> | HtmlPage;

export const showPage: Readonly<Record<PageName, Show>> = {
  account: showAccount,
  access: showAccess,
  signIn: async (visit, { login }) => signInPages.signInPage(visit, await visit.call("GET", "/login"), login),
  register: (visit) => signInPages.registerPage(visit, {}),
  forgot: (visit, { login }) => signInPages.forgotPage(visit, login),
  confirm: (visit, _fields, query) =>
    query?.has("factor") === true ? signInPages.goOnPage(visit, "confirm") : confirm(visit),
  link: showLink,
  connect: showConnect,
};

/** A user who is signed in proves it once more. `next`: `access` for that page, `yes` for any other one. */
export async function confirm(visit: Visit, next = "yes"): Promise<HtmlPage> {
  const [{ login }, offered] = await Promise.all([
    visit.call<AccountView>("GET", "/account"),
    visit.call<WaysIn>("GET", "/login"),
  ]);
  return signInPages.signInPage(visit, offered, login, next);
}

async function showAccount(visit: Visit): Promise<HtmlPage> {
  const { call, settings, features } = visit;
  const hasApiKeys = settings.apiKeysPerUser > 0;
  const connects = features.connect !== undefined;
  const [account, { sessions }, { ways: offered }, { api_keys: apiKeys }, { scopes }, { connections }] =
    await Promise.all([
      call<AccountView>("GET", "/account"),
      call<{ readonly sessions: readonly SessionView[] }>("GET", "/sessions"),
      call<WaysIn>("GET", "/login"),
      hasApiKeys ? call<{ readonly api_keys: readonly ApiKeyView[] }>("GET", "/api-keys") : { api_keys: [] },
      hasApiKeys ? call<Pick<ClientSession, "scopes">>("GET", "/session") : { scopes: [] },
      connects ? call<{ readonly connections: readonly ConnectionView[] }>("GET", "/connections") : { connections: [] },
    ]);
  return accountPages.accountPage(visit, { account, sessions, ways: offered, apiKeys, connections, scopes });
}

async function showAccess({ call, ...visit }: Visit): Promise<HtmlPage> {
  const [{ access }, { ways: offered }] = await Promise.all([
    call<AccessView>("GET", "/account/access"),
    call<WaysIn>("GET", "/login"),
  ]);
  return accessPage(visit, access, offered);
}

/** A proof that is needed comes first, so that the user reads and presses once. */
async function showConnect(visit: Visit, { query: sent }: Fields, given?: URLSearchParams): Promise<HtmlPage> {
  const query = sent ?? String(given);
  try {
    const asked = await visit.call<ConnectView>("GET", `/connect?${query}`);
    const { login } = await visit.call<Pick<ClientSession, "login">>("GET", "/session");
    return connectPage(visit, asked, query, login);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const { error: code, location } = error.body;
    if (code === "login_too_weak") return signInPages.goOnPage(visit, "confirm");
    // A token from before the last proof of its session opens the account, but this page only after a new proof.
    if (code === "login_too_old" || (code === "invalid_token" && visit.isSignedIn)) return confirm(visit);
    if (location === undefined && code !== "not_found") throw error;
    return connectFailedPage(visit, location);
  }
}

const respond =
  (allow: boolean): Action =>
  async ({ call }, { query, transaction }) => ({
    leaveTo: (await call<{ readonly location: string }>("POST", "/connect", { query, transaction, allow })).location,
  });

/** The page of mailed links, and of a login at a provider that needs more. */
function showLink(visit: Visit, fields: Fields, query = new URLSearchParams()) {
  const needed = query.get("ampho_needed") ?? "";
  const isMail = needed === "mail";
  switch (query.get("ampho_error")) {
    case null:
      return signInPages.pasteLinkPage(visit);
    case "factor_needed":
      return needed === "" || isMail
        ? signInPages.enrolPage(visit, isMail)
        : signInPages.goOnPage(visit, "sign-in/pending");
    case "link_needed":
      return signInPages.identityPage(visit, needed.split(","));
    case "confirmation_needed":
      return accountPages.confirmLink(visit);
    default:
      return showPage[visit.isSignedIn ? "account" : "signIn"](visit, fields);
  }
}

/** The page on which a user begins an action. */
export function startOf({ isSignedIn }: View, action: string, { confirms, review }: Fields): PageName {
  if (isSignedIn && confirms !== undefined) return "confirm";
  if (isSignedIn && review !== undefined) return "access";
  const begun = (["register", "forgot", "connect"] as const).find((name) => action.split("/", 1)[0] === name);
  return begun ?? (isSignedIn && !action.startsWith("sign-in") ? "account" : "signIn");
}

type Entered = Partial<RecoveryCodes & Pick<Grant, "recovery_codes_left" | "review">>;

/** The codes of a first second factor are shown once, before anything else. */
function entered(
  view: View,
  { recovery_codes: codes = [], recovery_codes_left: left = 3, review }: Entered,
  fields: Fields,
) {
  const { confirms } = fields;
  const goTo = review === true || confirms === "access" ? "access" : "in";
  if (codes.length > 0) return accountPages.recoveryCodes(view, codes, goTo);
  if (left < 3 && goTo === "in") return { goTo: "", notice: "few" } as const;
  return confirms === undefined ? { goTo } : ({ goTo, notice: "confirmed" } as const);
}

/** Returns undefined where `read` throws. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** A script sends the result of a ceremony as JSON. Null for what no endpoint reads, such as deep nesting. */
const jsonOf = (text = "") => attempt(() => parseJson(Buffer.from(text))) ?? null;

/** The fields of a form that waits for the code of its change. */
function fieldsIn(kept: string | undefined): Fields {
  const texts = Object.entries(jsonOf(kept) ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return Object.fromEntries(texts);
}

/** The values of `kept` of sign-in.ts. They are the browser's own text, so they only decide what a page shows. */
function keptOf({ again, code }: Fields) {
  const { factors, passkey, match } = jsonOf(again) ?? {};
  return {
    factors: Array.isArray(factors) ? factors.filter((factor) => typeof factor === "string") : [],
    passkey: typeof passkey === "object" ? (passkey as Readonly<Record<string, unknown>> | null) : null,
    match: typeof match === "string" ? match : undefined,
    code,
  };
}

/** Codes are shown in groups. */
const digits = (text = "") => text.replace(/\s/g, "");

/** A text that is no number is one for the endpoint to reject. */
const secondsOf = ({ days = "" }: Fields) => Math.round(Number(days) * 86_400);

type BodyOf = (fields: Fields, view: View) => object;
const nothing: BodyOf = () => ({});

const factorOf = ({ totp = "", recovery_code: code = "", passkey, remember }: Fields) => ({
  totp: totp === "" ? undefined : digits(totp),
  recovery_code: code === "" ? undefined : code,
  passkey: passkey === undefined ? undefined : jsonOf(passkey),
  remember: remember === undefined ? undefined : true,
});

/** An empty transaction names the pending login of the cookie, and never the session beside it. */
const enrolmentOf: BodyOf = ({ pending, code }) => ({
  transaction: pending && "",
  code: code === undefined ? undefined : digits(code),
});

/** Each scope has a check box of its own, because a form sends a name once. */
const newApiKeyOf: BodyOf = (fields, { now }) => {
  const names = Object.keys(fields).filter((field) => field.startsWith(accountPages.scopeField));
  const scopes = names.map((field) => field.slice(accountPages.scopeField.length));
  return { name: fields["name"], scopes, expires: now + secondsOf(fields) };
};

/** In a path, `:id` is the field of that name. */
const pathOf = (path: string, { id = "" }: Fields) => path.replace(":id", () => encodeURIComponent(id));

/** A proof, after which the browser goes on. */
const proof =
  (path: string, bodyOf: BodyOf): Action =>
  async (visit, fields) =>
    entered(visit, await visit.call("POST", path, bodyOf(fields, visit)), fields);

/** A call, and the page for its response. */
const step =
  <T>(path: string, bodyOf: BodyOf, show: (view: View, body: T, fields: Fields) => HtmlPage): Action =>
  async (visit, fields) =>
    show(visit, await visit.call<T>("POST", pathOf(path, fields), bodyOf(fields, visit)), fields);

const outside = (path: string, bodyOf: BodyOf) => step<OutsideBegun>(path, bodyOf, signInPages.leavePage);

/** The notices of changes that end the session. */
export const leaves: ReadonlySet<PageNotice> = new Set(["login", "signed-out", "deleted"] as const);

/** A change, and the page with the notice. */
const change =
  (method: "POST" | "DELETE", path: string, notice: PageNotice, bodyOf = nothing): Action =>
  async (visit, fields) => {
    await visit.call(method, pathOf(path, fields), bodyOf(fields, visit));
    const back = fields["review"] === undefined ? "" : "access";
    return { goTo: leaves.has(notice) ? "sign-in" : back, notice };
  };

/** The forms, by the name in their path: what each does. */
export const actions: Readonly<Record<string, Action>> = {
  "sign-in": proof("/login", ({ login, password }) => ({ login, password })),
  "sign-in/mail": step<MailBegun>("/login/mail", ({ login }) => ({ login }), signInPages.checkMailPage),
  "sign-in/code": proof("/login", ({ code }) => ({ code: digits(code) })),
  "sign-in/passkey": proof("/login", ({ transaction, passkey }) => ({ transaction, passkey: jsonOf(passkey) })),
  "sign-in/provider": outside("/login/outside", ({ provider, confirms }, { at }) =>
    confirms === undefined
      ? { provider, return_to: at("in") }
      : { provider, return_to: at("in?done=confirmed"), max_age: 300 },
  ),
  "sign-in/factor": proof("/login", factorOf),
  // Without a proof, the endpoint returns as an error what the session can prove, or the pending login of the cookie.
  confirm: proof("/login", nothing),
  "sign-in/pending": proof("/login", () => ({ transaction: "" })),
  // An empty transaction names the one that was begun. Without it, this would be a login that links nothing.
  "sign-in/identity": proof("/login", ({ code, login, password }) =>
    code === undefined ? { transaction: "", login, password } : { transaction: "", code: digits(code) },
  ),
  register: step<RegistrationBegun>(
    "/register",
    ({ email, invite }) => ({ email, invite }),
    signInPages.registrationPage,
  ),
  "register/finish": proof("/register/finish", ({ code, password, passkey }, { texts: { firstPasskey: name } }) =>
    passkey === undefined ? { code: digits(code), password } : { code: digits(code), passkey: jsonOf(passkey), name },
  ),
  forgot: step<MailBegun>("/password/reset", ({ login }) => ({ login }), signInPages.resetPage),
  "forgot/finish": (visit, fields) => finishReset(visit, fields, { code: digits(fields["code"]) }),
  // A page for a link without a right signature would show the text of a stranger.
  link: async (visit, { link = "" }) => {
    const [, use, token = ""] = tokenOf(link);
    if (use === "-alarm" && visit.readAlarm(token) === undefined)
      await visit.call("POST", "/alarm", { alarm: token, change: "" });
    return landingOf(visit, link);
  },
  "link/finish": finishLink,
  "totp/begin": step<TotpSetUp>("/totp", enrolmentOf, accountPages.totpPage),
  "totp/confirm": proof("/totp/confirm", ({ totp }) => ({ totp: digits(totp) })),
  "passkeys/begin": step<PasskeySetUp>("/passkeys/options", enrolmentOf, accountPages.createPasskey),
  "passkeys/finish": async (visit, { name, passkey }) => {
    const added = await visit.call<Entered>("POST", "/passkeys", { passkey: jsonOf(passkey), name });
    return added.recovery_codes === undefined ? { goTo: "", notice: "saved" } : entered(visit, added, {});
  },
  "passkeys/rename": change("POST", "/passkeys/:id", "saved", ({ name }) => ({ name })),
  "passkeys/remove": change("DELETE", "/passkeys/:id", "removed"),
  "totp/remove": change("DELETE", "/totp", "removed"),
  "recovery-codes/renew": proof("/recovery-codes", nothing),
  "devices/forget": change("DELETE", "/devices", "saved"),
  "identities/link": outside("/identities", ({ provider }, { at }) => ({ provider, return_to: at("?done=saved") })),
  // The provider has not spoken for the mailbox of the account, so a code confirms the link before it is begun again.
  "identities/confirm": async (visit) => showConfirmation(visit, "identity_linked", "identities/confirmed", {}),
  "identities/confirmed": () => ({ goTo: "", notice: "confirmed" }),
  "identities/remove": change("DELETE", "/identities/:id", "removed"),
  email: step("/account/email", ({ email, login }) => ({ email, login: login === "true" }), accountPages.confirmEmail),
  "email/finish": change("POST", "/account/email/finish", "saved", ({ code }) => ({ code: digits(code) })),
  "email/later": change("POST", "/account/email", "waits", ({ email, login }) => ({
    email,
    login: login === "true",
    later: true,
  })),
  "email/taken": change("POST", "/account/email/finish", "saved", ({ code }) => ({ code: digits(code), later: true })),
  "email/stop": change("DELETE", "/account/email", "stopped"),
  // The change is sent again with the fields that the user has filled in before.
  "change/confirm": async (visit, { transaction, code, form = "", kept }) => {
    await visit.call("POST", "/account/confirm/finish", { transaction, code: digits(code) });
    // A password is never in a page, so the user types it now.
    return form === "password" ? accountPages.firstPassword(visit) : { form, fields: fieldsIn(kept) };
  },
  login: change("POST", "/account/login", "login", ({ login }) => ({ login })),
  password: change("POST", "/password", "password", ({ password, new_password }) => ({ password, new_password })),
  "password/remove": change("DELETE", "/password", "removed"),
  "api-keys/create": step<NewApiKey>("/api-keys", newApiKeyOf, accountPages.newApiKeyPage),
  "api-keys/replace": step<NewApiKey>(
    "/api-keys/:id/rotate",
    (fields) => ({ overlap: secondsOf(fields) }),
    accountPages.newApiKeyPage,
  ),
  "api-keys/remove": change("DELETE", "/api-keys/:id", "apiKey"),
  "connect/allow": respond(true),
  "connect/reject": respond(false),
  "connections/end": change("DELETE", "/connections/:id", "connection"),
  "sessions/end": change("DELETE", "/sessions/:id", "ended"),
  "access/end": change("DELETE", "/account/access", "all"),
  "sessions/end-all": change("DELETE", "/sessions", "signed-out"),
  export: async ({ call }) => ({ file: JSON.stringify(await call("GET", "/account/export"), undefined, 2) }),
  "sign-out": change("POST", "/logout", "signed-out"),
  delete: change("DELETE", "/account", "deleted"),
};

/** Does what a form asks for. If the change needs a code of the mailbox, the code is mailed, and a page asks for it. */
export async function perform(visit: Visit, form: string, fields: Fields): Promise<Outcome> {
  const action = Object.hasOwn(actions, form) ? actions[form] : undefined;
  if (action === undefined) return { goTo: "" };
  try {
    return await action(visit, fields);
  } catch (error) {
    if (!(error instanceof Problem) || error.body.error !== "confirmation_needed") throw error;
    const change = fields["review"] === undefined ? error.body.change : "review";
    return showConfirmation(visit, change, form, fields);
  }
}

/** Mails the code for a change. The form of the change comes back with the code. */
async function showConfirmation(visit: Visit, change: unknown, form: string, fields: Fields): Promise<HtmlPage> {
  const { transaction } = await visit.call<ConfirmationBegun>("POST", "/account/confirm", { change });
  const { password: _, new_password: __, ...kept } = fields;
  return accountPages.showConfirmation(visit, { transaction, form, kept: JSON.stringify(kept) });
}

const enrolAgain: Show = (visit, { pending, mail }) =>
  pending === undefined ? showAccount(visit) : signInPages.enrolPage(visit, mail !== undefined);

/** The page that shows a form again after an error, where that is not the page of `startOf`. */
export const agains: Readonly<Record<string, Show>> = {
  "sign-in/code": (visit, fields) => signInPages.checkMailPage(visit, fields, fields),
  "sign-in/factor": (visit, fields) => signInPages.secondStepPage(visit, keptOf(fields), fields["confirms"]),
  "sign-in/identity": (visit, { ways: offered = "" }) => signInPages.identityPage(visit, offered.split(" ")),
  register: signInPages.registerPage,
  "register/finish": (visit, fields) => signInPages.registrationPage(visit, keptOf(fields)),
  "forgot/finish": (visit, fields) => signInPages.resetPage(visit, keptOf(fields)),
  link: signInPages.pasteLinkPage,
  "link/finish": (visit, { link = "", ...fields }) =>
    fields["again"] === undefined ? landingOf(visit, link) : signInPages.resetPage(visit, keptOf(fields), { link }),
  "totp/begin": enrolAgain,
  "totp/confirm": (visit, { secret = "", uri = "" }) => accountPages.totpPage(visit, { secret, uri }),
  "passkeys/begin": enrolAgain,
  "email/finish": accountPages.confirmEmail,
  "change/confirm": (visit, { transaction, form, kept }) =>
    accountPages.showConfirmation(visit, { transaction, form, kept }),
};

/** Behind `#`: a transaction and its proof. The browser that asked for the mail needs no number. */
const tokenOf = (link: string) => /#ampho(-\w+)?=([\w.-]+)\s*$/.exec(link) ?? [];

function landingOf(view: View, link: string): HtmlPage {
  const [, use, token] = tokenOf(link);
  if (token === undefined) return signInPages.pasteLinkPage(view);
  if (use === "-invite") return signInPages.registerPage(view, { invite: token });
  const purpose = purposeOf(link);
  if (purpose === "alarm") {
    const reported = view.readAlarm(token);
    return reported === undefined ? signInPages.pasteLinkPage(view) : signInPages.alarmPage(view, link, reported);
  }
  return signInPages.landingPage(view, purpose, link, use === undefined && claimsIn(link)["recovery"] !== "alarm");
}

/** The claims of the link, which choose among the texts of the page. Nothing else of them is shown. */
function claimsIn(link: string): Readonly<Record<string, unknown>> {
  const [, , token = ""] = tokenOf(link);
  return jsonOf(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) ?? {};
}

/** The purpose for the texts of the page. The endpoint verifies the link, and rejects one of another purpose. */
function purposeOf(link: string): signInPages.LinkPurpose {
  const [, use] = tokenOf(link);
  if (use === "-alarm") return "alarm";
  const { for: purpose } = claimsIn(link);
  if (purpose === "invite") return "register";
  return signInPages.linkPurposes.find((known) => known === purpose) ?? "login";
}

async function finishLink(visit: Visit, fields: Fields): Promise<Outcome> {
  const { link = "", match, password, change } = fields;
  const [, , token] = tokenOf(link);
  const sent = { link: token, match: match === "" ? undefined : match };
  switch (purposeOf(link)) {
    case "alarm":
      await visit.call("POST", "/alarm", { alarm: token, change });
      return { goTo: "sign-in", notice: change === "account_deleted" ? "informed" : "alarm" };
    case "register":
      return entered(visit, await visit.call("POST", "/register/finish", { ...sent, password }), {});
    case "login":
      return entered(visit, await visit.call("POST", "/login", sent), {});
    case "reset":
      return finishReset(visit, fields, sent);
  }
}

async function finishReset(visit: Visit, fields: Fields, sent: object): Promise<Outcome> {
  const { password, match, code, link } = fields;
  const { remember: _, ...factor } = factorOf(fields);
  try {
    await visit.call("POST", "/password/reset/finish", { ...sent, new_password: password, ...factor });
  } catch (error) {
    if (!(error instanceof Problem) || error.body.error !== "factor_needed") throw error;
    const { factors, passkey } = error.body;
    return signInPages.resetPage(visit, { match, code, factors, passkey }, { link });
  }
  return { goTo: "sign-in", notice: "reset" };
}
