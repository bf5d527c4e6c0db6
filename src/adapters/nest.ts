// `ampho/nest`: Ampho on NestJS, over Express and over Fastify.

import { type DynamicModule, Inject, Module, type NestModule, type OnApplicationShutdown } from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";
import type { FastifyInstance } from "fastify";
import type { HttpInstance } from "../http/rest/host.js";
import { mount as mountOnFastify } from "./fastify.js";
import { AMPHO, AuthorizeGuard } from "./nest-guard.js";
import { mount as mountOnNode } from "./node.js";

export { authorize, type Decorator } from "./nest-authorize.js";
export { AMPHO, AuthorizeGuard, CurrentAuth, type NestRequest, Public, RefusalException } from "./nest-guard.js";
/** Wraps functional middleware, which Nest calls as node:http does. */
export { guarded } from "./node.js";

/** What `mount` takes: an `Ampho`. */
export interface NestInstance extends HttpInstance {
  close(): Promise<void>;
}

/** Injects the instance: `constructor(@InjectAmpho() private readonly ampho: Ampho)`. */
export const InjectAmpho = (): ParameterDecorator & PropertyDecorator => Inject(AMPHO);

const ownedKey = Symbol("owned");

class AmphoModule implements NestModule, OnApplicationShutdown {
  readonly #ampho: NestInstance;
  readonly #owned: boolean;
  readonly #adapters: HttpAdapterHost;

  constructor(ampho: NestInstance, owned: boolean, adapters: HttpAdapterHost) {
    this.#ampho = ampho;
    this.#owned = owned;
    this.#adapters = adapters;
  }

  /** Nest calls it behind all that the application has put in front: CORS, compression, body parsers. */
  configure(): void {
    // Without an HTTP server (a microservice, a command) there is nothing to serve.
    const adapter: HttpAdapterHost["httpAdapter"] | undefined = this.#adapters.httpAdapter;
    if (adapter?.getType() === "fastify") adapter.getInstance<FastifyInstance>().register(mountOnFastify(this.#ampho));
    else if (adapter?.getType() === "express") adapter.use(mountOnNode(this.#ampho));
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.#owned) await this.#ampho.close();
  }
}
Module({})(AmphoModule);
for (const [index, token] of [AMPHO, ownedKey, HttpAdapterHost].entries()) Inject(token)(AmphoModule, undefined, index);

/**
 * Module that serves the REST API and gives the instance to whoever injects it: `imports: [mount(ampho)]`, once.
 * An instance that the given function makes is closed with the application.
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
