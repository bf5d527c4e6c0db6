// A user with a recent login links and unlinks identities at outside providers (docs/guides/providers.md).
import { AmphoError, invalidRequest, transactionOver } from "../../errors.js";
import { isSameMailbox } from "../../logins/address.js";
import type { OutsideBegun } from "../../wire/begun.js";
import type { Grant } from "../../wire/login.js";
import type { Authenticated, Flow, OwnFlow } from "../deps.js";
import { grantAfter, sessionTransaction } from "../find/own-session.js";
import { configuredWays } from "../find/ways.js";
import { spendingOf } from "../gate/grant.js";
import { requireConfirmed } from "../prove/confirmed.js";
import {
  identify,
  type OutsideStart,
  outsideRequest,
  provenOf,
  requireProvider,
  requireReturnPath,
  type SentResponse,
} from "../prove/identity.js";
import { requireRecent } from "../prove/recent.js";
import { changeOwn, factorChangeOf, requireDone } from "./factor-change.js";

const purpose = "link";

/** Rejects like `requireRecent` and `beginOutside`. */
export const beginIdentity: OwnFlow<Required<OutsideBegun>, OutsideStart> = async (deps, input, caller) => {
  const { transactions, clock } = deps;
  const provider = requireProvider(deps, input.provider);
  const ret = requireReturnPath(deps, input.returnTo);
  const recent = await requireRecent(deps, input.auth);
  const { sessionId, account, factorsVersion } = recent;
  // Only the response shows whether another provider speaks for the mailbox.
  const { kind, believesAddress } = provider.settings;
  if (kind === "oidc" && !believesAddress) await requireConfirmed(deps, recent, "identity_linked", caller);
  const now = clock.now();
  const contents = { ...sessionTransaction(account, factorsVersion, sessionId), prv: provider.settings.name, ret };
  const transaction = transactions.begin(purpose, contents, now);
  return outsideRequest(deps, provider, transaction, transactions.read(transaction, [purpose], now));
};

export interface IdentityInput extends Authenticated {
  readonly transaction: string;
  readonly response: SentResponse;
}

/** Rejects like `identify`, and with `identity_taken` if another account has the identity. */
export const finishIdentity: Flow<Grant, IdentityInput> = async (deps, { auth, response, ...input }, origin) => {
  const { transactions, store, clock } = deps;
  const transaction = transactions.read(input.transaction, [purpose], clock.now());
  // A transaction of one session is good for this session alone. The code of an attacker is sent to no provider.
  if (transaction.sid !== auth.session || transaction.sub !== auth.id) throw transactionOver();
  const provider = requireProvider(deps, transaction.prv);
  const recent = await requireRecent(deps, auth);
  const { account } = recent;
  const identity = await identify(deps, provider, transaction, response, origin);
  const outcome = await store.linkIdentity({
    ...factorChangeOf(deps, recent, origin),
    factorsVersion: transaction.factorsVersion,
    identity: provenOf(provider, identity),
    isVouched: identity.speaksForEmail && isSameMailbox(account.email?.address ?? "", identity.email ?? ""),
    spend: spendingOf(deps, transaction, undefined),
  });
  if (outcome.outcome === "taken")
    throw new AmphoError("identity_taken", "Another account has this identity. Unlink it there first.");
  if (outcome.outcome === "full") throw invalidRequest("Your account has 20 identities.");
  if (outcome.outcome === "changed") throw transactionOver();
  requireDone(outcome);
  return grantAfter(deps, account, outcome);
};

/** Rejects like `requireRecent`, and with `not_found` or `last_way_in`. */
export const removeIdentity: OwnFlow<Grant, { readonly id: string }> = (deps, { auth, id }, origin) =>
  changeOwn(deps, auth, origin, async (who) => {
    const outcome = await deps.store.unlinkIdentity({ ...who, id, ways: configuredWays(deps) });
    if (outcome.outcome === "none") throw new AmphoError("not_found", "Your account has no such identity.");
    if (outcome.outcome === "last_way_in")
      throw new AmphoError("last_way_in", "Without this identity you could not sign in. Add another way first.");
    return outcome;
  });
