// The connections of the standalone server: how many are open, what each one waits for, and whether it closes.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

export interface Connection {
  readonly socket: Socket;
  /** Requests that have begun and whose response is not complete. */
  openResponses: number;
  /** Set while requests are rejected because too many responses are open. It ends when none is open. */
  rejecting: boolean;
  /** Set when the connection closes after its last response. */
  closing: boolean;
  /** The response to the last request, until it is complete. */
  lastResponse: ServerResponse | undefined;
  /** Bytes that had been read when the last response was complete. More bytes are the beginning of another request. */
  readBytes: number;
}

export interface Connections {
  /** Open connections by socket. */
  readonly open: ReadonlyMap<Duplex, Connection>;
  /** Connections that were accepted since the start. */
  readonly accepted: number;
  /** Connections that were closed at once, because `maxConnections` of the server were open. */
  readonly rejected: number;
}

/** Tracks the server's connections: those that are open already, and all later ones. */
export function trackConnections(server: Server, before: Iterable<Socket> = []): Connections {
  const open = new Map<Duplex, Connection>();
  const connections = { open, accepted: 0, rejected: 0 };
  const add = (socket: Socket) => {
    const initial = { openResponses: 0, rejecting: false, closing: false, lastResponse: undefined, readBytes: 0 };
    open.set(socket, { socket, ...initial });
    // The entry stays until the socket closes: Node reports nothing of a response that waits behind another one.
    socket.once("close", () => open.delete(socket));
  };
  for (const socket of before) add(socket);
  server.on("drop", () => {
    connections.rejected += 1;
  });
  server.on("connection", (socket) => {
    connections.accepted += 1;
    add(socket);
  });
  return connections;
}

/** Makes this response the last one of its connection, with `Connection: close`. */
export function closeAfter(connection: Connection | undefined, response: ServerResponse): void {
  response.setHeader("Connection", "close");
  if (connection !== undefined) connection.closing = true;
}

/** Counts the response as open until it is complete or its client has gone. */
export function trackResponse(
  connection: Connection | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (connection === undefined) return;
  connection.openResponses += 1;
  connection.lastResponse = response;
  const settle = () => {
    if (connection.openResponses > 0) return;
    connection.rejecting = false;
    connection.readBytes = connection.socket.bytesRead;
  };
  response.once("close", () => {
    connection.openResponses -= 1;
    settle();
    // A pipelined request can have set another one.
    if (connection.lastResponse === response) connection.lastResponse = undefined;
  });
  // The body of a rejected request can end after its response.
  request.once("close", settle);
}

// Requests that Node's HTTP parser rejects get a bare status line, as Node would send it, and their connection is
// closed. So does a CONNECT request, with the body of an error.

const statuses: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
};

const lingerMs = 500;

/** The parser reports every further piece of a rejected request as another error. */
const rejected = new WeakSet<Duplex>();

/** Without a `code` of Node the status is 400. `body` is JSON. Returns the status, or undefined if none was sent. */
export function rejectSocket(socket: Duplex, code = "", hasBegun = false, body = ""): number | undefined {
  if (rejected.has(socket)) return undefined;
  if (code === "ECONNRESET" || hasBegun || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  rejected.add(socket);
  // Node has removed its listeners from a CONNECT request's socket. Without a listener its reset would end the process.
  socket.on("error", () => socket.destroy());
  const status = statuses[code] ?? "400 Bad Request";
  const head = [`HTTP/1.1 ${status}`, "Connection: close", "Cache-Control: no-store"];
  if (body !== "") head.push("Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`);
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  // An immediate reset could arrive before the response.
  setTimeout(() => socket.destroy(), lingerMs).unref();
  return Number.parseInt(status, 10);
}
