// Lists and clears the lockouts of the throttle, for operators and applications.

import type { Origin } from "../../audit/entry.js";
import { AmphoError } from "../../errors.js";
import type { Lockout, LockoutTarget } from "../../throttle/attempt.js";
import { attemptSourceOf } from "../../throttle/sources.js";
import type { Deps } from "../deps.js";

type LockoutDeps = Pick<Deps, "store" | "clock" | "settings" | "directory">;

type NamedTarget = { readonly login: string } | { readonly address: string } | { readonly all: true };
/** `id`: that of a user, in place of the login. */
export type ClearTarget = NamedTarget | { readonly id: string };

export function listLockouts(
  { store, clock, settings }: LockoutDeps,
  limit: number,
  origin: Origin,
): Promise<readonly Lockout[]> {
  const { throttleWindow: windowSeconds, throttleLock: lockAfter } = settings;
  return store.listLockouts({ now: clock.now(), windowSeconds, lockAfter, limit, origin });
}

export const clearLockouts = (
  { store, clock, directory }: LockoutDeps,
  target: NamedTarget,
  origin: Origin,
): Promise<number> => store.clearLockouts({ target: toLockoutTarget(directory, target), now: clock.now(), origin });

function toLockoutTarget(directory: Deps["directory"], target: NamedTarget): LockoutTarget {
  if ("all" in target) return { all: true };
  // An attacker can ask the operator to clear the own login, which can be a twin of another one in an application's own
  // table.
  if ("login" in target) return { login: target.login, canonical: directory.canonicalOf(target.login) };
  // A network as `throttle-list` prints it, or any address in it.
  const source = attemptSourceOf(target.address.replace(/\/(?:48|64)$/, ""));
  if (source === undefined)
    throw new AmphoError("invalid_request", "The address must be IPv4 or IPv6.", { field: "address" });
  return { sources: [source.address, ...(source.network === undefined ? [] : [source.network])] };
}
