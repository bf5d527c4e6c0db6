// The account of a user who has just proven an address. The gate creates its row, so that nothing of it exists before.

import { createHash } from "node:crypto";
import type { Origin } from "../../audit/entry.js";
import { AmphoError, transactionOver } from "../../errors.js";
import type { Redeemable } from "../../factors/transactions.js";
import type { Address } from "../../logins/address.js";
import { canonicalLogin } from "../../logins/login-name.js";
import type { InvitationUse, UserRegistration } from "../../store/sql/registrations.js";
import type { NewApplicationUser } from "../../users/application-users.js";
import type { Account } from "../../users/directory.js";
import type { Deps } from "../deps.js";

export interface AccountDraft {
  readonly transaction: Redeemable;
  readonly address: Address;
  /** Undefined: the address, or the id of the user if the login of a former owner is that address. */
  readonly login: string | undefined;
  readonly roles: readonly string[];
  /** The password, for an application's own table. */
  readonly password?: string | undefined;
  /** The hash of the password, for a user of the database. */
  readonly passwordHash?: string | null;
  readonly invitation: string | undefined;
  readonly existsMail?: UserRegistration["existsMail"];
  readonly origin: Origin;
}

/**
 * An application's own table creates the user itself. Rejects with `transaction_over` if it has the login or the
 * address, and with `registration_closed` if the invitation is not valid any more.
 */
export async function draftAccount(
  { directory, store, clock }: Pick<Deps, "directory" | "store" | "clock">,
  input: AccountDraft,
): Promise<{ readonly account: Account; readonly register: UserRegistration | undefined }> {
  const { transaction, address, roles, password, passwordHash = null, invitation, existsMail } = input;
  const { origin } = input;
  const now = clock.now();
  const use = invitation === undefined ? undefined : { id: invitation, now };
  if (!directory.inDatabase) {
    const { login = address.address } = input;
    const account = await createOwn({ directory, store }, { login, email: address.address, password, roles }, use);
    if (account === undefined) {
      await store.recordAudit({ at: now, event: "registration_rejected", reason: "email_taken", origin });
      throw transactionOver();
    }
    const about = { userId: account.id, login: account.login, origin, detail: { roles } };
    await store.recordAudit({ at: now, event: "registered", ...about });
    return { account, register: undefined };
  }
  const email = { ...address, provenAt: now };
  const id = userIdOf(transaction);
  const isFree = input.login !== undefined || (await directory.findByLogin(address.address)) === undefined;
  const { login = isFree ? address.address : id } = input;
  const user = { id, login, canonical: canonicalLogin(login), passwordHash, roles, email };
  const stored = { ...user, passwordVersion: 1, rolesVersion: 1, disabled: false, createdAt: now };
  return {
    account: { ...user, rolesVersion: 1, disabled: false, stored, applicationUser: undefined },
    register: { user, invitation, existsMail },
  };
}

/**
 * Uses the invitation up before, so that of two users at once one gets its roles, and a user who is deleted later does
 * not come back with them. It stays usable if the table creates no user, also after the limit for its function.
 */
async function createOwn(
  { directory, store }: Pick<Deps, "directory" | "store">,
  user: NewApplicationUser,
  use: InvitationUse | undefined,
): Promise<Account | undefined> {
  if (use !== undefined && !(await store.useInvitation(use)))
    throw new AmphoError("registration_closed", "The invitation is not valid any more.");
  return directory.create?.(user, async () => {
    if (use !== undefined) await store.returnInvitation(use);
  });
}

/** The same for a request that is repeated after a lost response. `jti` has 128 random bits. */
const userIdOf = ({ jti }: Redeemable) => createHash("sha256").update(`user ${jti}`).digest("base64url").slice(0, 22);
