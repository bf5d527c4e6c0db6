// `ampho/hono`: Ampho on Hono, on every runtime of Hono.
import type { IncomingMessage } from "node:http";
import type { Context, HonoRequest, MiddlewareHandler, Next } from "hono";
import type { GetConnInfo } from "hono/conninfo";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { AuthOf, MandatoryRequirements, NoRequirements, Requirements } from "../guard/requirements.js";
import { onlyAuthorizationOf } from "../http/node/request.js";
import { type GuardInstance, type HttpInstance, hostOf, isServed, type LimitOf } from "../http/rest/host.js";
import { notePeer } from "../http/rest/request/client-address.js";
import { parseTarget } from "../http/rest/request/target.js";
import { pageHeadersOf } from "../http/rest/responses/redirect-to-pages.js";
import { isRedirect } from "../http/rest/responses/rejected-request.js";
import { type FetchHandler, fetchAuthorizationOf, toFetchResponse } from "./fetch.js";
import { createMiddleware, type Framework, rejectExtra } from "./framework.js";
import { type Renew, requireRenewal } from "./renew.js";

/** The options of `mount`. */
export interface MountOptions {
  /** `getConnInfo` of the runtime's own Hono adapter, which knows the address of the peer. Node does not need it. */
  readonly getConnInfo?: GetConnInfo | undefined;
}

/** The variable that `authorize` adds to a Hono context: `c.get("auth")`. */
export interface AuthEnv<N, S extends string = string> {
  /** The variables of the context. */
  Variables: {
    /** The user who sent the request. */
    auth: AuthOf<N, S>;
  };
}

const hono: Framework<HonoRequest, Context, Next, void> = {
  authorizationOf(host, { req, env }) {
    const message = host.cookies === undefined ? untouchedMessage(req.raw, env) : undefined;
    const value = message === undefined ? fetchAuthorizationOf(host, req.raw) : onlyAuthorizationOf(message);
    // Only API keys, which have no point, are limited by their address.
    if (value?.includes(".") === false) notePeer(req, nodeAddressOf(env));
    return value;
  },
  requestOf: (context) => context.req,
  setAuth(context, auth) {
    context.set("auth", auth);
  },
  pageOf: ({ req }) => ({ method: req.method, target: req.url, ...pageHeadersOf((name) => req.header(name)) }),
  reject(rejected) {
    if (isRedirect(rejected)) return toFetchResponse(rejected.response);
    const status = rejected.status as ContentfulStatusCode;
    throw new HTTPException(status, {
      res: toFetchResponse(rejected.response),
      message: rejected.message,
      cause: rejected,
    });
  },
};

/**
 * Middleware that serves the REST API under its prefix: `app.use(mount(ampho))`.
 * @example
 * const app = new Hono();
 * app.use(mount(ampho));
 */
export function mount(
  ampho: HttpInstance & { readonly fetch: FetchHandler },
  { getConnInfo }: MountOptions = {},
): MiddlewareHandler {
  const host = hostOf(ampho);
  return async (c, next) => {
    if (!isServed(host, parseTarget(c.req.url).path)) return next();
    const address = getConnInfo === undefined ? nodeAddressOf(c.env) : getConnInfo(c).remote.address;
    return ampho.fetch(await unreadRequest(c.req), { address });
  };
}

/**
 * Middleware after which `c.get("auth")` has its type by inference. A rejected request throws an HTTPException whose
 * `cause` has the `code`. `app.onError` can handle it. Otherwise Hono returns the response of docs/reference/http.md.
 * @example
 * app.get("/articles", authorize(ampho, { roles: ["editor"] }), (c) => c.json({ login: c.get("auth").login }));
 */
export function authorize<S extends string, I extends GuardInstance>(
  ampho: I & GuardInstance<S>,
  requirements?: MandatoryRequirements<HonoRequest, NoInfer<S>> & LimitOf<I>,
): MiddlewareHandler<AuthEnv<NoRequirements, S>>;
export function authorize<S extends string, I extends GuardInstance>(
  ampho: I & GuardInstance<S>,
  requirements: (Requirements<HonoRequest, NoInfer<S>> & LimitOf<I>) | undefined,
): MiddlewareHandler<AuthEnv<Requirements, S>>;
export function authorize<S extends string>(
  ampho: GuardInstance<S>,
  requirements?: Requirements<HonoRequest, NoInfer<S>>,
  ...extra: readonly unknown[]
): MiddlewareHandler<AuthEnv<Requirements, S>> {
  rejectExtra(extra);
  const handle = createMiddleware(hono, ampho, requirements, (_context, next) => next());
  return async (context, next) => (await handle(context, next)) as Response | undefined;
}

/**
 * Middleware that renews the session of a page's request whose access token has ended (docs/guides/cookies.md). Later
 * handlers find the new tokens in the request.
 * @example app.use(renew(ampho));
 */
export function renew(
  ampho: HttpInstance & { readonly renew: Renew },
  { getConnInfo }: MountOptions = {},
): MiddlewareHandler {
  requireRenewal(hostOf(ampho));
  return async (c, next) => {
    const address = getConnInfo === undefined ? nodeAddressOf(c.env) : getConnInfo(c).remote.address;
    const { headers, cookies, addCookies } = await ampho.renew(c.req.raw, { address });
    // On some runtimes the headers of a request cannot be changed.
    if (c.req.raw.headers.get("cookie") !== headers.get("cookie")) c.req.raw = new Request(c.req.raw, { headers });
    await next();
    if (cookies.length > 0) c.res = addCookies(c.res);
  };
}

/** Returns the message that `@hono/node-server` binds to a request. */
function incomingOf(env: unknown): IncomingMessage | undefined {
  const bindings = env as { readonly incoming?: IncomingMessage } | undefined;
  return bindings?.incoming;
}

const nodeAddressOf = (env: unknown): string | undefined => incomingOf(env)?.socket?.remoteAddress;

/**
 * Returns the message of node:http that a request stands for, or undefined as soon as middleware has read the request's
 * headers or replaced the request. An untouched request holds the message and text, and nothing else.
 * Building its headers takes three times as long as the guard. This reads no internal name of `@hono/node-server`.
 */
function untouchedMessage(request: Request, env: unknown): IncomingMessage | undefined {
  const incoming = incomingOf(env);
  if (incoming?.rawHeaders === undefined) return undefined;
  const members = request as unknown as Readonly<Record<PropertyKey, unknown>>;
  let holdsIncoming = false;
  for (const key of Reflect.ownKeys(request)) {
    const value = members[key];
    if (value === incoming) holdsIncoming = true;
    else if (typeof value !== "string") return undefined;
  }
  return holdsIncoming ? incoming : undefined;
}

/** Restores a body that was read through `c.req`, which keeps it. A body read in another way gets rejected. */
async function unreadRequest(request: HonoRequest): Promise<Request> {
  const { raw, bodyCache } = request;
  if (!raw.bodyUsed) return raw;
  try {
    const body = "formData" in bodyCache ? formOf(await request.formData()) : await request.text();
    return new Request(raw.url, { method: raw.method, headers: raw.headers, body });
  } catch {
    return raw;
  }
}

function formOf(data: FormData): URLSearchParams {
  const form = new URLSearchParams();
  for (const [name, value] of data) if (typeof value === "string") form.append(name, value);
  return form;
}
