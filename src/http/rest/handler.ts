// Request -> answer, in one order: path, method, query, Authorization, body, token, endpoint. Whatever is thrown leaves by the refusal.

import { AmphoError, type ErrorCode } from "../../errors.js";
import type { Caller } from "../../flows/deps.js";
import type { Flows } from "../../flows/flows.js";
import type { Guard } from "../../guard/guard.js";
import { bearerOf } from "../../tokens/bearer.js";
import { createCors } from "./browser/cors.js";
import type { CookieMode, Credentials } from "./cookies/cookie-mode.js";
import { createRouting, type RouteMatch } from "./match-route.js";
import type { HttpRequest, HttpResponse } from "./message.js";
import { describe } from "./openapi.js";
import { onlyAuthorization } from "./request/authorization.js";
import { type Members, queryMembers, readMembers } from "./request/body.js";
import { clientAddress, isForwarded } from "./request/client-address.js";
import { isUnder, parseTarget } from "./request/target.js";
import { markAttackable } from "./responses/attack-consent.js";
import { type ErrorResponder, plainHeaders } from "./responses/problems.js";
import type { Features, Route } from "./route.js";
import { routes } from "./routes.js";

export interface HandlerOptions {
  readonly flows: Flows;
  readonly features: Features;
  readonly guard: Guard["guard"];
  /** Path of every endpoint's parent, without a slash at its end. */
  readonly prefix: string;
  /** How many proxies to believe (AMPHO_TRUST_PROXY). */
  readonly trustedHops: number;
  /** Whose pages may read the answers in a browser (AMPHO_SECURITY_CORS_ORIGINS). */
  readonly corsOrigins: readonly string[];
  /** Whether the instance says that it may be attacked (AMPHO_ALLOW_ATTACK_TEST). */
  readonly allowAttackTest?: boolean;
  /** Told once, when a request was passed on by a proxy and none is believed. */
  readonly onForwarded?: () => void;
  /** The product's version, for the OpenAPI document. */
  readonly version: string;
  /** AMPHO_SECURITY_COOKIES. */
  readonly cookies: CookieMode | undefined;
  /** The way out for errors: `createRefusal` of problem.ts. */
  readonly refusal: ErrorResponder;
}

export type Handle = (request: HttpRequest) => Promise<HttpResponse>;

/** The REST API. What it returns never rejects: each error is an answer. */
export function createHandler(options: HandlerOptions): Handle {
  const { flows, features, guard, prefix, refusal, cookies } = options;
  const served = routes.filter((route) => route.available?.(features) ?? true);
  const find = createRouting(served);
  const cors = createCors(options.corsOrigins, cookies !== undefined);
  let noteForwarded = options.trustedHops === 0 ? options.onForwarded : undefined;
  let document: ReturnType<typeof describe> | undefined;
  const description = () => {
    document ??= describe(served, options);
    return document;
  };

  return async (request) => {
    let pattern: string | undefined;
    let answer: HttpResponse;
    if (noteForwarded !== undefined && isForwarded((name) => request.header(name))) {
      noteForwarded();
      noteForwarded = undefined;
    }
    try {
      const { path, query } = parseTarget(request.target);
      const matches = find(isUnder(prefix, path) ? path.slice(prefix.length) : "");
      for (const { route } of matches.values()) pattern = route.path;
      answer = await respond(matches, query, request);
    } catch (error) {
      answer = refusal(error, request.id);
    }
    if (request.method === "HEAD") answer = withoutBody(answer);
    answer = cors.allow(request, answer);
    if (options.allowAttackTest) answer = markAttackable(answer);
    return pattern === undefined ? answer : { ...answer, route: prefix + pattern };
  };

  async function respond(matches: Matches, query: string | undefined, request: HttpRequest): Promise<HttpResponse> {
    if (matches.size > 0 && cors.isPreflight(request)) {
      refuseCredentials(query);
      return cors.preflight([...matches.keys()]);
    }
    const match = choose(matches, request.method);
    refuseCredentials(query);
    if (cookies === undefined) {
      const authorization = onlyAuthorization(request.authorization);
      return success(match, await call(match, request, query, { ...noCookies, authorization }));
    }
    return respondByCookie(cookies, match, request, query);
  }

  async function respondByCookie(
    mode: CookieMode,
    match: RouteMatch,
    request: HttpRequest,
    query: string | undefined,
  ): Promise<HttpResponse> {
    const { grants = false, ends = false } = match.route;
    const credentials = mode.credentialsOf(request, grants);
    try {
      const output = await call(match, request, query, credentials);
      if (grants) {
        const { body, cookies: carrying } = mode.moveToCookies(output);
        return { ...success(match, body), cookies: carrying };
      }
      return ends ? { ...success(match, output), cookies: mode.removeTokens } : success(match, output);
    } catch (error) {
      // Pages cannot remove these cookies themselves.
      if ((grants || ends) && isOver(error)) return { ...refusal(error), cookies: mode.removeTokens };
      throw error;
    }
  }

  async function call(
    { route, parameters }: RouteMatch,
    request: HttpRequest,
    query: string | undefined,
    sent: Credentials,
  ): Promise<unknown> {
    const bearer = bearerOf(sent.authorization);
    // The content of a GET has no meaning (RFC 9110 §9.3.1): it is left unread, and the query speaks instead.
    const members = route.method === "GET" ? asked(route, query) : await readMembers(request);
    if (bearer !== undefined && members !== undefined && "access_token" in members) {
      throw new AmphoError("invalid_request", "Send one token, in the Authorization header.");
    }
    const caller = callerOf(request, options.trustedHops);
    const auth = route.access.guarded ? await admit(route, request, sent, caller) : undefined;
    const idempotencyKey = idempotencyKeyOf(request);
    return route.respond({
      flows,
      features,
      caller,
      bearer,
      cookies: sent,
      auth,
      members,
      parameters,
      idempotencyKey,
      describe: description,
    });
  }

  /** Whoever comes back after a while has only the refresh token's cookie: that is enough to end the session. */
  async function admit({ ends }: Route, request: HttpRequest, sent: Credentials, caller: Caller) {
    try {
      return await guard(sent.authorization, undefined, request);
    } catch (error) {
      const { refreshToken } = sent;
      // Another scheme than Bearer is somebody else's.
      const byHeader = bearerOf(onlyAuthorization(request.authorization)) !== undefined;
      if (!ends || refreshToken === undefined || byHeader || !isRefusedToken(error)) throw error;
      const { token } = await flows.renew({ refreshToken, idempotencyKey: undefined }, caller);
      return guard(`Bearer ${token}`, undefined, request);
    }
  }
}

type Matches = ReadonlyMap<string, RouteMatch>;

function choose(matches: Matches, method: string): RouteMatch {
  if (matches.size === 0) throw new AmphoError("not_found", "There is nothing at this path.");
  const match = matches.get(method === "HEAD" ? "GET" : method);
  if (match !== undefined) return match;
  const allow = [...matches.keys()].flatMap((name) => (name === "GET" ? ["GET", "HEAD"] : [name]));
  throw new AmphoError("method_not_allowed", `This path takes ${allow.join(", ")}.`, { allow });
}

const credentialNames = new Set(["access_token", "refresh_token", "token", "password"]);

/** Queries end up in logs, histories and referrers. Some programs write a semicolon between fields (HTML 4.01, B.2.2). */
function refuseCredentials(query = ""): void {
  for (const name of new URLSearchParams(query.replaceAll(";", "&")).keys()) {
    if (!credentialNames.has(name.toLowerCase())) continue;
    throw new AmphoError("invalid_request", "Credentials do not belong in the query.");
  }
}

function asked({ input }: Route, query: string | undefined): Members | undefined {
  return input.schema === undefined ? undefined : queryMembers(query);
}

function success({ route }: RouteMatch, output: unknown): HttpResponse {
  const headers = route.cache === undefined ? plainHeaders : { ...plainHeaders, "Cache-Control": route.cache };
  if (route.status === 204) return { status: 204, headers, body: undefined };
  return {
    status: route.status,
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify(output),
  };
}

const noCookies = { token: undefined, refreshToken: undefined, device: undefined };

const hasCode = (error: unknown, ...codes: readonly ErrorCode[]) =>
  error instanceof AmphoError && codes.includes(error.code);
const isRefusedToken = (error: unknown) => hasCode(error, "missing_token", "invalid_token");
const isOver = (error: unknown) => hasCode(error, "session_ended", "invalid_token");

function withoutBody(answer: HttpResponse): HttpResponse {
  if (answer.body === undefined) return answer;
  const length = String(new TextEncoder().encode(answer.body).byteLength);
  return { ...answer, headers: { ...answer.headers, "Content-Length": length }, body: undefined };
}

function callerOf(request: HttpRequest, hops: number): Caller {
  const address = clientAddress({
    peer: request.peerAddress,
    forwardedFor: request.header("x-forwarded-for"),
    forwarded: request.header("forwarded"),
    hops,
  });
  const agent = request.header("user-agent")?.replace(/\p{Cc}/gu, "");
  return { address, agent: agent === undefined ? undefined : Array.from(agent).slice(0, 255).join("") };
}

/** 16 to 255 printable ASCII characters; another form is ignored, as the contract says. */
function idempotencyKeyOf(request: HttpRequest): string | undefined {
  const key = request.header("idempotency-key");
  return key !== undefined && /^[ -~]{16,255}$/.test(key) ? key : undefined;
}
