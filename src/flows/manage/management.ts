// What applications and operators do with users, sessions, keys and the audit log: `ampho.users`, `ampho.sessions` and
// the commands, by the same code. Each is bound to who does it, for the audit log.

import type { AuditRow, Origin } from "../../audit/entry.js";
import { AmphoError } from "../../errors.js";
import { canonicalLogin } from "../../logins/login-name.js";
import { isStorableText } from "../../store/storable-text.js";
import type { Lockout } from "../../throttle/attempt.js";
import { countHashFormats, type HashFormatCount } from "../../users/hash-formats.js";
import { type ImportOptions, type ImportReport, importUsers, type Lines } from "../../users/import.js";
import type { Deps } from "../deps.js";
import { type DeletedCounts, runHousekeepingNow } from "../housekeeping.js";
import type { SessionView } from "../sessions.js";
import * as sessions from "../sessions.js";
import {
  auditFilter,
  importOptions,
  isStorableArgument,
  newUser,
  requireTarget,
  roleChangeOf,
} from "./argument-rules.js";
import * as need from "./arguments.js";
import { clearLockouts, listLockouts } from "./lockouts.js";
import * as users from "./users.js";

export interface Management {
  /**
   * Users of the store, named by their logins. Rejects with `invalid_request` (a login that exists or may not be, a
   * password that breaks a rule, a role that may not be) and `not_found`; `not_found` for all where the application
   * keeps its own user table.
   */
  readonly users: {
    create(user: users.NewUser): Promise<users.UserView>;
    find(login: string): Promise<users.UserView | undefined>;
    /** All of them, in the order of their logins. */
    list(): AsyncIterable<users.UserView>;
    /** Ends the user's sessions; without a password the account has none afterwards. */
    setPassword(login: string, password: string | undefined): Promise<void>;
    /**
     * Users from JSON Lines (docs/importing.md), all of them or none. Lines come without their line ends: `linesOf` cuts
     * a stream into them. Rejects with `invalid_request` naming the first wrong line, and with what the lines throw.
     */
    import(lines: Lines, options?: ImportOptions): Promise<ImportReport>;
    /** How many users sit on which format of password hash, the most frequent first. */
    countHashFormats(): Promise<readonly HashFormatCount[]>;
    /** All roles, or what to add and to remove. A role taken away is refused everywhere within a second. */
    setRoles(login: string, roles: readonly string[] | users.RoleChange): Promise<users.UserView>;
    /** Ends the user's sessions; they cannot log in until `enable`. */
    disable(login: string): Promise<void>;
    enable(login: string): Promise<void>;
    remove(login: string): Promise<void>;
  };
  readonly sessions: {
    /** Live ones, the newest first. */
    list(userId: string): Promise<readonly Omit<SessionView, "current">[]>;
    /**
     * Whose sessions a login means: the id of the store's user, or of those with sessions under it where the application keeps
     * its own user table. Rejects with `not_found` when there is nobody.
     */
    findUserIds(login: string): Promise<readonly string[]>;
    /** False when there is no such live session. */
    end(sessionId: string): Promise<boolean>;
    /** How many were ended. */
    endForUser(userId: string): Promise<number>;
    /**
     * Ends the user's sessions, and refuses within a second everywhere all else that was issued for them until now: tokens
     * without a session, of other software with the key, that name them by `sub` or by `login`, whichever case it is in.
     * It stops no login: for an application's own user table, which has refused them first. Users of the store are
     * disabled or removed instead, which does the same. Rejects with `invalid_request` for what can be no id or login.
     */
    revokeForUser(user: { readonly id: string; readonly login: string }): Promise<void>;
    /** Every session of everybody. */
    endForEveryone(): Promise<void>;
  };
  readonly keys: {
    /** A stolen key: all that it signed is refused within a second in every process, for good. */
    revoke(kid: string): Promise<void>;
    /** Records that a stage of a rotation did not wait (docs/keys.md), and when: Unix seconds. `kids`: the keys it is about. */
    recordForced(stage: "activate" | "retire", kids: readonly string[], reason: string): Promise<number>;
  };
  /** Attempts that are held back (docs/throttling.md). Looking and clearing are both recorded. */
  readonly throttle: {
    /** Those that have to wait longest first; at most `limit` (1000). */
    list(options?: { readonly limit?: number }): Promise<readonly Lockout[]>;
    /**
     * Forgets the failures of one login (of an account that exists), of one address and its network, or all of them;
     * how many counts there were. Rejects with `invalid_request` for what is no address.
     */
    clear(what: { readonly login: string } | { readonly address: string } | { readonly all: true }): Promise<number>;
  };
  readonly housekeeping: {
    /**
     * Removes now what the background would remove, and tells how many rows of each kind; `onWait` is called when another
     * process is at it, which this one then waits for.
     */
    run(options?: { readonly onWait?: () => void }): Promise<DeletedCounts>;
  };
  readonly audit: {
    /** The newest rows, in the order in which they were written; `since` in Unix seconds. */
    list(filter: {
      readonly login?: string | undefined;
      readonly since?: number | undefined;
      readonly limit?: number | undefined;
    }): Promise<readonly AuditRow[]>;
  };
}

/** All but the tokens: whoever manages needs no key. */
export type ManagementDeps = Omit<Deps, "tokens" | "deviceProofs" | "throttle">;

export function createManagement(deps: ManagementDeps, origin: Origin): Management {
  const { store, directory, revocations, clock } = deps;
  const reason = origin.actor === "operator" ? "ended_by_operator" : "ended_by_application";

  function requireOwnTable(): void {
    if (!directory.inDatabase) throw new AmphoError("not_found", "The application keeps its own user table.");
  }

  return {
    users: {
      async create(user) {
        requireOwnTable();
        need.requireMembers("user", user, newUser);
        return users.createUser(deps, user, origin);
      },
      async find(login) {
        requireOwnTable();
        need.requireArgument("login", login, need.text);
        return users.findUser(deps, login);
      },
      list() {
        requireOwnTable();
        return users.listUsers(deps);
      },
      async setPassword(login, password) {
        requireOwnTable();
        need.requireArgument("login", login, need.text);
        need.requireArgument("password", password, need.optional(need.text));
        await users.setPassword(deps, login, password, origin);
      },
      async import(lines, options = {}) {
        requireOwnTable();
        need.requireMembers("options", options, importOptions);
        return importUsers(deps, lines, options, origin);
      },
      async countHashFormats() {
        requireOwnTable();
        return countHashFormats(deps);
      },
      async setRoles(login, roles) {
        requireOwnTable();
        need.requireArgument("login", login, need.text);
        return users.setRoles(deps, login, roleChangeOf(roles), origin);
      },
      async disable(login) {
        requireOwnTable();
        need.requireArgument("login", login, need.text);
        await users.setDisabled(deps, login, true, origin);
      },
      async enable(login) {
        requireOwnTable();
        need.requireArgument("login", login, need.text);
        await users.setDisabled(deps, login, false, origin);
      },
      async remove(login) {
        requireOwnTable();
        need.requireArgument("login", login, need.text);
        await users.deleteUser(deps, login, origin);
      },
    },
    sessions: {
      async list(userId) {
        if (!isStorableArgument("userId", userId)) return [];
        const found = await store.listSessions({ userId, now: clock.now() });
        return found.map(sessions.toSessionView);
      },
      async findUserIds(login) {
        const canBe = isStorableArgument("login", login);
        if (directory.inDatabase) return [(await users.requireUser(deps, login)).id];
        const found = canBe ? await store.findSessionUsers({ login, canonical: canonicalLogin(login) }) : [];
        if (found.length > 0) return found;
        throw new AmphoError("not_found", "Nobody has a session under this login.");
      },
      async end(sessionId) {
        if (!isStorableArgument("sessionId", sessionId)) return false;
        return sessions.endSession(deps, { id: sessionId, reason, origin });
      },
      async endForUser(userId) {
        if (!isStorableArgument("userId", userId)) return 0;
        return sessions.endUserSessions(deps, { userId, reason, origin });
      },
      async revokeForUser(user) {
        // A row of the table will do, whatever else is in it: no member is optional, and so none is misspelt unseen.
        need.requireArgument("user", user, need.object);
        const { id, login } = user;
        need.requireArgument("user.id", id, need.name);
        need.requireArgument("user.login", login, need.name);
        await sessions.revokeUserTokens(deps, { userId: id, login, reason, origin });
      },
      endForEveryone: () => sessions.endAllSessions(deps, origin),
    },
    keys: {
      async revoke(kid) {
        if (!isStorableArgument("kid", kid)) throw new AmphoError("invalid_request", "No key has such a kid.");
        revocations.add(await store.revokeKey({ kid, now: clock.now(), origin }));
      },
      async recordForced(stage, kids, reason) {
        const at = clock.now();
        await store.recordAudit({ at, event: "key_stage_forced", reason, origin, detail: { stage, kids } });
        return at;
      },
    },
    throttle: {
      async list(options = {}) {
        need.requireMembers("options", options, { limit: need.optional(need.count) });
        return listLockouts(deps, options.limit ?? 1000, origin);
      },
      async clear(what) {
        requireTarget(what);
        if ("login" in what && !isStorableText(what.login)) return 0;
        return clearLockouts(deps, what, origin);
      },
    },
    housekeeping: {
      run: ({ onWait } = {}) => runHousekeepingNow(deps, onWait),
    },
    audit: {
      async list(filter) {
        need.requireMembers("filter", filter, auditFilter);
        const { login, since, limit = 100 } = filter;
        if (login !== undefined && !isStorableText(login)) return [];
        // Rows say a login as its user does; those of a removed user are found by that spelling only.
        const user =
          login !== undefined && directory.inDatabase ? await store.findUser(canonicalLogin(login)) : undefined;
        return store.listAudit({ login: user?.login ?? login, since, limit });
      },
    },
  };
}
