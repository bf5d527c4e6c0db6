// Measures each call of a flow. Only successes count for the duration, because rejections are delayed on purpose.
import type { ObserveFlow } from "../flows/flows.js";
import { flowResults } from "./definitions.js";
import { resultLabelOf, secondsSince } from "./measure.js";
import type { Metrics } from "./metrics.js";

export function observeFlows(metrics: Pick<Metrics, "flows" | "flowSeconds">): ObserveFlow {
  return async (flow, call) => {
    const startMs = performance.now();
    try {
      const output = await call();
      metrics.flowSeconds.observe({ flow }, secondsSince(startMs));
      metrics.flows.add({ flow, result: "ok" });
      return output;
    } catch (error) {
      metrics.flows.add({ flow, result: resultLabelOf(error, flowResults) });
      throw error;
    }
  };
}
