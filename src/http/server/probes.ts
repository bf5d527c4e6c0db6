// GET /healthz (the process is alive) and GET /readyz (the process can serve requests), at the root.
import type { IncomingHttpHeaders } from "node:http";
import { within } from "../../clock.js";
import { createSecretMatch } from "../../crypto/bearer-secret.js";
import { AmphoError } from "../../errors.js";
import { bearerOf } from "../../tokens/bearer.js";
import type { HttpResponse } from "../rest/message.js";
import { forwardedIgnored, isForwarded } from "../rest/request/client-address.js";
import { onlyAuthorization } from "../rest/request/target.js";
import { jsonResponse, textResponse } from "../rest/responses/response.js";
import { requireRead } from "../rest/root-documents.js";

/** Returns the response of `respond`, or that of its error. */
async function readOnly(
  route: string,
  method: string | undefined,
  errorResponse: (error: unknown) => HttpResponse,
  respond: () => HttpResponse | Promise<HttpResponse>,
): Promise<HttpResponse> {
  try {
    requireRead(method);
    return { ...(await respond()), route };
  } catch (error) {
    return { ...errorResponse(error), route };
  }
}

export interface ProbeOptions {
  /** Rejects with `unavailable` when the database is unreachable. */
  readonly ready: () => Promise<void>;
  /** Problems that are no reason to send requests to another process. */
  readonly warnings?: (() => readonly string[]) | undefined;
  readonly errorResponse: (error: unknown) => HttpResponse;
  /** Number of proxies to believe. */
  readonly trustedHops: number;
}

/** The contract promises 503 within 1.5 s, also when the database hangs. */
export const readyTimeoutMs = 1_300;

export function createProbe({ ready, warnings, errorResponse, trustedHops }: ProbeOptions) {
  const probes: Readonly<Record<string, (headers: IncomingHttpHeaders) => HttpResponse | Promise<HttpResponse>>> = {
    "/healthz": () => jsonResponse({ status: "ok" }),
    "/readyz": async (headers) => {
      await within(readyTimeoutMs, ready(), () => new AmphoError("unavailable", "The database did not respond."));
      const all = [...(warnings?.() ?? []), ...forwardedWarning(headers)];
      return jsonResponse({ status: "ok", ...(all.length > 0 && { warnings: all }) });
    },
  };
  /** Returns undefined when the path belongs to no probe. */
  return (method: string | undefined, path: string, headers: IncomingHttpHeaders) => {
    const probe = Object.hasOwn(probes, path) ? probes[path] : undefined;
    return probe && readOnly(path, method, errorResponse, () => probe(headers));
  };

  /** It depends on this request alone, so that no client learns about the requests of others. */
  function forwardedWarning(headers: IncomingHttpHeaders): readonly string[] {
    return trustedHops === 0 && isForwarded((name) => headers[name]) ? [forwardedIgnored] : [];
  }
}

// GET /metrics for Prometheus: on its own port, or behind a bearer token on the port of the service, or both.

interface MetricsPageOptions {
  /** Undefined: every client that reaches the port can read the page. */
  readonly token: string | undefined;
  readonly read: () => string;
  /** The media type of the page. */
  readonly type: string;
  readonly errorResponse: (error: unknown) => HttpResponse;
}

export type MetricsPage = (method: string | undefined, authorization: readonly string[]) => Promise<HttpResponse>;

export const metricsPath = "/metrics";

export function createMetricsPage({ token, read, type, errorResponse }: MetricsPageOptions): MetricsPage {
  const matches = token === undefined ? undefined : createSecretMatch(token);

  function requireToken(authorization: readonly string[]): void {
    if (matches === undefined) return;
    const bearer = bearerOf(onlyAuthorization(authorization));
    if (bearer === undefined) throw new AmphoError("missing_token", "The metrics require their bearer token.");
    if (!matches(bearer)) throw new AmphoError("invalid_token", "The bearer token is not the one for metrics.");
  }

  return (method, authorization) =>
    readOnly(metricsPath, method, errorResponse, () => {
      requireToken(authorization);
      return textResponse(type, read());
    });
}
