// A login at an outside provider (docs/guides/providers.md). The identity is the issuer and the subject. It is one first factor, and the
// gate asks for more where the account or its policy does.

import type { Origin } from "../../audit/entry.js";
import type { OutsideIdentity } from "../../providers/provider.js";
import type { Grant } from "../../wire/login.js";
import type { Caller, Deps } from "../deps.js";
import { requireAccount } from "../find/account.js";
import { proveUnlessOver } from "../find/transaction-over.js";
import { digestOfProof, grantAgainUnnamed } from "../gate/grant-again.js";
import { authTimeOf, identify, provenOf, requireProvider } from "../prove/identity.js";
import { enterAs } from "./enter-as.js";
import { enterUnknown } from "./outside-unknown.js";
import type { LoginRequest, SentOutside } from "./sent.js";

/** Rejects like `identify` and `enter`, and with `link_needed` or `registration_closed` for an unknown identity. */
export async function logInOutside(
  deps: Deps,
  { sent: { transaction: token, response }, ...input }: LoginRequest & { readonly sent: SentOutside },
  caller: Caller,
): Promise<Grant> {
  const { transactions, store, clock } = deps;
  const origin: Origin = { actor: "user", ...caller };
  const transaction = transactions.readOpen(token, ["outside"], clock.now());
  const provider = requireProvider(deps, transaction.prv);
  const { provider: sender, code, state, iss } = response;
  const idempotency = digestOfProof(input.idempotencyKey, { sender, code, state, iss });
  // The provider accepts a code once, so a repetition must not reach it.
  const repeat = () => grantAgainUnnamed(deps, transaction, idempotency, input, origin);
  const repeated = await repeat();
  if (repeated !== undefined) return repeated;
  let identity: OutsideIdentity;
  try {
    const prove = () => identify(deps, provider, transaction, response, origin);
    identity = await proveUnlessOver(deps, transaction, prove);
  } catch (error) {
    // The first request was still at the provider when this one began.
    const first = await repeat();
    if (first !== undefined) return first;
    throw error;
  }
  const found = await store.findIdentity(identity);
  const authTime = await authTimeOf(deps, provider, identity, transaction, origin);
  const proven = { identity, transaction, provider, authTime, proven: provenOf(provider, identity) };
  const more = { ...input, idempotency };
  if (found === undefined) return enterUnknown(deps, proven, more, caller);
  const account = await requireAccount(deps, { user: found.user, userId: found.identity.userId }, origin);
  return enterAs(deps, account, proven, { isNew: false }, more, origin);
}
