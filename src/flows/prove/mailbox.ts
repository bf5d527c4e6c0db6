// Checks a mailed code or link (docs/guides/mail-flows.md). A link in another browser also needs the number that only
// the asking browser shows. So a scanner that opens every link uses none up.
import type { AuditEntry, Origin } from "../../audit/entry.js";
import type { AuditEvent } from "../../audit/events.js";
import { equalText } from "../../crypto/equal.js";
import { AmphoError, invalidRequest, unlessRejected } from "../../errors.js";
import type { MailBinding, OpenPurpose, OpenTransaction, Purpose, Spendable } from "../../factors/transactions.js";
import { mailableLogin } from "../../mail/texts/kinds.js";
import type { MailClaims, MailDraft } from "../../store/sql/rows/mail-rows.js";
import type { AccountKey, AllowedAttempt, KnownDevice } from "../../throttle/allowed-attempt.js";
import type { Account } from "../../users/directory.js";
import type { Caller, Deps } from "../deps.js";
import { wrongCredentials } from "../find/errors.js";

/** One of `code` and `link`, in the form that the route has checked. */
export interface SentProof {
  /** The transaction of the asking browser. */
  readonly transaction: string | undefined;
  readonly code: string | undefined;
  /** The transaction as a link contains it, and its proof. */
  readonly link: string | undefined;
  readonly match: string | undefined;
}

export type ReadProof = { readonly transaction: OpenTransaction } & (
  | { readonly code: string }
  | { readonly proof: string; readonly isSameBrowser: boolean; readonly match: string | undefined }
);

/** Throws `transaction_over`, or `invalid_request` without a code and a link. */
export function readProof(
  { transactions }: Pick<Deps, "transactions">,
  { transaction: own, code, link, match }: SentProof,
  purposes: readonly OpenPurpose[],
  now: number,
): ReadProof {
  if (link !== undefined) {
    const at = link.lastIndexOf(".");
    const transaction = transactions.readLink(link.slice(0, Math.max(at, 0)), purposes, now);
    // The token in the link is none that `readOpen` accepts, so the link alone is not enough.
    // A transaction in a cookie can belong to something else that was begun.
    const begun = own === undefined ? undefined : unlessRejected(() => transactions.readOpen(own, purposes, now));
    const isSameBrowser = begun?.jti === transaction.jti;
    return { transaction, proof: link.slice(at + 1), isSameBrowser, match };
  }
  if (code === undefined) throw invalidRequest('Send "code" or "link".');
  return { transaction: transactions.readOpen(own ?? "", purposes, now), code };
}

export interface Mailbox {
  readonly binding: MailBinding;
  /** The account of the mailbox. Undefined for a registration, and for a login that no account has. */
  readonly account: Account | undefined;
  /** False: no mail was sent, so that no code can be right. */
  readonly mailWasSent: boolean;
  readonly key: AccountKey;
  readonly known: KnownDevice | undefined;
  readonly origin: Origin;
}

/**
 * Resolves to the attempt, which the operation settles that redeems the transaction. Undefined for a link in the
 * browser that asked for it. Rejects also with `match_needed`.
 */
export async function proveMailbox(deps: Deps, read: ReadProof, mailbox: Mailbox): Promise<AllowedAttempt | undefined> {
  return "code" in read ? proveCode(deps, read.transaction, read.code, mailbox) : proveLink(deps, read, mailbox);
}

async function proveLink(
  deps: Deps,
  { transaction, proof, isSameBrowser, match }: Extract<ReadProof, { readonly proof: string }>,
  { binding, mailWasSent, key, origin, account }: Mailbox,
): Promise<AllowedAttempt | undefined> {
  const { transactions, throttle } = deps;
  const right = equalText(proof, transactions.linkProof(transaction, binding)) && mailWasSent;
  // The mailbox itself has begun the reset of an alarm, so no other person can have asked for it.
  if (right && (isSameBrowser || transaction.recovery === "alarm")) return undefined;
  if (right && match === undefined)
    throw new AmphoError(
      "match_needed",
      "This link was opened in another browser. Enter the number that the first browser shows.",
    );
  // Wrong links count too. Otherwise each would write an audit row.
  const allowed = await throttle.allowMatch({ account: key, transaction: transactions.spentHash(transaction), origin });
  if (right && equalText(match ?? "", transactions.match(transaction))) return allowed;
  return reject(deps, allowed, right ? "match" : "link", account, origin);
}

async function reject(
  { clock }: Deps,
  allowed: AllowedAttempt,
  reason: "code" | "link" | "match",
  account: Account | undefined,
  origin: Origin,
  event: AuditEvent = "code_rejected",
): Promise<never> {
  const { id: userId, login } = account ?? {};
  const entry = { at: clock.now(), event, reason, userId, login, origin } as const;
  await allowed.failed(entry, login);
  throw wrongCredentials();
}

/** The same for a code alone, which can also belong to a session or a pending login. */
export async function proveCode(
  deps: Deps,
  transaction: Spendable & { readonly for: OpenPurpose | Purpose },
  code: string,
  { binding, mailWasSent, account, key, known, origin }: Mailbox,
): Promise<AllowedAttempt> {
  const { transactions } = deps;
  const hash = transactions.spentHash(transaction);
  const purpose = transaction.for;
  const allowed = await deps.throttle.allowCode({ purpose, account: key, known, transaction: hash, origin });
  const right = equalText(code, transactions.mailedCode(transaction, binding));
  return right && mailWasSent ? allowed : reject(deps, allowed, "code", account, origin);
}

/** The same for the code that confirms a change of a session. */
export async function proveConfirmation(
  deps: Deps,
  transaction: Spendable,
  code: string,
  { binding, account, origin }: Pick<Mailbox, "binding" | "origin"> & { readonly account: Account },
): Promise<AllowedAttempt> {
  const { transactions, throttle } = deps;
  const { id: userId, login } = account;
  const hash = transactions.spentHash(transaction);
  const allowed = await throttle.allowConfirmation({ userId, login, transaction: hash, origin });
  if (equalText(code, transactions.mailedCode(transaction, binding))) return allowed;
  return reject(deps, allowed, "code", account, origin, "confirmation_rejected");
}

// The claims of a mail in the outbox, from which its code and link are derived later, and what they are bound to.

/** Queues a mail with a code. Nothing else is written but the count of the attempt and the row of the audit log. */
export function queueCode(
  { store }: Pick<Deps, "store">,
  allowed: AllowedAttempt,
  draft: Omit<MailDraft, "language"> & Partial<Pick<MailDraft, "language">>,
  audit: Omit<AuditEntry, "origin">,
  origin: Caller,
): Promise<void> {
  const mail = { draft: { language: origin.language ?? "en", ...draft }, attempt: allowed.attempt() };
  return store.queueMail({ ...mail, audit: { ...audit, origin }, now: audit.at });
}

/** A code is void after another password, another address, or a change of the second factors. */
export async function bindingOf(
  { store }: Pick<Deps, "store">,
  purpose: string,
  account: Account | undefined,
): Promise<MailBinding> {
  const { id: userId = "", email, stored } = account ?? {};
  const { factorsVersion } = await store.listFactors(userId);
  const { passwordVersion } = stored ?? {};
  return { purpose, address: email?.canonical ?? "", userId, passwordVersion, factorsVersion };
}

export function claimsOf(
  transaction: OpenTransaction,
  binding: MailBinding,
  caller: Partial<Pick<Caller, "agent">>,
): MailClaims {
  const { login, email, uh, inv, recovery } = transaction;
  return { ...claimsFor(transaction, binding, caller), ...definedOf({ login, email, uh, inv, recovery }) };
}

/** The login name of the account, for the mail. Its reader might know the address alone. */
export function nameOf(account: Account | undefined): MailClaims {
  const { login = "", email } = account ?? {};
  return definedOf({ name: mailableLogin(login, email?.provenAt !== undefined) });
}

export const claimsFor = (
  { jti, kid, iat, exp, for: purpose }: Spendable & { readonly for: string; readonly iat: number },
  binding: MailBinding,
  { agent }: Partial<Pick<Caller, "agent">>,
): MailClaims => ({ jti, kid, iat, exp, for: purpose, binding: JSON.stringify(binding), ...definedOf({ agent }) });

const definedOf = (members: Readonly<Record<string, string | number | undefined>>): MailClaims =>
  Object.fromEntries(
    Object.entries(members).filter((member): member is [string, string | number] => member[1] !== undefined),
  );
