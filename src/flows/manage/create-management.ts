// `ampho.users`, `ampho.sessions` and the like, and what the commands call.
import { AmphoError, invalidRequest } from "../../errors.js";
import { canonicalLogin } from "../../logins/login-name.js";
import { isStorableName, isStorableText } from "../../store/storable-text.js";
import type { Store } from "../../store/store.js";
import { findStoredUser } from "../../users/database-directory.js";
import { toSessionView } from "../account/sessions.js";
import { endSession, endUserSessions } from "../gate/end-sessions.js";
import { runHousekeepingNow } from "../housekeeping.js";
import { manageApiKeys } from "./api-keys.js";
import * as check from "./checks.js";
import { manageConnections } from "./connections.js";
import { manageFactors, requireLogin } from "./factors.js";
import { manageIdentities } from "./identities.js";
import { manageLockouts } from "./lockouts.js";
import { manageMail } from "./mail.js";
import type { Management, UserRef } from "./management.js";
import { createManager, requireUser, toRef } from "./manager.js";
import { manageServices } from "./services.js";
import { readSigningKeyUse } from "./signing-key-use.js";
import { manageUsers } from "./users.js";

export function createManagement(...given: Parameters<typeof createManager>): Management {
  const m = createManager(...given);
  const { store, directory, clock, settings, origin, reason, idOf } = m;
  const ofUser = { user: check.user("id") };

  /** No session has an id of a user that no row can contain. */
  const sessionsOf = async <T>(ref: string | UserRef, none: T, run: (userId: string) => Promise<T>): Promise<T> => {
    const named = toRef(ref, "id");
    return "id" in named && !isStorableText(named.id) ? none : run(await idOf(named));
  };
  return {
    users: manageUsers(m),
    sessions: {
      list: check.checked(ofUser, (ref) =>
        sessionsOf(ref, [], async (userId) => {
          const live = await store.listSessions({ userId, now: clock.now() });
          return live.map(toSessionView);
        }),
      ),
      findUserIds: check.checked({ login: check.string }, async (login) => {
        const user = await directory.fromRows(() => requireUser(m, { login }));
        if (user !== undefined) return [user.id];
        const found = isStorableText(login) ? await sessionUsersOf(store, login) : [];
        if (found.length > 0) return found;
        throw new AmphoError("not_found", "No user has a session under this login.");
      }),
      end: check.checked({ sessionId: check.string }, async (id) =>
        isStorableText(id) ? endSession(m, { id, reason, origin }) : false,
      ),
      endForUser: check.checked(ofUser, (ref) =>
        sessionsOf(
          ref,
          0,
          async (userId) => (await endUserSessions(m, { userId, change: "sessions_ended", reason, origin })) ?? 0,
        ),
      ),
      // A row of the application's table has further members. No member is optional, so none can be misspelt unnoticed.
      revokeForUser: check.checked({ user: check.object }, async ({ id, login }) => {
        check.name("id", id, "user.id");
        check.name("login", login, "user.login");
        const { tokenForeignTtl: foreignMaxSeconds } = settings;
        const user = { userId: id, login, reason, origin };
        await store.revokeUserTokens({ ...user, now: clock.now(), foreignMaxSeconds });
      }),
      endForEveryone: check.checked({ options: check.endOptions }, async ({ apiKeys = false } = {}) => {
        const { tokenTtl: accessTtlSeconds, tokenForeignTtl: foreignMaxSeconds } = settings;
        const ending = { now: clock.now(), origin, accessTtlSeconds, foreignMaxSeconds, apiKeys };
        await store.endAllSessions(ending);
      }),
    },
    apiKeys: manageApiKeys(m),
    connections: manageConnections(m),
    services: manageServices(m),
    factors: manageFactors(m),
    identities: manageIdentities(m),
    devices: {
      forget: m.forUser({}, async (userId) => {
        await store.forgetDevices({ userId, login: await requireLogin(m, userId), now: clock.now(), origin });
      }),
    },
    signingKeys: {
      readUse: () => readSigningKeyUse(store),
      revoke: check.checked({ kid: check.string }, async (kid) => {
        if (!isStorableName(kid)) throw invalidRequest("No key can have this kid.", "kid");
        await store.revokeSigningKey({ kid, now: clock.now(), origin });
      }),
      recordForced: check.checked(
        { stage: check.stage, kids: check.stringArray, reason: check.string },
        async (stage, kids, reason) => {
          const at = clock.now();
          await store.recordAudit({ at, event: "signing_key_stage_forced", reason, origin, detail: { stage, kids } });
          return at;
        },
      ),
    },
    throttle: manageLockouts(m),
    mail: manageMail(m),
    housekeeping: {
      run: check.checked({ options: check.housekeepingOptions }, (options) => runHousekeepingNow(m, options?.onWait)),
    },
    audit: {
      list: check.checked({ filter: check.auditFilter }, async ({ id, since, limit = 1000, ...filter } = {}) => {
        const login = id === undefined ? filter.login : await m.loginOf(id);
        if (login !== undefined && !isStorableText(login)) return [];
        // Entries have the login as its user spells it. Those of a deleted user are found by that spelling only.
        const user = login === undefined ? undefined : await directory.fromRows(() => findStoredUser(store, login));
        return store.listAudit({ login: user?.login ?? login, since, limit });
      }),
    },
  };
}

/** The users who have open sessions under a login. */
async function sessionUsersOf(store: Pick<Store, "findSessionUsers">, login: string): Promise<readonly string[]> {
  const found = [];
  for (let after: string | undefined; ; ) {
    const page = await store.findSessionUsers({ login, canonical: canonicalLogin(login), after });
    found.push(...page.users);
    if (page.next === undefined) break;
    after = page.next;
  }
  // Another user of an application's own table can have another spelling.
  const exact = found.filter((user) => user.login === login);
  return [...new Set((exact.length > 0 ? exact : found).map(({ userId }) => userId))];
}
