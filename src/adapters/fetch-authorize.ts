// `authorize` for Fetch handlers: one function that wraps handlers and decorates methods (docs/reference/contract.md
// §6). The host calls what it returns, which calls the handler with `(request, auth, …further arguments)`.
import { checkRequirements } from "../guard/requirement-rows.js";
import { type CheckedRequirements, lacksAuth, missingToken, type Requirements } from "../guard/requirements.js";
import type { GuardHost } from "../http/rest/host.js";
import type { HttpResponse } from "../http/rest/message.js";
import type { Auth } from "../tokens/auth.js";
import type { Authorize, HandlerName, HandlerOf } from "./authorize-types.js";
import { fetchAuthorizationOf, findRequest, toFetchResponse, type WebRequest } from "./fetch.js";

/**
 * Returns the decorated method `name` of `instance`, bound to it, with the type that callers see:
 * `(request, …) => Promise<Response>`. Throws a TypeError if `authorize` does not decorate that method.
 * @example
 * ```ts
 * class Articles {
 *   @ampho.authorize({ roles: ["editor"] })
 *   list(request: Request, auth: Auth) {
 *     return Response.json({ author: auth.login });
 *   }
 * }
 * const response = await toHandler(new Articles(), "list")(request);
 * ```
 */
export function toHandler<T extends object, K extends keyof T & HandlerName<T>>(instance: T, name: K): HandlerOf<T[K]> {
  const method: unknown = instance[name];
  if (typeof method !== "function" || !guardedFunctions.has(method))
    throw new TypeError(`${String(name)} must be a method that @authorize decorates.`);
  // The check above proves what the type claims: `authorize` created the function.
  return method.bind(instance) as HandlerOf<T[K]>;
}

/** The functions that `authorize` created, so that `toHandler` returns no unguarded method. */
const guardedFunctions = new WeakSet<object>();

/** The overloads of `Authorize` hold the shape. */
type AnyHandler = (...args: readonly unknown[]) => unknown;

/** A host that opens at the first request. */
interface LazyHost {
  readonly live?: never;
  readonly scopes?: never;
  readonly resources?: never;
  open(): Promise<GuardHost>;
}

/** Returns the response to a rejected request whose requirements say `redirect`. `holder` is the request, or has it. */
export type RespondWithPage = (host: GuardHost, error: unknown, holder: unknown) => HttpResponse;

/** A verifier has no pages, and no requirements with `redirect`. So it needs no `respondWithPage`. */
export function createFetchAuthorize<Limit = unknown, S extends string = string>(
  given: GuardHost | LazyHost,
  respondWithPage: RespondWithPage = ({ errorResponse }, error) => errorResponse(error),
): Authorize<Limit, S> {
  function guard(requirements: CheckedRequirements<unknown> | undefined, handler: AnyHandler): AnyHandler {
    async function handle(this: unknown, request: unknown, ...rest: unknown[]): Promise<Response> {
      let auth: Auth | undefined;
      // The host reports an instance that cannot be opened, as it reports any other fault.
      const host = "open" in given ? await given.open() : given;
      try {
        auth = await host.guard(fetchAuthorizationOf(host, requestOf(request)), requirements, request);
        if (lacksAuth(auth, requirements)) throw missingToken();
      } catch (error) {
        const hasPage = requirements?.redirect === true;
        return toFetchResponse(hasPage ? respondWithPage(host, error, request) : host.errorResponse(error));
      }
      return (await Reflect.apply(handler, this, [request, auth, ...rest])) as Response;
    }
    guardedFunctions.add(handle);
    return handle;
  }

  function wrapOrDecorate(requirements: CheckedRequirements<unknown> | undefined, args: readonly unknown[]): unknown {
    const [first, second, third] = args;
    if (isHandler(first) && (args.length === 1 || isMethodContext(second))) return guard(requirements, first);
    if (args.length === 3 && isDescriptor(third)) {
      third.value = guard(requirements, third.value);
      return third;
    }
    throw new TypeError(
      "authorize wraps a function or decorates a method: authorize(handler), authorize(requirements, handler) or @authorize.",
    );
  }

  return function authorize(...args: readonly unknown[]): unknown {
    const [first, second] = args;
    if (!isRequirements(first) || args.length > 2) return wrapOrDecorate(undefined, args);
    const requirements = checkRequirements(first, given);
    if (args.length === 1) return (...inner: readonly unknown[]) => wrapOrDecorate(requirements, inner);
    return wrapOrDecorate(requirements, [second]);
  } as Authorize<Limit, S>;
}

const isRequirements = (value: unknown): value is Requirements<unknown> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

const isHandler = (value: unknown): value is AnyHandler => typeof value === "function";

const isMethodContext = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "method";

const isDescriptor = (value: unknown): value is { value: AnyHandler } =>
  typeof value === "object" && value !== null && "value" in value && isHandler(value.value);

function requestOf(holder: unknown): WebRequest {
  const request = findRequest(holder);
  if (request !== undefined) return request;
  throw new TypeError("The first argument of a guarded handler must be a Request, or hold one as `request` or `req`.");
}
