// Changes of an account's second factors. Each moves the account's version, which ends remembered devices and open
// transactions, and ends sessions (ASVS 7.4.3): a first second factor those without it, every other change all others.
import type { Origin } from "../../audit/entry.js";
import type { FactorName } from "../../levels/decide.js";
import type { Policy } from "../../levels/policy.js";
import { advisoryLock, type Transaction } from "../transaction.js";
import { recordAudit } from "./audit.js";
import {
  deleteFactors,
  moveFactorsVersion,
  type NewTotp,
  withFactors,
  without,
  writeAccount,
  writeCodes,
  writeTotp,
} from "./factors.js";
import { type NewRevocation, type Revocation, writeRevocations } from "./revocations.js";
import { endOpenSessions } from "./session-ends.js";
import { sendIsLive } from "./sessions.js";
import { type Spending, spend } from "./spent.js";
import { type AccountFactors, sendStateAndAccount } from "./state.js";
import { type StoredUser, sendUserCheck } from "./user-check.js";

export interface FactorChange {
  readonly userId: string;
  readonly login: string;
  readonly stored: StoredUser;
  /** The live session that asks and goes on. Undefined for an operator. */
  readonly sessionId: string | undefined;
  readonly now: number;
  readonly origin: Origin;
  /** The version that the caller has read. Undefined: any. */
  readonly factorsVersion?: number | undefined;
}

export interface FactorOutcome {
  /** `changed`: the user, the session or the factors changed meanwhile. `over`: the transaction was used. */
  readonly outcome: "done" | "changed" | "over" | "last_way_in" | "none";
  readonly revocations: readonly Revocation[];
}

const failed = (outcome: FactorOutcome["outcome"]): FactorOutcome => ({ outcome, revocations: [] });

/** Reads the account under the lock of the user's sessions. Undefined: something changed since the caller has read it. */
function* lockAccount(input: Omit<FactorChange, "login">): Transaction<AccountFactors | undefined> {
  const { userId, sessionId, now } = input;
  const readChecked = yield* sendUserCheck(input);
  yield* advisoryLock(`sessions of ${userId}`);
  const readAccount = yield* sendStateAndAccount(userId);
  const readLive = sessionId === undefined ? undefined : yield* sendIsLive(sessionId, now);
  const checked = yield* readChecked();
  const account = yield* readAccount();
  // An operator also changes the factors of a disabled user.
  if (readLive !== undefined && ("rejected" in checked || !(yield* readLive()))) return undefined;
  const { factorsVersion = account.factorsVersion } = input;
  return factorsVersion === account.factorsVersion ? account : undefined;
}

interface Changed {
  readonly account: AccountFactors;
  readonly revoked: readonly NewRevocation[];
}

type Who = Pick<FactorChange, "userId" | "sessionId" | "now" | "origin">;

function* writeChange(
  who: Who,
  before: AccountFactors,
  factors: readonly FactorName[],
  ended: "without" | "others",
): Transaction<Changed> {
  const { userId, sessionId: exceptSession, now, origin } = who;
  const account = { ...before, factors, factorsVersion: before.factorsVersion + 1 };
  yield* writeAccount(userId, account);
  const acr = ended === "without" ? "1fa" : undefined;
  const reason = "factors_changed";
  return { account, revoked: yield* endOpenSessions({ userId, exceptSession, reason, now, origin, acr }) };
}

/** Sets or replaces the TOTP secret, with a new set of recovery codes. The caller holds the lock of the sessions. */
export function* addTotp(
  before: AccountFactors,
  input: Who & { readonly login: string; readonly totp: NewTotp; readonly codes: readonly string[] },
): Transaction<Changed> {
  const { userId, login, now, origin, totp, codes } = input;
  yield* writeTotp(userId, totp, now);
  yield* writeCodes(userId, codes);
  const replaced = before.factors.includes("totp");
  const detail = { factor: "totp", ...(replaced && { replaced: "totp" }) };
  yield* recordAudit({ at: now, event: "factor_added", userId, login, origin, detail });
  const factors = withFactors(before.factors, "totp", "recovery_code");
  return yield* writeChange(input, before, factors, before.factors.length === 0 ? "without" : "others");
}

export function* setTotp(
  input: FactorChange & { readonly totp: NewTotp; readonly codes: readonly string[]; readonly spend: Spending },
): Transaction<FactorOutcome> {
  const account = yield* lockAccount(input);
  if (!account) return failed("changed");
  if (!(yield* spend(input.spend, input.now))) return failed("over");
  const { revoked } = yield* addTotp(account, input);
  return { outcome: "done", revocations: yield* writeRevocations(revoked) };
}

export function* replaceRecoveryCodes(
  input: FactorChange & { readonly codes: readonly string[] },
): Transaction<FactorOutcome> {
  const { userId, login, now, origin, codes } = input;
  const account = yield* lockAccount(input);
  if (!account) return failed("changed");
  if (account.factors.every((factor) => factor === "recovery_code")) return failed("none");
  yield* writeCodes(userId, codes);
  const detail = { factor: "recovery_code", replaced: "recovery_code" };
  yield* recordAudit({ at: now, event: "factor_added", userId, login, origin, detail });
  const { revoked } = yield* writeChange(input, account, withFactors(account.factors, "recovery_code"), "others");
  return { outcome: "done", revocations: yield* writeRevocations(revoked) };
}

export interface FactorRemoval extends Omit<FactorChange, "login"> {
  /** Undefined where only the application knows the user. */
  readonly login: string | undefined;
  /** Undefined: all. Without another factor, the recovery codes go too. */
  readonly factor?: FactorName | undefined;
  /** The policy that the rest must reach. An operator gives none. */
  readonly rolePolicy: Policy | undefined;
  /** The operator's reason. */
  readonly reason?: string | undefined;
}

export function* removeFactors(input: FactorRemoval): Transaction<FactorOutcome> {
  const { userId, login, now, origin, factor, rolePolicy, reason } = input;
  const account = yield* lockAccount(input);
  if (!account) return failed("changed");
  const { factors, policy = rolePolicy } = account;
  if (factor === undefined ? factors.length === 0 : !factors.includes(factor)) return failed("none");
  if (rolePolicy !== undefined && policy !== "optional") return failed("last_way_in");
  const others = factor === undefined ? [] : without(factors, factor);
  const left = others.every((other) => other === "recovery_code") ? [] : others;
  if (left.length === 0) yield* deleteFactors(userId);
  else yield* writeCodes(userId, []);
  const detail = { factors: factors.filter((each) => !left.includes(each)) };
  yield* recordAudit({ at: now, event: "factor_removed", reason, userId, login, origin, detail });
  const { revoked } = yield* writeChange(input, account, left, "others");
  return { outcome: "done", revocations: yield* writeRevocations(revoked) };
}

/** The user of a change that needs no live session. `login` is undefined where only the application knows the user. */
export interface AccountChange extends Pick<FactorChange, "userId" | "now" | "origin"> {
  readonly login: string | undefined;
}

/** No device is remembered any more. */
export function* forgetDevices(input: AccountChange): Transaction<void> {
  const { userId, login, now, origin } = input;
  yield* moveFactorsVersion(userId);
  yield* recordAudit({ at: now, event: "devices_forgotten", userId, login, origin });
}

/** Sets the policy of one account. Undefined: that of its roles. */
export function* setFactorPolicy(input: AccountChange & { readonly policy: Policy | undefined }): Transaction<void> {
  const { userId, login, now, origin, policy } = input;
  yield* advisoryLock(`sessions of ${userId}`);
  const account = yield* (yield* sendStateAndAccount(userId))();
  yield* writeAccount(userId, { ...account, policy });
  const detail = { policy: policy ?? "default" };
  yield* recordAudit({ at: now, event: "factor_policy_changed", userId, login, origin, detail });
}
