// The end of a reset (docs/guides/mail-flows.md). One request contains a mailed code or link, the new password, and a
// second factor where the account has one (NIST SP 800-63B-4 §4.2.2.2). It ends all sessions and never creates one.
import type { Origin } from "../../audit/entry.js";
import { AmphoError, invalidRequest, transactionOver } from "../../errors.js";
import { canonicalLogin } from "../../logins/login-name.js";
import { mailboxOf } from "../../store/sql/account/mailbox-changes.js";
import { type Account, canReset, originFor, unprovenEmailOf } from "../../users/directory.js";
import type { Deps, Flow } from "../deps.js";
import { findAccount, rulesOf } from "../find/account.js";
import { accountKeyOf } from "../find/account-key.js";
import { stillStoring, usedCode, wrongCredentials } from "../find/errors.js";
import { requirePassword } from "../find/rules.js";
import { factorNeededError } from "../gate/factor-needed.js";
import { spendingOf, storedOf } from "../gate/grant.js";
import { offeredFactors, proveFactor, type SentFactor } from "../prove/factor.js";
import {
  bindingOf,
  claimsOf,
  nameOf,
  proveMailbox,
  type ReadProof,
  readProof,
  type SentProof,
} from "../prove/mailbox.js";
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
  const account = await directory.findForMail(login);
  const binding = await bindingOf(deps, "reset", account);
  const recovery = transaction.recovery === "alarm" ? undefined : transaction.recovery;
  // An operator can also begin the recovery of a user who has no address or no password.
  const mailWasSent = account !== undefined && !account.disabled && (recovery !== undefined || canReset(account));
  const key = accountKeyOf(directory, login, account);
  const mailbox = { binding, account, mailWasSent, key, known: undefined, origin };
  const allowed = await proveMailbox(deps, read, mailbox);
  if (account === undefined) throw wrongCredentials();
  const removesFactors = recovery === "without_factors";
  // An operator has set the address of a frozen account. Its mailbox and the number are a first proof.
  const isFrozen = (await deps.store.listFactors(account.id)).frozen === "all";
  const provesEmail = recovery === undefined || isFrozen ? binding.address : undefined;
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
    isRecovery: recovery !== undefined,
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
  if (!(await storeOwnPassword(deps, account, input.newPassword, { origin, since: now }))) throw transactionOver();
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

// The alarm link of a notice (docs/guides/mail-flows.md) needs no login. It closes the account, and gives nothing.

export interface AlarmInput {
  readonly alarm: string;
  /** The kind of the notice. A mail scanner that presses every button states none. */
  readonly change: string;
}

/** Works once for each notice. Rejects with `transaction_over`, `invalid_request`, `settled` or `too_many_attempts`. */
export const raiseAlarm: Flow<void, AlarmInput> = async (deps, { alarm, change }, origin) => {
  const { mailTokens, store, directory, clock, settings, transactions, throttle } = deps;
  const now = clock.now();
  const read = mailTokens.readAlarm(alarm, now);
  if (read === undefined) throw transactionOver();
  if (read.change !== change) throw invalidRequest("This is not the change that the notice reported.", "change");
  const { userId, mailbox, hash, exp } = read;
  const account = await findAccount(deps, userId, read.login);
  const login = account?.login ?? "";
  const allowed = await throttle.allowAlarm({ userId, login: account?.login, origin });
  const typed = account?.stored === undefined ? login : canonicalLogin(login);
  const { begun } = transactions.beginOpen("reset", { login: typed, recovery: "alarm" }, now);
  const canReset = directory.setPassword !== undefined;
  // A table that finds users by their login alone does not report that one is gone. The alarm closes what has the id.
  const unfound = directory.findsById ? "gone" : ({ login: read.login, mailbox: "unknown", canReset } as const);
  const ofTable = account ? { login, mailbox: mailboxOf(account.email), canReset } : unfound;
  const outcome = await allowed.run(() =>
    store.raiseAlarm({
      userId,
      mailbox,
      ownUser: directory.anyUser === false ? ofTable : undefined,
      spend: { hash, until: exp + settings.tokenLeeway, idempotency: undefined },
      attempt: allowed.attempt(),
      reset: {
        claims: { ...claimsOf(begun, { purpose: "reset", address: "" }, {}), ...nameOf(account) },
        language: origin.language ?? "en",
        until: begun.exp,
      },
      now,
      origin: account ? originFor(account, origin) : origin,
    }),
  );
  if (outcome === "settled")
    throw new AmphoError("settled", "This link belongs to an address that the account no longer has.");
};
