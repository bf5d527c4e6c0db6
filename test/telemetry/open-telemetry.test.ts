// Spans and metrics by way of the real SDK, registered as an application does it: before createAmpho.
import { context, metrics, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { openWorld, password, type World } from "../world/ampho.js";
import { startPostgres } from "../world/postgres.js";
import { quiet } from "../world/wait.js";

const spanExporter = new InMemorySpanExporter();
const tracerProvider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spanExporter)] });

beforeAll(() => {
  tracerProvider.register();
});
afterAll(async () => {
  await tracerProvider.shutdown();
  for (const api of [context, propagation, trace]) api.disable();
});
beforeEach(() => spanExporter.reset());

const spans = () => spanExporter.getFinishedSpans();

function only(name: string): ReadableSpan {
  const found = spans().filter((span) => span.name === name);
  expect(found.map(({ name }) => name)).toEqual([name]);
  const [span] = found;
  if (span === undefined) throw new Error("cannot be");
  return span;
}

async function alice(options = {}): Promise<World> {
  const world = await openWorld(options);
  await world.user("alice", { password });
  return world;
}

const body = { login: "alice", password };

describe("a request", () => {
  it("a request is a SERVER span with the conventional names, in the trace of its sender", async () => {
    const world = await alice();
    const [traceId, parentId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
    const headers = { traceparent: `00-${traceId}-${parentId}-01` };
    await world.call("POST", "/login", { body, headers });
    const span = only("POST /api/security/login");
    expect(span.kind).toBe(SpanKind.SERVER);
    expect([span.spanContext().traceId, span.parentSpanContext?.spanId]).toEqual([traceId, parentId]);
    expect(span.attributes).toEqual({
      "http.request.method": "POST",
      "http.route": "/api/security/login",
      "http.response.status_code": 200,
    });
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.instrumentationScope.name).toBe("ampho");
  });

  it("a request contains a span of the flow, with the operations and the password check under it", async () => {
    const world = await alice();
    spanExporter.reset();
    await world.call("POST", "/login", { body });
    const childrenOf = (parent: ReadableSpan) =>
      spans().filter((span) => span.parentSpanContext?.spanId === parent.spanContext().spanId);
    const flow = only("ampho.login");
    expect(childrenOf(only("POST /api/security/login"))).toEqual([flow]);
    expect([flow.kind, flow.status.code]).toEqual([SpanKind.INTERNAL, SpanStatusCode.UNSET]);
    const children = childrenOf(flow);
    expect(children.map(({ name }) => name)).toEqual([
      "allowAttempt",
      "findUser",
      "ampho.password.check",
      "grantSession",
    ]);
    expect(only("grantSession").attributes).toEqual({
      "db.system.name": "sqlite",
      "db.operation.name": "grantSession",
    });
    for (const { kind, status } of children)
      expect([kind, status.code]).toEqual([SpanKind.INTERNAL, SpanStatusCode.UNSET]);
  });

  it("an operation of PostgreSQL is a CLIENT span", async () => {
    const server = await startPostgres();
    onTestFinished(() => server.stop());
    const database = await server.database();
    await database.empty();
    const world = await alice({ databaseUrl: database.runtimeUrl, databaseMigrate: "off", clock: undefined });
    spanExporter.reset();
    await world.call("POST", "/login", { body });
    const { kind, attributes } = only("grantSession");
    const names = { "db.system.name": "postgresql", "db.operation.name": "grantSession" };
    expect([kind, attributes]).toEqual([SpanKind.CLIENT, names]);
    await world.ampho.close();
  });

  it("a request under the host's own span is INTERNAL and is not measured twice", async () => {
    const { points } = collecting();
    const world = await alice();
    await trace.getTracer("host").startActiveSpan("host", { kind: SpanKind.SERVER }, async (host) => {
      await world.call("GET", "/openapi.json");
      host.end();
    });
    const span = only("GET /api/security/openapi.json");
    expect([span.kind, span.parentSpanContext?.spanId]).toEqual([SpanKind.INTERNAL, only("host").spanContext().spanId]);
    expect(await points("http.server.request.duration")).toEqual([]);
    expect(await points("ampho.http.request.duration")).toHaveLength(1);
  });

  it("a rejected request names the code, and only a fault of the server is an error", async () => {
    const world = await alice();
    await world.call("POST", "/login", { body: { ...body, password: "wrong" } });
    const rejected = only("POST /api/security/login");
    expect([rejected.status.code, rejected.attributes["ampho.error"]]).toEqual([
      SpanStatusCode.UNSET,
      "invalid_credentials",
    ]);
    spanExporter.reset();
    await world.ampho.close();
    await world.call("POST", "/login", { body });
    const failed = only("POST /api/security/login");
    expect([failed.status, failed.attributes["error.type"]]).toEqual([{ code: SpanStatusCode.ERROR }, "unavailable"]);
    expect(only("allowAttempt").attributes["error.type"]).toBe("unavailable");
  });

  it("no span contains sent data or events with messages", async () => {
    const world = await alice();
    const canary = "canary4711";
    await world.call("POST", "/login", {
      body: { login: canary, password: canary },
      headers: { "user-agent": canary },
      address: "203.0.113.9",
    });
    await world.call("DELETE", `/sessions/${canary}?${canary}=1`);
    await world.call("POST", `/${canary}`);
    const text = JSON.stringify(
      spans().map(({ name, attributes, events, links, status }) => ({ name, attributes, events, links, status })),
    );
    expect(spans().length).toBeGreaterThan(3);
    for (const secret of [canary, "203.0.113.9"]) expect(text).not.toContain(secret);
    expect(spans().flatMap(({ events }) => events)).toEqual([]);
  });

  it("an unknown method is _OTHER and HTTP in the name, and a known one keeps its name", async () => {
    const world = await alice();
    await world.call("BREW", "/nowhere");
    expect(only("HTTP").attributes["http.request.method"]).toBe("_OTHER");
    spanExporter.reset();
    await world.call("BREW", "/login");
    expect(only("HTTP /api/security/login").attributes["http.request.method"]).toBe("_OTHER");
    await world.call("PATCH", "/login");
    expect(only("PATCH /api/security/login").attributes["http.request.method"]).toBe("PATCH");
  });
});

it("background work creates no spans", async () => {
  const world = await alice();
  await trace.getTracer("host").startActiveSpan("host", async (host) => {
    await world.another();
    host.end();
  });
  spanExporter.reset();
  await quiet(1000);
  expect(spans()).toEqual([]);
});

describe("metrics", () => {
  it("the instruments are the metrics of /metrics with OpenTelemetry's names", async () => {
    const { collected, value } = collecting();
    const world = await alice();
    await world.call("POST", "/login", { body });
    await world.call("POST", "/login", { body: { ...body, password: "wrong" } });
    expect(() => world.ampho.verifySync("x.y.z")).toThrow();
    expect(await value("ampho.flows", { flow: "login", result: "ok" })).toBe(1);
    expect(await value("ampho.flows", { flow: "login", result: "invalid_credentials" })).toBe(1);
    expect(await value("ampho.guard.decisions", { result: "invalid_token" })).toBe(1);
    expect(await value("ampho.hash.threads", {})).toBeGreaterThan(0);
    expect(await value("ampho.flow.duration", { flow: "login" })).toMatchObject({ count: 1 });
    const created = { "db.operation.name": "grantSession" };
    expect(await value("ampho.store.duration", created)).toMatchObject({ count: 1 });
    const login = { "http.request.method": "POST", "http.route": "/api/security/login" };
    const rejected = { ...login, "http.response.status_code": 401 };
    const advised = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
    const measured = { count: 1, buckets: { boundaries: advised } };
    expect(await value("http.server.request.duration", rejected)).toMatchObject(measured);
    // An exporter for Prometheus makes the names of /metrics of these.
    const text = world.ampho.metrics();
    for (const { descriptor } of await collected()) {
      if (descriptor.name === "http.server.request.duration") continue;
      const base = descriptor.name.replaceAll(".", "_") + (descriptor.unit === "s" ? "_seconds" : "");
      expect(text).toMatch(new RegExp(`^# TYPE ${base}(_total)? `, "m"));
    }
  });

  it("the instruments of a closed instance are no longer read", async () => {
    const { points } = collecting(AggregationTemporality.DELTA);
    const world = await alice();
    expect(await points("ampho.hash.threads")).toHaveLength(1);
    await world.ampho.close();
    expect(await points("ampho.hash.threads")).toEqual([]);
  });
});

/** Registers a provider for the instances that are made from now on, until the test is over. */
function collecting(temporality = AggregationTemporality.CUMULATIVE) {
  const exporter = new InMemoryMetricExporter(temporality);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  onTestFinished(async () => {
    metrics.disable();
    await provider.shutdown();
  });
  async function collected() {
    exporter.reset();
    await reader.forceFlush();
    return exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  }
  async function points(name: string) {
    const found = (await collected()).filter(({ descriptor }) => descriptor.name === name);
    return found.flatMap(({ dataPoints }) => [...dataPoints]);
  }
  async function value(name: string, attributes: Readonly<Record<string, unknown>>): Promise<unknown> {
    const same = (found: object) => JSON.stringify(found) === JSON.stringify(attributes);
    return (await points(name)).find((point) => same(point.attributes))?.value;
  }
  return { collected, points, value };
}
