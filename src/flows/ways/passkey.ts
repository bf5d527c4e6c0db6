// A login by passkey alone (docs/guides/passkeys.md), which names its account.
import { transactionOver } from "../../errors.js";
import { liveOf, requireAccount } from "../find/account.js";
import { proveUnlessOver } from "../find/errors.js";
import { enter } from "../gate/enter.js";
import type { LoginContext } from "../gate/gate-proof.js";
import { digestOfProof, grantAgain } from "../gate/grant.js";
import { findPasskeyOf, judgeSignCount, requireParty, verifyPasskey } from "../prove/passkey.js";
import type { Way } from "./sent.js";

/** Rejects with `unknown_passkey`, `invalid_credentials`, `factor_needed` or `transaction_over`. */
export const logInByPasskey: Way<"passkey"> = async (deps, { sent, ...input }, origin) => {
  const { transactions, deviceProofs, clock } = deps;
  const { passkey } = sent;
  const transaction = transactions.readOpen(sent.transaction, ["login"], clock.now());
  requireParty(deps);
  const presented = await proveUnlessOver(deps, transaction, async () => {
    const found = await findPasskeyOf(deps, passkey);
    const account = await requireAccount(deps, { user: found.user, userId: found.passkey.userId }, origin);
    // An assertion that an attacker has kept is void if the user is disabled or revoked meanwhile.
    const { id: sub, login } = account;
    if (deps.revocations.find({ login, sub, iat: transaction.iat }) !== undefined) throw transactionOver();
    const presented = { found, account, transaction, origin, response: passkey, isKnown: false };
    return { ...presented, verified: await verifyPasskey(deps, presented) };
  });
  const { account, verified } = presented;
  const now = clock.now();
  const device = deviceProofs.readOf(account, input.device, now);
  const live = liveOf(deps, input.bearer, account.id);
  const idempotency = digestOfProof(input.idempotencyKey, { passkey });
  const context: LoginContext = { origin, now, superseded: input.superseded, device, live, idempotency };
  // After a lost response the same assertion comes again. Its counter is that of the row then, which shows no copy.
  const repeated = verified.counter === "behind" ? await grantAgain(deps, account, transaction, context) : undefined;
  if (repeated !== undefined) return repeated;
  const factor = await judgeSignCount(deps, presented, verified);
  return enter(deps, account, { amr: [], at: now, factor, transaction }, context);
};
