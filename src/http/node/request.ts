// Reads requests of node:http. Raw headers show what is repeated, because Node silently keeps the first one.
import type { IncomingMessage } from "node:http";
import type { AmphoError } from "../../errors.js";
import { invalidRequest } from "../../errors.js";
import type { HttpRequest, RequestBody, RequestHead } from "../rest/message.js";
import { alreadyRead, bodyTimeoutMs, cutShort, timedOut, tooLarge } from "../rest/request/body.js";
import { onlyAuthorization, severalAuthorizations, splitAuthorization } from "../rest/request/target.js";

/** A request with the members that frameworks on node:http add. */
export interface NodeRequest extends IncomingMessage {
  /** The target before a mount path was removed (connect, Express). */
  readonly originalUrl?: string | undefined;
  readonly body?: unknown;
}

const none: RequestBody = { kind: "none" };
const unrepeatable = new Set(["host", "content-type", "content-encoding", "idempotency-key"]);

export function authorizationValues(request: IncomingMessage): readonly string[] {
  const { rawHeaders } = request;
  if (!hasRaw(rawHeaders)) return splitAuthorization(headerOf(request, "authorization") ?? null);
  return rawHeaders.filter((_, index) => index % 2 === 1 && isAuthorization(rawHeaders[index - 1]));
}

/** Returns the one raw Authorization value, without an array. Throws `invalid_request` for several. */
export function onlyAuthorizationOf(request: IncomingMessage): string | undefined {
  const { rawHeaders } = request;
  if (!hasRaw(rawHeaders)) return onlyAuthorization(authorizationValues(request));
  let only: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (!isAuthorization(rawHeaders[index])) continue;
    if (only !== undefined) throw severalAuthorizations();
    only = rawHeaders[index + 1];
  }
  return only;
}

/** Adapters for functions (serverless-http) and test doubles fill `headers` only, and join repeated headers there. */
const hasRaw = (rawHeaders: readonly string[] | undefined): boolean =>
  rawHeaders !== undefined && rawHeaders.length > 0;

function isAuthorization(name: string | undefined): boolean {
  if (name?.length !== 13) return false;
  // Nearly every client uses one of these two spellings, and they save the new string of `toLowerCase`.
  return name === "Authorization" || name === "authorization" || name.toLowerCase() === "authorization";
}

export function headOf(request: IncomingMessage): RequestHead {
  return {
    method: request.method,
    header: (name) => headerOf(request, name),
    authorization: authorizationValues(request),
  };
}

function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  // HTTP/2 sends the host as `:authority` (RFC 9113 §8.3.1).
  const value = headers[name] ?? (name === "host" ? headers[":authority"] : undefined);
  return Array.isArray(value) ? value.join(", ") : value;
}

export const targetOf = (request: NodeRequest): string => request.originalUrl ?? request.url ?? "/";

/** Throws `invalid_request` when a header that must not be repeated occurs twice. */
export function readRequest(request: NodeRequest, parsedBody: unknown = request.body): HttpRequest {
  rejectRepeatedHeaders(request.rawHeaders);
  if (request.headers.host === undefined && request.httpVersion === "1.1")
    throw invalidRequest("The request has no Host header.");
  return {
    method: request.method ?? "GET",
    target: targetOf(request),
    header: (name) => headerOf(request, name),
    authorization: authorizationValues(request),
    peerAddress: request.socket.remoteAddress,
    body: bodyOf(request, parsedBody),
  };
}

function rejectRepeatedHeaders(rawHeaders: readonly string[] = []): void {
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? "";
    if (!unrepeatable.has(name)) continue;
    if (seen.has(name)) throw invalidRequest("The request repeats a header that must occur once.");
    seen.add(name);
  }
}

function bodyOf(request: IncomingMessage, parsedBody: unknown): RequestBody {
  if (!canHaveBody(request)) return none;
  if (!request.readableDidRead) return { kind: "stream", read: (limitBytes) => readBody(request, limitBytes) };
  if (parsedBody !== undefined) return { kind: "parsed", value: parsedBody };
  return { kind: "stream", read: () => Promise.reject(alreadyRead()) };
}

/** In HTTP/2 a body needs no Content-Length. If it turns out to be empty, it counts as none. */
function canHaveBody({ headers, httpVersionMajor }: IncomingMessage): boolean {
  const length = headers["content-length"];
  if (length !== undefined && Number(length) !== 0) return true;
  return headers["transfer-encoding"] !== undefined || (length === undefined && httpVersionMajor === 2);
}

/** Reads the whole body. Past the limit it stops, and `writeResponse` discards the rest. */
function readBody(request: IncomingMessage, limitBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let lengthBytes = 0;
    const timer = setTimeout(() => settle(timedOut()), bodyTimeoutMs);
    const settle = (error?: AmphoError) => {
      clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("close", onCut).off("error", onCut);
      if (error === undefined) return resolve(Buffer.concat(chunks, lengthBytes));
      // Without a listener a late "error" of the socket would end the process.
      request.on("error", () => undefined);
      request.pause();
      reject(error);
    };
    const onData = (data: Uint8Array | string) => {
      // The data is text when the host has set an encoding.
      const chunk = typeof data === "string" ? Buffer.from(data, request.readableEncoding ?? "utf8") : data;
      lengthBytes += chunk.byteLength;
      if (lengthBytes > limitBytes) settle(tooLarge());
      else chunks.push(chunk);
    };
    const onEnd = () => settle();
    const onCut = () => settle(cutShort());
    request.on("data", onData).on("end", onEnd).on("close", onCut).on("error", onCut);
    if (request.destroyed) onCut();
  });
}
