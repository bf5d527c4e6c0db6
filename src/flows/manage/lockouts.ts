// What the throttle holds back at present, for operators and applications.

import type { Origin } from "../../audit/entry.js";
import { AmphoError } from "../../errors.js";
import { canonicalLogin } from "../../logins/login-name.js";
import type { Lockout, LockoutTarget } from "../../throttle/attempt.js";
import { attemptSourceOf } from "../../throttle/sources.js";
import type { Deps } from "../deps.js";

type CareDeps = Pick<Deps, "store" | "clock" | "settings">;

export function listLockouts(
  { store, clock, settings }: CareDeps,
  limit: number,
  origin: Origin,
): Promise<readonly Lockout[]> {
  const { throttleWindow: windowSeconds, throttleLock: lockAfter } = settings;
  return store.listLockouts({ now: clock.now(), windowSeconds, lockAfter, limit, origin });
}

export async function clearLockouts(
  { store, clock }: CareDeps,
  what: { readonly login: string } | { readonly address: string } | { readonly all: true },
  origin: Origin,
): Promise<number> {
  return store.clearLockouts({ target: targetOf(what), now: clock.now(), origin });
}

function targetOf(
  what: { readonly login: string } | { readonly address: string } | { readonly all: true },
): LockoutTarget {
  if ("all" in what) return { all: true };
  if ("login" in what) return { canonical: canonicalLogin(what.login), login: what.login };
  // As `throttle-list` prints it, or any address in it.
  const from = attemptSourceOf(what.address.replace(/\/(?:48|64)$/, ""));
  if (from === undefined) throw new AmphoError("invalid_request", "An address is IPv4 or IPv6.");
  return { sources: [from.address, ...(from.network === undefined ? [] : [from.network])] };
}
