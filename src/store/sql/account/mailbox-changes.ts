// Changes that a proven mailbox allows (docs/guides/mail-flows.md): a new password, a new address, and the
// alarm of a notice. Each uses up its transaction in the same store transaction.
import type { AuditEntry } from "../../../audit/entry.js";
import { presentPolicy, type RoleRules } from "../../../levels/policy.js";
import { isSameMailbox, parseAddress } from "../../../logins/address.js";
import type { Attempt } from "../../../throttle/attempt.js";
import { text } from "../../rows.js";
import { advisoryLock, query, type Transaction, write } from "../../transaction.js";
import { settleBoth, settleIfAny, settleWrongFactor } from "../attempts/attempts.js";
import { releaseLockouts } from "../attempts/lockouts.js";
import { apiKeyRevocation } from "../effects/api-key-ends.js";
import {
  type CarriedOut,
  type ChangedAccount,
  carryOut,
  lockSessionsOf,
  type OwnSession,
  ofNextVersion,
} from "../effects/changes.js";
import { type EmailWait, noteMailCode, useEmailWait } from "../effects/email-waits.js";
import { foreignUntil } from "../effects/session-ends.js";
import { writeLanguage } from "../factors/account-factors.js";
import { deleteFactors, type FactorUse, rejectionOf } from "../factors/rows.js";
import { recordAudit } from "../rows/audit.js";
import { type AccountMailbox, insertMail, insertNotice, type MailDraft, mailboxIdOf } from "../rows/mail-rows.js";
import { beginStoring, endStoring, voidStoring } from "../rows/own-passwords.js";
import type { ChangeOutcome, NewRevocation } from "../rows/revocations.js";
import { endChange, failed, writeRevocations } from "../rows/revocations.js";
import type { Ending, ForeignTokens } from "../rows/session-rows.js";
import { sendIsLive, type TokenSession } from "../rows/sessions.js";
import { type Spending, spend, unspend } from "../rows/spent.js";
import { sendStateAndAccount } from "../rows/state.js";
import { type StoredUser, sendUserCheck } from "../rows/user-check.js";
import { changeNames, lockUser, sendUserLock, type User, type UserEmail } from "../rows/users.js";
import { useUp } from "./factor-changes.js";

/**
 * `over`: the transaction was used. `changed`: the user or the factors changed meanwhile, or the session ended.
 * `storing`: an application's own table stores another new password now. `reason_needed`: the account has a mailbox.
 */
type MailboxOutcome = ChangeOutcome<
  "done" | "over" | "changed" | "factor_rejected" | "taken" | "storing" | "reason_needed"
>;

export interface MailboxReset extends Ending {
  readonly userId: string;
  readonly login: string;
  readonly stored: StoredUser;
  /** Null for a user of an application's own table, which stores the password itself. */
  readonly passwordHash: string | null;
  readonly factorsVersion: number;
  readonly rules: RoleRules;
  /** The second factor of the account, which is used up. */
  readonly use: FactorUse | undefined;
  /** An operator has begun the reset, which alone opens an account that is frozen for all. */
  readonly isRecovery: boolean;
  /** All second factors go, because the user has lost them and an operator let the user in without them. */
  readonly removesFactors: boolean;
  /** The canonical address to which the link or code was mailed. Undefined if an operator began the reset. */
  readonly provesEmail: string | undefined;
  /** The caller has asked for no second factor that the first proof of the address ends. */
  readonly isFirstProof: boolean;
  /** The user of an application's own table, which does not state the address as proven. */
  readonly isOwnUnproven?: boolean | undefined;
  readonly spend: Spending;
  /** The attempts at the code or number, and at the second factor. */
  readonly attempt: Attempt | undefined;
  readonly factorAttempt: Attempt | undefined;
}

/** Sets a new password for a proven mailbox, and ends all sessions. */
export function* finishReset(input: MailboxReset): Transaction<MailboxOutcome> {
  const { userId, login, stored, passwordHash, use, now, origin } = input;
  const readChecked = yield* sendUserCheck(input, "update");
  yield* advisoryLock(`sessions of ${userId}`);
  const readAccount = yield* sendStateAndAccount(userId);
  const checked = yield* readChecked();
  let account = yield* readAccount();
  const isFirstProof = "user" in checked && provesFirst(checked.user, input.provesEmail);
  const isOther = account.factorsVersion !== input.factorsVersion || isFirstProof !== input.isFirstProof;
  const isClosed = account.frozen === "all" && !input.isRecovery;
  const isChanged = "rejected" in checked || isOther || isClosed;
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
  const used = use && (yield* useUp(account, use, input));
  if (use && !used) {
    // The user can try another code with the same mail.
    yield* unspend(input.spend);
    if (stored === false) yield* endStoring(userId, now);
    const event = rejectionOf(use.factor);
    yield* settleWrongFactor(input, { at: now, event, reason: use.factor, userId, login, origin });
    return failed("factor_rejected");
  }
  // The last recovery code is no factor any more.
  if (used) account = used.account;
  yield* settleBoth(input, "succeeded", "succeeded", login);
  const who = { userId, login, now, origin };
  const first = isFirstProof ? yield* carryOut("email_proven", { ...who, before: account }) : undefined;
  account = { ...account, ...first?.account };
  if (account.frozen === "all") account = { ...account, frozen: undefined };
  if (stored !== false)
    yield* write(
      `update ampho_users set password_hash = ?, hash_kind = null, password_version = password_version + 1,
         password_by_operator = 0, email_proven_at = case when email_canonical = ? then coalesce(email_proven_at, ?) else email_proven_at end
       where id = ?`,
      [passwordHash, input.provesEmail ?? null, now, userId],
    );
  if (input.provesEmail !== undefined) yield* writeLanguage(userId, origin);
  const { factors } = account;
  if (input.removesFactors && factors.length > 0) {
    yield* deleteFactors(userId);
    const detail = { factors };
    yield* recordAudit({ at: now, event: "factor_removed", reason: "recovery", userId, login, origin, detail });
  }
  const left = { ...account, factors: input.removesFactors ? [] : factors };
  const rolePolicy = presentPolicy("user" in checked ? checked.user?.roles : undefined, input.rules);
  const changed = { ...who, before: account, account: left, proven: use, rolePolicy, isStoredLater: stored === false };
  const { revoked } = yield* carryOut(input.isOwnUnproven === true ? "unproven_reset" : "password_reset", changed);
  return yield* endChange({ revoked: [...(first?.revoked ?? []), ...revoked] });
}

/** The address that is proven is the one of the user, who has not proven it before. */
export const provesFirst = (user: User | undefined, proven: string | undefined): boolean =>
  user?.email !== undefined && user.email.canonical === proven && user.email.provenAt === undefined;

export interface AddressChange extends Ending {
  readonly userId: string;
  /** Undefined: the user has no address afterwards. */
  readonly email: UserEmail | undefined;
  /** The user of an application's own table, which stores the address itself. */
  readonly ownUser: OwnAddress | undefined;
  /** The login name that the user gets in the same step. Undefined: it stays. */
  readonly renamed?: Renamed | undefined;
  /** The live session that asks. Undefined for an operator or the application. */
  readonly own: OwnSession | undefined;
  readonly spend: Spending | undefined;
  readonly attempt: Attempt | undefined;
  /** The change has waited, so the present mailbox confirms nothing. */
  readonly waited?: Pick<EmailWait, "n"> | undefined;
  /** The operator's reason. Without one, only an account without a mailbox gets an address. */
  readonly reason?: string | undefined;
  /** No way in opens the account, and API keys pause, until the user has used the link and the number of a recovery. */
  readonly freezes?: boolean | undefined;
}

interface OwnAddress {
  readonly login: string;
  /** The address until now, and the version of the account when it was read. */
  readonly before: UserEmail | undefined;
  readonly factorsVersion: number;
  /** The table has the new login name, and what allows it was used up before (table-changes.ts). */
  readonly isBegun: boolean;
}

export interface Renamed extends ForeignTokens {
  /** As it is until now, and its canonical form. */
  readonly login: string;
  readonly loginCanonical: string;
  /** The canonical form of `newLogin`. */
  readonly canonical: string;
  readonly newLogin: string;
  /** The spelling that an application's own table had, where logins are compared as they are. */
  readonly exactLogin: string | undefined;
  /** The session that asks. It can have ended where the application's own table was changed already. */
  readonly maker: TokenSession;
}

/** `taken`: another user has the address. Uniqueness is decided here and not before. */
export function* setEmail(input: AddressChange): Transaction<MailboxOutcome> {
  const { userId, ownUser, renamed, waited, spend: spending, attempt, now, origin } = input;
  let { email, own } = input;
  // The user first. A new password or an alarm ends the session while this change waits for the row.
  const readUser = ownUser ? undefined : yield* sendUserLock(userId, "update");
  const account = ownUser && (yield* lockSessionsOf(userId));
  const readLive = own === undefined ? undefined : yield* sendIsLive(own, now);
  const user = readUser && (yield* readUser());
  const isGone = ownUser === undefined && (!user || (own !== undefined && user.disabled));
  const isEnded = readLive !== undefined && !(yield* readLive());
  // The application's table has the new login name already, so nothing must reject the rest. No session goes on.
  const isRenamedThere = ownUser !== undefined && renamed !== undefined;
  if (isEnded && isRenamedThere) own = undefined;
  const isOtherLogin = user !== undefined && renamed !== undefined && user.canonical !== renamed.loginCanonical;
  // The table gets its first address after this. Another session must not replace it unconfirmed.
  const isOtherVersion = account?.factorsVersion !== ownUser?.factorsVersion;
  const isChanged = isGone || isOtherLogin || ((isEnded || isOtherVersion) && !isRenamedThere);
  const isWaiting = waited === undefined || (!isChanged && (yield* useEmailWait(waited, now)));
  const isSpent = !isChanged && isWaiting && spending !== undefined && !(yield* spend(spending, now));
  const isOver = ownUser?.isBegun !== true && (!isWaiting || isSpent);
  const stopped = isChanged ? "changed" : isOver ? "over" : undefined;
  const login = (user ?? ownUser)?.login;
  // The code was right, whether it changes something or not.
  yield* settleIfAny(attempt, stopped === undefined ? "succeeded" : "returned", now, login);
  if (stopped !== undefined) return failed(stopped);
  const before = user ? user.email : ownUser?.before;
  const { reason } = input;
  const isOperators = user !== undefined && input.own === undefined;
  if (isOperators && reason === undefined && mailboxOf(before) !== undefined) return failed("reason_needed");
  // The word of an operator about the same mailbox takes its proof away only in a recovery, which is a new first proof.
  if (isOperators && !input.freezes && email && before?.provenAt !== undefined)
    if (isSameMailbox(before.address, email.address)) email = { ...email, provenAt: before.provenAt };
  // Another mailbox can have the same compared form.
  const isOther = before !== undefined && (email === undefined || !isSameMailbox(before.address, email.address));
  const about = { userId, login, now, origin, own, address: ownUser?.before?.canonical };
  const carry = () =>
    isOperators && reason !== undefined
      ? setByOperator({ ...about, reason }, input.freezes === true)
      : renamed === undefined
        ? isOther
          ? carryOut("email_changed", { ...about, maker: waited ? "waited" : (input.own ?? "operator") })
          : carryOut("email_added", { ...about, before: account, account: account && ofNextVersion(account, now) })
        : rename(renamed, about, ownUser?.isBegun ? "table" : waited ? "waited" : renamed.maker);
  const names = renamed && { login: renamed.newLogin, canonical: renamed.canonical };
  const changed = yield* user === undefined ? carry() : changeNames(user, { ...user, ...names, email }, now, carry);
  if (changed === undefined) return failed("taken");
  if (input.spend) yield* noteMailCode({ userId, login, now, origin });
  return yield* endChange(changed);
}

/** As `setLogin` does, but the session that asks goes on under the new login name. */
function* rename(
  renamed: Renamed,
  about: ChangedAccount,
  maker: TokenSession | "waited" | "table",
): Transaction<CarriedOut> {
  const { newLogin, foreignMaxSeconds, exactLogin, login } = renamed;
  const { userId, now, own } = about;
  const until = yield* foreignUntil({ ...about, foreignMaxSeconds });
  // The new tokens of the session contain the login.
  if (own) yield* write("update ampho_sessions set login = ? where id = ?", [newLogin, own.sessionId]);
  const changed = yield* carryOut("names_changed", {
    ...about,
    maker,
    login: newLogin,
    detail: { before: login },
  });
  yield* releaseLockouts(login);
  const foreign: NewRevocation = { kind: "user", at: now, until, userId, login, exactLogin };
  return { ...changed, revoked: [...changed.revoked, foreign] };
}

/** With `freezes`, every process also forgets what it has read of the API keys. */
function* setByOperator(about: ChangedAccount, freezes: boolean): Transaction<CarriedOut> {
  const before = yield* lockSessionsOf(about.userId);
  const account = freezes ? { ...before, frozen: "all" as const } : before;
  const changed = yield* carryOut("email_set", { ...about, before, account });
  const keys = freezes ? yield* query("select id from ampho_api_keys where user_id = ?", [about.userId]) : [];
  return {
    ...changed,
    revoked: [...changed.revoked, ...keys.map((row) => apiKeyRevocation(text(row, "id"), about.now))],
  };
}

export interface RecoveryStart extends Ending {
  readonly userId: string;
  readonly login: string;
  /** The mail with the link. Undefined if the operator hands the link over. */
  readonly mail: MailDraft | undefined;
  /** The operator's reason. */
  readonly reason: string;
  readonly detail: AuditEntry["detail"];
}

/** Records that an operator began a recovery, which sends the user a notice, and writes the mail with the link. */
export function* beginRecovery({ mail, now: at, ...entry }: RecoveryStart): Transaction<void> {
  yield* recordAudit({ at, event: "recovery_begun", ...entry });
  if (mail) yield* insertMail(mail, at);
}

export interface Alarm extends Ending {
  readonly userId: string;
  /** `mailboxIdOf` the mailbox to which the link was mailed. */
  readonly mailbox: string;
  /** The user of an application's own table. `gone`: the table has no such user. */
  readonly ownUser: AlarmedUser | "gone" | undefined;
  /** The use of the link. A second use has no effect. */
  readonly spend: Spending;
  readonly attempt: Attempt;
  /** The link for a new password, for an account that has one. The operation binds it to the account. */
  readonly reset: Pick<MailDraft, "claims" | "language" | "until">;
}

interface AlarmedUser {
  readonly login: string | undefined;
  /** Undefined: the address is not proven. `unknown`: the application's own table does not find the user any more. */
  readonly mailbox: AccountMailbox | "unknown" | undefined;
  /** The table stores a new password. */
  readonly canReset: boolean;
}

/** The mailbox of an account. An operator has a reason for an address that is not proven. */
export const mailboxOf = (email: UserEmail | undefined): AccountMailbox | undefined =>
  email !== undefined && (email.provenAt !== undefined || email.byOperator === true) ? email : undefined;

const alarmedUser = ({ login, email, passwordHash }: User): AlarmedUser => ({
  login,
  mailbox: mailboxOf(email),
  canReset: passwordHash !== null,
});

/**
 * Closes an account: ends its sessions and device proofs, what was begun, and what ended sessions have added
 * unconfirmed. It freezes the password of an account without a second factor, and mails a link for a new one. It gives
 * nothing back, because each thing that a link gives serves a thief. `settled`: the account has another mailbox.
 */
export function* raiseAlarm(input: Alarm): Transaction<"done" | "settled"> {
  const { userId, ownUser, mailbox, attempt, now, origin } = input;
  const stored = ownUser === undefined ? yield* lockUser(userId, "update") : undefined;
  const before = yield* lockSessionsOf(userId);
  const user = ownUser === "gone" ? undefined : (ownUser ?? (stored && alarmedUser(stored)));
  const login = user?.login;
  const isNew = yield* spend(input.spend, now);
  const about = { userId, login, now, origin };
  // The user was deleted, and operators see the alarm. A row of the account would stay for ever.
  const present = user?.mailbox;
  const isPresent = present === "unknown" || (present !== undefined && mailboxIdOf(userId, present) === mailbox);
  const isSettled = user !== undefined && !isPresent;
  if (user === undefined || present === undefined || isSettled || !isNew) {
    const event = isSettled ? "alarm_settled" : "alarm";
    if (isNew) yield* recordAudit({ at: now, event, ...about });
    yield* settleIfAny(attempt, "returned", now, login);
    return isSettled ? "settled" : "done";
  }
  // A login that has verified the password goes no further.
  yield* write("update ampho_users set password_version = password_version + 1 where id = ?", [userId]);
  // An own table that stores a password now, thaws it no more.
  if (stored === undefined) yield* voidStoring(userId);
  const changed = yield* carryOut("alarm", { ...about, before, canReset: user.canReset });
  const { frozen, factorsVersion } = changed.account;
  if (user.canReset && frozen !== "all" && present !== "unknown") {
    const passwordVersion = stored && stored.passwordVersion + 1;
    const canonical = parseAddress(present.address)?.canonical ?? "";
    const binding = { purpose: "reset", address: canonical, userId, passwordVersion, factorsVersion };
    const claims = { ...input.reset.claims, binding: JSON.stringify(binding) };
    const draft = { ...input.reset, kind: "alarm_reset", userId, address: present.address, claims };
    // Each alarm voids the link of the one before, and an account has five alarms a day.
    yield* insertMail(draft, now);
  } else yield* insertNotice({ kind: "alarm_raised", at: now, ...about, hourly: true });
  yield* settleIfAny(attempt, "failed", now, login);
  yield* writeRevocations(changed.revoked);
  return "done";
}
