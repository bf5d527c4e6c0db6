// `ampho/hono`: Ampho on Hono, on whatever runtime it runs.
import type { HonoRequest, MiddlewareHandler } from "hono";
import type { GetConnInfo } from "hono/conninfo";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { onlyAuthorizationOf } from "../http/node/request.js";
import { type GuardHost, type GuardInstance, type HttpInstance, hostOf } from "../http/rest/host.js";
import { onlyAuthorization, splitAuthorization } from "../http/rest/request/authorization.js";
import { isUnder, parseTarget } from "../http/rest/request/target.js";
import { toRejectedRequest } from "../http/rest/responses/rejected-request.js";
import type { Auth, AuthOf, NoRequirements, Requirements } from "../tokens/auth.js";
import type { MandatoryRequirements } from "./authorize-types.js";
import { type FetchHandler, headOf } from "./fetch.js";
import { toFetchResponse } from "./fetch-response.js";
import { nodeAddressOf, untouchedMessage } from "./hono-node.js";
import { validRequirements } from "./node-guard.js";

export interface MountOptions {
  /** `getConnInfo` of the runtime's own Hono adapter: tells the peer's address. On Node it is known without. */
  readonly getConnInfo?: GetConnInfo | undefined;
}

/** What `authorize` adds to a Hono context: `c.get("auth")`. */
export interface AuthEnv<N> {
  Variables: { auth: AuthOf<N> };
}

/** Middleware that serves the REST API under its prefix: `app.use(mount(ampho))`. */
export function mount(
  ampho: HttpInstance & { readonly fetch: FetchHandler },
  { getConnInfo }: MountOptions = {},
): MiddlewareHandler {
  const host = hostOf(ampho);
  return async (c, next) => {
    if (!isUnder(host.prefix, parseTarget(c.req.url).path)) return next();
    const address = getConnInfo === undefined ? nodeAddressOf(c.env) : getConnInfo(c).remote.address;
    return ampho.fetch(await unreadRequest(c.req), { address });
  };
}

/**
 * Middleware: `c.get("auth")` has its type by inference. A refusal is an HTTPException whose `cause` has the `code`:
 * `app.onError` may take it over, else Hono gives the answer of docs/http.md.
 */
export function authorize(
  ampho: GuardInstance,
  requirements?: MandatoryRequirements<HonoRequest>,
): MiddlewareHandler<AuthEnv<NoRequirements>>;
export function authorize(
  ampho: GuardInstance,
  requirements: Requirements<HonoRequest> | undefined,
): MiddlewareHandler<AuthEnv<Requirements>>;
export function authorize<N extends Requirements<HonoRequest>>(
  ampho: GuardInstance,
  requirements?: N,
): MiddlewareHandler<AuthEnv<N>> {
  const host = hostOf(ampho);
  const asked = validRequirements(requirements, host);
  return async (c, next) => {
    let auth: Auth | undefined;
    try {
      const guarded = host.guard<HonoRequest>(authorizationOf(host, c.req, c.env), asked, c.req);
      auth = guarded !== undefined && "then" in guarded ? await guarded : guarded;
    } catch (error) {
      throw exceptionOf(host, error);
    }
    if (!isAuthOf(auth, asked)) throw exceptionOf(host, new TypeError("the guard let nobody in"));
    c.set("auth", auth);
    return next();
  };
}

function authorizationOf({ cookies }: GuardHost, request: HonoRequest, env: unknown): string | undefined {
  if (cookies !== undefined) return cookies.authorizationOf(headOf(request.raw));
  const message = untouchedMessage(request.raw, env);
  if (message !== undefined) return onlyAuthorizationOf(message);
  return onlyAuthorization(splitAuthorization(request.header("authorization") ?? null));
}

function isAuthOf<N extends Requirements<HonoRequest>>(
  auth: Auth | undefined,
  requirements: N | undefined,
): auth is AuthOf<N> {
  return auth !== undefined || requirements?.optional === true;
}

function exceptionOf(host: GuardHost, error: unknown): HTTPException {
  const cause = toRejectedRequest(host, error);
  const status = cause.status as ContentfulStatusCode;
  return new HTTPException(status, { res: toFetchResponse(cause.response), message: cause.message, cause });
}

/** What a middleware has read by `c.req` is given back: Hono keeps it. What was read past Hono stays read, and is refused. */
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
