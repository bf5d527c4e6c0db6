// A Nest application as its users write it, with legacy decorators.
import { applyDecorators, Controller, Get, Injectable, Module } from "@nestjs/common";
import { APP_GUARD } from "@nestjs/core";
import { type Ampho, type Auth, createAmpho } from "ampho";
import { AuthorizeGuard, authorize, CurrentAuth, guarded, InjectAmpho, mount, Public } from "ampho/nest";

@Injectable()
export class People {
  constructor(@InjectAmpho() private readonly ampho: Ampho) {}

  find(login: string) {
    return this.ampho.users.find(login);
  }
}

@authorize
@Controller("hello")
export class Hello {
  @Get()
  hello(@CurrentAuth() auth: Auth): string {
    return auth.login;
  }

  @authorize({ roles: ["editor"], acr: "2fa", maxAge: 300 })
  @Get("editors")
  editors() {
    return "editors";
  }

  @Public()
  @Get("strangers")
  strangers() {
    return "strangers";
  }
}

export const Editors = authorize({ roles: ["editor"] });
export const Writers = () => applyDecorators(Editors, Get("writers"));

@Editors
@Controller("articles")
export class Articles {
  @Writers()
  writers() {
    return "writers";
  }
}

export const middleware = (ampho: Ampho) => guarded(ampho, (request, response) => response.end(request.auth.login));

@Module({
  imports: [mount(() => createAmpho({ tokenTtl: 60 }))],
  controllers: [Hello, Articles],
  providers: [People, { provide: APP_GUARD, useExisting: AuthorizeGuard }],
})
export class Application {}
