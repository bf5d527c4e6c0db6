// A user's sessions: list them, end one, end all; logout is ending the present one (contract §4).

import type { Origin } from "../audit/entry.js";
import { AmphoError } from "../errors.js";
import type { EndReason, Session } from "../store/sql/session-rows.js";
import { isStorableText } from "../store/storable-text.js";
import type { Auth } from "../tokens/auth.js";
import type { Caller, Deps } from "./deps.js";

export interface SessionView {
  readonly id: string;
  readonly current: boolean;
  readonly created: number;
  readonly renewed: number;
  readonly expires: number;
  readonly address: string | null;
  readonly agent: string | null;
}

/** The input of a flow that needs only the caller's token. */
export interface Authenticated {
  readonly auth: Auth;
}

type SessionDeps = Pick<Deps, "store" | "revocations" | "clock" | "settings">;

/** The user and the session of a token that has both; `insufficient_scope` for one that belongs to no session. */
export function requireSession(auth: Auth): { readonly userId: string; readonly sessionId: string } {
  const { id, session } = auth;
  if (id === undefined || session === undefined || !isStorableText(id) || !isStorableText(session))
    throw new AmphoError("insufficient_scope", "This needs the token of a session.");
  return { userId: id, sessionId: session };
}

export async function logout(deps: SessionDeps, { auth }: Authenticated, caller: Caller): Promise<void> {
  const { userId, sessionId } = requireSession(auth);
  // A session that another request has just ended is as good as one that this request ends.
  const origin: Origin = { actor: "user", ...caller };
  await endSession(deps, { id: sessionId, userId, reason: "logout", origin, seenExpires: auth.expires });
}

export async function listOwnSessions(
  { store, clock }: SessionDeps,
  { auth }: Authenticated,
): Promise<readonly SessionView[]> {
  const { userId, sessionId } = requireSession(auth);
  const sessions = await store.listSessions({ userId, now: clock.now() });
  return sessions.map((session) => ({ ...toSessionView(session), current: session.id === sessionId }));
}

export function toSessionView(session: Session): Omit<SessionView, "current"> {
  const { id, createdAt, renewedAt, expiresAt, address, agent } = session;
  return { id, created: createdAt, renewed: renewedAt, expires: expiresAt, address, agent };
}

/** `not_found` unless it is a live session of the same user: whether another's exists is not told. */
export async function endOwnSession(
  deps: SessionDeps,
  { auth, sessionId }: Authenticated & { readonly sessionId: string },
  caller: Caller,
): Promise<void> {
  const { userId } = requireSession(auth);
  const ended = await endSession(deps, {
    id: sessionId,
    userId,
    reason: "ended_by_user",
    origin: { actor: "user", ...caller },
  });
  if (!ended) throw new AmphoError("not_found", "There is no such session.");
}

export async function endOwnSessions(deps: SessionDeps, { auth }: Authenticated, caller: Caller): Promise<void> {
  const { userId, sessionId } = requireSession(auth);
  const common = { userId, reason: "ended_by_user", origin: { actor: "user", ...caller } } as const;
  await endUserSessions(deps, common);
  // Its own too, if the store has lost it.
  await endSession(deps, { ...common, id: sessionId, seenExpires: auth.expires });
}

/** True when there was a live session (of that user, where given) to end. */
export async function endSession(
  { store, revocations, clock }: SessionDeps,
  input: {
    readonly id: string;
    readonly userId?: string | undefined;
    readonly reason: EndReason;
    readonly origin: Origin;
    readonly seenExpires?: number | undefined;
  },
): Promise<boolean> {
  const { ended, revocations: rows } = await store.endSession({ userId: undefined, ...input, now: clock.now() });
  revocations.add(rows);
  return ended;
}

/** The number of sessions that were ended. */
export async function endUserSessions(
  { store, revocations, clock }: SessionDeps,
  input: { readonly userId: string; readonly reason: EndReason; readonly origin: Origin },
): Promise<number> {
  const rows = await store.endUserSessions({ exceptSession: undefined, ...input, now: clock.now() });
  revocations.add(rows);
  return rows.length;
}

/** Their sessions, and all tokens that name them without one: of a user of whichever table. */
export async function revokeUserTokens(
  { store, revocations, clock, settings }: SessionDeps,
  input: { readonly userId: string; readonly login: string; readonly reason: EndReason; readonly origin: Origin },
): Promise<void> {
  const { tokenForeignTtl: foreignMaxSeconds } = settings;
  revocations.add(await store.revokeUserTokens({ ...input, now: clock.now(), foreignMaxSeconds }));
}

/** Every session of everybody, in one row. */
export async function endAllSessions(
  { store, revocations, clock, settings }: SessionDeps,
  origin: Origin,
): Promise<void> {
  const { tokenTtl: accessTtlSeconds, tokenForeignTtl: foreignMaxSeconds } = settings;
  revocations.add(await store.endAllSessions({ now: clock.now(), origin, accessTtlSeconds, foreignMaxSeconds }));
}
