// The graceful end of a server: running requests get their response, and the port closes.
import type { Server } from "node:http";
import { Server as StreamServer } from "node:net";
import { setImmediate as nextCheck } from "node:timers/promises";
import { type Connections, closeAfter } from "./connections.js";

/** Running requests have this long to finish, if nothing else is stated. */
const finishMs = 5_000;
/** The limit for accepting connections that wait in the backlog, because new ones can arrive without end. */
const acceptMs = 1_000;
/** A request can be arriving on an open connection. */
const arrivalMs = 100;

/** `onClosing` is called when the port has closed, to release waiting requests. Running ones have `limitMs`. */
export function createShutdown(
  server: Server,
  connections: Pick<Connections, "open" | "accepted">,
  onClosing: () => void,
  limitMs = finishMs,
) {
  let hasBegun = false;
  let closing: Promise<void> | undefined;

  /** Ends each connection with its current response. The port stays open. */
  function begin(): void {
    hasBegun = true;
    for (const connection of connections.open.values())
      if (connection.lastResponse?.headersSent === false) closeAfter(connection, connection.lastResponse);
  }

  /** The event loop accepts one connection each time, and its first look can be over before the first `check`. */
  async function acceptBacklog(): Promise<void> {
    const untilMs = performance.now() + acceptMs;
    for (let idleTurns = 0; idleTurns < 2 && performance.now() < untilMs; ) {
      const before = connections.accepted;
      await nextCheck();
      idleTurns = connections.accepted === before ? idleTurns + 1 : 0;
    }
  }

  async function finish(): Promise<void> {
    const timer = setTimeout(() => {
      server.closeAllConnections();
      // It does not know connections that were upgraded, such as WebSockets.
      for (const socket of connections.open.keys()) socket.destroy();
    }, limitMs);
    // Closing a connection resets everything that is unread, in the backlog or from a proxy at this moment. So each is
    // closed right after the event loop has read (`check` follows `poll`).
    await acceptBacklog();
    const closed = new Promise<void>((resolve) => closePort(server, resolve));
    onClosing();
    const unused = setTimeout(async () => {
      await nextCheck();
      // `closeIdleConnections` would not do. For Node a response is complete when it is written, even if it is not sent
      // yet, and a connection without a first request is not idle.
      for (const { socket, openResponses, readBytes } of connections.open.values())
        if (openResponses === 0 && socket.bytesRead === readBytes) socket.destroy();
    }, arrivalMs);
    await closed;
    clearTimeout(timer);
    clearTimeout(unused);
    // Stops Node's interval that checks connections.
    server.close();
  }

  return {
    get hasBegun(): boolean {
      return hasBegun;
    },
    begin,
    /** Closes the port, waits for running requests, and closes the rest. It can be called twice. */
    close(): Promise<void> {
      begin();
      closing ??= finish();
      return closing;
    },
  };
}

/** Keeps idle connections, which `close` of node:http ends at once. Bun's server has no net.Server beneath it. */
function closePort(server: Server, closed: () => void): void {
  if (process.versions["bun"] === undefined) StreamServer.prototype.close.call(server, closed);
  else server.close(closed);
}
