// Login (docs/contract.md §4, POST /login): a right password opens a session, or re-authenticates the live session of a
// bearer token.

import type { Origin } from "../audit/entry.js";
import { randomId } from "../crypto/random.js";
import { AmphoError } from "../errors.js";
import { isProofOf } from "../factors/device-proofs.js";
import { canonicalLogin } from "../logins/login-name.js";
import { needsRehash } from "../passwords/hash.js";
import type { Grant } from "../sessions/session-tokens.js";
import type { SessionOutcome } from "../store/sql/sessions.js";
import { isStorableText } from "../store/storable-text.js";
import type { Attempt } from "../throttle/attempt.js";
import { type Account, type PasswordCheck, rejectNow, toAccount } from "../users/directory.js";
import type { Caller, Deps } from "./deps.js";
import { requireArgument, text } from "./manage/arguments.js";
import { endSupersededSession, type SupersededTokens } from "./superseded-session.js";

export interface LoginInput {
  readonly login: string;
  readonly password: string | undefined;
  /** The token of a live session of the same user, which is then re-authenticated. */
  readonly bearer: string | undefined;
  /** The proof that this user has logged in on this device before. An invalid proof is ignored. */
  readonly device: string | undefined;
  /** The tokens that the client overwrites with the new ones. Their session ends if it is another. */
  readonly superseded?: SupersededTokens;
}

/** A login without a password is rejected without a check, for every account. */
const none: PasswordCheck = { good: false, waitToReject: rejectNow };
const unknown = () => new AmphoError("not_found", "There is no user with this id.");
const notFoundByLogin = () =>
  new AmphoError(
    "not_found",
    "There is no user with this id. Without users.findById, users.find gets the id of a user without sessions and found no such user.",
  );
const rejected = () => new AmphoError("invalid_credentials", "The login or the password is wrong.");

/** Rejects with `invalid_credentials`, `too_many_attempts`, `overloaded` or `unavailable`. */
export async function login(deps: Deps, input: LoginInput, caller: Caller): Promise<Grant> {
  const { directory, tokens, deviceProofs, throttle, clock } = deps;
  const { password } = input;
  tokens.requireSigningKey();
  const origin: Origin = { actor: "user", ...caller };
  const proof = deviceProofs.read(input.device, clock.now());
  // Without a proof the throttle comes before the lookup, so a throttled flood causes no lookups.
  const named = proof === undefined ? undefined : await directory.findByLogin(input.login);
  const known = proof !== undefined && named !== undefined && isProofOf(proof, named) ? proof : undefined;
  const admission = await throttle.allowLogin({ canonical: canonicalLogin(input.login), known, origin });
  const { account, good, waitToReject } = await admission.run(async () => {
    const account = named ?? (await directory.findByLogin(input.login));
    if (account !== undefined) await admission.allowAccount(canonicalLogin(account.login));
    const check = password === undefined ? none : await directory.verify(account, password, admission.turn);
    return { account, ...check };
  });
  if (!good || account === undefined) {
    const about = { reason: reasonOf(account, password), userId: account?.id, login: account?.login };
    await admission.failed({ at: clock.now(), event: "login_rejected", ...about, origin }, account?.login);
    await waitToReject();
    throw rejected();
  }
  if (password !== undefined) {
    // If other passwords wait for a thread, this login does not wait for its second hash. Read before that hash is
    // queued.
    const { waiting } = deps.passwords.stats();
    const rehashing = rehash(deps, account, password, origin);
    if (waiting === 0) await rehashing;
  }
  const now = clock.now();
  const live = liveSessionOf(deps, account, input.bearer);
  const outcome = await openSession(deps, account, { origin, now, live, attempt: admission.asSucceeded(account.id) });
  if (outcome.outcome === "rejected") throw rejected();
  const granted = await grant(deps, outcome, account, { now, deviceId: admission.deviceId });
  if (input.superseded !== undefined)
    await endSupersededSession(deps, input.superseded, { granted: outcome.session.id, origin });
  return granted;
}

type Created = Extract<SessionOutcome, { readonly outcome: "created" }>;

async function grant(
  deps: Deps,
  created: Created,
  account: Account,
  { now, deviceId }: { readonly now: number; readonly deviceId: string | undefined },
): Promise<Grant> {
  const { tokens, deviceProofs, revocations } = deps;
  revocations.add(created.revocations);
  const user = created.user === undefined ? account : toAccount(created.user);
  const granted = await tokens.grant(created.session, user, { refresh: true, now });
  return { ...granted, device: deviceProofs.issue(user, deviceId, now) };
}

/**
 * Opens a session for a user whom the application has authenticated itself (`sessions.create`). Rejects with
 * `invalid_request` unless the id is a string, `not_found` for an unknown user, `invalid_credentials` for a disabled
 * one.
 */
export async function createSession(deps: Deps, userId: string): Promise<Grant> {
  requireArgument("userId", userId, text);
  deps.tokens.requireSigningKey();
  const account = await accountById(deps, userId);
  const gone = () => new AmphoError("invalid_credentials", "The user is disabled or deleted.");
  if (account.disabled) throw gone();
  const now = deps.clock.now();
  const outcome = await openSession(deps, account, { origin: { actor: "application" }, now });
  if (outcome.outcome === "rejected") throw gone();
  return grant(deps, outcome, account, { now, deviceId: undefined });
}

async function accountById({ store, directory, clock }: Deps, userId: string): Promise<Account> {
  if (!isStorableText(userId)) throw unknown();
  // A table without findById gets the login of one of the user's sessions, or else the id itself.
  const [session] = directory.findsById ? [] : await store.listSessions({ userId, now: clock.now() });
  const account = await directory.findSessionUser({ userId, login: session?.login ?? userId });
  if (account?.id === userId) return account;
  throw directory.findsById ? unknown() : notFoundByLogin();
}

async function openSession(
  { store, settings }: Deps,
  account: Account,
  {
    origin,
    now,
    live,
    attempt,
  }: {
    readonly origin: Origin;
    readonly now: number;
    readonly live?: string | undefined;
    readonly attempt?: Attempt;
  },
): Promise<SessionOutcome> {
  const common = {
    userId: account.id,
    login: account.login,
    now,
    accessTtlSeconds: settings.tokenTtl,
    idleSeconds: settings.sessionIdleTtl,
    origin,
    attempt,
    // Since the check of the password another request can have changed it, or disabled the user.
    stored: account.stored === undefined ? (false as const) : { passwordVersion: account.stored.passwordVersion },
  };
  if (live !== undefined) {
    const outcome = await store.reauthenticate({ ...common, sessionId: live });
    if (outcome.outcome === "created") return outcome;
  }
  return store.createSession({
    ...common,
    random: randomId(),
    maxSeconds: settings.sessionTtl,
    sessionsPerUser: settings.sessionsPerUser,
  });
}

/**
 * Returns the session of the login's bearer token, if it belongs to this user. The database decides whether it is live.
 */
function liveSessionOf(deps: Deps, account: Account, bearer: string | undefined): string | undefined {
  if (bearer === undefined) return undefined;
  try {
    const { claims } = deps.tokens.verifyAccess(bearer, deps.clock.now());
    const { sub, sid } = claims;
    return sub === account.id && sid !== undefined && isStorableText(sid) ? sid : undefined;
  } catch (error) {
    // A login with a bad token opens a new session.
    if (error instanceof AmphoError) return undefined;
    throw error;
  }
}

/** Replaces an old hash, which needs the right password. A failure does not affect the login. */
async function rehash(deps: Deps, account: Account, password: string, origin: Origin): Promise<void> {
  const from = account.stored?.passwordHash;
  if (from === undefined || from === null || !needsRehash(from)) return;
  try {
    const to = await deps.passwords.hash(password, { fairnessKey: account.id });
    await deps.store.rehashPassword({ userId: account.id, from, to, now: deps.clock.now(), origin });
  } catch {
    // Overloaded, or the database is unreachable. The next login replaces the hash.
  }
}

function reasonOf(account: Account | undefined, password: string | undefined): string {
  if (account === undefined) return "unknown_login";
  if (account.disabled) return "disabled";
  if (password === undefined) return "no_password_given";
  return account.stored !== undefined && account.stored.passwordHash === null ? "no_password_set" : "wrong_password";
}
