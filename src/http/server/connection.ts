// The standalone server's record of each connection: open responses, whether it closes, and how much it has read.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

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

/** Returns the record of a connection that has just been accepted. */
export function trackConnection(socket: Socket): Connection {
  return { socket, openResponses: 0, rejecting: false, closing: false, lastResponse: undefined, readBytes: 0 };
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
