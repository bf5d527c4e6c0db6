// The error `factor_needed` (docs/guides/second-factors.md): the transaction of the next step, and what it needs.
import type { AmphoError } from "../../errors.js";
import type { Reserved, Secretive } from "../../factors/transactions.js";
import type { FactorName } from "../../levels/factors.js";
import { mailboxOf } from "../../store/sql/account/mailbox-changes.js";
import type { GrantOutcome } from "../../store/sql/gate/session-grants.js";
import type { MailDraft } from "../../store/sql/rows/mail-rows.js";
import type { Account } from "../../users/directory.js";
import type { Deps } from "../deps.js";
import { enrolCodeWithheld, factorNeeded } from "../find/errors.js";
import { askForFactors, offeredFactors } from "../prove/factor.js";
import { encodeIdentity } from "../prove/identity.js";
import { claimsFor } from "../prove/mailbox.js";
import type { GateProof, LoginContext } from "./gate-proof.js";

export async function factorNeededFor(
  deps: Deps,
  account: Account,
  proven: GateProof,
  { live, device, deviceId, typed }: LoginContext,
  needed: Extract<GrantOutcome, { readonly outcome: "factor_needed" }> & { readonly pending: Reserved },
): Promise<AmphoError> {
  const { enroll, factors, factorsVersion, mailWait = 0, pending } = needed;
  const { amr: first, at, factor, transaction, identity, register } = proven;
  const authTime = oldestProofOf(proven);
  // Also a second factor that the policy does not accept. Whether it is enough for an enrolment, the next step decides.
  const amr = [...first, ...(factor?.methods ?? [])];
  const contents = {
    login: typed ?? transaction?.login ?? account.login,
    sub: account.id,
    passwordVersion: (needed.user ?? account.stored)?.passwordVersion,
    factorsVersion,
    amr,
    did: device?.deviceId ?? deviceId,
    aut: authTime === at ? undefined : authTime,
    // A login that sets up its first factor opens a session of its own.
    sid: enroll ? undefined : live?.sessionId,
    // A user who registers has it already.
    idn: identity?.isNew === true && register === undefined ? encodeIdentity(identity.proven) : undefined,
  };
  const token = deps.transactions.begin(enroll ? "enroll" : "second", contents, at, pending);
  if (mailWait > 0) return enrolCodeWithheld(token, mailWait);
  if (needed.mailWait !== undefined) return factorNeeded(token, factors, { enroll, mail: true });
  const read = () => deps.transactions.read(token, ["second", "enroll"], deps.clock.now());
  return factorNeededError(deps, account.id, token, factors, read, enroll);
}

/** The error `factor_needed`, with the options of the account's passkeys. `read` reads the transaction of the token. */
export async function factorNeededError(
  deps: Deps,
  userId: string,
  token: string,
  factors: readonly FactorName[],
  read: () => Secretive,
  enroll = false,
): Promise<AmphoError> {
  const offered = offeredFactors(deps, factors);
  return factorNeeded(token, offered, { enroll, ...(await askForFactors(deps, offered, userId, read)) });
}

/** A mailed code or link that was the first factor has proven the address already. */
export const needsEnrolCode = ({ email }: Account, amr: readonly string[]): boolean =>
  mailboxOf(email) !== undefined && !amr.includes("mail");

export const enrolBindingOf = ({ id: userId, email, stored }: Account) => ({
  purpose: "enroll",
  address: email?.canonical ?? "",
  userId,
  passwordVersion: stored?.passwordVersion,
});

/** With a stolen password alone, an attacker could set up a second factor of the attacker's own. */
export function enrolMailOf(
  { outbox }: Deps,
  account: Account,
  { amr, enrol, acr }: GateProof,
  { origin }: LoginContext,
  enrolling: Reserved,
): MailDraft | undefined {
  const { email, id: userId } = account;
  if (outbox === undefined || enrol !== undefined || acr !== undefined || !needsEnrolCode(account, amr))
    return undefined;
  const { exp: until } = enrolling;
  const transaction = { ...enrolling, for: "enroll" };
  const claims = claimsFor(transaction, enrolBindingOf(account), { agent: origin.agent });
  return { kind: "enroll", userId, address: email?.address ?? "", claims, language: origin.language ?? "en", until };
}

/** Also of the transaction that is redeemed: a second factor of now does not make the first one newer (RFC 9470 §4). */
export const oldestProofOf = ({ at, authTime, transaction }: GateProof): number =>
  Math.min(at, authTime ?? transaction?.aut ?? at);
