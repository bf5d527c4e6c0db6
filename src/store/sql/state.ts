// The single row of the table ampho_state. Its writers come last in a transaction. On PostgreSQL the lock on the row
// then makes the order of numbers the order of commits, and no two transactions wait for each other in a circle.
import { type FactorName, factorNames } from "../../levels/factors.js";
import { type Policy, policyFrom } from "../../levels/policy.js";
import { integer, type Row, text, texts } from "../rows.js";
import { first, queryLastRow, resultOf, send, type Transaction, write } from "../transaction.js";

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

/** The same for a transaction that reads nothing else. */
export function* readStateOnly(): Transaction<State> {
  return stateOf(yield* queryLastRow(select));
}

/** The same, deferred. */
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

const selectOwner = "select application_owns_users from ampho_state where id = 1";
const isApplications = (row: Row | undefined) => integer(required(row), "application_owns_users") === 1;

export function* readApplicationOwnsUsers(): Transaction<boolean> {
  return isApplications(yield* queryLastRow(selectOwner));
}

/** The same within a transaction. */
export function* applicationOwnsUsers(): Transaction<boolean> {
  return isApplications(yield* first(selectOwner));
}

/**
 * Notes whose users the sessions belong to. `owns: false` changes nothing while a user of another table is signed in,
 * because the process that asks might only lack an option. Returns the note.
 */
export function* writeApplicationOwnsUsers(input: {
  readonly owns: boolean;
  readonly now: number;
}): Transaction<boolean> {
  const { owns, now } = input;
  const stranger =
    !owns &&
    (yield* first(
      `select 1 as live from ampho_sessions
       where ended_at is null and era = (select era from ampho_state where id = 1) and expires_at > ?
         and not exists (select 1 from ampho_users where ampho_users.id = ampho_sessions.user_id) limit 1`,
      [now],
    ));
  if (stranger) return true;
  yield* write("update ampho_state set application_owns_users = ? where id = 1", [owns ? 1 : 0]);
  return owns;
}

/** The second factors of an account, as the database knows them. */
export interface AccountFactors {
  /** Grows with every change of factors. Remembered devices and transactions hold it. */
  readonly factorsVersion: number;
  /** Grows when the remembered devices are forgotten and nothing else changes. They hold it too. */
  readonly devicesVersion: number;
  /** The second factors that the account can prove now. */
  readonly factors: readonly FactorName[];
  /** Replaces the policy of the roles. */
  readonly policy: Policy | undefined;
}

const selectWithAccount = `select epoch, era, last_revocation, access_until, factors_version, devices_version, factors, policy
  from ampho_state left join ampho_accounts on ampho_accounts.user_id = ? where id = 1`;

/** The state and an account in one statement, deferred, because every login reads both. */
export function* sendStateAndAccount(userId: string): Transaction<() => Transaction<State & AccountFactors>> {
  const sent = yield* send(selectWithAccount, [userId]);
  return function* read() {
    const row = required(yield* resultOf(sent));
    return { ...stateOf(row), ...accountOf(row) };
  };
}

/** The columns of an account in a join. `accountOf` reads them. */
export const accountColumnsOf = (table: string) =>
  ["factors_version", "devices_version", "factors", "policy"].map((name) => `${table}.${name} as ${name}`).join(", ");

const noAccount: AccountFactors = { factorsVersion: 0, devicesVersion: 0, factors: [], policy: undefined };

/** Reads the columns of an account, which are null if it has no row. */
export function accountOf(row: Row): AccountFactors {
  if (row["factors_version"] === null) return noAccount;
  const stored = texts(row, "factors");
  return {
    factorsVersion: integer(row, "factors_version"),
    devicesVersion: integer(row, "devices_version"),
    factors: factorNames.filter((name) => stored.includes(name)),
    policy: policyFrom(row["policy"]),
  };
}

/** Reserves `count` numbers of revocations. Reading the result returns the first of them. */
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
 * Starts a new era and reserves the number of its revocation.
 *
 * The epoch changes, so that every process reads all revocations again. An operator ends all sessions after a restored
 * backup, when the database might use a number again that a process has already seen.
 *
 * For the same reason the new era is the current time. After a restore a counted era might be one that processes have
 * already revoked, which would reject every new login. Or it might repeat the current era, and end no session.
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

/**
 * Records the `exp` of an access token, rounded up to an hour. A write for each renewal would make all renewals wait
 * for this row.
 */
export function* recordAccess(state: Pick<State, "accessUntil">, accessExpires: number): Transaction<void> {
  if (accessExpires <= state.accessUntil) return;
  const until = Math.ceil(accessExpires / hour) * hour;
  yield* write("update ampho_state set access_until = ? where id = 1 and access_until < ?", [until, until]);
}
