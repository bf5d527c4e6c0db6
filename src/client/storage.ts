// The storage of a session: localStorage in a page, so that tabs share it and it outlives them, and memory elsewhere.
import { AmphoError } from "../errors.js";
import { unavailable } from "./wire.js";

type Awaitable<T> = T | Promise<T>;

/** Stores texts by key. Each function can be asynchronous. The results of `set` and `remove` are awaited and ignored. */
export interface ClientStorage {
  get(key: string): Awaitable<string | null | undefined>;
  set(key: string, value: string): unknown;
  remove(key: string): unknown;
}

/** Returns `localStorage`, or undefined if there is none or it is blocked. */
export function pageStorage(): ClientStorage | undefined {
  try {
    // The one of Node prints a warning when it is read, and a process does not belong to one user as a page does.
    if (typeof document === "undefined" && Object.getOwnPropertyDescriptor(globalThis, "localStorage")?.get) return;
    const { localStorage } = globalThis;
    return (
      localStorage && {
        get: (key) => localStorage.getItem(key),
        set: (key, value) => localStorage.setItem(key, value),
        remove: (key) => localStorage.removeItem(key),
      }
    );
  } catch {
    return undefined;
  }
}

export function memoryStorage(): ClientStorage {
  const values = new Map<string, string>();
  return {
    get: (key) => values.get(key),
    set: (key, value) => values.set(key, value),
    remove: (key) => values.delete(key),
  };
}

/** Runs work with a storage. Its failures become `unavailable`, so that a full or blocked storage ends no session. */
export async function reliably<T>(work: () => Awaitable<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof AmphoError ? cause : unavailable(cause);
  }
}
