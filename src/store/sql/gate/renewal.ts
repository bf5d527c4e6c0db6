// Renewal by generation. One conditional update moves the newest generation on. A token of the generation before it
// receives the current one again within the grace, or with the idempotency key that made the move. A re-authentication
// leaves no grace. Any other token is a replay and ends the session. All look-ups use primary keys and unique columns,
// so that the cost does not grow with the number of sessions.
import type { Origin } from "../../../audit/entry.js";
import { isRecent } from "../../../clock.js";
import { goesOnUnder, policyFor, policyOf, type RolePolicies } from "../../../levels/policy.js";
import { skewMaxSeconds } from "../../../throttle/attempt-counter.js";
import { DatabaseError } from "../../database-error.js";
import { integer, type Row, textOrNull } from "../../rows.js";
import { first, type Transaction, write } from "../../transaction.js";
import { endById } from "../effects/session-ends.js";
import { recordAudit } from "../rows/audit.js";
import { writeRevocations } from "../rows/revocations.js";
import type { EndReason, Move, Moved, Session } from "../rows/session-rows.js";
import { refreshedSince, sendRenewal, sessions } from "../rows/session-rows.js";
import type { TokenSession } from "../rows/sessions.js";
import { applicationOwnsUsers, readState, recordAccess } from "../rows/state.js";
import { type SessionOwner, sendOwnerOf, type User } from "../rows/users.js";

export interface Renewal extends Move {
  /** The generation of the presented token. */
  readonly gen: number;
  /** The token has expired. It only receives what its idempotency key has already made. */
  readonly repeatsOnly: boolean;
  readonly graceSeconds: number;
  readonly by: "refresh_token" | "access_token";
  readonly origin: Origin;
  /** The roles of a user of an application's own table. Undefined: the user is read from this database. */
  readonly ownRoles: readonly string[] | undefined;
  /** The policies of all roles. The session ends if it has proven less than the policy of the user asks for now. */
  readonly rolePolicies: RolePolicies;
}

export type RenewOutcome =
  | {
      /** `renewed`: this call moved the generation. `repeated`: another did, and this one gets the same. */
      readonly outcome: "renewed" | "repeated";
      readonly session: Session;
      readonly user: User | undefined;
    }
  | {
      readonly outcome: "ended";
      /** The session goes on after `reauthenticated` (a token from before one) and `too_late` (it renews no longer). */
      readonly reason: "unknown" | "ended" | "expired" | "reauthenticated" | "too_late" | "replayed" | "user";
    };

const select = `select ${sessions.list}, era, ended_at, idempotency from ampho_sessions where id = ?`;

/** Moves a session one generation on, or returns the current one again within the grace. */
export function* renewSession(input: Renewal): Transaction<RenewOutcome> {
  if (!input.repeatsOnly) {
    const readMoved = yield* sendRenewal(input, input.gen);
    const readOwner = yield* sendOwnerOf(input.sessionId);
    const moved = yield* readMoved();
    if (moved) return yield* grant(input, moved, yield* readOwner(), "renewed", "renew");
  }

  const { era, accessUntil } = yield* readState();
  const row = yield* first(select, [input.sessionId], "update");
  if (!row) return yield* reject(input, "unknown", undefined);
  const session = sessions.of(row);
  if (row["ended_at"] !== null || integer(row, "era") !== era) return yield* reject(input, "ended", session);
  if (session.expiresAt <= input.now) return yield* reject(input, "expired", session);
  if (isRacing(input, session)) return yield* reject(input, "reauthenticated", session);
  const repeats = canRepeat(input, session, row);
  if ((repeats || input.gen === session.gen) && session.refreshedAt < refreshedSince(input))
    return yield* reject(input, "too_late", session);
  if (!repeats) return yield* input.repeatsOnly ? reject(input, "expired", session) : end(input, session, "replayed");

  const accessExpires = Math.max(session.accessExpires, Math.min(input.now + input.accessTtlSeconds, session.endsAt));
  yield* write("update ampho_sessions set access_expires = ? where id = ?", [accessExpires, session.id]);
  const repeated = { session: { ...session, accessExpires }, accessUntil };
  // Read again, because the deferred read can be older than the row that this transaction has waited for.
  const readOwner = yield* sendOwnerOf(session.id);
  return yield* grant(input, repeated, yield* readOwner(), "repeated", sharedOrRepeated(input, session));
}

/**
 * Forgets the idempotency key of the move to this generation. A client that presents a token of it has received the
 * response, so it has no attempt to repeat. An older token is a replay once the grace is over.
 */
export function* confirmRenewal({ sessionId, gen }: TokenSession): Transaction<void> {
  const sql = "update ampho_sessions set idempotency = null where id = ? and gen = ? and idempotency is not null";
  yield* write(sql, [sessionId, gen]);
}

/**
 * A copied token from before a re-authentication must not receive the new `auth_time` and `acr`, which only factors
 * prove. An honest tab that raced with it finds the newer tokens in the storage of the client.
 */
const isRacing = ({ gen, now, graceSeconds }: Renewal, { provedGen, provedAt }: Session): boolean =>
  gen < provedGen && isRecent(provedAt, graceSeconds, now, skewMaxSeconds);

function canRepeat(input: Renewal, session: Session, row: Row): boolean {
  const { gen, repeatsOnly, now, graceSeconds, idempotency } = input;
  if (gen !== session.gen - 1 || gen < session.provedGen) return false;
  if (!repeatsOnly && isRecent(session.renewedAt, graceSeconds, now, skewMaxSeconds)) return true;
  return idempotency !== undefined && idempotency === textOrNull(row, "idempotency");
}

/** Another address or user agent within the grace is a sign that two clients have the same session. */
function sharedOrRepeated({ origin }: Renewal, session: Session): "renew_shared" | "renew_repeated" {
  const same = (origin.address ?? null) === session.address && (origin.agent ?? null) === session.agent;
  return same ? "renew_repeated" : "renew_shared";
}

function* grant(
  input: Renewal,
  { session, accessUntil }: Moved,
  { user: found, own }: SessionOwner,
  outcome: "renewed" | "repeated",
  event: "renew" | "renew_repeated" | "renew_shared",
): Transaction<RenewOutcome> {
  const { ownRoles, rolePolicies } = input;
  const user = ownRoles === undefined ? found : undefined;
  if (ownRoles === undefined) {
    // Only the application can say whether its user is gone. The rollback leaves the session as it was.
    if (!user && (yield* applicationOwnsUsers()))
      throw new DatabaseError("the user is in the table of the option `users`, which this process does not have");
    if (!user) return yield* end(input, session, "user_deleted");
    if (user.disabled) return yield* end(input, session, "user_disabled");
  }
  const policy = policyFor(own, policyOf(ownRoles ?? user?.roles ?? [], rolePolicies));
  if (!goesOnUnder(session, policy)) return yield* end(input, session, "policy");
  yield* recordAudit({ ...entry(input, session), event });
  yield* recordAccess({ accessUntil }, session.accessExpires);
  return { outcome, session, user };
}

function* reject(
  input: Renewal,
  reason: "unknown" | "ended" | "expired" | "reauthenticated" | "too_late",
  session: Session | undefined,
): Transaction<RenewOutcome> {
  // An expired token could otherwise write rows for ever.
  if (!input.repeatsOnly) yield* recordAudit({ ...entry(input, session), event: "renew_rejected", reason });
  return { outcome: "ended", reason };
}

function* end(
  input: Renewal,
  session: Session,
  why: Extract<EndReason, "replayed" | "user_deleted" | "user_disabled" | "policy">,
): Transaction<RenewOutcome> {
  // A generation ahead of the database's was issued before the database lost its last writes, together with an access
  // token.
  const canExpire = input.gen > session.gen ? Math.min(input.now + input.accessTtlSeconds, session.endsAt) : 0;
  const revoked = yield* endById(session.id, why, input.now, canExpire);
  const about = entry(input, session);
  yield* recordAudit(
    why === "replayed" ? { ...about, event: "renew_replayed" } : { ...about, event: "renew_rejected", reason: why },
  );
  yield* writeRevocations(revoked);
  return { outcome: "ended", reason: why === "replayed" ? "replayed" : "user" };
}

const entry = (input: Renewal, session: Session | undefined) => ({
  at: input.now,
  userId: session?.userId,
  login: session?.login,
  sessionId: input.sessionId,
  origin: input.origin,
  detail: { by: input.by, gen: input.gen },
});
