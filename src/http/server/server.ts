// The standalone server: our endpoints and probes on node:http, with limits on everything a stranger can make last.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Server as StreamServer } from "node:net";
import type { Duplex } from "node:stream";
import { setImmediate as nextCheck } from "node:timers/promises";
import { AmphoError, type ErrorCode } from "../../errors.js";
import { authorizationValues, targetOf } from "../node/request.js";
import { requestIdField, requestIdOf } from "../node/request-id.js";
import { writeResponse } from "../node/response.js";
import { serveNodeRequest } from "../node/serve-request.js";
import type { HttpHost } from "../rest/host.js";
import type { HttpResponse } from "../rest/message.js";
import { bodyLimitBytes } from "../rest/request/body-limits.js";
import { parseTarget } from "../rest/request/target.js";
import type { AccessLog } from "./access-log.js";
import { type Connection, closeAfter, trackConnection, trackResponse } from "./connection.js";
import { type MetricsPage, metricsPath } from "./metrics-page.js";
import { rejectSocket } from "./parser-errors.js";
import { createProbe } from "./probes.js";

/** `ampho.host`, as far as a server uses it. */
export interface ServedHost extends HttpHost {
  /** Rejects with `unavailable` when the database is unreachable. */
  ready(): Promise<void>;
  /** The warnings of `/readyz`. */
  warnings(): readonly string[];
  /** Responds to requests that wait for a revocation, before the port is closed. */
  release(): void;
}

export interface ServerOptions {
  readonly host: ServedHost;
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
  beginShutdown(): void;
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
 * Requests of one connection that are looked at before the first of them is answered. Node begins all that come in one
 * piece, a thousand of them, at once; no browser sends a second before the first is answered, and what does has some
 * sixteen under way. (Cutting the connection instead would keep all of them in memory until the loop's next turn.)
 */
const unansweredMax = 32;

/**
 * A connection on which nothing has moved for so long, or twice as long where it is in the middle of an answer: longer than
 * any answer takes (the feed's 20 s, and 6 s for the store), and than a request may take, which is to hear 408.
 */
const stalledMs = 40_000;

const drainMs = 5_000;
/** For connections that wait to be accepted, of which there may come ever more. */
const acceptMs = 1_000;
/** A request may just be arriving on a connection that is open. */
const arrivalMs = 100;

export function createHttpServer(options: ServerOptions): HttpServer {
  const { host, log, trustedHops = 0, metrics } = options;
  let stopping = false;
  const probe = createProbe({
    ready: () => (stopping ? Promise.reject(gone()) : host.ready()),
    warnings: host.warnings,
    refusal: host.refusal,
    trustedHops,
  });
  /** Until they are closed: of a response that waits for one before it Node then says nothing more. */
  const connections = new Map<Duplex, Connection>();
  /** Connections ever. */
  let accepted = 0;
  let closing: Promise<void> | undefined;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startMs = performance.now();
    const timeMs = Date.now();
    const { socket, method, headers } = request;
    // Node joins several of one field by commas, which is no traceparent.
    const { traceparent } = headers;
    const requestId = requestIdOf(typeof traceparent === "string" ? traceparent : undefined);
    const connection = connections.get(socket);
    trackResponse(connection, request, response);
    response.setHeader(requestIdField, requestId);
    if (stopping) closeAfter(connection, response);
    const { status, route, error } = await respond(request, response);
    if (status === 408 && connection !== undefined) connection.closing = true;
    log({ timeMs, method, route, status, durationMs: performance.now() - startMs, error, requestId });
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<HttpResponse> {
    const { path } = parseTarget(targetOf(request));
    const own =
      path === metricsPath
        ? metrics?.(request.method, authorizationValues(request))
        : probe(request.method, path, request.headers);
    if (own === undefined) return serveNodeRequest(host, request, response);
    const answer = await own;
    writeResponse(request, response, answer);
    return answer;
  }

  let excess: HttpResponse | undefined;
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(request.socket);
    // Nothing is done any more (RFC 9112 §9.6), and nothing may be answered: Node does not keep the order of what it drops.
    if (request.socket.destroyed || connection?.closing === true) return;
    if (connection === undefined || connection.openResponses < unansweredMax) return void answer(request, response);
    excess ??= host.refusal(new AmphoError("overloaded", "Too many requests of this connection wait for an answer."));
    if (!connection.rejecting) logUnanswered(request.method, excess.status, excess.error);
    connection.rejecting = true;
    writeResponse(request, response, excess);
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
  server.on("connect", ({ method }: IncomingMessage, socket: Duplex) => logUnanswered(method, rejectSocket(socket)));
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    const response = connections.get(socket)?.lastResponse;
    const status = rejectSocket(socket, error.code, response?.headersSent);
    // A request in flight has its own line.
    if (response === undefined) logUnanswered(undefined, status);
  });

  function logUnanswered(method: string | undefined, status: number | undefined, error?: ErrorCode): void {
    if (status === undefined) return;
    const entry = { timeMs: Date.now(), durationMs: 0, requestId: requestIdOf(undefined), route: undefined };
    log({ ...entry, method, status, error });
  }

  server.on("connection", (socket) => {
    accepted += 1;
    connections.set(socket, trackConnection(socket));
    socket.once("close", () => connections.delete(socket));
  });

  /** Until none waits to be accepted: the loop takes one each time it looks, and the look before the first `check` may be over. */
  async function acceptAll(): Promise<void> {
    const untilMs = performance.now() + acceptMs;
    for (let none = 0; none < 2 && performance.now() < untilMs; ) {
      const before = accepted;
      await nextCheck();
      none = accepted === before ? none + 1 : 0;
    }
  }

  async function drain(): Promise<void> {
    const timer = setTimeout(() => server.closeAllConnections(), drainMs);
    // What is closed resets all that has arrived and was not read yet: of connections that were not accepted, and of idle
    // ones, which a proxy may use at this moment. So each is closed right after the loop has looked (`check` follows `poll`).
    await acceptAll();
    const closed = new Promise<void>((resolve) => closePort(server, resolve));
    host.release();
    const unused = setTimeout(async () => {
      await nextCheck();
      // For Node an answer is over when it is written, whatever of it is still to be sent, and who has sent nothing is not idle.
      for (const { socket, openResponses, readBytes } of connections.values())
        if (openResponses === 0 && socket.bytesRead === readBytes) socket.destroy();
    }, arrivalMs);
    await closed;
    clearTimeout(timer);
    clearTimeout(unused);
    // Ends what Node does at intervals.
    server.close();
  }

  function beginShutdown(): void {
    stopping = true;
    for (const connection of connections.values())
      if (connection.lastResponse?.headersSent === false) closeAfter(connection, connection.lastResponse);
  }

  return {
    listen: (port, host) => listen(server, port, host),
    beginShutdown,
    close: () => {
      beginShutdown();
      closing ??= drain();
      return closing;
    },
  };
}

/** Without idle connections, which `close` of node:http ends at once. In Bun it is another thing, with nothing beneath it. */
function closePort(server: Server, closed: () => void): void {
  if (process.versions["bun"] === undefined) StreamServer.prototype.close.call(server, closed);
  else server.close(closed);
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
