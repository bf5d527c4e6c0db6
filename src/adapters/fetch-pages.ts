// A browser gets a page for a rejected Fetch request whose requirements say `redirect`. Verifiers do not load this.
import { pageHeadersOf, pageInPlaceOf, redirectToPages } from "../http/rest/responses/redirect-to-pages.js";
import { findRequest } from "./fetch.js";
import type { RespondWithPage } from "./fetch-authorize.js";

export const respondWithPage: RespondWithPage = (host, error, holder) => {
  const request = findRequest(holder);
  const page = request && {
    method: request.method,
    target: request.url,
    ...pageHeadersOf((name) => request.headers.get(name)),
  };
  return redirectToPages(host.pagesPrefix, error, page) ?? pageInPlaceOf(host.errorResponse(error), host, page);
};
