// `authorize` for fetch-native hosts: one function that is wrapper and decorator (contract §6).
// What it gives back is called as the host calls it, and calls the handler with `(request, auth, ...the rest)`.

import type { Guard } from "../guard/guard.js";
import type { Auth, Requirements } from "../tokens/auth.js";
import type { Authorize, HandlerName, HandlerOf } from "./authorize-types.js";

/**
 * The decorated method `name` of `instance`, bound to it, typed as it is called: `(request, …) => Promise<Response>`.
 * Throws a TypeError when there is no such method or `authorize` does not decorate it.
 */
export function toHandler<T extends object, K extends keyof T & HandlerName<T>>(instance: T, name: K): HandlerOf<T[K]> {
  const method: unknown = instance[name];
  if (typeof method !== "function" || !guarded.has(method))
    throw new TypeError(`${String(name)} is not a method that authorize decorates`);
  // The type says what the check before cannot: what authorize made is called so.
  return method.bind(instance) as HandlerOf<T[K]>;
}

/** Functions that authorize made: `toHandler` hands out nothing that is not guarded. */
const guarded = new WeakSet<object>();

/** What is read of a Request. */
export type WebRequest = Pick<Request, "method" | "headers" | "url">;

/** Any handler at all; its shape is held by the overloads above. */
type AnyHandler = (...args: readonly unknown[]) => unknown;

/** Binds `authorize` to the guard; `refuse` turns what the guard throws into the Response of contract §4. */
export function createFetchAuthorize<Limit = unknown>(parts: {
  readonly guard: Guard["guard"];
  readonly authorizationOf: (request: WebRequest) => string | undefined;
  readonly refuse: (error: unknown) => Response;
  /** False: there is no store that `live` could ask. */
  readonly live?: false;
}): Authorize<Limit> {
  const { guard, authorizationOf, refuse } = parts;

  function wrap(requirements: Requirements<unknown> | undefined, handler: AnyHandler): AnyHandler {
    async function handle(this: unknown, request: unknown, ...rest: unknown[]): Promise<Response> {
      let auth: Auth | undefined;
      try {
        auth = await guard(authorizationOf(requestOf(request)), requirements, request);
      } catch (error) {
        return refuse(error);
      }
      return (await Reflect.apply(handler, this, [request, auth, ...rest])) as Response;
    }
    guarded.add(handle);
    return handle;
  }

  function guarding(requirements: Requirements<unknown> | undefined, args: readonly unknown[]): unknown {
    const [first, second, third] = args;
    if (isHandler(first) && (args.length === 1 || isMethodContext(second))) return wrap(requirements, first);
    if (args.length === 3 && isDescriptor(third)) {
      third.value = wrap(requirements, third.value);
      return third;
    }
    throw new TypeError("authorize wraps a function or decorates a method");
  }

  return function authorize(...args: readonly unknown[]): unknown {
    const [first, second] = args;
    if (!isNeed(first) || args.length > 2) return guarding(undefined, args);
    const requirements = checkRequirements(first, parts);
    if (args.length === 1) return (...inner: readonly unknown[]) => guarding(requirements, inner);
    return guarding(requirements, [second]);
  } as Authorize<Limit>;
}

const needMembers = new Set(["roles", "scopes", "maxAge", "live", "can", "optional"]);

/**
 * A requirements as it is now: what is done to the object or its lists afterwards changes nothing.
 * A misspelt one, or one that turned out to be undefined, would let everybody in.
 * Throws a TypeError where it is written; also for `live` where `host` has no store.
 */
export function checkRequirements<N extends Requirements<never>>(requirements: N, host: { readonly live?: false }): N {
  for (const [member, value] of Object.entries(requirements)) {
    if (!needMembers.has(member)) throw new TypeError(`requirements have no member ${JSON.stringify(member)}`);
    if (value === undefined) throw new TypeError(`${member} of the requirements is undefined: leave it out`);
  }
  const { roles, scopes, maxAge, live, can, optional } = requirements;
  for (const [name, list] of Object.entries({ roles, scopes }))
    if (list !== undefined && !(Array.isArray(list) && list.every((item) => typeof item === "string")))
      throw new TypeError(`${name} of the requirements is an array of strings`);
  if (roles?.length === 0)
    throw new TypeError("roles of the requirements is empty: nobody could ever have one of them");
  if (maxAge !== undefined && !(typeof maxAge === "number" && maxAge >= 0))
    throw new TypeError("maxAge of the requirements is a number of seconds");
  if (can !== undefined && typeof can !== "function") throw new TypeError("can of the requirements is a function");
  for (const [name, flag] of Object.entries({ live, optional }))
    if (flag !== undefined && typeof flag !== "boolean")
      throw new TypeError(`${name} of the requirements is true or left out`);
  if (live === true && host.live === false)
    throw new TypeError("`live` needs the database, and a verifier has none. Remove `live`, or use createAmpho.");
  return { ...requirements, ...(roles && { roles: [...roles] }), ...(scopes && { scopes: [...scopes] }) };
}

function isNeed(value: unknown): value is Requirements<unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function isHandler(value: unknown): value is AnyHandler {
  return typeof value === "function";
}

function isMethodContext(value: unknown): boolean {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "method";
}

function isDescriptor(value: unknown): value is { value: AnyHandler } {
  return typeof value === "object" && value !== null && "value" in value && isHandler(value.value);
}

/** By shape, not by class: a host may bring a Request of its own. */
function requestOf(holder: unknown): WebRequest {
  for (const candidate of candidates(holder))
    if (
      typeof candidate === "object" &&
      candidate !== null &&
      "headers" in candidate &&
      typeof (candidate.headers as { get?: unknown } | null)?.get === "function"
    )
      return candidate as WebRequest;
  throw new TypeError("the first argument of a guarded handler is a Request, or holds one as `request` or `req`");
}

function candidates(holder: unknown): readonly unknown[] {
  if (typeof holder !== "object" || holder === null) return [];
  return ["request" in holder ? holder.request : undefined, "req" in holder ? holder.req : undefined, holder];
}
