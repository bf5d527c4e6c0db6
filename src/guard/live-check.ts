// Who a token speaks for by the store of now (`strict` of contract §6).
import { canonicalLogin } from "../logins/login-name.js";
import { AmphoError } from "../errors.js";
import type { AccessToken } from "../tokens/access-tokens.js";
import type { Auth } from "../tokens/auth.js";
import { accountOf } from "../users/directory.js";
import { isNameable } from "../store/storable-text.js";
import type { Parts } from "../flows/deps.js";
import { type Settings, scopesOf } from "../config/settings.js";

/** One query: the session is live, the user enabled, roles and scopes are those of now. Rejects with `invalid_token`. */
export async function presentAuth(
  parts: Pick<Parts, "store" | "directory" | "clock"> & { readonly settings: Pick<Settings, "scopes"> },
  { auth, claims }: AccessToken,
): Promise<Auth> {
  const { store, directory, settings, clock } = parts;
  const gone = () => new AmphoError("invalid_token", "The session has ended.");
  if (!isNameable(claims.sid ?? claims.login)) throw gone();
  let account: Awaited<ReturnType<typeof directory.find>>;
  if (claims.sid !== undefined) {
    const found = await store.findSession({ id: claims.sid, now: clock.now() });
    if (found === undefined || found.session.userId !== claims.sub) throw gone();
    if (directory.stored) account = found.user === undefined ? undefined : accountOf(found.user);
    else account = await directory.findHolder(found.session);
    if (account?.id !== found.session.userId) throw gone();
  } else {
    account = await directory.find(claims.login);
    if (account !== undefined && canonicalLogin(account.login) !== canonicalLogin(claims.login)) throw gone();
  }
  if (account === undefined || account.disabled) throw gone();
  const roles = Object.freeze([...account.roles]);
  return Object.freeze({ ...auth, roles, scopes: Object.freeze([...scopesOf(roles, settings)]) });
}
