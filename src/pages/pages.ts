// The pages for people: sign-in and account (docs/guides/pages.md). Rendered on the server, and usable without a script, except for
// passkeys. A page is a client of the endpoints, in the same process, with the cookies and the headers of the browser.
import type { Configuration } from "../config/configuration.js";
import { isOwnPath, type PageName, type ReplacedPages } from "../config/kinds.js";
import { AmphoError } from "../errors.js";
import { cookieOf, setCookie } from "../http/rest/cookies/cookie-header.js";
import type { CookieMode } from "../http/rest/cookies/cookie-mode.js";
import type { Handle } from "../http/rest/handler.js";
import type { RenewPage } from "../http/rest/host.js";
import type { HttpRequest, HttpResponse } from "../http/rest/message.js";
import { isForm, readMembers } from "../http/rest/request/body.js";
import { isUnder, parseTarget } from "../http/rest/request/target.js";
import type { ErrorResponder } from "../http/rest/responses/problems.js";
import { plainHeaders, textResponse, withoutBody } from "../http/rest/responses/response.js";
import { languageOf } from "../mail/texts/language.js";
import type { WaysIn } from "../wire/login.js";
import { account, actions, type Call, type Fields, type Notice, type Outcome, signIn } from "./actions.js";
import { createEndpoints, Problem } from "./endpoints.js";
import { type Html, html } from "./html.js";
import { script } from "./script.js";
import * as ways from "./sign-in.js";
import { style } from "./style.js";
import { texts } from "./texts/texts.js";
import { form, type Page, type View } from "./view.js";

/** The parameters of the pages, by their names as options. */
export interface PagesSettings
  extends Pick<
    Configuration,
    "pagesPrefix" | "pagesCss" | "pagesLogo" | "restPrefix" | "appName" | "appUrl" | "passwordMin"
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
  readonly refusal: ErrorResponder;
}

interface Read {
  readonly name: PageName;
  readonly show: (call: Call, query: URLSearchParams, view: View) => Promise<Page> | Page;
}

/** The pages of a GET, by their path. It changes nothing, because any page can link to it. */
const reads: Readonly<Record<string, Read>> = {
  "": { name: "account", show: (call, _query, view) => account(call, view) },
  "sign-in": { name: "signIn", show: (call, _query, view) => signIn(call, view) },
  register: { name: "register", show: (_call, _query, view) => ways.register(view, {}) },
  forgot: { name: "forgot", show: (_call, _query, view) => ways.forgot(view) },
  link: { name: "link", show: link },
};

/** The page of mailed links, and of a login at a provider that needs more. */
function link(call: Call, query: URLSearchParams, view: View): Promise<Page> | Page {
  const needed = query.get("ampho_needed") ?? "";
  switch (query.get("ampho_error")) {
    case null:
      return ways.pasteLink(view);
    case "factor_needed":
      return needed === "" || needed === "mail" ? ways.enrol(view, { mail: needed === "mail" }) : ways.goOn(view);
    case "link_needed":
      return ways.identity(view, needed.split(","));
    default:
      return signIn(call, view);
  }
}

const signedOut = new Set(["missing_token", "invalid_token", "session_ended"]);
const returnCookie = "__Host-ampho-return";
const returnSeconds = 1800;

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
  Vary: "Accept-Language, Cookie",
};

const files: Readonly<Record<string, HttpResponse>> = {
  "style.css": textResponse("text/css; charset=utf-8", style, { "Cache-Control": "max-age=3600" }),
  "script.js": textResponse("text/javascript; charset=utf-8", script, { "Cache-Control": "max-age=3600" }),
};

/** Returns the handler of the paths below the prefix of the pages. Never rejects. */
export function createPages(deps: PagesDeps): Handle {
  const { settings, refusal } = deps;
  const { pagesPrefix: prefix } = settings;
  const appName = settings.appName ?? (settings.appUrl === undefined ? "" : new URL(settings.appUrl).host);
  const at = (name: string) => (name === "" || name.startsWith("?") ? prefix + name : `${prefix}/${name}`);

  const redirect = (location: string, session: Session, more: readonly string[] = []): HttpResponse => ({
    status: 303,
    headers: { ...plainHeaders, Location: location },
    cookies: [...session.cookies(), ...more],
    body: undefined,
  });

  return async (request) => {
    try {
      const { path, query } = parseTarget(request.target);
      const name = isUnder(prefix, path) ? path.slice(prefix.length + 1) : "";
      const isRead = request.method === "GET" || request.method === "HEAD";
      const response = { ...(await respond(request, name, isRead, new URLSearchParams(query))), route: at(name) };
      return request.method === "HEAD" ? withoutBody(response) : response;
    } catch (error) {
      return refusal(error, request.id);
    }
  };

  async function respond(
    request: HttpRequest,
    name: string,
    isRead: boolean,
    query: URLSearchParams,
  ): Promise<HttpResponse> {
    const file = isRead && Object.hasOwn(files, name) ? files[name] : undefined;
    if (file !== undefined) return file;
    const language = languageOf(request.header("accept-language"));
    const view: View = { texts: texts[language], language, at, passwordMinimum: settings.passwordMin };
    const renewed = await deps.renewPage(request);
    const cookieHeader = renewed.cookieHeader ?? request.header("cookie");
    const endpoints = createEndpoints(deps.handle, settings.restPrefix, request, cookieHeader);
    const session: Session = {
      view,
      isSignedIn: renewed.auth !== undefined,
      cookies: () => [...renewed.cookies, ...endpoints.cookies],
    };
    if (isRead && name === "in") return goOn(request, session);
    if (isRead && Object.hasOwn(reads, name)) return read(reads[name] as Read, endpoints.call, query, session);
    if (request.method === "POST" && Object.hasOwn(actions, name)) return act(request, name, endpoints.call, session);
    if (Object.hasOwn(reads, name) || Object.hasOwn(actions, name))
      throw new AmphoError("method_not_allowed", "This page does not take this method.", {
        allow: isRead ? ["POST"] : ["GET", "HEAD"],
      });
    throw new AmphoError("not_found", "There is no such page.");
  }

  async function read(
    { name, show }: Read,
    call: Call,
    query: URLSearchParams,
    session: Session,
  ): Promise<HttpResponse> {
    const replacement = settings.pages[name];
    if (replacement !== undefined) return redirect(withQuery(replacement, query), session);
    const wanted = ownPath(query.get("to"));
    const kept = wanted === undefined ? [] : [setCookie(returnCookie, encodeURIComponent(wanted), returnSeconds)];
    if (name === "signIn" && session.isSignedIn) return redirect(wanted ?? prefix, session);
    try {
      const shown = await show(call, query, session.view);
      return documentOf(shown, session, { notice: query.get("done"), error: query.get("ampho_error"), cookies: kept });
    } catch (error) {
      return failure(error, call, session, () => ways.failed(session.view));
    }
  }

  async function act(request: HttpRequest, name: string, call: Call, session: Session): Promise<HttpResponse> {
    const row = actions[name] as (typeof actions)[string];
    try {
      // A form of another site does nothing, also where it needs no session (login CSRF).
      deps.cookies.credentialsOf(request, true);
    } catch (error) {
      if (!(error instanceof AmphoError)) throw error;
      const { texts: t } = session.view;
      return documentOf(ways.failed(session.view), session, { status: 403, alert: t.app.crossSite });
    }
    if (!isForm(request)) throw new AmphoError("unsupported_media_type", "A page takes a form.");
    const fields: Fields = Object.fromEntries(
      Object.entries((await readMembers(request)) ?? {}).map(([key, value]) => [key, String(value)]),
    );
    try {
      return await outcomeOf(await row.run(call, fields, session.view), request, session);
    } catch (error) {
      return failure(error, call, session, () => row.again(call, fields, session.view), name);
    }
  }

  async function outcomeOf(outcome: Outcome, request: HttpRequest, session: Session): Promise<HttpResponse> {
    if ("title" in outcome) return documentOf(outcome, session, {});
    if ("signedIn" in outcome) return goOn(request, session);
    if ("file" in outcome)
      return {
        status: 200,
        headers: {
          ...plainHeaders,
          "Content-Type": "application/json",
          "Content-Disposition": 'attachment; filename="account.json"',
        },
        cookies: session.cookies(),
        body: outcome.file,
      };
    const { goTo, notice } = outcome;
    return redirect(at(goTo + (notice === undefined ? "" : `?done=${notice}`)), session);
  }

  /** Back to the page from which the browser was sent to sign in. */
  function goOn(request: HttpRequest, session: Session): HttpResponse {
    const kept = cookieOf(request.header("cookie"), returnCookie);
    const target = kept === undefined ? undefined : ownPath(decoded(kept));
    const removal = kept === undefined ? [] : [setCookie(returnCookie, "", 0)];
    return redirect(target ?? prefix, session, removal);
  }

  /** Shows what the error asks for, or the form again with the message. */
  async function failure(
    error: unknown,
    call: Call,
    session: Session,
    again: () => Promise<Page> | Page,
    name?: string,
  ): Promise<HttpResponse> {
    if (!(error instanceof Problem)) throw error;
    const { body, status } = error;
    const { view } = session;
    try {
      const next = await nextOf(body, call, session);
      if (next !== undefined) return documentOf(next, session, {});
      // Wrong credentials of a form are no end of the session.
      if (signedOut.has(body.error))
        return redirect(at(name === undefined ? "sign-in" : "sign-in?done=ended-session"), session);
      return documentOf(await again(), session, { status, alert: messageOf(view, body) });
    } catch (second) {
      if (!(second instanceof Problem)) throw second;
      if (signedOut.has(second.body.error)) return redirect(at("sign-in"), session);
      return documentOf(ways.failed(view), session, { status, alert: messageOf(view, body) });
    }
  }

  async function nextOf(
    { error, enroll, mail, retry_after: retryAfter, factors = [], passkey, ways: offered = [] }: Problem["body"],
    call: Call,
    { view, isSignedIn }: Session,
  ) {
    if (error === "login_too_weak") return confirmFactor(call, view);
    if (error === "login_too_old") return confirm(call, view);
    if (error === "link_needed") return ways.identity(view, offered);
    if (error !== "factor_needed") return undefined;
    if (enroll === true)
      return ways.enrol(view, { mail: mail === true, retryAfter: mail === false ? retryAfter : undefined });
    return ways.secondStep(view, { factors, passkey }, isSignedIn);
  }

  async function confirm(call: Call, view: View): Promise<Page> {
    const [{ login }, waysIn] = await Promise.all([
      call<{ readonly login: string }>("GET", "/account"),
      call<WaysIn>("GET", "/login"),
    ]);
    return ways.signIn(view, waysIn, login, true);
  }

  /** Without a proof, the endpoint returns as an error which factors the step-up can prove. */
  async function confirmFactor(call: Call, view: View): Promise<Page | undefined> {
    try {
      await call("POST", "/login", {});
    } catch (error) {
      if (!(error instanceof Problem) || error.body.error !== "factor_needed") throw error;
      return ways.secondStep(view, { factors: error.body.factors ?? [], passkey: error.body.passkey }, true);
    }
    return undefined;
  }

  function documentOf({ title, body, isWide = false }: Page, session: Session, shown: Shown): HttpResponse {
    const { view, isSignedIn, cookies } = session;
    const { texts: t } = view;
    const { status = 200, alert = errorOf(view, shown.error), notice } = shown;
    const done = notice != null && Object.hasOwn(t.done, notice) ? t.done[notice as Notice] : undefined;
    const { pagesCss: css, pagesLogo: logo } = settings;
    const top: Html = html`<header class="top"><a class="brand" href="/">${logo !== undefined && html`<img src="${logo}" alt=""> `}${appName}</a>
${isSignedIn && html`<nav aria-label="${appName}"><a href="${prefix}">${t.app.account}</a> ${form(view, "sign-out", html`<button class="small quiet">${t.app.signOut}</button>`)}</nav>`}</header>`;
    const text = html`<!doctype html>
<html lang="${view.language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title} – ${appName}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${at("style.css")}">
${css !== undefined && html`<link rel="stylesheet" href="${css}">`}
<script type="module" src="${at("script.js")}"></script>
${top}
<main>
<p class="message" id="alert" role="alert">${alert}</p>
<p class="message" id="status" role="status">${done}</p>
<div id="page" class="${isWide ? "wide" : "card"}">${body}</div>
</main>
</html>
`.text;
    return { status, headers, cookies: [...cookies(), ...(shown.cookies ?? [])], body: text };
  }
}

interface Session {
  readonly view: View;
  readonly isSignedIn: boolean;
  readonly cookies: () => readonly string[];
}

interface Shown {
  readonly status?: number;
  readonly alert?: string | undefined;
  /** A name in a URL. Another text than one of the table is not shown. */
  readonly notice?: string | null;
  readonly error?: string | null;
  readonly cookies?: readonly string[];
}

const errorOf = ({ texts: { errors } }: View, code: string | null | undefined): string | undefined =>
  code != null && Object.hasOwn(errors, code) ? errors[code as keyof typeof errors] : undefined;

const messageOf = (view: View, { error, message }: Problem["body"]): string => errorOf(view, error) ?? message;

/** Only a path of this origin. Browsers read a backslash as a slash, and drop tabs and line ends. */
export function ownPath(text: string | null | undefined): string | undefined {
  if (text == null || text.length > 2048 || !isOwnPath(text)) return undefined;
  const url = new URL(text, "http://origin.invalid");
  return url.host === "origin.invalid" ? url.pathname + url.search + url.hash : undefined;
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
