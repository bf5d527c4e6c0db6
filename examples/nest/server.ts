// Ampho on Nest. `@authorize` decorates controllers and methods, `@CurrentAuth()` is who asks.
import "reflect-metadata";
import { Controller, Get, Module } from "@nestjs/common";
import { APP_GUARD, NestFactory } from "@nestjs/core";
import { type Auth, createAmpho } from "ampho";
import { AuthorizeGuard, authorize, CurrentAuth, mount, Public } from "ampho/nest";

@Controller()
class Hello {
  @Public()
  @Get()
  welcome(): string {
    return "Log in at /api/security/login\n";
  }

  @Get("hello")
  hello(@CurrentAuth() auth: Auth): string {
    return `Hello ${auth.login}\n`;
  }

  @authorize({ roles: ["editor"] })
  @Get("editors")
  editors(): string {
    return "Hello editor\n";
  }
}

@Module({
  // POST /api/security/login, /renew, /logout, … Closed with the application, because it is made here.
  imports: [mount(() => createAmpho())],
  controllers: [Hello],
  // Every route needs a token, but those under @Public(). Without this line: only those under @authorize.
  providers: [{ provide: APP_GUARD, useExisting: AuthorizeGuard }],
})
class Application {}

const app = await NestFactory.create(Application, { logger: ["error", "warn"] });
app.enableShutdownHooks(["SIGTERM"]);
await app.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1");
console.log(await app.getUrl());
