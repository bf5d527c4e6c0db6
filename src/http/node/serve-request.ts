// Serves one request to the endpoints on node:http. Every adapter on node:http uses it.
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { type HttpHost, isServed } from "../rest/host.js";
import type { HttpResponse } from "../rest/message.js";
import { parseTarget } from "../rest/request/target.js";
import { type NodeRequest, readRequest, targetOf } from "./request.js";
import { writeResponse } from "./response.js";

export const isForAmpho = (host: HttpHost, request: NodeRequest): boolean =>
  isServed(host, parseTarget(targetOf(request)).path);

/** Never rejects. Returns the response for the access log. `parsedBody`: where `request.body` does not have it. */
export async function serveNodeRequest(
  host: HttpHost,
  request: NodeRequest,
  response: ServerResponse,
  parsedBody: unknown = request.body,
): Promise<HttpResponse> {
  let content: HttpResponse;
  try {
    const id = requestIdOn(response);
    const read = readRequest(request, parsedBody);
    content = await host.handle(id === undefined ? read : { ...read, id });
  } catch (error) {
    content = host.errorResponse(error);
  }
  writeResponse(request, response, content);
  return content;
}

// The id of a request in the log and in `X-Request-Id`: the trace id of its `traceparent` (W3C Trace Context §3.2),
// else a random one. Only the exact form is accepted, so that nothing else can reach a log.

export const requestIdField = "X-Request-Id";

/** Version 00 ends here. A later version can continue after another dash (§4.3), and version ff is invalid. */
const form = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(-[!-~]*)?$/;
const charactersMax = 512;

/** `traceparent` is the header's one value. Several joined values do not match, and the id is random. */
export const requestIdOf = (traceparent: string | undefined): string =>
  (traceparent === undefined ? undefined : traceIdOf(traceparent)) ?? randomUUID();

/** Returns the id that the host has set. An id in a looser form can come from the request, and is ignored. */
function requestIdOn(response: ServerResponse): string | undefined {
  const id = response.getHeader(requestIdField);
  return typeof id === "string" && /^[\w-]{1,64}$/.test(id) ? id : undefined;
}

function traceIdOf(traceparent: string): string | undefined {
  if (traceparent.length > charactersMax) return undefined;
  const [, version, traceId, more] = form.exec(traceparent) ?? [];
  return version === "00" && more !== undefined ? undefined : traceId;
}
