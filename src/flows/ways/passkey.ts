// A login by passkey alone (docs/guides/passkeys.md). The challenge comes from a transaction that any page can begin, and the passkey
// names its account.

import type { Origin } from "../../audit/entry.js";
import { transactionOver } from "../../errors.js";
import type { Grant } from "../../wire/login.js";
import type { Caller, Deps } from "../deps.js";
import { liveOf, requireAccount } from "../find/account.js";
import { proveUnlessOver } from "../find/transaction-over.js";
import { type Entrance, enter, repeat } from "../gate/enter.js";
import { digestOfProof } from "../gate/idempotency.js";
import { findPasskeyOf, judgeSignCount, requireParty, verifyPasskey } from "../prove/passkey.js";

export interface PasskeyLoginInput {
  readonly transaction: string;
  readonly passkey: unknown;
  readonly device: string | undefined;
  readonly bearer: string | undefined;
  readonly idempotencyKey: string | undefined;
}

/** Rejects with `unknown_passkey`, `invalid_credentials`, `factor_needed` or `transaction_over`. */
export async function logInByPasskey(deps: Deps, input: PasskeyLoginInput, caller: Caller): Promise<Grant> {
  const { transactions, deviceProofs, clock } = deps;
  const origin: Origin = { actor: "user", ...caller };
  const transaction = transactions.readOpen(input.transaction, ["login"], clock.now());
  requireParty(deps);
  const presented = await proveUnlessOver(deps, transaction, async () => {
    const found = await findPasskeyOf(deps, input.passkey);
    const account = await requireAccount(deps, { user: found.user, userId: found.passkey.userId }, origin);
    // An assertion that an attacker has kept is void if the user is disabled or all tokens of the user are revoked meanwhile.
    const { id: sub, login } = account;
    if (deps.revocations.find({ login, sub, iat: transaction.iat }) !== undefined) throw transactionOver();
    const sent = { found, account, transaction, origin, response: input.passkey, isKnown: false };
    return { ...sent, verified: await verifyPasskey(deps, sent) };
  });
  const { account, verified } = presented;
  const now = clock.now();
  const device = deviceProofs.readOf(account, input.device, now);
  const live = liveOf(deps, input.bearer, account.id);
  const idempotency = digestOfProof(input.idempotencyKey, { passkey: input.passkey });
  const entrance: Entrance = { origin, now, device, live, idempotency };
  // After a lost response the same assertion comes again. Its counter is that of the row then, which shows no copy.
  const repeated = verified.counter === "behind" ? await repeat(deps, account, transaction, entrance) : undefined;
  if (repeated !== undefined) return repeated;
  const factor = await judgeSignCount(deps, presented, verified);
  return enter(deps, account, { amr: [], at: now, factor, transaction }, entrance);
}
