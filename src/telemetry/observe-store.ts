// Measures each call of the store: how long it took, whether it failed, and what it decided.
import {
  bindOperations,
  type OperationInput,
  type OperationName,
  type OperationOutput,
  type RunOperation,
} from "../store/operations.js";
import type { Store } from "../store/store.js";
import { storeErrors } from "./definitions.js";
import { resultLabelOf, secondsSince } from "./measure.js";
import type { Metrics } from "./metrics.js";

type StoreMetrics = Pick<Metrics, "storeSeconds" | "storeErrors" | "renewals" | "attempts">;

/** Operations whose output is a decision that is counted. */
const decisions: { readonly [P in OperationName]?: (output: OperationOutput<P>, metrics: StoreMetrics) => void } = {
  renewSession: (output, { renewals }) =>
    renewals.add({ outcome: output.outcome === "ended" ? output.reason : output.outcome }),
  allowAttempt: (output, { attempts }) => attempts.add({ outcome: "by" in output ? output.by : output.outcome }),
};

/** Runs a call of the store inside a span. */
export type Around = <T>(operation: OperationName, call: () => Promise<T>) => Promise<T>;

export function observeStore(store: Store, metrics: StoreMetrics, around: Around): Store {
  // TypeScript does not follow that the method and its input belong to the same operation.
  const methods = store as unknown as {
    readonly [P in OperationName]: (input: OperationInput<P>, waitMs?: number) => Promise<OperationOutput<P>>;
  };

  const call: RunOperation = async (operation, input, waitMs) => {
    const startMs = performance.now();
    try {
      const output = await around(operation, () => methods[operation](input, waitMs));
      decisions[operation]?.(output, metrics);
      return output;
    } catch (error) {
      metrics.storeErrors.add({ "error.type": resultLabelOf(error, storeErrors) });
      throw error;
    } finally {
      metrics.storeSeconds.observe({ "db.operation.name": operation }, secondsSince(startMs));
    }
  };

  return { ...store, ...bindOperations(call) };
}
