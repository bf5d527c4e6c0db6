// The types of `authorize` (contract §6): what a handler may be under a requirements, and as what it is called afterwards.
import type { Auth, Requirements } from "../tokens/auth.js";

/** What a host passes first: a `Request`, or an object that holds one (SvelteKit, Remix, Astro, h3). */
export type RequestHolder = Request | { readonly request: Request } | { readonly req: Request };

export type HandlerResult = Response | Promise<Response>;

/** A requirements under which there is always somebody: it is not `optional`. */
export type MandatoryRequirements<R = never> = Omit<Requirements<R>, "optional"> & { readonly optional?: never };

/** A handler as the host calls it: without `auth`, which comes from the token. */
export type Guarded<R, Rest extends readonly unknown[]> = (request: R, ...rest: Rest) => Promise<Response>;

/** Without a word about the request it is a `Request`. */
type Usual<Q> = Request extends Q ? Request : Q;

/**
 * Wraps a handler, or decorates a method (TC39 decorators and `experimentalDecorators`).
 * `A` is what the handler gets for `auth`, `Q` what it may take for a request: what the need's `can` takes, if it has one.
 */
export interface GuardedBy<A, Q = RequestHolder> {
  <This, R extends Q, Rest extends readonly unknown[]>(
    method: (this: This, request: R, auth: A, ...rest: Rest) => HandlerResult,
    context: ClassMethodDecoratorContext<This>,
  ): void;
  <R extends Q, Rest extends readonly unknown[], O extends HandlerResult>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<(request: R, auth: A, ...rest: Rest) => O>,
  ): void;
  // As a decorator of anything else it gets an answer that no decorator may have: the compiler reads it out.
  <M extends Method>(method: M, context: ClassMethodDecoratorContext): TypeMistake<WrongMethod<M, A, Q>>;
  (value: unknown, context: DecoratorContext): TypeMistake<NoMethod>;
  <M extends Method>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<M>,
  ): TypeMistake<WrongMethod<M, A, Q>>;
  (target: object, key: string | symbol, descriptor: object): TypeMistake<NoMethod>;
  <R extends Q = Usual<Q>, Rest extends readonly unknown[] = []>(
    handler: (request: R, auth: A, ...rest: Rest) => HandlerResult,
    // Without it TypeScript takes this signature for a decorator's.
    context?: never,
  ): Guarded<R, Rest>;
}

type Method = (this: never, ...args: never) => unknown;

/** What is wrong, in words. No value has this type. */
export interface TypeMistake<Words extends string> {
  readonly mistake: Words;
}

type NoMethod = "authorize decorates methods";

type WrongMethod<M extends Method, A, Q> =
  ReturnType<M> extends HandlerResult
    ? Parameters<M>[0] extends Q
      ? undefined extends A
        ? "under `optional` a method takes (request, auth: Auth | undefined, …)"
        : "a method under authorize takes (request, auth: Auth, …)"
      : "a method under authorize takes a Request first, or what holds one as `request` or `req`; `can` takes the same"
    : "a method under authorize answers with a Response";

/** Left out, `can` would be compared too late: a function there would have got its parameters as `any` by then. */
interface Undecided {
  readonly can?: never;
}

/** A requirements alone: gives what wraps or decorates under it. */
interface Needing<Limit> {
  (requirements: MandatoryRequirements & Undecided & Limit): GuardedBy<Auth>;
  (requirements: Requirements & Undecided & Limit): GuardedBy<Auth | undefined>;
  <R extends RequestHolder = Request>(requirements: MandatoryRequirements<R> & Limit): GuardedBy<Auth, R>;
  <R extends RequestHolder = Request>(requirements: Requirements<R> & Limit): GuardedBy<Auth | undefined, R>;
}

/** A requirements and the handler under it. */
interface GuardingBy<Limit> {
  <R extends RequestHolder = Request, Rest extends readonly unknown[] = []>(
    requirements: MandatoryRequirements<R> & Limit,
    handler: (request: R, auth: Auth, ...rest: Rest) => HandlerResult,
  ): Guarded<R, Rest>;
  <R extends RequestHolder = Request, Rest extends readonly unknown[] = []>(
    requirements: Requirements<R> & Limit,
    handler: (request: R, auth: Auth | undefined, ...rest: Rest) => HandlerResult,
  ): Guarded<R, Rest>;
}

/** As errors name it. `handler` keeps it from being the best match of what others take, which TypeScript would prefer. */
interface Handler {
  (request: Request, auth: Auth): HandlerResult;
  readonly handler?: never;
}

interface NeedOrHandler<Limit> {
  (target: abstract new (...args: never) => unknown): TypeMistake<NoMethod>;
  // Takes nothing that is not taken above: of one argument that is wrong, the compiler tells here which of the two it is.
  (wrong: (Requirements<Request> & Limit) | Handler): unknown;
}

// In this order, because TypeScript tells about the last that has the right number of arguments.
/** `Limit` is what its needs have to be besides. */
export interface Authorize<Limit = unknown>
  extends Needing<Limit>,
    GuardedBy<Auth>,
    GuardingBy<Limit>,
    NeedOrHandler<Limit> {}

/** A decorated method as the host calls it: `(request, …) => Promise<Response>`. */
export type HandlerOf<M> = M extends (request: infer R, auth: never, ...rest: infer Rest) => HandlerResult
  ? Guarded<R, Rest>
  : never;

/** The names of the methods that can be decorated by `authorize`. */
export type HandlerName<T> = {
  [K in keyof T]: T[K] extends (request: never, auth: never, ...rest: never[]) => HandlerResult ? K : never;
}[keyof T];
