// Each call of a flow: what came of it, and how long it took when it went well. Refusals are held back on purpose, and say nothing.
import type { Flows } from "../flows/flows.js";
import { type FlowName, flowResults } from "./definitions.js";
import { resultOf, secondsSince } from "./measure.js";
import type { Metrics } from "./metrics.js";

export function observeFlows(flows: Flows, metrics: Pick<Metrics, "flows" | "flowSeconds">): Flows {
  async function observed<T>(flow: FlowName, call: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    try {
      const value = await call();
      metrics.flowSeconds.observe({ flow }, secondsSince(startMs));
      metrics.flows.add({ flow, result: "ok" });
      return value;
    } catch (error) {
      metrics.flows.add({ flow, result: resultOf(error, flowResults) });
      throw error;
    }
  }
  return {
    ...flows,
    login: (input, caller) => observed("login", () => flows.login(input, caller)),
    renew: (input, caller) => observed("renew", () => flows.renew(input, caller)),
    logout: (auth, caller) => observed("logout", () => flows.logout(auth, caller)),
    listSessions: (auth) => observed("list_sessions", () => flows.listSessions(auth)),
    endSession: (auth, id, caller) => observed("end_session", () => flows.endSession(auth, id, caller)),
    endSessions: (auth, caller) => observed("end_sessions", () => flows.endSessions(auth, caller)),
    changePassword: (auth, input, caller) =>
      observed("change_password", () => flows.changePassword(auth, input, caller)),
  };
}
