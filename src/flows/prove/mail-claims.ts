// The claims of a mail in the outbox, from which its code and link are derived later, and what they are bound to.

import type { MailBinding, OpenTransaction, Spendable } from "../../factors/transactions.js";
import type { MailClaims } from "../../store/sql/mail-rows.js";
import type { Account } from "../../users/directory.js";
import type { Caller, Deps } from "../deps.js";

/** A code is void after another password, another address, or a change of the second factors. */
export async function bindingOf(
  { store }: Pick<Deps, "store">,
  purpose: string,
  account: Account | undefined,
): Promise<MailBinding> {
  const { id: userId = "", email, stored } = account ?? {};
  const { factorsVersion } = await store.listFactors(userId);
  const { passwordVersion } = stored ?? {};
  return { purpose, address: email?.canonical ?? "", userId, passwordVersion, factorsVersion };
}

export function claimsOf(
  transaction: OpenTransaction,
  binding: MailBinding,
  caller: Partial<Pick<Caller, "agent">>,
): MailClaims {
  const { login, email, uh, inv, recovery } = transaction;
  return { ...claimsFor(transaction, binding, caller), ...definedOf({ login, email, uh, inv, recovery }) };
}

/** The same for a code without a link. */
export const claimsFor = (
  { jti, kid, iat, exp, for: purpose }: Spendable & { readonly for: string; readonly iat: number },
  binding: MailBinding,
  { agent }: Partial<Pick<Caller, "agent">>,
): MailClaims => ({ jti, kid, iat, exp, for: purpose, binding: JSON.stringify(binding), ...definedOf({ agent }) });

const definedOf = (members: Readonly<Record<string, string | number | undefined>>): MailClaims =>
  Object.fromEntries(
    Object.entries(members).filter((member): member is [string, string | number] => member[1] !== undefined),
  );

/** For a user of an application's own table, who has no password version. */
export const versionFor = ({ stored }: Account, { factorsVersion }: MailBinding): number | undefined =>
  stored === undefined ? factorsVersion : undefined;
