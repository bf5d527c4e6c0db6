// The guards and decorators of `ampho/nest`. Decorators are called as functions here, so that this file does not need
// experimentalDecorators. The application's own files need it, as Nest requires.
import type { IncomingMessage } from "node:http";
import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  HttpException,
  Inject,
  Injectable,
  mixin,
  SetMetadata,
  StreamableFile,
  UseGuards,
} from "@nestjs/common";
import { HttpAdapterHost, Reflector } from "@nestjs/core";
import type { ErrorCode } from "../errors.js";
import { checkRequirements } from "../guard/requirement-rows.js";
import type { CheckedRequirements, Requirements } from "../guard/requirements.js";
import { type GuardInstance, hostOf, isInstance, type LimitOf } from "../http/rest/host.js";
import type { RejectedRequest } from "../http/rest/responses/rejected-request.js";
import type { Auth } from "../tokens/auth.js";
import type { TypeMistake } from "./authorize-types.js";
import { type Framework, GuardedRoute, nodeAuthorizationOf, nodePageOf } from "./framework.js";

/** The members of the requests of both platforms. For more, give the parameter of `can` the platform's type. */
export interface NestRequest extends Pick<IncomingMessage, "headers" | "method" | "url"> {
  /** The parameters of the route. */
  readonly params: Readonly<Record<string, string>>;
  /** The query, as the platform parses it. */
  readonly query: unknown;
  /** The body, as the platform parses it. */
  readonly body: unknown;
}

/**
 * The token under which the instance is injected: `@Inject(AMPHO)`, `app.get(AMPHO)`.
 * @example
 * ```ts
 * @Injectable()
 * class Members {
 *   constructor(@Inject(AMPHO) private readonly ampho: Ampho) {}
 * }
 * ```
 */
export const AMPHO = Symbol.for("ampho/nest");

const publicKey = Symbol("public");

/**
 * Excludes a method or a controller from the global guard.
 * @example
 * ```ts
 * @Controller("health")
 * class HealthController {
 *   @Public()
 *   @Get()
 *   health() {
 *     return "up";
 *   }
 * }
 * ```
 */
export const Public = () => SetMetadata(publicKey, true);

/**
 * The exception that the guards throw. An exception filter can handle it. Otherwise Nest sends the response of
 * docs/reference/http.md.
 * @example
 * ```ts
 * @Catch(RejectedRequestException)
 * class RejectedFilter implements ExceptionFilter {
 *   catch(exception: RejectedRequestException, host: ArgumentsHost) {
 *     host.switchToHttp().getResponse().status(exception.getStatus()).json({ code: exception.code });
 *   }
 * }
 * ```
 */
export class RejectedRequestException extends HttpException {
  /** The code of docs/reference/errors.md. */
  readonly code: ErrorCode;

  /** `page`: what a browser gets in place of the JSON. */
  constructor({ code, message, status, cause }: RejectedRequest, page?: object) {
    super(page ?? { message, error: code }, status, { cause });
    this.code = code;
    this.message = message;
  }
}

/** The page that a browser shows. Nest would send a text as JSON. A filter of the application can still replace it. */
class Page extends StreamableFile {
  constructor(
    private readonly response: RejectedRequest["response"],
    private readonly setHeaders: (headers: RejectedRequest["headers"]) => void,
  ) {
    super(Buffer.from(response.body ?? ""), { type: response.headers["Content-Type"] ?? "" });
  }

  override getHeaders(): ReturnType<StreamableFile["getHeaders"]> {
    this.setHeaders(this.response.headers);
    return super.getHeaders();
  }
}

type PlatformRequest = (IncomingMessage | { readonly raw: IncomingMessage }) & { auth?: Auth | undefined };

/** Requests that a guard has accepted. */
const guardedRequests = new WeakSet<object>();

const nest: Framework<unknown, PlatformRequest, unknown, HttpAdapterHost> = {
  authorizationOf: (host, request) => nodeAuthorizationOf(host, "raw" in request ? request.raw : request),
  requestOf: (request) => request,
  setAuth(request, auth) {
    request.auth = auth;
    guardedRequests.add(request);
  },
  pageOf: (request) => nodePageOf("raw" in request ? request.raw : request),
  reject(rejected, _request, response, { httpAdapter }) {
    const setHeaders = (headers: RejectedRequest["headers"]) => {
      for (const [name, value] of Object.entries(headers)) httpAdapter.setHeader(response, name, value);
    };
    setHeaders(rejected.headers);
    const isPage = rejected.response.headers["Content-Type"]?.startsWith("text/html") === true;
    throw new RejectedRequestException(rejected, isPage ? new Page(rejected.response, setHeaders) : undefined);
  },
};

abstract class HttpGuard implements CanActivate {
  /** @internal Nest injects it. */
  declare readonly adapters: HttpAdapterHost;
  /** @internal The instance that verifies tokens. */
  abstract readonly ampho: GuardInstance;
  /** @internal The requirements of the route. Undefined: a valid token is enough. */
  readonly requirements: CheckedRequirements<unknown> | undefined;

  /** Rejects calls without an HTTP request. Microservices and gateways check tokens with `ampho.verify`. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (context.getType() !== "http")
      throw new TypeError(
        `authorize guards HTTP requests only, but this handler is called over "${context.getType()}". Check the token with ampho.verify(token).`,
      );
    const http = context.switchToHttp();
    const route = new GuardedRoute(nest, hostOf(this.ampho), this.requirements, () => true);
    return route.handle(http.getRequest(), http.getResponse(), this.adapters) as true | Promise<true>;
  }
}
Inject(HttpAdapterHost)(HttpGuard.prototype, "adapters");

class InjectedGuard extends HttpGuard {
  /** @internal Nest injects it. */
  declare readonly ampho: GuardInstance;
}
Inject(AMPHO)(InjectedGuard.prototype, "ampho");

/**
 * Guards every route without `@Public()`: `{ provide: APP_GUARD, useExisting: AuthorizeGuard }`.
 * @example
 * ```ts
 * @Module({ imports: [mount(() => createAmpho())], providers: [{ provide: APP_GUARD, useExisting: AuthorizeGuard }] })
 * class AppModule {}
 * ```
 */
export class AuthorizeGuard extends InjectedGuard {
  /** @internal Nest injects it. */
  declare readonly reflector: Reflector;

  /**
   * Accepts the call of a public route, or of a user with a valid token.
   * @example const allowed = await guard.canActivate(context);
   */
  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const isPublic = this.reflector.getAllAndOverride<true | undefined>(publicKey, [
      context.getHandler(),
      context.getClass(),
    ]);
    return isPublic === true || super.canActivate(context);
  }
}
Inject(Reflector)(AuthorizeGuard.prototype, "reflector");
Injectable()(AuthorizeGuard);

/** Decorates a controller or a method with a guard class for Nest. Without `ampho` the instance is injected. */
function decoratorOf(ampho: GuardInstance | undefined, given: Requirements<never> | undefined) {
  // Nest calls `can` only with requests of the platform for which the application wrote it.
  const requirements =
    given === undefined
      ? undefined
      : (checkRequirements(given, ampho?.host ?? {}) as CheckedRequirements<never> as CheckedRequirements<unknown>);
  class Injected extends InjectedGuard {
    override readonly requirements = requirements;
  }
  if (ampho === undefined) return UseGuards(mixin(Injected));
  class Given extends HttpGuard {
    override readonly ampho = ampho as GuardInstance;
    override readonly requirements = requirements;
  }
  return UseGuards(mixin(Given));
}

/**
 * Parameter of a method: the user, or undefined under `optional` requirements. Throws on a route without `@authorize`.
 * @example
 * ```ts
 * @Controller("me")
 * class MeController {
 *   @Get()
 *   @authorize
 *   read(@CurrentAuth() auth: Auth) {
 *     return { login: auth.login };
 *   }
 * }
 * ```
 */
export const CurrentAuth = createParamDecorator((_data: unknown, context: ExecutionContext): Auth | undefined => {
  const request = context.switchToHttp().getRequest<PlatformRequest>();
  if (!guardedRequests.has(request))
    throw new TypeError("@CurrentAuth() needs @authorize on the method or its controller.");
  return request.auth;
});

/**
 * Decorates controllers and methods. On anything else it returns a type that no decorator can return, with the reason.
 * @example const forEditors: Decorator = authorize({ roles: ["editor"] });
 */
export interface Decorator {
  /** Decorates a controller or a method. The other overloads explain wrong uses. */
  <T extends Controller>(controller: T): void;
  <M>(target: object, method: string | symbol, descriptor: TypedPropertyDescriptor<M>): void;
  (value: unknown, context: DecoratorContext): TypeMistake<NotLegacy>;
  (target: object, property: string | symbol): TypeMistake<Elsewhere>;
  (target: object, method: string | symbol | undefined, parameter: number): TypeMistake<Elsewhere>;
}

type Controller = abstract new (...args: never) => unknown;
type NotLegacy = "The decorators of Nest need experimentalDecorators in tsconfig.json.";
type Elsewhere = "authorize of ampho/nest decorates controllers and their methods only.";

// TypeScript reports the last overload that has the right number of arguments, and then continues as if the first one
// had matched. Hence the order, and the overload with the instance twice.
/**
 * Decorates controllers and methods. `@authorize` and `@authorize(requirements)` take the instance by injection.
 * `@authorize(ampho, requirements)` takes that one. The requirements of a method apply in addition to its controller's.
 * @example
 * ```ts
 * @Controller("articles")
 * @authorize({ roles: ["reader"] })
 * class ArticlesController {
 *   @Get()
 *   @authorize({ roles: ["editor"], acr: "2fa" })
 *   list(@CurrentAuth() auth: Auth) {
 *     return { author: auth.login };
 *   }
 * }
 * ```
 */
export function authorize<R = NestRequest, S extends string = string, I extends GuardInstance = GuardInstance>(
  ampho: I & GuardInstance<S>,
  requirements?: Requirements<R, NoInfer<S>> & LimitOf<I>,
): Decorator;
export function authorize(controller: Controller): void;
export function authorize<M>(target: object, method: string | symbol, descriptor: TypedPropertyDescriptor<M>): void;
export function authorize(value: unknown, context: DecoratorContext): TypeMistake<NotLegacy>;
export function authorize(target: object, property: string | symbol): TypeMistake<Elsewhere>;
export function authorize(
  target: object,
  method: string | symbol | undefined,
  parameter: number,
): TypeMistake<Elsewhere>;
export function authorize<R = NestRequest, S extends string = string, I extends GuardInstance = GuardInstance>(
  ampho: I & GuardInstance<S>,
  requirements: (Requirements<R, NoInfer<S>> & LimitOf<I>) | undefined,
): Decorator;
export function authorize<R = NestRequest>(requirements?: Requirements<R>): Decorator;
export function authorize(...args: readonly unknown[]): unknown {
  // Nest 10 takes any class as a guard, does not check what it constructs, and allows every request.
  if (new.target !== undefined)
    throw new TypeError("authorize is a decorator. Write @authorize instead of @UseGuards(authorize).");
  const [first, second, third] = args;
  if (typeof first === "function") return decoratorOf(undefined, undefined)(first);
  if (isObject(first) && isKey(second) && isObject(third))
    return decoratorOf(undefined, undefined)(first, second, third);
  if (isInstance(first)) return decoratorOf(first, second as Requirements<never> | undefined);
  return decoratorOf(undefined, first as Requirements<never> | undefined);
}

const isKey = (value: unknown): value is string | symbol => typeof value === "string" || typeof value === "symbol";
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
