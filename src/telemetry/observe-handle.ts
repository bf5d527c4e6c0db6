// Measures requests to Ampho's endpoints by method, route and status.
import type { Handle } from "../http/rest/handler.js";
import { isUnder } from "../http/rest/request/target.js";
import { other, requestMethods } from "./definitions.js";
import { secondsSince } from "./measure.js";
import type { Metrics } from "./metrics.js";

export function observeHandle(handle: Handle, prefix: string, { httpSeconds }: Pick<Metrics, "httpSeconds">): Handle {
  return async (request) => {
    const startMs = performance.now();
    const response = await handle(request);
    const { route, status } = response;
    // The client chooses a method that the path does not have, so it is no label.
    const method = route === undefined || status === 405 ? other : knownMethod(request.method);
    const values = {
      "http.request.method": method,
      "http.route": route !== undefined && isUnder(prefix, route) ? route.slice(prefix.length) : other,
      "http.response.status_code": String(status),
    };
    httpSeconds.observe(values, secondsSince(startMs));
    return response;
  };
}

function knownMethod(method: string): (typeof requestMethods)[number] {
  return requestMethods.find((known) => known === method) ?? other;
}
