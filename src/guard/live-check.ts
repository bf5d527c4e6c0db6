// The check of `live` requirements (docs/reference/contract.md §6): rows of the database decide about a valid token.
import type { Clock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import { AmphoError } from "../errors.js";
import { goesOnUnder, policyFor, policyOf } from "../levels/policy.js";
import { scopesOf } from "../levels/scopes.js";
import { canonicalLogin } from "../logins/login-name.js";
import { isStorableText } from "../store/storable-text.js";
import type { Store } from "../store/store.js";
import type { AccessToken } from "../tokens/access-tokens.js";
import type { Auth } from "../tokens/auth.js";
import type { Account, Directory } from "../users/directory.js";

export interface LiveCheckDeps {
  readonly store: Pick<Store, "findSession" | "findConnection" | "findService" | "listFactors">;
  readonly directory: Directory;
  readonly settings: Pick<Configuration, "scopes" | "factors">;
  readonly clock: Pick<Clock, "now">;
}

const ended = () => new AmphoError("invalid_token", "The session has ended.");

/**
 * Returns the token's Auth with the user's current roles and scopes. One query: the session's row comes with its user.
 * A token without `sid` is checked by its login. A delegated token has what the token and the user both have, and that
 * of a service what the token and the service have. Rejects with `invalid_token`, or `unavailable`.
 */
export async function checkLive(deps: LiveCheckDeps, { auth, claims }: AccessToken): Promise<Auth> {
  if (claims === undefined) throw ended();
  const { sid, sub, login } = claims;
  if (!isStorableText(sid ?? login)) throw ended();
  if (auth.credential === "service") {
    const service = sub === undefined || !isStorableText(sub) ? undefined : await deps.store.findService(sub);
    if (service === undefined || service.id !== sub || service.disabled) throw ended();
    return withScopes(auth, service.scopes);
  }
  const account =
    sid === undefined
      ? await accountOfLogin(deps, login)
      : ((await accountOfSession(deps, sid, sub)) ??
        (auth.credential === "delegated" ? await accountOfConnection(deps, sid, sub) : undefined));
  if (account === undefined || account.disabled) throw ended();
  const scopes = scopesOf(account.roles, deps.settings.scopes);
  if (auth.credential === "delegated") return withScopes(auth, scopes);
  return Object.freeze({ ...auth, roles: Object.freeze([...account.roles]), scopes: Object.freeze([...scopes]) });
}

const withScopes = (auth: Auth, present: readonly string[]): Auth =>
  Object.freeze({ ...auth, scopes: Object.freeze(auth.scopes.filter((one) => present.includes(one))) });

async function accountOfSession(
  { store, directory, settings, clock }: LiveCheckDeps,
  id: string,
  sub: string | undefined,
): Promise<Account | undefined> {
  const found = await store.findSession({ id, now: clock.now() });
  if (found === undefined || found.session.userId !== sub) return undefined;
  const account = await directory.findOwner(found.session, found.user);
  if (account?.id !== sub) return undefined;
  return (await isStillEnough({ store, settings }, account, found.session)) ? account : undefined;
}

/** Only the application knows that its table has given a role, which ends no session before its renewal. */
async function isStillEnough(
  { store, settings }: Pick<LiveCheckDeps, "store" | "settings">,
  account: Account,
  level: Parameters<typeof goesOnUnder>[0],
): Promise<boolean> {
  const ofRoles = policyOf(account.roles, settings.factors);
  if (account.stored !== undefined || goesOnUnder(level, ofRoles)) return true;
  return goesOnUnder(level, policyFor(await store.listFactors(account.id), ofRoles));
}

async function accountOfConnection(
  { store, directory, settings, clock }: LiveCheckDeps,
  id: string,
  sub: string | undefined,
): Promise<Account | undefined> {
  const found = await store.findConnection({ id, now: clock.now() });
  if (found === undefined || found.connection.userId !== sub) return undefined;
  const { connection } = found;
  const account = await directory.findOwner(connection, found.user);
  if (account?.id !== sub) return undefined;
  return (await isStillEnough({ store, settings }, account, connection)) ? account : undefined;
}

/** The application's own table can find a user by another spelling, whom the token does not name. */
async function accountOfLogin({ directory }: LiveCheckDeps, login: string): Promise<Account | undefined> {
  const account = await directory.findByLogin(login);
  return account !== undefined && canonicalLogin(account.login) === canonicalLogin(login) ? account : undefined;
}
