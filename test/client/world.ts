// A real server with short-lived tokens: the REST API, guarded routes of an application, and a page with the client.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { onTestFinished } from "vitest";
import { authorize, mount } from "../../dist/adapters/node.js";
import { createClient } from "../../dist/client/client.js";
import type { Ampho, AmphoOptions } from "../../dist/index.js";
import { openAmpho, untilHashed } from "../world/ampho.js";
import { settableClock } from "../world/clock.js";
import { listening } from "../world/listen.js";
import { createTestStorage } from "./storage.js";

export const ann = { login: "ann", password: "heron violet tumbrel 91" };
export const ben = { login: "ben", password: "saffron anchor drizzle 27" };

export interface World {
  readonly ampho: Ampho;
  readonly url: string;
  readonly port: number;
  /** The URL of its page for a browser. */
  readonly appUrl: string;
  /** Every request that came in, as "METHOD /path". */
  readonly requests: string[];
  /** Bodies and a few headers of the calls of the REST API, in their order. */
  readonly calls: Call[];
  /** Counts the rows of this event in the audit log. */
  count(event: string): Promise<number>;
  events(): Promise<readonly string[]>;
  /** Handles a request instead of the server, if it returns true. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  close(): Promise<void>;
}

export interface Call {
  readonly path: string;
  readonly idempotencyKey: string | undefined;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** Concurrent tests pass the `onTestFinished` of their own context. Options can depend on the URL of the page. */
export async function openWorld(
  settings: AmphoOptions | ((appUrl: string) => AmphoOptions) = {},
  page?: (path: string) => string | undefined,
  atEnd = onTestFinished,
  wanted = 0,
): Promise<World> {
  const server = createServer();
  const { port, url } = await listening(server, atEnd, wanted);
  // Passkeys belong to a name. Chromium connects to `localhost` at each of its addresses.
  const appUrl = `http://localhost:${port}/`;
  const options = typeof settings === "function" ? settings(appUrl) : settings;
  const { ampho } = await openAmpho({ tokenTtl: 900, ...options }, { ...ann, roles: ["editor"] }, ben);
  const api = mount(ampho);
  const guard = authorize(ampho);
  const guards = { "/strong": authorize(ampho, { acr: "2fa" }), "/recent": authorize(ampho, { maxAge: 300 }) };
  const requests: string[] = [];
  const calls: Call[] = [];
  const world: World = {
    ampho,
    url,
    port,
    appUrl,
    requests,
    calls,
    intercept: undefined,
    events: async () => {
      const rows = await ampho.audit.list({ limit: 10_000 });
      return rows.map(({ event, reason }) => (reason === undefined ? event : `${event}: ${reason}`));
    },
    count: async (event) => (await world.events()).filter((one) => one === event || one.startsWith(`${event}:`)).length,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await ampho.close();
    },
  };

  server.on("request", (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    requests.push(`${request.method} ${pathname}`);
    if (pathname.startsWith(ampho.host.prefix)) recordCall(request, calls);
    if (world.intercept?.(request, response)) return;
    const text = page?.(pathname);
    if (text !== undefined) {
      response.setHeader("Content-Type", pathname.endsWith(".js") ? "text/javascript" : "text/html");
      response.end(text);
    } else if (pathname.startsWith("/guarded")) {
      guard(request, response, () => void echo(request, response));
    } else if (pathname === "/strong" || pathname === "/recent") {
      guards[pathname](request, response, () => void echo(request, response));
    } else if (pathname.startsWith("/open")) {
      void echo(request, response);
    } else if (pathname === "/moved") {
      const { searchParams } = new URL(request.url ?? "/", "http://localhost");
      response.writeHead(Number(searchParams.get("status") ?? 302), { Location: searchParams.get("to") ?? "/" }).end();
    } else api(request, response);
  });
  atEnd(() => world.close());
  return world;
}

/** Records a call while the handler reads its body. */
function recordCall(request: IncomingMessage, calls: Call[]): void {
  const chunks: Buffer[] = [];
  const { authorization } = request.headers;
  const idempotencyKey = String(request.headers["idempotency-key"]);
  const push = request.push.bind(request);
  request.push = (chunk: Buffer | null, ...rest) => {
    if (chunk !== null) chunks.push(chunk);
    else calls.push({ path: request.url ?? "", idempotencyKey, authorization, body: Buffer.concat(chunks).toString() });
    return push(chunk, ...rest);
  };
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  const { authorization = null } = request.headers;
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ login: request.auth?.login ?? null, authorization, body }));
}

/** Opens a server whose clock the test sets, and a client with a storage that the test controls. Ann is logged in. */
export async function logInAnn(options: AmphoOptions = {}, storage = createTestStorage(), port = 0) {
  const clock = settableClock();
  const world = await openWorld({ clock, ...options }, undefined, onTestFinished, port);
  const open = (baseUrl = world.url) => createClient({ baseUrl, storage });
  const client = open();
  await untilHashed(() => client.login(ann.login, ann.password));
  world.calls.length = 0;
  world.requests.length = 0;
  return { world, clock, storage, client, open };
}
