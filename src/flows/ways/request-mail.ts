// The beginning of a login or a reset by mail (docs/guides/mailed-links.md). A known and an unknown login cause the same statements, the same
// response and the same limits. Nothing is written but a count, an audit row and the mail.

import type { AuditEntry, Origin } from "../../audit/entry.js";
import { canReset, opensByMailbox } from "../../users/directory.js";
import type { MailBegun } from "../../wire/begun.js";
import type { Caller, Deps } from "../deps.js";
import { nameByLogin } from "../find/account-key.js";
import { leastTime, requireOutbox } from "../find/mail.js";
import { bindingOf, claimsOf } from "../prove/mail-claims.js";

/** The interval between two mails to one account. */
const resendSeconds = 60;

export interface MailRequestInput {
  readonly login: string;
  readonly device: string | undefined;
}

/** A login by mail. Rejects with `too_many_attempts`, `not_found` or `unavailable`. */
export async function beginMailLogin(
  deps: Deps,
  input: MailRequestInput,
  caller: Caller,
): Promise<Required<MailBegun>> {
  return begin(deps, "mail", input, caller);
}

/** A reset of the password. Rejects like `beginMailLogin`. */
export async function beginReset(deps: Deps, input: MailRequestInput, caller: Caller): Promise<Required<MailBegun>> {
  return begin(deps, "reset", input, caller);
}

/** The requests, by the purpose of their transactions. */
const requests = {
  mail: { kind: "login", event: "mail_queued", canReceive: opensByMailbox },
  reset: { kind: "reset", event: "reset_begun", canReceive: canReset },
} as const;

async function begin(
  deps: Deps,
  purpose: keyof typeof requests,
  input: MailRequestInput,
  caller: Caller,
): Promise<Required<MailBegun>> {
  const { throttle, transactions, store, clock, settings } = deps;
  const { kind, event, canReceive } = requests[purpose];
  requireOutbox(deps);
  const origin: Origin = { actor: "user", ...caller };
  const { login } = input;
  const { key, known, find } = await nameByLogin(deps, login, input.device);
  const allowed = await throttle.allowMail({ account: key, known, origin });
  const least = leastTime();
  const { account, binding } = await allowed.run(async () => {
    const account = await find();
    return { account, binding: await bindingOf(deps, purpose, account) };
  });
  const now = clock.now();
  // As it was typed. An application's own table finds a user by the spelling that it knows, and the compared form can have
  // 18 times as many characters.
  const { token, begun } = transactions.beginOpen(purpose, { login }, now, settings.codeTtl);
  const isEligible = account !== undefined && !account.disabled && canReceive(account);
  const reason = account === undefined ? "unknown_login" : account.disabled ? "disabled" : "no_address";
  const about = isEligible ? { userId: account.id, login: account.login } : { reason };
  await store.queueMail({
    draft: {
      kind,
      userId: account?.id,
      address: isEligible ? (account.email?.address ?? "") : "",
      claims: claimsOf(begun, binding, caller),
      language: caller.language ?? "en",
      until: begun.exp,
    },
    attempt: allowed.attempt(),
    audit: { at: now, event, ...about, origin } satisfies AuditEntry,
    now,
  });
  await least;
  return { transaction: token, match: transactions.match(begun), expires: begun.exp, resend: now + resendSeconds };
}
