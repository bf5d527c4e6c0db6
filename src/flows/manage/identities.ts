// Identities at outside providers of a user, for operators and for `ampho.identities`. Neither can link one: a person
// with this right could otherwise sign in as the user.

import type { Origin } from "../../audit/entry.js";
import { AmphoError } from "../../errors.js";
import { identityIdOf } from "../../store/sql/identities.js";
import type { Deps } from "../deps.js";
import { ownOriginFor, userOf } from "./factors.js";

/** An identity that logs the user in. Times are Unix seconds. */
export interface IdentityView {
  readonly id: string;
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string;
  /** The address that the provider reported last. */
  readonly email: string | null;
  readonly created: number;
  readonly used: number | null;
}

/** `reason` is for the audit log. */
export interface IdentityTarget {
  readonly id: string;
  readonly reason?: string | undefined;
}

type IdentityDeps = Pick<Deps, "store" | "directory" | "revocations" | "clock">;

/** Rejects with `not_found` for an unknown user, as `removeIdentity`. */
export async function listIdentities(deps: IdentityDeps, userId: string): Promise<readonly IdentityView[]> {
  await userOf(deps, userId);
  const identities = await deps.store.listIdentities(userId);
  return identities.map((identity) => {
    const { provider, issuer, subject, email = null, createdAt, usedAt = null } = identity;
    return { id: identityIdOf(identity), provider, issuer, subject, email, created: createdAt, used: usedAt };
  });
}

/** Rejects with `not_found` for an identity that the user does not have. */
export async function removeIdentity(
  deps: IdentityDeps,
  userId: string,
  { id, reason }: IdentityTarget,
  origin: Origin,
): Promise<void> {
  const { store, revocations, clock } = deps;
  const { login } = await userOf(deps, userId);
  const outcome = await store.unlinkIdentity({
    userId,
    login,
    stored: false,
    own: undefined,
    ways: undefined,
    origin: await ownOriginFor(deps, userId, origin),
    id,
    reason,
    now: clock.now(),
  });
  if (outcome.outcome !== "done") throw new AmphoError("not_found", "The user has no such identity.");
  revocations.add(outcome.revocations);
}
