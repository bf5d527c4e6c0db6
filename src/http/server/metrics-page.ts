// GET /metrics for Prometheus: on a port of its own, or behind a bearer token beside the endpoints, or both.

import { createSecretMatch } from "../../crypto/bearer-secret.js";
import { AmphoError } from "../../errors.js";
import { bearerOf } from "../../tokens/bearer.js";
import type { HttpResponse } from "../rest/message.js";
import { onlyAuthorization } from "../rest/request/authorization.js";
import { plainHeaders } from "../rest/responses/response.js";

export interface MetricsPageOptions {
  /** Undefined: whoever reaches it may read. */
  readonly token: string | undefined;
  readonly read: () => string;
  /** Its media type. */
  readonly type: string;
  readonly refusal: (error: unknown) => HttpResponse;
}

export type MetricsPage = (method: string | undefined, authorization: readonly string[]) => HttpResponse;

export const metricsPath = "/metrics";

export function createMetricsPage({ token, read, type, refusal }: MetricsPageOptions): MetricsPage {
  const matches = token === undefined ? undefined : createSecretMatch(token);

  function admit(authorization: readonly string[]): void {
    if (matches === undefined) return;
    const bearer = bearerOf(onlyAuthorization(authorization));
    if (bearer === undefined) throw new AmphoError("missing_token", "The bearer token for metrics is needed.");
    if (!matches(bearer)) throw new AmphoError("invalid_token", "The token is not the one for metrics.");
  }

  return (method, authorization) => {
    try {
      if (method !== "GET" && method !== "HEAD")
        throw new AmphoError("method_not_allowed", "This path takes GET, HEAD.", { allow: ["GET", "HEAD"] });
      admit(authorization);
      return { status: 200, headers: { ...plainHeaders, "Content-Type": type }, body: read(), route: metricsPath };
    } catch (error) {
      return { ...refusal(error), route: metricsPath };
    }
  };
}
