// Sends the browser that a guard rejects to the page where the user signs in, or proves more. That page sends it back.
import { AmphoError, type ErrorCode } from "../../../errors.js";
import type { HttpResponse } from "../message.js";
import { parseTarget } from "../request/target.js";
import { redirectResponse } from "./response.js";

export interface PageHead {
  readonly method: string | undefined;
  /** The path and query, or the whole URL. */
  readonly target: string;
  /** The header Accept. */
  readonly accept: string | null | undefined;
}

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

/** Undefined for another error, and for a request that no browser shows as a page. */
export function redirectToPages(
  pagesPrefix: string | undefined,
  error: unknown,
  page: PageHead | undefined,
): HttpResponse | undefined {
  if (pagesPrefix === undefined || page === undefined || !(error instanceof AmphoError)) return undefined;
  const { method, target, accept } = page;
  const name = pageOfError[error.code];
  if (name === undefined || (method !== "GET" && method !== "HEAD")) return undefined;
  if (!isPageAccepted(accept)) return undefined;
  const { path, query } = parseTarget(target);
  const to = encodeURIComponent(query === undefined ? path : `${path}?${query}`);
  return redirectResponse(`${pagesPrefix}/${name}to=${to}`);
}
