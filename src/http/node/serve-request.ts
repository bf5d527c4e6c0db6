// Serves one request to the endpoints on node:http. Every adapter on node:http uses it.
import type { ServerResponse } from "node:http";
import { type HttpHost, isServed } from "../rest/host.js";
import type { HttpResponse } from "../rest/message.js";
import { parseTarget } from "../rest/request/target.js";
import { type NodeRequest, readRequest, targetOf } from "./request.js";
import { requestIdOn } from "./request-id.js";
import { writeResponse } from "./response.js";

/** Returns whether Ampho serves the path of the request. */
export function isForAmpho(host: HttpHost, request: NodeRequest): boolean {
  return isServed(host, parseTarget(targetOf(request)).path);
}

/**
 * Responds to a request with the endpoint that it names. Never rejects. Returns the response for the access log.
 * `parsedBody` is the result of a body parser, where the framework does not keep it in `request.body`.
 */
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
    content = host.refusal(error);
  }
  writeResponse(request, response, content);
  return content;
}
