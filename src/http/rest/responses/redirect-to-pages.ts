// Sends the browser that a guard rejects to the page where the user signs in, or proves more. That page sends it back.
// Any other error is a page too.
import { AmphoError, type ErrorCode } from "../../../errors.js";
import type { GuardHost } from "../host.js";
import type { HttpResponse } from "../message.js";
import { parseTarget } from "../request/target.js";
import { redirectResponse, withoutBody } from "./response.js";

export interface PageHead {
  readonly method: string | undefined;
  /** The path and query, or the whole URL. */
  readonly target: string;
  /** The header Accept. */
  readonly accept: string | null | undefined;
  /** The header Accept-Language. */
  readonly language: string | null | undefined;
}

export const pageHeadersOf = (read: (name: string) => string | null | undefined) => ({
  accept: read("accept"),
  language: read("accept-language"),
});

/** Media types can have parameters, and stand in a list. */
const acceptsHtml = /(?:^|[,\s])text\/html\b/i;

/** `accept`: the header of that name. */
export const isPageAccepted = (accept: string | null | undefined): boolean => acceptsHtml.test(accept ?? "");

const pageOfError: Readonly<Partial<Record<ErrorCode, string>>> = {
  missing_token: "sign-in?",
  invalid_token: "sign-in?",
  session_ended: "sign-in?",
  login_too_old: "confirm?",
  login_too_weak: "confirm?factor&",
};

/** True if a browser shows the response as a page. */
const isPage = ({ method, accept }: PageHead): boolean =>
  (method === "GET" || method === "HEAD") && isPageAccepted(accept);

/** The page in place of the response to an error, where a browser shows one. */
export function pageInPlaceOf(
  response: HttpResponse,
  { errorPage }: Pick<GuardHost, "errorPage">,
  page: PageHead | undefined,
): HttpResponse {
  if (errorPage === undefined || page === undefined || !isPage(page)) return response;
  const shown = errorPage(response, page.language);
  return page.method === "HEAD" ? withoutBody(shown) : shown;
}

/** Undefined for another error, and for a request that no browser shows as a page. */
export function redirectToPages(
  pagesPrefix: string | undefined,
  error: unknown,
  page: PageHead | undefined,
): HttpResponse | undefined {
  if (pagesPrefix === undefined || page === undefined || !(error instanceof AmphoError)) return undefined;
  const name = pageOfError[error.code];
  if (name === undefined || !isPage(page)) return undefined;
  const { path, query } = parseTarget(page.target);
  const to = encodeURIComponent(query === undefined ? path : `${path}?${query}`);
  return redirectResponse(`${pagesPrefix}/${name}to=${to}`);
}
