// Requests that Node's HTTP parser rejects get a bare status line, as Node would send it, and their connection is closed.
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

const statuses: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};

const lingerMs = 500;

/** The parser reports every further piece of a rejected request as another error. */
const rejected = new WeakSet<Duplex>();

/**
 * Responds and closes the connection. `code` is the code of Node's error. Without one the status is 400.
 *
 * Returns the status that was sent, or undefined when the client had gone or a response had begun.
 */
export function rejectSocket(socket: Duplex, code = "", hasBegun = false): number | undefined {
  if (rejected.has(socket)) return undefined;
  if (code === "ECONNRESET" || hasBegun || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  rejected.add(socket);
  // Node has removed its listeners from a CONNECT request's socket. Without a listener its reset would end the process.
  socket.on("error", () => socket.destroy());
  const status = statuses[code] ?? 400;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nCache-Control: no-store\r\n\r\n`);
  // An immediate reset could arrive before the response.
  setTimeout(() => socket.destroy(), lingerMs).unref();
  return status;
}
