// Metrics of the process of `ampho serve`, with the names that Prometheus clients use. An application usually has its
// own.
import { performance } from "node:perf_hooks";
import { expositionOf, type Family } from "./exposition.js";

/** The connections of the server of `ampho serve`. */
export interface ServerConnections {
  readonly open: { readonly size: number };
  readonly rejected: number;
}

interface ProcessMetric extends Omit<Family, "samples"> {
  readonly read: (connections: ServerConnections) => number;
}

const bytes = { resident: () => process.memoryUsage.rss(), heap: () => process.memoryUsage().heapUsed };
const startedSeconds = () => performance.timeOrigin / 1000;

export const processMetrics: readonly ProcessMetric[] = [
  {
    name: "process_cpu_user_seconds_total",
    type: "counter",
    help: "Processor time in user mode, of all threads",
    read: () => process.cpuUsage().user / 1e6,
  },
  {
    name: "process_cpu_system_seconds_total",
    type: "counter",
    help: "Processor time in the system, of all threads",
    read: () => process.cpuUsage().system / 1e6,
  },
  { name: "process_resident_memory_bytes", type: "gauge", help: "Resident memory", read: bytes.resident },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "Start time of the process, in Unix seconds",
    read: startedSeconds,
  },
  {
    name: "nodejs_heap_size_used_bytes",
    type: "gauge",
    help: "Memory of JavaScript objects of the main thread",
    read: bytes.heap,
  },
  {
    name: "nodejs_eventloop_active_seconds_total",
    type: "counter",
    help: "Time in which the event loop was busy (a rate near 1 is a busy core)",
    read: () => performance.eventLoopUtilization().active / 1000,
  },
  { name: "ampho_connections", type: "gauge", help: "Open connections of the service", read: ({ open }) => open.size },
  {
    name: "ampho_connections_rejected_total",
    type: "counter",
    help: "Connections that were closed at once because AMPHO_CONNECTIONS_MAX of them were open",
    read: ({ rejected }) => rejected,
  },
];

export function processText(connections: ServerConnections): string {
  return expositionOf(
    processMetrics.map(({ read, ...family }) => ({ ...family, samples: [{ labels: {}, value: read(connections) }] })),
  );
}
