// A server on the loopback interface with the behavior that a test needs. It closes at the end of the test.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { onTestFinished } from "vitest";

export type Behavior = (request: IncomingMessage, response: ServerResponse) => void;

export interface Listening {
  readonly url: string;
  /** The paths with their queries, in the order of the requests. */
  readonly requested: string[];
  /** Changes the behavior for later requests. */
  respond(by: Behavior): void;
  close(): Promise<void>;
}

export async function listen(by: Behavior, port = 0): Promise<Listening> {
  let behavior = by;
  const requested: string[] = [];
  const server = createServer((request, response) => {
    requested.push(request.url ?? "");
    behavior(request, response);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const close = async () => {
    if (!server.listening) return;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  onTestFinished(close);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    requested,
    respond: (next) => {
      behavior = next;
    },
    close,
  };
}

export const sendJson =
  (value: unknown, headers: Readonly<Record<string, string>> = {}): Behavior =>
  (_request, response) =>
    void response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
