// The row of an account: its second factors, their version and its policy.
import { type FactorName, factorNames } from "../../../levels/factors.js";
import { advisoryLock, first, integer, queryLastRow, type Transaction, write } from "../../transaction.js";
import { columnsOf } from "../columns.js";
import { type AccountFactors, accountOf } from "../state.js";
import { type StoredTotp, storedTotpOf } from "./totp.js";

const accountColumns = columnsOf("user_id", "factors_version", "devices_version", "factors", "policy");

/** Writes the account's row. Each change of its factors has a new version. */
export function* writeAccount(userId: string, account: AccountFactors): Transaction<void> {
  yield* write(
    `insert into ampho_accounts (${accountColumns.list}) values (${accountColumns.placeholders})
     on conflict (user_id) do update set
       factors_version = excluded.factors_version, devices_version = excluded.devices_version,
       factors = excluded.factors, policy = excluded.policy`,
    accountColumns.values({
      user_id: userId,
      factors_version: account.factorsVersion,
      devices_version: account.devicesVersion,
      factors: JSON.stringify(account.factors),
      policy: account.policy ?? null,
    }),
  );
}

/** The version of the factors, which is 0 for an account without a row. */
export function* factorsVersionOf(userId: string): Transaction<number> {
  const row = yield* first("select factors_version from ampho_accounts where user_id = ?", [userId]);
  return row ? integer(row, "factors_version") : 0;
}

/** Ends remembered devices and open transactions of the account. */
export function* moveFactorsVersion(userId: string, now: number): Transaction<void> {
  // Without the lock, `writeAccount` of another transaction could write the version back that it has read before.
  yield* advisoryLock(`sessions of ${userId}`);
  yield* write(
    `insert into ampho_accounts (${accountColumns.list}) values (${accountColumns.placeholders})
     on conflict (user_id) do update set factors_version =
       case when ampho_accounts.factors_version < ? then ? else ampho_accounts.factors_version + 1 end`,
    [
      ...accountColumns.values({
        user_id: userId,
        factors_version: now,
        devices_version: 0,
        factors: "[]",
        policy: null,
      }),
      now,
      now,
    ],
  );
}

/** The factors without one, as `factors` names them. */
export function without(factors: readonly FactorName[], gone: FactorName): readonly FactorName[] {
  return factors.filter((factor) => factor !== gone);
}

export function withFactors(factors: readonly FactorName[], ...added: readonly FactorName[]): readonly FactorName[] {
  return factorNames.filter((name) => factors.includes(name) || added.includes(name));
}

export interface Factors extends AccountFactors {
  readonly totp: StoredTotp | undefined;
  readonly recoveryCodesLeft: number;
}

const select = `select factors_version, devices_version, factors, policy, secret, kid, last_step, since,
    (select count(*) from ampho_recovery where ampho_recovery.user_id = asked.user_id and used_at is null) as codes_left
  from (select cast(? as text) as user_id) as asked
  left join ampho_accounts on ampho_accounts.user_id = asked.user_id
  left join ampho_totp on ampho_totp.user_id = asked.user_id`;

/** One statement. A user without factors has a result too. */
export function* listFactors(userId: string): Transaction<Factors> {
  const row = yield* queryLastRow(select, [userId]);
  if (!row) throw new TypeError("a select from one row has one row");
  return { ...accountOf(row), totp: storedTotpOf(row), recoveryCodesLeft: integer(row, "codes_left") };
}
