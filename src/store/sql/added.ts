// The identities and second factors that sessions have added to an account. The end of a session can end them too.
import type { Origin } from "../../audit/entry.js";
import type { FactorName } from "../../levels/factors.js";
import type { Policy } from "../../levels/policy.js";
import { first, query, type Row, type Transaction, text } from "../transaction.js";
import { recordAudit } from "./audit.js";
import { deleteFactor, type FactorUse } from "./factors/rows.js";
import { identityIdOf } from "./identities.js";
import type { AccountFactors } from "./state.js";

export interface Additions {
  readonly userId: string;
  readonly login: string | undefined;
  readonly now: number;
  readonly origin: Origin;
  /** As in `consequences`. */
  readonly added: "any" | "keeping";
  /** The session that goes on. */
  readonly exceptSession: string | undefined;
  /** Why they are removed, for the audit log. */
  readonly reason: string;
  /** The second factor that stays, because the change was proven with it. */
  readonly proven?: FactorUse | undefined;
  /** The policy of the roles. */
  readonly rolePolicy?: Policy | undefined;
}

/** A session that has ended within this time counts as ended by the change. A thief can log out in time. */
const lookBackSeconds = 7 * 86400;

const ofEnded = `exists (select 1 from ampho_sessions where ampho_sessions.id = added_by
  and ampho_sessions.user_id = ? and ampho_sessions.id <> ?
  and (coalesce(ended_at, renewed_at) > ? or (ended_at is null and expires_at > ?)))`;

/** Removes them before the sessions end. The caller writes the account that is returned. */
export function* endAdded(input: Additions, account: AccountFactors): Transaction<AccountFactors> {
  const { userId, login, now: at, origin, added, exceptSession = "", reason } = input;
  const about = { at, reason, userId, login, origin };
  const which = added === "any" ? "added_by is not null" : ofEnded;
  const parameters = added === "any" ? [userId] : [userId, userId, exceptSession, at - lookBackSeconds, at];
  const unlinked = yield* query(
    `delete from ampho_identities where user_id = ? and ${which} returning issuer, subject, provider`,
    parameters,
  );
  for (const row of unlinked) {
    const identity = identityIdOf({ issuer: text(row, "issuer"), subject: text(row, "subject") });
    yield* recordAudit({ ...about, event: "identity_unlinked", detail: { provider: text(row, "provider"), identity } });
  }
  // A first proof needs the second factors too, so they are of the person who has proven the address.
  if (added === "any" || account.factors.length === 0) return account;
  const passkeys = yield* query("select id from ampho_passkeys where user_id = ?", [userId]);
  const addedKeys = yield* query(`select id from ampho_passkeys where user_id = ? and ${which}`, parameters);
  const addedTotp = yield* first(`select user_id from ampho_totp where user_id = ? and ${which}`, parameters);
  return yield* removeAdded(input, account, { passkeys: idsOf(passkeys), addedKeys: idsOf(addedKeys), addedTotp });
}

const idsOf = (rows: readonly Row[]) => rows.map((row) => text(row, "id"));

function* removeAdded(
  { userId, login, now: at, origin, reason, proven, rolePolicy }: Additions,
  account: AccountFactors,
  {
    passkeys,
    addedKeys,
    addedTotp,
  }: {
    readonly passkeys: readonly string[];
    readonly addedKeys: readonly string[];
    readonly addedTotp: Row | undefined;
  },
): Transaction<AccountFactors> {
  const { policy = rolePolicy } = account;
  const gone = addedKeys.filter((id) => proven?.factor !== "passkey" || proven.id !== id);
  // A new app also replaces the recovery codes. So a code proves the app as well.
  const isTotpProven = proven?.factor === "totp" || proven?.factor === "recovery_code";
  const losesTotp = addedTotp !== undefined && !isTotpProven;
  const keepsTotp = account.factors.includes("totp") && !losesTotp;
  const keepsPasskey = gone.length < passkeys.length;
  if (gone.length === 0 && !losesTotp) return account;
  // The account must still reach the level that it reached before, or that the change has proven.
  const canLosePasskeys = proven !== undefined && policy !== "phr" && keepsTotp;
  if (!keepsPasskey && !(passkeys.length === 0 ? keepsTotp : canLosePasskeys)) return account;
  const keepsCodes = !losesTotp && (keepsTotp || keepsPasskey);
  for (const id of gone) yield* deleteFactor(userId, "passkey", id);
  if (losesTotp) yield* deleteFactor(userId, "totp");
  if (!keepsCodes) yield* deleteFactor(userId, "recovery_code");
  const keeps: Readonly<Record<FactorName, boolean>> = {
    passkey: keepsPasskey,
    totp: keepsTotp,
    recovery_code: keepsCodes,
  };
  const factors = account.factors.filter((factor) => keeps[factor]);
  const lost = account.factors.filter((factor) => !keeps[factor]);
  const detail = { factors: lost, ...(gone.length > 0 && { passkeys: gone }) };
  yield* recordAudit({ at, event: "factor_removed", reason, userId, login, origin, detail });
  return { ...account, factors };
}
