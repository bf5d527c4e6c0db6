// Registration (docs/guides/registration.md). Nothing of an account exists before its address is proven. Password or passkey come with the code, so
// no password of an unproven person is hashed, and an attacker can prepare nothing for another person's address.

import type { Origin } from "../audit/entry.js";
import { AmphoError, transactionOver } from "../errors.js";
import { createUserHandle, creationOptions } from "../factors/passkey-options.js";
import { createRecoveryCodes } from "../factors/recovery-codes.js";
import type { MailBinding, OpenTransaction } from "../factors/transactions.js";
import { passkeyMethod } from "../levels/methods.js";
import { type Address, parseAddress } from "../logins/address.js";
import { checkNewLogin } from "../logins/login-name.js";
import type { Grant } from "../sessions/session-tokens.js";
import { accountKeyOf, nameByAddress } from "./account-key.js";
import { requireAddress, requirePassword } from "./account-rules.js";
import type { Caller, Deps } from "./deps.js";
import { type Enrolled, hashOf, whoOf } from "./enrolling.js";
import { type Entrance, enter, type Proven, repeat } from "./enter.js";
import { sessionIdOf } from "./find-account.js";
import { leastTime } from "./least-time.js";
import { settleUnlessDone } from "./login.js";
import { claimsOf } from "./mail-claims.js";
import { draftAccount } from "./new-account.js";
import { verifyNewPasskey } from "./passkeys.js";
import { proveMailbox, readProof, type SentProof } from "./prove-mailbox.js";
import { type MailSent, requireOutbox } from "./request-mail.js";
import { endSuperseded, type SupersededTokens } from "./superseded-session.js";

const closed = () =>
  new AmphoError(
    "registration_closed",
    "Registration is closed, or the invitation is not valid. Ask for an invitation.",
  );

export interface RegistrationStart {
  readonly email: string;
  /** Default: the address. */
  readonly login: string | undefined;
  /** The invitation of a mailed link. */
  readonly invite: string | undefined;
}

export interface RegistrationBegun extends Omit<MailSent, "resend"> {
  /** The options for a passkey in place of a password. Null while passkeys are not offered. */
  readonly passkey: Readonly<Record<string, unknown>> | null;
}

/** Rejects with `registration_closed`, `invalid_request`, `too_many_attempts` or `unavailable`. */
export async function beginRegistration(
  deps: Deps,
  input: RegistrationStart,
  caller: Caller,
): Promise<RegistrationBegun> {
  const { transactions, throttle, store, clock, settings, relyingParty: party } = deps;
  const outbox = requireOutbox(deps);
  const origin: Origin = { actor: "user", ...caller };
  const address = requireAddress(input.email);
  requireLogin(input.login, address);
  const invitation = await requireInvitation(deps, input.invite, address, clock.now());
  const { canonical } = address;
  const { key, find } = await nameByAddress(deps, canonical);
  const allowed = await throttle.allowMail({ account: key, origin });
  const least = leastTime();
  const account = await allowed.run(find);
  const now = clock.now();
  const purpose = invitation === undefined ? "register" : "invite";
  const uh = party && createUserHandle();
  const contents = { email: address.address, login: input.login, uh, inv: invitation?.id };
  const { token, begun } = transactions.beginOpen(purpose, contents, now, settings.codeTtl);
  await store.queueMail({
    draft: {
      // The response is the same, and only the mailbox learns that it has an account.
      kind: account === undefined ? "register" : "account_exists",
      userId: account?.id,
      address: account?.email?.address ?? address.address,
      claims: claimsOf(begun, bindingOf(begun, address), caller),
      language: caller.language ?? "en",
      until: begun.exp,
    },
    attempt: allowed.attempt(),
    audit: { at: now, event: "mail_queued", userId: account?.id, login: account?.login, reason: "register", origin },
    now,
  });
  outbox.wake();
  await least;
  const login = input.login ?? address.address;
  const options = party && creationOptions(party, transactions.passkeyChallenge(begun), optionsFor(uh ?? "", login));
  return { transaction: token, match: transactions.match(begun), expires: begun.exp, passkey: options ?? null };
}

const optionsFor = (handle: string, login: string) => ({ handle, login, use: "login", passkeys: [] }) as const;

const bindingOf = ({ for: purpose, inv }: OpenTransaction, { canonical }: Address): MailBinding => ({
  purpose,
  address: canonical,
  userId: inv,
});

/** A login that is an address must be the user's own, or it would look like another person's account. */
function requireLogin(login: string | undefined, { canonical }: Address): void {
  if (login === undefined) return;
  const reason = checkNewLogin(login);
  const foreign = login.includes("@") && parseAddress(login)?.canonical !== canonical;
  if (reason !== undefined || foreign)
    throw new AmphoError("invalid_request", reason ?? "A login with an @ must be your own address.", {
      field: "login",
    });
}

async function requireInvitation(
  { settings, store, mailTokens }: Deps,
  token: string | undefined,
  { canonical }: Address,
  now: number,
): Promise<{ readonly id: string; readonly roles: readonly string[] } | undefined> {
  if (settings.registration === "closed") throw closed();
  if (token === undefined) {
    if (settings.registration === "invite") throw closed();
    return undefined;
  }
  const id = mailTokens.readInvitation(token, now);
  const invitation = id === undefined ? undefined : await store.findInvitation(id);
  const isValid = invitation?.usedAt === null && invitation.removedAt === null && now < invitation.until;
  if (invitation === undefined || !isValid || invitation.canonical !== canonical) throw closed();
  return invitation;
}

export interface RegistrationInput extends SentProof {
  readonly password: string | undefined;
  /** RegistrationResponseJSON. */
  readonly passkey: unknown;
  /** The name of the passkey. */
  readonly name: string | undefined;
  readonly superseded: SupersededTokens;
  readonly idempotencyKey: string | undefined;
}

/** Rejects like `proveMailbox` and `enter`, and with `password_rejected`, `login_taken` or `registration_closed`. */
export async function finishRegistration(
  deps: Deps,
  input: RegistrationInput,
  caller: Caller,
): Promise<Grant & Enrolled> {
  const { clock, settings } = deps;
  requireOutbox(deps);
  if (settings.registration === "closed") throw closed();
  if ((input.password === undefined) === (input.passkey === undefined))
    throw new AmphoError("invalid_request", 'Send "password" or "passkey".');
  const origin: Origin = { actor: "user", ...caller };
  // A registration that began while registration was open needs an invitation by now.
  const read = readProof(
    deps,
    input,
    settings.registration === "open" ? ["register", "invite"] : ["invite"],
    clock.now(),
  );
  const { transaction } = read;
  const address = requireAddress(transaction.email ?? "");
  const binding = bindingOf(transaction, address);
  const key = accountKeyOf(deps.directory, address.canonical, undefined);
  const mailbox = { binding, account: undefined, isThere: true, key, known: undefined, origin };
  const allowed = await proveMailbox(deps, read, mailbox);
  const settled = <T>(rest: Promise<T>): Promise<T> => settleUnlessDone(rest, allowed);
  const roles = await settled(rolesOf(deps, transaction));
  const login = transaction.login ?? address.address;
  const secret = await settled(proveSecret(deps, input, transaction, login, origin));
  const { idempotencyKey } = input;
  const repetition: Entrance = { origin, now: clock.now(), typed: login, idempotencyKey };
  const repeated = await settled(repeatOwn(deps, transaction, address, secret, repetition));
  if (repeated !== undefined) {
    await allowed?.succeeded();
    await endSuperseded(deps, repeated, input.superseded, origin);
    return { ...(secret.codes && { recovery_codes: secret.codes }), ...repeated };
  }
  const created = await settled(
    draftAccount(deps, {
      ...{ transaction, address, roles, invitation: transaction.inv, login: transaction.login },
      ...{ password: input.password, passwordHash: secret.passwordHash, origin },
      existsMail: {
        ...{ kind: "account_exists", userId: undefined, address: address.address, language: caller.language ?? "en" },
        ...{ claims: { agent: caller.agent ?? null }, until: transaction.exp },
      },
    }),
  );
  const now = clock.now();
  const proven: Proven = {
    amr: ["mail", ...secret.amr],
    at: now,
    transaction,
    attempt: allowed?.asSucceeded(created.account.id),
    enrol: secret.enrol,
    register: created.register,
    isNewUser: true,
  };
  const grant = await enter(deps, created.account, proven, { ...repetition, now });
  await endSuperseded(deps, grant, input.superseded, origin);
  return { ...(secret.codes && { recovery_codes: secret.codes }), ...grant };
}

/**
 * The grant of a lost response again, for a user of an application's own table. A user of the database gets it from the gate.
 * The session that this transaction bought must be that user's, so another user with the address gets none.
 */
async function repeatOwn(
  deps: Deps,
  transaction: OpenTransaction,
  { canonical }: Address,
  { enrol }: Secret,
  entrance: Entrance,
): Promise<Grant | undefined> {
  const { directory, store, revocations } = deps;
  const { idempotencyKey, now, origin } = entrance;
  if (directory.inDatabase || idempotencyKey === undefined) return undefined;
  const account = await directory.findByAddress(canonical);
  if (account === undefined || account.disabled) return undefined;
  if (enrol === undefined || !("passkey" in enrol.factor)) return repeat(deps, account, transaction, entrance);
  // A registration with another passkey is no repetition.
  const { passkey, codes } = enrol.factor;
  const { passkeys } = await store.listPasskeys(account.id);
  if (!passkeys.some(({ id }) => id === passkey.id)) return undefined;
  const grant = await repeat(deps, account, transaction, entrance);
  const sessionId = sessionIdOf(deps, grant?.token);
  if (grant === undefined || sessionId === undefined) return undefined;
  // The recovery codes of the account were in the lost response. Those of this response replace them.
  const outcome = await store.replaceRecoveryCodes({
    ...whoOf(deps, account, sessionId, now, origin),
    codes,
    isRepeated: true,
  });
  if (outcome.outcome !== "done") throw transactionOver();
  revocations.add(outcome.revocations);
  return grant;
}

/** Roles come from the invitation, and never from a request. */
async function rolesOf({ store }: Deps, { inv }: OpenTransaction): Promise<readonly string[]> {
  if (inv === undefined) return [];
  const invitation = await store.findInvitation(inv);
  if (invitation === undefined) throw closed();
  return invitation.roles;
}

interface Secret {
  readonly passwordHash: string | null;
  readonly amr: readonly string[];
  readonly enrol?: NonNullable<Proven["enrol"]>;
  readonly codes?: readonly string[];
}

async function proveSecret(
  deps: Deps,
  { password, passkey: response, name }: RegistrationInput,
  transaction: OpenTransaction,
  login: string,
  origin: Origin,
): Promise<Secret> {
  if (password !== undefined) {
    await requirePassword(deps.policy, password, { login, userId: undefined, origin });
    const hashed = deps.directory.inDatabase ? await deps.passwords.hash(password, { fairnessKey: login }) : null;
    return { passwordHash: hashed, amr: ["pwd"] };
  }
  const { uh: handle } = transaction;
  if (deps.relyingParty === undefined || handle === undefined) throw transactionOver();
  const passkey = await verifyNewPasskey(
    deps,
    deps.relyingParty,
    { response, name, transaction, use: "login" },
    (reason) =>
      deps.store.recordAudit({ at: deps.clock.now(), event: "factor_refused", reason: `passkey_${reason}`, origin }),
  );
  const codes = createRecoveryCodes();
  const method = passkeyMethod(passkey.backupEligible);
  return {
    passwordHash: null,
    amr: [],
    enrol: { factor: { passkey, handle, codes: codes.map(hashOf) }, method },
    codes,
  };
}
