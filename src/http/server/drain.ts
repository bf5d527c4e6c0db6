// An application that mounts Ampho has the readiness of `ampho serve` for a route, and the graceful end of its server.
import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type Socket, Server as StreamServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { within } from "../../clock.js";
import { type Duration, parseDuration } from "../../duration.js";
import { AmphoError } from "../../errors.js";
import { type Connections, closeAfter, trackConnections, trackResponse } from "./connections.js";
import { readyTimeoutMs } from "./probes.js";
import type { ServedHost } from "./server.js";
import { createShutdown } from "./shutdown.js";

/**
 * The result of `ampho.health`.
 * @example
 * const { status, body }: Health = await ampho.health();
 * const response = Response.json(body, { status });
 */
export interface Health {
  /** The status of the response. */
  readonly status: 200 | 503;
  /** The JSON of the response: `{"status":"ok"}`, perhaps with `warnings`, or that of the error `unavailable`. */
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * The options of `ampho.drain`.
 * @example
 * const options: DrainOptions = { limit: "30s" };
 * await ampho.drain(server, options);
 */
export interface DrainOptions {
  /** How long running requests have after the port has closed: seconds, or a duration. The default is `"5s"`. */
  readonly limit?: Duration | undefined;
}

export function createEnding(host: ServedHost, { delaySeconds }: { readonly delaySeconds: number }) {
  const draining = new Map<Server, Promise<void>>();
  const late = () => new AmphoError("unavailable", "The database did not respond.");

  async function end(server: Server, limitSeconds: number): Promise<void> {
    const connections = followConnections(server);
    const shutdown = createShutdown(server, connections, () => host.release(), limitSeconds * 1000);
    shutdown.begin();
    if (delaySeconds > 0) await pause(delaySeconds * 1000);
    // Nothing is known of connections under TLS.
    const timer = isSecure(server) ? setInterval(() => server.closeIdleConnections(), 100) : undefined;
    await shutdown.close().finally(() => clearInterval(timer));
  }

  return {
    async health(): Promise<Health> {
      try {
        if (draining.size > 0) throw new AmphoError("unavailable", "This process is shutting down.");
        await within(readyTimeoutMs, host.ready(), late);
      } catch (error) {
        return { status: 503, body: JSON.parse(host.errorResponse(error).body ?? "{}") as Health["body"] };
      }
      const warnings = host.warnings();
      return { status: 200, body: { status: "ok", ...(warnings.length > 0 && { warnings }) } };
    },
    async drain(server: Server, { limit = 5 }: DrainOptions = {}): Promise<void> {
      const limitSeconds = parseDuration(limit);
      if (limitSeconds === undefined) throw new TypeError('limit must be whole seconds or a duration such as "10s".');
      if (!isServer(server))
        throw new TypeError("drain needs the server of node:http that `listen` returns, as in ampho.drain(server).");
      const ended = draining.get(server) ?? end(server, limitSeconds);
      draining.set(server, ended);
      return ended;
    },
  };
}

// Recognized by a member, because the classes would load node:http and node:https in every process.
const isServer = (value: unknown): boolean => value instanceof StreamServer && "closeIdleConnections" in value;
const isSecure = (server: Server): boolean => "setSecureContext" in server;

/** The open connections of each server of this process. A server itself does not list them. */
const accepted = new WeakMap<object, Set<Socket>>();
let watching = false;

/** Notes every connection that this process accepts from now on. It costs one entry of a set for each. */
export function watchAccepted(): void {
  if (watching) return;
  watching = true;
  subscribe("net.server.socket", (message) => {
    const { socket } = message as { readonly socket: Socket & { readonly server?: StreamServer } };
    if (socket.server === undefined || socket.server === null) return;
    const sockets = accepted.get(socket.server) ?? new Set();
    accepted.set(socket.server, sockets.add(socket));
    socket.once("close", () => sockets.delete(socket));
  });
}

/** Tracks the connections and open responses of a server from now on, and ends each with its next response. */
function followConnections(server: Server): Pick<Connections, "open" | "accepted"> {
  if (isSecure(server)) {
    server.prependListener("request", (_request, response: ServerResponse) => closeAfter(undefined, response));
    return { open: new Map(), accepted: 0 };
  }
  const connections = trackConnections(server, accepted.get(server));
  for (const connection of connections.open.values()) {
    connection.readBytes = connection.socket.bytesRead;
    // Node keeps the response under way in this member, and has no other way to it.
    const { _httpMessage: response } = connection.socket as { readonly _httpMessage?: ServerResponse | null };
    if (response !== undefined && response !== null) trackResponse(connection, response.req, response);
  }
  server.prependListener("request", (request: IncomingMessage, response: ServerResponse) => {
    const connection = connections.open.get(request.socket);
    trackResponse(connection, request, response);
    closeAfter(connection, response);
  });
  return connections;
}
