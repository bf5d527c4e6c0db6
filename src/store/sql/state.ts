// The one row of state. Its writers come last in a transaction: where transactions run side by side, the lock on the row
// then makes the order of numbers the order of commits, and no two of them wait for each other in a circle.
import { first, firstLast, integer, type Row, resultOf, send, type Transaction, text, write } from "../transaction.js";

export interface State {
  readonly epoch: string;
  readonly era: number;
  readonly lastRevocation: number;
  /** No access token of any session expires later than this. */
  readonly accessUntil: number;
}

function required(row: Row | undefined): Row {
  if (!row) throw new TypeError("the table ampho_state is empty");
  return row;
}

const select = "select epoch, era, last_revocation, access_until from ampho_state where id = 1";

export function* readState(): Transaction<State> {
  return stateOf(yield* first(select));
}

/** For those who ask for nothing else. */
export function* readStateAlone(): Transaction<State> {
  return stateOf(yield* firstLast(select));
}

/** The state, in the turn in which something else is read behind it. */
export function* sendState(): Transaction<() => Transaction<State>> {
  const sent = yield* send(select);
  return function* read() {
    return stateOf(yield* resultOf(sent));
  };
}

function stateOf(found: Row | undefined): State {
  const row = required(found);
  return {
    epoch: text(row, "epoch"),
    era: integer(row, "era"),
    lastRevocation: integer(row, "last_revocation"),
    accessUntil: integer(row, "access_until"),
  };
}

export function* readApplicationOwnsUsers(): Transaction<boolean> {
  const row = required(yield* firstLast("select users_elsewhere from ampho_state where id = 1"));
  return integer(row, "users_elsewhere") === 1;
}

export function* writeApplicationOwnsUsers(elsewhere: boolean): Transaction<void> {
  yield* first("update ampho_state set users_elsewhere = ? where id = 1", [elsewhere ? 1 : 0]);
}

/** Takes `count` numbers of revocations; tells the first of them. */
export function* sendNumbers(count: number): Transaction<() => Transaction<number>> {
  const sent = yield* send(
    "update ampho_state set last_revocation = last_revocation + ? where id = 1 returning last_revocation",
    [count],
  );
  return function* read() {
    return integer(required(yield* resultOf(sent)), "last_revocation") - count + 1;
  };
}

export interface NewEra {
  readonly era: number;
  readonly n: number;
  readonly accessUntil: number;
}

/**
 * Ends the era and takes the number of the revocation that says so. The epoch becomes another one, so that every process
 * reads everything anew: it is what is to be done after a restore, when a number that a process has seen before may be
 * given again before that process asks. For the same reason the new era is the time: one that were counted might lie below
 * what a process still knows to be over, which would refuse everybody who logs in, or be given again, and end nobody.
 */
export function* moveEra(now: number): Transaction<NewEra> {
  const row = required(
    yield* first(
      `update ampho_state set era = case when era < ? then ? else era + 1 end, last_revocation = last_revocation + 1, epoch = substr(epoch, 1, 32) || '-' || ?
       where id = 1 returning era, last_revocation, access_until`,
      [now, now, String(now)],
    ),
  );
  return {
    era: integer(row, "era"),
    n: integer(row, "last_revocation"),
    accessUntil: integer(row, "access_until"),
  };
}

const hour = 3600;

/** Notes the `exp` of an access token. In steps of an hour: a write a renewal would line all renewals up at this row. */
export function* noteAccess(state: Pick<State, "accessUntil">, accessExpires: number): Transaction<void> {
  if (accessExpires <= state.accessUntil) return;
  const until = Math.ceil(accessExpires / hour) * hour;
  yield* write("update ampho_state set access_until = ? where id = 1 and access_until < ?", [until, until]);
}
