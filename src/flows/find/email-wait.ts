// A change of the address that waits, because its user has lost the mailbox (docs/guides/account.md).
import type { MailBinding, Spendable } from "../../factors/transactions.js";
import { type Address, parseAddress } from "../../logins/address.js";
import type { EmailWait } from "../../store/sql/effects/email-waits.js";
import type { Account } from "../../users/directory.js";
import type { Deps } from "../deps.js";

/** Void after a new password, another address, or a change of the second factors. */
export const emailBindingOf = (
  purpose: "email" | "email_later",
  { id: userId, email, stored }: Account,
  { canonical }: Address,
  factorsVersion: number,
): MailBinding => ({
  purpose: `${purpose} ${email?.canonical ?? ""}`,
  address: canonical,
  userId,
  passwordVersion: stored?.passwordVersion,
  factorsVersion,
});

interface OpenWait extends Spendable {
  readonly for: "email";
  readonly address: Address;
  readonly isLogin: boolean;
  readonly binding: MailBinding;
  readonly row: EmailWait;
  /** The code is mailed then. */
  readonly from: number;
}

/** Undefined: the account has none, or it has changed since in a way that makes the code void. */
export async function findEmailWait(
  { store, clock }: Pick<Deps, "store" | "clock">,
  account: Account,
): Promise<OpenWait | undefined> {
  const row = await store.findEmailWait({ userId: account.id, now: clock.now() });
  const address = parseAddress(row?.address ?? "");
  if (row === undefined || address === undefined) return undefined;
  const { claims, until: exp } = row;
  const binding = emailBindingOf("email_later", account, address, (await store.listFactors(account.id)).factorsVersion);
  if (JSON.stringify(binding) !== claims["binding"]) return undefined;
  const [jti, kid, from] = [String(claims["jti"]), String(claims["kid"]), Number(claims["iat"])];
  return { jti, kid, exp, for: "email", address, isLogin: claims["use"] === "login", binding, row, from };
}
