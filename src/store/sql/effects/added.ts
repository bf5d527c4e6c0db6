// The identities and second factors that sessions have added to an account. The end of a session can end them too.
import type { FactorName } from "../../../levels/factors.js";
import { type Policy, policyFor } from "../../../levels/policy.js";
import { integer, type SqlValues, text } from "../../rows.js";
import { first, query, type Transaction } from "../../transaction.js";
import { passkeyIdsOf } from "../factors/passkeys.js";
import { deleteFactor, type FactorUse, keptAsGiven, keptWithoutAdded } from "../factors/rows.js";
import { isProven, type StoredAccess } from "../rows/access.js";
import { recordAudit } from "../rows/audit.js";
import { identitiesOf, identityIdOf } from "../rows/identities.js";
import type { Ending, ProvenLevel } from "../rows/session-rows.js";
import type { AccountFactors } from "../rows/state.js";

/** An account has it for longer than a login, and a session can have added it. */
export type Lasting = "identity" | "apiKey" | FactorName;

/**
 * The end of it. `added`: it ends if one of the ended sessions has added it, and its set-up was not confirmed. The
 * eldest factor stays if no other is left, because the mailbox or the password alone must not take an account without
 * one. An API key is never confirmed. `any`: it ends if any session has added it, or the import of an account whose
 * address was not proven. An operator has no session. `unproven`: it ends unless the session that goes on has proven
 * it. `all`: it is deleted.
 */
export type Fate = "kept" | "added" | "any" | "unproven" | "all";

export interface Additions extends Ending {
  readonly userId: string;
  readonly login: string | undefined;
  /** The row of `consequences`. */
  readonly fates: Readonly<Record<Lasting, Fate>>;
  /** The session that goes on. */
  readonly exceptSession: string | undefined;
  /** The sessions that end: any, those that have proven one factor, or those below a policy. */
  readonly levels: "any" | "weak" | Policy;
  /** Why they are removed, for the audit log. */
  readonly reason: string;
  /** The level that the session that goes on has proven, with its factors. */
  readonly session?: ProvenLevel | undefined;
  /** The second factor that stays, because the change was proven with it. */
  readonly proven?: FactorUse | undefined;
  /** The policy of the roles. */
  readonly rolePolicy?: Policy | undefined;
}

/**
 * A session that has ended within this time counts as ended by the change for second factors. A thief can sign out in
 * time. Of an account without a mailbox no factor is ever confirmed, and its owner must not lose older ones.
 */
const lookBackSeconds = 7 * 86400;

/** The import of an account without a proven address has added it. No session has this id. */
export const addedByImport = "import";

const ofEnded = `exists (select 1 from ampho_sessions where ampho_sessions.id = added_by
  and ampho_sessions.user_id = ? and ampho_sessions.id <> ?
  and coalesce(ended_at, expires_at) > ?`;

/** The sessions whose additions a change can end. The stronger ones go on (`reachesPolicy`). */
export const levelsOf: Readonly<Record<"any" | "weak" | Policy, string>> = {
  any: "",
  weak: "and acr = '1fa'",
  optional: "and 1 = 0",
  required: `and acr = '1fa' and amr not like '%"dev"%'`,
  phr: "and acr <> 'phr'",
};

/** Removes them before the sessions end. The caller writes the account that is returned. */
export function* endAdded(input: Additions, account: AccountFactors): Transaction<AccountFactors> {
  const { userId, login, now: at, origin, fates, reason } = input;
  const { session } = input;
  const ofIdentities =
    session === undefined ? whichOf(fates.identity, "identity", input) : yield* unprovenIdentities(userId, session);
  const unlinked =
    ofIdentities === undefined
      ? []
      : yield* query(
          `delete from ampho_identities where user_id = ? and ${ofIdentities.sql} returning issuer, subject, provider`,
          [userId, ...ofIdentities.parameters],
        );
  for (const row of unlinked) {
    const identity = identityIdOf({ issuer: text(row, "issuer"), subject: text(row, "subject") });
    const about = { at, reason, userId, login, origin, detail: { provider: text(row, "provider"), identity } };
    yield* recordAudit({ ...about, event: "identity_unlinked" });
  }
  const ofPasskeys = whichOf(fates.passkey, "passkey", input);
  const ofTotp = whichOf(fates.totp, "totp", input);
  if (account.factors.length === 0 || (ofPasskeys === undefined && ofTotp === undefined)) return account;
  const passkeys = yield* passkeyIdsOf(userId);
  const addedPasskeys = yield* addedIn("ampho_passkeys", "id", userId, ofPasskeys);
  const addedTotp = yield* addedIn("ampho_totp", "user_id", userId, ofTotp);
  const { proven } = input;
  const policy = policyFor(account, input.rolePolicy ?? "optional");
  const isAny = fates.passkey === "any";
  const isOwn = (kind: StoredAccess, id?: string) => session !== undefined && isProven(session, kind, id);
  const isPasskeyProven = (id: string) => isOwn("passkey", id) || (proven?.factor === "passkey" && proven.id === id);
  const goingPasskeys = addedPasskeys.filter((id) => isAny || !isPasskeyProven(id));
  // A new app also replaces the recovery codes. So a code proves the app as well.
  const isTotpProven = !isAny && (isOwn("totp") || proven?.factor === "totp" || proven?.factor === "recovery_code");
  const goesTotp = addedTotp.length > 0 && !isTotpProven;
  const going = { passkeys: goingPasskeys, totp: goesTotp };
  const { passkeys: gone, totp: losesTotp } =
    isAny || fates.passkey === "unproven" ? going : yield* keepEldest(userId, account, policy, going);
  const loses = { totp: losesTotp, passkeys: gone.length === passkeys.length };
  const kept = keptWithoutAdded(account.factors, loses, fates.recovery_code === "any");
  const losesCodes = fates.recovery_code === "unproven" && !isOwn("recovery_codes");
  const keeps = { ...kept, recovery_code: kept.recovery_code && !losesCodes };
  const lost = account.factors.filter((factor) => !keeps[factor]);
  if (gone.length === 0 && lost.length === 0) return account;
  for (const factor of lost) yield* deleteFactor(userId, factor);
  if (keeps.passkey) for (const id of gone) yield* deleteFactor(userId, "passkey", id);
  const factors = account.factors.filter((factor) => keeps[factor]);
  const detail = { factors: lost, ...(gone.length > 0 && { passkeys: gone }) };
  yield* recordAudit({ at, event: "factor_removed", reason, userId, login, origin, detail });
  return { ...account, factors };
}

interface Going {
  readonly passkeys: readonly string[];
  readonly totp: boolean;
}

/** The factors that end, without the eldest one where no other is left that reaches the policy. */
function* keepEldest(
  userId: string,
  { factors }: AccountFactors,
  policy: Policy,
  { passkeys, totp }: Going,
): Transaction<Going> {
  const sql = `select id, created_at as at from ampho_passkeys where user_id = ?
    union all select '' as id, since as at from ampho_totp where user_id = ?`;
  const rows = [...(yield* query(sql, [userId, userId]))].sort((a, b) => integer(a, "at") - integer(b, "at"));
  const all = rows.map((row) => text(row, "id"));
  const isEnough = (id: string) => id !== "" || policy !== "phr" || !factors.includes("passkey");
  const isGoing = (id: string) => (id === "" ? totp : passkeys.includes(id));
  const mains = all.filter(isEnough);
  if (mains.some((id) => !isGoing(id))) return { passkeys, totp };
  const [eldest] = mains;
  return { passkeys: passkeys.filter((id) => id !== eldest), totp: totp && eldest !== "" };
}

function* addedIn(table: string, id: string, userId: string, which: Which | undefined): Transaction<readonly string[]> {
  if (which === undefined) return [];
  const sql = `select ${id} as id from ${table} where user_id = ? and ${which.sql}`;
  return (yield* query(sql, [userId, ...which.parameters])).map((row) => text(row, "id"));
}

interface Which {
  readonly sql: string;
  readonly parameters: SqlValues;
}

/** The rows of a table that end. */
export function whichOf(fate: Fate, of: Lasting, input: Additions): Which | undefined {
  if (fate === "kept" || fate === "all") return undefined;
  if (fate === "unproven") return { sql: "1 = 1", parameters: [] };
  if (fate === "any") return { sql: "added_by is not null", parameters: [] };
  const { userId, exceptSession = "", levels, now } = input;
  const unconfirmed = of === "apiKey" ? "" : "confirmed = 0 and";
  const isFactor = of !== "apiKey" && of !== "identity";
  // A session that has ended, or is gone, has added it, however long ago. Only the rest of the sessions goes on.
  if (levels === "any" && !isFactor)
    return { sql: `${unconfirmed} added_by <> '${addedByImport}' and added_by <> ?`, parameters: [exceptSession] };
  const since = levels === "any" ? now - lookBackSeconds : 0;
  return { sql: `${unconfirmed} ${ofEnded} ${levelsOf[levels]})`, parameters: [userId, exceptSession, since] };
}

function* unprovenIdentities(userId: string, session: ProvenLevel): Transaction<Which> {
  const kept = (yield* identitiesOf(userId)).filter((each) => isProven(session, "identity", identityIdOf(each)));
  const sql = ["1 = 1", ...kept.map(() => "not (issuer = ? and subject = ?)")].join(" and ");
  return { sql, parameters: kept.flatMap(({ issuer, subject }) => [issuer, subject]) };
}

/** The second factors that no session has set up, but an import. */
export interface GivenFactors {
  readonly factors: readonly FactorName[];
  readonly passkeys: readonly string[];
}

/** The second factors of an account that the first proof of its address leaves. */
export function* givenFactors(userId: string, { factors }: AccountFactors): Transaction<GivenFactors> {
  const keys = yield* query("select id from ampho_passkeys where user_id = ? and added_by is null", [userId]);
  const totp = yield* first("select user_id from ampho_totp where user_id = ? and added_by is null", [userId]);
  const passkeys = keys.map((row) => text(row, "id"));
  const kept = keptAsGiven(totp !== undefined, passkeys.length);
  return { factors: factors.filter((factor) => kept[factor]), passkeys };
}

/** True if the second factor that was proven is one of them. */
export const isGiven = (use: FactorUse, { factors, passkeys }: GivenFactors): boolean =>
  use.factor === "passkey" ? passkeys.includes(use.id) : factors.includes(use.factor);
