// The names that the examples of the API take for granted, as TypeScript declares them: `ampho` is an instance, `app` is an
// application of the framework, and so on.

const texts = ["login", "password", "newPassword", "email", "token", "id", "kid", "sessionId", "address", "feedToken"];
const more = ["captcha", "recoveryCode", "invite"];

/** Declarations for every subpath. */
const common: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...texts, ...more].map((name) => [name, `declare const ${name}: string;`])),
  ampho: 'declare const ampho: import("ampho").Ampho;',
  auth: 'declare const auth: import("ampho").Auth;',
  user: 'declare const user: import("ampho").UserView;',
  request: "declare const request: Request;",
  headers: "declare const headers: Headers;",
  now: "declare const now: number;",
  bytes: "declare const bytes: Uint8Array;",
  createReadStream: 'import { createReadStream } from "node:fs";',
  writeFile: 'import { writeFile } from "node:fs/promises";',
  createServer: 'import { createServer } from "node:http";',
  createAmpho: 'import { createAmpho } from "ampho";',
  lazyAmpho: 'import { lazyAmpho } from "ampho";',
};

const express = {
  express: 'import express from "express";',
  app: 'declare const app: import("express").Express;',
  Request: 'import type { Request } from "express";',
  Response: 'import type { Response } from "express";',
  NextFunction: 'import type { NextFunction } from "express";',
};

const row = "{ readonly id: string; readonly login: string; passwordHash: string | null }";

const client = {
  storage: 'declare const storage: import("ampho/client").ClientStorage;',
  show: "declare const show: (...values: readonly unknown[]) => void;",
  SecureStore: `declare const SecureStore: {
    getItemAsync(key: string): Promise<string | null>;
    setItemAsync(key: string, value: string): Promise<void>;
    deleteItemAsync(key: string): Promise<void>;
  };`,
  signal: "declare const signal: AbortSignal;",
  askForCode: "declare const askForCode: () => Promise<string>;",
  factorNeeded: 'declare const factorNeeded: import("ampho/client/full").FactorNeeded;',
  setup: 'declare const setup: import("ampho/client/full").TotpSetup;',
};

const nest = (...names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, `import { ${name} } from "@nestjs/common";`]));

/** The declarations of a subpath, by name. */
export const contexts: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ampho: {
    ...common,
    app: express.app,
    server: 'declare const server: import("node:http").Server;',
    authorize: 'import { authorize } from "ampho/express";',
    importArticles: 'declare const importArticles: import("express").Handler;',
    list: 'declare const list: import("express").Handler;',
    remove: 'declare const remove: import("express").Handler;',
    update: 'declare const update: import("express").Handler;',
    owns: "declare const owns: (id: string | undefined, article: unknown) => boolean;",
    closeSocketsOf: "declare const closeSocketsOf: (session: string) => void;",
    db: `declare const db: { readonly users: {
      findFirst(query: { where: { login: string } | { id: string } }): Promise<${row} | undefined>;
      update(user: object): Promise<void>;
      insert(user: object): Promise<${row} | undefined>;
      claim(user: object): Promise<boolean>;
      delete(user: { id: string }): Promise<void>;
      findMany(query: object): Promise<${row}[]>;
    };
    readonly notes: { deleteMany(query: object): Promise<void> };
    readonly profiles: { upsert(profile: object): Promise<void>; update(profile: object): Promise<void> };
    };`,
    notes: "declare const notes: readonly { readonly userId: string; readonly text: string }[];",
    found: "declare const found: string;",
    hash: "declare const hash: string;",
    row: `declare const row: ${row};`,
    shield: "declare const shield: { verify(token: string, address?: string): Promise<{ human: boolean }> };",
    sendGrid: "declare const sendGrid: { send(mail: object): Promise<void> };",
    logger: "declare const logger: { warn(about: object, line: string): void };",
    tenantOf: "declare const tenantOf: (id: string) => Promise<string>;",
    error: 'declare const error: import("ampho").AmphoError;',
    httpRequest: 'declare const httpRequest: import("ampho").HttpRequest;',
    lines: "declare const lines: readonly string[];",
    dutch: 'declare const dutch: import("ampho").AddedLanguage;',
  },
  "ampho/mcp": {
    ...common,
    Auth: 'import type { Auth } from "ampho";',
    verifier: 'declare const verifier: import("ampho/mcp").McpTokenVerifier & import("ampho/verify").Verifier;',
    requireBearerAuth: "declare const requireBearerAuth: (options: object) => unknown;",
    server: "declare const server: { registerTool(name: string, ...tool: readonly unknown[]): void };",
    publish: "declare const publish: (...values: readonly unknown[]) => Promise<{ content: [] }>;",
    inputSchema:
      "declare const inputSchema: { readonly '~standard': { readonly types?: { readonly input: { id: string }; readonly output: { id: string } } } };",
  },
  "ampho/verify": {
    ...common,
    verifier: 'declare const verifier: import("ampho/verify").Verifier;',
    jwkSet: "declare const jwkSet: object;",
  },
  "ampho/node": {
    ...common,
    request: 'declare const request: import("node:http").IncomingMessage;',
    server: 'declare const server: import("node:http").Server;',
    sockets: 'declare const sockets: import("ws").WebSocketServer;',
  },
  "ampho/express": { ...common, ...express },
  "ampho/fastify": {
    ...common,
    fastify: 'import { fastify } from "fastify";',
    app: 'declare const app: import("fastify").FastifyInstance;',
  },
  "ampho/hono": {
    ...common,
    Hono: 'import { Hono } from "hono";',
    Context: 'import type { Context } from "hono";',
    app: 'declare const app: import("hono").Hono;',
    getConnInfo: 'import { getConnInfo } from "@hono/node-server/conninfo";',
  },
  "ampho/koa": { ...common, Koa: 'import Koa from "koa";', app: 'declare const app: import("koa");' },
  "ampho/nest": {
    ...common,
    ...nest("Module", "Injectable", "Inject", "Controller", "Get", "Catch", "ArgumentsHost", "ExceptionFilter"),
    APP_GUARD: 'import { APP_GUARD } from "@nestjs/core";',
    Ampho: 'import { type Ampho } from "ampho";',
    Auth: 'import { type Auth } from "ampho";',
    createAmpho: 'import { createAmpho } from "ampho";',
    guard: 'declare const guard: import("ampho/nest").AuthorizeGuard;',
    context: 'declare const context: import("@nestjs/common").ExecutionContext;',
  },
  "ampho/client": { ...common, ...client, client: 'declare const client: import("ampho/client").Client;' },
  "ampho/client/api-keys": {
    ...common,
    ...client,
    client: 'declare const client: import("ampho/client").Client;',
    apiKeys: 'declare const apiKeys: import("ampho/client/api-keys").ApiKeysClient["apiKeys"];',
  },
  "ampho/client/connections": {
    ...common,
    ...client,
    client: 'declare const client: import("ampho/client").Client;',
    connections: 'declare const connections: import("ampho/client/connections").ConnectionsClient["connections"];',
    query: "declare const query: string;",
    transaction: "declare const transaction: string;",
  },
  "ampho/client/account": {
    ...common,
    ...client,
    client: 'declare const client: import("ampho/client").Client;',
    account: 'declare const account: import("ampho/client/account").AccountClient["account"];',
    sessions: 'declare const sessions: import("ampho/client/account").AccountClient["sessions"];',
    review: 'declare const review: import("ampho/client/account").Review;',
  },
  "ampho/client/outside": {
    ...common,
    ...client,
    createClient: 'import { createClient } from "ampho/client/full";',
    client: 'declare const client: import("ampho/client/full").FullClient;',
    outside: 'declare const outside: import("ampho/client/outside").Outside;',
    linkNeeded: 'declare const linkNeeded: import("ampho/client/outside").LinkNeeded;',
  },
  "ampho/client/full": {
    ...common,
    ...client,
    client: 'declare const client: import("ampho/client/full").FullClient;',
  },
  "ampho/client/mail": {
    ...common,
    ...client,
    client: 'declare const client: import("ampho/client/mail").MailClient;',
    mailLogin: 'declare const mailLogin: import("ampho/client/mail").MailLogin;',
    registration: 'declare const registration: import("ampho/client/mail").Registration;',
    reset: 'declare const reset: import("ampho/client/mail").PasswordReset;',
    change: 'declare const change: import("ampho/client/mail").EmailChange;',
    askWhether: "declare const askWhether: (change: string, yes: () => Promise<void>) => void;",
  },
};
