// Accounts and sessions, found by what a request names: a user, a passkey, an identity, a transaction, a token.
import type { Origin } from "../../audit/entry.js";
import { AmphoError, transactionOver, unlessRejected } from "../../errors.js";
import type { LoginTransaction } from "../../factors/transactions.js";
import type { RoleRules } from "../../levels/policy.js";
import type { Session } from "../../store/sql/rows/session-rows.js";
import type { TokenSession } from "../../store/sql/rows/sessions.js";
import type { User } from "../../store/sql/rows/users.js";
import { isStorableText } from "../../store/storable-text.js";
import { notAccepted } from "../../tokens/credential.js";
import type { Account } from "../../users/directory.js";
import type { Deps } from "../deps.js";
import { wrongCredentials } from "./errors.js";

type FindDeps = Pick<Deps, "store" | "directory" | "clock">;

/** A table without findById gets the login of one of the user's sessions, or else the id itself. */
async function namedSession({ store, directory, clock }: FindDeps, userId: string) {
  const [session] = directory.findsById ? [] : await store.listSessions({ userId, now: clock.now() });
  return { userId, login: session?.login ?? userId };
}

/** `login`: one that the user had, for a table without findById whose user has no session under the present one. */
export async function findAccount(deps: FindDeps, userId: string, login?: string): Promise<Account | undefined> {
  if (!isStorableText(userId)) return undefined;
  const { directory } = deps;
  const account = await directory.findSessionUser(await namedSession(deps, userId));
  if (account?.id === userId) return account;
  const former = login === undefined || directory.findsById ? undefined : await directory.findByLogin(login);
  return former?.id === userId ? former : undefined;
}

/**
 * Read it before the check of a password. An application's own table has no password version. A new password moves the
 * version of the factors instead, which rejects a login or a change with the old one. Undefined for users of the
 * database. A frozen password counts as a wrong one, in the same time.
 */
export async function passwordStateOf({ store, directory }: Pick<Deps, "store" | "directory">, userId: string) {
  const { factorsVersion, frozen } = await store.listFactors(userId);
  return { factorsVersion: directory.anyUser === false ? factorsVersion : undefined, isFrozen: frozen !== undefined };
}

export const rulesOf = ({ settings }: Pick<Deps, "settings">, { roles }: Account): RoleRules => ({
  roles,
  rolePolicies: settings.factors,
});

/** Rejects with `invalid_credentials` for a user who was deleted or disabled. `user`: the row of the database. */
export async function requireAccount(
  deps: Deps,
  { user, userId }: { readonly user: User | undefined; readonly userId: string },
  origin: Origin,
): Promise<Account> {
  // An application that has moved its users to its own table can have old rows in the database.
  const found = await deps.directory.findOwner(await namedSession(deps, userId), user);
  const account = found?.id === userId ? found : undefined;
  if (account !== undefined && !account.disabled) return account;
  const audit = { reason: account === undefined ? "unknown" : "disabled", userId, login: account?.login, origin };
  await deps.store.recordAudit({ at: deps.clock.now(), event: "login_rejected", ...audit });
  throw wrongCredentials();
}

/** The account of a pending login. Rejects with `transaction_over` if it has changed or cannot sign in any more. */
export async function accountOf(
  { directory, store, clock }: Deps,
  { sub: userId, login, passwordVersion }: LoginTransaction,
  origin: Origin,
): Promise<Account> {
  const account = await directory.findSessionUser({ userId, login });
  const isSame = account?.id === userId && account.stored?.passwordVersion === passwordVersion;
  if (account !== undefined && isSame && !account.disabled) return account;
  const reason = account?.id !== userId ? "unknown" : account.disabled ? "disabled" : "password_changed";
  await store.recordAudit({ at: clock.now(), event: "login_rejected", reason, userId, origin });
  throw transactionOver();
}

/**
 * The session of an access token. Undefined for a bad or revoked one: a transaction of an ended session is over from
 * its beginning. The database decides whether the session is live. The token of a removed role still names its session.
 */
export function sessionIdOf(
  { tokens, revocations, clock }: Deps,
  bearer: string | undefined,
  userId?: string,
): string | undefined {
  if (bearer === undefined) return undefined;
  const claims = unlessRejected(() => tokens.verifySession(bearer, clock.now()));
  if (claims === undefined) return undefined;
  const { sub, sid } = claims;
  const revokedBy = revocations.find(claims);
  if (revokedBy !== undefined && revokedBy !== "roles") return undefined;
  return isStorableText(sid) && (userId ?? sub) === sub ? sid : undefined;
}

export function liveOf(deps: Deps, bearer: string | undefined, userId: string) {
  const sessionId = sessionIdOf(deps, bearer, userId);
  return sessionId === undefined ? undefined : { sessionId };
}

export interface LiveSession {
  readonly sessionId: string;
  readonly account: Account;
  /** The generation of the last login, step-up or change of the session. */
  readonly provedGen: number;
}

export const endedSession = () => new AmphoError("invalid_token", "The session has ended.");

/**
 * The live session of a token, and its user. Rejects with `invalid_token`, or `credential_not_accepted` without a
 * session. `orDeleted`: an account without `applicationUser` for a user whom the application's own table has deleted.
 */
export async function liveSession(
  { store, directory, clock }: Deps,
  sid: string | undefined,
  sub: string | undefined,
  { orDeleted = false } = {},
): Promise<LiveSession> {
  if (sid === undefined || sub === undefined || !isStorableText(sid) || !isStorableText(sub))
    throw notAccepted(["session"]);
  const found = await store.findSession({ id: sid, now: clock.now() });
  if (found === undefined || found.session.userId !== sub) throw endedSession();
  const account = await directory.findOwner(found.session, found.user);
  // A search by login does not find a user who was renamed.
  if (orDeleted && account === undefined && directory.canDeleteFirst)
    return { sessionId: sid, account: deletedAccount(found.session), provedGen: found.session.provedGen };
  if (account?.id !== sub || account.disabled) throw endedSession();
  return { sessionId: sid, account, provedGen: found.session.provedGen };
}

/** Rejects a copy of a token from before the last login, step-up or change of its session. */
export function requireNewest({ provedGen }: Pick<LiveSession, "provedGen">, gen: number): void {
  if (gen < provedGen) throw endedSession();
}

/** Before a table changes. Its function that found the user can take seconds, in which the session ends or goes on. */
export async function requireLive(
  { store, clock }: Pick<Deps, "store" | "clock">,
  { sessionId, gen }: TokenSession,
): Promise<void> {
  const found = await store.findSession({ id: sessionId, now: clock.now() });
  if (found === undefined) throw endedSession();
  requireNewest(found.session, gen);
}

const deletedAccount = ({ userId: id, login }: Session): Account => ({
  id,
  login,
  roles: [],
  rolesVersion: 0,
  disabled: false,
  stored: undefined,
  email: undefined,
  applicationUser: undefined,
});
