// A login with the identity at an outside provider that was proven.

import type { Origin } from "../../audit/entry.js";
import type { OpenTransaction } from "../../factors/transactions.js";
import type { OutsideIdentity, Provider } from "../../providers/provider.js";
import type { ProvenIdentity } from "../../store/sql/identities.js";
import type { Account } from "../../users/directory.js";
import type { Grant } from "../../wire/login.js";
import type { Deps } from "../deps.js";
import { liveOf } from "../find/account.js";
import { enter } from "../gate/enter.js";
import type { GateProof, LoginContext } from "../gate/gate-proof.js";

/** The rest of the request, with the digest of its key and its proof. */
export interface OutsideEntrance {
  readonly device: string | undefined;
  readonly bearer: string | undefined;
  readonly remember: boolean | undefined;
  readonly idempotency: string | undefined;
}

/** An identity, with the transaction that has proven it. */
export interface ProvenLogin {
  readonly identity: OutsideIdentity;
  readonly transaction: OpenTransaction;
  readonly provider: Provider;
  readonly proven: ProvenIdentity;
  /** When the user has signed in at the provider. Undefined: now. */
  readonly authTime: number | undefined;
}

/** Passes the gate with an identity. `isNew`: the account gets it. */
export function enterAs(
  deps: Deps,
  account: Account,
  { identity, transaction, proven, authTime }: ProvenLogin,
  { isNew, ...more }: Pick<GateProof, "register" | "isNewUser" | "provesEmail"> & { readonly isNew: boolean },
  { device, bearer, remember, idempotency }: OutsideEntrance,
  origin: Origin,
): Promise<Grant> {
  const now = deps.clock.now();
  const context: LoginContext = {
    ...{ origin, now, remember, idempotency },
    device: deps.deviceProofs.readOf(account, device, now),
    live: liveOf(deps, bearer, account.id),
  };
  const amr = identity.hasSecondFactor ? ["fed", "mfa"] : ["fed"];
  return enter(deps, account, { amr, at: now, authTime, transaction, identity: { proven, isNew }, ...more }, context);
}
