// HttpAnswer -> node:http's ServerResponse, whatever is left of the request's body.
import type { IncomingMessage, ServerResponse } from "node:http";
import { bodyLimitBytes } from "./body-limits.js";
import type { HttpAnswer } from "./message.js";

const lingerMs = 2_000;

export function writeAnswer(request: IncomingMessage, response: ServerResponse, answer: HttpAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const { status, headers, cookies, body } = answer;
  // Beside those that the application has set.
  if (cookies !== undefined) response.appendHeader("Set-Cookie", cookies);
  const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
  const isCutOff = status === 408;
  if (!isCutOff && !hasLongRemainder(request)) {
    response.writeHead(status, { ...headers, ...length }).end(body);
    return;
  }
  response.writeHead(status, { ...headers, ...length, Connection: "close" });
  const close = () => closeAfterwards(request, isCutOff ? 0 : lingerMs);
  if (body !== undefined) {
    response.write(body, close);
    return;
  }
  response.flushHeaders();
  close();
}

/**
 * Ends the connection when the rest of the request has come, or after a while. Closing a socket with unread bytes resets
 * it, and the client might never see the answer. The response itself is never ended: Node would then give the socket to
 * the next request that comes before it is closed, ahead of those that wait, and fail an assertion of its own, which ends
 * the process.
 */
function closeAfterwards(request: IncomingMessage, afterMs: number): void {
  const { socket } = request;
  const close = () => {
    clearTimeout(timer);
    socket.destroy();
  };
  const timer = setTimeout(close, afterMs);
  if (request.readableEnded) close();
  else request.once("end", close).once("close", close).resume();
}

/** A short remainder Node discards by itself, and the connection lives on. */
function hasLongRemainder(request: IncomingMessage): boolean {
  if (request.complete) return false;
  const length = request.headers["content-length"];
  if (length !== undefined) return Number(length) > bodyLimitBytes;
  return request.headers["transfer-encoding"] !== undefined;
}
