// OpenTelemetry through the optional peer @opentelemetry/api. Without the package nothing is loaded, and without a
// registered SDK nothing is recorded. Names and attributes are those of the semantic conventions
// (https://opentelemetry.io/docs/specs/semconv/http/, …/database/, `error.type`), without those that contain sent data:
// no span has a path, address, login, query or message.
import type { Attributes, Histogram as Measured, Span, TextMapGetter } from "@opentelemetry/api";
import { isNotInstalled } from "../errors.js";
import type { Handle } from "../http/rest/handler.js";
import type { HttpRequest, HttpResponse } from "../http/rest/message.js";
import { other } from "./definitions.js";
import { codeOf } from "./observe-guard.js";

export type OpenTelemetry = typeof import("@opentelemetry/api");

/** Resolves to undefined if the package is not installed. */
export async function loadOpenTelemetry(): Promise<OpenTelemetry | undefined> {
  try {
    return await import("@opentelemetry/api");
  } catch (error) {
    if (isNotInstalled(error)) return undefined;
    throw error;
  }
}

export interface Tracing {
  /** Adds a span to each request to Ampho's endpoints: SERVER, or INTERNAL under the host's own span. */
  request(handle: Handle): Handle;
  /** Adds a span to a part of a traced request (CLIENT for a call to another system). Outside of one it only calls. */
  child<T>(name: string, about: ChildSpan, call: () => Promise<T>): Promise<T>;
}

export interface ChildSpan {
  readonly isCall?: boolean;
  readonly attributes?: Attributes;
}

/** The methods of the conventions: RFC 9110, RFC 5789 and QUERY. */
const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"]);
/** The bounds in seconds that the conventions advise for this histogram. */
const boundsSeconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

const getter: TextMapGetter<HttpRequest> = {
  get: (request, name) => request.header(name.toLowerCase()),
  // Propagators look fields up by name.
  keys: () => [],
};

export function createTracing(api: OpenTelemetry, version: string): Tracing {
  const { context, propagation, trace, SpanKind, SpanStatusCode } = api;
  const tracer = trace.getTracer("ampho", version);
  const durations = createDurations(api, version);

  /** Without message and stack, because a reader of traces is not always allowed to read logs. */
  function fail(span: Span, errorType: string): void {
    span.setAttribute("error.type", errorType);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }

  function finish(span: Span, { status, route, error }: HttpResponse, attributes: Attributes): Attributes {
    const known = route === undefined ? attributes : { ...attributes, "http.route": route };
    const all = { ...known, "http.response.status_code": status };
    span.setAttributes(all);
    if (route !== undefined) span.updateName(`${verbOf(attributes["http.request.method"])} ${route}`);
    // In the span of a server only the faults of the server are errors.
    if (status >= 500) {
      fail(span, error ?? String(status));
      return { ...all, "error.type": error ?? String(status) };
    }
    if (error !== undefined) span.setAttribute("ampho.error", error);
    return all;
  }

  return {
    request: (handle) => async (request) => {
      const hostHasOne = trace.getActiveSpan() !== undefined;
      const parent = hostHasOne ? context.active() : propagation.extract(context.active(), request, getter);
      const method = knownMethods.has(request.method) ? request.method : other;
      const attributes = { "http.request.method": method };
      const kind = hostHasOne ? SpanKind.INTERNAL : SpanKind.SERVER;
      const startMs = performance.now();
      const span = tracer.startSpan(verbOf(method), { kind, attributes }, parent);
      try {
        const response = await context.with(trace.setSpan(parent, span), () => handle(request));
        const about = finish(span, response, attributes);
        if (!hostHasOne) durations.record((performance.now() - startMs) / 1000, about);
        return response;
      } finally {
        span.end();
      }
    },

    async child(name, { isCall = false, attributes = {} }, call) {
      if (trace.getActiveSpan() === undefined) return call();
      const kind = isCall ? SpanKind.CLIENT : SpanKind.INTERNAL;
      const span = tracer.startSpan(name, { kind, attributes });
      try {
        return await context.with(trace.setSpan(context.active(), span), call);
      } catch (error) {
        fail(span, codeOf(error));
        throw error;
      } finally {
        span.end();
      }
    },
  };
}

/** An unknown method is HTTP in the name of a span. */
const verbOf = (method: unknown): string => (method === other ? "HTTP" : String(method));

const createDurations = ({ metrics }: OpenTelemetry, version: string): Measured =>
  metrics.getMeter("ampho", version).createHistogram("http.server.request.duration", {
    description: "Duration of HTTP server requests.",
    unit: "s",
    advice: { explicitBucketBoundaries: boundsSeconds },
  });
