// Servers on the loopback interface. Each is returned when it accepts connections, on a port that the system chooses. Their
// addresses are numbers, because `localhost` can be two addresses, and a server that listens on one rejects on the other.
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { Server } from "node:net";
import { onTestFinished } from "vitest";

/** Resolves with the port when the server listens. The caller closes the server. */
export async function openPort(server: Server, wanted = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(wanted, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}

/**
 * Listens until the end of the test, or of the file if `atEnd` is `atEndOfFile`. An origin that the handler needs is known
 * first if the caller passes a server without a handler, and adds the handler afterwards.
 */
export async function listening(
  app: RequestListener | Server,
  atEnd: (close: () => void) => unknown = onTestFinished,
  wanted = 0,
): Promise<{ readonly port: number; readonly url: string }> {
  const server = typeof app === "function" ? createServer(app) : app;
  const port = await openPort(server, wanted);
  atEnd(() => {
    if ("closeAllConnections" in server && typeof server.closeAllConnections === "function")
      server.closeAllConnections();
    server.close();
  });
  return { port, url: `http://127.0.0.1:${port}` };
}

export type Behavior = (request: IncomingMessage, response: ServerResponse) => void;

export interface Listening {
  readonly url: string;
  /** The paths with their queries, in the order of the requests. */
  readonly requested: string[];
  /** Changes the behavior for later requests. */
  respond(by: Behavior): void;
  /** Closes the server before the end of the test. */
  close(): Promise<void>;
}

/** A server with the behavior that a test needs. It closes at the end of the test. */
export async function listen(by: Behavior, wanted = 0): Promise<Listening> {
  let behavior = by;
  const requested: string[] = [];
  const server = createServer((request, response) => {
    requested.push(request.url ?? "");
    behavior(request, response);
  });
  const { url } = await listening(server, onTestFinished, wanted);
  return {
    url,
    requested,
    respond: (next) => {
      behavior = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export const sendJson =
  (value: unknown, headers: Readonly<Record<string, string>> = {}): Behavior =>
  (_request, response) =>
    void response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
