// Housekeeping: rows that nobody can need any more go in small batches, by one process at a time. The lease is one row, and
// each batch holds it on in its own transaction: whoever was replaced removes nothing more.
import { skewMaxSeconds } from "../../throttle/clock-skew.js";
import type { DeletedRows, HousekeepingLease, HousekeepingTurn, OldRows } from "../store.js";
import { first, integer, type Row, type Transaction, text, write } from "../transaction.js";
import { deleteBatch } from "./old-rows.js";

/** A clock that has moved so far since the last turn has jumped, or nobody was there; it then has to stand for as long. */
const steadySeconds = 3600;

export function* takeHousekeepingLease(
  input: HousekeepingLease & { readonly everySeconds: number | undefined },
): Transaction<HousekeepingTurn> {
  const { now, everySeconds } = input;
  const row = yield* lockLease("free");
  if (!row) return "elsewhere";
  if (isHeld(row, input)) return "elsewhere";
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
  yield* hold(input);
  return "taken";
}

export function* deleteOldRows(input: HousekeepingLease & OldRows): Transaction<DeletedRows> {
  // Whoever asks for the lease at this moment is done in a moment: to skip the row would be to believe it lost.
  const lease = yield* lockLease("update");
  // Expired or not: nobody else has taken it.
  if (lease?.["holder"] !== input.holder) return { outcome: "lost" };
  yield* hold(input);
  return { outcome: "removed", ...(yield* deleteBatch(input)) };
}

export function* releaseHousekeepingLease({ holder, now }: HousekeepingLease): Transaction<void> {
  yield* write("update ampho_housekeeping set holder = '', held_until = 0, seen_at = ? where id = 1 and holder = ?", [
    now,
    holder,
  ]);
}

/** `free`: undefined while another transaction is at it. `update`: waits for that one. */
function lockLease(lock: "free" | "update"): Transaction<Row | undefined> {
  return first("select holder, held_until, seen_at, steady_from from ampho_housekeeping where id = 1", [], lock);
}

function isHeld(lease: Row, { holder, now, leaseSeconds }: HousekeepingLease): boolean {
  const until = integer(lease, "held_until");
  // Held for longer than anybody may: the clock was set back.
  return text(lease, "holder") !== holder && until > now && until <= now + leaseSeconds + skewMaxSeconds;
}

function* hold({ holder, now, leaseSeconds }: HousekeepingLease): Transaction<void> {
  yield* write("update ampho_housekeeping set holder = ?, held_until = ?, seen_at = ? where id = 1", [
    holder,
    now + leaseSeconds,
    now,
  ]);
}
