// The suite's application on Nest, over Express and over Fastify.
import "reflect-metadata";
import type { AddressInfo } from "node:net";
import compress from "@fastify/compress";
import {
  type ArgumentsHost,
  Body,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  HttpCode,
  type INestApplication,
  Module,
  Post,
  Req,
  type Type,
} from "@nestjs/common";
import { HttpAdapterHost, NestFactory } from "@nestjs/core";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import compression from "compression";
import {
  authorize,
  CurrentAuth,
  mount,
  type NestRequest,
  RejectedRequestException,
} from "../../../dist/adapters/nest.js";
import type { Ampho, Auth } from "../../../dist/index.js";
import { type Host, type Listening, needsFor, needsOn, origin, type Setup, sizeOf, who } from "../host.js";

const needs = needsFor<NestRequest>((request) => request.headers["x-allow"]?.toString());

/** Replaces Nest's own response for every rejection. */
@Catch(RejectedRequestException)
class TakeOver implements ExceptionFilter<RejectedRequestException> {
  constructor(private readonly adapters: HttpAdapterHost) {}

  catch(rejected: RejectedRequestException, host: ArgumentsHost) {
    this.adapters.httpAdapter.reply(host.getArgByIndex(1), { taken: rejected.code }, rejected.getStatus());
  }
}

@Controller()
class Plain {
  @Get("open")
  open() {
    return { open: true };
  }

  @authorize
  @Get("throws")
  throws() {
    throw new Error("of the application");
  }

  @authorize()
  @Get("outer/inner/me")
  me(@CurrentAuth() auth: Auth) {
    return who(auth);
  }

  @authorize
  @Post("raw")
  @HttpCode(200)
  raw(@Req() request: AsyncIterable<Uint8Array> | { readonly raw: AsyncIterable<Uint8Array>; readonly body: Buffer }) {
    // Nest's Fastify platform has read bodies that no parser accepts.
    return "raw" in request ? { bytes: request.body.byteLength } : sizeOf(request);
  }

  @authorize
  @Post("parsed")
  @HttpCode(200)
  parsed(@Body() body: unknown) {
    return body;
  }
}

@authorize
@Controller("group")
class Group {
  @Get("inner")
  inner(@CurrentAuth() auth: Auth) {
    return who(auth);
  }

  @authorize(needs.admin)
  @Get("admin")
  admin(@CurrentAuth() auth: Auth) {
    return who(auth);
  }
}

/** One controller for each object of requirements: by injection under /need, with the instance under /certain. */
function controllersOf(ampho: Ampho): readonly Type[] {
  return needsOn(ampho, needs).flatMap(([name, need]) => {
    @Controller("need")
    class ByInjection {
      @authorize(need)
      @Get(name)
      get(@CurrentAuth() auth: Auth | undefined) {
        return who(auth);
      }
    }
    @authorize(ampho, need)
    @Controller("certain")
    class Given {
      @Get(name)
      get(@CurrentAuth() auth: Auth | undefined) {
        return who(auth);
      }
    }
    return [ByInjection, Given];
  });
}

async function start(app: INestApplication, setup: Setup): Promise<Listening> {
  if (setup.front) app.enableCors({ origin });
  if (setup.takeOver) app.useGlobalFilters(new TakeOver(app.get(HttpAdapterHost)));
  await app.listen(0, "127.0.0.1");
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { port, close: () => app.close() };
}

function moduleOf(ampho: Ampho): Type {
  @Module({ imports: [mount(async () => ampho)], controllers: [Plain, Group, ...controllersOf(ampho)] })
  class Application {}
  return Application;
}

export const onExpress: Host = {
  name: "ampho/nest on Express",
  takesOver: true,
  parsesFirst: true,
  async start(ampho, setup) {
    const app = await NestFactory.create(moduleOf(ampho), { logger: false });
    if (setup.front) app.use(compression({ threshold: 0 }));
    return start(app, setup);
  },
};

export const onFastify: Host = {
  name: "ampho/nest on Fastify",
  takesOver: true,
  async start(ampho, setup) {
    const app = await NestFactory.create<NestFastifyApplication>(moduleOf(ampho), new FastifyAdapter(), {
      logger: false,
    });
    app
      .getHttpAdapter()
      .getInstance()
      .addContentTypeParser(
        "application/octet-stream",
        { parseAs: "buffer" },
        async (_: unknown, body: Buffer) => body,
      );
    if (setup.front) await app.register(compress, { threshold: 0 });
    return start(app, setup);
  },
};
