// The row of an account: its second factors, their version and its policy.
import type { Origin } from "../../../audit/entry.js";
import { type FactorName, factorNames, withMains } from "../../../levels/factors.js";
import { integer, textOrNull } from "../../rows.js";
import { queryLastRow, type Transaction, write } from "../../transaction.js";
import { type AccountFactors, accountIn, accounts } from "../rows/state.js";
import { type StoredTotp, storedTotpOf } from "./totp.js";

/** Writes the account's row. Each change of its factors has a new version. */
export const writeAccount = (userId: string, account: AccountFactors): Transaction<void> =>
  write(
    `insert into ampho_accounts (user_id, ${accounts.list}) values (?, ${accounts.placeholders})
     on conflict (user_id) do update set
       factors_version = excluded.factors_version, devices_version = excluded.devices_version,
       factors = excluded.factors, policy = excluded.policy, policy_instead_of = excluded.policy_instead_of,
       frozen = excluded.frozen, review = excluded.review`,
    [userId, ...accounts.values(account)],
  );

/** The mails of the account are in this language from now on. Its user has used a mailed code or link. */
export function* writeLanguage(userId: string, { language }: Pick<Origin, "language">): Transaction<void> {
  if (language === undefined) return;
  yield* write(
    `insert into ampho_accounts (user_id, factors_version, devices_version, factors, language) values (?, 0, 0, '[]', ?)
     on conflict (user_id) do update set language = excluded.language`,
    [userId, language],
  );
}

/** The factors without one, as `factors` names them. */
export const without = (factors: readonly FactorName[], gone: FactorName): readonly FactorName[] =>
  factors.filter((factor) => factor !== gone);

export const withFactors = (factors: readonly FactorName[], ...added: readonly FactorName[]): readonly FactorName[] =>
  factorNames.filter((name) => factors.includes(name) || added.includes(name));

export interface Factors extends AccountFactors {
  readonly totp: StoredTotp | undefined;
  readonly recoveryCodesLeft: number;
  /** The second factors that an import has brought. The first proof of an address asks for no other. */
  readonly given: readonly FactorName[];
}

const select = `select ${accounts.list}, secret, kid, last_step, since, added_by,
    (select count(*) from ampho_passkeys where ampho_passkeys.user_id = asked.user_id and added_by is null) as given_keys,
    (select count(*) from ampho_recovery where ampho_recovery.user_id = asked.user_id and used_at is null) as codes_left
  from (select cast(? as text) as user_id) as asked
  left join ampho_accounts on ampho_accounts.user_id = asked.user_id
  left join ampho_totp on ampho_totp.user_id = asked.user_id`;

/** One statement. A user without factors has a result too. */
export function* listFactors(userId: string): Transaction<Factors> {
  const row = yield* queryLastRow(select, [userId]);
  if (!row) throw new TypeError("a select from one row has one row");
  const account = accountIn(row);
  const totp = storedTotpOf(row);
  const isTotpGiven = totp !== undefined && textOrNull(row, "added_by") === null;
  const given = withMains(account.factors, [integer(row, "given_keys") > 0 && "passkey", isTotpGiven && "totp"]);
  return { ...account, totp, recoveryCodesLeft: integer(row, "codes_left"), given };
}
