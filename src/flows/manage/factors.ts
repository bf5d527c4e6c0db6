// Second factors of a user, for operators and for `ampho.factors`. Both remove and set none up for another user
// (ASVS 6.4.6): a person with this right could otherwise sign in as the user.

import type { Origin } from "../../audit/entry.js";
import { AmphoError } from "../../errors.js";
import type { TotpSecrets } from "../../factors/totp/totp.js";
import { type FactorName, factorNames, factors, isFactorName } from "../../levels/factors.js";
import type { Policy } from "../../levels/policy.js";
import { originFor } from "../../users/directory.js";
import type { Deps } from "../deps.js";
import { findAccount } from "../find/account.js";
import { type FactorView, operatorViews } from "../find/factor-views.js";

/** The second factors of a user. */
export interface FactorsView {
  /** The policy of this user alone. Null: that of the user's roles. */
  readonly policy: Policy | null;
  /** The factors that the user has. */
  readonly factors: readonly FactorView[];
}

/** The second factors to remove. `reason` is for the audit log. */
export type FactorRemovalTarget =
  /** `totp`, `recovery_code` or the id of a passkey. */
  | {
      /** `totp`, `recovery_code` or the id of a passkey. */
      readonly id: string;
      /** The reason, for the audit log. */
      readonly reason?: string | undefined;
    }
  | {
      /** Removes every second factor. */
      readonly all: true;
      readonly reason?: string | undefined;
    };

type FactorDeps = Pick<Deps, "store" | "directory" | "revocations" | "clock" | "settings">;

/** Rejects with `not_found` for an unknown user, as the other functions. */
export async function listFactors(deps: FactorDeps, userId: string): Promise<FactorsView> {
  await userOf(deps, userId);
  const found = await deps.store.listFactors(userId);
  const { passkeys } = await deps.store.listPasskeys(userId);
  return {
    policy: found.policy ?? null,
    factors: factorNames.flatMap((name) => operatorViews[name]({ ...found, passkeys })),
  };
}

/** Rejects with `not_found` also for a factor that the user does not have. */
export async function removeFactors(
  deps: FactorDeps,
  userId: string,
  target: FactorRemovalTarget,
  origin: Origin,
): Promise<void> {
  const { store, revocations, clock } = deps;
  const { login } = await userOf(deps, userId);
  const { reason } = target;
  const outcome = await store.removeFactors({
    userId,
    login,
    reason,
    origin: await ownOriginFor(deps, userId, origin),
    ...("all" in target ? {} : removalOf(target.id)),
    stored: false,
    own: undefined,
    rolePolicy: undefined,
    now: clock.now(),
  });
  if (outcome.outcome !== "done") throw new AmphoError("not_found", "The user has no such second factor.");
  revocations.add(outcome.revocations);
}

/** Any other id is that of a passkey. */
const removalOf = (id: string): { readonly factor: FactorName; readonly id?: string } =>
  isFactorName(id) && !factors[id].isMany ? { factor: id } : { factor: "passkey", id };

/** Undefined: the policy of the user's roles. */
export async function setFactorPolicy(
  deps: FactorDeps,
  userId: string,
  policy: Policy | undefined,
  origin: Origin,
): Promise<void> {
  const { store, revocations, clock, settings } = deps;
  const { login } = await userOf(deps, userId);
  const change = { userId, login, policy, rolePolicies: settings.factors, now: clock.now(), origin };
  revocations.add(await store.setFactorPolicy(change));
}

export async function forgetDevices(deps: FactorDeps, userId: string, origin: Origin): Promise<void> {
  const { login } = await userOf(deps, userId);
  await deps.store.forgetDevices({ userId, login, now: deps.clock.now(), origin });
}

/** Only the application knows the logins of its own table. */
export async function userOf(
  { store, directory }: Pick<Deps, "store" | "directory">,
  userId: string,
): Promise<{ readonly login: string | undefined }> {
  const user = await directory.fromRows(async () => {
    const row = await store.findUserById(userId);
    if (row === undefined) throw new AmphoError("not_found", "There is no user with this id.");
    return row;
  });
  return user ?? { login: undefined };
}

/** A user of an application's own table gets a notice too. A command of an operator does not reach that table. */
export async function ownOriginFor(
  deps: Pick<Deps, "store" | "directory" | "clock">,
  userId: string,
  origin: Origin,
): Promise<Origin> {
  const account = await deps.directory.forTable(() => findAccount(deps, userId));
  return account === undefined ? origin : originFor(account, origin);
}

export interface RekeyReport {
  readonly moved: number;
  /** The key is not configured, or the row was changed by hand. */
  readonly undecryptable: number;
}

/**
 * Moves all TOTP secrets to the key that signs now, also those under a revoked key. Secrets that users replace
 * meanwhile are under that key already. Rejects with `unavailable` while the key that signs is revoked.
 */
export async function rekeyFactors(
  { store, clock, totpSecrets }: Pick<Deps, "store" | "clock"> & { readonly totpSecrets: TotpSecrets },
  kid: string,
  origin: Origin,
): Promise<RekeyReport> {
  const limit = 500;
  let [moved, undecryptable, after] = [0, 0, undefined as string | undefined];
  for (;;) {
    const page = await store.listOldSecrets({ kid, after, limit });
    for (const { userId, ...sealed } of page) {
      const seed = totpSecrets.open(sealed, userId);
      if (seed === undefined) undecryptable++;
      else if (await store.rekeyTotp({ userId, from: sealed.secret, to: totpSecrets.seal(seed, userId) })) moved++;
      after = userId;
    }
    if (page.length < limit) break;
  }
  const detail = { kid, moved, undecryptable };
  if (moved + undecryptable > 0) await store.recordAudit({ at: clock.now(), event: "factors_rekeyed", origin, detail });
  return { moved, undecryptable };
}
