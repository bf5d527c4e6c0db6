// The ways in that a user has left, who gives one up.
import { integer, type Row, text } from "../../rows.js";
import { first, queryLast, queryLastRow, type Transaction } from "../../transaction.js";
import type { IdentityRow } from "../rows/identities.js";
import { visible } from "../rows/import-rows.js";
import type { StoredUser } from "../rows/user-check.js";
import { hasLoginPasskey } from "./passkeys.js";

/** The ways in that are configured, for a user who gives one up. */
export interface ConfiguredWays {
  /** Undefined while passkeys are not offered. */
  readonly relyingParty: string | undefined;
  readonly mail: boolean;
  /** The issuers of the providers. */
  readonly issuers: readonly string[];
}

/** True if the user can still begin a login. Second factors are not changed, so the policy stays within reach. */
export function* hasWayIn(
  { userId, stored }: { readonly userId: string; readonly stored: StoredUser },
  { relyingParty, mail, issuers }: ConfiguredWays,
  identities: readonly IdentityRow[],
  exceptPasskey = "",
): Transaction<boolean> {
  // The application verifies passwords of its own table.
  if (stored === false || identities.some(({ issuer }) => issuers.includes(issuer))) return true;
  const row = yield* first("select password_hash, email_canonical from ampho_users where id = ?", [userId]);
  if (row && (row["password_hash"] !== null || (mail && row["email_canonical"] !== null))) return true;
  return relyingParty !== undefined && (yield* hasLoginPasskey(userId, relyingParty, exceptPasskey));
}

export interface LockedOutCounts {
  /** Enabled users who have a passkey or an identity and no password, and whose ways are all switched off. */
  readonly withoutWay: number;
  /** Accounts with the policy `phr` of their own, while no passkeys are offered. */
  readonly withoutPasskeys: number;
}

/** So many users are looked at. Ids are random, so these are a sample. */
const sampledMax = 10_000;

/** Counts the users whose only way in is switched off, among those that are looked at. */
export function* countLockedOut(input: {
  /** Undefined while passkeys are not offered. Passkeys of another one do not work. */
  readonly relyingParty: string | undefined;
  readonly mail: boolean;
  /** The names of the configured providers. */
  readonly providers: readonly string[];
}): Transaction<LockedOutCounts> {
  const { relyingParty, mail, providers } = input;
  const ofUser = (table: string) => `select 1 from ${table} where ${table}.user_id = ampho_users.id`;
  const offered = `${ofUser("ampho_identities")} and provider in (${["?", ...providers.map(() => "?")].join(", ")})`;
  const row = yield* first(
    `select count(*) as users from (select id as sampled from ampho_users where id > '' order by id limit ${sampledMax}) as limited
       join ampho_users on ampho_users.id = limited.sampled
     where disabled = 0 and password_hash is null and ${visible}
       and (exists (${ofUser("ampho_passkeys")}) or exists (${ofUser("ampho_identities")}))
       and not exists (${offered})
       and not exists (${ofUser("ampho_passkeys")} and rp = ?)
       and not (${mail ? "1 = 1" : "1 = 0"} and email_canonical is not null)`,
    ["", ...providers, relyingParty ?? ""],
  );
  const policies = yield* queryLastRow(
    `select count(*) as users from
       (select user_id from ampho_accounts where policy = 'phr' and user_id > '' order by user_id limit ${sampledMax}) as limited
       left join ampho_users on ampho_users.id = limited.user_id
     where (ampho_users.id is null or (disabled = 0 and ${visible}))`,
    [],
  );
  const count = (counted: Row | undefined) => (counted ? integer(counted, "users") : 0);
  return { withoutWay: count(row), withoutPasskeys: relyingParty === undefined ? count(policies) : 0 };
}

/** The users whose policy is weaker than that of their roles, the first of them. */
export function* listWeakerPolicies({ limit }: { readonly limit: number }): Transaction<readonly string[]> {
  const sql =
    "select user_id from ampho_accounts where policy_instead_of is not null and user_id > '' order by user_id limit ?";
  return (yield* queryLast(sql, [limit])).map((row) => text(row, "user_id"));
}
