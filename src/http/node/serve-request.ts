// One request to our endpoints on node:http, from its head to the end of its answer. Every adapter on node:http uses this.
import type { ServerResponse } from "node:http";
import type { HttpHost } from "../rest/host.js";
import type { HttpResponse } from "../rest/message.js";
import { isUnder, parseTarget } from "../rest/request/target.js";
import { type NodeRequest, readRequest, targetOf } from "./request.js";
import { requestIdOn } from "./request-id.js";
import { writeResponse } from "./response.js";

/** Whether the request's path is under the prefix of our endpoints. */
export function isUnderPrefix(host: HttpHost, request: NodeRequest): boolean {
  return isUnder(host.prefix, parseTarget(targetOf(request)).path);
}

/**
 * Answers a request by our endpoints. Never rejects; resolves to the answer, for whoever logs it.
 * `parsedBody` is what a body parser has left, where the framework keeps it elsewhere than in `request.body`.
 */
export async function serveNodeRequest(
  host: HttpHost,
  request: NodeRequest,
  response: ServerResponse,
  parsedBody: unknown = request.body,
): Promise<HttpResponse> {
  let answer: HttpResponse;
  try {
    const id = requestIdOn(response);
    const read = readRequest(request, parsedBody);
    answer = await host.handle(id === undefined ? read : { ...read, id });
  } catch (error) {
    answer = host.refusal(error);
  }
  writeResponse(request, response, answer);
  return answer;
}
