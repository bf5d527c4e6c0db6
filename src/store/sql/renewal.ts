// Renewal by generation. The newest generation moves on by one conditional update. The one before it is given the current
// one again within the grace, or with the idempotency key that made the move. Any other is a replay and ends the session.
// Only look-ups by primary keys and unique columns: the cost must not grow with the number of sessions.
import type { EndReason, Renewal, RenewOutcome, Session, User } from "../store.js";
import { first, integer, type Row, type Transaction, textOrNull, write } from "../transaction.js";
import { recordAudit } from "./audit.js";
import { writeRevocations } from "./revocations.js";
import { endById } from "./session-ends.js";
import { type Moved, sendMove, sessionColumns, sessionOf } from "./session-rows.js";
import { noteAccess, readState } from "./state.js";
import { findUserById, sendUserOf } from "./users.js";

export function* renewSession(input: Renewal): Transaction<RenewOutcome> {
  const readMoved = yield* sendMove(input, input.gen);
  const readUser = input.stored ? yield* sendUserOf(input.sessionId) : undefined;
  const moved = yield* readMoved();
  if (moved) return yield* grant(input, moved, readUser?.(), "renewed", "renew");

  const { era, accessUntil } = yield* readState();
  const row = yield* first(
    `select ${sessionColumns}, era, ended_at, idempotency from ampho_sessions where id = ?`,
    [input.sessionId],
    "update",
  );
  if (!row) return yield* refuse(input, "unknown", undefined);
  const session = sessionOf(row);
  if (row["ended_at"] !== null || integer(row, "era") !== era) return yield* refuse(input, "ended", session);
  if (session.expiresAt <= input.now) return yield* refuse(input, "expired", session);
  if (!mayRepeat(input, session, row)) return yield* end(input, session, "replayed");

  const accessExpires = Math.max(session.accessExpires, Math.min(input.now + input.accessTtlSeconds, session.endsAt));
  yield* write("update ampho_sessions set access_expires = ? where id = ?", [accessExpires, session.id]);
  const repeated = { session: { ...session, accessExpires }, accessUntil };
  // Anew: what was sent ahead may be older than the row that this has waited for.
  const user = input.stored ? findUserById(session.userId) : undefined;
  return yield* grant(input, repeated, user, "repeated", sharedOrRepeated(input, session));
}

function mayRepeat(input: Renewal, session: Session, row: Row): boolean {
  if (input.gen !== session.gen - 1) return false;
  if (input.now - session.renewedAt <= input.graceSeconds) return true;
  return input.idempotency !== undefined && input.idempotency === textOrNull(row, "idempotency");
}

/** Two holders of one session show themselves by another address or agent within the grace. */
function sharedOrRepeated({ origin }: Renewal, session: Session): "renew_shared" | "renew_repeated" {
  const same = (origin.address ?? null) === session.address && (origin.agent ?? null) === session.agent;
  return same ? "renew_repeated" : "renew_shared";
}

function* grant(
  input: Renewal,
  { session, accessUntil }: Moved,
  readUser: Transaction<User | undefined> | undefined,
  outcome: "renewed" | "repeated",
  event: "renew" | "renew_repeated" | "renew_shared",
): Transaction<RenewOutcome> {
  let user: User | undefined;
  if (readUser) {
    user = yield* readUser;
    if (!user) return yield* end(input, session, "user_removed");
    if (user.disabled) return yield* end(input, session, "user_disabled");
  }
  yield* recordAudit({ ...entry(input, session), event });
  yield* noteAccess({ accessUntil }, session.accessExpires);
  return { outcome, session, user };
}

function* refuse(
  input: Renewal,
  reason: "unknown" | "ended" | "expired",
  session: Session | undefined,
): Transaction<RenewOutcome> {
  yield* recordAudit({ ...entry(input, session), event: "renew_refused", reason });
  return { outcome: "ended", reason, revocations: [] };
}

function* end(
  input: Renewal,
  session: Session,
  why: Extract<EndReason, "replayed" | "user_removed" | "user_disabled">,
): Transaction<RenewOutcome> {
  // A generation that is ahead was given before the store lost its last writes, and an access token with it.
  const mayExpire = input.gen > session.gen ? Math.min(input.now + input.accessTtlSeconds, session.endsAt) : 0;
  const revoked = yield* endById(session.id, why, input.now, mayExpire);
  const about = entry(input, session);
  yield* recordAudit(
    why === "replayed" ? { ...about, event: "renew_replayed" } : { ...about, event: "renew_refused", reason: why },
  );
  const reason = why === "replayed" ? "replayed" : "user";
  return { outcome: "ended", reason, revocations: yield* writeRevocations(revoked) };
}

function entry(input: Renewal, session: Session | undefined) {
  return {
    at: input.now,
    userId: session?.userId,
    login: session?.login,
    sessionId: input.sessionId,
    origin: input.origin,
    detail: { by: input.by, gen: input.gen },
  };
}
