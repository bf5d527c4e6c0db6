// Where `ampho serve` has GET /metrics: on a separate port, else with a token on the port of the service, else nowhere.
import type { Ampho } from "../../../ampho.js";
import type { Configuration } from "../../../config/configuration.js";
import { AmphoError } from "../../../errors.js";
import type { AccessLog } from "../../../http/server/access-log.js";
import { createMetricsPage, type MetricsPage } from "../../../http/server/probes.js";
import { createHttpServer, type HttpServer } from "../../../http/server/server.js";
import { expositionType } from "../../../telemetry/exposition.js";
import { processText, type ServerConnections } from "../../../telemetry/process-metrics.js";

export interface MetricsEndpoint {
  /** The page for the server of the service. */
  readonly page: MetricsPage | undefined;
  /** The server of the separate port. It also serves the probes. */
  readonly server: HttpServer | undefined;
}

export function createMetricsEndpoint(
  { metricsPort, metricsToken: token }: Pick<Configuration, "metricsPort" | "metricsToken">,
  ampho: Ampho,
  log: AccessLog,
  connections: () => ServerConnections,
): MetricsEndpoint {
  if (metricsPort === undefined && token === undefined) return { page: undefined, server: undefined };
  const { host } = ampho;
  const { refusal } = host;
  const read = () => ampho.metrics() + processText(connections());
  const page = createMetricsPage({ token, read, type: expositionType, refusal });
  if (metricsPort === undefined) return { page, server: undefined };
  const server = createHttpServer({
    host: { ...host, handle: async () => refusal(new AmphoError("not_found", "This path does not exist.")) },
    // Prometheus reads every few seconds, so only a rejected request is logged.
    log: (entry) => {
      if (entry.status >= 400) log(entry);
    },
    metrics: page,
  });
  return { page: undefined, server };
}
