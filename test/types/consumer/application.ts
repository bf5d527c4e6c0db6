// An application as its users write it: every subpath, all of it exported, and nothing annotated that can be inferred.
import {
  type Ampho,
  AmphoError,
  type AmphoOptions,
  type Auth,
  createAmpho,
  hashPassword,
  needsRehash,
  toHandler,
  verifyPassword,
} from "ampho";
import { createClient } from "ampho/client";
import { createClient as createFullClient, FactorNeeded } from "ampho/client/full";
import * as onExpress from "ampho/express";
import * as onFastify from "ampho/fastify";
import * as onHono from "ampho/hono";
import * as onKoa from "ampho/koa";
import * as onNode from "ampho/node";
import { createVerifier } from "ampho/verify";
import express from "express";
import { fastify } from "fastify";
import { Hono } from "hono";
import Koa from "koa";

interface Row {
  readonly id: string;
  readonly login: string;
  readonly hash: string;
  readonly tenant: string;
}
interface Event {
  readonly request: Request;
  readonly owner: string;
}
const rows = new Map<string, Row>();

export const options = {
  tokenTtl: 60,
  databaseUrl: "sqlite::memory:",
  tokenAudience: ["api"],
  scopes: { editor: ["articles:write"] },
  key: { kty: "oct", k: "A7d9rF3k0Wm3aC6cHn5bX1yZ8qL2pT4vE6uR9sD0gJk" },
  users: {
    find: (login) => rows.get(login),
    verify: (user: Row, password) => verifyPassword(user.hash, password),
  },
  claims: (user) => ({ tenant: rows.get(user.login)?.tenant ?? null }),
} satisfies AmphoOptions;

export const start = () => createAmpho(options);
/** The type of the row comes from the result of `find`. */
export const startWithRows = () =>
  createAmpho({
    users: {
      find: async (login) => rows.get(login),
      findById: (id) => [...rows.values()].find((row) => row.id === id),
      verify: async (user, password) => !needsRehash(user.hash) && (await verifyPassword(user.hash, password)),
    },
  });
export const hashed = hashPassword("violet kettle harbour morning");
export const isAnonymous = (error: unknown) => error instanceof AmphoError && error.code === "missing_token";

export const build = (ampho: Ampho) => {
  const { authorize } = ampho;
  return {
    GET: authorize((request, auth) => Response.json([request.url, auth.login])),
    POST: authorize(
      { roles: ["editor"], acr: "2fa", maxAge: 300 },
      (event: { request: Request; params: { id: string } }, auth) => Response.json([event.params.id, auth.scopes]),
    ),
    editors: authorize({ roles: ["editor"] }),
    owners: authorize({ can: (auth, event: Event) => event.owner === auth.login, optional: true }),
    PUT: authorize({ optional: true }, (_request, auth) => new Response(auth?.login ?? "stranger")),
    express: express()
      .use(onExpress.mount(ampho))
      .get("/", onExpress.authorize(ampho), (request, response) => void response.send(request.auth?.login))
      .get(
        "/editors",
        onExpress.guarded(ampho, { roles: ["editor"] }, (request, response) => response.send(request.auth.login)),
      ),
    expressGuard: onExpress.authorize(ampho, { scopes: ["articles:write"] }),
    fastify: fastify().register(onFastify.mount(ampho)),
    fastifyPlugin: onFastify.mount(ampho),
    fastifyGuard: onFastify.authorize(ampho, { acr: "phr", live: true }),
    fastifyHandler: onFastify.guarded(ampho, { optional: true }, (request) => request.auth?.login ?? "stranger"),
    hono: new Hono()
      .use(onHono.mount(ampho))
      .get("/", onHono.authorize(ampho), (c) => c.text(c.get("auth").login))
      .get("/strangers", onHono.authorize(ampho, { optional: true }), (c) => c.json({ login: c.var.auth?.login })),
    honoGuard: onHono.authorize(ampho, { roles: ["editor"], acr: "2fa" }),
    koa: new Koa().use(onKoa.mount(ampho)).use(onKoa.authorize(ampho)),
    koaHandler: onKoa.guarded(ampho, (context) => {
      context.body = context.state.auth.login;
    }),
    nodeListener: onNode.mount(ampho),
    nodeGuard: onNode.authorize(ampho, { acr: "2fa", can: (auth, request) => request.url === `/${auth.login}` }),
    nodeHandler: onNode.guarded(ampho, (request, response) => response.end(request.auth.login)),
    nodeUpgrade: onNode.guardedUpgrade(ampho, { acr: "2fa" }, (request, socket, _head, ended) => {
      ended.addEventListener("abort", () => socket.destroy());
      socket.write(request.auth.login);
    }),
    sessions: (userId: string) => ampho.sessions.list(userId),
    login: async (userId: string) => (await ampho.sessions.create(userId)).token,
    person: (login: string) => ampho.users.find(login),
    stop: ampho.onRevoked((revoked) => void revoked),
  };
};

export const verifier = (keys: object) => createVerifier({ keys, issuer: "https://example.org" });
export const guardedElsewhere = (url: string) =>
  createVerifier({ jwksUrl: url }).authorize({ roles: ["editor"] }, (_request: Request, auth) =>
    Response.json(auth.id),
  );
export const client = createClient({ baseUrl: "https://example.org", prefix: process.env["AUTH_PREFIX"] });
export const waysClient = createFullClient({
  baseUrl: "https://example.org",
  cookies: true,
  onStepUp: async (error) => error.code === "login_too_weak" && (await waysClient.stepUp()).finish({ totp: "123456" }),
});
export const logIn = async (login: string, password: string): Promise<number | undefined> => {
  try {
    return (await waysClient.login(login, password, { remember: true })).recoveryCodesLeft;
  } catch (error) {
    if (!(error instanceof FactorNeeded)) throw error;
    const pending = error.enroll ? await waysClient.totp.begin(error) : undefined;
    if (pending !== undefined) return (await pending.confirm("123456")).recoveryCodes.length;
    return (await error.finish({ recoveryCode: "7K3M" })).recoveryCodesLeft;
  }
};
export const whoAmI = async () => (await client.session())?.login;

export const articlesOf = (ampho: Ampho) => {
  const { authorize } = ampho;
  class Articles {
    @authorize
    list(_request: Request, auth: Auth) {
      return Response.json({ login: auth.login });
    }

    @authorize({ roles: ["editor"] })
    async publish(_request: Request, auth: Auth, context: { readonly id: string }) {
      return Response.json([context.id, auth.roles]);
    }

    @authorize({ optional: true, can: (auth, event: Event) => event.owner === auth.login })
    read(_event: Event, auth: Auth | undefined) {
      return Response.json(auth?.login ?? null);
    }
  }
  const articles = new Articles();
  return {
    list: toHandler(articles, "list"),
    publish: toHandler(articles, "publish"),
    read: toHandler(articles, "read"),
  };
};
