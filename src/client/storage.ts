// The storage of a session: localStorage in a page, so that tabs share it and it outlives them, and memory elsewhere.
import { unavailable } from "./calls.js";

type Awaitable<T> = T | Promise<T>;

/**
 * Stores texts by key. Each function can be asynchronous. The results of `set` and `remove` are awaited and ignored.
 * @example
 * const storage: ClientStorage = {
 *   get: (key) => SecureStore.getItemAsync(key),
 *   set: (key, value) => SecureStore.setItemAsync(key, value),
 *   remove: (key) => SecureStore.deleteItemAsync(key),
 * };
 */
export interface ClientStorage {
  /** Returns the text of a key. Null or undefined if there is none. */
  get(key: string): Awaitable<string | null | undefined>;
  /** Stores a text. */
  set(key: string, value: string): unknown;
  /** Deletes the text of a key. */
  remove(key: string): unknown;
}

/** Returns `localStorage`, or undefined if there is none or it is blocked. */
export function pageStorage(): ClientStorage | undefined {
  try {
    // The one of Node prints a warning when it is read, and a process does not belong to one user as a page does.
    const localStorage = globalThis.document && globalThis.localStorage;
    return (
      localStorage && {
        get: (key) => localStorage[key] as string | undefined,
        set: (key, value) => (localStorage[key] = value),
        remove: (key) => delete localStorage[key],
      }
    );
  } catch {
    return undefined;
  }
}

export function memoryStorage(): ClientStorage {
  const values = new Map<string, string>();
  return Object.assign(values, { remove: values.delete });
}

/** Runs one piece of work after the other, each like `reliably`. */
export function createSerialQueue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(() => reliably(work));
    last = result.catch(() => {});
    return result;
  };
}

/** Runs work with a storage. Its failures become `unavailable`, so that a full or blocked storage ends no session. */
export async function reliably<T>(work: () => Awaitable<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw unavailable(cause);
  }
}
