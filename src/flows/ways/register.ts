// Registration (docs/guides/mail-flows.md). Nothing of an account exists before its address is proven, and no password
// is hashed. So an attacker can prepare nothing for another person's address.
import type { Origin } from "../../audit/entry.js";
import { AmphoError, invalidRequest, transactionOver } from "../../errors.js";
import { createUserHandle, creationOptions } from "../../factors/passkey/relying-party.js";
import { createRecoveryCodes, hashOfCode } from "../../factors/recovery/recovery-codes.js";
import type { MailBinding, OpenPurpose, OpenTransaction } from "../../factors/transactions.js";
import { passkeyMethod } from "../../levels/methods.js";
import { type Address, isSameMailbox, spellLogin } from "../../logins/address.js";
import { checkNewLogin } from "../../logins/login-name.js";
import { mailboxOf } from "../../users/directory.js";
import type { RegistrationBegun } from "../../wire/begun.js";
import type { Grant, RecoveryCodes } from "../../wire/login.js";
import type { Deps, Flow } from "../deps.js";
import { accountKeyOf, nameByAddress } from "../find/account-key.js";
import { settleOnError } from "../find/errors.js";
import { leastTime, requireAddress, requireOutbox, requireOwnAddress, requirePassword } from "../find/rules.js";
import type { SupersededTokens } from "../gate/end-sessions.js";
import { enter } from "../gate/enter.js";
import type { GateProof, LoginContext } from "../gate/gate-proof.js";
import { digestOfProof, grantAgain, repeatable } from "../gate/grant.js";
import { claimsOf, proveMailbox, queueCode, readProof, type SentProof } from "../prove/mailbox.js";
import { verifyNewPasskey } from "../prove/passkey.js";
import { draftAccount } from "./new-account.js";

const closed = () =>
  new AmphoError(
    "registration_closed",
    "Registration is closed, or the invitation is not valid. Ask for an invitation.",
  );

export interface RegistrationStart {
  readonly email: string;
  readonly login: string | undefined;
  /** The invitation of a mailed link. */
  readonly invite: string | undefined;
}

/** Rejects with `registration_closed`, `invalid_request`, `too_many_attempts` or `unavailable`. */
export const beginRegistration: Flow<Required<RegistrationBegun>, RegistrationStart> = async (deps, input, origin) => {
  const { transactions, throttle, clock, relyingParty: party } = deps;
  requireOutbox(deps);
  const address = requireAddress(input.email);
  const chosen = requireLogin(input.login, address);
  const invitation = await requireInvitation(deps, input.invite, address, clock.now());
  const { canonical } = address;
  const { key, find } = await nameByAddress(deps, canonical);
  const allowed = await throttle.allowMail({ account: key, origin });
  const least = leastTime();
  const account = await allowed.run(find);
  const now = clock.now();
  const purpose = invitation === undefined ? "register" : "invite";
  const uh = party && createUserHandle();
  const contents = { email: address.address, login: chosen, uh, inv: invitation?.id };
  const { token, begun } = transactions.beginOpen(purpose, contents, now);
  // The response is the same, and only the mailbox learns that it has an account.
  const to = account === undefined ? address.address : (mailboxOf(account) ?? "");
  const draft = { kind: account === undefined ? "register" : "account_exists", userId: account?.id, address: to };
  const code = { ...draft, claims: claimsOf(begun, bindingOf(begun, address), origin), until: begun.exp };
  const audit = { userId: account?.id, login: account?.login, reason: "register" };
  await queueCode(deps, allowed, code, { at: now, event: "mail_queued", ...audit }, origin);
  await least;
  const login = chosen ?? address.address;
  const options = party && creationOptions(party, transactions.passkeyChallenge(begun), optionsFor(uh ?? "", login));
  return { transaction: token, match: transactions.match(begun), expires: begun.exp, passkey: options ?? null };
};

const optionsFor = (handle: string, login: string) => ({ handle, login, use: "login", passkeys: [] }) as const;

const bindingOf = ({ for: purpose, inv }: OpenTransaction, { canonical }: Address): MailBinding => ({
  purpose,
  address: canonical,
  userId: inv,
});

function requireLogin(login: string | undefined, { canonical }: Address): string | undefined {
  if (login === undefined) return undefined;
  const reason = checkNewLogin(login);
  if (reason !== undefined) throw invalidRequest(reason, "login");
  requireOwnAddress(login, canonical);
  return spellLogin(login);
}

async function requireInvitation(
  { settings, store, mailTokens }: Deps,
  token: string | undefined,
  { address }: Address,
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
  if (invitation === undefined || !isValid || !isSameMailbox(invitation.email, address)) throw closed();
  return invitation;
}

export interface RegistrationInput extends SentProof {
  readonly password: string | undefined;
  readonly passkey: unknown;
  readonly name: string | undefined;
  readonly superseded: SupersededTokens;
  readonly idempotencyKey: string | undefined;
}

type Registered = Grant & Partial<RecoveryCodes>;

/** Rejects like `proveMailbox` and `enter`, and with `password_rejected`, `login_taken` or `registration_closed`. */
export const finishRegistration: Flow<Registered, RegistrationInput> = async (deps, input, origin) => {
  const { clock, settings } = deps;
  requireOutbox(deps);
  if (settings.registration === "closed") throw closed();
  if ((input.password === undefined) === (input.passkey === undefined))
    throw invalidRequest('Send "password" or "passkey".');
  // A registration that began while registration was open needs an invitation by now.
  const purposes: readonly OpenPurpose[] = settings.registration === "open" ? ["register", "invite"] : ["invite"];
  const read = readProof(deps, input, purposes, clock.now());
  const { transaction } = read;
  const address = requireAddress(transaction.email ?? "");
  const binding = bindingOf(transaction, address);
  const key = accountKeyOf(deps.directory, address.canonical, undefined);
  const mailbox = { binding, account: undefined, mailWasSent: true, key, known: undefined, origin };
  const login = transaction.login ?? address.address;
  const codes = input.passkey === undefined ? undefined : createRecoveryCodes();
  const { superseded } = input;
  const context = { origin, superseded, typed: login, idempotency: digestOfRequest(input) };
  const repetition: LoginContext = { ...context, now: clock.now() };
  const again = () => repeatRegistration(deps, transaction, address, repetition, codes);
  const grant = await repeatable(again, async () => {
    const allowed = await proveMailbox(deps, read, mailbox);
    const settled = <T>(rest: Promise<T>): Promise<T> => settleOnError(rest, allowed);
    const roles = await settled(rolesOf(deps, transaction));
    const secret = await settled(proveSecret(deps, input, transaction, login, codes, origin));
    const { passwordHash, enrol } = secret;
    const to = { userId: undefined, address: address.address, language: origin.language ?? "en" };
    const claims = { agent: origin.agent ?? null };
    const existsMail = { kind: "account_exists", ...to, claims, until: transaction.exp };
    const user = { address, login, roles, password: input.password, passwordHash, invitation: transaction.inv };
    const { account, register } = await settled(draftAccount(deps, { transaction, ...user, existsMail, origin }));
    const now = clock.now();
    const amr = ["mail", ...secret.amr];
    const attempt = allowed?.asSucceeded(account.id);
    const proven = { amr, at: now, transaction, attempt, enrol, register, isNewUser: true } as const;
    return enter(deps, account, proven, { ...context, now });
  });
  return { ...(codes && { recovery_codes: codes }), ...grant };
};

const digestOfRequest = ({ idempotencyKey, code, link, match, password, passkey }: RegistrationInput) =>
  digestOfProof(idempotencyKey, { code, link, match, password, passkey });

/** The grant of a lost response again, before the code. Its session must be of the user with the address. */
async function repeatRegistration(
  deps: Deps,
  transaction: OpenTransaction,
  { canonical }: Address,
  context: LoginContext,
  codes: readonly string[] | undefined,
): Promise<Grant | undefined> {
  if (context.idempotency === undefined) return undefined;
  const account = await deps.directory.findByAddress(canonical);
  const enabled = account?.disabled === true ? undefined : account;
  return grantAgain(deps, enabled, transaction, context, codes?.map(hashOfCode));
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
  readonly enrol?: NonNullable<GateProof["enrol"]>;
}

async function proveSecret(
  deps: Deps,
  { password, passkey: response, name }: RegistrationInput,
  transaction: OpenTransaction,
  login: string,
  codes: readonly string[] = [],
  origin: Origin,
): Promise<Secret> {
  if (password !== undefined) {
    await requirePassword(deps.policy, password, { login, userId: undefined, origin });
    const hashed = await deps.directory.hashNew(password, { fairnessKey: login });
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
  const method = passkeyMethod(passkey.backupEligible);
  return {
    passwordHash: null,
    amr: [],
    enrol: { factor: { factor: "passkey", passkey, handle, codes: codes.map(hashOfCode) }, method },
  };
}
