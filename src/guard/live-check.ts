// Who a token speaks for by the store of now (`live` of contract §6).

import type { Configuration } from "../config/configuration.js";
import { AmphoError } from "../errors.js";
import type { Deps } from "../flows/deps.js";
import { canonicalLogin } from "../logins/login-name.js";
import { isStorableText } from "../store/storable-text.js";
import type { AccessToken } from "../tokens/access-tokens.js";
import type { Auth } from "../tokens/auth.js";
import { accountOf } from "../users/directory.js";
import { scopesOf } from "../users/roles.js";

/** One query: the session is live, the user enabled, roles and scopes are those of now. Rejects with `invalid_token`. */
export async function checkLive(
  deps: Pick<Deps, "store" | "directory" | "clock"> & { readonly settings: Pick<Configuration, "scopes"> },
  { auth, claims }: AccessToken,
): Promise<Auth> {
  const { store, directory, settings, clock } = deps;
  const gone = () => new AmphoError("invalid_token", "The session has ended.");
  if (!isStorableText(claims.sid ?? claims.login)) throw gone();
  let account: Awaited<ReturnType<typeof directory.findByLogin>>;
  if (claims.sid !== undefined) {
    const found = await store.findSession({ id: claims.sid, now: clock.now() });
    if (found === undefined || found.session.userId !== claims.sub) throw gone();
    if (directory.stored) account = found.user === undefined ? undefined : accountOf(found.user);
    else account = await directory.findSessionUser(found.session);
    if (account?.id !== found.session.userId) throw gone();
  } else {
    account = await directory.findByLogin(claims.login);
    if (account !== undefined && canonicalLogin(account.login) !== canonicalLogin(claims.login)) throw gone();
  }
  if (account === undefined || account.disabled) throw gone();
  const roles = Object.freeze([...account.roles]);
  return Object.freeze({ ...auth, roles, scopes: Object.freeze([...scopesOf(roles, settings)]) });
}
