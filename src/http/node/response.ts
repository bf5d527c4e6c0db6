// HttpAnswer -> node:http's ServerResponse, whatever is left of the request's body.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpResponse } from "../rest/message.js";
import { bodyLimitBytes } from "../rest/request/body-limits.js";

const lingerMs = 2_000;

export function writeResponse(request: IncomingMessage, response: ServerResponse, answer: HttpResponse): void {
  if (response.headersSent || response.destroyed) return;
  const { status, headers, cookies, body } = answer;
  // Beside those that the application has set.
  if (cookies !== undefined) response.appendHeader("Set-Cookie", cookies);
  const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
  const isLong = hasLongRemainder(request);
  // Responses that stand in for Node's (serverless-http's) give nothing back here.
  response.writeHead(status, { ...headers, ...length });
  response.end(body);
  if (isLong && status !== 408) discard(request);
}

/**
 * Reads what is left of the request for a while, and then closes: closing at once would reset the connection, and the
 * client might never see the answer. Nothing of it is said in the answer: after `Connection: close` Node gives the socket
 * to the next request that comes in time, ahead of those that wait, and fails an assertion of its own when that is
 * answered first, which ends the process.
 */
function discard(request: IncomingMessage): void {
  const timer = setTimeout(() => request.socket.destroy(), lingerMs);
  const finish = () => clearTimeout(timer);
  request.once("end", finish).once("close", finish).resume();
}

/** A short remainder Node discards by itself, and the connection lives on. */
function hasLongRemainder(request: IncomingMessage): boolean {
  if (request.complete) return false;
  const length = request.headers["content-length"];
  if (length !== undefined) return Number(length) > bodyLimitBytes;
  return request.headers["transfer-encoding"] !== undefined;
}
