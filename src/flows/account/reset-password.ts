// The end of a reset (docs/guides/mail-flows.md). One request contains a mailed code or link, the new password, and a
// second factor where the account has one (NIST SP 800-63B-4 §4.2.2.2). It ends all sessions and never creates one.
import type { Origin } from "../../audit/entry.js";
import { transactionOver } from "../../errors.js";
import { canonicalLogin } from "../../logins/login-name.js";
import { type ReportedChange, renamedBy } from "../../store/sql/mailbox-changes.js";
import { type Account, canReset, originFor, unprovenEmailOf } from "../../users/directory.js";
import type { Deps, Flow } from "../deps.js";
import { findAccount, rulesOf } from "../find/account.js";
import { accountKeyOf } from "../find/account-key.js";
import { stillStoring, usedCode, wrongCredentials } from "../find/errors.js";
import { requirePassword } from "../find/rules.js";
import { factorNeededError } from "../gate/factor-needed.js";
import { spendingOf, storedOf } from "../gate/grant.js";
import { offeredFactors, proveFactor, type SentFactor } from "../prove/factor.js";
import { bindingOf, proveMailbox, type ReadProof, readProof, type SentProof } from "../prove/mailbox.js";
import { storeOwnPassword } from "./change-password.js";

export interface ResetInput {
  readonly proof: SentProof;
  readonly factor: SentFactor | undefined;
  readonly newPassword: string;
}

/** Rejects like `proveMailbox` and `proveFactor`, and with `factor_needed` or `password_rejected`. */
export const finishReset: Flow<void, ResetInput> = async (deps, input, origin) => {
  const { directory, store, clock } = deps;
  const read = readProof(deps, input.proof, ["reset"], clock.now());
  const { transaction } = read;
  const { login = "" } = transaction;
  const account = await directory.findByLogin(login);
  const binding = await bindingOf(deps, "reset", account);
  const { recovery } = transaction;
  // An operator can also begin the recovery of a user who has no address or no password.
  const mailWasSent = account !== undefined && !account.disabled && (recovery !== undefined || canReset(account));
  const key = accountKeyOf(directory, login, account);
  const mailbox = { binding, account, mailWasSent, key, known: undefined, origin };
  const allowed = await proveMailbox(deps, read, mailbox);
  if (account === undefined) throw wrongCredentials();
  const removesFactors = recovery === "without_factors";
  const provesEmail = recovery === undefined ? binding.address : undefined;
  const isFirstProof = provesEmail !== undefined && provesEmail === unprovenEmailOf(account);
  const prepare = async () => {
    // The factor comes last, because a right one counts as wrong if the rest is rejected.
    const passwordHash = await hashNew(deps, account, input.newPassword, origin);
    const asked = { ...read, isFirstProof };
    const factor = removesFactors ? undefined : await requireFactor(deps, account, asked, input.factor, origin);
    return { factor, passwordHash };
  };
  // The code was right, and the user can try again with it.
  const { factor, passwordHash } = await (allowed === undefined ? prepare() : allowed.run(prepare));
  const { factorsVersion = 0 } = binding;
  const now = clock.now();
  const outcome = await store.finishReset({
    userId: account.id,
    login: account.login,
    stored: storedOf(account, undefined),
    passwordHash,
    factorsVersion,
    use: factor?.use,
    now,
    origin: originFor(account, origin),
    rules: rulesOf(deps, account),
    removesFactors,
    provesEmail,
    isFirstProof,
    isOwnUnproven: account.stored === undefined && provesEmail !== undefined && account.email?.provenAt === undefined,
    spend: spendingOf(deps, transaction, undefined),
    attempt: allowed?.asSucceeded(account.id),
    factorAttempt: factor?.attempt,
  });
  if (outcome.outcome === "factor_rejected") throw factor?.use.factor === "totp" ? usedCode() : wrongCredentials();
  if (outcome.outcome === "storing") throw stillStoring();
  if (outcome.outcome !== "done") throw transactionOver();
  await storeOwnPassword(deps, account, input.newPassword, { origin, since: now });
};

/** The first proof of an address ends the factors that another person can have set up. */
async function requireFactor(
  deps: Deps,
  account: Account,
  { transaction, isFirstProof }: ReadProof & { readonly isFirstProof: boolean },
  sent: SentFactor | undefined,
  origin: Origin,
) {
  const { factors: all, given, factorsVersion } = await deps.store.listFactors(account.id);
  const factors = isFirstProof ? given : all;
  if (offeredFactors(deps, factors).length === 0) return undefined;
  if (sent === undefined) {
    const token = deps.transactions.signAgain(transaction) ?? "";
    throw await factorNeededError(deps, account.id, token, factors, () => transaction);
  }
  const own = { ...transaction, factorsVersion };
  return proveFactor(deps, account, sent, { known: undefined, transaction: own, origin });
}

async function hashNew(deps: Deps, account: Account, password: string, origin: Origin): Promise<string | null> {
  await requirePassword(deps.policy, password, { login: account.login, userId: account.id, origin });
  return deps.directory.hashNew(password, { fairnessKey: account.id });
}

// The alarm link of a notice (docs/guides/mail-flows.md) needs no login. It ends the sessions, and undoes the change
// that the notice reported. The holder of a stolen mailbox gains the address or the login name from before.

/** Works once for each notice. Rejects with `transaction_over`. */
export const raiseAlarm: Flow<void, { readonly alarm: string }> = async (deps, { alarm }, origin) => {
  const { mailTokens, store, directory, clock, settings } = deps;
  const now = clock.now();
  const read = mailTokens.readAlarm(alarm, now);
  if (read === undefined) throw transactionOver();
  const { userId, notice, hash, exp } = read;
  const spend = { hash, until: exp + settings.tokenLeeway, idempotency: undefined };
  const about = { userId, notice, stored: directory.anyUser, spend, now, origin };
  const undo = await store.raiseAlarm({ ...about, foreignMaxSeconds: settings.tokenForeignTtl });
  if (undo !== undefined) await undoInTable(deps, userId, undo);
};

/** The table stores both itself. It changes nothing that was changed again. */
async function undoInTable(deps: Deps, userId: string, undo: ReportedChange): Promise<void> {
  const { directory } = deps;
  const renamed = renamedBy(undo);
  if (renamed === undefined && !("email" in undo)) return;
  const account = await findAccount(deps, userId);
  if (account === undefined) return;
  if ("email" in undo && undo.addresses.includes(account.email?.canonical ?? null))
    await directory.setEmail?.(account, undo.email.address);
  if (renamed !== undefined && undo.logins.includes(canonicalLogin(account.login)))
    await directory.setLogin?.(account, renamed.login, { requireLive: async () => {}, afterwards: async () => "done" });
}
