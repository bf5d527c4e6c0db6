// The recovery of an account that an operator begins (docs/operate/recovery.md). The operator chooses no password (ASVS
// 6.4.6), and gives the user the number for which the link asks, so neither a mailbox nor a printed link is enough.
// Without the second factors of the account, the link works a day later.
import type { Origin } from "../../audit/entry.js";
import { recoveryDelaySeconds } from "../../clock.js";
import { AmphoError, invalidRequest } from "../../errors.js";
import { canonicalLogin } from "../../logins/login-name.js";
import { emailOf, type User } from "../../store/sql/rows/users.js";
import { toAccount } from "../../users/directory.js";
import type { Deps } from "../deps.js";
import { emailTaken, requireAddress } from "../find/rules.js";
import { bindingOf, claimsOf, nameOf } from "../prove/mailbox.js";
import * as check from "./checks.js";
import type { UserRef } from "./management.js";
import { requireAppUrl, requireUser } from "./manager.js";

/** How an account is recovered. */
export interface RecoveryOptions {
  /** The reason, for the audit log. */
  readonly reason: string;
  /** Returns the link, to hand it over, and mails none. */
  readonly print?: boolean | undefined;
  /**
   * The address of the user, after a dispute about the account. It is set at once, and no way in opens the account
   * until the link and the number are used. Then nothing is left that any session has set up.
   */
  readonly email?: string | undefined;
  /** The user has lost all second factors. They are removed with the new password. */
  readonly withoutFactors?: boolean | undefined;
}

/** The facts that the operator hands over to the user. */
export interface RecoveryBegun {
  /** Two digits for which the link asks. Give them to the user, after you have checked who asks. */
  readonly match: string;
  /** The link works from then on, in Unix seconds. */
  readonly from: number;
  /** The link works until then, in Unix seconds. */
  readonly until: number;
  /** Null if it is mailed. */
  readonly link: string | null;
}

type RecoveryDeps = Pick<Deps, "store" | "directory" | "clock" | "settings" | "transactions">;

/** Throws `invalid_request`. */
export function requireRecovery(user: unknown, options: unknown): void {
  check.user("login")("user", user);
  check.recoveryOptions("options", options);
}

/** Sets the address and freezes the account. Rejects with `email_taken`. */
async function moveTo(
  deps: RecoveryDeps,
  { id: userId }: User,
  { email: typed, reason }: { readonly email: string; readonly reason: string },
  origin: Origin,
): Promise<User> {
  const email = { ...emailOf(requireAddress(typed), undefined), byOperator: true };
  const about = { userId, email, reason, freezes: true, own: undefined, ownUser: undefined, spend: undefined };
  const outcome = await deps.store.setEmail({ ...about, attempt: undefined, now: deps.clock.now(), origin });
  if (outcome.outcome === "taken") throw emailTaken();
  return requireUser(deps, { id: userId });
}

/** Rejects with `not_found`, and with `invalid_request` for a disabled user or one without an address. */
export async function recover(
  deps: RecoveryDeps,
  ref: string | UserRef,
  { reason, print = false, withoutFactors = false, email }: RecoveryOptions,
  origin: Origin,
): Promise<RecoveryBegun> {
  const { store, directory, clock, settings, transactions } = deps;
  directory.requireRows();
  const appUrl = requireAppUrl(settings);
  const named = await requireUser(deps, ref);
  const user = email === undefined || named.disabled ? named : await moveTo(deps, named, { email, reason }, origin);
  if (user.disabled) throw invalidRequest("The user is disabled. Enable the user first.");
  const address = user.email?.address;
  if (address === undefined && !print)
    throw invalidRequest("The user has no address. Print the link, and hand it over.");
  const now = clock.now();
  // A reader rejects a transaction that begins in the future. A new password or an alarm in between makes it void.
  const from = withoutFactors ? now + recoveryDelaySeconds : now;
  const recovery = withoutFactors ? "without_factors" : "with_factors";
  const contents = { login: canonicalLogin(user.login), recovery } as const;
  const { begun } = transactions.beginOpen("reset", contents, from);
  const binding = await bindingOf(deps, "reset", toAccount(user));
  const token = transactions.signLink(begun);
  if (token === undefined) throw new AmphoError("unavailable", "The keys were replaced in between. Try again.");
  await store.beginRecovery({
    userId: user.id,
    login: user.login,
    reason,
    now,
    origin,
    detail: { recovery, from, by: print ? "print" : "mail" },
    mail: print
      ? undefined
      : {
          kind: "recover",
          userId: user.id,
          address: address ?? "",
          language: origin.language ?? "en",
          claims: { ...claimsOf(begun, binding, {}), ...nameOf(toAccount(user)) },
          until: begun.exp,
          sendAt: from,
        },
  });
  const link = `${appUrl}#ampho=${token}.${transactions.linkProof(begun, binding)}`;
  return { match: transactions.match(begun), from, until: begun.exp, link: print ? link : null };
}
