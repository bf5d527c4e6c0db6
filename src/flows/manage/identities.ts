// For operators and `ampho.identities`. Neither can link one, with which they could sign in as the user.
import { AmphoError } from "../../errors.js";
import { identityIdOf } from "../../store/sql/rows/identities.js";
import * as check from "./checks.js";
import { requireLogin, withoutSession } from "./factors.js";
import type { Management } from "./management.js";
import type { Manager } from "./manager.js";

export function manageIdentities(m: Manager): Management["identities"] {
  const { store, forUser } = m;
  return {
    list: forUser({}, async (userId) => {
      await requireLogin(m, userId);
      return (await store.listIdentities(userId)).map((identity) => {
        const { provider, issuer, subject, email = null, createdAt, usedAt = null } = identity;
        return { id: identityIdOf(identity), provider, issuer, subject, email, created: createdAt, used: usedAt };
      });
    }),
    remove: forUser({ target: check.identityTarget }, async (userId, { id, reason }) => {
      const operator = await withoutSession(m, userId, reason);
      const outcome = await store.unlinkIdentity({ ...operator, ways: undefined, id });
      if (outcome.outcome !== "done") throw new AmphoError("not_found", "The user has no such identity.");
    }),
  };
}
