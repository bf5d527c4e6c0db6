// Login: a password for a session (contract §4, POST /login), and a fresh login for a session that is live.

import { canonicalLogin } from "../logins/login-name.js";
import { needsRehash } from "../passwords/hash.js";
import { randomId } from "../crypto/random.js";
import { AmphoError } from "../errors.js";
import type { CreateSessionOutcome, Guess, Origin } from "../store/store.js";
import { requireArgument, text } from "./manage/arguments.js";
import { proves } from "../factors/device-proofs.js";
import { type Account, accountOf, answerableAtOnce, type Verdict } from "../users/directory.js";
import type { Caller, Grant, LoginInput } from "./flows.js";
import { isNameable } from "../store/storable-text.js";
import type { Parts } from "./deps.js";
import { endReplaced } from "./superseded-session.js";

/** Without a password nothing is looked at, whoever is meant. */
const none: Verdict = { good: false, answerable: answerableAtOnce };
const unknown = () => new AmphoError("not_found", "There is no user with this id.");
const unanswered = () =>
  new AmphoError(
    "not_found",
    "users.find answers nobody with this id, by which it is asked for a user without sessions where there is no users.findById.",
  );
const refused = () => new AmphoError("invalid_credentials", "The login or the password is wrong.");

/** Throws `invalid_credentials`, `too_many_attempts`, `overloaded`, `unavailable`. */
export async function login(parts: Parts, input: LoginInput, caller: Caller): Promise<Grant> {
  const { directory, tokens, devices, throttle, clock } = parts;
  const { password } = input;
  tokens.requireSigningKey();
  const origin: Origin = { actor: "user", ...caller };
  const proof = devices.read(input.device, clock.now());
  // Without a proof the account is looked up last: a flood that is refused asks no table for anybody.
  const named = proof === undefined ? undefined : await directory.find(input.login);
  const known = proof !== undefined && proves(proof, named) ? proof : undefined;
  const admission = await throttle.admitLogin({ canonical: canonicalLogin(input.login), known, origin });
  const { account, good, answerable } = await admission.check(async () => {
    const account = named ?? (await directory.find(input.login));
    if (account !== undefined) await admission.meant(canonicalLogin(account.login));
    const verdict = password === undefined ? none : await directory.verify(account, password, admission.turn);
    return { account, ...verdict };
  });
  if (!good || account === undefined) {
    const about = { reason: reasonOf(account, password), userId: account?.id, login: account?.login };
    await admission.failed({ at: clock.now(), event: "login_refused", ...about, origin }, account?.login);
    await answerable();
    throw refused();
  }
  if (password !== undefined) {
    // Where passwords are waiting, nobody waits for a second one. Asked before: its own may wait for a thread that rests.
    const { waiting } = parts.passwords.stats();
    const rehashing = rehash(parts, account, password, origin);
    if (waiting === 0) await rehashing;
  }
  const now = clock.now();
  const live = liveSessionOf(parts, account, input.bearer);
  const outcome = await openSession(parts, account, { origin, now, live, guess: admission.right(account.id) });
  if (outcome.outcome === "refused") throw refused();
  const granted = await grant(parts, outcome, account, { now, deviceId: admission.deviceId });
  if (input.replaced !== undefined) await endReplaced(parts, input.replaced, { granted: outcome.session.id, origin });
  return granted;
}

type Created = Extract<CreateSessionOutcome, { readonly outcome: "created" }>;

async function grant(
  parts: Parts,
  created: Created,
  account: Account,
  { now, deviceId }: { readonly now: number; readonly deviceId: string | undefined },
): Promise<Grant> {
  const { tokens, devices, revocations } = parts;
  revocations.add(created.revocations);
  const user = created.user === undefined ? account : accountOf(created.user);
  const granted = await tokens.grant(created.session, user, { refresh: true, now });
  return { ...granted, device: devices.issue(user, deviceId, now) };
}

/**
 * Opens a session for somebody whom the application has authenticated by itself (`sessions.create`).
 * Throws `invalid_request` for what is no text, `not_found` for an unknown user, `invalid_credentials` for one who is disabled.
 */
export async function createSession(parts: Parts, userId: string): Promise<Grant> {
  requireArgument("userId", userId, text);
  parts.tokens.requireSigningKey();
  const account = await accountById(parts, userId);
  const gone = () => new AmphoError("invalid_credentials", "The user is disabled or removed.");
  if (account.disabled) throw gone();
  const now = parts.clock.now();
  const outcome = await openSession(parts, account, { origin: { actor: "application" }, now });
  if (outcome.outcome === "refused") throw gone();
  return grant(parts, outcome, account, { now, deviceId: undefined });
}

async function accountById({ store, directory, clock }: Parts, userId: string): Promise<Account> {
  if (!isNameable(userId)) throw unknown();
  // A table that is asked by login alone gets that of a session which this user has, else the id itself.
  const [session] = directory.findsById ? [] : await store.listSessions({ userId, now: clock.now() });
  const account = await directory.findHolder({ userId, login: session?.login ?? userId });
  if (account?.id === userId) return account;
  throw directory.findsById ? unknown() : unanswered();
}

async function openSession(
  { store, settings }: Parts,
  account: Account,
  {
    origin,
    now,
    live,
    guess,
  }: {
    readonly origin: Origin;
    readonly now: number;
    readonly live?: string | undefined;
    readonly guess?: Guess;
  },
): Promise<CreateSessionOutcome> {
  const common = {
    userId: account.id,
    login: account.login,
    now,
    accessTtlSeconds: settings.tokenTtlSeconds,
    idleSeconds: settings.sessionIdleSeconds,
    origin,
    guess,
    // Between the check of the password and this row another request may have changed it, or disabled the user.
    stored: account.stored === undefined ? (false as const) : { passwordVersion: account.stored.passwordVersion },
  };
  if (live !== undefined) {
    const outcome = await store.reauthenticate({ ...common, sessionId: live });
    if (outcome.outcome === "created") return outcome;
  }
  return store.createSession({
    ...common,
    event: "login",
    random: randomId(),
    maxSeconds: settings.sessionMaxSeconds,
    sessionsMax: settings.sessionsMax,
  });
}

/** The session of a bearer token that came with the login, if it is this user's; whether it is live the store says. */
function liveSessionOf(parts: Parts, account: Account, bearer: string | undefined): string | undefined {
  if (bearer === undefined) return undefined;
  try {
    const { claims } = parts.tokens.verifyAccess(bearer, parts.clock.now());
    const { sub, sid } = claims;
    return sub === account.id && sid !== undefined && isNameable(sid) ? sid : undefined;
  } catch (error) {
    // A token that is stale or not ours stops no login: it opens a session of its own.
    if (error instanceof AmphoError) return undefined;
    throw error;
  }
}

/** A right password is the one chance to bring its hash up to today's parameters; failing at it stops no login. */
async function rehash(parts: Parts, account: Account, password: string, origin: Origin): Promise<void> {
  const from = account.stored?.passwordHash;
  if (from === undefined || from === null || !needsRehash(from)) return;
  try {
    const to = await parts.passwords.hash(password, { fairnessKey: account.id });
    await parts.store.rehashPassword({ userId: account.id, from, to, now: parts.clock.now(), origin });
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
