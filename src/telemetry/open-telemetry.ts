// OpenTelemetry through the optional peer @opentelemetry/api: nothing of it is loaded where it is not installed, and nothing
// is recorded where the application has registered no SDK. Names and attributes are those of its semantic conventions
// (https://opentelemetry.io/docs/specs/semconv/http/, …/database/, `error.type`), without those that hold what was sent: no
// path, address, login, query or message is in any.
import type { Attributes, Histogram as Measured, Span, TextMapGetter } from "@opentelemetry/api";
import { isNotInstalled } from "../errors.js";
import type { Handle } from "../http/rest/handler.js";
import type { HttpRequest, HttpResponse } from "../http/rest/message.js";
import { other } from "./definitions.js";
import { codeOf } from "./measure.js";

export type OpenTelemetry = typeof import("@opentelemetry/api");

/** Undefined where it is not installed. */
export async function loadOpenTelemetry(): Promise<OpenTelemetry | undefined> {
  try {
    return await import("@opentelemetry/api");
  } catch (error) {
    if (isNotInstalled(error)) return undefined;
    throw error;
  }
}

export interface Tracing {
  /** A span for a request to one of our endpoints: SERVER, or INTERNAL under the one that the host has made. */
  request(handle: Handle): Handle;
  /** A span for a part of a traced request, CLIENT for a call of another system; outside of one the call alone. */
  child<T>(name: string, about: ChildSpan, call: () => Promise<T>): Promise<T>;
}

export interface ChildSpan {
  readonly isCall?: boolean;
  readonly attributes?: Attributes;
}

/** Those that the conventions know: of RFC 9110, RFC 5789 and QUERY. */
const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"]);
/** What the conventions advise for this one histogram, seconds. */
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

  /** Neither message nor stack: whoever reads traces need not be who may read logs. */
  function fail(span: Span, errorType: string): void {
    span.setAttribute("error.type", errorType);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }

  function finish(span: Span, { status, route, error }: HttpResponse, attributes: Attributes): Attributes {
    const known = route === undefined ? attributes : { ...attributes, "http.route": route };
    const all = { ...known, "http.response.status_code": status };
    span.setAttributes(all);
    if (route !== undefined) span.updateName(`${verbOf(attributes["http.request.method"])} ${route}`);
    // Of a server's span only what is the server's fault is an error.
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
        const answer = await context.with(trace.setSpan(parent, span), () => handle(request));
        const about = finish(span, answer, attributes);
        if (!hostHasOne) durations.record((performance.now() - startMs) / 1000, about);
        return answer;
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

/** A method that nobody knows is HTTP in a span's name. */
const verbOf = (method: unknown): string => (method === other ? "HTTP" : String(method));

function createDurations({ metrics }: OpenTelemetry, version: string): Measured {
  return metrics.getMeter("ampho", version).createHistogram("http.server.request.duration", {
    description: "Duration of HTTP server requests.",
    unit: "s",
    advice: { explicitBucketBoundaries: boundsSeconds },
  });
}
