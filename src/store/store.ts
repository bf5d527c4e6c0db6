// The store: the operations of operations.ts, run by a driver for SQLite or PostgreSQL.
import type { Operations } from "./operations.js";
import type { Revocation } from "./revocation.js";
import type { Effects } from "./transaction.js";

/**
 * Every method rejects with AmphoError `unavailable` if the database does not respond within 6 s, or `overloaded` if
 * too many calls wait. It never rejects with an error of a driver.
 */
export interface Store extends Operations {
  /** The clock of the database, Unix milliseconds. Undefined where it is the machine's clock. */
  readClock(): Promise<number | undefined>;
  /** Calls the listener after each transaction of this process that can have written a mail. There is one listener. */
  onMail(listener: () => void): void;
  /** Calls the listener with the revocations of this process, before the operation resolves. There is one listener. */
  onRevoked(listener: (revoked: readonly Revocation[]) => void): void;
  /** How busy the database is in this process. */
  stats(): StoreStats;
  /** Resolves when the database responds within `timeoutMs`, and otherwise rejects. */
  ping(timeoutMs: number): Promise<void>;
  /** Can be called twice. Waiting calls are finished or rejected. */
  close(): Promise<void>;
}

/** The listeners of a store. `report` calls them. */
export function createListeners() {
  let mailListener = () => {};
  let revokedListener: Parameters<Store["onRevoked"]>[0] = () => {};
  return {
    onMail(listener: typeof mailListener) {
      mailListener = listener;
    },
    onRevoked(listener: typeof revokedListener) {
      revokedListener = listener;
    },
    report({ mails, revoked }: Effects) {
      if (revoked.length > 0) revokedListener(revoked);
      if (mails) mailListener();
    },
  };
}

export interface StoreOptions {
  /**
   * `sqlite:PATH`, `sqlite::memory:` or `postgres://…`. The variables PGHOST and so on give the parts it leaves out.
   */
  readonly url: string;
  /** AMPHO_APP_URL of the instance. The mails that this store writes lead to these pages. */
  readonly pages?: string | undefined;
  /**
   * Applies missing migrations, with `existing` only to a database that has some. Without it an older schema is an
   * error that names `ampho db-up`.
   */
  readonly migrate: boolean | "existing";
  /** Receives a line for people when the schema changed, or when the pooler does not take prepared statements. */
  readonly log: (line: string) => void;
}

export interface StoreStats {
  /** Connections to the database. SQLite has one thread. */
  readonly open: number;
  readonly busy: number;
  /** Calls that wait for a connection. */
  readonly waiting: number;
}
