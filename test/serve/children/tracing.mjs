// An SDK as operators load it before `ampho serve`. It writes each span as a line of JSON to SPANS_FILE.
import { appendFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";

const exporter = {
  export(spans, done) {
    for (const span of spans) {
      const { traceId } = span.spanContext();
      appendFileSync(process.env.SPANS_FILE, `${JSON.stringify({ name: span.name, kind: span.kind, traceId })}\n`);
    }
    done({ code: 0 });
  },
  shutdown: async () => {},
};

if (isMainThread) new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
