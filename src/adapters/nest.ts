// `ampho/nest`: Ampho on NestJS, over Express and over Fastify.
import { type DynamicModule, Inject, Module, type NestModule, type OnApplicationShutdown } from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";
import type { FastifyInstance } from "fastify";
import type { HttpInstance } from "../http/rest/host.js";
import { mount as mountOnFastify } from "./fastify.js";
import { AMPHO, AuthorizeGuard } from "./nest-guard.js";
import { mount as mountOnNode } from "./node.js";

export {
  AMPHO,
  AuthorizeGuard,
  authorize,
  CurrentAuth,
  type Decorator,
  type NestRequest,
  Public,
  RejectedRequestException,
} from "./nest-guard.js";

/** Wraps functional middleware, which Nest calls as node:http does. */
export { guarded } from "./node.js";

/** The argument of `mount`: an `Ampho`. */
export interface NestInstance extends HttpInstance {
  /**
   * Closes the instance. Nest calls it for an instance that `mount` has created.
   * @example await ampho.close();
   */
  close(): Promise<void>;
}

/**
 * Injects the instance: `constructor(@InjectAmpho() private readonly ampho: Ampho)`.
 * @example
 * ```ts
 * class Members {
 *   constructor(@InjectAmpho() private readonly ampho: Ampho) {}
 *
 *   async create(login: string, password: string) {
 *     return this.ampho.users.create({ login, password });
 *   }
 * }
 * ```
 */
export const InjectAmpho = (): ParameterDecorator & PropertyDecorator => Inject(AMPHO);

const ownedKey = Symbol("owned");

class AmphoModule implements NestModule, OnApplicationShutdown {
  constructor(
    private readonly ampho: NestInstance,
    private readonly owned: boolean,
    private readonly adapters: HttpAdapterHost,
  ) {}

  /** Nest calls this after it has installed CORS, compression and body parsers of the application. */
  configure(): void {
    // A microservice or a command has no HTTP server.
    const adapter: HttpAdapterHost["httpAdapter"] | undefined = this.adapters.httpAdapter;
    if (adapter?.getType() === "fastify") adapter.getInstance<FastifyInstance>().register(mountOnFastify(this.ampho));
    else if (adapter?.getType() === "express") adapter.use(mountOnNode(this.ampho));
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.owned) await this.ampho.close();
  }
}
Module({})(AmphoModule);
for (const [index, token] of [AMPHO, ownedKey, HttpAdapterHost].entries()) Inject(token)(AmphoModule, undefined, index);

/**
 * Module that serves the REST API and provides the instance for injection: `imports: [mount(ampho)]`, once.
 * An instance that the given function creates is closed with the application.
 * @example
 * ```ts
 * @Module({ imports: [mount(() => createAmpho())] })
 * class AppModule {}
 * ```
 */
export function mount(ampho: NestInstance | (() => Promise<NestInstance>)): DynamicModule {
  const isFactory = typeof ampho === "function";
  return {
    module: AmphoModule,
    global: true,
    providers: [
      isFactory ? { provide: AMPHO, useFactory: ampho } : { provide: AMPHO, useValue: ampho },
      { provide: ownedKey, useValue: isFactory },
      AuthorizeGuard,
    ],
    exports: [AMPHO, AuthorizeGuard],
  };
}
