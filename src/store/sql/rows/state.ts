// The single row of the table ampho_state. Its writers come last in a transaction. On PostgreSQL the lock on the row
// then makes the order of numbers the order of commits, and no two transactions wait for each other in a circle.
import { type FactorName, factorNames } from "../../../levels/factors.js";
import { type Policy, policyFrom } from "../../../levels/policy.js";
import { integer, type Row, texts } from "../../rows.js";
import { ask, exists, first, queryLastRow, type Transaction, write } from "../../transaction.js";
import { asFlag, asInteger, asOneOf, asText, inOneColumn, named, orUndefined, type RowOf, tableOf } from "./table.js";

const states = tableOf("ampho_state", {
  epoch: asText,
  era: asInteger,
  lastRevocation: asInteger,
  /** No access token of any session expires later than this. */
  accessUntil: asInteger,
});
export type State = RowOf<typeof states>;

function required(row: Row | undefined): Row {
  if (!row) throw new TypeError("the table ampho_state is empty");
  return row;
}

const stateOf = (row: Row | undefined): State => states.of(required(row));
const select = `${states.select} where id = 1`;

export function* readState(): Transaction<State> {
  return stateOf(yield* first(select));
}

/** The same for a transaction that reads nothing else. */
export function* readStateOnly(): Transaction<State> {
  return stateOf(yield* queryLastRow(select));
}

/** The same, deferred. */
export const sendState = () => ask(select, [], stateOf);

const selectOwner = "select application_owns_users from ampho_state where id = 1";
const isApplications = (row: Row | undefined) => integer(required(row), "application_owns_users") === 1;

/** Returns true if the application that uses these sessions has its own user table. */
export function* readApplicationOwnsUsers(): Transaction<boolean> {
  return isApplications(yield* queryLastRow(selectOwner));
}

/** The same within a transaction. */
export function* applicationOwnsUsers(): Transaction<boolean> {
  return isApplications(yield* first(selectOwner));
}

/** So many open sessions are looked at. All are of users of one table. */
const lookedAt = 5000;

const strangerIn = (table: string) =>
  `select 1 as live from (select user_id, era, expires_at from ${table}
     where user_id > '' and ended_at is null order by user_id, n limit ${lookedAt}) as limited
   where era = (select era from ampho_state where id = 1) and expires_at > ?
     and not exists (select 1 from ampho_users where ampho_users.id = limited.user_id)`;

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
    (yield* exists(`${strangerIn("ampho_sessions")} union all ${strangerIn("ampho_connections")}`, [now, now]));
  if (stranger) return true;
  yield* write("update ampho_state set application_owns_users = ? where id = 1", [owns ? 1 : 0]);
  return owns;
}

const asPolicy = inOneColumn<Policy | undefined>(
  (row, column) => policyFrom(row[column]),
  (policy) => policy ?? null,
);

/** The second factors of an account, as the database knows them. */
export const accounts = tableOf("ampho_accounts", {
  /** Grows with every change of factors. Remembered devices and transactions hold it. */
  factorsVersion: asInteger,
  /** Grows when the remembered devices are forgotten and nothing else changes. They hold it too. */
  devicesVersion: asInteger,
  /** The second factors that the account can prove now. */
  factors: inOneColumn<readonly FactorName[]>((row, column) => {
    const stored = texts(row, column);
    return factorNames.filter((name) => stored.includes(name));
  }, JSON.stringify),
  policy: asPolicy,
  insteadOf: named("policy_instead_of", asPolicy),
  /** `password`: it counts as a wrong one. `all`: no way in opens the account, but the recovery of an operator. */
  frozen: orUndefined(asOneOf(["password", "all"] as const)),
  /** The next login leads to what can still sign in or act. */
  review: asFlag,
});
export type AccountFactors = RowOf<typeof accounts>;

const noLimits = { policy: undefined, insteadOf: undefined, frozen: undefined, review: false };
const noAccount: AccountFactors = { factorsVersion: 0, devicesVersion: 0, factors: [], ...noLimits };

/** Reads the columns of an account in a join, which are null if it has no row. */
export const accountIn = (row: Row): AccountFactors => accounts.joinedOf(row) ?? noAccount;

const selectWithAccount = `select ${states.list}, ${accounts.list}
  from ampho_state left join ampho_accounts on ampho_accounts.user_id = ? where id = 1`;

/** The state and an account in one statement, deferred, because every login reads both. */
export const sendStateAndAccount = (userId: string): Transaction<() => Transaction<State & AccountFactors>> =>
  ask(selectWithAccount, [userId], (row) => ({ ...stateOf(row), ...accountIn(required(row)) }));

/** Reserves `count` numbers of revocations. Reading the result returns the first of them. */
export const sendNumbers = (count: number): Transaction<() => Transaction<number>> =>
  ask(
    "update ampho_state set last_revocation = last_revocation + ? where id = 1 returning last_revocation",
    [count],
    (row) => integer(required(row), "last_revocation") - count + 1,
  );

/**
 * Starts a new era and reserves the number of its revocation.
 *
 * The epoch changes, so that every process reads all revocations again. An operator ends all sessions after a restored
 * backup, when the database might use a number again that a process has already seen.
 *
 * For the same reason the new era is the current time. After a restore a counted era might be one that processes have
 * already revoked, which would reject every new login. Or it might repeat the current era, and end no session.
 */
export function* moveEra(now: number): Transaction<State> {
  return stateOf(
    yield* first(
      `update ampho_state set era = case when era < ? then ? else era + 1 end, last_revocation = last_revocation + 1, epoch = substr(epoch, 1, 32) || '-' || ?
       where id = 1 returning ${states.list}`,
      [now, now, String(now)],
    ),
  );
}

/** The same without a new era. `random` differs each time, so that no process knows the epoch. */
export const moveEpoch = (random: string): Transaction<void> =>
  write("update ampho_state set epoch = substr(epoch, 1, 32) || '-' || ? where id = 1", [random]);

const hour = 3600;

/** Records the `exp` of an access token, rounded up to an hour, so that not all renewals wait for this row. */
export function* recordAccess(state: Pick<State, "accessUntil">, accessExpires: number): Transaction<void> {
  if (accessExpires <= state.accessUntil) return;
  const until = Math.ceil(accessExpires / hour) * hour;
  yield* write("update ampho_state set access_until = ? where id = 1 and access_until < ?", [until, until]);
}
