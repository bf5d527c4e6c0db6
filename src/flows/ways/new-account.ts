import { createHash } from "node:crypto";
import type { Origin } from "../../audit/entry.js";
import { AmphoError, transactionOver } from "../../errors.js";
import type { Spendable } from "../../factors/transactions.js";
import type { Address } from "../../logins/address.js";
import type { UserRegistration } from "../../store/sql/effects/registrations.js";
import type { Account } from "../../users/directory.js";
import type { Deps } from "../deps.js";

export interface AccountDraft {
  readonly transaction: Spendable;
  readonly address: Address;
  /** Undefined: the address, or the id of the user if the login of a former owner is that address. */
  readonly login: string | undefined;
  readonly roles: readonly string[];
  readonly password?: string | undefined;
  readonly passwordHash?: string | null;
  readonly invitation: string | undefined;
  readonly existsMail?: UserRegistration["existsMail"];
  readonly origin: Origin;
}

/**
 * An application's own table creates the user itself. The invitation is used up before, so that its roles come once.
 * Rejects with `transaction_over` for a taken login or address, and with `registration_closed` for the invitation.
 */
export async function draftAccount(
  { directory, store, clock }: Pick<Deps, "directory" | "store" | "clock">,
  input: AccountDraft,
): Promise<{ readonly account: Account; readonly register: UserRegistration | undefined }> {
  const { transaction, address: email, login, roles, password, passwordHash = null, origin } = input;
  const { invitation, existsMail } = input;
  const now = clock.now();
  const use = invitation === undefined ? undefined : { id: invitation, now };
  const draft = { id: userIdOf(transaction), login, email, password, passwordHash, roles, now };
  const created = await directory.create?.(draft, {
    async use() {
      if (use !== undefined && !(await store.useInvitation(use)))
        throw new AmphoError("registration_closed", "The invitation is not valid any more.");
    },
    async giveBack() {
      if (use !== undefined) await store.returnInvitation(use);
    },
  });
  if (created === undefined) {
    await store.recordAudit({ at: now, event: "registration_rejected", reason: "email_taken", origin });
    throw transactionOver();
  }
  const { account, row: user } = created;
  if (user !== undefined) return { account, register: { user, invitation, existsMail } };
  const audit = { userId: account.id, login: account.login, origin, detail: { roles } };
  await store.recordAudit({ at: now, event: "registered", ...audit });
  return { account, register: undefined };
}

/** The same for a request that is repeated after a lost response. `jti` has 128 random bits. */
const userIdOf = ({ jti }: Spendable) => createHash("sha256").update(`user ${jti}`).digest("base64url").slice(0, 22);
