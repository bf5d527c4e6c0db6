// The standalone server: our endpoints and probes on node:http, with limits on everything a stranger can make last.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { AmphoError } from "../errors.js";
import type { AccessLog } from "./access-log.js";
import { bodyLimitBytes } from "./body-limits.js";
import type { HttpAnswer } from "./message.js";
import { type MetricsPage, metricsPath } from "./metrics-page.js";
import { writeAnswer } from "./node-answer.js";
import { exchange, type HttpHost } from "./node-exchange.js";
import { authorizationValues, targetOf } from "./node-request.js";
import { createProbe } from "./probes.js";
import { requestIdField, requestIdOf } from "./request-id.js";
import { parseTarget } from "./target.js";
import { refuseSocket } from "./unparsed.js";

export interface ServerOptions {
  readonly ampho: HttpHost;
  /** Rejects with `unavailable` when the store is away. */
  readonly ready: () => Promise<void>;
  /** What `/readyz` tells beside its 200. */
  readonly warnings?: (() => readonly string[]) | undefined;
  readonly log: AccessLog;
  /** How many proxies are believed (AMPHO_TRUST_PROXY). */
  readonly trustedHops?: number;
  /** What stands at /metrics; undefined: nothing. */
  readonly metrics?: MetricsPage | undefined;
}

export interface HttpServer {
  /** Listens, and gives the URL; port 0 takes a free one. Rejects with Node's error, such as EADDRINUSE. */
  listen(port: number, host: string): Promise<string>;
  /** Answers as before, but `/readyz` 503, so that balancers send nothing more, and ends each connection with its answer. */
  leave(): void;
  /** Takes no more connections, lets requests in flight finish for a few seconds, then closes what is left. May be called twice. */
  close(): Promise<void>;
}

const limits = {
  /** From its first byte to its last: then 408. */
  requestTimeout: 30_000,
  headersTimeout: 30_000,
  /** How late the 408 may come. */
  connectionsCheckingInterval: 1_000,
  /** Longer than the idle time of common proxies (60 s), or they would send into a connection that is just being closed. */
  keepAliveTimeout: 65_000,
  /** Twice the largest token. */
  maxHeaderSize: 16_384,
  /** We look ourselves: Node's own refusal is no JSON and leaves no line in the log. */
  requireHostHeader: false,
};

/**
 * Requests of one connection that are not answered yet. Node begins all that come in one piece, a thousand of them, at
 * once; no browser sends a second before the first is answered, and what does waits for some sixteen at most.
 */
const unansweredMax = 32;

/**
 * A connection on which nothing has moved for so long, or twice as long where it is in the middle of an answer: longer than
 * any answer takes (the feed's 20 s, and 6 s for the store), and than a request may take, which is to hear 408.
 */
const stalledMs = 40_000;

const drainMs = 5_000;
const arrivalMs = 100;

interface Connection {
  readonly socket: Socket;
  unanswered: number;
  /** The response that is owed to its last request, until that is answered. */
  last: ServerResponse | undefined;
}

export function createHttpServer(options: ServerOptions): HttpServer {
  const { ampho, ready, warnings, log, trustedHops = 0, metrics } = options;
  let leaving = false;
  const probe = createProbe({
    ready: () => (leaving ? Promise.reject(gone()) : ready()),
    warnings,
    refusal: ampho.refusal,
    trustedHops,
  });
  /** Until they are closed: of a response that waits for one before it Node then says nothing more. */
  const connections = new Map<Duplex, Connection>();
  let closing: Promise<void> | undefined;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startMs = performance.now();
    const timeMs = Date.now();
    const { socket, method, headers } = request;
    // Node joins several of one field by commas, which is no traceparent.
    const { traceparent } = headers;
    const requestId = requestIdOf(typeof traceparent === "string" ? traceparent : undefined);
    owe(connections.get(socket), response);
    response.setHeader(requestIdField, requestId);
    if (leaving) response.setHeader("Connection", "close");
    const { status, route, error } = await respond(request, response);
    log({ timeMs, method, route, status, durationMs: performance.now() - startMs, error, requestId });
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<HttpAnswer> {
    const { path } = parseTarget(targetOf(request));
    const own =
      path === metricsPath
        ? metrics?.(request.method, authorizationValues(request))
        : probe(request.method, path, request.headers);
    if (own === undefined) return exchange(ampho, request, response);
    const answer = await own;
    writeAnswer(request, response, answer);
    return answer;
  }

  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const { socket, method } = request;
    // Of what has come in one piece Node begins the rest all the same.
    if (socket.destroyed) return;
    if ((connections.get(socket)?.unanswered ?? 0) < unansweredMax) return void answer(request, response);
    logUnanswered(method, 503);
    socket.destroy();
  };
  const server = createServer(limits, handle);
  // Who asks and never reads would keep what is written, and the connection, for ever.
  server.timeout = stalledMs;
  // An expectation that we do not know may be ignored (RFC 9110 §10.1.1).
  server.on("checkExpectation", handle);
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    // What is too large is refused before it is sent.
    if (!(Number(request.headers["content-length"]) > bodyLimitBytes)) response.writeContinue();
    handle(request, response);
  });
  // A tunnel (RFC 9110 §9.3.6) is nothing that we open.
  server.on("connect", ({ method }: IncomingMessage, socket: Duplex) => logUnanswered(method, refuseSocket(socket)));
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    const response = connections.get(socket)?.last;
    const status = refuseSocket(socket, error.code, response?.headersSent);
    // A request in flight has its own line.
    if (response === undefined) logUnanswered(undefined, status);
  });

  function logUnanswered(method: string | undefined, status: number | undefined): void {
    if (status === undefined) return;
    const entry = {
      timeMs: Date.now(),
      durationMs: 0,
      requestId: requestIdOf(undefined),
      route: undefined,
      error: undefined,
    };
    log({ ...entry, method, status });
  }

  server.on("connection", (socket) => {
    connections.set(socket, { socket, unanswered: 0, last: undefined });
    socket.once("close", () => connections.delete(socket));
  });

  async function drain(): Promise<void> {
    const timer = setTimeout(() => server.closeAllConnections(), drainMs);
    // Nothing was read on these yet, and Node does not count them as idle. A request may just be arriving.
    const silent = setTimeout(() => {
      for (const { socket } of connections.values()) if (socket.bytesRead === 0) socket.destroy();
    }, arrivalMs);
    await new Promise<void>((resolve) => server.close(() => resolve()));
    clearTimeout(timer);
    clearTimeout(silent);
  }

  function leave(): void {
    leaving = true;
    for (const { last } of connections.values()) if (last?.headersSent === false) last.setHeader("Connection", "close");
  }

  return {
    listen: (port, host) => listen(server, port, host),
    leave,
    close: () => {
      leave();
      closing ??= drain();
      return closing;
    },
  };
}

function owe(connection: Connection | undefined, response: ServerResponse): void {
  if (connection === undefined) return;
  connection.unanswered += 1;
  connection.last = response;
  response.once("close", () => {
    connection.unanswered -= 1;
    // A pipelined request may have taken its place.
    if (connection.last === response) connection.last = undefined;
  });
}

const gone = () => new AmphoError("unavailable", "This process is about to end.", { retryAfterSeconds: 1 });

function listen(server: Server, port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      resolve(`http://${host.includes(":") ? `[${host}]` : host}:${bound}`);
    });
  });
}
