// What changes or removes a user of this store, and ends the user's sessions and tokens in the same transaction.
import type { Attempt, Ending, ForeignTokens, Origin, Revocation, User } from "../store.js";
import { first, type Transaction, text, write } from "../transaction.js";
import { settleSucceeded } from "./attempts.js";
import { recordAudit } from "./audit.js";
import { leewayMaxSeconds, type Revoked, writeRevocations } from "./revocations.js";
import { endOpenSessions, latestAccess } from "./session-ends.js";
import { sendLive } from "./sessions.js";
import { findUserById, sendUser, userColumns, userOf } from "./users.js";

export function* setPassword(
  input: Ending & {
    readonly userId: string;
    readonly passwordHash: string | null;
    readonly passwordVersion: number | undefined;
    readonly exceptSession: string | undefined;
    readonly attempt?: Attempt | undefined;
  },
): Transaction<{
  readonly outcome: "done" | "unknown" | "changed" | "ended";
  readonly revocations: readonly Revocation[];
}> {
  const { userId, passwordHash, exceptSession, now, origin } = input;
  const readUser = yield* sendUser(userId, "update");
  const readLive = exceptSession === undefined ? undefined : yield* sendLive(exceptSession, now);
  const user = yield* readUser();
  if (!user) return { outcome: "unknown", revocations: [] };
  const live = readLive === undefined || (yield* readLive());
  const isOther = input.passwordVersion !== undefined && input.passwordVersion !== user.passwordVersion;
  if (isOther || !live) {
    yield* settleSucceeded(input.attempt, "failed", now, user.login);
    return { outcome: isOther ? "changed" : "ended", revocations: [] };
  }
  yield* write(
    "update ampho_users set password_hash = ?, hash_kind = null, password_version = password_version + 1 where id = ?",
    [passwordHash, userId],
  );
  yield* recordAudit({ at: now, event: "password_changed", userId, login: user.login, origin });
  const revoked = yield* endOpenSessions({ ...input, reason: "password_changed" });
  yield* settleSucceeded(input.attempt, "succeeded", now, user.login);
  return { outcome: "done", revocations: yield* writeRevocations(revoked) };
}

export function* rehashPassword(input: {
  readonly userId: string;
  readonly from: string;
  readonly to: string;
  readonly now: number;
  readonly origin: Origin;
}): Transaction<void> {
  const { userId, from, to, now, origin } = input;
  const row = yield* first(
    "update ampho_users set password_hash = ?, hash_kind = null where id = ? and password_hash = ? returning login",
    [to, userId, from],
  );
  if (row) yield* recordAudit({ at: now, event: "password_rehashed", userId, login: text(row, "login"), origin });
}

export function* setRoles(
  input: Ending &
    ForeignTokens & {
      readonly userId: string;
      readonly change:
        | { readonly set: readonly string[] }
        | { readonly add: readonly string[]; readonly remove: readonly string[] };
    },
): Transaction<{ readonly user: User | undefined; readonly revocations: readonly Revocation[] }> {
  const { userId, change, now, origin } = input;
  const before = yield* findUserById(userId, "update");
  if (!before) return { user: undefined, revocations: [] };
  const kept = "set" in change ? change.set : before.roles.filter((role) => !change.remove.includes(role));
  const roles = [...new Set("set" in change ? kept : [...kept, ...change.add])];
  const removed = before.roles.filter((role) => !roles.includes(role));
  const added = roles.filter((role) => !before.roles.includes(role));
  if (removed.length === 0 && added.length === 0) return { user: before, revocations: [] };

  // The time, as an era is: after a restore, one that was counted might lie below what a process still knows to be taken away,
  // which would refuse a role that is given again, or not above that of a token from which the role is taken away.
  const user: User = { ...before, roles, rolesVersion: Math.max(before.rolesVersion + 1, now) };
  yield* write("update ampho_users set roles = ?, roles_version = ? where id = ?", [
    JSON.stringify(roles),
    user.rolesVersion,
    userId,
  ]);
  yield* recordAudit({
    at: now,
    event: "roles_changed",
    userId,
    login: user.login,
    origin,
    detail: { roles, added, removed },
  });
  if (removed.length === 0) return { user, revocations: [] };
  const until = yield* untilOf(input);
  const revoked: Revoked = {
    kind: "roles",
    at: now,
    until,
    userId,
    login: user.login,
    rolesVersion: user.rolesVersion,
    roles: removed,
  };
  return { user, revocations: yield* writeRevocations([revoked]) };
}

export function* setDisabled(
  input: Ending & ForeignTokens & { readonly userId: string; readonly disabled: boolean },
): Transaction<{ readonly found: boolean; readonly revocations: readonly Revocation[] }> {
  const { userId, disabled, now, origin } = input;
  const user = yield* findUserById(userId, "update");
  if (!user) return { found: false, revocations: [] };
  // Disabling again is not idle: it refuses tokens that other software has made for the user in the meantime.
  if (!disabled && !user.disabled) return { found: true, revocations: [] };
  yield* write("update ampho_users set disabled = ? where id = ?", [disabled ? 1 : 0, userId]);
  yield* recordAudit({
    at: now,
    event: disabled ? "user_disabled" : "user_enabled",
    userId,
    login: user.login,
    origin,
  });
  if (!disabled) return { found: true, revocations: [] };
  return { found: true, revocations: yield* withdraw(user, "user_disabled", input) };
}

export function* deleteUser(
  input: Ending & ForeignTokens & { readonly userId: string },
): Transaction<{ readonly found: boolean; readonly revocations: readonly Revocation[] }> {
  const { userId, now, origin } = input;
  const row = yield* first(`delete from ampho_users where id = ? returning ${userColumns}`, [userId]);
  if (!row) return { found: false, revocations: [] };
  const user = userOf(row);
  yield* recordAudit({ at: now, event: "user_removed", userId, login: user.login, origin });
  return { found: true, revocations: yield* withdraw(user, "user_removed", input) };
}

/** Ends the user's sessions and refuses all other tokens that name the user. */
function* withdraw(
  user: User,
  reason: "user_disabled" | "user_removed",
  input: Ending & ForeignTokens,
): Transaction<readonly Revocation[]> {
  const { id: userId, login } = user;
  const until = yield* untilOf({ ...input, userId });
  const sessions = yield* endOpenSessions({ ...input, userId, exceptSession: undefined, reason });
  return yield* writeRevocations([...sessions, { kind: "user", at: input.now, until, userId, login }]);
}

/** When the last token that names the user has expired, whoever made it. */
function* untilOf(input: Ending & ForeignTokens & { readonly userId: string }): Transaction<number> {
  const foreign = input.now + input.foreignMaxSeconds;
  return Math.max(foreign, yield* latestAccess(input.userId)) + leewayMaxSeconds;
}
