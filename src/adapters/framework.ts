// The guard as every adapter uses it, except Fetch, whose handlers get `auth` as an argument. It stays synchronous
// where it can, so that a guarded request costs no turn of the event loop and creates no closure.
import type { IncomingMessage } from "node:http";
import { checkRequirements } from "../guard/requirement-rows.js";
import { type CheckedRequirements, lacksAuth, missingToken, type Requirements } from "../guard/requirements.js";
import { headOf, onlyAuthorizationOf, targetOf } from "../http/node/request.js";
import { type GuardHost, type GuardInstance, hostOf } from "../http/rest/host.js";
import { type PageHead, pageHeadersOf } from "../http/rest/responses/redirect-to-pages.js";
import { type RejectedRequest, toRejectedRequest } from "../http/rest/responses/rejected-request.js";
import type { Auth } from "../tokens/auth.js";

/** How a framework calls its handlers: with `First`, `Second` and `Third`. `Own` is its own request, for `can`. */
export interface Framework<Own, First, Second, Third> {
  /** Returns the one Authorization value of the request. Throws `invalid_request` for several. */
  authorizationOf(host: GuardHost, first: First): string | undefined;
  requestOf(first: First): Own;
  setAuth(first: First, auth: Auth | undefined): void;
  /** For the requirement `redirect`. */
  pageOf(first: First): PageHead;
  /** Passes the rejection to the error handling of the framework, or writes the response. */
  reject(rejected: RejectedRequest, first: First, second: Second, third: Third): unknown;
}

export type Handler<First, Second, Third> = (first: First, second: Second, third: Third) => unknown;

export type GuardedArguments<N, H> = readonly [handler: H] | readonly [requirements: N, handler: H];

/** A handler in the parentheses of `authorize` would be dropped, and its route would respond 404. */
export function rejectExtra(extra: readonly unknown[]): void {
  if (extra.length === 0) return;
  throw new TypeError(
    "authorize takes an instance and requirements. Pass the handler after authorize(…), or use guarded(ampho, requirements, handler).",
  );
}

/** Returns middleware that sets `auth` and calls `proceed`. Throws a TypeError for wrong requirements. */
export function createMiddleware<Own, First, Second, Third, S extends string>(
  framework: Framework<Own, First, Second, Third>,
  instance: GuardInstance<S>,
  requirements: Requirements<Own, S> | undefined,
  proceed: Handler<First, Second, Third>,
): Handler<First, Second, Third> {
  const host = hostOf(instance);
  const checked = requirements === undefined ? undefined : checkRequirements(requirements, host);
  const route = new GuardedRoute(framework, host, checked, proceed);
  return (first, second, third) => route.handle(first, second, third);
}

/** Returns `handler` behind the guard. `With` is `First` with the `auth` that the guard has set by then. */
export function createGuarded<Own, First, Second, Third, With extends First, S extends string>(
  framework: Framework<Own, First, Second, Third>,
  instance: GuardInstance<S>,
  args: GuardedArguments<Requirements<Own, S>, Handler<With, Second, Third>>,
): Handler<First, Second, Third> {
  const [requirements, handler] = args.length === 1 ? [undefined, args[0]] : args;
  return createMiddleware(framework, instance, requirements, handler as Handler<First, Second, Third>);
}

/** A guarded route: everything that stays the same between its requests. `proceed` runs after `auth` has been set. */
export class GuardedRoute<Own, First, Second, Third> {
  constructor(
    private readonly framework: Framework<Own, First, Second, Third>,
    private readonly host: GuardHost,
    private readonly requirements: CheckedRequirements<Own> | undefined,
    private readonly proceed: Handler<First, Second, Third>,
  ) {}

  /** Returns what `proceed` or the framework's `reject` returns, or a promise of it. Their errors reach the caller. */
  handle(first: First, second: Second, third: Third): unknown {
    const { framework, host, requirements } = this;
    let auth: Auth | undefined | Promise<Auth | undefined>;
    try {
      auth = host.guard(framework.authorizationOf(host, first), requirements, framework.requestOf(first));
    } catch (error) {
      return this.reject(error, first, second, third);
    }
    if (auth !== undefined && "then" in auth) return this.settle(auth, first, second, third);
    return this.accept(auth, first, second, third);
  }

  private async settle(pending: Promise<Auth | undefined>, first: First, second: Second, third: Third) {
    let auth: Auth | undefined;
    try {
      auth = await pending;
    } catch (error) {
      return this.reject(error, first, second, third);
    }
    return this.accept(auth, first, second, third);
  }

  private accept(auth: Auth | undefined, first: First, second: Second, third: Third): unknown {
    if (lacksAuth(auth, this.requirements)) return this.reject(missingToken(), first, second, third);
    this.framework.setAuth(first, auth);
    return this.proceed(first, second, third);
  }

  private reject(error: unknown, first: First, second: Second, third: Third): unknown {
    const page = this.requirements?.redirect === true ? this.framework.pageOf(first) : undefined;
    return this.framework.reject(toRejectedRequest(this.host, error, page), first, second, third);
  }
}

/** The one Authorization value of a message of node:http, or the one that stands for the token in its cookie. */
export const nodeAuthorizationOf = ({ cookies }: GuardHost, message: IncomingMessage): string | undefined =>
  cookies === undefined ? onlyAuthorizationOf(message) : cookies.authorizationOf(headOf(message));

export const nodePageOf = (message: IncomingMessage): PageHead => ({
  method: message.method,
  target: targetOf(message),
  ...pageHeadersOf((name) => message.headers[name] as string | undefined),
});

/** The members of a framework whose request is a message of node:http. */
export const ofMessage = {
  authorizationOf: nodeAuthorizationOf,
  requestOf: <Q>(request: Q): Q => request,
  setAuth(request: { auth?: Auth | undefined }, auth: Auth | undefined): void {
    request.auth = auth;
  },
  pageOf: nodePageOf,
};
