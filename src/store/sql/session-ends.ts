// Endings of sessions. Each leaves a revocation for as long as an access token of the session may still be let in, and
// for a while at least: every process tells whoever holds a socket open for the session, however old its tokens are.
import type { Ending, EndReason, ForeignTokens, Revocation } from "../store.js";
import { first, integer, query, type Row, type Transaction, text } from "../transaction.js";
import { recordAudit } from "./audit.js";
import { insertRevocation, leewayMaxSeconds, type Revoked, writeRevocations } from "./revocations.js";
import { endingParameters, setEnded } from "./session-rows.js";
import { moveEra, readState } from "./state.js";

const returning = "returning n, id, user_id, login, era, access_expires";

/** The `exp` of the last access token of the user's sessions that have not ended; 0 when there is none. */
export function* latestAccess(userId: string): Transaction<number> {
  // Locked: a renewal that is under way has read the user as it was, and issues a later one.
  const rows = yield* query(
    "select access_expires from ampho_sessions where user_id = ? and ended_at is null order by n desc",
    [userId],
    "share",
  );
  return Math.max(0, ...rows.map((row) => integer(row, "access_expires")));
}

function revoked(row: Row, now: number): Revoked {
  return revokedUntil(integer(row, "access_expires"), text(row, "id"), now);
}

function revokedUntil(accessExpires: number, sessionId: string, now: number): Revoked {
  return { kind: "session", at: now, until: Math.max(accessExpires, now) + leewayMaxSeconds, sessionId };
}

function* recordEnd(row: Row, reason: EndReason, ending: Ending): Transaction<void> {
  yield* recordAudit({
    at: ending.now,
    ...endEvent(reason),
    userId: text(row, "user_id"),
    login: text(row, "login"),
    sessionId: text(row, "id"),
    origin: ending.origin,
  });
}

function endEvent(reason: EndReason) {
  return reason === "logout" ? ({ event: "logout" } as const) : ({ event: "session_ended", reason } as const);
}

/**
 * Ends one session that has not ended, and writes no audit row: that is its caller's. `mayExpire`: when an access token of
 * it may expire that the store does not know of.
 */
export function* endById(id: string, reason: EndReason, now: number, mayExpire = 0): Transaction<readonly Revoked[]> {
  const row = yield* first(`update ampho_sessions set ${setEnded} where id = ? and ended_at is null ${returning}`, [
    ...endingParameters(now, reason),
    id,
  ]);
  return row ? [revokedUntil(Math.max(integer(row, "access_expires"), mayExpire), id, now)] : [];
}

interface OneEnding extends Ending {
  readonly id: string;
  readonly userId: string | undefined;
  readonly reason: EndReason;
  readonly seenExpires?: number | undefined;
}

interface Ended {
  readonly ended: boolean;
  readonly revocations: readonly Revocation[];
}

/** A session that is idle too long but whose access tokens are still good can be ended as well. */
export function* endSession(input: OneEnding): Transaction<Ended> {
  const { id, userId, reason, now, seenExpires } = input;
  const row = yield* first(
    `update ampho_sessions set ${setEnded}
     where id = ? and ended_at is null and era = (select era from ampho_state where id = 1) and (expires_at > ? or access_expires > ?)
     ${userId === undefined ? "" : "and user_id = ?"} ${returning}`,
    [...endingParameters(now, reason), id, now, now - leewayMaxSeconds, ...(userId === undefined ? [] : [userId])],
  );
  if (!row) return seenExpires === undefined ? { ended: false, revocations: [] } : yield* endLost(input, seenExpires);
  yield* recordEnd(row, reason, input);
  const accessExpires = Math.max(integer(row, "access_expires"), seenExpires ?? 0);
  return { ended: true, revocations: yield* writeRevocations([revokedUntil(accessExpires, id, now)]) };
}

/** A token was shown that a store which had all its writes would have noted: only a revocation can still end what it is of. */
function* endLost(input: OneEnding, seenExpires: number): Transaction<Ended> {
  const { id, userId, reason, now, origin } = input;
  const row = yield* first("select user_id, access_expires from ampho_sessions where id = ?", [id]);
  const isNoted = row && (integer(row, "access_expires") >= seenExpires || text(row, "user_id") !== userId);
  if (isNoted) return { ended: false, revocations: [] };
  yield* recordAudit({ at: now, ...endEvent(reason), userId, sessionId: id, origin });
  return { ended: true, revocations: yield* writeRevocations([revokedUntil(seenExpires, id, now)]) };
}

export interface UserEnding extends Ending {
  readonly userId: string;
  readonly exceptSession: string | undefined;
  readonly reason: EndReason;
}

export function* endUserSessions(input: UserEnding): Transaction<readonly Revocation[]> {
  return yield* writeRevocations(yield* endOpenSessions(input));
}

/** No row of the user is locked, nor read: where an application keeps the users there is none. */
export function* revokeUserTokens(
  input: Ending & ForeignTokens & { readonly userId: string; readonly login: string; readonly reason: EndReason },
): Transaction<readonly Revocation[]> {
  const { userId, login, now, origin, foreignMaxSeconds } = input;
  yield* recordAudit({ at: now, event: "user_revoked", userId, login, origin });
  const sessions = yield* endOpenSessions({ ...input, exceptSession: undefined });
  // The tokens of sessions are refused by the rows of these.
  const until = now + foreignMaxSeconds + leewayMaxSeconds;
  return yield* writeRevocations([...sessions, { kind: "user", at: now, until, userId, login }]);
}

/** Ends all of a user's sessions but one; the revocations are still to be written. */
export function* endOpenSessions(input: UserEnding): Transaction<readonly Revoked[]> {
  const { userId, exceptSession, reason, now } = input;
  const { era } = yield* readState();
  const except = exceptSession ?? "";
  // In the order in which every other transaction locks several of them.
  yield* query(
    "select n from ampho_sessions where user_id = ? and ended_at is null and id <> ? order by n desc",
    [userId, except],
    "update",
  );
  const rows = yield* query(
    `update ampho_sessions set ${setEnded}
     where user_id = ? and ended_at is null and id <> ? returning n, id, user_id, login, era, access_expires, expires_at`,
    [...endingParameters(now, reason), userId, except],
  );
  const open = rows
    .filter((row) => integer(row, "era") === era)
    .filter((row) => integer(row, "expires_at") > now || integer(row, "access_expires") + leewayMaxSeconds > now)
    .sort((a, b) => integer(a, "n") - integer(b, "n"));
  for (const row of open) yield* recordEnd(row, reason, input);
  return open.map((row) => revoked(row, now));
}

/** More than anyone's `sessionsPerUser` is lowered by at once; the next login ends the rest. */
const displacedAtOnce = 1000;

/** Ends the oldest live sessions of a user beyond `keep`, never the one given. */
export function* endOldestSession(
  input: Ending & { readonly sessionId: string; readonly userId: string; readonly era: number; readonly keep: number },
): Transaction<readonly Revoked[]> {
  const { sessionId, userId, era, keep, now } = input;
  const rows = yield* query(
    `select n, id, user_id, login, era, access_expires from ampho_sessions
     where user_id = ? and ended_at is null and era = ? and expires_at > ? and id <> ?
     order by n desc limit ? offset ?`,
    [userId, era, now, sessionId, displacedAtOnce, Math.max(keep - 1, 0)],
  );
  const all: Revoked[] = [];
  for (const row of rows) {
    const ended = yield* endById(text(row, "id"), "displaced", now);
    if (ended.length === 0) continue;
    all.push(...ended);
    yield* recordEnd(row, "displaced", input);
  }
  return all;
}

/** One row for however many sessions: those of an older era count as ended wherever a session is judged. */
export function* endAllSessions(
  input: Ending & ForeignTokens & { readonly accessTtlSeconds: number },
): Transaction<readonly Revocation[]> {
  const { now, origin, foreignMaxSeconds, accessTtlSeconds } = input;
  yield* recordAudit({ at: now, event: "every_session_ended", origin });
  const { n, era, accessUntil } = yield* moveEra(now);
  // `accessTtlSeconds`: a renewal at this moment may issue a token of the old era later than any that was noted.
  const until = Math.max(now + foreignMaxSeconds, now + accessTtlSeconds, accessUntil) + leewayMaxSeconds;
  const row: Revoked = { kind: "all", at: now, until, era };
  yield* insertRevocation(row, 0);
  return [{ ...row, n }];
}
