// What the standalone server knows of a connection: what it owes it, when it ends, and whether anything is under way on it.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface Connection {
  readonly socket: Socket;
  unanswered: number;
  /** Whether requests have come beyond those that may be unanswered, since there were none. */
  refusing: boolean;
  /** It ends with the last answer that is owed. */
  closing: boolean;
  /** The response that is owed to its last request, until that is answered. */
  last: ServerResponse | undefined;
  /** Bytes that had been read when the last answer was given: more of them are the begin of another request. */
  readBytes: number;
}

/** As it is when it has just been accepted. */
export function connectionOf(socket: Socket): Connection {
  return { socket, unanswered: 0, refusing: false, closing: false, last: undefined, readBytes: 0 };
}

/** This answer is the connection's last one, and says so. */
export function closeWith(connection: Connection | undefined, response: ServerResponse): void {
  response.setHeader("Connection", "close");
  if (connection !== undefined) connection.closing = true;
}

/** Counts the answer as owed until it is over, or its client gone. */
export function owe(connection: Connection | undefined, request: IncomingMessage, response: ServerResponse): void {
  if (connection === undefined) return;
  connection.unanswered += 1;
  connection.last = response;
  const settle = () => {
    if (connection.unanswered > 0) return;
    connection.refusing = false;
    connection.readBytes = connection.socket.bytesRead;
  };
  response.once("close", () => {
    connection.unanswered -= 1;
    settle();
    // A pipelined request may have taken its place.
    if (connection.last === response) connection.last = undefined;
  });
  // The body of what is refused may end after its answer.
  request.once("close", settle);
}
