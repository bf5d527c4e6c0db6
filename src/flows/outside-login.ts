// A login at an outside provider (docs/guides/providers.md). The identity is the issuer and the subject. It is one first factor, and the
// gate asks for more where the account or its policy does.

import type { Origin } from "../audit/entry.js";
import { AmphoError } from "../errors.js";
import type { Grant } from "../sessions/session-tokens.js";
import { type Account, toAccount } from "../users/directory.js";
import { accountById } from "./create-session.js";
import type { Caller, Deps } from "./deps.js";
import { wrongCredentials } from "./login-errors.js";
import { enterAs, identify, type OutsideLoginInput, provenOf, requireProvider } from "./outside-identity.js";
import { enterUnknown } from "./outside-unknown.js";

/** Rejects like `identify` and `enter`, and with `link_needed` or `registration_closed` for an unknown identity. */
export async function logInOutside(deps: Deps, input: OutsideLoginInput, caller: Caller): Promise<Grant> {
  const { transactions, store, clock } = deps;
  const origin: Origin = { actor: "user", ...caller };
  const transaction = transactions.readOpen(input.transaction, ["outside"], clock.now());
  const provider = requireProvider(deps, transaction.prv);
  const identity = await identify(deps, provider, transaction, input.response, origin);
  const found = await store.findIdentity(identity);
  const proven = { identity, transaction, provider, proven: provenOf(provider, identity) };
  if (found === undefined) return enterUnknown(deps, proven, input, caller);
  const account = found.user === undefined ? await ownAccount(deps, found.identity.userId) : toAccount(found.user);
  if (account === undefined || account.disabled) {
    const about = { userId: found.identity.userId, login: account?.login, origin };
    const reason = account === undefined ? "unknown" : "disabled";
    await store.recordAudit({ at: clock.now(), event: "login_rejected", reason, ...about });
    throw wrongCredentials();
  }
  return enterAs(deps, account, proven, { isNew: false }, input, origin);
}

async function ownAccount(deps: Deps, userId: string): Promise<Account | undefined> {
  if (deps.directory.inDatabase) return undefined;
  try {
    return await accountById(deps, userId);
  } catch (error) {
    if (error instanceof AmphoError && error.code === "not_found") return undefined;
    throw error;
  }
}
