// Reports why operations of the database fail. `/readyz` reads only the revocations, so a full disk or a missing right
// of the role would otherwise show nowhere.
import { type AmphoError, hasCode, isError } from "../errors.js";
import { databaseUnavailable } from "./database-error.js";
import { bindOperations, callOf, type OperationName, operationNames, type RunOperation } from "./operations.js";
import type { Store } from "./store.js";

export interface FailureReport {
  readonly operation: OperationName;
  /** Its cause is that of the driver. */
  readonly error: AmphoError;
}

/** An operation can fail and succeed in turns, many times in a second. */
const repeatMs = 60_000;

/**
 * Calls `report` when an operation begins to fail, once for each cause, and without a failure when all of them work
 * again. The follower of revocations reports its own operation.
 */
export function reportFailures(store: Store, report: (failure: FailureReport | undefined) => void): Store {
  const run = callOf(store);
  const failing = new Map<OperationName, string>();
  const reportedMs = new Map<string, number>();
  let isReported = false;
  let isClosed = false;

  function failed(operation: OperationName, error: unknown): void {
    if (isClosed || operation === "readRevocations") return;
    if (!hasCode(error, "unavailable") || !isError(error.cause)) return;
    const reason = error.cause.message;
    if (failing.get(operation) === reason) return;
    failing.set(operation, reason);
    const now = performance.now();
    if (now - (reportedMs.get(reason) ?? Number.NEGATIVE_INFINITY) < repeatMs) return;
    reportedMs.set(reason, now);
    isReported = true;
    report({ operation, error });
  }

  function succeeded(operation: OperationName): void {
    if (!failing.delete(operation) || failing.size > 0 || !isReported) return;
    isReported = false;
    report(undefined);
  }

  const call: RunOperation = async (operation, input, waitMs) => {
    try {
      const output = await run(operation, input, waitMs);
      if (failing.size > 0) succeeded(operation);
      return output;
    } catch (error) {
      failed(operation, error);
      throw error;
    }
  };

  return {
    ...store,
    ...bindOperations(call),
    close() {
      isClosed = true;
      return store.close();
    },
  };
}

// How long one request waits for the database. Each of its transactions has a limit of its own. Where all of them are
// slow, for example because locks are taken piece by piece, the sum would be far more than a client and a proxy wait.

/** With the password hash of a login this stays below the 6 s of docs/reference/contract.md §5. */
const requestMs = 5_200;

const names: ReadonlySet<string | symbol> = new Set(operationNames);

/** Returns a view of the store. Its operations together wait for the database for at most `limitMs`. */
export function limitWaits(store: Store, limitMs = requestMs): Store {
  let [spentMs, running, sinceMs] = [0, 0, 0];
  const run = callOf(store);

  async function call(operation: OperationName, input: never): Promise<unknown> {
    const nowMs = performance.now();
    // Operations that run at the same moment wait for the same time.
    if (running === 0) sinceMs = nowMs;
    const leftMs = Math.floor(limitMs - spentMs - (nowMs - sinceMs));
    if (leftMs <= 0) throw databaseUnavailable(new Error("the database has used up the time of the request"));
    running += 1;
    try {
      return await run(operation, input, leftMs);
    } finally {
      running -= 1;
      if (running === 0) spentMs += performance.now() - sinceMs;
    }
  }

  return new Proxy(store, {
    get: (target, name): unknown =>
      names.has(name) ? (input: never) => call(name as OperationName, input) : Reflect.get(target, name),
  });
}
