// A login at an outside provider (docs/guides/providers.md), which is one first factor.
import type { Origin } from "../../audit/entry.js";
import { AmphoError, hasCode, transactionOver } from "../../errors.js";
import type { OpenTransaction, Spendable } from "../../factors/transactions.js";
import { type Address, isSameMailbox, parseAddress } from "../../logins/address.js";
import type { OutsideIdentity, Provider } from "../../providers/provider.js";
import type { ProvenIdentity } from "../../store/sql/rows/identities.js";
import { type Account, mailboxOf, opensByMailbox, unprovenEmailOf } from "../../users/directory.js";
import type { Grant } from "../../wire/login.js";
import type { Caller, Deps } from "../deps.js";
import { liveOf, requireAccount } from "../find/account.js";
import { accountKeyOf, nameByAddress } from "../find/account-key.js";
import { proveUnlessOver } from "../find/errors.js";
import { canRegister } from "../find/ways.js";
import { enter } from "../gate/enter.js";
import type { GateProof } from "../gate/gate-proof.js";
import { digestOfProof, grantAgainUnnamed, repeatable } from "../gate/grant.js";
import {
  authTimeOf,
  decodeIdentity,
  encodeIdentity,
  hasVerifiedEmail,
  identify,
  provenOf,
  recordRejected,
  requireProvider,
} from "../prove/identity.js";
import { bindingOf, claimsFor, proveCode, queueCode } from "../prove/mailbox.js";
import { draftAccount } from "./new-account.js";
import type { LoginRequest, Way } from "./sent.js";

/** Rejects like `identify` and `enter`, and with `link_needed` or `registration_closed` for an unknown identity. */
export const logInOutside: Way<"outside"> = async (deps, { sent, ...input }, origin) => {
  const { transactions, store, clock } = deps;
  const { response } = sent;
  const transaction = transactions.readOpen(sent.transaction, ["outside"], clock.now());
  const provider = requireProvider(deps, transaction.prv);
  const { provider: sender, code, state, iss } = response;
  const idempotency = digestOfProof(input.idempotencyKey, { sender, code, state, iss });
  // The provider accepts a code once, so a repetition must not reach it.
  const again = () => grantAgainUnnamed(deps, transaction, idempotency, input, origin);
  return repeatable(again, async () => {
    const prove = () => identify(deps, provider, transaction, response, origin);
    const identity = await proveUnlessOver(deps, transaction, prove);
    const found = await store.findIdentity(identity);
    const authTime = await authTimeOf(deps, provider, identity, transaction, origin);
    const proven = { identity, transaction, provider, authTime, proven: provenOf(provider, identity) };
    const more = { ...input, idempotency };
    if (found === undefined) return enterUnknown(deps, proven, more, origin);
    const account = await requireAccount(deps, { user: found.user, userId: found.identity.userId }, origin);
    return enterAs(deps, account, proven, { isNew: false }, more, origin);
  });
};

interface OutsideInput extends Omit<LoginRequest, "idempotencyKey"> {
  readonly idempotency: string | undefined;
}

interface ProvenLogin {
  readonly identity: OutsideIdentity;
  readonly transaction: OpenTransaction;
  readonly provider: Provider;
  readonly proven: ProvenIdentity;
  readonly authTime: number | undefined;
}

/** Passes the gate with an identity. `isNew`: the account gets it. */
function enterAs(
  deps: Deps,
  account: Account,
  { identity, transaction, proven, authTime }: ProvenLogin,
  {
    isNew,
    ...more
  }: Pick<GateProof, "register" | "isNewUser" | "provesEmail" | "factorsVersion"> & { readonly isNew: boolean },
  { bearer, remember, superseded, idempotency, ...sent }: OutsideInput,
  origin: Origin,
): Promise<Grant> {
  const now = deps.clock.now();
  const device = deps.deviceProofs.readOf(account, sent.device, now);
  const live = liveOf(deps, bearer, account.id);
  const context = { origin, now, remember, superseded, idempotency, device, live };
  const amr = identity.hasSecondFactor ? ["fed", "mfa"] : ["fed"];
  return enter(deps, account, { amr, at: now, authTime, transaction, identity: { proven, isNew }, ...more }, context);
}

// An address alone links no identity: it can be another person's, and the provider can be wrong about it.

/** Rejects with `link_needed`, `registration_closed`, `address_needed` or `too_many_attempts`, or like `enter`. */
async function enterUnknown(deps: Deps, login: ProvenLogin, input: OutsideInput, origin: Caller): Promise<Grant> {
  const { identity } = login;
  const address = identity.email === undefined ? undefined : parseAddress(identity.email);
  if (address === undefined && canRegister(deps)) {
    await recordRejected(deps, login.provider, "no_address", origin);
    throw new AmphoError("address_needed", "A new account needs an address, and the provider has sent none.");
  }
  if (address === undefined) throw await recordClosed(deps, login, origin);
  // A response must not reveal whether an account has an address that is not proven.
  if (!identity.emailVerified) {
    if (deps.outbox === undefined) throw await recordClosed(deps, login, origin);
    throw await mailLinkCode(deps, login, address, ["mail"], origin);
  }
  const account = await deps.directory.findByAddress(address.canonical);
  if (account !== undefined) {
    // Another login has created the account with this identity meanwhile.
    if ((await deps.store.findIdentity(identity)) !== undefined) throw transactionOver();
    // The provider speaks for its own spelling, and another mailbox can have the same compared form.
    const isOwn = account.email !== undefined && isSameMailbox(account.email.address, address.address);
    if (identity.ownsDomain && isOwn && opensByMailbox(account) && !account.disabled) {
      const { factorsVersion } = await deps.store.listFactors(account.id);
      // The address can have changed before the version was read. A later change moves the version.
      const present = await deps.directory.findByAddress(address.canonical);
      if (present?.id !== account.id || present.email?.address !== account.email?.address) throw transactionOver();
      const linking = { isNew: true, provesEmail: unprovenEmailOf(account), factorsVersion };
      return enterAs(deps, account, login, linking, input, origin);
    }
    throw await mailLinkCode(deps, login, address, ["login", "mail"], origin);
  }
  const registration = await registrationFor(deps, address);
  if (registration === undefined) throw await recordClosed(deps, login, origin);
  // A provider can report the former owner of an address. An invitation gives its roles to who has the mailbox now.
  const isEnough = identity.speaksForEmail && registration.invitation === undefined;
  if (!isEnough && deps.outbox !== undefined) throw await mailLinkCode(deps, login, address, ["mail"], origin);
  if (!isEnough) throw await recordClosed(deps, login, origin);
  const { account: created, register } = await draftFor(deps, login.transaction, address, registration, origin);
  return enterAs(deps, created, login, { isNew: true, register, isNewUser: true }, input, origin);
}

type Registration = NonNullable<Awaited<ReturnType<typeof registrationFor>>>;

const draftFor = (deps: Deps, transaction: Spendable, address: Address, registration: Registration, origin: Origin) =>
  draftAccount(deps, { transaction, address, login: undefined, ...registration, origin });

async function recordClosed(deps: Deps, { provider }: ProvenLogin, origin: Origin): Promise<AmphoError> {
  await recordRejected(deps, provider, "no_account", origin);
  return registrationClosed();
}

const registrationClosed = () =>
  new AmphoError("registration_closed", "No account belongs to this identity, and registration is closed.");

/** Undefined: no account can be created for the address. */
async function registrationFor(deps: Deps, { address, canonical }: Address) {
  if (!canRegister(deps)) return undefined;
  const { settings, store, clock } = deps;
  // An invitation was mailed to one spelling, and another mailbox can have the same compared form.
  const invitations = await store.findInvitationsFor({ canonical, now: clock.now() });
  const invitation = invitations.find(({ email }) => isSameMailbox(email, address));
  if (invitation !== undefined) return { roles: invitation.roles, invitation: invitation.id };
  return settings.registration === "open" ? { roles: [], invitation: undefined } : undefined;
}

/** Sends a code to the address, if it leads to an account. The response is the same for every address. */
async function mailLinkCode(
  deps: Deps,
  { proven, identity, authTime }: ProvenLogin,
  address: Address,
  ways: readonly ("login" | "mail")[],
  caller: Caller,
): Promise<AmphoError> {
  const { transactions, clock } = deps;
  const now = clock.now();
  const contents = { email: address.address, idn: encodeIdentity(proven, identity.emailVerified), aut: authTime };
  const { token, begun } = transactions.beginOpen("identity", contents, now);
  const open: readonly string[] = (await isMailed(deps, begun, address, caller)) ? ways : ["login"];
  if (!ways.some((way) => open.includes(way)))
    throw new AmphoError("too_many_attempts", "Too many mails. Try again later.", { retryAfterSeconds: 60 });
  return new AmphoError("link_needed", "This identity belongs to no account yet. Prove the account or the address.", {
    transaction: token,
    ways: open,
  });
}

/** False: no mail can be sent to this address at the moment. */
async function isMailed(deps: Deps, begun: OpenTransaction, { address, canonical }: Address, origin: Caller) {
  const { throttle, outbox } = deps;
  if (outbox === undefined) return false;
  const { key, find } = await nameByAddress(deps, canonical);
  const allowed = await throttle.allowMail({ account: key, origin }).catch((error: unknown) => {
    if (hasCode(error, "too_many_attempts")) return undefined;
    throw error;
  });
  if (allowed === undefined) return false;
  const { account, binding, isOpen } = await allowed.run(async () => {
    const account = await find();
    const binding = { ...(await bindingOf(deps, purpose, account)), address: canonical };
    return { account, binding, isOpen: await leadsToAccount(deps, account, { address, canonical }) };
  });
  // Never to the spelling of the provider, because another mailbox can have that one.
  const to = { userId: account?.id, address: isOpen ? mailboxFor(account, address) : "" };
  const draft = { kind: "identity", ...to, claims: claimsFor(begun, binding, origin), until: begun.exp };
  const audit = { userId: account?.id, login: account?.login, reason: "identity" };
  await queueCode(deps, allowed, draft, { at: deps.clock.now(), event: "mail_queued", ...audit }, origin);
  return true;
}

const purpose = "identity";

async function leadsToAccount(deps: Deps, account: Account | undefined, address: Address): Promise<boolean> {
  if (account === undefined) return (await registrationFor(deps, address)) !== undefined;
  return !account.disabled && opensByMailbox(account);
}

const mailboxFor = (account: Account | undefined, address: string): string =>
  account === undefined ? address : (account.email?.address ?? "");

/** The identity of `link_needed`, for a login by which the user proves the account. */
interface PendingIdentity {
  readonly transaction: OpenTransaction;
  readonly proven: ProvenIdentity;
}

/** Rejects with `transaction_over` unless the account has the address that the provider has verified. */
export async function identityFor(deps: Deps, token: string, account: Account): Promise<PendingIdentity> {
  const transaction = deps.transactions.readOpen(token, [purpose], deps.clock.now());
  const address = parseAddress(transaction.email ?? "");
  // Without a verified address, only its mailbox can prove that the identity and the account are of one person.
  if (address === undefined || !hasVerifiedEmail(transaction.idn)) throw transactionOver();
  const holder = await deps.directory.findByAddress(address.canonical);
  const isSame = holder?.id === account.id && isSameMailbox(mailboxOf(holder) ?? "", address.address);
  if (!isSame) throw transactionOver();
  return { transaction, proven: decodeIdentity(transaction.idn) };
}

/** A login by the code that was mailed for `link_needed`. It links the identity, or creates an account with it. */
export const logInByIdentityCode: Way<"identityCode"> = async (deps, { sent, ...input }, origin) => {
  const { transactions, directory, clock } = deps;
  const { code } = sent;
  const transaction = transactions.readOpen(sent.transaction, [purpose], clock.now());
  const proven = decodeIdentity(transaction.idn);
  const idempotency = digestOfProof(input.idempotencyKey, { code });
  // The code is bound to an account as it was before, which this login can have created.
  const again = () => grantAgainUnnamed(deps, transaction, idempotency, input, origin);
  return repeatable(again, async () => {
    const { remember, superseded } = input;
    const address = parseAddress(transaction.email ?? "");
    if (address === undefined || deps.outbox === undefined || deps.providers.find(proven.provider) === undefined)
      throw transactionOver();
    const { canonical } = address;
    const account = await directory.findByAddress(canonical);
    const binding = { ...(await bindingOf(deps, purpose, account)), address: canonical };
    const device = account && deps.deviceProofs.readOf(account, input.device, clock.now());
    const mailWasSent = await leadsToAccount(deps, account, address);
    const key = accountKeyOf(directory, canonical, account);
    const mailbox = { binding, account, mailWasSent, key, known: device, origin };
    const allowed = await proveCode(deps, transaction, code, mailbox);
    const now = clock.now();
    const common = { amr: ["fed", "mail"], at: transaction.iat, transaction, identity: { proven, isNew: true } };
    if (account === undefined) {
      const registration = await registrationFor(deps, address);
      if (registration === undefined) throw registrationClosed();
      const { account: created, register } = await draftFor(deps, transaction, address, registration, origin);
      const further = { register, isNewUser: true, attempt: allowed.asSucceeded(created.id) } as const;
      return enter(deps, created, { ...common, ...further }, { origin, now, superseded, idempotency });
    }
    const further = { provesEmail: unprovenEmailOf(account), factorsVersion: binding.factorsVersion };
    const proof = { ...common, ...further, attempt: allowed.asSucceeded(account.id) };
    const live = liveOf(deps, input.bearer, account.id);
    return enter(deps, account, proof, { origin, now, superseded, live, device, remember, idempotency });
  });
};
