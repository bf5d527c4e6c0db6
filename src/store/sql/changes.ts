// The effects of each change of an account, one row a change (docs/reference/changes.md). `carryOut` ends what the row states, in
// the transaction that makes the change. So no flow decides alone what of the account before lives on.
import type { Origin } from "../../audit/entry.js";
import type { Policy } from "../../levels/policy.js";
import { advisoryLock, type Transaction } from "../transaction.js";
import { endAdded } from "./added.js";
import { writeAccount } from "./factors/account-factors.js";
import type { FactorUse } from "./factors/rows.js";
import type { NewRevocation } from "./revocations.js";
import { endOpenSessions, endWeakSessions, revokedTokens } from "./session-ends.js";
import { type EndReason, replaceTokens, type Session, type TokenTimes } from "./session-rows.js";
import type { TokenSession } from "./sessions.js";
import { type AccountFactors, sendStateAndAccount } from "./state.js";

/** The effects of a change, besides the end of the older tokens of the session that makes it. */
interface Consequences {
  /**
   * `others`: all but the session that makes the change. `weak`: those that have proven one factor. `below`: those that the
   * policy of the user would not accept now.
   */
  readonly sessions: "all" | "others" | "weak" | "below" | "none";
  /** Why they end, in the audit log. */
  readonly reason: EndReason;
  /** Login transactions, set-ups, and mailed codes and links that were begun. Remembered devices end with them. */
  readonly begun: boolean;
  /** Remembered devices. */
  readonly devices: boolean;
  /**
   * `keeping`: the identities and second factors that the ended sessions had added, as far as the account keeps its level. An
   * attacker with a password could otherwise remove the owner's. `any`: the identities that any session has added.
   */
  readonly added: "any" | "keeping" | "none";
}

const all = { sessions: "all", begun: true, devices: true, added: "none" } as const;
const others = { ...all, sessions: "others" } as const;
const none = { sessions: "none", begun: false, devices: false, added: "none" } as const;

export const consequences = {
  /** By the user, with the old password or a recent login. */
  password_set: { ...others, reason: "password_changed", added: "keeping" },
  password_removed: { ...others, reason: "password_changed" },
  /** By a mailed code or link, an operator or the application. */
  password_reset: { ...all, reason: "password_changed", added: "keeping" },
  login_changed: { ...all, reason: "login_changed" },
  email_changed: { ...others, reason: "email_changed" },
  /** An account gets its first address, or its spelling changes. No mailbox loses the account by that. */
  email_added: { ...none, reason: "email_changed" },
  /**
   * The first proof of the address, by a login without the password. Everything else of a person before is bound to the
   * password, which goes too.
   */
  email_proven: { ...none, sessions: "all", reason: "email_proven", added: "any" },
  email_proven_by_reset: { ...all, reason: "password_changed", added: "any" },
  first_factor: { ...all, sessions: "weak", reason: "factors_changed" },
  further_factor: { ...all, sessions: "none", reason: "factors_changed" },
  factor_replaced: { ...others, reason: "factors_changed" },
  codes_replaced: { ...others, reason: "factors_changed" },
  factor_removed: { ...others, reason: "factors_changed" },
  identity_linked: { ...none, reason: "factors_changed" },
  identity_unlinked: { ...others, reason: "factors_changed" },
  devices_forgotten: { ...none, reason: "factors_changed", devices: true },
  role_given: { ...none, sessions: "below", reason: "policy" },
  policy_set: { ...none, sessions: "below", reason: "policy" },
  disabled: { ...all, reason: "user_disabled" },
  deleted: { ...all, reason: "user_deleted" },
  /** An application's own table has created a user with the id of a former one. */
  id_reused: { ...all, reason: "user_deleted" },
  alarm: { ...all, reason: "alarm" },
} as const satisfies Readonly<Record<string, Consequences>>;

export type Change = keyof typeof consequences;

export interface ChangedAccount {
  readonly userId: string;
  /** Undefined where only the application knows the user. */
  readonly login: string | undefined;
  readonly now: number;
  readonly origin: Origin;
  /** The live session that makes the change. It gets new tokens, and its older ones end. */
  readonly own?: OwnSession | undefined;
  /** The second factors after the change, where it changes them. The caller holds the lock of the sessions. */
  readonly account?: AccountFactors | undefined;
  /** The second factor with which the change was proven. It stays. */
  readonly proven?: FactorUse | undefined;
  /** The policy of the roles, for a change that ends what is below it. */
  readonly rolePolicy?: Policy | undefined;
}

export interface OwnSession extends TokenTimes, TokenSession {}

export interface CarriedOut {
  /** The caller writes them, last in its transaction. */
  readonly revoked: readonly NewRevocation[];
  /** The session that made the change, with the generation of its new tokens. */
  readonly session: Session | undefined;
  readonly account: AccountFactors;
}

/** Ends what the change ends. The caller has locked the user's row, if it has one, and checked that the session is live. */
export function* carryOut(change: Change, input: ChangedAccount): Transaction<CarriedOut> {
  const { userId, now, origin, own } = input;
  const { sessions, reason, begun, devices, added }: Consequences = consequences[change];
  yield* advisoryLock(`sessions of ${userId}`);
  const { era, ...read } = yield* (yield* sendStateAndAccount(userId))();
  let account: AccountFactors = input.account ?? read;
  const exceptSession = sessions === "all" ? undefined : own?.sessionId;
  if (added !== "none") account = yield* endAdded({ ...input, added, exceptSession, reason }, account);
  if (begun) account = { ...account, factorsVersion: nextVersion(account.factorsVersion, now) };
  if (devices && !begun) account = { ...account, devicesVersion: nextVersion(account.devicesVersion, now) };
  if (account !== read) yield* writeAccount(userId, account);
  const policy = account.policy ?? input.rolePolicy;
  const ended =
    sessions === "none"
      ? []
      : sessions === "below"
        ? yield* endWeakSessions({ userId, reason, now, origin, policy })
        : yield* endOpenSessions({
            ...{ userId, exceptSession, reason, now, origin },
            acr: sessions === "weak" ? "1fa" : undefined,
          });
  if (own === undefined || exceptSession === undefined) return { revoked: ended, session: undefined, account };
  const session = yield* replaceTokens({ ...own, userId, era, now, origin });
  const older = session && revokedTokens(session, now);
  return { revoked: older ? [...ended, older] : ended, session, account };
}

/** At least the time, so that a version of a lost timeline does not come back after a restored backup. */
const nextVersion = (version: number, now: number) => Math.max(version + 1, now);
