// Changes of an account's second factors. `changes.ts` has what each ends (ASVS 7.4.3).
import type { Origin } from "../../../audit/entry.js";
import type { FactorName } from "../../../levels/decide.js";
import { type Policy, policyOf, type RolePolicies } from "../../../levels/policy.js";
import { advisoryLock, type Transaction } from "../../transaction.js";
import { recordAudit } from "../audit.js";
import { type CarriedOut, type Change, carryOut, type Locked, lockSessionsOf, type OwnSession } from "../changes.js";
import { identitiesOf } from "../identities.js";
import { type Revocation, writeRevocations } from "../revocations.js";
import type { Session } from "../session-rows.js";
import { sendIsLive } from "../sessions.js";
import { type Spending, spend } from "../spent.js";
import { type AccountFactors, sendStateAndAccount } from "../state.js";
import { type StoredUser, sendUserCheck } from "../user-check.js";
import { lockUser } from "../users.js";
import { type ConfiguredWays, hasWayIn } from "../ways-left.js";
import {
  countCodes,
  deleteFactor,
  deleteFactors,
  type FactorUse,
  type NewTotp,
  useFactor,
  withFactors,
  without,
  writeAccount,
  writeCodes,
  writeHandle,
  writeTotp,
} from "./factors.js";
import { insertPasskey, type NewPasskeyRow, passkeyIdsOf } from "./passkeys.js";

export interface FactorChange {
  readonly userId: string;
  readonly login: string;
  readonly stored: StoredUser;
  /** The live session that asks, and goes on with new tokens. Undefined for an operator. */
  readonly own: OwnSession | undefined;
  readonly now: number;
  readonly origin: Origin;
  /** The version that the caller has read. Undefined: any. */
  readonly factorsVersion?: number | undefined;
}

export interface FactorOutcome {
  /** `changed`: the user, the session or the factors changed meanwhile. `over`: the transaction was used. */
  readonly outcome: "done" | "changed" | "over" | "taken" | "last_way_in" | "none";
  /** The account had no second factor before. */
  readonly isFirst?: boolean;
  /** The session that asked, whose older tokens have ended. */
  readonly session?: Session | undefined;
  readonly revocations: readonly Revocation[];
}

const failed = (outcome: FactorOutcome["outcome"]): FactorOutcome => ({ outcome, revocations: [] });

/** The outcome of a change that was carried out. The end of its transaction. */
export function* endChange({ revoked, session }: CarriedOut): Transaction<FactorOutcome> {
  return { outcome: "done", session, revocations: yield* writeRevocations(revoked) };
}

/** Reads the account under the lock of the user's sessions. Undefined: something changed since the caller has read it. */
export function* lockAccount(input: Omit<FactorChange, "login">): Transaction<Locked | undefined> {
  const { userId, own, now } = input;
  const readChecked = yield* sendUserCheck(input);
  yield* advisoryLock(`sessions of ${userId}`);
  const readAccount = yield* sendStateAndAccount(userId);
  const readLive = own === undefined ? undefined : yield* sendIsLive(own, now);
  const checked = yield* readChecked();
  const account = yield* readAccount();
  // An operator also changes the factors of a disabled user.
  if (readLive !== undefined && ("rejected" in checked || !(yield* readLive()))) return undefined;
  const { factorsVersion = account.factorsVersion } = input;
  return factorsVersion === account.factorsVersion ? account : undefined;
}

type Who = Pick<FactorChange, "userId" | "login" | "own" | "now" | "origin">;

/** A factor that is set up. */
export type NewFactor =
  | { readonly totp: NewTotp; readonly codes: readonly string[] }
  /** `codes` are stored if this is the first second factor of the account. */
  | { readonly passkey: NewPasskeyRow; readonly handle: string; readonly codes: readonly string[] };

type NewOwned<F> = Who & {
  /** The session that the row names as its origin, which can be one that is just created. */
  readonly addedBy: string | undefined;
} & F;

/** Undefined: an account has this passkey, or the user has too many. The caller holds the lock of the sessions. */
export function* addFactor(before: Locked, input: NewOwned<NewFactor>): Transaction<CarriedOut | undefined> {
  return "totp" in input ? yield* addTotp(before, input) : yield* addPasskey(before, input);
}

function* addPasskey(
  before: Locked,
  input: NewOwned<Extract<NewFactor, { passkey: NewPasskeyRow }>>,
): Transaction<CarriedOut | undefined> {
  const { userId, now, passkey, handle, codes, addedBy } = input;
  if (!(yield* insertPasskey(userId, passkey, now, addedBy))) return undefined;
  const isFirst = before.factors.length === 0;
  if (isFirst) yield* writeCodes(userId, codes);
  const detail = { factor: "passkey", passkey: passkey.id };
  // The alarm of a registration would leave no way in.
  const undo = addedBy === undefined ? undefined : { passkey: passkey.id, ...(isFirst && { first: true as const }) };
  const added: readonly FactorName[] = isFirst ? ["passkey", "recovery_code"] : ["passkey"];
  const account = { ...before, factors: withFactors(before.factors, ...added) };
  const change = isFirst ? "first_factor" : "further_factor";
  const changed = yield* carryOut(change, { ...input, before, account, detail, undo });
  yield* writeHandle(userId, handle);
  return changed;
}

/** Sets or replaces the TOTP secret, with a new set of recovery codes. */
function* addTotp(before: Locked, input: NewOwned<Extract<NewFactor, { totp: NewTotp }>>): Transaction<CarriedOut> {
  const { userId, now, totp, codes, addedBy } = input;
  yield* writeTotp(userId, totp, now, addedBy);
  yield* writeCodes(userId, codes);
  const isFirst = before.factors.length === 0;
  const replaced = before.factors.includes("totp");
  const detail = { factor: "totp", ...(replaced && { replaced: "totp" }) };
  const undo = { totp: now, ...(isFirst && { first: true as const }) };
  const change: Change = isFirst ? "first_factor" : replaced ? "factor_replaced" : "further_factor";
  const account = { ...before, factors: withFactors(before.factors, "totp", "recovery_code") };
  return yield* carryOut(change, { ...input, before, account, detail, undo });
}

export function* setFactor(input: FactorChange & NewFactor & { readonly spend: Spending }): Transaction<FactorOutcome> {
  const account = yield* lockAccount(input);
  if (!account) return failed("changed");
  if (!(yield* spend(input.spend, input.now))) return failed("over");
  const changed = yield* addFactor(account, { ...input, addedBy: input.own?.sessionId });
  if (!changed) return failed("taken");
  return { ...(yield* endChange(changed)), isFirst: account.factors.length === 0 };
}

export function* replaceRecoveryCodes(
  input: FactorChange & { readonly codes: readonly string[] },
): Transaction<FactorOutcome> {
  const { userId, codes } = input;
  const before = yield* lockAccount(input);
  if (!before) return failed("changed");
  if (before.factors.every((factor) => factor === "recovery_code")) return failed("none");
  yield* writeCodes(userId, codes);
  const detail = { factor: "recovery_code", replaced: "recovery_code" };
  const account = { ...before, factors: withFactors(before.factors, "recovery_code") };
  const changed = { ...input, before, account, detail, undo: { codes: true as const } };
  return yield* endChange(yield* carryOut("codes_replaced", changed));
}

export interface FactorRemoval extends Omit<FactorChange, "login"> {
  /** Undefined where only the application knows the user. */
  readonly login: string | undefined;
  /** Undefined: all. Without another factor, the recovery codes go too. */
  readonly factor?: FactorName | undefined;
  /** The credential id, for one passkey. Undefined: all passkeys. */
  readonly passkeyId?: string | undefined;
  /** The policy that the rest must reach. An operator gives none. */
  readonly rolePolicy: Policy | undefined;
  /** Undefined for an operator, and for a factor that begins no login. */
  readonly ways?: ConfiguredWays | undefined;
  /** The operator's reason. */
  readonly reason?: string | undefined;
}

export function* removeFactors(input: FactorRemoval): Transaction<FactorOutcome> {
  const { userId, factor, passkeyId, rolePolicy, ways } = input;
  const before = yield* lockAccount(input);
  if (!before) return failed("changed");
  const { factors, policy = rolePolicy } = before;
  if (factor === undefined ? factors.length === 0 : !factors.includes(factor)) return failed("none");
  const passkeys = passkeyId === undefined ? [] : yield* passkeyIdsOf(userId);
  if (passkeyId !== undefined && !passkeys.includes(passkeyId)) return failed("none");
  const others = factor === undefined ? [] : passkeys.length > 1 ? factors : without(factors, factor);
  const left = others.every((other) => other === "recovery_code") ? [] : others;
  if (rolePolicy !== undefined && !isEnough(left, policy)) return failed("last_way_in");
  if (ways && !(yield* hasWayIn(userId, ways, yield* identitiesOf(userId), passkeyId))) return failed("last_way_in");
  if (factor === undefined || left.length === 0) yield* deleteFactors(userId);
  else yield* deleteFactor(userId, factor, passkeyId);
  const gone = factors.filter((each) => !left.includes(each));
  const detail = { factors: gone, ...(passkeyId !== undefined && { passkey: passkeyId }) };
  const account = { ...before, factors: left };
  return yield* endChange(yield* carryOut("factor_removed", { ...input, before, account, detail }));
}

/** True if a user with these second factors still reaches the policy (docs/guides/second-factors.md). */
function isEnough(left: readonly FactorName[], policy: Policy | undefined): boolean {
  return policy === "phr" ? left.includes("passkey") : policy !== "required" || left.length > 0;
}

/**
 * Uses up a second factor. The last recovery code is no factor of the account any more. Undefined: it was used before, was replaced,
 * or is not this user's. The caller holds the lock of the sessions.
 */
export function* useUp<A extends AccountFactors>(
  account: A,
  use: FactorUse,
  { userId, login, now, origin }: Pick<FactorChange, "userId" | "login" | "now" | "origin">,
): Transaction<{ readonly account: A; readonly codesLeft: number | undefined } | undefined> {
  if (!(yield* useFactor(userId, use, now))) return undefined;
  if (use.factor !== "recovery_code") return { account, codesLeft: undefined };
  const codesLeft = yield* countCodes(userId);
  yield* recordAudit({ at: now, event: "recovery_used", userId, login, origin, detail: { left: codesLeft } });
  if (codesLeft > 0) return { account, codesLeft };
  const emptied = { ...account, factors: without(account.factors, "recovery_code") };
  yield* writeAccount(userId, emptied);
  return { account: emptied, codesLeft };
}

/** The user of a change that needs no live session. `login` is undefined where only the application knows the user. */
export interface AccountChange extends Pick<FactorChange, "userId" | "now" | "origin"> {
  readonly login: string | undefined;
}

export function* forgetDevices(input: AccountChange): Transaction<void> {
  yield* carryOut("devices_forgotten", input);
}

/** Sets the policy of one account, which ends the sessions below it. Undefined: that of its roles. */
export function* setFactorPolicy(
  input: AccountChange & { readonly policy: Policy | undefined; readonly rolePolicies: RolePolicies },
): Transaction<readonly Revocation[]> {
  const { userId, policy, rolePolicies } = input;
  const user = yield* lockUser(userId, "share");
  const before = yield* lockSessionsOf(userId);
  const detail = { policy: policy ?? "default" };
  // Only the application knows the roles of its users. Their next renewal decides.
  const rolePolicy = user && policyOf(user.roles, rolePolicies);
  const changed = yield* carryOut("policy_set", {
    ...input,
    before,
    account: { ...before, policy },
    rolePolicy,
    detail,
  });
  return yield* writeRevocations(changed.revoked);
}
