// What the throttle holds back at present, for operators and applications.
import { canonicalLogin } from "../../logins/login-name.js";
import { AmphoError } from "../../errors.js";
import type { HeldBack, HeldBackTarget, Origin } from "../../store/store.js";
import { guessOriginOf } from "../../throttle/sources.js";
import type { Parts } from "../deps.js";

type CareParts = Pick<Parts, "store" | "clock" | "settings">;

export function listHeldBack(
  { store, clock, settings }: CareParts,
  limit: number,
  origin: Origin,
): Promise<readonly HeldBack[]> {
  const { windowSeconds, lockAfter } = settings.throttle;
  return store.listHeldBack({ now: clock.now(), windowSeconds, lockAfter, limit, origin });
}

export async function clearHeldBack(
  { store, clock }: CareParts,
  what: { readonly login: string } | { readonly address: string } | { readonly all: true },
  origin: Origin,
): Promise<number> {
  return store.clearHeldBack({ target: targetOf(what), now: clock.now(), origin });
}

function targetOf(
  what: { readonly login: string } | { readonly address: string } | { readonly all: true },
): HeldBackTarget {
  if ("all" in what) return { all: true };
  if ("login" in what) return { canonical: canonicalLogin(what.login), login: what.login };
  // As `throttle-list` prints it, or any address in it.
  const from = guessOriginOf(what.address.replace(/\/(?:48|64)$/, ""));
  if (from === undefined) throw new AmphoError("invalid_request", "An address is IPv4 or IPv6.");
  return { places: [from.address, ...(from.network === undefined ? [] : [from.network])] };
}
