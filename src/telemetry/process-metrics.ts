// Metrics of the process of `ampho serve`, with the names that Prometheus clients use.
import { performance } from "node:perf_hooks";
import { expositionOf } from "./exposition.js";

/** The connections of the server of `ampho serve`. */
export interface ServerConnections {
  readonly open: { readonly size: number };
  readonly rejected: number;
}

const metric = (
  name: string,
  read: (connections: ServerConnections) => number,
  { help }: { readonly help: string },
) => ({ name, type: name.endsWith("_total") ? ("counter" as const) : ("gauge" as const), help, read });

export const processMetrics = [
  metric("process_cpu_user_seconds_total", () => process.cpuUsage().user / 1e6, {
    help: "Processor time in user mode, of all threads",
  }),
  metric("process_cpu_system_seconds_total", () => process.cpuUsage().system / 1e6, {
    help: "Processor time in the system, of all threads",
  }),
  metric("process_resident_memory_bytes", () => process.memoryUsage.rss(), { help: "Resident memory" }),
  metric("process_start_time_seconds", () => performance.timeOrigin / 1000, {
    help: "Start time of the process, in Unix seconds",
  }),
  metric("nodejs_heap_size_used_bytes", () => process.memoryUsage().heapUsed, {
    help: "Memory of JavaScript objects of the main thread",
  }),
  metric("nodejs_eventloop_active_seconds_total", () => performance.eventLoopUtilization().active / 1000, {
    help: "Time in which the event loop was busy (a rate near 1 is a busy core)",
  }),
  metric("ampho_connections", ({ open }) => open.size, { help: "Open connections of the service" }),
  metric("ampho_connections_rejected_total", ({ rejected }) => rejected, {
    help: "Connections that were closed at once because 10 000 of them were open",
  }),
];

export const processText = (connections: ServerConnections): string =>
  expositionOf(
    processMetrics.map(({ read, ...family }) => ({ ...family, samples: [{ labels: {}, value: read(connections) }] })),
  );
