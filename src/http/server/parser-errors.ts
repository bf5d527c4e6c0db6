// What Node's HTTP parser refuses by itself gets a bare status line, as Node would send it, and its connection is closed.
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

const statuses: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};

const lingerMs = 500;

/** The parser complains of every further piece of a request that it has refused. */
const refused = new WeakSet<Duplex>();

/**
 * Answers and closes. `code` is that of Node's error; without one it is a 400.
 * Gives the status that was sent, or undefined when there was nobody to send it to or an answer had begun.
 */
export function rejectSocket(socket: Duplex, code = "", hasBegun = false): number | undefined {
  if (refused.has(socket)) return undefined;
  if (code === "ECONNRESET" || hasBegun || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  refused.add(socket);
  // Node has let go of a tunnel's socket: without a listener its reset would end the process.
  socket.on("error", () => socket.destroy());
  const status = statuses[code] ?? 400;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nCache-Control: no-store\r\n\r\n`);
  // A reset at once could overtake the answer.
  setTimeout(() => socket.destroy(), lingerMs).unref();
  return status;
}
