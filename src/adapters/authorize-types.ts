// The types of `authorize` (docs/reference/contract.md §6): the handlers under each requirement, and its result.
import type { MandatoryRequirements, Requirements } from "../guard/requirements.js";
import type { Auth } from "../tokens/auth.js";

/** The first argument of a host: a `Request`, or an object that holds one (SvelteKit, Remix, Astro, h3). */
export type RequestHolder =
  | Request
  | {
      /** The request, as SvelteKit, Remix and Astro hold it. */
      readonly request: Request;
    }
  | {
      /** The request, as h3 holds it. */
      readonly req: Request;
    };

export type HandlerResult = Response | Promise<Response>;

/** A guarded handler as the host calls it: without `auth`, which comes from the token. */
export type GuardedFetchHandler<R, Rest extends readonly unknown[]> = (request: R, ...rest: Rest) => Promise<Response>;

/** The request is a `Request` where nothing states its type. */
type DefaultRequest<Q> = Request extends Q ? Request : Q;

/**
 * Wraps a handler, or decorates a method (TC39 decorators and `experimentalDecorators`).
 * `A` is the type of the handler's `auth`. `Q` limits the type of its request to what the requirements' `can` takes.
 * @example
 * const asEditor: Authorizer<Auth> = ampho.authorize({ roles: ["editor"] });
 * export const POST = asEditor((request, auth) => Response.json({ login: auth.login }));
 */
export interface Authorizer<A, Q = RequestHolder> {
  /** Decorates a method, or wraps a handler. The other overloads explain wrong arguments. */
  <This, R extends Q, Rest extends readonly unknown[]>(
    method: (this: This, request: R, auth: A, ...rest: Rest) => HandlerResult,
    context: ClassMethodDecoratorContext<This>,
  ): void;
  <R extends Q, Rest extends readonly unknown[], O extends HandlerResult>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<(request: R, auth: A, ...rest: Rest) => O>,
  ): void;
  // On anything else it returns a type that no decorator can return. The compiler prints it.
  <M extends Method>(method: M, context: ClassMethodDecoratorContext): TypeMistake<WrongMethod<M, A, Q>>;
  (value: unknown, context: DecoratorContext): TypeMistake<NoMethod>;
  <M extends Method>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<M>,
  ): TypeMistake<WrongMethod<M, A, Q>>;
  (target: object, key: string | symbol, descriptor: object): TypeMistake<NoMethod>;
  <R extends Q = DefaultRequest<Q>, Rest extends readonly unknown[] = []>(
    handler: (request: R, auth: A, ...rest: Rest) => HandlerResult,
    // Without this parameter TypeScript takes the signature for a decorator's.
    context?: never,
  ): GuardedFetchHandler<R, Rest>;
}

type Method = (this: never, ...args: never) => unknown;

/** A sentence that explains a compiler error. No value has this type. */
export interface TypeMistake<Sentence extends string> {
  readonly mistake: Sentence;
}

type NoMethod = "authorize decorates methods only.";

type WrongMethod<M extends Method, A, Q> =
  ReturnType<M> extends HandlerResult
    ? Parameters<M>[0] extends Q
      ? undefined extends A
        ? "Under `optional`, the parameters of the method must be (request, auth: Auth | undefined, …)."
        : "The parameters of a method under authorize must be (request, auth: Auth, …)."
      : "The first parameter of a method under authorize must be a Request, or hold one as `request` or `req`. `can` must take the same type."
    : "A method under authorize must return a Response or a promise of one.";

/** Without `can`. Otherwise TypeScript would compare a function there after it has given `any` to its parameters. */
interface WithoutCan {
  readonly can?: never;
}

/** `authorize(requirements)`: returns what wraps or decorates. */
interface TakesRequirements<Limit, S extends string> {
  /** Returns what wraps or decorates under the requirements. */
  (requirements: MandatoryRequirements<never, S> & WithoutCan & Limit): Authorizer<Auth<S>>;
  (requirements: Requirements<never, S> & WithoutCan & Limit): Authorizer<Auth<S> | undefined>;
  <R extends RequestHolder = Request>(requirements: MandatoryRequirements<R, S> & Limit): Authorizer<Auth<S>, R>;
  <R extends RequestHolder = Request>(requirements: Requirements<R, S> & Limit): Authorizer<Auth<S> | undefined, R>;
}

/** `authorize(requirements, handler)`. */
interface TakesRequirementsAndHandler<Limit, S extends string> {
  <R extends RequestHolder = Request, Rest extends readonly unknown[] = []>(
    requirements: MandatoryRequirements<R, S> & Limit,
    handler: (request: R, auth: Auth<S>, ...rest: Rest) => HandlerResult,
  ): GuardedFetchHandler<R, Rest>;
  <R extends RequestHolder = Request, Rest extends readonly unknown[] = []>(
    requirements: Requirements<R, S> & Limit,
    handler: (request: R, auth: Auth<S> | undefined, ...rest: Rest) => HandlerResult,
  ): GuardedFetchHandler<R, Rest>;
}

/** The name that errors show. With `handler` it is never the best match of other arguments, to be reported. */
interface HandlerWithAuth<S extends string> {
  (request: Request, auth: Auth<S>): HandlerResult;
  readonly handler?: never;
}

/** No function has this type. The compiler prints its sentence. */
type WrongHandler<H extends Method> = H extends (...args: never) => HandlerResult
  ? TypeMistake<"The parameters of a handler under authorize must be (request, auth, …). Under `optional`, auth can be undefined.">
  : TypeMistake<"A handler under authorize must return a Response or a promise of one.">;

interface ExplainsWrongArgument<Limit, S extends string> {
  <H extends Method>(requirements: Requirements<Request, S> & Limit, handler: H & WrongHandler<H>): unknown;
  (target: abstract new (...args: never) => unknown): TypeMistake<NoMethod>;
  // Accepts nothing that the signatures above reject. It makes the compiler name both kinds of arguments.
  (wrong: (Requirements<Request, S> & Limit) | HandlerWithAuth<S>): unknown;
}

// TypeScript reports the last signature that has the right number of arguments. Hence the order.
/**
 * The type of `ampho.authorize`. `Limit` restricts the requirements further. `S` are the scopes of the instance.
 * @example
 * const guard: Authorize = ampho.authorize;
 * export const GET = guard({ roles: ["editor"], maxAge: "1h" }, (request, { login }) => Response.json({ login }));
 */
export interface Authorize<Limit = unknown, S extends string = string>
  extends TakesRequirements<Limit, S>,
    Authorizer<Auth<S>>,
    TakesRequirementsAndHandler<Limit, S>,
    ExplainsWrongArgument<Limit, S> {}

/** A decorated method as the host calls it: `(request, …) => Promise<Response>`. */
export type HandlerOf<M> = M extends (request: infer R, auth: never, ...rest: infer Rest) => HandlerResult
  ? GuardedFetchHandler<R, Rest>
  : never;

/** The names of the methods that `authorize` can decorate. */
export type HandlerName<T> = {
  [K in keyof T]: T[K] extends (request: never, auth: never, ...rest: never[]) => HandlerResult ? K : never;
}[keyof T];
