// A storage in the test's hands, and what tests ask of a client.
import { AmphoError, type ClientStorage } from "../../dist/client/client.js";

export interface Kept extends ClientStorage {
  readonly values: Map<string, string>;
  /** The record of the session, parsed; empty when there is none. */
  record(): Record<string, unknown>;
  change(change: Record<string, unknown>): void;
  /** As if the token had come so much earlier. */
  age(seconds: number): void;
}

/** With a delay it is asynchronous, as IndexedDB would be. */
export function createKept(delayMs?: number): Kept {
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

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The code of the refusal, or "resolved". */
export function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "resolved",
    (error: unknown) => (error instanceof AmphoError ? error.code : `not an AmphoError: ${String(error)}`),
  );
}

/** Whom a guarded route saw, or the status. */
export async function seen(answer: Promise<Response>): Promise<unknown> {
  const response = await answer;
  return response.ok ? (await response.json()).login : response.status;
}
