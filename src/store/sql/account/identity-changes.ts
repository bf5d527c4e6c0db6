// A user links and unlinks identities at outside providers (docs/guides/providers.md). A user must keep a way in.
import { advisoryLock, type Transaction, write } from "../../transaction.js";
import { carryOut, type OwnSession } from "../effects/changes.js";
import { type ConfiguredWays, hasWayIn } from "../factors/ways-left.js";
import {
  confirmIdentity,
  identitiesOf,
  identityIdOf,
  identityLock,
  insertIdentity,
  type ProvenIdentity,
} from "../rows/identities.js";
import { endChange, failed } from "../rows/revocations.js";
import { type Spending, spend } from "../rows/spent.js";
import { type FactorChange, type FactorOutcome, lockAccount } from "./factor-changes.js";

export interface IdentityLink extends FactorChange {
  readonly own: OwnSession;
  readonly identity: ProvenIdentity;
  /** The provider speaks for the mailbox of the account. */
  readonly isVouched: boolean;
  readonly spend: Spending;
}

/** `taken`: another account has the identity. `full`: the account has 20 identities. */
export function* linkIdentity(input: IdentityLink): Transaction<FactorOutcome> {
  const { userId, identity, now } = input;
  // As a login that gets the identity. It has looked for an account that has it, and then relies on that.
  yield* advisoryLock(identityLock(identity));
  const before = yield* lockAccount(input);
  if (!before) return failed("changed");
  if (!(yield* spend(input.spend, now))) return failed("over");
  const addedBy = input.own.sessionId;
  const inserted = yield* insertIdentity(userId, identity, { createdAt: now, usedAt: undefined, addedBy });
  if (inserted === "full") return failed("full");
  if (inserted === "taken") {
    const own = (yield* identitiesOf(userId)).some((each) => identityIdOf(each) === identityIdOf(identity));
    if (!own) return failed("taken");
    return yield* endChange(yield* carryOut("identity_relinked", { ...input, before }));
  }
  const about = { ...input, before, ...linkOf(identity, addedBy) };
  const linked = yield* input.isVouched
    ? carryOut("identity_vouched", about)
    : carryOut("identity_linked", { ...about, maker: input.own });
  if (input.isVouched || linked.isConfirmed) yield* confirmIdentity(identity);
  return yield* endChange(linked);
}

/** The record of a link. The subject stays out of it. */
export function linkOf(identity: ProvenIdentity, addedBy: string | undefined) {
  return { sessionId: addedBy, detail: { provider: identity.provider, identity: identityIdOf(identity) } };
}

export interface IdentityRemoval extends Omit<FactorChange, "login"> {
  readonly login: string | undefined;
  /** `identityIdOf` of the identity. */
  readonly id: string;
  /** Undefined for an operator, who can take the last way in. */
  readonly ways: ConfiguredWays | undefined;
  readonly reason?: string | undefined;
}

/** Takes an identity from a user. Ends the other sessions. */
export function* unlinkIdentity(input: IdentityRemoval): Transaction<FactorOutcome> {
  const { userId, id, ways } = input;
  const before = yield* lockAccount(input);
  if (!before) return failed("changed");
  const all = yield* identitiesOf(userId);
  const gone = all.find((each) => identityIdOf(each) === id);
  if (!gone) return failed("none");
  const others = all.filter((each) => each !== gone);
  if (ways && !(yield* hasWayIn(input, ways, others))) return failed("last_way_in");
  const sql = "delete from ampho_identities where issuer = ? and subject = ? and user_id = ?";
  yield* write(sql, [gone.issuer, gone.subject, userId]);
  const detail = { provider: gone.provider, identity: id };
  return yield* endChange(
    yield* carryOut("identity_unlinked", { ...input, before, detail, maker: input.own ?? "operator" }),
  );
}
