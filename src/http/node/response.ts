// Writes an HttpResponse to node:http's ServerResponse and deals with the unread rest of the request's body.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpResponse } from "../rest/message.js";
import { bodyLimitBytes } from "../rest/request/body.js";

const lingerMs = 2_000;

export function writeResponse(request: IncomingMessage, response: ServerResponse, content: HttpResponse): void {
  if (response.headersSent || response.destroyed) return;
  const { status, headers, cookies, body } = content;
  // `appendHeader` keeps the cookies that the application has set.
  if (cookies !== undefined) response.appendHeader("Set-Cookie", cookies);
  const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
  const isLong = hasLongRemainder(request);
  // The result is not chained: ServerResponse replacements (serverless-http) return nothing here.
  response.writeHead(status, { ...headers, ...length });
  response.end(body);
  if (isLong && status !== 408) discard(request);
}

/**
 * Reads the rest of the request for a while and then closes the connection. To close at once would reset the
 * connection, and the client might never see the response. The response has no `Connection: close`. After that header
 * Node gives the socket to the next request that arrives in time, ahead of those that wait. If that request gets its
 * response first, an assertion of Node's own fails and ends the process.
 */
function discard(request: IncomingMessage): void {
  const timer = setTimeout(() => request.socket.destroy(), lingerMs);
  const finish = () => clearTimeout(timer);
  request.once("end", finish).once("close", finish).resume();
}

/** Node discards a short rest by itself and keeps the connection. */
function hasLongRemainder(request: IncomingMessage): boolean {
  if (request.complete) return false;
  const length = request.headers["content-length"];
  if (length !== undefined) return Number(length) > bodyLimitBytes;
  return request.headers["transfer-encoding"] !== undefined;
}
