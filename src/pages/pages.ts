// The pages for people: sign-in and account (docs/guides/pages.md). Rendered on the server, and usable without a
// script, except for passkeys. A page is a client of the endpoints, in the same process, with the cookies and the
// headers of the browser.
import type { Configuration } from "../config/configuration.js";
import { isOwnPath, type PageName, type ReplacedPages } from "../config/kinds.js";
import { AmphoError, type ErrorCode, type PasswordProblemReason } from "../errors.js";
import { cookieOf, setCookie } from "../http/rest/cookies/cookie-header.js";
import type { CookieMode } from "../http/rest/cookies/cookie-mode.js";
import type { Handle } from "../http/rest/handler.js";
import type { RenewPage } from "../http/rest/host.js";
import type { HttpRequest, HttpResponse } from "../http/rest/message.js";
import { isForm, type Members, readMembers } from "../http/rest/request/body.js";
import { parseTarget } from "../http/rest/request/target.js";
import type { ErrorResponder } from "../http/rest/responses/problems.js";
import { plainHeaders, redirectResponse, textResponse, withoutBody } from "../http/rest/responses/response.js";
import { languageOf } from "../mail/texts/language.js";
import {
  type Action,
  actions,
  agains,
  confirm,
  type Fields,
  type Outcome,
  type PageCall,
  type PageNotice,
  showAccount,
  showSignIn,
  startOf,
  starts,
} from "./actions.js";
import { createEndpoints, Problem } from "./endpoints.js";
import { type Html, html } from "./html.js";
import { script } from "./script.js";
import * as ways from "./sign-in.js";
import { style } from "./style.js";
import type { PageTexts } from "./texts/en.js";
import { fill, pageTexts } from "./texts/texts.js";
import { form, type HtmlPage, type View } from "./view.js";

/** The parameters of the pages, by their names as options. */
export interface PagesSettings
  extends Pick<
    Configuration,
    "pagesPrefix" | "pagesCss" | "pagesLogo" | "restPrefix" | "appName" | "appUrl" | "passwordMin" | "keysPerUser"
  > {
  /** Pages of the application that take the place of these. */
  readonly pages: ReplacedPages;
}

export interface PagesDeps {
  readonly settings: PagesSettings;
  /** The endpoints. */
  readonly handle: Handle;
  readonly cookies: CookieMode;
  readonly renewPage: RenewPage;
  readonly errorResponse: ErrorResponder;
  readonly features: View["features"];
  readonly clock: { now(): number };
}

interface Read {
  readonly name: PageName;
  readonly show: (call: PageCall, query: URLSearchParams, view: View) => Promise<HtmlPage> | HtmlPage;
}

/** The pages of a GET, by their path. It changes nothing, because any page can link to it. */
const reads: Readonly<Record<string, Read>> = {
  "": { name: "account", show: (call, _query, view) => showAccount(call, view) },
  "sign-in": { name: "signIn", show: (call, _query, view) => showSignIn(call, view) },
  register: { name: "register", show: (_call, _query, view) => ways.registerPage(view, {}) },
  forgot: { name: "forgot", show: (_call, _query, view) => ways.forgotPage(view) },
  confirm: {
    name: "confirm",
    show: (call, query, view) => (query.has("factor") ? ways.goOnPage(view, "confirm") : confirm(call, view)),
  },
  link: { name: "link", show: link },
};

/** The page of mailed links, and of a login at a provider that needs more. */
function link(call: PageCall, query: URLSearchParams, view: View): Promise<HtmlPage> | HtmlPage {
  const needed = query.get("ampho_needed") ?? "";
  switch (query.get("ampho_error")) {
    case null:
      return ways.pasteLinkPage(view);
    case "factor_needed":
      return needed === "" || needed === "mail"
        ? ways.enrolPage(view, { mail: needed === "mail" })
        : ways.goOnPage(view, "sign-in/pending");
    case "link_needed":
      return ways.identityPage(view, needed.split(","));
    default:
      return view.isSignedIn ? showAccount(call, view) : showSignIn(call, view);
  }
}

const signedOut = new Set(["missing_token", "invalid_token", "session_ended"]);
const returnCookie = "__Host-ampho-return";
const returnSeconds = 1800;
/** Browsers drop a cookie that is longer than 4096 characters. */
const returnLength = 3000;

const security = [
  "default-src 'none'",
  ...["script-src", "style-src", "form-action"].map((name) => `${name} 'self'`),
  "img-src 'self' data:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

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

/** Returns the handler of the paths below the prefix of the pages. Never rejects. */
export function createPages(deps: PagesDeps): Handle {
  const { settings, errorResponse, features, clock } = deps;
  const { pagesPrefix: prefix, passwordMin: passwordMinimum, keysPerUser: keysMax } = settings;
  const appName = settings.appName ?? (settings.appUrl === undefined ? "" : new URL(settings.appUrl).host);
  const at = (name: string) => (name === "" || name.startsWith("?") ? prefix + name : `${prefix}/${name}`);

  return async (request) => {
    const language = languageOf(request.header("accept-language"));
    const limits = { passwordMinimum, keysMax, now: clock.now() };
    const fixed = { texts: pageTexts[language], language, at, features, ...limits };
    let response: HttpResponse;
    try {
      const { path, query } = parseTarget(request.target);
      const name = path.slice(prefix.length + 1);
      response = { ...(await respond(request, name, new URLSearchParams(query), fixed)), route: at(name) };
    } catch (error) {
      const { status, error: code = "internal_error", headers: own } = errorResponse(error, request.id);
      const session = { view: { ...fixed, isSignedIn: false }, cookies: () => [] };
      const shown = documentOf(ways.failedPage(session.view), session, { status, error: code });
      response = { ...shown, headers: { ...own, ...shown.headers }, error: code };
    }
    return request.method === "HEAD" ? withoutBody(response) : response;
  };

  async function respond(
    sent: HttpRequest,
    name: string,
    query: URLSearchParams,
    fixed: Omit<View, "isSignedIn">,
  ): Promise<HttpResponse> {
    const file = Object.hasOwn(files, name) ? files[name] : undefined;
    const page = Object.hasOwn(reads, name) ? reads[name] : undefined;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    const canRead = file !== undefined || page !== undefined || name === "in";
    const allow = [...(canRead ? ["GET", "HEAD"] : []), ...(action === undefined ? [] : ["POST"])];
    if (allow.length === 0) throw new AmphoError("not_found", "There is no such page.");
    if (!allow.includes(sent.method))
      throw new AmphoError("method_not_allowed", "This page does not take this method.", { allow });
    if (file !== undefined) return file;
    // A browser sends the tokens of pages in cookies alone.
    const request = { ...sent, authorization: [] };
    const renewed = await deps.renewPage(request);
    const cookieHeader = renewed.cookieHeader ?? request.header("cookie");
    const endpoints = createEndpoints(deps.handle, settings.restPrefix, request, cookieHeader);
    const session: Session = {
      view: { ...fixed, isSignedIn: renewed.auth !== undefined },
      cookies: () => [...renewed.cookies, ...endpoints.cookies],
    };
    if (request.method === "POST" && action !== undefined) return act(request, name, action, endpoints.call, session);
    return page === undefined ? goOn(request, session, query.get("done")) : read(page, endpoints.call, query, session);
  }

  async function read(
    { name, show }: Read,
    call: PageCall,
    query: URLSearchParams,
    sent: Session,
  ): Promise<HttpResponse> {
    const wanted = returnPath(query.get("to"));
    if (name === "signIn" && sent.view.isSignedIn) return redirect(wanted ?? prefix, sent.cookies());
    const kept = wanted === undefined ? [] : [setCookie(returnCookie, encodeURIComponent(wanted), returnSeconds)];
    const session: Session = { ...sent, cookies: () => [...sent.cookies(), ...kept] };
    const replacement = settings.pages[name];
    if (replacement !== undefined) return redirect(withQuery(replacement, query), session.cookies());
    try {
      const shown = await show(call, query, session.view);
      const code = query.get("ampho_error");
      // The page itself asks for what is needed.
      const error = code?.endsWith("_needed") === true && code !== "address_needed" ? null : code;
      return documentOf(shown, session, { notice: query.get("done"), error });
    } catch (error) {
      return failure(error, call, session);
    }
  }

  async function act(
    request: HttpRequest,
    name: string,
    action: Action,
    call: PageCall,
    session: Session,
  ): Promise<HttpResponse> {
    // A form of another site does nothing, also where it needs no session (login CSRF).
    deps.cookies.credentialsOf(request, true);
    if (!isForm(request)) throw new AmphoError("unsupported_media_type", "A page takes a form.");
    const fields = fieldsOf(await readMembers(request));
    try {
      return outcomeOf(await action(call, fields, session.view), request, session);
    } catch (error) {
      return failure(error, call, session, { name, fields });
    }
  }

  function outcomeOf(outcome: Outcome, request: HttpRequest, session: Session): HttpResponse {
    if ("title" in outcome) return documentOf(outcome, session, {});
    if ("file" in outcome) {
      const disposition = { "Content-Disposition": 'attachment; filename="account.json"' };
      return { ...textResponse("application/json", outcome.file, disposition), cookies: session.cookies() };
    }
    const { goTo, notice } = outcome;
    if (goTo === "in") return goOn(request, session, notice);
    return redirect(at(goTo + (notice === undefined ? "" : `?done=${notice}`)), session.cookies());
  }

  /** Back to the page from which the browser was sent to sign in, or to the account. */
  function goOn(request: HttpRequest, session: Session, notice: string | null | undefined): HttpResponse {
    const kept = cookieOf(request.header("cookie"), returnCookie);
    if (kept === undefined) return redirect(at(isNotice(notice) ? `?done=${notice}` : ""), session.cookies());
    return redirect(returnPath(decoded(kept)) ?? prefix, [...session.cookies(), setCookie(returnCookie, "", 0)]);
  }

  /** Shows what the error asks for, or the form again with the message. `sent`: the form, if it was no GET. */
  async function failure(error: unknown, call: PageCall, session: Session, sent?: Sent): Promise<HttpResponse> {
    if (!(error instanceof Problem)) throw error;
    const { body, status } = error;
    const { view, cookies } = session;
    const shown = { status, alert: messageOf(view, body) };
    try {
      const next = await nextOf(body, call, view);
      if (next !== undefined) return documentOf(next, session, {});
      // Wrong credentials of a form are no end of the session.
      if (signedOut.has(body.error))
        return redirect(at(sent === undefined ? "sign-in" : "sign-in?done=over"), cookies());
      if (sent === undefined) return documentOf(ways.failedPage(view), session, shown);
      const { name, fields } = sent;
      const again = body.error !== "transaction_over" && Object.hasOwn(agains, name) ? agains[name] : undefined;
      if (again !== undefined) return documentOf(await again(call, fields, view), session, shown);
      const start = startOf(view, name, fields);
      const replacement = settings.pages[start];
      const query = new URLSearchParams({ ampho_error: body.reason ?? body.error });
      if (replacement !== undefined) return redirect(withQuery(replacement, query), cookies());
      return documentOf(await starts[start](call, view, fields), session, shown);
    } catch (second) {
      if (!(second instanceof Problem)) throw second;
      if (signedOut.has(second.body.error)) return redirect(at("sign-in"), cookies());
      return documentOf(ways.failedPage(view), session, shown);
    }
  }

  async function nextOf(
    { error, enroll, mail, retry_after: retryAfter, factors = [], passkey, ways: offered = [] }: Problem["body"],
    call: PageCall,
    view: View,
  ): Promise<HtmlPage | undefined> {
    if (error === "login_too_weak") return afterStepUp(call, view);
    if (error === "login_too_old") return confirm(call, view);
    if (error === "link_needed") return ways.identityPage(view, offered);
    if (error !== "factor_needed") return undefined;
    if (enroll === true)
      return ways.enrolPage(view, { mail: mail === true, retryAfter: mail === false ? retryAfter : undefined });
    return ways.secondStepPage(view, { factors, passkey }, view.isSignedIn);
  }

  /** Without a proof, the endpoint returns as an error which factors the session can prove. */
  async function afterStepUp(call: PageCall, view: View): Promise<HtmlPage | undefined> {
    try {
      await call("POST", "/login");
    } catch (error) {
      if (error instanceof Problem && error.body.error !== "login_too_weak") return nextOf(error.body, call, view);
      throw error;
    }
    return undefined;
  }

  function documentOf({ title, body, isWide = false }: HtmlPage, session: Session, shown: Shown): HttpResponse {
    const { view, cookies } = session;
    const { texts: t } = view;
    const { status = 200, notice } = shown;
    const alert = shown.alert ?? (isCode(shown.error) ? textOf(view, shown.error, {}) : undefined);
    const done = isNotice(notice) ? t.done[notice] : undefined;
    const { pagesCss: css, pagesLogo: logo } = settings;
    const top: Html = html`<header class="top"><a class="brand" href="/">${logo !== undefined && html`<img src="${logo}" alt=""> `}${appName}</a>
${
  view.isSignedIn &&
  html`<nav aria-label="${t.app.account}">
<a href="${prefix}">${t.app.account}</a> ${form(view, "sign-out", html`<button class="small quiet">${t.app.signOut}</button>`)}</nav>`
}</header>`;
    const text = html`<!doctype html>
<html lang="${view.language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}${appName !== "" && ` – ${appName}`}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${at("style.css")}">
${css !== undefined && html`<link rel="stylesheet" href="${css}">`}
<script type="module" src="${at("script.js")}"></script>
${top}
<main>
<p class="message" id="alert" role="alert" data-failed="${t.app.failed}">${alert}</p>
<p class="message" id="status" role="status">${done}</p>
<div id="page" class="${isWide ? "wide" : "card"}">${body}</div>
</main>
</html>
`.text;
    return { status, headers, cookies: cookies(), body: text };
  }
}

const redirect = (location: string, cookies: readonly string[]): HttpResponse => ({
  ...redirectResponse(location),
  cookies,
});

interface Sent {
  readonly name: string;
  readonly fields: Fields;
}

interface Session {
  readonly view: View;
  readonly cookies: () => readonly string[];
}

interface Shown {
  readonly status?: number;
  readonly alert?: string | undefined;
  /** A name in a URL. Another text than one of the table is not shown. */
  readonly notice?: string | null;
  readonly error?: string | null;
}

const isNotice = (name: string | null | undefined): name is PageNotice =>
  name != null && Object.hasOwn(pageTexts.en.done, name);

type Text = keyof PageTexts["errors"];
type Code = ErrorCode | PasswordProblemReason;

/** The codes that have the text of another one. */
const sameAs: Readonly<Record<Exclude<Code, Text>, Text>> = {
  missing_token: "transaction_over",
  invalid_token: "transaction_over",
  session_ended: "transaction_over",
  factor_needed: "transaction_over",
  link_needed: "transaction_over",
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
  payload_too_large: "invalid_request",
  password_rejected: "too_common",
  contains_product: "contains_login",
  repeated: "too_common",
  breached: "too_common",
  too_long: "invalid_characters",
};

const hasText = (code: string): code is Text => Object.hasOwn(pageTexts.en.errors, code);
const isCode = (code: string | null | undefined): code is Code =>
  code != null && (hasText(code) || Object.hasOwn(sameAs, code));

function textOf(
  { texts: { errors }, passwordMinimum }: View,
  code: Code,
  { retry_after: seconds = 60 }: Partial<Problem["body"]>,
) {
  const text = errors[hasText(code) ? code : sameAs[code]];
  return fill(text, { count: passwordMinimum, minutes: Math.ceil(seconds / 60) });
}

const messageOf = (view: View, body: Problem["body"]): string =>
  textOf(view, isCode(body.reason) ? body.reason : body.error, body);

/**
 * Only a path of this origin. It stays as it is, because `/.//host` would become another host when it is normalised.
 */
export function returnPath(text: string | null | undefined): string | undefined {
  return text != null && isOwnPath(text) && encodeURIComponent(text).length <= returnLength ? text : undefined;
}

/** A body parser of the host can read a list or an object, where a browser sends texts. */
function fieldsOf(members: Members = {}): Fields {
  if (Object.values(members).every((value) => typeof value === "string")) return members as Fields;
  throw new AmphoError("invalid_request", "Each field of a form must be one text.");
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** A page of the application also gets what the pages of links and providers get. */
const withQuery = (path: string, query: URLSearchParams): string =>
  query.size === 0 ? path : `${path}${path.includes("?") ? "&" : "?"}${query}`;
