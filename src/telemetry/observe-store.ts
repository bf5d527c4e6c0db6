// Each call of the store: how long, whether it failed, and what it decided.
import { boundStore } from "../store/bound-store.js";
import type { Input, OperationName, Output } from "../store/operations.js";
import type { Store } from "../store/store.js";
import { storeErrors } from "./definitions.js";
import { resultOf, secondsSince } from "./measure.js";
import type { Metrics } from "./metrics.js";

type StoreMetrics = Pick<Metrics, "storeSeconds" | "storeErrors" | "renewals" | "attempts">;

/** What the answers of some purposes say of a decision. */
const decisions: { readonly [P in OperationName]?: (output: Output<P>, metrics: StoreMetrics) => void } = {
  renewSession: (output, { renewals }) =>
    renewals.add({ outcome: output.outcome === "ended" ? output.reason : output.outcome }),
  admitAttempt: (output, { attempts }) =>
    attempts.add({ outcome: output.outcome === "refused" ? output.by : output.outcome }),
};

/** Runs a call of the store, as tracing wants it. */
export type Around = <T>(purpose: OperationName, call: () => Promise<T>) => Promise<T>;

export function observeStore(store: Store, metrics: StoreMetrics, around: Around): Store {
  const methodsOf: { readonly [P in OperationName]: (input: Input<P>) => Promise<Output<P>> } = store;

  async function call<P extends OperationName>(purpose: P, input: Input<P>): Promise<Output<P>> {
    const startMs = performance.now();
    try {
      const output = await around(purpose, () => methodsOf[purpose](input));
      decisions[purpose]?.(output, metrics);
      return output;
    } catch (error) {
      metrics.storeErrors.add({ "error.type": resultOf(error, storeErrors) });
      throw error;
    } finally {
      metrics.storeSeconds.observe({ "db.operation.name": purpose }, secondsSince(startMs));
    }
  }

  return { ...store, ...boundStore(call) };
}
