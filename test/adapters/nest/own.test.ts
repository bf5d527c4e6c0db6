import "reflect-metadata";
import { Controller, type ExceptionFilter, Get, Injectable, Module, type Type, UseFilters } from "@nestjs/common";
import { APP_GUARD, ExternalContextCreator, NestFactory } from "@nestjs/core";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  AMPHO,
  AuthorizeGuard,
  authorize,
  CurrentAuth,
  InjectAmpho,
  mount,
  type NestInstance,
  Public,
  type RejectedRequestException,
} from "../../../dist/adapters/nest.js";
import type { Ampho, Auth } from "../../../dist/index.js";
import { foreignToken } from "../../world/tokens.js";
import { key, openInstance } from "../serving.js";

let ampho: Ampho;
beforeAll(async () => {
  ({ ampho } = await openInstance());
});
afterAll(() => ampho.close());

async function listen(root: Type) {
  const app = await NestFactory.create(root, { logger: false });
  await app.listen(0, "127.0.0.1");
  const url = await app.getUrl();
  const call = (path: string, token?: string) =>
    fetch(url + path, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  return { app, call };
}

it("the exception of a rejection has the original error as its cause", async () => {
  const failure = new Error("the check failed");
  const causes: unknown[] = [];
  const noteCause: ExceptionFilter<RejectedRequestException> = {
    catch(exception, host) {
      causes.push(exception.cause);
      host.switchToHttp().getResponse().status(exception.getStatus()).end();
    },
  };
  @Controller()
  @UseFilters(noteCause)
  class Failing {
    @authorize({ can: () => Promise.reject(failure) })
    @Get("failing")
    failing() {
      return "in";
    }
  }
  @Module({ imports: [mount(ampho)], controllers: [Failing] })
  class Root {}
  const { app, call } = await listen(Root);
  expect((await call("/failing", foreignToken(key))).status).toBe(500);
  expect((await call("/failing")).status).toBe(401);
  expect(causes).toEqual([failure, expect.objectContaining({ code: "missing_token" })]);
  await app.close();
});

it("a global guard guards every route that is not public", async () => {
  @Controller()
  class Everything {
    @Get("guarded")
    guarded(@CurrentAuth() auth: Auth) {
      return auth.login;
    }
    @Public()
    @Get("public")
    open() {
      return "open";
    }
  }
  @Public()
  @Controller("open")
  class Open {
    @Get()
    get() {
      return "open";
    }
    @authorize({ roles: ["admin"] })
    @Get("admin")
    admin() {
      return "admin";
    }
  }
  @Module({
    imports: [mount(ampho)],
    controllers: [Everything, Open],
    providers: [{ provide: APP_GUARD, useExisting: AuthorizeGuard }],
  })
  class Application {}

  const { app, call } = await listen(Application);
  expect((await call("/guarded")).status).toBe(401);
  expect(await (await call("/guarded", foreignToken(key))).text()).toBe("alice");
  expect(await (await call("/public")).text()).toBe("open");
  expect(await (await call("/open")).text()).toBe("open");
  expect((await call("/open/admin")).status).toBe(401);
  expect((await call("/api/security/renew")).status).toBe(405);
  await app.close();
});

it("a global guard can be created by the application, and a global prefix does not move the REST API", async () => {
  @Controller("me")
  class Me {
    @Get()
    get(@CurrentAuth() auth: Auth) {
      return auth.login;
    }
  }
  @Module({
    imports: [mount(ampho)],
    controllers: [Me],
    providers: [{ provide: APP_GUARD, useClass: AuthorizeGuard }],
  })
  class Application {}
  const app = await NestFactory.create(Application, { logger: false });
  app.setGlobalPrefix("v1");
  await app.listen(0, "127.0.0.1");
  const url = await app.getUrl();
  const headers = { authorization: `Bearer ${foreignToken(key)}` };
  expect(await (await fetch(`${url}/v1/me`, { headers })).text()).toBe("alice");
  expect((await fetch(`${url}/v1/me`)).status).toBe(401);
  expect((await fetch(`${url}/api/security/session`, { headers })).status).toBe(403);
  await app.close();
});

it("a provider can inject the instance", async () => {
  @Injectable()
  class Members {
    constructor(@InjectAmpho() readonly ampho: NestInstance) {}
  }
  @Module({ imports: [mount(async () => ampho)], providers: [Members] })
  class Application {}
  const app = await NestFactory.createApplicationContext(Application, { logger: false });
  expect(app.get(Members).ampho).toBe(ampho);
  expect(app.get(AMPHO)).toBe(ampho);
});

it("the application's shutdown closes only an instance that mount created", async () => {
  const closed: string[] = [];
  const named = (name: string): NestInstance => ({ ...ampho, close: async () => void closed.push(name) });
  for (const [name, host] of [
    ["given", named("given")],
    ["made", async () => named("made")],
  ] as const) {
    @Module({ imports: [mount(host)] })
    class Application {}
    const app = await NestFactory.create(Application, { logger: false });
    await app.init();
    await app.close();
    expect(closed).toEqual(name === "made" ? ["made"] : []);
  }
});

it.each(["ws", "rpc"])("authorize rejects a context without an HTTP request (%s) with an explanation", async (kind) => {
  class Gateway {
    @authorize
    onMessage() {
      return "in";
    }
  }
  @Module({ imports: [mount(ampho)], providers: [Gateway] })
  class Application {}
  const app = await NestFactory.create(Application, { logger: false });
  await app.init();
  const gateway = app.get(Gateway);
  const handle = app
    .get(ExternalContextCreator)
    .create(gateway, gateway.onMessage, "onMessage", undefined, undefined, undefined, undefined, undefined, kind);
  await expect(handle({}, {})).rejects.toThrow(`is called over "${kind}"`);
  await app.close();
});

it("@CurrentAuth() on a route without a guard is an error", async () => {
  @Controller()
  class Careless {
    @Get()
    get(@CurrentAuth() auth: Auth) {
      return auth;
    }
  }
  @Module({ imports: [mount(ampho)], controllers: [Careless] })
  class Application {}
  const { app, call } = await listen(Application);
  expect((await call("/", foreignToken(key))).status).toBe(500);
  await app.close();
});

it("an application that forgets to mount does not start", async () => {
  @authorize
  @Controller()
  class Unmounted {
    @Get()
    get() {
      return "in";
    }
  }
  @Module({ controllers: [Unmounted] })
  class Application {}
  await expect(NestFactory.create(Application, { logger: false, abortOnError: false })).rejects.toThrow("ampho/nest");
});

it("misspelled requirements throw where they are written", () => {
  expect(() => authorize(JSON.parse('{ "rolls": ["admin"] }'))).toThrow(TypeError);
  for (const none of ["null", '""', "false"]) expect(() => authorize(JSON.parse(none))).toThrow(TypeError);
});

it("authorize used as a guard class stops the start of the application", () => {
  expect(() => Reflect.construct(authorize, [])).toThrow("authorize is a decorator. Write @authorize");
});
