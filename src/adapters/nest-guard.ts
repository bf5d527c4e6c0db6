// The guards of `ampho/nest`. Decorators are called as functions: this file needs no experimentalDecorators, the
// application's own files do, as Nest asks.
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
  type Type,
} from "@nestjs/common";
import { HttpAdapterHost, Reflector } from "@nestjs/core";
import type { ErrorCode } from "../errors.js";
import type { GuardInstance } from "../http/rest/host.js";
import type { RejectedRequest } from "../http/rest/responses/rejected-request.js";
import type { Auth, Requirements } from "../tokens/auth.js";
import { checkRequirements } from "./fetch-authorize.js";
import { nodeGuard } from "./node-guard.js";

/** What both platforms' requests have; annotate the parameter of `can` with the platform's own type for more. */
export interface NestRequest extends Pick<IncomingMessage, "headers" | "method" | "url"> {
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
}

/** The token under which the instance is injected: `@Inject(AMPHO)`, `app.get(AMPHO)`. */
export const AMPHO = Symbol.for("ampho/nest");

const publicKey = Symbol("public");

/** Routes that the global guard lets through unasked: on a method or a controller. */
export const Public = () => SetMetadata(publicKey, true);

/** What the guards throw: an exception filter may take it over, else Nest gives the answer of docs/http.md. */
export class RefusalException extends HttpException {
  readonly code: ErrorCode;

  constructor({ code, message, status, ...rest }: RejectedRequest) {
    super({ message, error: code }, status, { cause: rest.cause });
    this.code = code;
  }
}

type PlatformRequest = (IncomingMessage | { readonly raw: IncomingMessage }) & { auth?: Auth | undefined };

/** Requests that a guard has looked at. */
const seen = new WeakSet<object>();

abstract class HttpGuard implements CanActivate {
  declare readonly adapters: HttpAdapterHost;
  abstract readonly ampho: GuardInstance;
  readonly requirements: Requirements<unknown> | undefined;

  /** Refuses where there is no HTTP request to look at: microservices and gateways check tokens by `ampho.verify`. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (context.getType() !== "http")
      throw new TypeError(
        `authorize guards HTTP requests, and this handler is called over "${context.getType()}": it refuses all. Check the token by ampho.verify(token).`,
      );
    const request = context.switchToHttp().getRequest<PlatformRequest>();
    return nodeGuard<unknown, boolean>({
      host: this.ampho.host,
      requirements: this.requirements,
      message: "raw" in request ? request.raw : request,
      request,
      onAccepted(auth) {
        request.auth = auth;
        seen.add(request);
        return true;
      },
      onRejected: (refusal) => {
        const response: unknown = context.switchToHttp().getResponse();
        for (const [name, value] of Object.entries(refusal.headers))
          this.adapters.httpAdapter.setHeader(response, name, value);
        throw new RefusalException(refusal);
      },
    });
  }
}
Inject(HttpAdapterHost)(HttpGuard.prototype, "adapters");

class InjectedGuard extends HttpGuard {
  declare readonly ampho: GuardInstance;
}
Inject(AMPHO)(InjectedGuard.prototype, "ampho");

/** Guards every route but those under `@Public()`: `{ provide: APP_GUARD, useExisting: AuthorizeGuard }`. */
export class AuthorizeGuard extends InjectedGuard {
  declare readonly reflector: Reflector;

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

/** A guard's class for Nest to make: by that instance, or by the one that is injected. */
export function guardOf(ampho: GuardInstance | undefined, asked: Requirements<never> | undefined): Type<CanActivate> {
  // `can` is asked only with the request of the platform that it was written for.
  const requirements =
    asked === undefined ? undefined : (checkRequirements(asked, ampho?.host ?? {}) as Requirements<unknown>);
  return ampho === undefined ? mixin(injectedGuard(requirements)) : mixin(guardBy(ampho, requirements));
}

const injectedGuard = (requirements: Requirements<unknown> | undefined) =>
  class extends InjectedGuard {
    override readonly requirements = requirements;
  };

const guardBy = (ampho: GuardInstance, requirements: Requirements<unknown> | undefined) =>
  class extends HttpGuard {
    override readonly ampho = ampho;
    override readonly requirements = requirements;
  };

/** Parameter: who is asking; undefined only under an `optional` requirements. Throws on a route that no guard has looked at. */
export const CurrentAuth = createParamDecorator((_data: unknown, context: ExecutionContext): Auth | undefined => {
  const request = context.switchToHttp().getRequest<PlatformRequest>();
  if (!seen.has(request)) throw new TypeError("@CurrentAuth() stands on a route without @authorize");
  return request.auth;
});
