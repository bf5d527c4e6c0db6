// A code that is mailed to the account confirms one change of one session (docs/guides/account.md).
import { invalidRequest, transactionOver } from "../../errors.js";
import type { Confirmable } from "../../store/sql/effects/changes.js";
import { languageOfNotices, mailboxIdOf } from "../../store/sql/rows/mail-rows.js";
import type { Account } from "../../users/directory.js";
import type { ConfirmationBegun } from "../../wire/begun.js";
import type { Grant } from "../../wire/login.js";
import type { OwnFlow } from "../deps.js";
import { liveSession } from "../find/account.js";
import { genOf, grantAfter, sessionTransaction } from "../find/own-session.js";
import { requireOutbox } from "../find/rules.js";
import { spendingOf } from "../gate/grant.js";
import { readConfirmation } from "../prove/confirmed.js";
import { claimsFor, nameOf, proveConfirmation, queueCode } from "../prove/mailbox.js";
import { requireRecent } from "../prove/recent.js";
import { factorChangeOf } from "./factor-change.js";

export { confirmables } from "../../store/sql/effects/changes.js";

const purpose = "confirm";

/** Void after another change of the account, and after another login of the session. */
const bindingOf = (account: Account, factorsVersion: number, change: string, session: string, provedGen: number) => ({
  purpose: `${purpose} ${change} ${session} ${provedGen}`,
  address: account.email?.canonical ?? "",
  userId: account.id,
  passwordVersion: account.stored?.passwordVersion,
  factorsVersion,
});

/** Rejects like `requireRecent`, and with `invalid_request` or `too_many_attempts`. */
export const beginConfirmation: OwnFlow<ConfirmationBegun, { readonly change: Confirmable }> = async (
  deps,
  { auth, change },
  caller,
) => {
  const { transactions, throttle, clock } = deps;
  requireOutbox(deps);
  const { sessionId, account, factorsVersion, provedGen } = await requireRecent(deps, auth);
  const { id: userId, login, email } = account;
  const { ways } = await readConfirmation(deps, { account, sessionId }, change, caller);
  if (ways.length === 0) throw invalidRequest("Your account has no proven address, so no code can confirm a change.");
  const allowed = await throttle.allowConfirmationMail({ login, userId, origin: caller });
  const now = clock.now();
  const contents = { ...sessionTransaction(account, factorsVersion, sessionId), use: change };
  const transaction = transactions.begin(purpose, contents, now, transactions.reserve(now));
  const begun = transactions.read(transaction, [purpose], now);
  const claims = claimsFor(begun, bindingOf(account, factorsVersion, change, sessionId, provedGen), caller);
  const draft = {
    kind: purpose,
    language: languageOfNotices,
    userId,
    address: email?.address ?? "",
    claims: { ...claims, ...nameOf(account), change, mailbox: email === undefined ? null : mailboxIdOf(userId, email) },
    until: begun.exp,
  };
  const audit = { at: now, userId, login, sessionId, detail: { change } };
  await queueCode(deps, allowed, draft, { event: "mail_queued", reason: purpose, ...audit }, caller);
  return { transaction, expires: begun.exp };
};

/** Rejects with `invalid_credentials`, `transaction_over` or `too_many_attempts`. */
export const finishConfirmation: OwnFlow<Grant, { readonly transaction: string; readonly code: string }> = async (
  deps,
  { auth, code, ...input },
  origin,
) => {
  const { transactions, store, clock } = deps;
  requireOutbox(deps);
  const transaction = transactions.read(input.transaction, [purpose], clock.now());
  // A transaction of one session is good for this session alone.
  if (transaction.sid !== auth.session || transaction.sub !== auth.id) throw transactionOver();
  const { sessionId, account, provedGen } = await liveSession(deps, auth.session, auth.id);
  const change = transaction.use as Confirmable;
  const { factorsVersion } = await store.listFactors(account.id);
  const binding = bindingOf(account, factorsVersion, change, sessionId, provedGen);
  const allowed = await proveConfirmation(deps, transaction, code, { binding, account, origin });
  const outcome = await store.confirmChange({
    ...factorChangeOf(deps, { account, sessionId, gen: genOf(auth) }, origin),
    change,
    factorsVersion,
    spend: spendingOf(deps, transaction, undefined),
    attempt: allowed.attempt(),
  });
  if (outcome.outcome !== "done") throw transactionOver();
  return grantAfter(deps, account, outcome);
};
