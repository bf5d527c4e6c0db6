// Changes that a proven mailbox allows (docs/guides/mailed-links.md): a new password, a new address, and the alarm of a notice, which only ends
// things. Each uses up its transaction in the same store transaction.
import type { AuditEntry, Origin } from "../../audit/entry.js";
import type { Attempt } from "../../throttle/attempt.js";
import { advisoryLock, type Transaction, write } from "../transaction.js";
import { settleBoth, settleIfAny, settleWrongFactor } from "./attempts.js";
import { recordAudit } from "./audit.js";
import { useUp } from "./factor-changes.js";
import { deleteFactors, type FactorUse, moveFactorsVersion, writeAccount } from "./factors.js";
import { insertMail, type MailDraft } from "./mail-rows.js";
import { beginStoring, endStoring } from "./own-passwords.js";
import { type Revocation, writeRevocations } from "./revocations.js";
import { endOpenSessions } from "./session-ends.js";
import { sendIsLive } from "./sessions.js";
import { type Spending, spend, unspend } from "./spent.js";
import { sendStateAndAccount } from "./state.js";
import { type StoredUser, sendUserCheck } from "./user-check.js";
import { changeNames, lockUser, sendUserLock, type UserEmail } from "./users.js";

export interface MailboxOutcome {
  /**
   * `over`: the transaction was used. `changed`: the user or the factors changed meanwhile, or the session ended. `storing`:
   * an application's own table stores another new password now.
   */
  readonly outcome: "done" | "over" | "changed" | "factor_rejected" | "taken" | "storing";
  readonly revocations: readonly Revocation[];
}

const failed = (outcome: MailboxOutcome["outcome"]): MailboxOutcome => ({ outcome, revocations: [] });

export interface ResetEntry {
  readonly userId: string;
  readonly login: string;
  readonly stored: StoredUser;
  /** Null for a user of an application's own table, which stores the password itself. */
  readonly passwordHash: string | null;
  readonly factorsVersion: number;
  /** The second factor of the account, which is used up. */
  readonly use: FactorUse | undefined;
  /** All second factors go, because the user has lost them and an operator let the user in without them. */
  readonly removesFactors: boolean;
  /** The canonical address to which the link or code was mailed. Undefined if an operator began the reset. */
  readonly provesEmail: string | undefined;
  readonly spend: Spending;
  /** The attempts at the code or number, and at the second factor. */
  readonly attempt: Attempt | undefined;
  readonly factorAttempt: Attempt | undefined;
  readonly now: number;
  readonly origin: Origin;
}

export function* finishReset(input: ResetEntry): Transaction<MailboxOutcome> {
  const { userId, login, stored, passwordHash, use, now, origin } = input;
  const readChecked = yield* sendUserCheck(input, "update");
  yield* advisoryLock(`sessions of ${userId}`);
  const readAccount = yield* sendStateAndAccount(userId);
  const checked = yield* readChecked();
  const account = yield* readAccount();
  const isChanged = "rejected" in checked || account.factorsVersion !== input.factorsVersion;
  if (isChanged || !(yield* spend(input.spend, now))) {
    // The code was right, and it changes nothing.
    yield* settleBoth(input, "returned", "returned", login);
    return failed(isChanged ? "changed" : "over");
  }
  if (stored === false && !(yield* beginStoring(userId, now))) {
    yield* unspend(input.spend);
    yield* settleBoth(input, "returned", "returned", login);
    return failed("storing");
  }
  if (use && !(yield* useUp(account, use, input))) {
    // The user can try another code with the same mail.
    yield* unspend(input.spend);
    if (stored === false) yield* endStoring(userId, now);
    const event = use.factor === "recovery_code" ? "factor_refused" : "factor_replayed";
    yield* settleWrongFactor(input, { at: now, event, reason: use.factor, userId, login, origin });
    return failed("factor_rejected");
  }
  yield* settleBoth(input, "succeeded", "succeeded", login);
  yield* recordAudit({ at: now, event: "reset_done", userId, login, origin });
  if (stored !== false)
    yield* write(
      `update ampho_users set password_hash = ?, hash_kind = null, password_version = password_version + 1,
         email_proven_at = case when email_canonical = ? then coalesce(email_proven_at, ?) else email_proven_at end
       where id = ?`,
      [passwordHash, input.provesEmail ?? null, now, userId],
    );
  if (input.removesFactors && account.factors.length > 0) {
    yield* deleteFactors(userId);
    yield* writeAccount(userId, { ...account, factors: [] });
    const detail = { factors: account.factors };
    yield* recordAudit({ at: now, event: "factor_removed", reason: "recovery", userId, login, origin, detail });
  }
  // Ends remembered devices and open transactions, also of a user without a password version.
  yield* moveFactorsVersion(userId, now);
  const revoked = yield* endOpenSessions({ userId, exceptSession: undefined, reason: "password_changed", now, origin });
  return { outcome: "done", revocations: yield* writeRevocations(revoked) };
}

export interface AddressChange {
  readonly userId: string;
  /** Undefined: the user has no address afterwards. */
  readonly email: UserEmail | undefined;
  /** False for a user of an application's own table, which stores the address itself. */
  readonly isStored: boolean;
  /** The live session that asks. Undefined for an operator or the application. */
  readonly sessionId: string | undefined;
  readonly spend: Spending | undefined;
  readonly attempt: Attempt | undefined;
  readonly now: number;
  readonly origin: Origin;
}

/** `taken`: another user has the address. Uniqueness is decided here and not before. */
export function* setEmail(input: AddressChange): Transaction<MailboxOutcome["outcome"]> {
  const { userId, email, sessionId, spend: spending, attempt, now, origin } = input;
  // The user first. A new password or an alarm ends the session while this change waits for the row.
  const readUser = input.isStored ? yield* sendUserLock(userId, "update") : undefined;
  const readLive = sessionId === undefined ? undefined : yield* sendIsLive(sessionId, now);
  const user = readUser && (yield* readUser());
  const isGone = input.isStored && (!user || (sessionId !== undefined && user.disabled));
  const isChanged = isGone || (readLive !== undefined && !(yield* readLive()));
  const stopped = isChanged ? "changed" : spending && !(yield* spend(spending, now)) ? "over" : undefined;
  // The code was right, whether it changes something or not.
  const outcome = stopped === undefined ? "succeeded" : "returned";
  yield* settleIfAny(attempt, outcome, now, user?.login);
  if (stopped !== undefined) return stopped;
  if (!user) {
    yield* recordAudit({ at: now, event: "email_changed", userId, origin });
    return "done";
  }
  const entry = { at: now, event: "email_changed", userId, login: user.login, origin } as const;
  return (yield* changeNames(user, { ...user, email }, entry)) === "created" ? "done" : "taken";
}

export interface RecoveryStart {
  readonly userId: string;
  readonly login: string;
  /** The mail with the link. Undefined if the operator hands the link over. */
  readonly mail: MailDraft | undefined;
  /** The operator's reason. */
  readonly reason: string;
  readonly detail: AuditEntry["detail"];
  readonly now: number;
  readonly origin: Origin;
}

/** Records that an operator began a recovery, which sends the user a notice, and writes the mail with the link. */
export function* beginRecovery({ mail, now: at, ...entry }: RecoveryStart): Transaction<void> {
  yield* recordAudit({ at, event: "recovery_begun", ...entry });
  if (mail) yield* insertMail(mail, at);
}

export interface Alarm {
  readonly userId: string;
  /** False for a user of an application's own table, who has no row here. */
  readonly isStored: boolean;
  /** The use of the link. A second use has no effect. */
  readonly spend: Spending;
  readonly now: number;
  readonly origin: Origin;
}

/** Ends the sessions and device proofs of a user, and what was begun. The password stays. */
export function* raiseAlarm(input: Alarm): Transaction<readonly Revocation[]> {
  const { userId, isStored, spend: spending, now, origin } = input;
  const user = yield* lockUser(userId, "update");
  // The user was deleted. A row of the account would stay for ever.
  if (isStored && !user) return [];
  yield* advisoryLock(`sessions of ${userId}`);
  if (!(yield* spend(spending, now))) return [];
  yield* write("update ampho_users set password_version = password_version + 1 where id = ?", [userId]);
  yield* moveFactorsVersion(userId, now);
  yield* recordAudit({ at: now, event: "alarm", userId, login: user?.login, origin });
  const revoked = yield* endOpenSessions({ userId, exceptSession: undefined, reason: "alarm", now, origin });
  return yield* writeRevocations(revoked);
}
