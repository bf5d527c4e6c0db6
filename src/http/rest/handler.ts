// Handles a request in a fixed order: path, method, query, Authorization, body, token, endpoint, or `errorResponse`.
import { AmphoError, hasCode, invalidRequest } from "../../errors.js";
import { joinProofs } from "../../factors/device-proofs.js";
import type { Caller } from "../../flows/deps.js";
import type { Flows } from "../../flows/flows.js";
import type { Guard } from "../../guard/guard.js";
import { bearerOf } from "../../tokens/bearer.js";
import { SupersededToken } from "../../tokens/rejection.js";
import type { Grant } from "../../wire/login.js";
import { createCors } from "./browser/origins.js";
import { type CookieMode, type Credentials, isGrant } from "./cookies/cookie-mode.js";
import type { Features } from "./features.js";
import type { HttpRequest, HttpResponse, RequestHead } from "./message.js";
import { describe } from "./openapi.js";
import { isForm, type Members, readMembers } from "./request/body.js";
import { callerOf, idempotencyKeyOf, isForwarded, type LanguageOf } from "./request/client-address.js";
import { queryMembers, rejectCredentials } from "./request/input.js";
import { isUnder, onlyAuthorization, parseTarget } from "./request/target.js";
import type { ErrorResponder } from "./responses/problems.js";
import { emptyResponse, jsonResponse, Redirect, redirectResponse, withoutBody } from "./responses/response.js";
import { type RootDocuments, requireRead } from "./root-documents.js";
import { type Route, usesQuery } from "./route.js";
import { isOAuth, onlySessions, session } from "./route-access.js";
import { createFindRoutes, type RouteMatch, routes } from "./routes.js";

export interface HandlerSettings {
  /** The path above every endpoint, without a slash at its end. */
  readonly restPrefix: string;
  readonly trustProxy: number;
  readonly corsOrigins: readonly string[];
}

export interface HandlerOptions {
  readonly flows: Flows;
  readonly features: Features;
  readonly guard: Guard["guard"];
  readonly settings: HandlerSettings;
  readonly documents: RootDocuments;
  /** The language of mails to a client. Undefined while no mails can be sent. */
  readonly languageOf?: LanguageOf | undefined;
  /** Called once, for the first request that a proxy has forwarded although no proxy is believed. */
  readonly onForwarded?: () => void;
  readonly version: string;
  /** Defined with AMPHO_SECURITY_COOKIES. */
  readonly cookies: CookieMode | undefined;
  readonly errorResponse: ErrorResponder;
}

/** Handles a request to the REST API. Never rejects, because each error is a response. */
export type Handle = (request: HttpRequest) => Promise<HttpResponse>;

export function createHandler(options: HandlerOptions): Handle {
  const { flows, features, guard, errorResponse, cookies } = options;
  const { restPrefix: prefix, trustProxy: trustedHops, corsOrigins } = options.settings;
  const served = routes.filter((route) => route.available?.(features) ?? true);
  const findRoutes = createFindRoutes(served);
  const cors = createCors(corsOrigins, cookies !== undefined);
  let noteForwarded = trustedHops === 0 ? options.onForwarded : undefined;
  let document: ReturnType<typeof describe> | undefined;
  const description = () => {
    document ??= describe(served, { ...options, prefix });
    return document;
  };

  return async (request) => {
    // A host that knows no peer, such as Next.js, sets X-Forwarded-For itself.
    const isPassedOn = request.peerAddress !== undefined && isForwarded((name) => request.header(name));
    if (noteForwarded !== undefined && isPassedOn) {
      noteForwarded();
      noteForwarded = undefined;
    }
    let pattern: string | undefined;
    let response: HttpResponse;
    try {
      const { path, query } = parseTarget(request.target);
      const document = options.documents.get(path);
      if (document !== undefined) {
        pattern = path;
        requireRead(request.method);
        response = document;
      } else {
        const matches = findRoutes(isUnder(prefix, path) ? path.slice(prefix.length) : "");
        for (const { route } of matches.values()) pattern = prefix + route.path;
        response = await respond(matches, query, request);
      }
    } catch (error) {
      response = errorResponse(error, request.id);
    }
    if (request.method === "HEAD") response = withoutBody(response);
    response = cors.withHeaders(request, response);
    return pattern === undefined ? response : { ...response, route: pattern };
  };

  async function respond(matches: Matches, query: string | undefined, request: HttpRequest): Promise<HttpResponse> {
    if (matches.size > 0 && cors.isPreflight(request)) {
      rejectCredentials(query);
      return cors.preflight([...matches.keys()]);
    }
    const match = selectRoute(matches, request.method);
    rejectCredentials(query);
    const { route } = match;
    if (cookies !== undefined && !isOAuth(route.access)) return respondWithCookies(cookies, match, request, query);
    const progress: Progress = {};
    try {
      const sent = { ...noCookies, authorization: onlyAuthorization(request.authorization) };
      const output = await callEndpoint(match, request, query, sent, progress);
      return successResponse(route, withFormerProofs(output, progress.members));
    } catch (error) {
      if (!isOAuth(route.access) || !(error instanceof AmphoError)) throw error;
      throw new AmphoError(error.code, error.message, { ...error.details, oauth: true });
    }
  }

  async function respondWithCookies(
    mode: CookieMode,
    match: RouteMatch,
    request: HttpRequest,
    query: string | undefined,
  ): Promise<HttpResponse> {
    const { grants, renews = false, ends = false, finishes = grants && !renews, crossSite, inBody } = match.route;
    if (crossSite === true) {
      const sent = { ...noCookies, authorization: undefined };
      return successResponse(match.route, await callEndpoint(match, request, query, sent));
    }
    const credentials = mode.credentialsOf(request, grants);
    // A logout also ends what was begun: the next user of this browser must not finish it.
    const removal = (finishes || ends) && credentials.transaction !== undefined ? mode.removeTransaction : [];
    const progress: Progress = {};
    try {
      const output = await callEndpoint(match, request, query, credentials, progress);
      if (output instanceof Redirect) {
        const removed = output.keepsTransaction ? [] : removal;
        const { cookies } = mode.moveToCookies(output.output, credentials, removed);
        return { ...redirectResponse(output.location), cookies };
      }
      // The transaction of `GET /login` belongs to no user. It must not replace the one of a login that was begun.
      if (match.route.method === "GET" || inBody) return successResponse(match.route, output);
      const { body, cookies: moved } = mode.moveToCookies(output, credentials, removal);
      const response = successResponse(match.route, body);
      return { ...response, cookies: ends ? [...mode.removeTokens, ...removal] : moved };
    } catch (error) {
      const left = cookiesAfter(error);
      if (left === undefined) throw error;
      return { ...errorResponse(left.error ?? error, request.id), cookies: left.cookies };
    }

    /** The cookies after a rejection, and what is left of it. Pages cannot remove HttpOnly cookies themselves. */
    function cookiesAfter(error: unknown): { cookies: readonly string[]; error?: AmphoError } | undefined {
      if (ends && hasCode(error, "missing_token")) return { cookies: removal };
      if ((grants || ends) && isSessionOver(error)) {
        const usesRefreshToken = renews || (ends && !hasToken(request));
        const tokens = usesRefreshToken ? mode.removeTokens : mode.removeToken;
        return { cookies: ends ? [...tokens, ...removal] : tokens };
      }
      // That renewal has used up the refresh token of the cookie. Sent again, it would end the session.
      const { renewed, members } = progress;
      if (renewed !== undefined) return { cookies: mode.cookiesOf(renewed) };
      if (hasCode(error, "transaction_over") && usesTransactionCookie(members))
        return { cookies: mode.removeTransaction };
      if (hasCode(error, "factor_needed", "link_needed")) return mode.moveTransaction(error);
      return undefined;
    }
  }

  async function callEndpoint(
    { route, parameters }: RouteMatch,
    request: HttpRequest,
    query: string | undefined,
    sent: Credentials,
    progress: Progress = {},
  ): Promise<unknown> {
    const bearer = bearerOf(sent.authorization);
    // The content of a GET has no meaning (RFC 9110 §9.3.1), so it is not read. A GET has its input in the query.
    const read = () => (route.input.schema === undefined ? undefined : queryMembers(query));
    const body = route.method === "GET" ? undefined : await readMembers(request);
    const typed = usesQuery(route) ? read() : body;
    progress.members = typed;
    // An empty text names the transaction in the cookie.
    const members = typed?.["transaction"] === "" ? { ...typed, transaction: sent.transaction ?? "" } : typed;
    const content = body ?? members;
    if (bearer !== undefined && content !== undefined && "access_token" in content)
      throw invalidRequest("The request carries two tokens. Send one, in the Authorization header.");
    if (isOAuth(route.access) && members !== undefined && !isForm(request))
      throw new AmphoError("unsupported_media_type", "The request body must be a form.");
    const caller = callerOf(request, trustedHops, options.languageOf);
    const auth = route.access.guarded ? await authenticate(route, request, sent, caller, progress) : undefined;
    return route.respond({
      flows,
      features,
      caller,
      bearer,
      cookies: sent,
      auth,
      authorization: sent.authorization,
      verify: async (token, requirements, counted = true) =>
        guard(`Bearer ${token}`, requirements, counted ? request : undefined),
      authenticate: async () => session.check(await authenticate(route, request, sent, caller)),
      members,
      parameters,
      idempotencyKey: idempotencyKeyOf(request),
      describe: description,
      byForm: isForm(request),
    });
  }

  /** A browser that returns has only the refresh token. It is enough to end sessions, after a renewal. */
  async function authenticate(
    { ends }: Route,
    request: HttpRequest,
    sent: Credentials,
    caller: Caller,
    progress: Progress = {},
  ) {
    try {
      return await guard(sent.authorization, onlySessions, request);
    } catch (error) {
      const { refreshToken } = sent;
      if (!ends || refreshToken === undefined || hasToken(request) || !isTokenRejected(error)) throw error;
      const grant = await flows.renew({ refreshToken, idempotencyKey: undefined }, caller);
      progress.renewed = grant;
      return guard(`Bearer ${grant.token}`, onlySessions, request);
    }
  }
}

/** The facts of a call that its error response needs. */
interface Progress {
  members?: Members | undefined;
  renewed?: Grant;
}

/** A client that several users share keeps their proofs as one text, as the cookie does. */
function withFormerProofs(output: unknown, { device: former }: Members = {}): unknown {
  if (!isGrant(output) || output.device === undefined || typeof former !== "string") return output;
  return { ...output, device: joinProofs(output.device, former) };
}

/** The transaction of the cookie is over, and not one that the request carries. `""` names the one of the cookie. */
const usesTransactionCookie = ({ transaction = "", link, alarm }: Members = {}) =>
  transaction === "" && link === undefined && alarm === undefined;

type Matches = ReadonlyMap<string, RouteMatch>;

function selectRoute(matches: Matches, method: string): RouteMatch {
  if (matches.size === 0) throw new AmphoError("not_found", "This path does not exist.");
  const match = matches.get(method === "HEAD" ? "GET" : method);
  if (match !== undefined) return match;
  const allow = [...matches.keys()].flatMap((name) => (name === "GET" ? ["GET", "HEAD"] : [name]));
  throw new AmphoError("method_not_allowed", `This path allows only ${allow.join(", ")}.`, { allow });
}

function successResponse({ status, cache }: Route, output: unknown): HttpResponse {
  if (output instanceof Redirect) return redirectResponse(output.location);
  if (status === 204) return emptyResponse();
  const response = jsonResponse(output, cache === undefined ? {} : { "Cache-Control": cache });
  return status === 201 ? { ...response, status } : response;
}

const noCookies = { token: undefined, refreshToken: undefined, device: undefined, transaction: undefined };

const isTokenRejected = (error: unknown) => hasCode(error, "missing_token", "invalid_token");
/** The session has ended, and no other tab has newer tokens of it. */
export const isSessionOver = (error: unknown) =>
  hasCode(error, "session_ended", "invalid_token") && !(error instanceof SupersededToken);

export const hasToken = ({ authorization }: RequestHead) => bearerOf(onlyAuthorization(authorization)) !== undefined;
