// The pages for people: sign-in and account (docs/guides/pages.md). Rendered on the server, and usable without a
// script, except for passkeys. A page is a client of the endpoints, in the same process, with the cookies and the
// headers of the browser.
import type { Configuration } from "../config/configuration.js";
import { isOwnPath, type PageName, type PagesSettings } from "../config/kinds.js";
import { AmphoError, type ErrorCode, hasCode, invalidRequest, type PasswordProblemReason } from "../errors.js";
import { isNavigation } from "../http/rest/browser/origins.js";
import { cookieOf, setCookie } from "../http/rest/cookies/cookie-header.js";
import type { CookieMode } from "../http/rest/cookies/cookie-mode.js";
import type { Handle } from "../http/rest/handler.js";
import type { GuardHost, RenewedPage, RenewPage } from "../http/rest/host.js";
import type { HttpRequest, HttpResponse } from "../http/rest/message.js";
import { isForm, type Members, readMembers } from "../http/rest/request/body.js";
import { isUnder, parseTarget } from "../http/rest/request/target.js";
import type { ErrorResponder } from "../http/rest/responses/problems.js";
import { plainHeaders, redirectResponse, textResponse, withoutBody } from "../http/rest/responses/response.js";
import { languageOf } from "../mail/texts/language.js";
import type { PageTexts } from "../page-texts/en.js";
import { type AddedLanguage, fill, pageLanguages, pageTexts } from "../page-texts/texts.js";
import type { ClientSession } from "../wire/login.js";
import type { Fields, Outcome, PageNotice, Visit } from "./actions.js";
import { actions, agains, attempt, confirm, leaves, perform, showPage, startOf } from "./actions.js";
import { createEndpoints, Problem } from "./endpoints.js";
import { button, html } from "./html.js";
import { script } from "./script.js";
import * as ways from "./sign-in.js";
import { style } from "./style.js";
import { createView, type HtmlPage, type ReportedAlarm, type View, type ViewValues } from "./view.js";

export interface PagesDeps {
  /** `pages`: those of the application that take the place of these. */
  readonly settings: Configuration & { readonly pages: PagesSettings };
  readonly handle: Handle;
  readonly cookies: CookieMode;
  readonly renewPage: RenewPage;
  readonly errorResponse: ErrorResponder;
  readonly features: ViewValues["features"];
  readonly clock: { now(): number };
  readonly mailTokens: { readAlarm(token: string, now: number): ReportedAlarm | undefined };
  readonly languages: readonly AddedLanguage[] | undefined;
}

/** The pages of a GET, by their path. It changes nothing, because any page can link to it. */
const reads: Readonly<Record<string, PageName>> = {
  "": "account",
  access: "access",
  "sign-in": "signIn",
  register: "register",
  forgot: "forgot",
  confirm: "confirm",
  link: "link",
  connect: "connect",
};

const signedOut = new Set(["missing_token", "invalid_token", "session_ended"]);
const returnCookie = "__Host-ampho-return";
const returnSeconds = 1800;
/** The longest request of an application, encoded. */
const returnLength = 3500;
/** Browsers drop a cookie that is longer than 4096 characters, with its name. */
const returnMax = 4000;

const security =
  "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; img-src 'self' data:; " +
  "base-uri 'none'; frame-ancestors 'none'";

const headers = {
  ...plainHeaders,
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy": security,
  "Referrer-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
  "X-Frame-Options": "DENY",
  Vary: "Accept-Language, Cookie",
};

const files: Readonly<Record<string, HttpResponse>> = {
  "style.css": textResponse("text/css; charset=utf-8", style, { "Cache-Control": "max-age=3600" }),
  "script.js": textResponse("text/javascript; charset=utf-8", script, { "Cache-Control": "max-age=3600" }),
};

/**
 * A return address, with the user who is signed in. The next user of the browser must not land where the one before has
 * been.
 */
const returnOf = (user: string | undefined, path: string) =>
  `${encodeURIComponent(user ?? "")}/${encodeURIComponent(path)}`;

/** An id of an own user table can be too long for a cookie. The user then comes to the account. */
function returnCookieOf(user: string | undefined, path: string): readonly string[] {
  const value = returnOf(user, path);
  return value.length > returnMax ? [] : [setCookie(returnCookie, value, returnSeconds)];
}

const noReturn = setCookie(returnCookie, "", 0);
const keptReturnOf = (request: HttpRequest) => cookieOf(request.header("cookie"), returnCookie);
const decoded = (text: string) => attempt(() => decodeURIComponent(text)) ?? "";

/** The user of the session, which the request itself can have begun. */
const userOf = async ({ call }: Visit) =>
  (await call<Pick<ClientSession, "id">>("GET", "/session").catch(() => undefined))?.id;

/** A visit, and the Set-Cookie values of its response. */
type Session = Visit & { readonly request: HttpRequest; readonly cookies: () => readonly string[] };

export interface Pages {
  /** The handler of the paths below the prefix of the pages. Never rejects. */
  readonly handle: Handle;
  readonly errorPage: NonNullable<GuardHost["errorPage"]>;
}

export function createPages(deps: PagesDeps): Pages {
  const { settings, errorResponse, features, clock, mailTokens } = deps;
  const { prefix } = settings.pages;
  const languages = pageLanguages(deps.languages);
  const tags = [...languages.keys()];
  const appName = settings.appName ?? (settings.appUrl === undefined ? "" : new URL(settings.appUrl).host);
  const at = (name: string) => (name === "" || name.startsWith("?") ? prefix + name : `${prefix}/${name}`);
  const viewOf = (accepted: string | null | undefined, auth?: RenewedPage["auth"], isSignedIn = auth !== undefined) => {
    const tag = languageOf(accepted ?? undefined, tags);
    const shown = languages.get(tag) ?? { language: "en", direction: "ltr", texts: pageTexts.en };
    const whose = { isSignedIn, user: auth?.id };
    const now = clock.now();
    const readAlarm = (token: string) => mailTokens.readAlarm(token, now);
    return createView({ ...shown, at, features, ...whose, settings, now, readAlarm });
  };

  /** A user who lacks a role can sign in as another one, or go to the account. */
  const errorPage = (
    { status, error: code = "internal_error", headers: own }: HttpResponse,
    language: string | null | undefined,
    reason: string = code,
  ): HttpResponse => {
    const lacks = code === "insufficient_scope";
    const view = { ...viewOf(language, undefined, lacks), cookies: () => [] };
    const [page, alert] = lacks ? [ways.noAccessPage(view)] : [ways.failedPage(view), errorText(view, reason)];
    const shown = documentOf(page, view, { status, alert });
    return { ...shown, headers: { ...own, ...shown.headers }, error: code };
  };

  const handle: Handle = async (request) => {
    let response: HttpResponse;
    try {
      const { path, query } = parseTarget(request.target);
      const name = path.slice(prefix.length + 1);
      response = { ...(await respond(request, name, parseQuery(query))), route: at(name) };
    } catch (error) {
      const reason = hasCode(error, "cross_site") ? error.details.reason : undefined;
      response = errorPage(errorResponse(error, request.id), request.header("accept-language"), reason);
    }
    return request.method === "HEAD" ? withoutBody(response) : response;
  };
  return { handle, errorPage: (response, language) => errorPage(response, language) };

  async function respond(sent: HttpRequest, name: string, query: URLSearchParams): Promise<HttpResponse> {
    const file = Object.hasOwn(files, name) ? files[name] : undefined;
    const known = Object.hasOwn(reads, name) ? reads[name] : undefined;
    const page = known === "connect" && features.connect === undefined ? undefined : known;
    const isAction = Object.hasOwn(actions, name);
    const canRead = file !== undefined || page !== undefined || name === "in";
    const allow = [...(canRead ? ["GET", "HEAD"] : []), ...(isAction ? ["POST"] : [])];
    if (allow.length === 0) throw new AmphoError("not_found", "There is no such page.");
    if (!allow.includes(sent.method))
      throw new AmphoError("method_not_allowed", "This page does not take this method.", { allow });
    if (file !== undefined) return file;
    // A browser sends the tokens of pages in cookies alone.
    const request = { ...sent, authorization: [] };
    const renewed = await deps.renewPage(request);
    const jar = renewed.cookieHeader ?? request.header("cookie");
    const { call, cookies: set } = createEndpoints(deps.handle, settings.restPrefix, request, jar);
    const cookies = () => [...renewed.cookies, ...set];
    const session: Session = { ...viewOf(request.header("accept-language"), renewed.auth), call, request, cookies };
    if (request.method === "POST" && isAction) return act(session, name);
    if (page !== undefined) return read(session, page, query);
    // A login at a provider, of which the callback has the response.
    if (!query.has("ampho_review")) return goOn(session, query.get("done"));
    return redirect(session, at("access"), ...(isNavigation(request) ? await returnOfNewUser(session) : []));
  }

  async function read(sent: Session, name: PageName, query: URLSearchParams): Promise<HttpResponse> {
    const { request } = sent;
    // After a proof, the browser comes back to what an application asks for.
    const own = name === "connect" ? `${at("connect")}?${query}` : query.get("to");
    const wanted = returnPath(own);
    // The database decides. A token outlives its user, and the pages would send the browser to and fro.
    const isAsked = name === "signIn" && sent.isSignedIn;
    if (isAsked && (await sent.call("GET", "/account").catch(() => false))) return redirect(sent, wanted ?? prefix);
    // An image of a foreign page must not choose where the next sign-in leads.
    const kept = isNavigation(request) ? keptBy(sent, name, wanted) : [];
    const session: Session = { ...sent, cookies: () => [...sent.cookies(), ...kept] };
    const replacement = settings.pages[name];
    // The page of the application need not check it again.
    if (name === "connect" || wanted === undefined) query.delete("to");
    else query.set("to", wanted);
    if (replacement !== undefined) return redirect(session, withQuery(replacement, query));
    try {
      const shown = await showPage[name](session, {}, query);
      const code = query.get("ampho_error") ?? "";
      // The page itself asks for what is needed.
      const isAsked = code.endsWith("_needed") && code !== "address_needed";
      return documentOf(shown, session, { notice: query.get("done"), alert: isAsked ? "" : errorText(session, code) });
    } catch (error) {
      const isOut = name === "connect" && error instanceof Problem && signedOut.has(error.body.error);
      if (isOut && wanted !== undefined)
        return redirect(session, withQuery(at("sign-in"), new URLSearchParams({ to: wanted })));
      return failure(error, session);
    }
  }

  /** A sign-in that begins elsewhere in the application, without an address, leads to no earlier one. */
  function keptBy({ request, user }: Session, name: PageName, wanted: string | undefined): readonly string[] {
    // Any user can sign in. Every other page is of the user who is signed in.
    const owner = name === "signIn" ? undefined : user;
    if (wanted !== undefined) return returnCookieOf(owner, wanted);
    const from = attempt(() => new URL(request.header("referer") ?? "").pathname) ?? "";
    return name === "signIn" && !isUnder(prefix, from) && keptReturnOf(request) !== undefined ? [noReturn] : [];
  }

  async function act(session: Session, name: string): Promise<HttpResponse> {
    // A form of another site does nothing, also where it needs no session (login CSRF).
    deps.cookies.credentialsOf(session.request, true);
    if (!isForm(session.request)) throw new AmphoError("unsupported_media_type", "A page takes a form.");
    const { user, ...fields } = fieldsOf(await readMembers(session.request));
    if (user !== undefined && session.isSignedIn && user !== session.user) return redirect(session, prefix);
    return outcomeOf(session, name, fields);
  }

  async function outcomeOf(session: Session, name: string, fields: Fields): Promise<HttpResponse> {
    let outcome: Outcome;
    try {
      outcome = await perform(session, name, fields);
    } catch (error) {
      return failure(error, session, name, fields);
    }
    if ("title" in outcome) {
      const kept = await returnOfNewUser(session);
      return documentOf(outcome, { ...session, cookies: () => [...session.cookies(), ...kept] });
    }
    if ("leaveTo" in outcome) {
      const left = ways.leavePage(session, { url: outcome.leaveTo });
      return documentOf(left, { ...session, cookies: () => [...session.cookies(), noReturn] });
    }
    if ("form" in outcome) return outcomeOf(session, outcome.form, outcome.fields);
    if ("file" in outcome) {
      const disposition = { "Content-Disposition": 'attachment; filename="account.json"' };
      return { ...textResponse("application/json", outcome.file, disposition), cookies: session.cookies() };
    }
    const { goTo, notice } = outcome;
    if (goTo === "in") return goOn(session, notice);
    const isOver = notice !== undefined && leaves.has(notice);
    const over = keptReturnOf(session.request) === undefined ? [] : [noReturn];
    const kept = isOver ? over : await returnOfNewUser(session);
    return redirect(session, at(goTo + (notice === undefined ? "" : `?done=${notice}`)), ...kept);
  }

  /** After a sign-in that shows something first, the way back waits behind that for this user, and for no other one. */
  async function returnOfNewUser(session: Session): Promise<readonly string[]> {
    const [owner, path] = keptReturnOf(session.request)?.split("/").map(decoded) ?? [];
    const to = owner === "" ? returnPath(path) : undefined;
    const user = to === undefined ? undefined : await userOf(session);
    return to === undefined || user == null ? [] : returnCookieOf(user, to);
  }

  /** Back to the page from which the browser was sent to sign in, or to the account. */
  async function goOn(session: Session, notice: string | null | undefined): Promise<HttpResponse> {
    const { request } = session;
    const [owner, path] = keptReturnOf(request)?.split("/").map(decoded) ?? [];
    if (owner === undefined) return redirect(session, at(isNotice(notice) ? `?done=${notice}` : ""));
    const isOwn = owner === "" || owner === (await userOf(session));
    const removal = request.method === "POST" || isNavigation(request) ? [noReturn] : [];
    return redirect(session, (isOwn && returnPath(path)) || prefix, ...removal);
  }

  /** Shows what the error asks for, or the form again with the message. `name`: that of the form, if it was no GET. */
  async function failure(error: unknown, session: Session, name = "", fields: Fields = {}): Promise<HttpResponse> {
    if (!(error instanceof Problem)) throw error;
    const { body, status, headers: own } = error;
    const { reason = "", retry_after: seconds, field = "" } = body;
    const code = name === "sign-in" && body.error === "invalid_credentials" ? "wrong_password" : body.error;
    const codes = [reason, `${code}_${field}`, `${code}_${name.split("/", 1)[0]}`, code];
    const alert = codes.map((one) => errorText(session, one, seconds)).find((text) => text !== undefined);
    const show = (page: HtmlPage) => {
      const shown = documentOf(page, session, { status, alert });
      return { ...shown, headers: { ...own, ...shown.headers } };
    };
    try {
      const next = await nextOf(body, session, fields);
      if (next !== undefined) return documentOf(next, session);
      // Wrong credentials of a form are no end of the session.
      if (signedOut.has(body.error)) return redirect(session, at(name === "" ? "sign-in" : "sign-in?done=over"));
      if (name === "") return show(ways.failedPage(session));
      const again = body.error !== "transaction_over" && Object.hasOwn(agains, name) ? agains[name] : undefined;
      if (again !== undefined) return show(await again(session, fields));
      const start = startOf(session, name, fields);
      const replacement = settings.pages[start];
      const query = new URLSearchParams({ ampho_error: reason || body.error });
      if (replacement !== undefined) return redirect(session, withQuery(replacement, query));
      return show(await showPage[start](session, fields));
    } catch (second) {
      if (!(second instanceof Problem)) throw second;
      return signedOut.has(second.body.error) ? redirect(session, at("sign-in")) : show(ways.failedPage(session));
    }
  }

  async function nextOf(body: Problem["body"], visit: Visit, fields: Fields): Promise<HtmlPage | undefined> {
    const { error, enroll, mail = false, retry_after: seconds, factors = [], passkey, ways: offered = [] } = body;
    const confirms = fields["review"] === undefined ? (fields["confirms"] ?? "yes") : "access";
    if (error === "login_too_weak") return afterStepUp(visit, fields);
    if (error === "login_too_old") return confirm(visit, confirms);
    if (error === "link_needed") return ways.identityPage(visit, offered);
    if (error !== "factor_needed") return undefined;
    if (enroll === true) return ways.enrolPage(visit, mail, body.mail === false ? seconds : undefined);
    return ways.secondStepPage(visit, { factors, passkey }, visit.isSignedIn ? confirms : undefined);
  }

  /** Without a proof, the endpoint returns as an error which factors the session can prove. */
  async function afterStepUp(visit: Visit, fields: Fields): Promise<HtmlPage | undefined> {
    try {
      await visit.call("POST", "/login");
    } catch (error) {
      if (error instanceof Problem && error.body.error !== "login_too_weak") return nextOf(error.body, visit, fields);
      throw error;
    }
    return undefined;
  }

  function documentOf({ title, body, isWide = false }: HtmlPage, view: Shower, shown: Shown = {}): HttpResponse {
    const { texts: t, form, isSignedIn, cookies } = view;
    const { status = 200, notice, alert } = shown;
    const { css, logo } = settings.pages;
    const signOut = form("sign-out", [button(t.signOut, "small quiet")]);
    const brand = html`<a class="brand" href="/">${logo !== undefined && html`<img src="${logo}" alt=""> `}${appName}</a>`;
    const { text } = html`<!doctype html>
<html lang="${view.language}" dir="${view.direction}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}${appName !== "" && ` – ${appName}`}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${at("style.css")}">
${css !== undefined && html`<link rel="stylesheet" href="${css}">`}
<script type="module" src="${at("script.js")}"></script>
<header class="top">${brand}
${isSignedIn && html`<nav aria-label="${t.account}"><a href="${prefix}">${t.account}</a> ${signOut}</nav>`}</header>
<main>
<p class="message" id="alert" role="alert" data-failed="${t.failed}">${alert}</p>
<p class="message" id="status" role="status">${isNotice(notice) && t.done[notice]}</p>
<div id="page" class="${isWide ? "wide" : "card"}">${body}</div>
</main>
</html>
`;
    return { status, headers, cookies: cookies(), body: text };
  }
}

const redirect = ({ cookies }: Session, location: string, ...more: readonly string[]): HttpResponse => ({
  ...redirectResponse(location),
  cookies: [...cookies(), ...more],
});

type Shower = View & Pick<Session, "cookies">;

type Shown = { readonly status?: number; readonly alert?: string | undefined; readonly notice?: string | null };

/** A notice can be a name in a URL. Another text than one of the table is not shown. */
const isNotice = (name: string | null | undefined): name is PageNotice =>
  name != null && Object.hasOwn(pageTexts.en.done, name);

type Text = keyof PageTexts["errors"];

/** The codes that have the text of another one. */
const sameAs: Readonly<Record<string, Text>> = {
  missing_token: "transaction_over",
  invalid_token: "transaction_over",
  session_ended: "transaction_over",
  factor_needed: "transaction_over",
  link_needed: "transaction_over",
  confirmation_needed: "transaction_over",
  login_too_old: "transaction_over",
  login_too_weak: "transaction_over",
  captcha_needed: "too_many_attempts",
  overloaded: "unavailable",
  internal_error: "unavailable",
  request_timeout: "unavailable",
  email_taken: "login_taken",
  insufficient_scope: "not_found",
  credential_not_accepted: "transaction_over",
  method_not_allowed: "not_found",
  unsupported_media_type: "invalid_request",
  invalid_client: "invalid_request",
  invalid_scope: "invalid_request",
  unsupported_grant_type: "invalid_request",
  invalid_grant: "invalid_request",
  invalid_target: "invalid_request",
  invalid_redirect_uri: "invalid_request",
  invalid_client_metadata: "invalid_request",
  unauthorized_client: "invalid_request",
  unsupported_response_type: "invalid_request",
  interaction_required: "invalid_request",
  payload_too_large: "invalid_request",
  password_rejected: "too_common",
  contains_product: "contains_login",
  repeated: "too_common",
  breached: "too_common",
  too_long: "invalid_characters",
} satisfies Readonly<Record<Exclude<ErrorCode | PasswordProblemReason, Text>, Text>>;

const hasText = (code: string): code is Text => Object.hasOwn(pageTexts.en.errors, code);

/** Returns undefined for a code that is none, as a URL can have it. */
function errorText({ texts, settings }: View, code: string, seconds = 60): string | undefined {
  const name = hasText(code) ? code : Object.hasOwn(sameAs, code) ? sameAs[code] : undefined;
  return name && fill(texts.errors[name], { count: settings.passwordMin, minutes: Math.ceil(seconds / 60) });
}

/** Only a path of this origin. It stays as it is: when normalised, `/.//host` would become another host. */
export const returnPath = (text: string | null | undefined): string | undefined =>
  text != null && isOwnPath(text) && encodeURIComponent(text).length <= returnLength ? text : undefined;

/** nginx and Caddy do not encode the path in `to`. If it has a query, this is the rest of the query of the page. */
function parseQuery(query: string | undefined): URLSearchParams {
  const [, to] = /^to=(\/[^?&]*\?.*)$/.exec(query ?? "") ?? [];
  return new URLSearchParams(to === undefined ? query : { to });
}

/** A body parser of the host can read a list or an object, where a browser sends texts. */
function fieldsOf(members: Members = {}): Fields {
  if (Object.values(members).every((value) => typeof value === "string")) return members as Fields;
  throw invalidRequest("Each field of a form must be one text.");
}

/** A page of the application also gets what the pages of links and providers get. */
const withQuery = (path: string, query: URLSearchParams): string =>
  query.size === 0 ? path : `${path}${path.includes("?") ? "&" : "?"}${query}`;
