// Housekeeping deletes old rows in small batches, in one process at a time. The lease is one row, and each batch
// extends it in its own transaction, so that a process that has lost the lease deletes nothing more.
import { skewMaxSeconds } from "../../../throttle/attempt-counter.js";
import { integer, type Row, text } from "../../rows.js";
import { first, type Transaction, write } from "../../transaction.js";
import { type Batch, deleteBatch, type OldRows } from "../rows/old-rows.js";

export interface HousekeepingLease {
  /** A random name of one turn. */
  readonly holder: string;
  readonly now: number;
  /** After this time another process can take over from a holder that was killed. */
  readonly leaseSeconds: number;
}

/**
 * `elsewhere`: another process has the lease. `done`: the last turn ended a short while ago. `unsteady`: the clock has
 * jumped since the last turn. Deleted rows do not come back, so it must be steady for an hour.
 */
export type HousekeepingTurn = "taken" | "elsewhere" | "done" | "unsteady";

/** A clock that moved further since the last turn has jumped, or no process ran. It must then be steady for as long. */
const steadySeconds = 3600;

export interface LeaseRequest extends HousekeepingLease {
  /** The time since the last turn that must have passed. Undefined for an operator: now, whatever the clock did. */
  readonly everySeconds: number | undefined;
}

/** Asks for the lease on deleting old rows, which one process has at a time. Never waits for another process. */
export function* takeHousekeepingLease(input: LeaseRequest): Transaction<HousekeepingTurn> {
  const { now, everySeconds } = input;
  const row = yield* lockLease("skipLocked");
  if (!row) return "elsewhere";
  if (isTaken(row, input)) return "elsewhere";
  if (everySeconds !== undefined) {
    const seenAt = integer(row, "seen_at");
    const sinceSeconds = now - seenAt;
    const jumped = sinceSeconds < -skewMaxSeconds || sinceSeconds > steadySeconds;
    const from = jumped ? now + steadySeconds : integer(row, "steady_from");
    if (now < from) {
      yield* write("update ampho_housekeeping set seen_at = ?, steady_from = ? where id = 1", [now, from]);
      return "unsteady";
    }
    if (sinceSeconds < everySeconds) return "done";
  }
  yield* extend(input);
  return "taken";
}

/** Deletes a small batch of old rows and extends the lease. Undefined: another process has the lease now. */
export function* deleteOldRows(input: HousekeepingLease & OldRows): Transaction<Batch | undefined> {
  // Waits for a transaction that asks for the lease at this moment. To skip the row would mean that the lease is lost.
  const lease = yield* lockLease("update");
  // The lease can have expired, as long as no other process has taken it.
  if (lease?.["holder"] !== input.holder) return undefined;
  yield* extend(input);
  return yield* deleteBatch(input);
}

/** Ends the turn and gives the lease back. */
export function* releaseHousekeepingLease({ holder, now }: HousekeepingLease): Transaction<void> {
  const sql = "update ampho_housekeeping set holder = '', leased_until = 0, seen_at = ? where id = 1 and holder = ?";
  yield* write(sql, [now, holder]);
}

/** `skipLocked`: undefined while another transaction has the row. `update`: waits for that transaction. */
const lockLease = (lock: "skipLocked" | "update"): Transaction<Row | undefined> =>
  first("select holder, leased_until, seen_at, steady_from from ampho_housekeeping where id = 1", [], lock);

function isTaken(lease: Row, { holder, now, leaseSeconds }: HousekeepingLease): boolean {
  const until = integer(lease, "leased_until");
  // A lease that lies further ahead than any lease can was written before the clock was set back.
  return text(lease, "holder") !== holder && until > now && until <= now + leaseSeconds + skewMaxSeconds;
}

function* extend({ holder, now, leaseSeconds }: HousekeepingLease): Transaction<void> {
  const sql = "update ampho_housekeeping set holder = ?, leased_until = ?, seen_at = ? where id = 1";
  yield* write(sql, [holder, now + leaseSeconds, now]);
}
