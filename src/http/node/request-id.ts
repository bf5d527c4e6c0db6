// The id under which a request is in the log and in `X-Request-Id`: the trace that it belongs to, if it says so in `traceparent`
// (W3C Trace Context §3.2), else a random one. Only what has that form exactly is taken, so nothing else can get into a log.
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";

export const requestIdField = "X-Request-Id";

/** Of version 00; a later one may go on behind a further dash (§4.3), and ff is none. */
const form = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(-[!-~]*)?$/;
const charactersMax = 512;

/** `traceparent`: the field's one value; several of them are none. */
export function requestIdOf(traceparent: string | undefined): string {
  return (traceparent === undefined ? undefined : traceIdOf(traceparent)) ?? randomUUID();
}

/** What the host has set; one that was taken from the request in some looser form is none. */
export function requestIdOn(response: ServerResponse): string | undefined {
  const id = response.getHeader(requestIdField);
  return typeof id === "string" && /^[\w-]{1,64}$/.test(id) ? id : undefined;
}

function traceIdOf(traceparent: string): string | undefined {
  if (traceparent.length > charactersMax) return undefined;
  const [, version, traceId, more] = form.exec(traceparent) ?? [];
  return version === "00" && more !== undefined ? undefined : traceId;
}
