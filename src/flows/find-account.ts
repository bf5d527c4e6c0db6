// The account of a passkey, of an identity, or of a user whom the application vouches for.
import type { Origin } from "../audit/entry.js";
import type { User } from "../store/sql/users.js";
import { isStorableText } from "../store/storable-text.js";
import { type Account, toAccount } from "../users/directory.js";
import type { Deps } from "./deps.js";
import { wrongCredentials } from "./login-errors.js";

export async function findAccount({ store, directory, clock }: Deps, userId: string): Promise<Account | undefined> {
  if (!isStorableText(userId)) return undefined;
  // A table without findById gets the login of one of the user's sessions, or else the id itself.
  const [session] = directory.findsById ? [] : await store.listSessions({ userId, now: clock.now() });
  const account = await directory.findSessionUser({ userId, login: session?.login ?? userId });
  return account?.id === userId ? account : undefined;
}

/** `user`: the stored user, where there is one. Rejects with `invalid_credentials` for a user who was deleted or disabled. */
export async function requireAccount(
  deps: Deps,
  { user, userId }: { readonly user: User | undefined; readonly userId: string },
  origin: Origin,
): Promise<Account> {
  const account = user === undefined ? await findAccount(deps, userId) : toAccount(user);
  if (account !== undefined && !account.disabled) return account;
  const about = { reason: account === undefined ? "unknown" : "disabled", userId, login: account?.login, origin };
  await deps.store.recordAudit({ at: deps.clock.now(), event: "login_rejected", ...about });
  throw wrongCredentials();
}
