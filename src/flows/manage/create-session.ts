import { createHash } from "node:crypto";
import { leewayMaxSeconds } from "../../clock.js";
import { AmphoError, invalidRequest } from "../../errors.js";
import type { Acr } from "../../levels/acr.js";
import { acrOf } from "../../levels/methods.js";
import type { Grant } from "../../wire/login.js";
import type { Caller, Deps } from "../deps.js";
import { findAccount } from "../find/account.js";
import { enter } from "../gate/enter.js";
import * as check from "./checks.js";

/** The level that the application has checked. The tokens carry it, and the gate does not ask for more. */
export interface VouchedLevel {
  /** The claim `amr` (RFC 8176). Default: empty. */
  readonly amr?: readonly string[] | undefined;
  /** The claim `acr`. Default: the level of `amr`, which is `1fa` without `mfa`. */
  readonly acr?: Acr | undefined;
  /**
   * The claim `auth_time`: when the user signed in, in Unix seconds. Default: 0, which is no recent login. So what
   * needs one rejects with `login_too_old`, also after a step-up.
   */
  readonly authTime?: number | undefined;
  /** How the user signed in, or the system whose session is exchanged, such as `express-session`. For the audit log. */
  readonly way?: string | undefined;
  /** The request, of any framework. Its address and user agent are in the audit log and the list of sessions. */
  readonly request?: object | undefined;
  /**
   * A key that creates one session, such as the id of the old session that is exchanged. For 60 s every call with it
   * gets that session, also in other processes. Later calls reject with `transaction_over`.
   */
  readonly once?: string | undefined;
}

const unknown = () => new AmphoError("not_found", "There is no user with this id.");
const notFoundByLogin = () =>
  new AmphoError(
    "not_found",
    "There is no user with this id. Without users.findById, users.find gets the id of a user without sessions and found no such user.",
  );

/** Rejects with `invalid_request`, `not_found` or `transaction_over`, and for a disabled user `invalid_credentials`. */
export async function createSession(
  deps: Deps,
  userId: string,
  level: VouchedLevel = {},
  callerOf: (request: object) => Caller,
): Promise<Grant> {
  check.string("userId", userId);
  check.vouchedLevel("level", level);
  const { amr = [], acr = acrOf(amr), authTime = 0, way, request, once } = level;
  const now = deps.clock.now();
  // Milliseconds would be in the future, and so would count as now.
  if (authTime > now + leewayMaxSeconds) throw invalidRequest("level.authTime must not be in the future.", "authTime");
  deps.tokens.requireSigningKey();
  const account = await findAccount(deps, userId);
  if (account === undefined) throw deps.directory.findsById ? unknown() : notFoundByLogin();
  const gone = () => new AmphoError("invalid_credentials", "The user is disabled or deleted.");
  if (account.disabled) throw gone();
  const origin = { ...(request && callerOf(request)), actor: "application" } as const;
  const spend = once === undefined ? undefined : spendingOf(once, now + deps.settings.sessionTtl);
  const context = { origin, now, superseded: undefined };
  return enter(deps, account, { amr, at: now, authTime, acr, way, spend }, context);
}

/** Each call has the key of a lost response. */
function spendingOf(once: string, until: number) {
  const hash = createHash("sha256").update(`once ${once}`).digest("base64url");
  return { hash, until, idempotency: hash };
}
