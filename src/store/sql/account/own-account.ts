// Changes that users make to their own account as a whole (docs/guides/account.md): another login, the removal, and the
// rows of the audit log for an export. A user of an application's own table has no row of ampho_users here.
import type { AuditRow } from "../../../audit/entry.js";
import type { Attempt } from "../../../throttle/attempt.js";
import { advisoryLock, type Transaction, write } from "../../transaction.js";
import { settleIfAny } from "../attempts/attempts.js";
import { releaseLockouts } from "../attempts/lockouts.js";
import { type Confirmable, carryOut, type Locked, type OwnSession } from "../effects/changes.js";
import { endEmailWait, noteMailCode } from "../effects/email-waits.js";
import { foreignUntil } from "../effects/session-ends.js";
import { listOwnAudit, recordAudit, redactAudit } from "../rows/audit.js";
import { confirmSession } from "../rows/confirmations.js";
import { insertMail, type MailDraft } from "../rows/mail-rows.js";
import { beginStoring } from "../rows/own-passwords.js";
import { type ChangeOutcome, endChange, failed, type NewRevocation } from "../rows/revocations.js";
import type { Ending, TokenEnding } from "../rows/session-rows.js";
import { sendIsLive, type TokenSession } from "../rows/sessions.js";
import { type Spending, spend } from "../rows/spent.js";
import { sendStateAndAccount } from "../rows/state.js";
import { changeNames, lockUser, type User } from "../rows/users.js";
import { type FactorChange, lockAccount } from "./factor-changes.js";

export interface OwnChange extends TokenEnding {
  /** As it is until now. */
  readonly login: string;
  /** The session that asks. It is live, unless the application's own table was changed already. */
  readonly own: TokenSession;
  readonly factorsVersion: number;
  /** The canonical address of a user of an application's own table. */
  readonly address: string;
  /** The version of the password that the caller has read. Undefined for a user of an application's own table. */
  readonly passwordVersion: number | undefined;
  /** An application's own table has changed, and the confirmation was used up before. */
  readonly isBegun: boolean;
}

const makerOf = ({ isBegun, own }: OwnChange) => (isBegun ? ("table" as const) : own);

/** `changed`: the user, the password or the factors changed meanwhile, or the session ended. */
type OwnOutcome = ChangeOutcome<"done" | "changed" | "taken">;

/** Locks the user, and the sessions as every login does. False: something changed since the caller has read it. */
function* lockOwn(input: OwnChange): Transaction<{ readonly user: User | undefined; readonly before: Locked } | false> {
  const { userId, own, now, factorsVersion, passwordVersion } = input;
  const user = passwordVersion === undefined ? undefined : yield* lockUser(userId, "update");
  yield* advisoryLock(`sessions of ${userId}`);
  const readAccount = yield* sendStateAndAccount(userId);
  const readLive = passwordVersion === undefined ? undefined : yield* sendIsLive(own, now);
  const before = yield* readAccount();
  // The application's table has changed already, so nothing must reject the rest.
  if (readLive === undefined) return { user: undefined, before };
  if (!(yield* readLive()) || before.factorsVersion !== factorsVersion) return false;
  return user !== undefined && !user.disabled && user.passwordVersion === passwordVersion && { user, before };
}

export interface LoginChange extends OwnChange {
  /** The canonical form of `login`. */
  readonly canonical: string;
  readonly newLogin: string;
  readonly newCanonical: string;
  /** Only the spelling changes, so the old login cannot become another user's. */
  readonly isSame: boolean;
}

/** All sessions end unless only the spelling changes: their tokens carry a login that another user can take. */
export function* setLogin(input: LoginChange): Transaction<OwnOutcome> {
  const { userId, login, newLogin, newCanonical, isSame, now, origin } = input;
  const locked = yield* lockOwn(input);
  if (locked === false) return failed("changed");
  const { user, before } = locked;
  const { address } = input;
  const about = { userId, login: newLogin, now, origin, before, address, detail: { before: login } };
  const until = yield* foreignUntil(input);
  const carry = () =>
    isSame ? carryOut("login_respelled", about) : carryOut("login_changed", { ...about, maker: makerOf(input) });
  // The user can have given the address up meanwhile.
  const isOwnAddress = user?.email?.canonical === newCanonical && user.email.provenAt !== undefined;
  if (user && !isSame && newCanonical.includes("@") && !isOwnAddress) return failed("changed");
  const changed = yield* user === undefined
    ? carry()
    : changeNames(user, { ...user, login: newLogin, canonical: newCanonical }, now, carry);
  if (changed === undefined) return failed("taken");
  yield* releaseLockouts(login);
  if (isSame) {
    yield* write("update ampho_sessions set login = ? where user_id = ? and ended_at is null", [newLogin, userId]);
    return yield* endChange({ revoked: changed.revoked });
  }
  return yield* endChange({ revoked: [...changed.revoked, foreignRevocation(input, until)] });
}

/** The tokens without a session that name the user. */
function foreignRevocation({ userId, login, now, passwordVersion }: OwnChange, until: number): NewRevocation {
  const exactLogin = passwordVersion === undefined ? login : undefined;
  return { kind: "user", at: now, until, userId, login, exactLogin };
}

/** Deletes the user with everything that belongs to the account. The audit log keeps the id only. */
export function* removeAccount(input: OwnChange): Transaction<OwnOutcome> {
  const { userId, login, now, origin, address } = input;
  const locked = yield* lockOwn(input);
  if (locked === false) return failed("changed");
  const until = yield* foreignUntil(input);
  const { before } = locked;
  const about = { userId, login, now, origin, before, address, maker: makerOf(input) };
  const { revoked } = yield* carryOut("account_removed", about);
  // The mark stops a login by password in progress, which has found the user in the application's table.
  if (locked.user === undefined) yield* beginStoring(userId, now);
  yield* releaseLockouts(login);
  // A row of an ended session is kept for a while, so that its tokens are recognised as replayed.
  for (const row of revoked)
    if (row.kind === "session")
      yield* write("update ampho_sessions set login = '', address = null, agent = null where id = ?", [row.sessionId]);
  yield* redactAudit(userId, login);
  yield* write("delete from ampho_users where id = ?", [userId]);
  return yield* endChange({ revoked: [...revoked, foreignRevocation(input, until)] });
}

/** Returns the newest rows of the audit log about the user, `eventsMax` at most, and records the export. */
export function* exportAccount(
  input: Ending & { readonly userId: string; readonly login: string; readonly eventsMax: number },
): Transaction<readonly AuditRow[]> {
  const { userId, login, now, origin, eventsMax } = input;
  yield* recordAudit({ at: now, event: "account_exported", userId, login, origin });
  return yield* listOwnAudit(userId, login, eventsMax);
}

export interface CodeConfirmation extends FactorChange {
  readonly own: OwnSession;
  readonly change: Confirmable;
  readonly spend: Spending;
  readonly attempt: Attempt;
}

/** Allows the change to the session, which goes on with new tokens: a thief can have copies of the former ones. */
export function* confirmChange(input: CodeConfirmation): Transaction<ChangeOutcome<"done" | "changed" | "over">> {
  const { own, change, now, login } = input;
  const before = yield* lockAccount(input);
  const stopped = before === undefined ? "changed" : (yield* spend(input.spend, now)) ? undefined : "over";
  // The code was right, whether it changes something or not.
  yield* settleIfAny(input.attempt, stopped === undefined ? "succeeded" : "returned", now, login);
  if (stopped !== undefined) return failed(stopped);
  yield* noteMailCode(input);
  yield* confirmSession(own.sessionId, change, now);
  const about = { ...input, before, sessionId: own.sessionId, detail: { change } };
  return yield* endChange(yield* carryOut("change_confirmed", about));
}

export interface EmailWaitStart extends FactorChange {
  readonly own: OwnSession;
  /** The mails to the present mailbox, and the one with the code for the new one. */
  readonly mails: readonly MailDraft[];
  readonly attempt: Attempt;
}

/** Begins a change of the address that waits. It takes the place of another one, and waits again from now on. */
export function* beginEmailWait(input: EmailWaitStart): Transaction<"done" | "changed"> {
  const { userId, login, own, mails, now, origin } = input;
  const before = yield* lockAccount(input);
  yield* settleIfAny(input.attempt, before === undefined ? "returned" : "failed", now, login);
  if (before === undefined) return "changed";
  const about = { userId, login, now, origin, sessionId: own.sessionId };
  yield* endEmailWait({ ...about, reason: "replaced" });
  for (const mail of mails) yield* insertMail({ ...mail, claims: { ...mail.claims, era: before.era } }, now);
  yield* carryOut("email_waits", { ...about, before });
  return "done";
}
