// Changes that a proven mailbox allows (docs/guides/mail-flows.md): a new password, a new address, and the
// alarm of a notice. Each uses up its transaction in the same store transaction.
import type { AuditEntry } from "../../audit/entry.js";
import { withoutLoneSpares } from "../../levels/factors.js";
import { presentPolicy, type RoleRules } from "../../levels/policy.js";
import { isSameMailbox } from "../../logins/address.js";
import type { Attempt } from "../../throttle/attempt.js";
import { integer, text } from "../rows.js";
import { advisoryLock, exists, query, type Transaction, write } from "../transaction.js";
import { settleBoth, settleIfAny, settleWrongFactor } from "./attempts.js";
import { recordAudit } from "./audit.js";
import { type CarriedOut, type ChangedAccount, carryOut, type OwnSession } from "./changes.js";
import { useUp } from "./factors/changes.js";
import { passkeyIdsOf } from "./factors/passkeys.js";
import { deleteFactor, deleteFactors, type FactorUse, hasAdded, keptByAlarm, rejectionOf } from "./factors/rows.js";
import { identitiesOf, identityIdOf } from "./identities.js";
import { endReportedKey } from "./key-ends.js";
import { releaseLockouts } from "./lockouts.js";
import { insertMail, type MailDraft, type Undo, type UndoneLogin } from "./mail-rows.js";
import { beginStoring, endStoring } from "./own-passwords.js";
import type { ChangeOutcome, NewRevocation, NewRevocations } from "./revocations.js";
import { endChange, failed, untilOf, writeRevocations } from "./revocations.js";
import { foreignUntil } from "./session-ends.js";
import type { Ending, ForeignTokens } from "./session-rows.js";
import { sendIsLive, type TokenSession } from "./sessions.js";
import { type Spending, spend, unspend } from "./spent.js";
import { type AccountFactors, sendStateAndAccount } from "./state.js";
import { type StoredUser, sendUserCheck } from "./user-check.js";
import { changeNames, lockUser, sendUserLock, type User, type UserEmail } from "./users.js";

/**
 * `over`: the transaction was used. `changed`: the user or the factors changed meanwhile, or the session ended.
 * `storing`: an application's own table stores another new password now.
 */
type MailboxOutcome = ChangeOutcome<"done" | "over" | "changed" | "factor_rejected" | "taken" | "storing">;

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
  const isChanged = "rejected" in checked || isOther;
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
  if (stored !== false)
    yield* write(
      `update ampho_users set password_hash = ?, hash_kind = null, password_version = password_version + 1,
         password_by_operator = 0, email_proven_at = case when email_canonical = ? then coalesce(email_proven_at, ?) else email_proven_at end
       where id = ?`,
      [passwordHash, input.provesEmail ?? null, now, userId],
    );
  const { factors } = account;
  if (input.removesFactors && factors.length > 0) {
    yield* deleteFactors(userId);
    const detail = { factors };
    yield* recordAudit({ at: now, event: "factor_removed", reason: "recovery", userId, login, origin, detail });
  }
  const left = { ...account, factors: input.removesFactors ? [] : factors };
  const rolePolicy = presentPolicy("user" in checked ? checked.user?.roles : undefined, input.rules);
  const changed = { ...who, before: account, account: left, proven: use, rolePolicy };
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
  /** The user of an application's own table, which stores the address itself. `before`: the address until now. */
  readonly ownUser: { readonly login: string; readonly before: UserEmail | undefined } | undefined;
  /** The login name that the user gets in the same step. Undefined: it stays. */
  readonly renamed?: Renamed | undefined;
  /** The live session that asks. Undefined for an operator or the application. */
  readonly own: OwnSession | undefined;
  readonly spend: Spending | undefined;
  readonly attempt: Attempt | undefined;
}

export interface Renamed extends UndoneLogin, ForeignTokens {
  readonly newLogin: string;
  /** The spelling that an application's own table had, where logins are compared as they are. */
  readonly exactLogin: string | undefined;
  /** The session that asks. It can have ended where the application's own table was changed already. */
  readonly maker: TokenSession;
}

/** `taken`: another user has the address. Uniqueness is decided here and not before. */
export function* setEmail(input: AddressChange): Transaction<MailboxOutcome> {
  const { userId, email, ownUser, renamed, spend: spending, attempt, now, origin } = input;
  let { own } = input;
  // The user first. A new password or an alarm ends the session while this change waits for the row.
  const readUser = ownUser ? undefined : yield* sendUserLock(userId, "update");
  if (ownUser) yield* advisoryLock(`sessions of ${userId}`);
  const readLive = own === undefined ? undefined : yield* sendIsLive(own, now);
  const user = readUser && (yield* readUser());
  const isGone = ownUser === undefined && (!user || (own !== undefined && user.disabled));
  const isEnded = readLive !== undefined && !(yield* readLive());
  // The application's table has the new login name already, so nothing must reject the rest. No session goes on.
  const isRenamedThere = ownUser !== undefined && renamed !== undefined;
  if (isEnded && isRenamedThere) own = undefined;
  const isOtherLogin = user !== undefined && renamed !== undefined && user.canonical !== renamed.loginCanonical;
  const isChanged = isGone || isOtherLogin || (isEnded && !isRenamedThere);
  const stopped = isChanged ? "changed" : spending && !(yield* spend(spending, now)) ? "over" : undefined;
  const login = (user ?? ownUser)?.login;
  // The code was right, whether it changes something or not.
  yield* settleIfAny(attempt, stopped === undefined ? "succeeded" : "returned", now, login);
  if (stopped !== undefined) return failed(stopped);
  const before = user ? user.email : ownUser?.before;
  // Another mailbox can have the same compared form.
  const isOther = before !== undefined && (email === undefined || !isSameMailbox(before.address, email.address));
  const given =
    isOther && before.provenAt !== undefined ? { email: before, canonical: email?.canonical ?? null } : undefined;
  const about = { userId, login, now, origin, own, address: ownUser?.before?.canonical, undo: given };
  const carry = () =>
    renamed === undefined
      ? isOther
        ? carryOut("email_changed", { ...about, maker: input.own ?? "operator" })
        : carryOut("email_added", about)
      : rename(renamed, about);
  const names = renamed && { login: renamed.newLogin, canonical: renamed.canonical };
  const changed = yield* user === undefined ? carry() : changeNames(user, { ...user, ...names, email }, now, carry);
  if (changed === undefined) return failed("taken");
  return yield* endChange(changed);
}

/** As `setLogin` does, but the session that asks goes on under the new login name. */
function* rename(renamed: Renamed, about: ChangedAccount): Transaction<CarriedOut> {
  const { newLogin, foreignMaxSeconds, exactLogin, maker, ...names } = renamed;
  const { userId, now, own, undo } = about;
  const { login } = names;
  const until = yield* foreignUntil({ ...about, foreignMaxSeconds });
  // The new tokens of the session contain the login.
  if (own) yield* write("update ampho_sessions set login = ? where id = ?", [newLogin, own.sessionId]);
  const changed = yield* carryOut("names_changed", {
    ...about,
    maker,
    login: newLogin,
    detail: { before: login },
    undo: undo && "email" in undo ? { ...undo, renamed: names } : names,
  });
  yield* releaseLockouts(login);
  const foreign: NewRevocation = { kind: "user", at: now, until, userId, login, exactLogin };
  return { ...changed, revoked: [...changed.revoked, foreign] };
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

export interface Alarm extends Ending, ForeignTokens {
  readonly userId: string;
  readonly stored: StoredUser;
  /** The number of the notice that had the link. */
  readonly notice: number;
  /** The use of the link. A second use has no effect. */
  readonly spend: Spending;
}

/**
 * Ends the sessions and device proofs of a user, and what was begun, and undoes the change that the notice reported. A
 * factor or an identity that the change has removed does not come back: the mailbox might be on the lost device. The
 * password stays. Returns the change that only the application's own table can undo.
 */
export function* raiseAlarm(input: Alarm): Transaction<ReportedChange | undefined> {
  const { userId, stored, spend: spending, now, origin } = input;
  const user = yield* lockUser(userId, "update");
  yield* advisoryLock(`sessions of ${userId}`);
  const undo = yield* findUndo(input.notice, userId);
  // An application's own table can have failed to undo the change. It changes nothing twice.
  const tableUndo = stored ? undefined : undo;
  if (!(yield* spend(spending, now))) return tableUndo;
  // A former user of the table had the notice, and another user has the id now.
  if (!stored && !(yield* exists("select 1 from ampho_mail where n = ? and user_id = ?", [input.notice, userId])))
    return undefined;
  const login = user?.login;
  // The user was deleted, and operators see the alarm. A row of the account would stay for ever.
  if (stored && !user) {
    yield* recordAudit({ at: now, event: "alarm", userId, login, origin });
    return undefined;
  }
  yield* write("update ampho_users set password_version = password_version + 1 where id = ?", [userId]);
  const ofKey = undo && "key" in undo ? yield* endReportedKey(userId, undo.key, now) : [];
  const revoked = [...ofKey, ...(undo && user ? yield* undoStored(input, user, undo) : [])];
  const before = yield* (yield* sendStateAndAccount(userId))();
  const account = { ...before, factors: undo ? yield* undoFactors(input, before, undo) : before.factors };
  const changed = yield* carryOut("alarm", { userId, login, now, origin, before, account });
  yield* writeRevocations([...changed.revoked, ...revoked]);
  return tableUndo;
}

/** The change that the notice reported, with the names that it and later changes have set. */
export type ReportedChange = Undo & {
  readonly addresses: readonly (string | null)[];
  readonly logins: readonly string[];
};

/** The login name that the alarm gives back. */
export const renamedBy = (undo: Undo): UndoneLogin | undefined =>
  "login" in undo ? undo : "email" in undo ? undo.renamed : undefined;

function* findUndo(notice: number, userId: string): Transaction<ReportedChange | undefined> {
  const sql = "select n, undo from ampho_mail where user_id = ? and n >= ? and undo is not null";
  const rows = yield* query(sql, [userId, notice]);
  const inOrder = [...rows].sort((a, b) => integer(a, "n") - integer(b, "n"));
  const all = inOrder.map((row) => JSON.parse(text(row, "undo")) as Undo);
  const [first] = inOrder;
  const [undo] = all;
  if (first === undefined || undo === undefined || integer(first, "n") !== notice) return undefined;
  // A thief changes the address twice, so that the second notice goes to the thief.
  const addresses = all.flatMap((each) => ("email" in each ? [each.canonical] : []));
  const logins = all.flatMap((each) => renamedBy(each)?.canonical ?? []);
  return { ...undo, addresses, logins };
}

const recording = (entry: AuditEntry) =>
  function* (): Transaction<true> {
    yield* recordAudit(entry);
    return true;
  };

/** Gives the address or the login name back that the user had before, unless another user has it by now. */
function* undoStored(
  { userId, now, origin, foreignMaxSeconds }: Alarm,
  user: User,
  undo: ReportedChange,
): Transaction<NewRevocations> {
  let names = user;
  if ("email" in undo && undo.addresses.includes(user.email?.canonical ?? null)) {
    const entry = { at: now, event: "email_changed", reason: "alarm", userId, login: user.login, origin } as const;
    const back = { ...user, email: undo.email };
    if (yield* changeNames(user, back, now, recording(entry))) names = back;
  }
  const renamed = renamedBy(undo);
  if (renamed === undefined || !undo.logins.includes(user.canonical)) return [];
  const { login, loginCanonical: canonical } = renamed;
  const detail = { before: user.login };
  const entry = { at: now, event: "login_changed", reason: "alarm", userId, login, origin, detail } as const;
  if (!(yield* changeNames(names, { ...names, login, canonical }, now, recording(entry)))) return [];
  // Tokens of other software that were issued since the change.
  const until = untilOf(now, now + foreignMaxSeconds);
  return canonical === user.canonical ? [] : [{ kind: "user", at: now, until, userId, login: user.login }];
}

/** Removes the identity or the factor that was added. Returns the second factors that are left. */
function* undoFactors({ userId, now, origin }: Alarm, account: AccountFactors, undo: Undo) {
  const about = { at: now, reason: "alarm", userId, login: undefined, origin };
  if ("identity" in undo) {
    const gone = (yield* identitiesOf(userId)).find((each) => identityIdOf(each) === undo.identity);
    if (gone === undefined) return account.factors;
    yield* write("delete from ampho_identities where issuer = ? and subject = ?", [gone.issuer, gone.subject]);
    const detail = { provider: gone.provider, identity: undo.identity };
    yield* recordAudit({ ...about, event: "identity_unlinked", detail });
    return account.factors;
  }
  if ("key" in undo || "email" in undo || "login" in undo) return account.factors;
  if (!(yield* hasAdded(userId, undo))) return account.factors;
  const passkeys = (yield* passkeyIdsOf(userId)).filter((id) => !("passkey" in undo) || id !== undo.passkey);
  const keeps = keptByAlarm(undo, passkeys.length);
  const rest = account.factors.filter((factor) => keeps[factor]);
  const left = withoutLoneSpares(rest);
  // The finder of a lost phone has the mailbox too, and must not remove the only factor that is left.
  if (left.length === 0 && !("first" in undo)) return account.factors;
  if ("passkey" in undo) yield* deleteFactor(userId, "passkey", undo.passkey);
  for (const factor of account.factors) if (!left.includes(factor)) yield* deleteFactor(userId, factor);
  const detail = { factors: account.factors.filter((factor) => !left.includes(factor)) };
  yield* recordAudit({ ...about, event: "factor_removed", detail });
  return left;
}
