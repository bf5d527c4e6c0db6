// The effects of each change of an account, one row a change (docs/reference/changes.md). `carryOut` records the
// change, which mails its notice, and ends what the row states, in the transaction that makes the change. So no flow
// decides alone what of the account before lives on.
import type { AuditEntry } from "../../../audit/entry.js";
import type { AuditEvent } from "../../../audit/events.js";
import { policyFor } from "../../../levels/policy.js";
import { text } from "../../rows.js";
import { advisoryLock, first, type Transaction, write } from "../../transaction.js";
import { writeAccount } from "../factors/account-factors.js";
import { deleteAccount } from "../factors/rows.js";
import { recordAudit } from "../rows/audit.js";
import { useConfirmation } from "../rows/confirmations.js";
import { addressOfRow } from "../rows/import-rows.js";
import type { NewRevocations } from "../rows/revocations.js";
import type { EndReason, Session, TokenTimes } from "../rows/session-rows.js";
import { replaceTokens } from "../rows/session-rows.js";
import type { TokenSession } from "../rows/sessions.js";
import { type AccountFactors, type State, sendStateAndAccount } from "../rows/state.js";
import { type Additions, endAdded, endFactors, type Fate, type Fates } from "./added.js";
import { lessenConnectionsOf } from "./connection-ends.js";
import { endEmailWait } from "./email-waits.js";
import { endInvitations } from "./registrations.js";
import { endOpenSessions, endWeakSessions, revokedTokens } from "./session-ends.js";

/** A row decides about every kind of credential, so that a new kind without a decision does not compile. */
interface Consequences extends Fates {
  /**
   * The makers of the change. `recent`: a session whose login is recent, at the level of the account. `confirmed`: such
   * a session, which has confirmed the change (confirmations.ts). `session`: any session. `password`: who proves the
   * old password. `mailbox`: who proves the address. `login`: it is made by a login. `operator`: an operator or the
   * application. `waited`: a session with a recent login, seven days after it began (email-waits.ts).
   */
  readonly by: readonly (
    | "recent"
    | "confirmed"
    | "waited"
    | "session"
    | "password"
    | "mailbox"
    | "login"
    | "operator"
  )[];
  /** The event that is recorded. Some mail a notice (audit/events.ts). Undefined: none, or the end of each session. */
  readonly event: AuditEvent | undefined;
  /**
   * `others`: all but the session that makes the change. `weak`: those that have proven one factor. `below`: those that
   * the policy of the user would not accept now.
   */
  readonly sessions: "all" | "others" | "weak" | "below" | "none";
  /** Why they end, in the audit log. Undefined: the caller states it. */
  readonly reason: EndReason | undefined;
  /**
   * Login transactions, set-ups, and mailed codes and links that were begun. Remembered devices end with them. `gone`:
   * with the account, which has no row any more.
   */
  readonly begun: "ends" | "gone" | "kept";
  /** Remembered devices. */
  readonly devices: "ends" | "kept";
  /**
   * `unproven`: it is removed, unless an operator has set it. `set`: the change itself decides, and a frozen one is one
   * no more. `frozen`: without a second factor it is rejected as a wrong one, until a new one is set.
   */
  readonly password: "unproven" | "set" | "frozen" | "kept";
  /** `lessen`: the access tokens of the connections that stay end. The next ones have the user's present rights. */
  readonly rights: "lessen" | "kept";
  /** The next login leads the user to what can still sign in or act. */
  readonly review: boolean;
  /** Those for the address before the change, with which the user would come back or get a role again. */
  readonly invitations: "end" | "kept";
}

/** A cell for each column of `Lasting`, so that no row can leave one out. */
const fates = (identity: Fate, factors: Fate, apiKey: Fate, connection: Fate) =>
  ({ identity, factors, apiKey, connection }) satisfies Fates;
const added = fates("added", "added", "added", "added");
const deputies = (fate: Fate) => fates("kept", "kept", fate, fate);

const unchanged = { password: "kept", invitations: "kept", rights: "kept" } as const;
const quiet = { ...unchanged, review: false, event: undefined, reason: undefined } as const;
const lessened = { rights: "lessen" } as const;
const none = { ...quiet, ...deputies("kept"), sessions: "none", begun: "kept", devices: "kept" } as const;
const all = { ...none, sessions: "all", begun: "ends", devices: "ends" } as const;
/**
 * An API key and a connection work without a login. Each ends with the session that has added it, if a thief can have
 * had that one.
 */
const others = { ...all, ...deputies("added"), sessions: "others" } as const;
const moved = { invitations: "end" } as const;
const address = { ...moved, event: "email_changed", reason: "email_changed" } as const;
const below = { ...deputies("added"), sessions: "below", reason: "policy" } as const;
const deleted = { ...fates("all", "all", "all", "all"), deletes: true, reason: "user_deleted" } as const;
const gone = { ...all, ...deleted, ...moved, begun: "gone", password: "set" } as const;
const password = { password: "set", reason: "password_changed" } as const;
const reset = { ...password, ...added, review: true, by: ["mailbox"], event: "reset_done" } as const;
const factors = { reason: "factors_changed" } as const;
const proven = { ...moved, by: ["mailbox"], event: "email_proven" } as const;
const users = ["recent", "operator"] as const;
const confirmed = ["confirmed", "operator"] as const;
const waited = ["confirmed", "waited"] as const;
const setUp = ["confirmed", "login"] as const;

export const consequences = {
  password_set: { ...others, ...password, ...added, by: ["password"], event: "password_changed" },
  /** The account had none. */
  password_added: { ...others, ...password, ...added, by: ["confirmed"], event: "password_changed" },
  password_removed: { ...others, ...password, by: ["confirmed"], event: "password_changed" },
  password_replaced: { ...all, ...password, ...added, by: ["operator"], event: "password_changed" },
  /** A password that is not kept takes the place of the old one. The user sets a new one by mail. */
  password_expired: { ...all, ...password, ...added, by: ["operator"], event: "password_expired" },
  password_reset: { ...all, ...reset },
  /**
   * A reset in an application's own table that does not state the address as proven. A stranger can have signed up with
   * it, whose ways past the password must end. Second factors stay: the reset asks for them.
   */
  unproven_reset: { ...all, ...reset, ...fates("any", "added", "any", "any") },
  /** An application's own table has stored the new password, which took longer than its limit, or has failed to. */
  password_stored: { ...others, ...password, ...deputies("kept"), password: "kept", by: ["password", "mailbox"] },
  login_changed: { ...all, ...moved, ...lessened, by: ["confirmed"], event: "login_changed", reason: "login_changed" },
  login_respelled: { ...none, ...lessened, by: ["recent"], event: "login_changed" },
  email_changed: { ...others, ...address, by: [...waited, "operator"] },
  /** An operator's word, with a reason, about an account that has a mailbox. No link overturns it. */
  email_set: { ...all, ...added, ...address, by: ["operator"] },
  /** The address becomes the login name in the same step. */
  names_changed: { ...others, ...address, ...lessened, by: waited },
  /** An account gets its first address, or its spelling changes. No mailbox loses the account by that. */
  email_added: { ...none, ...moved, by: users, event: "email_changed" },
  /** Another address waits for seven days, in which the mailbox can stop it. */
  email_waits: { ...none, by: ["recent"], event: "email_change_begun" },
  /**
   * The first proof of the address, by a reset or by a login without the password. The account can be that of a person
   * who has typed the address of another one. So nothing of it stays but what an operator has set.
   */
  email_proven: {
    ...all,
    ...fates("any", "any", "any", "any"),
    ...proven,
    reason: "email_proven",
    password: "unproven",
  },
  /** The same by a login that also proves the password. */
  email_confirmed: { ...none, ...proven },
  first_factor: { ...all, ...factors, by: setUp, event: "factor_added", sessions: "weak", ...deputies("added") },
  further_factor: { ...all, ...factors, by: setUp, event: "factor_added", sessions: "none" },
  factor_replaced: { ...others, ...factors, by: ["confirmed"], event: "factor_added" },
  codes_replaced: { ...others, ...factors, by: ["confirmed"], event: "factor_added" },
  factor_removed: { ...others, by: confirmed, event: "factor_removed", reason: "factors_changed" },
  identity_linked: { ...none, by: setUp, event: "identity_linked" },
  /** Its provider speaks for the mailbox of the account. So the mailbox has confirmed it. */
  identity_vouched: { ...none, by: ["recent"], event: "identity_linked" },
  /** The account has it already. */
  identity_relinked: { ...none, by: ["recent"] },
  identity_unlinked: { ...others, by: confirmed, event: "identity_unlinked", reason: "factors_changed" },
  devices_forgotten: { ...none, by: ["session", "operator"], event: "devices_forgotten", devices: "ends" },
  roles_changed: { ...none, ...below, ...moved, ...lessened, by: ["operator"], event: "roles_changed" },
  policy_set: { ...none, ...below, by: ["operator"], event: "factor_policy_changed" },
  connection_added: { ...none, by: ["recent"], event: "connection_added" },
  api_key_added: { ...none, by: users, event: "api_key_created" },
  api_key_rotated: { ...none, by: users, event: "api_key_rotated" },
  api_key_removed: { ...none, by: ["session", "operator"], event: "api_key_removed" },
  api_keys_removed: { ...none, apiKey: "all", by: ["operator"] },
  disabled: { ...all, ...deputies("all"), by: ["operator"], event: "user_disabled", reason: "user_disabled" },
  enabled: { ...none, by: ["operator"], event: "user_enabled" },
  deleted: { ...gone, by: ["operator"], event: "user_deleted" },
  account_removed: { ...gone, by: ["confirmed"], event: "account_removed" },
  /** Users end everything that can sign in or act, but what their session has proven itself. */
  access_ended: {
    ...others,
    ...fates("unproven", "unproven", "all", "all"),
    by: ["confirmed"],
    reason: "ended_by_user",
  },
  /** A code of the mailbox allows one change to one session. */
  change_confirmed: { ...none, by: ["mailbox"], event: "change_confirmed" },
  /** An application's own table has created a user with the id of a former one. */
  id_reused: { ...all, ...deleted, by: ["login"] },
  /** Users end their own sessions. */
  sessions_left: { ...none, by: ["session"], sessions: "all" },
  sessions_ended: { ...all, by: ["operator"] },
  tokens_revoked: { ...all, ...deputies("all"), by: ["operator"], event: "tokens_revoked" },
  alarm: { ...all, ...added, review: true, by: ["mailbox"], event: "alarm", reason: "alarm", password: "frozen" },
} as const satisfies Readonly<Record<string, Consequences>>;

export type Change = keyof typeof consequences;

type MakersOf<C extends Change> = (typeof consequences)[C]["by"][number];

/** A session makes it only with a confirmation. */
export type ConfirmedChange = { [C in Change]: "confirmed" extends MakersOf<C> ? C : never }[Change];

/** A change that a code can confirm. `review`: the removals of what can still sign in or act. */
export type Confirmable = ConfirmedChange | "review";

/**
 * The maker of a change that a session must confirm. The session can have ended, and the change ends it in some rows.
 * `table`: an application's own table has changed, and the confirmation was used up before (table-changes.ts).
 */
type MadeBy<C extends Change> =
  "confirmed" extends MakersOf<C>
    ? { readonly maker: Pick<TokenSession, "sessionId"> | Exclude<MakersOf<C>, "confirmed"> | "table" }
    : { readonly maker?: never };

/** An account, and the state of the database. */
export type Locked = State & AccountFactors;

export interface ChangedAccount
  extends Omit<Additions, "fates" | "exceptSession" | "levels" | "reason">,
    Pick<AuditEntry, "reason" | "detail" | "sessionId"> {
  /** The live session that makes the change. It gets new tokens, and its older ones end. */
  readonly own?: OwnSession | undefined;
  /** Another session that goes on, with the tokens that it has. */
  readonly exceptSession?: string | undefined;
  /** The account before the change, as the caller has read it under the lock of the sessions. */
  readonly before?: Locked | undefined;
  /** The second factors after the change, where it changes them. */
  readonly account?: AccountFactors | undefined;
  /** The canonical address until now of a user of an application's own table. That of others is in their row. */
  readonly address?: string | undefined;
  /** The account has a password that its mailbox can reset, so it can be frozen. */
  readonly canReset?: boolean | undefined;
  /** An application's own table stores the new password after the change, and only then it is frozen no more. */
  readonly isStoredLater?: boolean | undefined;
  /** Why the sessions end, where the row does not state it. */
  readonly endReason?: EndReason | undefined;
}

export interface OwnSession extends TokenTimes, TokenSession {
  /** The methods that the change has proven, such as `otp` by the first code of an app. They raise the session. */
  readonly proven?: readonly string[] | undefined;
  /** The ids of the passkeys that were proven. */
  readonly provedBy?: readonly string[] | undefined;
}

export interface CarriedOut {
  /** The caller writes them, last in its transaction. */
  readonly revoked: NewRevocations;
  /** The session that made the change, with the generation of its new tokens. */
  readonly session: Session | undefined;
  readonly account: AccountFactors;
  /** A session has made the change, and has confirmed it. */
  readonly isConfirmed: boolean;
}

/** Reads an account under the lock of its sessions. */
export function* lockSessionsOf(userId: string): Transaction<Locked> {
  yield* advisoryLock(`sessions of ${userId}`);
  return yield* (yield* sendStateAndAccount(userId))();
}

/**
 * Records the change and ends what it ends. The caller has locked the user's row, and found the session live. Throws
 * `confirmation_needed`, which rolls the transaction back.
 */
export function carryOut<C extends Change>(change: C, input: ChangedAccount & MadeBy<C>): Transaction<CarriedOut>;
export function* carryOut(
  change: Change,
  input: ChangedAccount & { readonly maker?: string | Pick<TokenSession, "sessionId"> },
): Transaction<CarriedOut> {
  const { userId, login, now, origin, own, maker } = input;
  const row: Consequences = consequences[change];
  const before = input.before ?? (yield* lockSessionsOf(userId));
  const isConfirmed =
    isConfirmedChange(change) &&
    typeof maker === "object" &&
    (yield* useConfirmation(change, { userId, sessionId: maker.sessionId, now, origin }));
  let account: AccountFactors = input.account ?? before;
  const { event, reason = input.endReason ?? "ended_by_operator" } = row;
  const about = { at: now, userId, login, origin, reason: input.reason, detail: input.detail };
  if (event !== undefined) yield* recordAudit({ ...about, event, sessionId: input.sessionId });
  if (row.begun === "ends") yield* endEmailWait({ userId, login, now, origin, reason: event ?? reason });
  // After the notice, which also goes to an address of earlier mails.
  if (row.invitations === "end") yield* endInvitationsOf(input, event ?? reason, row.begun === "gone");
  if (row.deletes) {
    yield* deleteAccount(userId);
    account = { ...account, factors: [], policy: undefined, insteadOf: undefined };
  }
  const exceptSession = row.sessions === "all" ? undefined : (own?.sessionId ?? input.exceptSession);
  const policy = policyFor(account, input.rolePolicy ?? "optional");
  const levels: Additions["levels"] = row.sessions === "below" ? policy : row.sessions === "weak" ? "weak" : "any";
  const additions = { ...input, fates: row, exceptSession, levels, reason };
  const revoked = yield* endAdded(additions);
  account = yield* endFactors(additions, account);
  if (row.password === "unproven") yield* removePassword(userId);
  const isFrozen = row.password === "frozen" && input.canReset === true && account.factors.length === 0;
  if (isFrozen) account = { ...account, frozen: account.frozen ?? "password" };
  if (row.password === "set" && input.isStoredLater !== true && account.frozen === "password")
    account = { ...account, frozen: undefined };
  if (row.review) account = { ...account, review: true };
  if (row.begun === "ends") account = ofNextVersion(account, now);
  else if (row.devices === "ends" && row.begun === "kept")
    account = { ...account, devicesVersion: nextVersion(account.devicesVersion, now) };
  if (account !== before && row.begun !== "gone") yield* writeAccount(userId, account);
  const { era } = before;
  const which = { userId, reason, now, origin };
  const acr = row.sessions === "weak" ? "1fa" : undefined;
  const sessions =
    row.sessions === "none"
      ? []
      : row.sessions === "below"
        ? yield* endWeakSessions({ ...which, policy })
        : yield* endOpenSessions({ ...which, exceptSession, era, acr });
  const lessened = row.rights === "lessen" ? yield* lessenConnectionsOf(userId, now) : [];
  const ended = [...revoked, ...sessions, ...lessened];
  if (own === undefined || row.sessions === "all") return { revoked: ended, session: undefined, account, isConfirmed };
  const session = yield* replaceTokens({ ...own, userId, era, now, origin });
  const older = session && revokedTokens(session, now);
  return { revoked: older ? [...ended, older] : ended, session, account, isConfirmed };
}

function* endInvitationsOf(input: ChangedAccount, reason: string, isDeleted: boolean): Transaction<void> {
  const row = yield* first(`select ${addressOfRow} as address from ampho_users where id = ?`, [input.userId]);
  const address = row ? text(row, "address") : input.address;
  if (address !== undefined) yield* endInvitations(address, { ...input, reason, isDeleted });
}

const isConfirmedChange = (change: Change): change is ConfirmedChange =>
  consequences[change].by.some((maker) => maker === "confirmed");

/** At least the time, so that a version of a lost timeline does not come back after a restored backup. */
const nextVersion = (version: number, now: number) => Math.max(version + 1, now);

/** Everything that was begun before is void. */
export const ofNextVersion = <A extends AccountFactors>(account: A, now: number): A => ({
  ...account,
  factorsVersion: nextVersion(account.factorsVersion, now),
});

const removePassword = (userId: string): Transaction<void> =>
  write(
    `update ampho_users set password_hash = null, hash_kind = null, password_version = password_version + 1
     where id = ? and coalesce(password_by_operator, 0) = 0`,
    [userId],
  );

export const confirmables: readonly Confirmable[] = [
  ...(Object.keys(consequences) as Change[]).filter(isConfirmedChange),
  "review",
];
