// The id of a request in the log and in `X-Request-Id`: the trace id of its `traceparent` (W3C Trace Context §3.2), else a random
// one. Only the exact form is accepted, so that nothing else can reach a log.
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";

export const requestIdField = "X-Request-Id";

/** Version 00 ends here. A later version can continue after another dash (§4.3), and version ff is invalid. */
const form = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(-[!-~]*)?$/;
const charactersMax = 512;

/** `traceparent` is the header's one value. Several joined values do not match, and the id is random. */
export function requestIdOf(traceparent: string | undefined): string {
  return (traceparent === undefined ? undefined : traceIdOf(traceparent)) ?? randomUUID();
}

/** Returns the id that the host has set. An id in a looser form can come from the request, and is ignored. */
export function requestIdOn(response: ServerResponse): string | undefined {
  const id = response.getHeader(requestIdField);
  return typeof id === "string" && /^[\w-]{1,64}$/.test(id) ? id : undefined;
}

function traceIdOf(traceparent: string): string | undefined {
  if (traceparent.length > charactersMax) return undefined;
  const [, version, traceId, more] = form.exec(traceparent) ?? [];
  return version === "00" && more !== undefined ? undefined : traceId;
}
