// Changes and deletions of users. Each ends the sessions and tokens of the user in the same transaction.
import { policyOf, type RolePolicies } from "../../../levels/policy.js";
import type { Attempt } from "../../../throttle/attempt.js";
import { text } from "../../rows.js";
import { first, type Transaction, write } from "../../transaction.js";
import { settleIfAny } from "../attempts/attempts.js";
import { type Change, carryOut, lockSessionsOf, type OwnSession } from "../effects/changes.js";
import { foreignUntil } from "../effects/session-ends.js";
import { hasLoginPasskey } from "../factors/passkeys.js";
import { countCodes } from "../factors/recovery.js";
import { recordAudit } from "../rows/audit.js";
import { beginStoring, endStoring, isVoided } from "../rows/own-passwords.js";
import type { ChangeOutcome, NewRevocation, NewRevocations } from "../rows/revocations.js";
import { endChange, failed, recoveryUntil, untilOf, writeRevocations } from "../rows/revocations.js";
import type { Ending, EndReason, TokenEnding } from "../rows/session-rows.js";
import { sendIsLive } from "../rows/sessions.js";
import { lockUser, sendUserLock, type User } from "../rows/users.js";

export interface PasswordChange extends Ending {
  readonly userId: string;
  readonly passwordHash: string | null;
  /** The version that the caller has read. Undefined: any. */
  readonly passwordVersion: number | undefined;
  /** The live session that makes the change. */
  readonly own: OwnSession | undefined;
  /** No person knows the new password. The reason is for the audit log. */
  readonly expires?: { readonly reason: string | undefined } | undefined;
  /** The password is removed only if the user can sign in with a passkey of this relying party instead. */
  readonly passkeysOf?: string | undefined;
  /** The attempt with the old password. It is settled here, as failed if the outcome is `changed` or `ended`. */
  readonly attempt?: Attempt | undefined;
  /** A user of an application's own table, which stores the password. Its version is that of the factors. */
  readonly ownUser?: { readonly login: string; readonly factorsVersion: number } | undefined;
}

/**
 * `changed`: another change won. `ended`: the session is not live. `storing`: an own table stores another password now.
 */
type PasswordOutcome = ChangeOutcome<"done" | "unknown" | "changed" | "ended" | "storing" | "last_way_in">;

/** Sets a new password and ends the sessions of the user, except one. */
export function* setPassword(input: PasswordChange): Transaction<PasswordOutcome> {
  const { userId, passwordHash, own, now, origin, ownUser } = input;
  const readUser = ownUser === undefined ? yield* sendUserLock(userId, "update") : undefined;
  const before = ownUser && (yield* lockSessionsOf(userId));
  const readLive = own === undefined ? undefined : yield* sendIsLive(own, now);
  const stored = readUser && (yield* readUser());
  const user = stored ?? ownUser;
  if (!user) return failed("unknown");
  const live = readLive === undefined || (yield* readLive());
  const isOther = stored
    ? input.passwordVersion !== undefined && input.passwordVersion !== stored.passwordVersion
    : before?.factorsVersion !== ownUser?.factorsVersion;
  if (isOther || !live) {
    yield* settleIfAny(input.attempt, "failed", now, user.login);
    return failed(isOther ? "changed" : "ended");
  }
  if (ownUser && !(yield* beginStoring(userId, now))) {
    yield* settleIfAny(input.attempt, "returned", now, user.login);
    return failed("storing");
  }
  if (input.passkeysOf !== undefined && !(yield* logsInByPasskey(userId, input.passkeysOf)))
    return failed("last_way_in");
  if (stored)
    yield* write(
      `update ampho_users set password_hash = ?, hash_kind = null, password_version = password_version + 1,
         password_by_operator = ? where id = ?`,
      [passwordHash, origin.actor === "operator" ? 1 : 0, userId],
    );
  const reason = input.expires?.reason;
  const who = { ...input, login: user.login, before, reason, isStoredLater: ownUser !== undefined };
  const { revoked, session } = yield* carryOut(changeOf(input, stored), {
    ...who,
    maker: own ?? ("operator" as const),
  });
  yield* settleIfAny(input.attempt, "succeeded", now, user.login);
  return yield* endChange({ revoked, session });
}

function changeOf({ own, expires, passkeysOf }: PasswordChange, stored: User | undefined) {
  if (own === undefined) return expires ? "password_expired" : "password_replaced";
  if (passkeysOf !== undefined) return "password_removed";
  return stored?.passwordHash === null ? "password_added" : "password_set";
}

/** With recovery codes, because the loss of the passkey would otherwise lock the user out. */
function* logsInByPasskey(userId: string, rp: string): Transaction<boolean> {
  return (yield* hasLoginPasskey(userId, rp)) && (yield* countCodes(userId)) > 0;
}

export interface Rehash extends Ending {
  readonly userId: string;
  /** The hash that the caller has read. Nothing happens if the user has another one by now. */
  readonly from: string;
  readonly to: string;
}

/** Stores the same password with the current parameters. */
export function* rehashPassword({ userId, from, to, now, origin }: Rehash): Transaction<void> {
  const row = yield* first(
    "update ampho_users set password_hash = ?, hash_kind = null where id = ? and password_hash = ? returning login",
    [to, userId, from],
  );
  if (row) yield* recordAudit({ at: now, event: "password_rehashed", userId, login: text(row, "login"), origin });
}

export interface RoleUpdate extends TokenEnding {
  /** The policies of all roles. A role that is given ends the sessions that its policy would not accept. */
  readonly rolePolicies: RolePolicies;
  /** `set` replaces all roles. Otherwise `remove` comes first and `add` second. */
  readonly change:
    | { readonly set: readonly string[] }
    | { readonly add: readonly string[]; readonly remove: readonly string[] };
}

/** Changes roles. A removed role writes a "roles" revocation. Undefined: no such user. */
export function* setRoles(input: RoleUpdate): Transaction<User | undefined> {
  const { userId, change, now, origin } = input;
  const before = yield* lockUser(userId, "update");
  if (!before) return undefined;
  const kept = "set" in change ? change.set : before.roles.filter((role) => !change.remove.includes(role));
  const roles = [...new Set("set" in change ? kept : [...kept, ...change.add])];
  const removed = before.roles.filter((role) => !roles.includes(role));
  const added = roles.filter((role) => !before.roles.includes(role));
  if (removed.length === 0 && added.length === 0) return before;

  // At least the time, for the same reason as an era. After a restored backup a counted version might lie below one
  // that a process knows to be revoked, which would reject a role that is given again. Or it might not lie above the
  // version of a token that still has the role.
  const user: User = { ...before, roles, rolesVersion: Math.max(before.rolesVersion + 1, now) };
  const { login, rolesVersion } = user;
  const sql = "update ampho_users set roles = ?, roles_version = ? where id = ?";
  yield* write(sql, [JSON.stringify(roles), rolesVersion, userId]);
  const detail = { roles, added, removed };
  const rolePolicy = policyOf(roles, input.rolePolicies);
  const { revoked } = yield* carryOut("roles_changed", { userId, login, now, origin, rolePolicy, detail });
  const lost: NewRevocation[] = [];
  if (removed.length > 0) {
    const until = yield* foreignUntil(input);
    lost.push({ kind: "roles", at: now, until, userId, login, rolesVersion, roles: removed });
  }
  yield* writeRevocations([...revoked, ...lost]);
  return user;
}

/** Disabling a user ends the sessions and writes a "user" revocation, also for a disabled one. False: no such user. */
export function* setDisabled(input: TokenEnding & { readonly disabled: boolean }): Transaction<boolean> {
  const { userId, disabled, now, origin } = input;
  const user = yield* lockUser(userId, "update");
  if (!user) return false;
  // Disabling a user again has an effect: it revokes tokens that other software issued to the user in the meantime.
  if (!disabled && !user.disabled) return true;
  yield* write("update ampho_users set disabled = ? where id = ?", [disabled ? 1 : 0, userId]);
  if (disabled) yield* writeRevocations(yield* endEverything("disabled", user, input));
  else yield* carryOut("enabled", { userId, login: user.login, now, origin });
  return true;
}

/** Deletes a user, ends the sessions, and writes a "user" revocation. False: no such user. */
export function* deleteUser(input: TokenEnding): Transaction<boolean> {
  const { userId } = input;
  const user = yield* lockUser(userId, "update");
  if (!user) return false;
  // Before the row is deleted, which has the address for the notice.
  const revoked = yield* endEverything("deleted", user, input);
  yield* write("delete from ampho_users where id = ?", [userId]);
  yield* writeRevocations(revoked);
  return true;
}

/** Ends the sessions and all other tokens that name the user. The caller writes the revocations. */
function* endEverything(
  change: Extract<Change, "disabled" | "deleted">,
  user: User,
  input: TokenEnding,
): Transaction<NewRevocations> {
  const { id: userId, login } = user;
  const until = Math.max(yield* foreignUntil(input), recoveryUntil(input.now));
  const { revoked } = yield* carryOut(change, { ...input, userId, login });
  return [...revoked, { kind: "user", at: input.now, until, userId, login }];
}

export interface UserEnding extends Ending {
  readonly userId: string;
  readonly change: Extract<Change, "sessions_left" | "sessions_ended" | "password_stored">;
  readonly reason: EndReason;
  /** The session that goes on. */
  readonly exceptSession?: string | undefined;
  /** An application's own table has stored the new password of that time, or has failed to. */
  readonly storing?: { readonly since: number; readonly isStored: boolean } | undefined;
}

/**
 * Ends the sessions of a user of either table, whose row it does not read. Returns how many there were. Undefined: an
 * alarm came while the table stored the password. It has ended everything, no password has signed in since then, and
 * the link that it has mailed must stay good.
 */
export function* endUserSessions(input: UserEnding): Transaction<number | undefined> {
  const { userId, change, reason: endReason, now, origin, exceptSession, storing } = input;
  const before = yield* lockSessionsOf(userId);
  const isDone = storing !== undefined && (yield* endStoring(userId, storing.since));
  if (storing !== undefined && !isDone && (yield* isVoided(userId, now))) return undefined;
  // Not after an alarm that came since then. The password can be the one of the thief.
  const thaws = isDone && storing.isStored && before.frozen === "password";
  const account = thaws ? { ...before, frozen: undefined } : before;
  const about = { userId, login: undefined, now, origin, exceptSession, endReason, before, account };
  const { revoked } = yield* carryOut(change, about);
  yield* writeRevocations(revoked);
  return revoked.length;
}

export interface TokenRevocation extends TokenEnding {
  /** As it stands in the tokens of other software. */
  readonly login: string;
  readonly reason: EndReason;
}

/** The same, and revokes the tokens without a session that name the user. */
export function* revokeUserTokens(input: TokenRevocation): Transaction<void> {
  const { userId, login, reason: endReason, now, origin, foreignMaxSeconds } = input;
  const { revoked } = yield* carryOut("tokens_revoked", { userId, login, now, origin, endReason });
  // The revocations of the sessions cover the tokens of sessions.
  const until = untilOf(now, now + foreignMaxSeconds);
  yield* writeRevocations([...revoked, { kind: "user", at: now, until, userId, login }]);
}
