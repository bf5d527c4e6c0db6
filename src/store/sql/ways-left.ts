// The ways in that a user has left, who gives one up.
import { first, integer, type Transaction } from "../transaction.js";
import type { IdentityRow } from "./identities.js";

/** The ways in that are configured, for a user who gives one up. */
export interface ConfiguredWays {
  /** The application verifies passwords of its own table. */
  readonly ownPasswords: boolean;
  readonly passkey: boolean;
  readonly mail: boolean;
  /** The issuers of the providers. */
  readonly issuers: readonly string[];
}

/** True if the user can still begin a login. Second factors are not changed, so the policy stays within reach. */
export function* hasWayIn(
  userId: string,
  { ownPasswords, passkey, mail, issuers }: ConfiguredWays,
  identities: readonly IdentityRow[],
  exceptPasskey = "",
): Transaction<boolean> {
  if (ownPasswords || identities.some(({ issuer }) => issuers.includes(issuer))) return true;
  const row = yield* first(
    `select (select count(*) from ampho_passkeys where user_id = ? and uv = 1 and id <> ?) as passkeys,
       (select count(*) from ampho_users where id = ? and password_hash is not null) as passwords,
       (select count(*) from ampho_users where id = ? and email_canonical is not null) as addresses`,
    [userId, exceptPasskey, userId, userId],
  );
  if (!row) return false;
  const has = (name: string) => integer(row, name) > 0;
  return has("passwords") || (passkey && has("passkeys")) || (mail && has("addresses"));
}
