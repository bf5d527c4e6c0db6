// Counts the decisions of the guard by result.
import { AmphoError, type ErrorCode } from "../errors.js";
import type { Guard } from "../guard/guard.js";
import type { CookieMode } from "../http/rest/cookies/cookie-mode.js";
import type { Auth } from "../tokens/auth.js";
import { guardResults } from "./definitions.js";
import type { Metrics } from "./metrics.js";

export function observeGuard({ verify, verifySync, guard }: Guard, { guards }: Pick<Metrics, "guards">): Guard {
  // Every guarded request comes through here, so it looks up no label and creates no promise.
  const [ok, anonymous] = [guards.cell({ result: "ok" }), guards.cell({ result: "anonymous" })];
  const count = <A extends Auth | undefined>(auth: A): A => {
    (auth === undefined ? anonymous : ok).value += 1;
    return auth;
  };
  const rejected = (error: unknown): never => {
    throw counted(error, guards);
  };
  return {
    verify(token, credentials) {
      try {
        const auth = verify(token, credentials);
        return auth instanceof Promise ? auth.then(count, rejected) : count(auth);
      } catch (error) {
        return rejected(error);
      }
    },
    verifySync(token, credentials) {
      try {
        return count(verifySync(token, credentials));
      } catch (error) {
        return rejected(error);
      }
    },
    guard(authorization, requirements, request) {
      try {
        const auth = guard(authorization, requirements, request);
        return auth instanceof Promise ? auth.then(count, rejected) : count(auth);
      } catch (error) {
        return rejected(error);
      }
    },
  };
}

/** A token in a cookie can be rejected before the guard gets it. */
export const observeCookies = (mode: CookieMode, { guards }: Pick<Metrics, "guards">): CookieMode => ({
  ...mode,
  authorizationOf(head) {
    try {
      return mode.authorizationOf(head);
    } catch (error) {
      throw counted(error, guards);
    }
  },
});

function counted(error: unknown, guards: Metrics["guards"]): unknown {
  guards.add({ result: resultLabelOf(error, guardResults) });
  return error;
}

export const codeOf = (error: unknown): ErrorCode => (error instanceof AmphoError ? error.code : "internal_error");

/** Returns the error's code if it is a value of the label. Any other error counts as a bug. */
export function resultLabelOf<const R extends string>(error: unknown, results: readonly R[]): R | "internal_error" {
  const code = codeOf(error);
  return results.find((result) => result === code) ?? "internal_error";
}

export const secondsSince = (startMs: number): number => (performance.now() - startMs) / 1000;
