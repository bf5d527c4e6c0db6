// GET /metrics for Prometheus: on its own port, or behind a bearer token on the port of the service, or both.

import { createSecretMatch } from "../../crypto/bearer-secret.js";
import { AmphoError } from "../../errors.js";
import { bearerOf } from "../../tokens/bearer.js";
import type { HttpResponse } from "../rest/message.js";
import { onlyAuthorization } from "../rest/request/authorization.js";
import { textResponse } from "../rest/responses/response.js";
import { readOnly } from "./read-only.js";

export interface MetricsPageOptions {
  /** Undefined: every client that reaches the port can read the page. */
  readonly token: string | undefined;
  readonly read: () => string;
  /** The media type of the page. */
  readonly type: string;
  readonly refusal: (error: unknown) => HttpResponse;
}

export type MetricsPage = (method: string | undefined, authorization: readonly string[]) => Promise<HttpResponse>;

export const metricsPath = "/metrics";

export function createMetricsPage({ token, read, type, refusal }: MetricsPageOptions): MetricsPage {
  const matches = token === undefined ? undefined : createSecretMatch(token);

  function requireToken(authorization: readonly string[]): void {
    if (matches === undefined) return;
    const bearer = bearerOf(onlyAuthorization(authorization));
    if (bearer === undefined) throw new AmphoError("missing_token", "The metrics require their bearer token.");
    if (!matches(bearer)) throw new AmphoError("invalid_token", "The bearer token is not the one for metrics.");
  }

  return (method, authorization) =>
    readOnly(metricsPath, method, refusal, () => {
      requireToken(authorization);
      return textResponse(type, read());
    });
}
