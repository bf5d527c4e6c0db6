// A storage that the test controls, and helpers that read the result of a call.
import { AmphoError, type ClientStorage } from "../../dist/client/client.js";
import { pause } from "../world/wait.js";

export interface TestStorage extends ClientStorage {
  readonly values: Map<string, string>;
  /** Returns the stored session, parsed. It is empty if there is none. */
  record(): Record<string, unknown>;
  change(change: Record<string, unknown>): void;
  /** Changes the record as if the token had come this much earlier. */
  age(seconds: number): void;
}

/** A storage with a delay is asynchronous, as IndexedDB is. */
export function createTestStorage(delayMs?: number): TestStorage {
  const values = new Map<string, string>();
  const name = () => [...values.keys()].find((key) => key.endsWith("/api/security")) ?? "";
  const later = <T>(work: () => T): T | Promise<T> => (delayMs === undefined ? work() : wait(delayMs).then(work));
  const record = (): Record<string, unknown> => JSON.parse(values.get(name()) ?? "{}");
  const change = (members: Record<string, unknown>) =>
    void values.set(name(), JSON.stringify({ ...record(), ...members }));
  return {
    values,
    get: (key) => later(() => values.get(key)),
    set: (key, value) => later(() => values.set(key, value)),
    remove: (key) => later(() => values.delete(key)),
    record,
    change,
    age: (seconds) => change({ receivedMs: Number(record()["receivedMs"]) - seconds * 1000 }),
  };
}

export const wait = pause;

/** Returns the code of the error, or "resolved". */
export function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "resolved",
    (error: unknown) => (error instanceof AmphoError ? error.code : `not an AmphoError: ${String(error)}`),
  );
}

/** Returns the login that a guarded route saw, or the status. */
export async function seen(pending: Promise<Response>): Promise<unknown> {
  const response = await pending;
  return response.ok ? (await response.json()).login : response.status;
}
