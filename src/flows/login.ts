// Login: a password for a session (contract §4, POST /login), and a fresh login for a session that is live.

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

/** Without a password nothing is looked at, whoever is meant. */
const none: PasswordCheck = { good: false, waitToReject: rejectNow };
const unknown = () => new AmphoError("not_found", "There is no user with this id.");
const unanswered = () =>
  new AmphoError(
    "not_found",
    "users.find answers nobody with this id, by which it is asked for a user without sessions where there is no users.findById.",
  );
const refused = () => new AmphoError("invalid_credentials", "The login or the password is wrong.");

/** Throws `invalid_credentials`, `too_many_attempts`, `overloaded`, `unavailable`. */
export async function login(deps: Deps, input: LoginInput, caller: Caller): Promise<Grant> {
  const { directory, tokens, deviceProofs, throttle, clock } = deps;
  const { password } = input;
  tokens.requireSigningKey();
  const origin: Origin = { actor: "user", ...caller };
  const proof = deviceProofs.read(input.device, clock.now());
  // Without a proof the account is looked up last: a flood that is refused asks no table for anybody.
  const named = proof === undefined ? undefined : await directory.findByLogin(input.login);
  const known = proof !== undefined && named !== undefined && isProofOf(proof, named) ? proof : undefined;
  const admission = await throttle.allowLogin({ canonical: canonicalLogin(input.login), known, origin });
  const { account, good, waitToReject } = await admission.run(async () => {
    const account = named ?? (await directory.findByLogin(input.login));
    if (account !== undefined) await admission.allowAccount(canonicalLogin(account.login));
    const verdict = password === undefined ? none : await directory.verify(account, password, admission.turn);
    return { account, ...verdict };
  });
  if (!good || account === undefined) {
    const about = { reason: reasonOf(account, password), userId: account?.id, login: account?.login };
    await admission.failed({ at: clock.now(), event: "login_rejected", ...about, origin }, account?.login);
    await waitToReject();
    throw refused();
  }
  if (password !== undefined) {
    // Where passwords are waiting, nobody waits for a second one. Asked before: its own may wait for a thread that rests.
    const { waiting } = deps.passwords.stats();
    const rehashing = rehash(deps, account, password, origin);
    if (waiting === 0) await rehashing;
  }
  const now = clock.now();
  const live = liveSessionOf(deps, account, input.bearer);
  const outcome = await openSession(deps, account, { origin, now, live, attempt: admission.asSucceeded(account.id) });
  if (outcome.outcome === "rejected") throw refused();
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
 * Opens a session for somebody whom the application has authenticated by itself (`sessions.create`).
 * Throws `invalid_request` for what is no text, `not_found` for an unknown user, `invalid_credentials` for one who is disabled.
 */
export async function createSession(deps: Deps, userId: string): Promise<Grant> {
  requireArgument("userId", userId, text);
  deps.tokens.requireSigningKey();
  const account = await accountById(deps, userId);
  const gone = () => new AmphoError("invalid_credentials", "The user is disabled or removed.");
  if (account.disabled) throw gone();
  const now = deps.clock.now();
  const outcome = await openSession(deps, account, { origin: { actor: "application" }, now });
  if (outcome.outcome === "rejected") throw gone();
  return grant(deps, outcome, account, { now, deviceId: undefined });
}

async function accountById({ store, directory, clock }: Deps, userId: string): Promise<Account> {
  if (!isStorableText(userId)) throw unknown();
  // A table that is asked by login alone gets that of a session which this user has, else the id itself.
  const [session] = directory.findsById ? [] : await store.listSessions({ userId, now: clock.now() });
  const account = await directory.findSessionUser({ userId, login: session?.login ?? userId });
  if (account?.id === userId) return account;
  throw directory.findsById ? unknown() : unanswered();
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
    // Between the check of the password and this row another request may have changed it, or disabled the user.
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

/** The session of a bearer token that came with the login, if it is this user's; whether it is live the store says. */
function liveSessionOf(deps: Deps, account: Account, bearer: string | undefined): string | undefined {
  if (bearer === undefined) return undefined;
  try {
    const { claims } = deps.tokens.verifyAccess(bearer, deps.clock.now());
    const { sub, sid } = claims;
    return sub === account.id && sid !== undefined && isStorableText(sid) ? sid : undefined;
  } catch (error) {
    // A token that is stale or not ours stops no login: it opens a session of its own.
    if (error instanceof AmphoError) return undefined;
    throw error;
  }
}

/** A right password is the one chance to bring its hash up to today's parameters; failing at it stops no login. */
async function rehash(deps: Deps, account: Account, password: string, origin: Origin): Promise<void> {
  const from = account.stored?.passwordHash;
  if (from === undefined || from === null || !needsRehash(from)) return;
  try {
    const to = await deps.passwords.hash(password, { fairnessKey: account.id });
    await deps.store.rehashPassword({ userId: account.id, from, to, now: deps.clock.now(), origin });
  } catch {
    // Overloaded, or the store is away: the next login tries again.
  }
}

function reasonOf(account: Account | undefined, password: string | undefined): string {
  if (account === undefined) return "unknown_login";
  if (account.disabled) return "disabled";
  if (password === undefined) return "no_password_given";
  return account.stored !== undefined && account.stored.passwordHash === null ? "no_password_set" : "wrong_password";
}
