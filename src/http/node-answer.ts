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
  if (status === 408 || !hasLongRemainder(request)) {
    response.writeHead(status, { ...headers, ...length }).end(body);
    return;
  }
  // Closing a socket with unread bytes resets it, and the client might never see the answer: send it, discard for a while, then close.
  response.writeHead(status, { ...headers, ...length, Connection: "close" });
  if (body === undefined) response.flushHeaders();
  else response.write(body);
  const finish = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(finish, lingerMs);
  request.once("end", finish).once("close", finish).resume();
}

/** A short remainder Node discards by itself, and the connection lives on. */
function hasLongRemainder(request: IncomingMessage): boolean {
  if (request.complete) return false;
  const length = request.headers["content-length"];
  if (length !== undefined) return Number(length) > bodyLimitBytes;
  return request.headers["transfer-encoding"] !== undefined;
}
