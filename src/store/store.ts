// The store: the operations of operations.ts, run by a driver for SQLite or PostgreSQL.
import type { Operations } from "./operations.js";

/**
 * Every method rejects with AmphoError `unavailable` if the database does not respond within 6 s, or `overloaded` if
 * too many calls wait. It never rejects with an error of a driver.
 */
export interface Store extends Operations {
  /** The clock of the database, Unix milliseconds. Undefined where it is the machine's clock. */
  readClock(): Promise<number | undefined>;
  /** Calls the listener after each transaction of this process that can have written a mail. There is one listener. */
  onMail(listener: () => void): void;
  /** How busy the database is in this process. */
  stats(): StoreStats;
  /** Resolves when the database responds within `timeoutMs`, and otherwise rejects. */
  ping(timeoutMs: number): Promise<void>;
  /** Can be called twice. Waiting calls are finished or rejected. */
  close(): Promise<void>;
}

export interface StoreStats {
  /** Connections to the database. SQLite has one thread. */
  readonly open: number;
  readonly busy: number;
  /** Calls that wait for a connection. */
  readonly waiting: number;
}
