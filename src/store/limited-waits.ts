// How long one request waits for the database. Each of its transactions has a limit of its own. Where all of them are slow, for
// example because locks are taken piece by piece, the sum would be far more than a client and a proxy wait.
import { databaseUnavailable } from "./database-error.js";
import { type OperationName, operationNames } from "./operations.js";
import type { Store } from "./store.js";

/** With the password hash of a login this stays below the 6 s of docs/reference/contract.md §5. */
const requestMs = 5_200;

const names: ReadonlySet<string | symbol> = new Set(operationNames);

/** Returns a view of the store. Its operations together wait for the database for at most `limitMs`. */
export function limitWaits(store: Store, limitMs = requestMs): Store {
  let [spentMs, running, sinceMs] = [0, 0, 0];
  // TypeScript does not follow that the method and its input belong to the same operation.
  const methods = store as unknown as Readonly<
    Record<OperationName, (input: unknown, waitMs: number) => Promise<unknown>>
  >;

  async function call(operation: OperationName, input: unknown): Promise<unknown> {
    const nowMs = performance.now();
    // Operations that run at the same moment wait for the same time.
    if (running === 0) sinceMs = nowMs;
    const leftMs = Math.floor(limitMs - spentMs - (nowMs - sinceMs));
    if (leftMs <= 0) throw databaseUnavailable(new Error("the database has used up the time of the request"));
    running += 1;
    try {
      return await methods[operation](input, leftMs);
    } finally {
      running -= 1;
      if (running === 0) spentMs += performance.now() - sinceMs;
    }
  }

  return new Proxy(store, {
    get: (target, name): unknown =>
      names.has(name) ? (input: unknown) => call(name as OperationName, input) : Reflect.get(target, name),
  });
}
