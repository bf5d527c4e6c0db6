// The messages between the two threads of the SQLite driver.
import type { AmphoError } from "../../errors.js";
import type { OperationInput, OperationName } from "../operations.js";
import type { Effects } from "../transaction.js";
import type { DriverName } from "./driver.js";

export interface WorkerData {
  /** Undefined: in memory. */
  readonly path: string | undefined;
  readonly driver: DriverName;
  /** AMPHO_APP_URL of the instance. */
  readonly pages?: string | undefined;
  /** `migrations` accepts any known schema. `store` accepts no older one after the first opening. */
  readonly role: "store" | "migrations";
  /** The previous worker had the database open, so that the file must exist. */
  readonly reopening: boolean;
}

export interface CallJob<P extends OperationName = OperationName> {
  readonly kind: "call";
  readonly operation: P;
  readonly input: OperationInput<P>;
}

export type Job =
  | CallJob
  | { readonly kind: "ping" }
  | { readonly kind: "migrations"; readonly step: "up" | "down" | "version" | "list" }
  | { readonly kind: "close" };

export interface Request {
  readonly id: number;
  /** A time of `monotonicMs`, after which no caller waits for the reply. */
  readonly deadline: number;
  readonly job: Job;
}

export interface Failure {
  /** `open`: a person can fix the cause. `internal`: a bug of Ampho. */
  readonly kind: "unavailable" | "overloaded" | "open" | "configuration" | "internal" | "rejected";
  readonly reason: string;
  /** `rejected`: the transaction has thrown this AmphoError, and was rolled back. */
  readonly rejection?: Pick<AmphoError, "code" | "details">;
}

export type Reply = { readonly id: number } & (
  | { readonly value: unknown; readonly effects?: Effects }
  | { readonly failure: Failure }
);

// Taken when the module loads. If the tests of an application fake the timers, the clock of this thread would stand
// still.
const readClock = process.hrtime.bigint;

/** A monotonic clock that all threads of the process share. */
export const monotonicMs = (): number => Number(readClock() / 1_000_000n);
