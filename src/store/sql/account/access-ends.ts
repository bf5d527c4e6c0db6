// A user ends everything that can still sign in or act for the account.
import { AmphoError } from "../../../errors.js";
import { isSpare } from "../../../levels/factors.js";
import { policyFor, presentPolicy, type RoleRules } from "../../../levels/policy.js";
import type { Transaction } from "../../transaction.js";
import { carryOut, type OwnSession } from "../effects/changes.js";
import { type ConfiguredWays, hasWayIn } from "../factors/ways-left.js";
import { identitiesOf } from "../rows/identities.js";
import { endChange, failed } from "../rows/revocations.js";
import { sessions } from "../rows/session-rows.js";
import { type FactorChange, type FactorOutcome, isEnough, lockAccount } from "./factor-changes.js";

export interface AccessEnd extends FactorChange {
  readonly own: OwnSession;
  readonly rules: RoleRules;
  readonly ways: ConfiguredWays;
}

/**
 * The factors and identities that the session has proven itself stay, as the password and the address do. If that is
 * not enough for the next login, nothing ends: the eldest of the rest could be that of a thief.
 */
export function* endAccess(input: AccessEnd): Transaction<FactorOutcome> {
  const { userId, own, rules, ways } = input;
  const before = yield* lockAccount(input);
  const session = yield* sessions.first("where id = ?", [own.sessionId]);
  if (!before || !session) return failed("changed");
  const changed = yield* carryOut("access_ended", { ...input, before, session, maker: own });
  const { factors } = changed.account;
  const had = before.factors.filter((factor) => !isSpare(factor));
  const isReached = isEnough(factors, policyFor(before, presentPolicy(before.roles, rules)));
  if ((had.length > 0 && !factors.some((factor) => !isSpare(factor))) || !isReached) throw lastWayIn();
  if (!(yield* hasWayIn(input, ways, yield* identitiesOf(userId)))) throw lastWayIn();
  return yield* endChange(changed);
}

const lastWayIn = () =>
  new AmphoError("last_way_in", "This session has not proven a way to sign in again. End the rest one by one.");
