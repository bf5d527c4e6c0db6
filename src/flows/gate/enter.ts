// The gate (docs/guides/second-factors.md): the only way to a session. Every way in proves something and calls `enter`, which
// returns the first tokens or rejects with what is still needed. Nothing else calls `store.enterSession`.

import type { Origin } from "../../audit/entry.js";
import { randomId } from "../../crypto/random.js";
import { AmphoError, transactionOver } from "../../errors.js";
import type { DeviceProof } from "../../factors/device-proofs.js";
import { requestOptions } from "../../factors/passkey/passkey-options.js";
import type { LoginTransaction, Redeemable, Reserved } from "../../factors/transactions.js";
import type { Acr } from "../../levels/acr.js";
import type { FactorName } from "../../levels/decide.js";
import { policyOf } from "../../levels/policy.js";
import type { Entry, EntryOutcome } from "../../store/sql/entries.js";
import type { MailDraft } from "../../store/sql/mail-rows.js";
import type { UserRegistration } from "../../store/sql/registrations.js";
import type { Spending } from "../../store/sql/spent.js";
import type { Attempt } from "../../throttle/attempt.js";
import { type Account, originFor, toAccount } from "../../users/directory.js";
import type { Grant } from "../../wire/login.js";
import type { Deps } from "../deps.js";
import { requireAccount } from "../find/account.js";
import { enrolCodeWithheld, factorNeeded, stillStoring, wrongCredentials } from "../find/errors.js";
import { proveUnlessOver } from "../find/transaction-over.js";
import { encodeIdentity } from "../prove/identity-text.js";
import { claimsFor } from "../prove/mail-claims.js";
import type { ProvenFactor } from "../prove/proven-factor.js";

/** The proof with which a user comes to the gate. */
export interface Proven {
  /** The methods (RFC 8176), without that of `factor`. Empty for a step-up, which adds to those of the session. */
  readonly amr: readonly string[];
  /** When the oldest of them was proven. */
  readonly at: number;
  /** The same, where that was before this login or its transaction, as at a provider. */
  readonly authTime?: number | undefined;
  readonly factor?: ProvenFactor | undefined;
  /** The version of the account's factors before the proof. The login is rejected if it has changed. */
  readonly factorsVersion?: number | undefined;
  /** The attempt at the first factor. */
  readonly attempt?: Attempt | undefined;
  /** The transaction that is redeemed. */
  readonly transaction?: RedeemedTransaction | undefined;
  /** The canonical address that a mailed code or link has proven. */
  readonly provesEmail?: string | undefined;
  /** The identity at an outside provider. `isNew`: the account gets it, once the login is granted. */
  readonly identity?: Entry["identity"];
  /** A pending login has set up its first second factor, which is proven by that. */
  readonly enrol?: { readonly factor: NonNullable<Entry["enrol"]>; readonly method: string } | undefined;
  /** The user is created first. */
  readonly register?: UserRegistration | undefined;
  /** The user was created for this login, also by an application's own table. */
  readonly isNewUser?: true;
  /** The application vouches for the user, and the gate does not decide. */
  readonly acr?: Acr | undefined;
}

type RedeemedTransaction = Redeemable & {
  readonly [K in "login" | "pwv" | "fv" | "aut"]?: LoginTransaction[K] | undefined;
};

export interface Entrance {
  readonly origin: Origin;
  readonly now: number;
  /** The session that is raised. `only`: no other session is created instead, as for a step-up. */
  readonly live?: { readonly sessionId: string; readonly gen?: number | undefined; readonly only?: true } | undefined;
  /** The valid proof of this user's device. */
  readonly device?: DeviceProof | undefined;
  /** The id of that device, where its proof is not at hand. */
  readonly deviceId?: string | undefined;
  /** The login as the client typed it. A pending login holds it. */
  readonly typed?: string | undefined;
  readonly remember?: boolean | undefined;
  /** The digest of the idempotency key and the proof. */
  readonly idempotency?: string | undefined;
}

/**
 * Rejects with `factor_needed`, `invalid_credentials`, `transaction_over`, `unavailable`, and for a
 * registration with `login_taken`, `registration_closed` or `account_pending`.
 */
export async function enter(deps: Deps, account: Account, proven: Proven, entrance: Entrance): Promise<Grant> {
  const pending = deps.transactions.reserve(proven.at);
  const codeUntil = Math.min(pending.exp, entrance.now + deps.settings.codeTtl);
  const enrolling = { ...pending, exp: codeUntil };
  const outcome = await deps.store.enterSession({
    ...entryOf(deps, account, proven, entrance),
    enrolMail: enrolMailOf(deps, account, proven, entrance, enrolling),
  });
  if (outcome.revocations !== undefined) deps.revocations.add(outcome.revocations);
  if (outcome.outcome === "over") throw transactionOver();
  if (outcome.outcome === "login_taken")
    throw new AmphoError("login_taken", "A user with this login already exists. Choose another one.");
  if (outcome.outcome === "closed")
    throw new AmphoError("registration_closed", "The invitation is not valid any more.");
  if (outcome.outcome === "factor_needed")
    throw await pendingLogin(deps, account, proven, entrance, {
      ...outcome,
      pending: outcome.mailWait === 0 ? enrolling : pending,
    });
  if (outcome.outcome === "storing") throw stillStoring();
  if (outcome.outcome === "pending")
    throw new AmphoError("account_pending", "Your account was created. You can log in when it has been enabled.");
  // The user has changed since the transaction was issued.
  if (outcome.outcome === "rejected" && proven.transaction !== undefined) throw transactionOver();
  if (outcome.outcome !== "granted") throw wrongCredentials();
  return grantOf(deps, account, outcome, entrance);
}

/**
 * Returns the grant again that this transaction bought, to the client that lost the response and sends its proof again. An
 * unknown account costs as much. `codes`: the hashes of recovery codes, which replace those of the lost response.
 */
export async function repeat(
  deps: Deps,
  account: Account | undefined,
  transaction: Pick<LoginTransaction, "jti"> & { readonly pwv?: number | undefined },
  entrance: Entrance,
  codes?: readonly string[],
): Promise<Grant | undefined> {
  const { idempotency, now } = entrance;
  if (idempotency === undefined) return undefined;
  const outcome = await deps.store.repeatEntry({
    hash: deps.transactions.spentHash(transaction),
    ...{ idempotency, now, codes, userId: account?.id ?? "" },
    accessTtlSeconds: deps.settings.tokenTtl,
    stored: account !== undefined && storedOf(account, transaction),
  });
  if (account === undefined || outcome?.outcome !== "granted") return undefined;
  return grantOf(deps, account, outcome, entrance);
}

/**
 * The same for a login whose request names no account: the session that it bought does.
 */
export async function repeatUnnamed(
  deps: Deps,
  transaction: Pick<LoginTransaction, "jti">,
  idempotency: string | undefined,
  { device, remember }: { readonly device: string | undefined; readonly remember: boolean | undefined },
  origin: Origin,
): Promise<Grant | undefined> {
  if (idempotency === undefined) return undefined;
  const now = deps.clock.now();
  const outcome = await deps.store.repeatEntry({
    hash: deps.transactions.spentHash(transaction),
    idempotency,
    userId: undefined,
    now,
    accessTtlSeconds: deps.settings.tokenTtl,
    stored: deps.directory.inDatabase && { passwordVersion: 0 },
  });
  if (outcome?.outcome !== "granted") return undefined;
  const named = { user: outcome.user, userId: outcome.session.userId };
  const account = await proveUnlessOver(deps, transaction, () => requireAccount(deps, named, origin));
  const entrance = { origin, now, remember, device: deps.deviceProofs.readOf(account, device, now) };
  return grantOf(deps, account, outcome, entrance);
}

function entryOf(deps: Deps, account: Account, proven: Proven, entrance: Entrance): Entry {
  const { settings } = deps;
  const { factor, transaction, enrol, acr, identity } = proven;
  const { now, origin, live, idempotency } = entrance;
  // A new identity is a change of the account, for which a remembered device is not enough.
  const remembered = identity?.isNew === true ? undefined : rememberedBy(deps, entrance);
  return {
    userId: account.id,
    login: account.login,
    now,
    accessTtlSeconds: settings.tokenTtl,
    idleSeconds: settings.sessionIdleTtl,
    origin: originFor(account, origin),
    stored: storedOf(account, transaction),
    disabled: account.disabled ? (proven.isNewUser ? "pending" : "rejected") : undefined,
    amr: [...proven.amr, ...(factor?.methods ?? []), ...(enrol === undefined ? [] : [enrol.method])],
    provenAt: authTimeOf(proven),
    gate: acr === undefined ? { policy: policyOf(account.roles, settings.factors), remembered } : { acr },
    factorsVersion: transaction?.fv ?? proven.factorsVersion ?? factor?.factorsVersion,
    use: factor?.use,
    spend: transaction && spendingOf(deps, transaction, idempotency),
    enrol: enrol?.factor,
    identity,
    provesEmail: proven.provesEmail,
    register: proven.register,
    isNewId: proven.isNewUser && account.stored === undefined,
    isNewDevice: !(proven.isNewUser || acr || entrance.device || entrance.deviceId),
    live: live?.sessionId,
    liveGen: live?.gen,
    create:
      live?.only === true
        ? undefined
        : { random: randomId(), maxSeconds: settings.sessionTtl, sessionsPerUser: settings.sessionsPerUser },
    remember: willRemember(deps, entrance),
    attempt: proven.attempt,
    factorAttempt: factor?.attempt,
  };
}

/** Also of the transaction that is redeemed: a second factor of now does not make the first one newer (RFC 9470 §4). */
const authTimeOf = ({ at, authTime, transaction }: Proven): number => Math.min(at, authTime ?? transaction?.aut ?? at);

/** With a stolen password alone, an attacker could set up a second factor of the attacker's own (W-06). */
function enrolMailOf(
  { outbox }: Deps,
  account: Account,
  { amr, enrol, acr }: Proven,
  { origin }: Entrance,
  enrolling: Reserved,
): MailDraft | undefined {
  const { email, id: userId } = account;
  if (outbox === undefined || enrol !== undefined || acr !== undefined || !needsEnrolCode(account, amr))
    return undefined;
  const { exp: until } = enrolling;
  const transaction = { ...enrolling, for: "enroll" };
  const claims = claimsFor(transaction, enrolBindingOf(account), { agent: origin.agent });
  return { kind: "enroll", userId, address: email?.address ?? "", claims, language: origin.language ?? "en", until };
}

/** A mailed code or link that was the first factor has proven the address already. */
export const needsEnrolCode = ({ email }: Account, amr: readonly string[]): boolean =>
  email?.provenAt !== undefined && !amr.includes("mail");

export const enrolBindingOf = ({ id: userId, email, stored }: Account) => ({
  ...{ purpose: "enroll", address: email?.canonical ?? "", userId },
  passwordVersion: stored?.passwordVersion,
});

/** A shorter AMPHO_SECURITY_REMEMBER, or 0, also holds for devices that were remembered before. */
function rememberedBy({ settings }: Deps, { device, now }: Entrance) {
  const { until = 0 } = device?.remember ?? {};
  return now < until && until <= now + settings.remember ? device?.remember : undefined;
}

/** The row that uses a transaction up. It stays until no process accepts the transaction any more. */
export function spendingOf(
  { transactions, settings, throttle }: Deps,
  transaction: Redeemable,
  idempotency: string | undefined,
): Spending {
  const hash = transactions.spentHash(transaction);
  const [counter] = throttle.countersOf(hash);
  return { hash, until: transaction.exp + settings.tokenLeeway, idempotency, counter };
}

/** Since the first factor another request can have changed the password, or disabled the user. */
export function storedOf({ stored }: Account, transaction: Pick<LoginTransaction, "pwv"> | undefined): Entry["stored"] {
  if (stored === undefined) return false;
  return { passwordVersion: transaction?.pwv ?? stored.passwordVersion };
}

const willRemember = ({ settings }: Deps, { remember }: Entrance) => remember === true && settings.remember > 0;

async function grantOf(
  deps: Deps,
  account: Account,
  granted: Extract<EntryOutcome, { readonly outcome: "granted" }>,
  entrance: Entrance,
): Promise<Grant> {
  const { tokens, deviceProofs, settings } = deps;
  const { now, device } = entrance;
  const { session, versions, codesLeft } = granted;
  const user = granted.user === undefined ? account : toAccount(granted.user);
  const grant = await tokens.grant(session, user, { refresh: true, now });
  const remember =
    willRemember(deps, entrance) && session.amr.includes("mfa")
      ? { until: now + settings.remember, ...versions }
      : device?.remember;
  const deviceId = device?.deviceId ?? entrance.deviceId;
  return {
    ...grant,
    device: deviceProofs.issue(user, deviceId, now, remember),
    ...(codesLeft !== undefined && { recovery_codes_left: codesLeft }),
  };
}

async function pendingLogin(
  deps: Deps,
  account: Account,
  proven: Proven,
  { live, device, deviceId, typed }: Entrance,
  needed: Extract<EntryOutcome, { readonly outcome: "factor_needed" }> & { readonly pending: Reserved },
): Promise<AmphoError> {
  const { enroll, factors, factorsVersion, mailWait = 0, pending } = needed;
  const { amr: first, at, factor, transaction, identity, register } = proven;
  const authTime = authTimeOf(proven);
  // Also a second factor that the policy does not accept. Whether it is enough for an enrolment, the next step decides.
  const amr = [...first, ...(factor?.methods ?? [])];
  const contents = {
    login: typed ?? transaction?.login ?? account.login,
    sub: account.id,
    pwv: (needed.user ?? account.stored)?.passwordVersion,
    fv: factorsVersion,
    amr,
    did: device?.deviceId ?? deviceId,
    aut: authTime === at ? undefined : authTime,
    // A login that sets up its first factor opens a session of its own.
    sid: enroll ? undefined : live?.sessionId,
    // A user who registers has it already.
    idn: identity?.isNew === true && register === undefined ? encodeIdentity(identity.proven) : undefined,
  };
  const token = deps.transactions.begin(enroll ? "enroll" : "second", contents, at, pending);
  if (mailWait > 0) return enrolCodeWithheld(token, mailWait);
  if (needed.mailWait !== undefined) return factorNeeded(token, factors, { enroll, mail: true });
  const read = () => deps.transactions.read(token, ["second", "enroll"], deps.clock.now());
  return askForFactor(deps, { token, factors, enroll, userId: account.id, read });
}

/** The error `factor_needed`, with the options of the account's passkeys. */
export async function askForFactor(
  { store, transactions, relyingParty: party }: Deps,
  about: {
    readonly token: string;
    readonly factors: readonly FactorName[];
    readonly enroll: boolean;
    readonly userId: string;
    /** Reads the transaction of the token. */
    readonly read: () => Pick<Redeemable, "jti" | "kid">;
  },
): Promise<AmphoError> {
  const { token, factors, enroll, userId, read } = about;
  const offered = party === undefined ? factors.filter((factor) => factor !== "passkey") : factors;
  if (party === undefined || !offered.includes("passkey")) return factorNeeded(token, offered, { enroll });
  const challenge = transactions.passkeyChallenge(read());
  const { passkeys } = await store.listPasskeys(userId);
  return factorNeeded(token, offered, { enroll, passkey: requestOptions(party, challenge, passkeys) });
}
