// Lists and clears the lockouts of the throttle, for operators and applications.
import { invalidRequest } from "../../errors.js";
import { isStorableText } from "../../store/storable-text.js";
import type { LockoutTarget } from "../../throttle/attempt.js";
import { attemptSourceOf } from "../../throttle/sources.js";
import * as check from "./checks.js";
import type { ClearTarget, Management } from "./management.js";
import type { Manager } from "./manager.js";

type NamedTarget = Exclude<ClearTarget, { readonly id: string }>;

export function manageLockouts(m: Manager): Management["throttle"] {
  const { store, clock, settings, origin } = m;
  return {
    list: check.checked(check.limited, ({ limit = 1000 } = {}) => {
      const { throttleWindow: windowSeconds, throttleLock: lockAfter } = settings;
      return store.listLockouts({ now: clock.now(), windowSeconds, lockAfter, limit, origin });
    }),
    clear: check.checked({ target: check.clearTarget }, async (given) => {
      const named = "id" in given ? { login: await m.loginOf(given.id) } : given;
      if ("login" in named && !isStorableText(named.login)) return 0;
      return store.clearLockouts({ target: targetOf(m, named), now: clock.now(), origin });
    }),
  };
}

function targetOf({ directory }: Manager, target: NamedTarget): LockoutTarget {
  if ("all" in target) return { all: true };
  if ("login" in target) return { login: target.login, canonical: directory.canonicalOf(target.login) };
  // A network as `throttle-list` prints it, or any address in it.
  const source = attemptSourceOf(target.address.replace(/\/(?:48|64)$/, ""));
  if (source === undefined) throw invalidRequest("The address must be IPv4 or IPv6.", "address");
  return { sources: [source.address, ...(source.network === undefined ? [] : [source.network])] };
}
