// What the two sides of the SQLite driver say to each other.
import type { Input, OperationName } from "../operations.js";
import type { DriverName } from "./driver.js";

export interface WorkerData {
  /** Undefined: in memory. */
  readonly path: string | undefined;
  readonly driver: DriverName;
  /** `migrations`: any schema that the program knows will do. `store`: after the first opening, none that is older. */
  readonly role: "store" | "migrations";
  /** The worker before it had the database open: it must be there. */
  readonly reopening: boolean;
}

export interface CallJob<P extends OperationName = OperationName> {
  readonly kind: "call";
  readonly operation: P;
  readonly input: Input<P>;
}

export type Job =
  | CallJob
  | { readonly kind: "ping" }
  | { readonly kind: "migrations"; readonly step: "up" | "down" | "version" | "list" }
  | { readonly kind: "close" };

export interface Request {
  readonly id: number;
  /** Of `monotonicMs`: later than that nobody waits for the answer. */
  readonly deadline: number;
  readonly job: Job;
}

export interface Failure {
  /** `open`: a person can mend it. `internal`: a bug of ours. */
  readonly kind: "unavailable" | "overloaded" | "open" | "configuration" | "internal";
  readonly reason: string;
}

export type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly failure: Failure });

// Taken here: the timers that an application's tests fake would stand still in this thread and go on in the other.
const readClock = process.hrtime.bigint;

/** A clock that all threads of the process share and nobody sets. */
export function monotonicMs(): number {
  return Number(readClock() / 1_000_000n);
}
