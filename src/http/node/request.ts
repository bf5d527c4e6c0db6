// node:http's IncomingMessage -> HttpRequest. Fields that may come once are looked up in the raw headers: Node keeps the first silently.
import type { IncomingMessage } from "node:http";
import { AmphoError } from "../../errors.js";
import type { HttpRequest, RequestBody, RequestHead } from "../rest/message.js";
import { onlyAuthorization, severalAuthorizations, splitAuthorization } from "../rest/request/authorization.js";
import { alreadyRead, bodyTimeoutMs, cutShort, timedOut, tooLarge } from "../rest/request/body-limits.js";

/** What frameworks on node:http add to a request. */
export interface NodeRequest extends IncomingMessage {
  /** The target before a mount path was cut off (connect, Express). */
  readonly originalUrl?: string | undefined;
  /** What a body parser has left. */
  readonly body?: unknown;
}

const none: RequestBody = { kind: "none" };
const singletons = new Set(["host", "content-type", "content-encoding", "idempotency-key"]);

/** Every raw Authorization value. */
export function authorizationValues(request: IncomingMessage): readonly string[] {
  const { rawHeaders } = request;
  if (!hasRaw(rawHeaders)) return splitAuthorization(headerOf(request, "authorization") ?? null);
  return rawHeaders.filter((_, index) => index % 2 === 1 && isAuthorization(rawHeaders[index - 1]));
}

/** The one raw Authorization value, without an array: each guarded request comes by. `invalid_request` for more. */
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

/** What makes messages of a function's events (serverless-http), and test doubles, fill `headers` only, and join what is repeated. */
function hasRaw(rawHeaders: readonly string[] | undefined): boolean {
  return rawHeaders !== undefined && rawHeaders.length > 0;
}

function isAuthorization(name: string | undefined): boolean {
  if (name?.length !== 13) return false;
  // As nearly everybody spells it: lower-casing makes a string.
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
  // HTTP/2 has another name for the host (RFC 9113 §8.3.1).
  const value = headers[name] ?? (name === "host" ? headers[":authority"] : undefined);
  return Array.isArray(value) ? value.join(", ") : value;
}

export function targetOf(request: NodeRequest): string {
  return request.originalUrl ?? request.url ?? "/";
}

/** The request as our endpoints see it. `invalid_request` when a field that may come once comes twice. */
export function readRequest(request: NodeRequest, parsedBody: unknown = request.body): HttpRequest {
  refuseRepeats(request.rawHeaders);
  if (request.headers.host === undefined && request.httpVersion === "1.1") {
    throw new AmphoError("invalid_request", "The Host header is missing.");
  }
  return {
    method: request.method ?? "GET",
    target: targetOf(request),
    header: (name) => headerOf(request, name),
    authorization: authorizationValues(request),
    peerAddress: request.socket.remoteAddress,
    body: bodyOf(request, parsedBody),
  };
}

function refuseRepeats(rawHeaders: readonly string[] = []): void {
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? "";
    if (!singletons.has(name)) continue;
    if (seen.has(name)) throw new AmphoError("invalid_request", "A header that may come once came twice.");
    seen.add(name);
  }
}

function bodyOf(request: IncomingMessage, parsedBody: unknown): RequestBody {
  if (!mayHaveBody(request)) return none;
  if (!request.readableDidRead) return { kind: "stream", read: (limitBytes) => readBody(request, limitBytes) };
  if (parsedBody !== undefined) return { kind: "parsed", value: parsedBody };
  return { kind: "stream", read: () => Promise.reject(alreadyRead()) };
}

/** In HTTP/2 a body need not be announced: one that then is empty counts as none too. */
function mayHaveBody({ headers, httpVersionMajor }: IncomingMessage): boolean {
  const length = headers["content-length"];
  if (length !== undefined && Number(length) !== 0) return true;
  return headers["transfer-encoding"] !== undefined || (length === undefined && httpVersionMajor === 2);
}

/** Reads the whole body. Past the limit it stops reading: what is left is for the answer's writer to discard. */
function readBody(request: IncomingMessage, limitBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let lengthBytes = 0;
    const timer = setTimeout(() => settle(timedOut()), bodyTimeoutMs);
    const settle = (error?: AmphoError) => {
      clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("close", onCut).off("error", onCut);
      if (error === undefined) return resolve(Buffer.concat(chunks, lengthBytes));
      // Without this a late "error" of the socket would have no listener and end the process.
      request.on("error", () => undefined);
      request.pause();
      reject(error);
    };
    const onData = (data: Uint8Array | string) => {
      // Text when the host has set an encoding before.
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
