// The server of `ampho serve`: endpoints, probes and metrics, with a limit on everything that a client can prolong.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { AmphoError, type ErrorCode, invalidRequest } from "../../errors.js";
import { authorizationValues, targetOf } from "../node/request.js";
import { writeResponse } from "../node/response.js";
import { requestIdField, requestIdOf, serveNodeRequest } from "../node/serve-request.js";
import type { HttpHost } from "../rest/host.js";
import type { HttpResponse } from "../rest/message.js";
import { bodyLimitBytes } from "../rest/request/body.js";
import { parseTarget } from "../rest/request/target.js";
import type { AccessLog } from "./access-log.js";
import { closeAfter, rejectSocket, trackConnections, trackResponse } from "./connections.js";
import { createProbe, type MetricsPage, metricsPath } from "./probes.js";
import { createShutdown } from "./shutdown.js";

/** `ampho.host`, as far as a server uses it. */
export interface ServedHost extends HttpHost {
  /** Rejects with `unavailable` when the database is unreachable. */
  ready(): Promise<void>;
  /** The warnings of `/readyz`. */
  warnings(): readonly string[];
  /** Responds to requests that wait for a revocation, before the port is closed. */
  release(): void;
}

/** The parameters of a server, by their names as options. */
export interface ServerSettings {
  readonly trustProxy?: number;
  /** New connections that exceed it are closed at once. The default is 10 000. */
  readonly connectionsMax?: number | undefined;
}

export interface ServerOptions {
  readonly host: ServedHost;
  readonly log: AccessLog;
  readonly settings?: ServerSettings;
  /** The page at `/metrics`, if there is one. */
  readonly metrics?: MetricsPage | undefined;
}

export type HttpServer = ReturnType<typeof createHttpServer>;

const limits = {
  /** From the first byte of a request to its last, then 408. */
  requestTimeout: 30_000,
  headersTimeout: 30_000,
  /** The 408 can be this late. */
  connectionsCheckingInterval: 1_000,
  /** Longer than the idle time of common proxies (60 s), which else send into a connection that is being closed. */
  keepAliveTimeout: 65_000,
  /** Twice the largest token. */
  maxHeaderSize: 16_384,
  /** `readRequest` checks the Host header, because Node's own rejection is not JSON and leaves no line in the log. */
  requireHostHeader: false,
};

/**
 * For one connection, because Node begins all pipelined requests at once. Browsers wait for each response, and other
 * clients have about sixteen under way. To cut the connection would keep all requests until the next turn.
 */
const openResponsesMax = 32;

/** Longer than any response takes (20 s for the feed, 6 s for the database), and than a request before its 408. */
const stalledMs = 40_000;

export function createHttpServer(options: ServerOptions) {
  const { host, log, metrics, settings = {} } = options;
  const server = createServer(limits, handle);
  server.maxConnections = settings.connectionsMax ?? 10_000;
  const connections = trackConnections(server);
  const shutdown = createShutdown(server, connections, () => host.release());
  const probe = createProbe({
    ready: () => (shutdown.hasBegun ? Promise.reject(shuttingDown()) : host.ready()),
    warnings: host.warnings,
    errorResponse: host.errorResponse,
    trustedHops: settings.trustProxy ?? 0,
  });
  let tooMany: HttpResponse | undefined;

  // A client that sends requests and never reads would keep the written responses, and the connection, forever.
  server.timeout = stalledMs;
  // An unknown expectation can be ignored (RFC 9110 §10.1.1).
  server.on("checkExpectation", handle);
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    // Without the 100 the client of a too large body gets its 413 before it sends the body.
    if (!(Number(request.headers["content-length"]) > bodyLimitBytes)) response.writeContinue();
    handle(request, response);
  });
  // The server opens no tunnels (RFC 9110 §9.3.6).
  server.on("connect", ({ method }: IncomingMessage, socket: Duplex) => {
    const { body, error } = host.errorResponse(invalidRequest("This server opens no tunnels."));
    logRejected(method, rejectSocket(socket, undefined, false, body), error);
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    const response = connections.open.get(socket)?.lastResponse;
    const status = rejectSocket(socket, error.code, response?.headersSent);
    // A running request writes its own line.
    if (response === undefined) logRejected(undefined, status);
  });

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const connection = connections.open.get(request.socket);
    // On a closing connection no further request is served (RFC 9112 §9.6). It gets no response either, because Node
    // does not keep the order of responses that it drops.
    if (request.socket.destroyed || connection?.closing === true) return;
    if (connection === undefined || connection.openResponses < openResponsesMax) return void serve(request, response);
    tooMany ??= host.errorResponse(
      new AmphoError("overloaded", "Too many requests of this connection wait for a response."),
    );
    // One line for all of them, or a client could fill the log.
    if (!connection.rejecting) logRejected(request.method, tooMany.status, tooMany.error);
    connection.rejecting = true;
    writeResponse(request, response, tooMany);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startMs = performance.now();
    const timeMs = Date.now();
    const { socket, method, headers } = request;
    // Node joins several `traceparent` headers with commas, and the joined text is no valid one.
    const { traceparent } = headers;
    const requestId = requestIdOf(typeof traceparent === "string" ? traceparent : undefined);
    const connection = connections.open.get(socket);
    trackResponse(connection, request, response);
    response.setHeader(requestIdField, requestId);
    if (shutdown.hasBegun) closeAfter(connection, response);
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
    const content = await own;
    writeResponse(request, response, content);
    return content;
  }

  /** Logs a request that was rejected before it was served. */
  function logRejected(method: string | undefined, status: number | undefined, error?: ErrorCode): void {
    if (status === undefined) return;
    const entry = { timeMs: Date.now(), durationMs: 0, requestId: requestIdOf(undefined), route: undefined };
    log({ ...entry, method, status, error });
  }

  return {
    /** Listens and returns the URL. Port 0 takes a free port. Rejects with Node's error, such as EADDRINUSE. */
    listen: (port: number, address: string): Promise<string> => listen(server, port, address),
    connections,
    /** `/readyz` returns 503 from then on, so that balancers send no more. */
    beginShutdown: shutdown.begin,
    close: shutdown.close,
  };
}

const shuttingDown = () => new AmphoError("unavailable", "This process is shutting down.", { retryAfterSeconds: 1 });

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
