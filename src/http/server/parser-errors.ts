// Requests that Node's HTTP parser rejects get a bare status line, as Node would send it, and their connection is closed.
// So does a CONNECT request, with the body of an error.
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
 * Responds and closes the connection. `code` is the code of Node's error. Without one the status is 400. `body` is JSON.
 *
 * Returns the status that was sent, or undefined when the client had gone or a response had begun.
 */
export function rejectSocket(socket: Duplex, code = "", hasBegun = false, body = ""): number | undefined {
  if (rejected.has(socket)) return undefined;
  if (code === "ECONNRESET" || hasBegun || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  rejected.add(socket);
  // Node has removed its listeners from a CONNECT request's socket. Without a listener its reset would end the process.
  socket.on("error", () => socket.destroy());
  const status = statuses[code] ?? 400;
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, "Connection: close", "Cache-Control: no-store"];
  if (body !== "") head.push("Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`);
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  // An immediate reset could arrive before the response.
  setTimeout(() => socket.destroy(), lingerMs).unref();
  return status;
}
