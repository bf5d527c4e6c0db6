// GET /healthz (the process is alive) and GET /readyz (the process can serve requests), at the root.

import type { IncomingHttpHeaders } from "node:http";
import { within } from "../../clock.js";
import { AmphoError } from "../../errors.js";
import type { HttpResponse } from "../rest/message.js";
import { forwardedIgnored, isForwarded } from "../rest/request/client-address.js";
import { jsonResponse } from "../rest/responses/response.js";
import { readOnly } from "./read-only.js";

export interface ProbeOptions {
  /** Rejects with `unavailable` when the database is unreachable. */
  readonly ready: () => Promise<void>;
  /** Problems that are no reason to send requests to another process. */
  readonly warnings?: (() => readonly string[]) | undefined;
  readonly refusal: (error: unknown) => HttpResponse;
  /** Number of proxies to believe. */
  readonly trustedHops: number;
}

/** Returns undefined when the path belongs to no probe. */
export type Probe = (
  method: string | undefined,
  path: string,
  headers: IncomingHttpHeaders,
) => Promise<HttpResponse> | undefined;

/** The contract promises 503 within 1.5 s, also when the database hangs. */
export const readyTimeoutMs = 1_300;

export function createProbe({ ready, warnings, refusal, trustedHops }: ProbeOptions): Probe {
  const probes: Readonly<Record<string, (headers: IncomingHttpHeaders) => HttpResponse | Promise<HttpResponse>>> = {
    "/healthz": () => jsonResponse({ status: "ok" }),
    "/readyz": async (headers) => {
      await within(readyTimeoutMs, ready(), () => new AmphoError("unavailable", "The database did not respond."));
      const all = [...(warnings?.() ?? []), ...forwardedWarning(headers)];
      return jsonResponse({ status: "ok", ...(all.length > 0 && { warnings: all }) });
    },
  };
  return (method, path, headers) => {
    const probe = Object.hasOwn(probes, path) ? probes[path] : undefined;
    return probe && readOnly(path, method, refusal, () => probe(headers));
  };

  /** It depends on this request alone, so that no client learns about the requests of others. */
  function forwardedWarning(headers: IncomingHttpHeaders): readonly string[] {
    return trustedHops === 0 && isForwarded((name) => headers[name]) ? [forwardedIgnored] : [];
  }
}
