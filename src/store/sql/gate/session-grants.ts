// The gate's transaction (docs/guides/second-factors.md). A user has proven something. The transaction decides with the
// rows of this moment whether it is enough, uses up what can be used once, and creates or raises the session. Nothing
// else writes sessions. On PostgreSQL transactions run side by side. All take their locks in one order, so that none
// wait for each other in a circle. First come a new identity, the user, the lock of the user's sessions, used login
// transactions and factors. Then come the sessions of the user from the newest to the oldest, counters of attempts, and
// the state. The file is long because this order must be read in one place.
import type { AuditEntry } from "../../../audit/entry.js";
import type { Acr } from "../../../levels/acr.js";
import { type Decision, decide } from "../../../levels/decide.js";
import type { FactorName } from "../../../levels/factors.js";
import { acrOf, withMfa } from "../../../levels/methods.js";
import { policyFor, presentPolicy, type RoleRules } from "../../../levels/policy.js";
import type { Attempt } from "../../../throttle/attempt.js";
import { advisoryLock, exists, type Transaction, write } from "../../transaction.js";
import { addFactor, isFactorTaken, type NewFactor, useUp } from "../account/factor-changes.js";
import { linkOf } from "../account/identity-changes.js";
import { provesFirst } from "../account/mailbox-changes.js";
import { settleBoth, settleWrongFactor } from "../attempts/attempts.js";
import { type GivenFactors, givenFactors, isGiven } from "../effects/added.js";
import { carryOut } from "../effects/changes.js";
import { noteMailCode } from "../effects/email-waits.js";
import { register, type UserRegistration } from "../effects/registrations.js";
import { endOldestSessions, endSuperseded } from "../effects/session-ends.js";
import { withFactors } from "../factors/account-factors.js";
import { writeCodes } from "../factors/recovery.js";
import { type FactorUse, rejectionOf } from "../factors/rows.js";
import { recordAudit } from "../rows/audit.js";
import { confirmByLogin } from "../rows/confirmations.js";
import {
  confirmIdentity,
  identityIdOf,
  identityLock,
  insertIdentity,
  isIdentityTaken,
  type ProvenIdentity,
  touchIdentity,
} from "../rows/identities.js";
import { insertLimitedMail, insertNotice, type MailDraft } from "../rows/mail-rows.js";
import { isStoring } from "../rows/own-passwords.js";
import { type NewRevocation, writeRevocations } from "../rows/revocations.js";
import type { Ending, ProvenLevel, Session, TokenTimes } from "../rows/session-rows.js";
import { insertSession, raisedLevel, recordProof, sessions } from "../rows/session-rows.js";
import type { TokenSession } from "../rows/sessions.js";
import { findBought, recordBought, type Spending, spend, unspend } from "../rows/spent.js";
import { type AccountFactors, recordAccess, type State, sendStateAndAccount } from "../rows/state.js";
import { type StoredUser, sendUserCheck } from "../rows/user-check.js";
import { findUserById, type User } from "../rows/users.js";

export interface SessionRequest extends Ending, TokenTimes {
  readonly userId: string;
  readonly login: string;
  readonly stored: StoredUser;
  /** The user cannot sign in. `pending`: the user was created so, and keeps what was set up. */
  readonly disabled?: "rejected" | "pending" | undefined;
  /**
   * The proven methods, without `dev`, and the time of the oldest proof. With `mfa` only for a passkey that verified
   * its user, which is enough alone.
   */
  readonly amr: readonly string[];
  readonly provenAt: number;
  /** `remembered`: the versions in the proof of a remembered device. `acr`: the application vouches for it. */
  readonly gate: (RoleRules & { readonly remembered?: DeviceVersions | undefined }) | { readonly acr: Acr };
  /** How the user signed in, where the application vouches for it. */
  readonly way?: string | undefined;
  /** The version of the factors that the caller has read, or that the transaction holds. */
  readonly factorsVersion?: number | undefined;
  /** The second factor of `amr`. It is used up. */
  readonly use?: FactorUse | undefined;
  /** The transaction of factors/transactions.ts. It is used up. */
  readonly spend?: Spending | undefined;
  /** A pending login sets up its first second factor. */
  readonly enrol?: NewFactor | undefined;
  /** The code that a pending login needs to set up its first second factor. */
  readonly enrolMail?: MailDraft | undefined;
  /** The device has no proof of an earlier login, so the user gets a notice. */
  readonly isNewDevice?: boolean | undefined;
  /** The user is created first. */
  readonly register?: UserRegistration | undefined;
  /** An application's own table has just created the user. Everything that the id had before ends. */
  readonly isNewId?: boolean | undefined;
  /** The identity at an outside provider that was proven. `isNew`: the user gets it, once the login is granted. */
  readonly identity?: { readonly proven: ProvenIdentity; readonly isNew: boolean } | undefined;
  /** The canonical address of the user that a mailed code or link has proven. */
  readonly provesEmail?: string | undefined;
  /** The live session of the user that is raised. */
  readonly live?: string | undefined;
  /** The generation of the token that steps it up. One from before the last login or change is not enough. */
  readonly liveGen?: number | undefined;
  /** How a new session is created, if none is raised. Undefined for a step-up. */
  readonly create?: NewSession | undefined;
  /** The sessions whose tokens the client overwrites with the new ones. They end, unless they are raised. */
  readonly superseded?: readonly string[] | undefined;
  /** The device is remembered from now on. */
  readonly remember?: boolean | undefined;
  /** Attempts at the password and at the second factor. They are settled in the same transaction. */
  readonly attempt?: Attempt | undefined;
  readonly factorAttempt?: Attempt | undefined;
}

export interface NewSession {
  /** 128 random bits or more, base64url. The era is put before it. */
  readonly random: string;
  readonly maxSeconds: number;
  readonly sessionsPerUser: number;
}

export type GrantOutcome =
  | {
      readonly outcome: "granted";
      readonly session: Session;
      /** The row of a stored user as it is in this transaction. */
      readonly user: User | undefined;
      readonly versions: DeviceVersions;
      /** Recovery codes that are left, after one was used. */
      readonly codesLeft: number | undefined;
      /** The first login after a reset, an alarm or a recovery. */
      readonly review: boolean;
    }
  | {
      readonly outcome: "factor_needed";
      readonly enroll: boolean;
      readonly factors: readonly FactorName[];
      readonly factorsVersion: number;
      /** The row of a stored user as it is in this transaction. */
      readonly user: User | undefined;
      /** The seconds until the code of `enrolMail` can be mailed, and 0 if it was. Undefined: it needs none. */
      readonly mailWait: number | undefined;
    }
  /**
   * `over`: the transaction was used. `factor_rejected`: the second factor was. `insufficient`: only a second factor
   * was proven. `rejected`: the user cannot sign in, or has changed since the caller has read it. `pending`: the new
   * user cannot log in yet. `storing`: an application's own table stores a new password now.
   */
  | { readonly outcome: "over" | "factor_rejected" | "insufficient" | "rejected" | "pending" | "storing" }
  /** The login name is taken, or the invitation is void. */
  | { readonly outcome: "login_taken" | "closed" };

type Denied = Exclude<GrantOutcome, { readonly outcome: "granted" }>;
type Account = State & AccountFactors;

/**
 * Creates a session for what a user proved, or raises a live one, if the account and its policy ask for no more. Uses
 * up the second factor and the transaction. Ends the oldest sessions of a user who has too many.
 */
export function* grantSession(input: SessionRequest): Transaction<GrantOutcome> {
  const revoked: NewRevocation[] = [];
  const outcome = yield* decideAndGrant(input, revoked);
  yield* writeRevocations(revoked);
  return outcome;
}

/** Adds to `revoked` what it revokes, also where it does not grant the login. */
function* decideAndGrant(input: SessionRequest, revoked: NewRevocation[]): Transaction<GrantOutcome> {
  const { userId, now } = input;
  if (input.identity?.isNew === true) {
    yield* advisoryLock(identityLock(input.identity.proven));
    // Another login was faster. The next one finds its account.
    if (yield* isIdentityTaken(input.identity.proven)) {
      const repeated = input.spend && (yield* grantAgain({ ...input, ...input.spend }, revoked));
      // The second factor is not used up yet, so it must not end the streak of wrong ones.
      yield* settleBoth(input, "succeeded", "returned", undefined);
      return repeated ?? { outcome: "over" };
    }
  }
  if (input.register) {
    const stopped = yield* createUser(input, input.register, revoked);
    if (stopped) return stopped;
  }
  const readChecked = yield* sendUserCheck(input, input.provesEmail === undefined ? "share" : "update");
  // Without the lock, concurrent logins would not see each other's sessions, and would end too few. And a login could
  // miss a second factor that is added at the same moment. To raise a live session needs no lock, because the change
  // ends it. A change in an application's own table leaves one session, and moves the version.
  const endsOther = input.superseded?.some((id) => id !== input.live) === true;
  const raisesOnly =
    input.live !== undefined && !endsOther && !input.spend && !input.use && input.factorsVersion === undefined;
  if (!raisesOnly) yield* advisoryLock(`sessions of ${userId}`);
  const readAccount = yield* sendStateAndAccount(userId);
  const checked = yield* readChecked();
  if ("rejected" in checked) return yield* reject(input, checked.rejected, checked.rejected !== "unknown");
  let account: Account = yield* readAccount();
  if (input.disabled === "rejected") return yield* reject(input, "disabled", true);
  if (account.frozen === "all") return yield* reject(input, "frozen", true);
  if (input.factorsVersion !== undefined && input.factorsVersion !== account.factorsVersion)
    return yield* reject(input, "factors_changed", true);
  if (input.stored === false && input.amr.includes("pwd") && (yield* isStoring(userId, now))) {
    yield* settleBoth(input, "returned", "returned", input.login);
    return { outcome: "storing" };
  }

  if (input.spend && !input.register && !(yield* spend(input.spend, now)))
    return yield* repeat(input, input.spend, revoked);
  if (input.isNewId) {
    const ended = yield* carryOut("id_reused", { ...whoOf(input), before: account });
    account = { ...account, ...ended.account };
    revoked.push(...ended.revoked);
  }
  if (input.identity?.isNew === false && !(yield* touchIdentity(userId, input.identity.proven, now)))
    return yield* reject(input, "identity_unlinked", true);
  let { user } = checked;
  // A registration sets it up before there is any session.
  const addedBy = input.register || input.isNewId ? undefined : newSessionId(input, account);
  let codesLeft: number | undefined;
  const isFirstProof = provesFirst(user, input.provesEmail) && !input.amr.includes("pwd");
  // A factor that another person can have set up is not asked for, and proves nothing.
  const given = isFirstProof && account.factors.length > 0 ? yield* givenFactors(userId, account) : undefined;
  if (input.use) {
    const used = given && !isGiven(input.use, given) ? undefined : yield* useUp(account, input.use, input);
    if (!used) return yield* rejectFactor(input);
    ({ account, codesLeft } = used);
  }
  if (input.disabled === "pending") return yield* keepPending(input, account, revoked);
  const decision = decideFor(input, withEnrolled(input, withGiven(account, given)), user);
  if (decision.result === "reject") {
    yield* reject(input, "one_factor_only", true);
    return { outcome: "insufficient" };
  }
  // Not before a second factor that an import has brought is proven: a reader of a mistyped address must change
  // nothing.
  const isEnough = decision.result === "grant" || decision.enroll;
  if (isEnough && input.provesEmail !== undefined && (yield* proveEmail(userId, input.provesEmail, now))) {
    const change = isFirstProof ? "email_proven" : "email_confirmed";
    const ended = yield* carryOut(change, { ...whoOf(input), before: account });
    account = { ...account, ...ended.account };
    user = yield* findUserById(userId);
    revoked.push(...ended.revoked);
  }
  if (decision.result === "factor_needed") return yield* recordFactorNeeded(input, account, decision, user);
  if (input.enrol) {
    const about = { ...whoOf(input), own: undefined, addedBy, isConfirmed: provesMailbox(input) };
    const added = yield* addFactor(account, { ...about, ...input.enrol });
    if (!added) return yield* rejectFactor(input);
    account = { ...account, ...added.account };
    revoked.push(...added.revoked);
  }

  // A user who registers has it already.
  if (input.identity?.isNew === true && !input.register) yield* link(input, input.identity.proven, account, addedBy);
  const raised = input.live === undefined ? undefined : yield* raise(input, input.live, account, decision);
  if (!raised && !input.create) return yield* reject(input, "session_ended", true);
  // The session is not live, so this is a login like any other.
  if (!raised && raisesOnly) return yield* decideAndGrant({ ...input, live: undefined }, revoked);
  // They are newer than those that are displaced.
  revoked.push(...(yield* endReplaced(input, raised?.id)));
  const session = raised ?? (yield* createSession(input, { ...account, user }, decision, revoked));
  const { use } = input;
  const isByPasskey = use?.factor === "passkey" && use.userVerified;
  if (provesMailbox(input)) yield* confirmByLogin(session.id, now, undefined);
  else if (isByPasskey) yield* confirmByLogin(session.id, now, use.id);
  if (input.spend) yield* recordBought(input.spend, session.id, session.gen);
  // A code or link of a mail was used, which a registration always is.
  if (input.amr.includes("mail") || input.register) yield* noteMailCode(input);
  if (input.remember && session.amr.includes("mfa"))
    yield* recordAudit({ ...auditOf(input), event: "device_remembered", sessionId: session.id });
  yield* settleBoth(input, "succeeded", "succeeded", input.login);
  yield* recordAccess(account, session.accessExpires);
  const review = account.review && !raised;
  if (review) yield* write("update ampho_accounts set review = 0 where user_id = ?", [userId]);
  return { outcome: "granted", session, user, versions: versionsOf(account), codesLeft, review };
}

/** The passkey or the identity is the way in of this user, once the account is enabled. */
function* keepPending(input: SessionRequest, account: Account, revoked: NewRevocation[]): Transaction<GrantOutcome> {
  const about = { ...whoOf(input), own: undefined, addedBy: undefined, isConfirmed: true };
  const added = input.enrol && (yield* addFactor(account, { ...about, ...input.enrol }));
  if (input.enrol && !added) return yield* rejectFactor(input);
  revoked.push(...(added?.revoked ?? []));
  if (input.identity?.isNew === true) yield* link(input, input.identity.proven, account, undefined);
  yield* recordAudit({ ...auditOf(input), event: "login_rejected", reason: "disabled" });
  yield* settleBoth(input, "succeeded", "succeeded", input.login);
  return { outcome: "pending" };
}

/** The transaction is used up before, so that of two requests with it one creates the user. */
function* createUser(
  input: SessionRequest,
  registration: UserRegistration,
  revoked: NewRevocation[],
): Transaction<GrantOutcome | undefined> {
  const { now } = input;
  if (input.spend && !(yield* spend(input.spend, now))) return yield* repeat(input, input.spend, revoked);
  // Before the user is created, who would otherwise have no way in.
  if (input.enrol && (yield* isFactorTaken(input.enrol))) return yield* rejectFactor(input);
  const outcome = yield* register(registration, input);
  if (outcome === "created") {
    // The account must not be without a way in, also if the login needs a further step.
    if (input.identity) yield* link(input, input.identity.proven, undefined, undefined);
    return undefined;
  }
  // The user can choose another login.
  if (outcome === "login_taken" && input.spend) yield* unspend(input.spend);
  yield* settleBoth(input, "succeeded", "succeeded", undefined);
  return { outcome: outcome === "taken" ? "over" : outcome };
}

/** False: the user has another address, or has proven it before. */
const proveEmail = (userId: string, canonical: string, now: number): Transaction<boolean> =>
  exists(
    `update ampho_users set email_proven_at = ? where id = ? and email_canonical = ? and email_proven_at is null
     returning id`,
    [now, userId, canonical],
  );

/** The caller has checked under a lock that no account has the identity. */
function* link(
  input: SessionRequest,
  proven: ProvenIdentity,
  before: Account | undefined,
  addedBy: string | undefined,
): Transaction<void> {
  const { userId, now } = input;
  const inserted = yield* insertIdentity(userId, proven, { createdAt: now, usedAt: now, addedBy });
  if (inserted !== "done") return;
  if (provesMailbox(input)) yield* confirmIdentity(proven);
  yield* carryOut("identity_linked", { ...whoOf(input), before, ...linkOf(proven, addedBy), maker: "login" });
}

/** A login by mail, or a registration. The application alone vouches for a session that it creates. */
const provesMailbox = ({ amr, register, isNewId, gate }: SessionRequest): boolean =>
  register !== undefined || isNewId === true || (amr.includes("mail") && !("acr" in gate));

/** The versions that the proof of a remembered device holds. */
export type DeviceVersions = Pick<AccountFactors, "factorsVersion" | "devicesVersion">;

const versionsOf = ({ factorsVersion, devicesVersion }: DeviceVersions) => ({ factorsVersion, devicesVersion });

/** The id of the session that goes on or is created. */
const newSessionId = ({ create, live }: SessionRequest, { era }: Account): string | undefined =>
  live ?? (create && sessionIdIn(era, create));

const sessionIdIn = (era: number, { random }: NewSession): string => `${era.toString(36)}.${random}`;

/** The account as the first proof of its address leaves it. */
function withGiven(account: Account, given: GivenFactors | undefined): Account {
  if (given === undefined) return account;
  return { ...account, factors: account.factors.filter((factor) => given.factors.includes(factor)) };
}

/** The account with the factor that is set up, which is stored only if it is enough. */
function withEnrolled({ enrol }: SessionRequest, account: Account): Account {
  if (enrol === undefined) return account;
  return { ...account, factors: withFactors(account.factors, enrol.factor) };
}

/** The token has the roles of the locked row, so their policies decide. */
function decideFor({ amr, gate, create, live }: SessionRequest, account: Account, user: User | undefined): Decision {
  if ("acr" in gate) return { result: "grant", amr, acr: gate.acr };
  // A step-up adds to what the session has proven.
  if (create === undefined) return { result: "grant", amr, acr: acrOf(withMfa(amr)) };
  const isCurrent =
    gate.remembered?.factorsVersion === account.factorsVersion &&
    gate.remembered.devicesVersion === account.devicesVersion;
  const remembered = live === undefined && isCurrent;
  return decide({
    amr,
    factors: account.factors,
    policy: policyFor(account, presentPolicy(user?.roles, gate)),
    remembered,
  });
}

type Granted = Extract<Decision, { readonly result: "grant" }>;

/** The passkeys and identities that the user has shown now. */
function provedByOf({ use, enrol, identity }: SessionRequest): readonly string[] {
  const added = enrol?.factor === "passkey" ? [enrol.passkey.id] : [];
  const linked = identity === undefined ? [] : [identityIdOf(identity.proven)];
  return [...(use?.factor === "passkey" ? [use.id] : []), ...added, ...linked];
}

/** Writes no audit row when the session is not live, because a new session is then created, which is recorded. */
function* raise(
  input: SessionRequest,
  sessionId: string,
  { era }: Account,
  { amr, acr }: Granted,
): Transaction<Session | undefined> {
  const { userId, provenAt } = input;
  let level: ProvenLevel = { authTime: provenAt, amr, acr, provedBy: provedByOf(input) };
  if (input.create === undefined) {
    const before = yield* sessions.first("where id = ?", [sessionId], "update");
    if (!before) return undefined;
    if (input.liveGen !== undefined && input.liveGen < before.provedGen) return undefined;
    level = raisedLevel(before, amr, provedByOf(input));
  }
  const session = yield* recordProof({ ...input, sessionId, idempotency: undefined }, level, userId, era);
  if (!session) return undefined;
  const event = input.create === undefined ? "stepped_up" : "reauthenticated";
  yield* recordAudit({ ...auditOf(input), event, sessionId, detail: detailOf(level.amr) });
  return session;
}

/** Ends the oldest sessions of a user who has too many. */
function* createSession(
  input: SessionRequest,
  { era, user }: Account & { readonly user: User | undefined },
  { amr, acr }: Granted,
  revoked: NewRevocation[],
): Transaction<Session> {
  const { userId, login, now, origin, create } = input;
  if (!create) throw new TypeError("a step-up creates no session");
  const { maxSeconds, sessionsPerUser } = create;
  const id = sessionIdIn(era, create);
  const endsAt = now + maxSeconds;
  const expiresAt = Math.min(now + input.idleSeconds, endsAt);
  const accessExpires = Math.min(now + input.accessTtlSeconds, endsAt);
  const times = { createdAt: now, authTime: input.provenAt, provedAt: now, renewedAt: now, refreshedAt: now };
  const from = { address: origin.address ?? null, agent: origin.agent ?? null };
  const limits = { expiresAt, endsAt, accessExpires };
  const level = { amr, acr, provedBy: provedByOf(input) };
  const session: Session = { id, userId, login, gen: 0, ...level, provedGen: 0, ...times, ...limits, ...from };
  yield* insertSession(session, era);
  yield* recordAudit({ ...auditOf(input), event: "login", sessionId: id, detail: detailOf(amr, input.way) });
  if (input.isNewDevice)
    yield* insertNotice({ kind: "new_device", at: now, userId, login, origin, hourly: true, user });
  revoked.push(...(yield* endOldestSessions({ sessionId: id, userId, era, keep: sessionsPerUser, now, origin })));
  return session;
}

const endReplaced = ({ superseded = [], now, origin }: GrantRepeat | SessionRequest, granted: string | undefined) =>
  endSuperseded(
    superseded.filter((id) => id !== granted),
    { now, origin },
  );

/** A login by password alone has no detail, because nearly every row of the log is one. */
const detailOf = (amr: readonly string[], way?: string): AuditEntry["detail"] => {
  const isPlain = amr.length === 0 || (amr.length === 1 && amr[0] === "pwd");
  return isPlain && way === undefined ? undefined : { ...(!isPlain && { amr }), ...(way !== undefined && { way }) };
};

/** Codes for an enrolment. A known device has as many more, so that a thief of the password does not stop its user. */
const codesAnHour = 5;

/** Everything that was proven is right, so the attempts succeeded. */
function* recordFactorNeeded(
  input: SessionRequest,
  { factorsVersion }: Account,
  { enroll, factors }: Extract<Decision, { readonly result: "factor_needed" }>,
  user: User | undefined,
): Transaction<Denied> {
  // Nothing was set up, so the user can go on with the transaction.
  if (input.enrol && input.spend && !input.register) yield* unspend(input.spend);
  yield* recordAudit({ ...auditOf(input), event: "factor_needed", reason: enroll ? "enroll" : undefined });
  const hourMax = input.isNewDevice ? codesAnHour : 2 * codesAnHour;
  const mailWait =
    enroll && input.enrolMail ? yield* insertLimitedMail(input.enrolMail, input.now, hourMax) : undefined;
  yield* settleBoth(input, "succeeded", "succeeded", input.login);
  return { outcome: "factor_needed", enroll, factors, factorsVersion, user, mailWait };
}

function* reject(input: SessionRequest, reason: string, isKnown: boolean): Transaction<Denied> {
  const login = isKnown ? input.login : undefined;
  yield* recordAudit({ ...auditOf(input), login, event: "login_rejected", reason });
  yield* settleBoth(input, "failed", "failed", login);
  return { outcome: "rejected" };
}

/** The transaction stays usable, for the next attempt. */
function* rejectFactor(input: SessionRequest): Transaction<Denied> {
  if (input.spend) yield* unspend(input.spend);
  // An unknown recovery code looks like a used one here, and a TOTP code was checked before.
  const reason = input.use?.factor;
  const event = reason === undefined ? "factor_replayed" : rejectionOf(reason);
  yield* settleWrongFactor(input, { ...auditOf(input), event, reason });
  return { outcome: "factor_rejected" };
}

const auditOf = ({ now, userId, login, origin }: SessionRequest) => ({ at: now, userId, login, origin });

const whoOf = ({ now, userId, login, origin }: SessionRequest) => ({ now, userId, login, origin });

function* repeat(input: SessionRequest, spending: Spending, revoked: NewRevocation[]): Transaction<GrantOutcome> {
  const codes = input.register && input.enrol?.codes;
  const repeated = yield* grantAgain({ ...input, ...spending, codes }, revoked);
  yield* settleBoth(input, "succeeded", "returned", input.login);
  return repeated ?? { outcome: "over" };
}

export interface GrantRepeat
  extends Pick<Spending, "hash" | "idempotency">,
    Pick<SessionRequest, "superseded">,
    Ending {
  /** Undefined: the user of the session. */
  readonly userId: string | undefined;
  readonly accessTtlSeconds: number;
  readonly stored: StoredUser;
  /** The recovery codes of this response, which replace those of the lost one. */
  readonly codes?: readonly string[] | undefined;
}

/** Returns again what a transaction bought, to the client that lost the response. Undefined for every other request. */
export function* repeatGrant(input: GrantRepeat): Transaction<GrantOutcome | undefined> {
  const revoked: NewRevocation[] = [];
  const outcome = yield* grantAgain(input, revoked);
  yield* writeRevocations(revoked);
  return outcome;
}

function* grantAgain(input: GrantRepeat, revoked: NewRevocation[]): Transaction<GrantOutcome | undefined> {
  const { now, accessTtlSeconds, codes } = input;
  if (codes && input.userId !== undefined) yield* advisoryLock(`sessions of ${input.userId}`);
  const bought = yield* findBought(input, now);
  const session = bought && (yield* lockBought(bought, now));
  if (!session || session.userId !== (input.userId ?? session.userId)) return undefined;
  const { userId } = session;
  const accessExpires = Math.max(session.accessExpires, Math.min(now + accessTtlSeconds, session.endsAt));
  yield* write("update ampho_sessions set access_expires = ? where id = ?", [accessExpires, session.id]);
  const user = input.stored === false ? undefined : yield* findUserById(userId);
  if (input.stored !== false && (!user || user.disabled)) return undefined;
  if (codes) yield* writeCodes(userId, codes);
  revoked.push(...(yield* endReplaced(input, session.id)));
  const state = yield* (yield* sendStateAndAccount(userId))();
  yield* recordAccess(state, accessExpires);
  return {
    outcome: "granted",
    session: { ...session, accessExpires },
    user,
    versions: versionsOf(state),
    codesLeft: undefined,
    review: state.review,
  };
}

const lockBought = ({ sessionId, gen }: TokenSession, now: number): Transaction<Session | undefined> =>
  sessions.first(
    `where id = ? and gen = ? and ended_at is null
     and era = (select era from ampho_state where id = 1) and expires_at > ?`,
    [sessionId, gen, now],
    "update",
  );
