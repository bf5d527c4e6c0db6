// Lists and ends sessions (docs/reference/contract.md §4). A logout ends the current session.

import type { Origin } from "../../audit/entry.js";
import { AmphoError } from "../../errors.js";
import { browserOf } from "../../mail/texts/browser.js";
import type { EndReason, Session } from "../../store/sql/session-rows.js";
import type { UserEnding } from "../../store/sql/user-changes.js";
import { isStorableText } from "../../store/storable-text.js";
import type { Auth } from "../../tokens/auth.js";
import { notAccepted } from "../../tokens/credential.js";
import type { SessionView } from "../../wire/account.js";
import type { Caller, Deps } from "../deps.js";

/** The input of a flow that needs only the caller's token. */
export interface Authenticated {
  readonly auth: Auth;
}

type SessionDeps = Pick<Deps, "store" | "revocations" | "clock" | "settings">;

/** Returns the user and the session of a token. Throws `credential_not_accepted` for a token without a session. */
export function requireSession(auth: Auth): { readonly userId: string; readonly sessionId: string } {
  const { id, session } = auth;
  if (id === undefined || session === undefined || !isStorableText(id) || !isStorableText(session))
    throw notAccepted(["session"]);
  return { userId: id, sessionId: session };
}

export async function logout(deps: SessionDeps, { auth }: Authenticated, caller: Caller): Promise<void> {
  const { userId, sessionId } = requireSession(auth);
  // Another request can have ended the session. The result is the same.
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
  const { id, createdAt, renewedAt, expiresAt, address, agent, amr, acr } = session;
  const browser = browserOf(agent ?? undefined);
  return {
    id,
    created: createdAt,
    renewed: renewedAt,
    expires: expiresAt,
    address,
    agent,
    browser: browser === "unknown" ? null : browser,
    amr,
    acr,
  };
}

/**
 * Rejects with `not_found` unless it is a live session of the same user. The response does not reveal others' sessions.
 */
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
  if (!ended) throw new AmphoError("not_found", "You have no session with this id.");
}

export async function endOwnSessions(deps: SessionDeps, { auth }: Authenticated, caller: Caller): Promise<void> {
  const { userId, sessionId } = requireSession(auth);
  const common = { userId, reason: "ended_by_user", origin: { actor: "user", ...caller } } as const;
  await endUserSessions(deps, { ...common, change: "sessions_left" });
  // Also the current session, if a restored database has lost it.
  await endSession(deps, { ...common, id: sessionId, seenExpires: auth.expires });
}

/** Resolves to true if there was a live session, of `userId` if it is given. */
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

/** Resolves to the number of ended sessions. */
export async function endUserSessions(
  { store, revocations, clock }: SessionDeps,
  input: Omit<UserEnding, "now">,
): Promise<number> {
  const rows = await store.endUserSessions({ ...input, now: clock.now() });
  revocations.add(rows);
  return rows.length;
}

/** Ends the sessions of a user of either table, and revokes the tokens without a session that name the user. */
export async function revokeUserTokens(
  { store, revocations, clock, settings }: SessionDeps,
  input: { readonly userId: string; readonly login: string; readonly reason: EndReason; readonly origin: Origin },
): Promise<void> {
  const { tokenForeignTtl: foreignMaxSeconds } = settings;
  revocations.add(await store.revokeUserTokens({ ...input, now: clock.now(), foreignMaxSeconds }));
}

/** Ends every session of every user, by one row. `keys`: and all API keys. */
export async function endAllSessions(
  { store, revocations, clock, settings }: SessionDeps,
  origin: Origin,
  { keys }: { readonly keys: boolean },
): Promise<void> {
  const { tokenTtl: accessTtlSeconds, tokenForeignTtl: foreignMaxSeconds } = settings;
  revocations.add(await store.endAllSessions({ now: clock.now(), origin, accessTtlSeconds, foreignMaxSeconds, keys }));
}
