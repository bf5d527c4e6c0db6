// Changes of an account's second factors. `changes.ts` has what each ends (ASVS 7.4.3).
import type { FactorName, MainFactor } from "../../../levels/factors.js";
import { factorNames, factors, isSpare, reachesPhr, withoutLoneSpares } from "../../../levels/factors.js";
import {
  isWeaker,
  type Policy,
  policyFor,
  policyOf,
  presentPolicy,
  type RolePolicies,
  type RoleRules,
} from "../../../levels/policy.js";
import { advisoryLock, type Transaction, write } from "../../transaction.js";
import { type CarriedOut, carryOut, type Locked, lockSessionsOf, type OwnSession } from "../effects/changes.js";
import { withFactors, without, writeAccount } from "../factors/account-factors.js";
import { insertPasskey, isPasskeyTaken, type NewPasskeyRow, writeHandle } from "../factors/passkeys.js";
import { writeCodes } from "../factors/recovery.js";
import { countLeft, deleteFactor, deleteFactors, type FactorUse, idsOf, useFactor } from "../factors/rows.js";
import { type NewTotp, writeTotp } from "../factors/totp.js";
import { type ConfiguredWays, hasWayIn } from "../factors/ways-left.js";
import { recordAudit } from "../rows/audit.js";
import { identitiesOf } from "../rows/identities.js";
import { type ChangeOutcome, endChange, failed, writeRevocations } from "../rows/revocations.js";
import type { Ending } from "../rows/session-rows.js";
import { sendIsLive } from "../rows/sessions.js";
import { type Spending, spend } from "../rows/spent.js";
import { type AccountFactors, sendStateAndAccount } from "../rows/state.js";
import { type StoredUser, sendUserCheck } from "../rows/user-check.js";
import { lockUser } from "../rows/users.js";

export interface FactorChange extends Ending {
  readonly userId: string;
  readonly login: string;
  readonly stored: StoredUser;
  /** The live session that asks, and goes on with new tokens. Undefined for an operator. */
  readonly own: OwnSession | undefined;
  /** The version that the caller has read. Undefined: any. */
  readonly factorsVersion?: number | undefined;
}

/**
 * `changed`: the user, the session or the factors changed meanwhile. `over`: the transaction was used. `full`: the
 * account has as many as it can have.
 */
export interface FactorOutcome
  extends ChangeOutcome<"done" | "changed" | "over" | "taken" | "full" | "last_way_in" | "none"> {
  /** The account had no second factor before. */
  readonly isFirst?: boolean;
}

/** `roles`: those in the row of the user. */
type LockedAccount = Locked & { readonly roles: readonly string[] | undefined };

/** Reads the account under the lock of the sessions. Undefined: something changed since the caller has read it. */
export function* lockAccount(input: Omit<FactorChange, "login">): Transaction<LockedAccount | undefined> {
  const { userId, own, now } = input;
  const readChecked = yield* sendUserCheck(input);
  yield* advisoryLock(`sessions of ${userId}`);
  const readAccount = yield* sendStateAndAccount(userId);
  const readLive = own === undefined ? undefined : yield* sendIsLive(own, now);
  const checked = yield* readChecked();
  const account = yield* readAccount();
  // An operator also changes the factors of a disabled user, and then gives `stored: false`.
  if ("rejected" in checked || (readLive !== undefined && !(yield* readLive()))) return undefined;
  const { factorsVersion = account.factorsVersion } = input;
  return factorsVersion === account.factorsVersion ? { ...account, roles: checked.user?.roles } : undefined;
}

type Who = Pick<FactorChange, "userId" | "login" | "own" | "now" | "origin">;

interface NewFactors {
  readonly totp: { readonly totp: NewTotp };
  readonly passkey: { readonly passkey: NewPasskeyRow; readonly handle: string };
}

/** A factor that is set up. */
export type NewFactor = {
  [F in MainFactor]: NewFactors[F] & {
    readonly factor: F;
    /** The hashes of new recovery codes. They are stored for a factor that `ownsCodes`, and for the first one. */
    readonly codes: readonly string[];
  };
}[MainFactor];

type Added<F> = Who & {
  /** The session that the row names as its origin, which can be one that is just created. */
  readonly addedBy: string | undefined;
  /** A login or a registration that sets it up has proven the mailbox. */
  readonly isConfirmed: boolean;
} & F;

interface AddRow<F> {
  /** True if an account has it already. */
  readonly isTaken?: (input: F) => Transaction<boolean>;
  /** False: an account has it already, or the user has too many. */
  readonly add: (input: Added<F>) => Transaction<boolean>;
  /** Runs when the account has its row. */
  readonly finish?: (input: Added<F>) => Transaction<void>;
  /** The log names this. */
  readonly detail: (input: F) => Readonly<Record<string, string>>;
  /** Its set-up was confirmed. */
  readonly confirm: (input: Added<F>) => Transaction<void>;
}

/** How each factor is set up. */
const rows: { readonly [F in MainFactor]: AddRow<Extract<NewFactor, { readonly factor: F }>> } = {
  totp: {
    *add({ userId, totp, now, addedBy }) {
      yield* writeTotp(userId, totp, now, addedBy);
      return true;
    },
    detail: () => ({}),
    confirm: ({ userId }) => write("update ampho_totp set confirmed = 1 where user_id = ?", [userId]),
  },
  passkey: {
    isTaken: ({ passkey }) => isPasskeyTaken(passkey.id),
    add: ({ userId, passkey, now, addedBy }) => insertPasskey(userId, passkey, now, addedBy),
    finish: ({ userId, handle }) => writeHandle(userId, handle),
    detail: ({ passkey }) => ({ passkey: passkey.id }),
    confirm: ({ passkey }) => write("update ampho_passkeys set confirmed = 1 where id = ?", [passkey.id]),
  },
};

// TypeScript does not follow that the row and the input are of the same factor.
const rowOf = ({ factor }: NewFactor) => rows[factor] as AddRow<NewFactor>;

export function* isFactorTaken(input: NewFactor): Transaction<boolean> {
  const { isTaken } = rowOf(input);
  return isTaken !== undefined && (yield* isTaken(input));
}

/** The change that sets the factor up. */
export function setUpOf(had: readonly FactorName[], factor: MainFactor) {
  if (had.length === 0) return "first_factor";
  return !factors[factor].isMany && had.includes(factor) ? "factor_replaced" : "further_factor";
}

/** Undefined: an account has this factor, or the user has too many. The caller holds the lock of the sessions. */
export function* addFactor(before: Locked, input: Added<NewFactor>): Transaction<CarriedOut | undefined> {
  const { userId, factor, codes } = input;
  const row = rowOf(input);
  if (!(yield* row.add(input))) return undefined;
  const { ownsCodes } = factors[factor];
  const change = setUpOf(before.factors, factor);
  const isFirst = change === "first_factor";
  if (isFirst || ownsCodes) yield* writeCodes(userId, codes);
  const detail = { factor, ...row.detail(input), ...(change === "factor_replaced" && { replaced: factor }) };
  const spare = isFirst || ownsCodes ? factorNames.filter(isSpare) : [];
  const account = { ...before, factors: withFactors(before.factors, factor, ...spare) };
  const about = { ...input, before, account, detail };
  // No login replaces a factor.
  const changed = yield* change === "factor_replaced"
    ? carryOut(change, { ...about, maker: input.own ?? { sessionId: "" } })
    : carryOut(change, { ...about, maker: input.own ?? "login" });
  if (changed.isConfirmed || input.isConfirmed) yield* row.confirm(input);
  if (row.finish) yield* row.finish(input);
  return changed;
}

/** Adds a passkey, or sets or replaces the TOTP secret and the recovery codes with it. Ends sessions. */
export function* setFactor(
  input: FactorChange & NewFactor & { readonly own: OwnSession; readonly spend: Spending },
): Transaction<FactorOutcome> {
  const account = yield* lockAccount(input);
  if (!account) return failed("changed");
  if (!(yield* spend(input.spend, input.now))) return failed("over");
  const provedBy = input.factor === "passkey" ? [input.passkey.id] : [];
  const added = { ...input, own: { ...input.own, provedBy }, addedBy: input.own.sessionId, isConfirmed: false };
  const changed = yield* addFactor(account, added);
  if (!changed) return failed((yield* isFactorTaken(input)) ? "taken" : "full");
  return { ...(yield* endChange(changed)), isFirst: account.factors.length === 0 };
}

/** Replaces the recovery codes. Ends the other sessions. */
export function* replaceRecoveryCodes(
  input: FactorChange & { readonly own: OwnSession; readonly codes: readonly string[] },
): Transaction<FactorOutcome> {
  const { userId, codes } = input;
  const before = yield* lockAccount(input);
  if (!before) return failed("changed");
  if (before.factors.every(isSpare)) return failed("none");
  yield* writeCodes(userId, codes);
  const detail = { factor: "recovery_code", replaced: "recovery_code" };
  const account = { ...before, factors: withFactors(before.factors, "recovery_code") };
  const changed = { ...input, before, account, detail, maker: input.own };
  return yield* endChange(yield* carryOut("codes_replaced", changed));
}

export interface FactorRemoval extends Omit<FactorChange, "login"> {
  /** Undefined where only the application knows the user. */
  readonly login: string | undefined;
  /** Undefined: all. Without another factor, the recovery codes go too. */
  readonly factor?: FactorName | undefined;
  /** One of several. Undefined: the whole factor. */
  readonly id?: string | undefined;
  /** The rest must reach the policy. An operator gives none. */
  readonly rules: RoleRules | undefined;
  /** Undefined for an operator, and for a factor that begins no login. */
  readonly ways?: ConfiguredWays | undefined;
  /** The operator's reason. */
  readonly reason?: string | undefined;
}

/** Removes the second factors. Ends the other sessions. */
export function* removeFactors(input: FactorRemoval): Transaction<FactorOutcome> {
  const { userId, factor, id, rules, ways } = input;
  const before = yield* lockAccount(input);
  if (!before) return failed("changed");
  const { factors: had } = before;
  if (factor === undefined ? had.length === 0 : !had.includes(factor)) return failed("none");
  const ids = factor === undefined || id === undefined ? [] : yield* idsOf(userId, factor);
  if (id !== undefined && !ids.includes(id)) return failed("none");
  const left = withoutLoneSpares(factor === undefined ? [] : ids.length > 1 ? had : without(had, factor));
  if (rules && !isEnough(left, policyFor(before, presentPolicy(before.roles, rules)))) return failed("last_way_in");
  if (ways && !(yield* hasWayIn(input, ways, yield* identitiesOf(userId), id))) return failed("last_way_in");
  if (factor === undefined || left.length === 0) yield* deleteFactors(userId);
  else yield* deleteFactor(userId, factor, id);
  const gone = had.filter((each) => !left.includes(each));
  const detail = { factors: gone, ...(factor !== undefined && id !== undefined && { [factor]: id }) };
  const account = { ...before, factors: left };
  return yield* endChange(
    yield* carryOut("factor_removed", { ...input, before, account, detail, maker: input.own ?? "operator" }),
  );
}

/** True if a user with these second factors still reaches the policy (docs/guides/second-factors.md). */
export const isEnough = (left: readonly FactorName[], policy: Policy): boolean =>
  policy === "phr" ? left.some(reachesPhr) : policy !== "required" || left.length > 0;

/**
 * Uses up a second factor. The last recovery code is no factor of the account any more. Undefined: it was used before,
 * was replaced, or is not this user's. The caller holds the lock of the sessions.
 */
export function* useUp<A extends AccountFactors>(
  account: A,
  use: FactorUse,
  { userId, login, now, origin }: Pick<FactorChange, "userId" | "login" | "now" | "origin">,
): Transaction<{ readonly account: A; readonly codesLeft: number | undefined } | undefined> {
  if (!(yield* useFactor(userId, use, now))) return undefined;
  const codesLeft = yield* countLeft(userId, use.factor);
  if (codesLeft === undefined) return { account, codesLeft };
  yield* recordAudit({ at: now, event: "recovery_used", userId, login, origin, detail: { left: codesLeft } });
  if (codesLeft > 0) return { account, codesLeft };
  const emptied = { ...account, factors: without(account.factors, use.factor) };
  yield* writeAccount(userId, emptied);
  return { account: emptied, codesLeft };
}

/** The user of a change that needs no live session. `login` is undefined where only the application knows the user. */
export interface AccountChange extends Ending {
  readonly userId: string;
  readonly login: string | undefined;
}

export function* forgetDevices(input: AccountChange): Transaction<void> {
  yield* carryOut("devices_forgotten", input);
}

export interface PolicyChange extends AccountChange {
  /** Undefined: that of the roles alone. */
  readonly policy: Policy | undefined;
  /** Needed for a policy that is weaker than that of the roles. */
  readonly reason: string | undefined;
  /** The roles of a user of an application's own table. Undefined: they are not known. */
  readonly ownRoles: readonly string[] | undefined;
  readonly rolePolicies: RolePolicies;
}

/** Sets the policy of one account, which ends the sessions below it. Returns a stricter one that needs a reason. */
export function* setFactorPolicy(input: PolicyChange): Transaction<Policy | undefined> {
  const { userId, policy, reason, rolePolicies } = input;
  const user = yield* lockUser(userId, "share");
  const before = yield* lockSessionsOf(userId);
  const roles = user?.roles ?? input.ownRoles;
  const rolePolicy = roles && policyOf(roles, rolePolicies);
  const isBelow = policy !== undefined && rolePolicy !== undefined && isWeaker(policy, rolePolicy);
  if (isBelow && reason === undefined) return rolePolicy;
  // A command does not know the roles of an application's own table. The reason counts for each of them.
  const isBelowUnknown = policy !== undefined && policy !== "phr" && roles === undefined && reason !== undefined;
  const insteadOf = isBelow ? rolePolicy : isBelowUnknown ? "phr" : undefined;
  const detail = { policy: policy ?? "default", ...(insteadOf && { instead_of: insteadOf }) };
  const account = { ...before, policy, insteadOf };
  const changed = yield* carryOut("policy_set", { ...input, before, account, rolePolicy, detail });
  yield* writeRevocations(changed.revoked);
  return undefined;
}
