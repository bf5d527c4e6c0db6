// Ends of sessions. Each leaves a revocation for as long as an access token or a login transaction of the session can
// be accepted. So every process closes the sockets of the session, however old its tokens are.
import { leewayMaxSeconds } from "../../../clock.js";
import type { Acr } from "../../../levels/acr.js";
import { type Policy, reachesPolicy } from "../../../levels/policy.js";
import { integer, text } from "../../rows.js";
import { first, query, type Transaction } from "../../transaction.js";
import { recordAudit } from "../rows/audit.js";
import type { NewRevocation, NewRevocations } from "../rows/revocations.js";
import { insertRevocation, recoveryUntil, untilOf, writeRevocations } from "../rows/revocations.js";
import type { Ending, EndReason, ForeignTokens, Session, TokenEnding } from "../rows/session-rows.js";
import { endingParameters, sessions, setEnded } from "../rows/session-rows.js";
import { moveEra } from "../rows/state.js";
import { asInteger, asText, type RowOf, tableOf } from "../rows/table.js";
import { lockApiKeys } from "./api-key-ends.js";
import { endEmailWaits } from "./email-waits.js";
import { endEveryApiKey, endEveryToken } from "./service-changes.js";

/** An end reads no level, because a program of a later version can have written one. */
const endings = tableOf("ampho_sessions", {
  id: asText,
  userId: asText,
  login: asText,
  accessExpires: asInteger,
  expiresAt: asInteger,
});
type EndedSession = RowOf<typeof endings>;

const returning = `returning ${endings.list}`;

/** When the last token that names the user has expired, whichever software issued it. */
export function* foreignUntil({ userId, now, foreignMaxSeconds }: TokenEnding): Transaction<number> {
  // Locked, because a renewal in progress has read the user before this change and issues a later token.
  const rows = yield* query(
    "select access_expires from ampho_sessions where user_id = ? and ended_at is null order by n desc",
    [userId],
    "share",
  );
  return untilOf(now, now + foreignMaxSeconds, ...rows.map((row) => integer(row, "access_expires")));
}

function revokedUntil(accessExpires: number, sessionId: string, now: number): NewRevocation {
  return { kind: "session", at: now, until: untilOf(now, accessExpires), sessionId };
}

/** The tokens of a session that are older than its present generation. */
export function revokedTokens({ id: sessionId, gen, accessExpires }: Session, now: number): NewRevocation {
  return { kind: "session", at: now, until: untilOf(now, accessExpires), sessionId, gen };
}

const recordEnd = (
  { id, userId, login }: EndedSession,
  reason: EndReason,
  { now, origin }: Ending,
): Transaction<void> => recordAudit({ at: now, ...endEvent(reason), userId, login, sessionId: id, origin });

const endEvent = (reason: EndReason) =>
  reason === "logout" ? ({ event: "logout" } as const) : ({ event: "session_ended", reason } as const);

/** Ends one session. The caller writes the audit row. `canExpire`: the `exp` of a token that is not on record. */
export function* endById(id: string, reason: EndReason, now: number, canExpire = 0): Transaction<NewRevocations> {
  const sql = `update ampho_sessions set ${setEnded} where id = ? and ended_at is null ${returning}`;
  const row = yield* first(sql, [...endingParameters(now, reason), id]);
  return row ? [revokedUntil(Math.max(integer(row, "access_expires"), canExpire), id, now)] : [];
}

export interface SessionEnding extends Ending {
  readonly id: string;
  /** The session must belong to this user. Undefined: to any. */
  readonly userId: string | undefined;
  readonly reason: EndReason;
  /** The `exp` of the access token that the caller presented. A database that lost writes can have no record of it. */
  readonly seenExpires?: number | undefined;
}

/** False: no such live session. An idle session counts as live while an access token of it is valid. */
export function* endSession(input: SessionEnding): Transaction<boolean> {
  const { id, userId, reason, now, seenExpires } = input;
  const row = yield* first(
    `update ampho_sessions set ${setEnded}
     where id = ? and ended_at is null and era = (select era from ampho_state where id = 1) and (expires_at > ? or access_expires > ?)
     ${userId === undefined ? "" : "and user_id = ?"} ${returning}`,
    [...endingParameters(now, reason), id, now, now - leewayMaxSeconds, ...(userId === undefined ? [] : [userId])],
  );
  if (!row) return seenExpires !== undefined && (yield* endLost(input, seenExpires));
  yield* recordEnd(endings.of(row), reason, input);
  const accessExpires = Math.max(integer(row, "access_expires"), seenExpires ?? 0);
  yield* writeRevocations([revokedUntil(accessExpires, id, now)]);
  return true;
}

/** The token is not on record, so the database has lost writes. Only a revocation can still end its session. */
function* endLost(input: SessionEnding, seenExpires: number): Transaction<boolean> {
  const { id, userId, reason, now, origin } = input;
  const row = yield* first("select user_id, access_expires from ampho_sessions where id = ?", [id]);
  const isRecorded = row && (integer(row, "access_expires") >= seenExpires || text(row, "user_id") !== userId);
  if (isRecorded) return false;
  yield* recordAudit({ at: now, ...endEvent(reason), userId, sessionId: id, origin });
  yield* writeRevocations([revokedUntil(seenExpires, id, now)]);
  return true;
}

export interface OpenSessions extends Ending {
  readonly userId: string;
  /** The session that goes on. */
  readonly exceptSession: string | undefined;
  readonly reason: EndReason;
  readonly era: number;
  /** Only sessions of this level. Undefined: all. */
  readonly acr?: Acr | undefined;
}

/** Ends all sessions of a user but one. The caller writes the revocations. */
export function* endOpenSessions(input: OpenSessions): Transaction<NewRevocations> {
  const { userId, exceptSession, reason, era, now, acr } = input;
  const level = acr === undefined ? "" : "and acr = ?";
  const which = [userId, exceptSession ?? "", ...(acr === undefined ? [] : [acr])];
  yield* endings.all(openOfUser, [userId], "update");
  const rows = yield* query(
    `update ampho_sessions set ${setEnded}
     where user_id = ? and ended_at is null and id <> ? ${level} ${returning}, n, era`,
    [...endingParameters(now, reason), ...which],
  );
  const open = rows
    .filter((row) => integer(row, "era") === era)
    .sort((a, b) => integer(a, "n") - integer(b, "n"))
    .map((row) => endings.of(row))
    .filter(({ expiresAt, accessExpires }) => expiresAt > now || accessExpires + leewayMaxSeconds > now);
  for (const session of open) yield* recordEnd(session, reason, input);
  return open.map(({ id, accessExpires }) => revokedUntil(accessExpires, id, now));
}

/** In the order in which every other transaction locks several sessions. */
const openOfUser = "where user_id = ? and ended_at is null order by n desc";

/** Ends the sessions that have proven less than the policy asks for. The caller writes the revocations. */
export function* endWeakSessions(
  input: Ending & { readonly userId: string; readonly reason: EndReason; readonly policy: Policy | undefined },
): Transaction<NewRevocations> {
  const { userId, policy = "optional", reason } = input;
  const weak = (yield* sessions.all(openOfUser, [userId], "update")).filter(
    (session) => !reachesPolicy(session, policy),
  );
  return yield* endEach(weak, reason, input);
}

function* endEach(all: readonly EndedSession[], reason: EndReason, ending: Ending): Transaction<NewRevocations> {
  const revocations: NewRevocation[] = [];
  for (const session of all) {
    const ended = yield* endById(session.id, reason, ending.now);
    revocations.push(...ended);
    if (ended.length > 0) yield* recordEnd(session, reason, ending);
  }
  return revocations;
}

/** Ends the live sessions with these ids, of any user. The caller writes the revocations. */
export function* endSuperseded(ids: readonly string[], ending: Ending): Transaction<NewRevocations> {
  if (ids.length === 0) return [];
  const { now } = ending;
  const live = yield* endings.all(
    `where id in (${ids.map(() => "?").join(", ")}) and ended_at is null
     and era = (select era from ampho_state where id = 1) and (expires_at > ? or access_expires > ?) order by n desc`,
    [...ids, now, now - leewayMaxSeconds],
    "update",
  );
  return yield* endEach(live, "logout", ending);
}

/** More sessions than a lower `sessionsPerUser` leaves over at once. The next login ends the rest. */
const displacedAtOnce = 1000;

/** Ends the oldest live sessions of a user beyond `keep`, but never the given one. */
export function* endOldestSessions(
  input: Ending & { readonly sessionId: string; readonly userId: string; readonly era: number; readonly keep: number },
): Transaction<NewRevocations> {
  const { sessionId, userId, era, keep, now } = input;
  const oldest = yield* endings.all(
    `where user_id = ? and ended_at is null and era = ? and expires_at > ? and id <> ?
     order by n desc limit ? offset ?`,
    [userId, era, now, sessionId, displacedAtOnce, Math.max(keep - 1, 0)],
  );
  return yield* endEach(oldest, "displaced", input);
}

/** Writes one row, however many sessions there are. A session of an earlier era counts as ended everywhere. */
export function* endAllSessions(
  input: Ending & ForeignTokens & { readonly accessTtlSeconds: number; readonly apiKeys?: boolean | undefined },
): Transaction<void> {
  const { now, origin, foreignMaxSeconds, accessTtlSeconds } = input;
  if (input.apiKeys) yield* lockApiKeys();
  yield* endEmailWaits();
  yield* recordAudit({
    at: now,
    event: "sessions_ended",
    origin,
    ...(input.apiKeys && { detail: { api_keys: "ended" } }),
  });
  // The row of the new era makes every process read again what it has read of keys.
  // It locks every service in order, before some of them change.
  const ofTokens = yield* endEveryToken(now);
  const ofServices = input.apiKeys ? [...ofTokens, ...(yield* endEveryApiKey(input))] : ofTokens;
  const { lastRevocation: n, era, accessUntil } = yield* moveEra(now);
  // `accessTtlSeconds`: a renewal at this moment can issue a token of the old era that expires later than any on
  // record.
  const until = untilOf(now, now + foreignMaxSeconds, now + accessTtlSeconds, accessUntil, recoveryUntil(now));
  const row: NewRevocation = { kind: "all", at: now, until, era };
  yield* insertRevocation(row, 0);
  yield { revoked: [{ ...row, n }] };
  yield* writeRevocations(ofServices);
}
