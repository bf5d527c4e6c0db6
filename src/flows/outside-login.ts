// A login at an outside provider (docs/guides/providers.md). The identity is the issuer and the subject. It is one first factor, and the
// gate asks for more where the account or its policy does.

import type { Origin } from "../audit/entry.js";
import type { Grant } from "../sessions/session-tokens.js";
import type { Caller, Deps } from "./deps.js";
import { requireAccount } from "./find-account.js";
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
  const account = await requireAccount(deps, { user: found.user, userId: found.identity.userId }, origin);
  return enterAs(deps, account, proven, { isNew: false }, input, origin);
}
