// Housekeeping: rows that nobody can need any more go in small batches, by one process at a time. The lease is one row, and
// each batch holds it on in its own transaction: whoever was replaced removes nothing more.
import type { HousekeepingLease, HousekeepingTurn, OldRows, RemovedRows } from "../store.js";
import { first, integer, type Row, text, type Work, write } from "../work.js";
import { removeBatch } from "./old-rows.js";

/** A clock that has moved so far since the last turn has jumped, or nobody was there; it then has to stand for as long. */
const steadySeconds = 3600;

export function* takeHousekeeping(
  input: HousekeepingLease & { readonly everySeconds: number | undefined },
): Work<HousekeepingTurn> {
  const { holder, now, leaseSeconds, everySeconds } = input;
  const row = yield* lockLease();
  if (!row) return "elsewhere";
  if (isHeld(row, input)) return "elsewhere";
  if (everySeconds !== undefined) {
    const doneAt = integer(row, "done_at");
    const sinceSeconds = now - doneAt;
    const jumped = sinceSeconds < 0 || sinceSeconds > steadySeconds;
    const from = jumped ? now + steadySeconds : integer(row, "steady_from");
    if (now < from) {
      yield* write("update ampho_housekeeping set done_at = ?, steady_from = ? where id = 1", [now, from]);
      return "unsteady";
    }
    if (sinceSeconds < everySeconds) return "done";
  }
  yield* hold(holder, now + leaseSeconds);
  return "taken";
}

export function* removeOldRows(input: HousekeepingLease & OldRows): Work<RemovedRows> {
  const { holder, now, leaseSeconds } = input;
  const lease = yield* lockLease();
  // Expired or not: nobody else has taken it.
  if (lease?.["holder"] !== holder) return { outcome: "lost" };
  yield* hold(holder, now + leaseSeconds);
  return { outcome: "removed", ...(yield* removeBatch(input)) };
}

export function* finishHousekeeping({ holder, now }: HousekeepingLease): Work<void> {
  yield* write("update ampho_housekeeping set holder = '', held_until = 0, done_at = ? where id = 1 and holder = ?", [
    now,
    holder,
  ]);
}

/** Undefined while another transaction is at it. */
function lockLease(): Work<Row | undefined> {
  return first("select holder, held_until, done_at, steady_from from ampho_housekeeping where id = 1", [], "free");
}

function isHeld(lease: Row, { holder, now, leaseSeconds }: HousekeepingLease): boolean {
  const until = integer(lease, "held_until");
  // Held for longer than anybody may: the clock was set back.
  return text(lease, "holder") !== holder && until > now && until <= now + leaseSeconds;
}

function* hold(holder: string, until: number): Work<void> {
  yield* write("update ampho_housekeeping set holder = ?, held_until = ? where id = 1", [holder, until]);
}
