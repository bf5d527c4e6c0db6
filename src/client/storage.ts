// Where a session is kept: localStorage in a page, so that tabs share it and it outlives them; else memory.
import { AmphoError } from "../errors.js";

type Awaitable<T> = T | Promise<T>;

/** Keeps texts by key. All three may be asynchronous; what `set` and `remove` give back is awaited and not looked at. */
export interface ClientStorage {
  get(key: string): Awaitable<string | null | undefined>;
  set(key: string, value: string): unknown;
  remove(key: string): unknown;
}

/** `localStorage`, or undefined where there is none or it is blocked. */
export function pageStorage(): ClientStorage | undefined {
  try {
    // Node has one that warns when it is touched, and a process is not one user's as a page is.
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

/** Runs what uses a storage, whose failures become `unavailable`: a full or blocked storage ends no session. */
export async function reliably<T>(work: () => Awaitable<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof AmphoError ? cause : new AmphoError("unavailable", "The storage fails.", {}, { cause });
  }
}
