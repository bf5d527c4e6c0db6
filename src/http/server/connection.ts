// What the standalone server knows of a connection: what it owes it, when it ends, and whether anything is under way on it.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface Connection {
  readonly socket: Socket;
  openResponses: number;
  /** Whether requests have come beyond those that may be unanswered, since there were none. */
  rejecting: boolean;
  /** It ends with the last answer that is owed. */
  closing: boolean;
  /** The response that is owed to its last request, until that is answered. */
  lastResponse: ServerResponse | undefined;
  /** Bytes that had been read when the last answer was given: more of them are the begin of another request. */
  readBytes: number;
}

/** As it is when it has just been accepted. */
export function trackConnection(socket: Socket): Connection {
  return { socket, openResponses: 0, rejecting: false, closing: false, lastResponse: undefined, readBytes: 0 };
}

/** This answer is the connection's last one, and says so. */
export function closeAfter(connection: Connection | undefined, response: ServerResponse): void {
  response.setHeader("Connection", "close");
  if (connection !== undefined) connection.closing = true;
}

/** Counts the answer as owed until it is over, or its client gone. */
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
    // A pipelined request may have taken its place.
    if (connection.lastResponse === response) connection.lastResponse = undefined;
  });
  // The body of what is refused may end after its answer.
  request.once("close", settle);
}
