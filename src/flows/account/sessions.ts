// Lists and ends sessions (docs/reference/contract.md §4). A logout ends the current session.
import { AmphoError } from "../../errors.js";
import { browserOf } from "../../mail/texts/browser.js";
import type { Session } from "../../store/sql/rows/session-rows.js";
import type { SessionView } from "../../wire/account.js";
import type { OwnFlow } from "../deps.js";
import { requireSession } from "../find/own-session.js";
import { endSession, endUserSessions } from "../gate/end-sessions.js";

export const logout: OwnFlow<void> = async (deps, { auth }, origin) => {
  const { userId, sessionId } = requireSession(auth);
  // Another request can have ended the session. The result is the same.
  await endSession(deps, { id: sessionId, userId, reason: "logout", origin, seenExpires: auth.expires });
};

export const listOwnSessions: OwnFlow<readonly SessionView[]> = async ({ store, clock }, { auth }) => {
  const { userId, sessionId } = requireSession(auth);
  const sessions = await store.listSessions({ userId, now: clock.now() });
  return sessions.map((session) => ({ ...toSessionView(session), current: session.id === sessionId }));
};

export function toSessionView(session: Session): Omit<SessionView, "current"> {
  const { id, createdAt, renewedAt, expiresAt, address, agent, amr, acr } = session;
  const times = { created: createdAt, renewed: renewedAt, expires: expiresAt };
  const browser = browserOf(agent ?? undefined);
  return { id, ...times, address, agent, browser: browser === "unknown" ? null : browser, amr, acr };
}

/** Rejects with `not_found` unless it is a live session of the same user. */
export const endOwnSession: OwnFlow<void, { readonly sessionId: string }> = async (deps, sent, caller) => {
  const { userId } = requireSession(sent.auth);
  const ended = await endSession(deps, { id: sent.sessionId, userId, reason: "ended_by_user", origin: caller });
  if (!ended) throw new AmphoError("not_found", "You have no session with this id.");
};

export const endOwnSessions: OwnFlow<void> = async (deps, { auth }, caller) => {
  const { userId, sessionId } = requireSession(auth);
  const common = { userId, reason: "ended_by_user", origin: caller } as const;
  await endUserSessions(deps, { ...common, change: "sessions_left" });
  // Also the current session, if a restored database has lost it.
  await endSession(deps, { ...common, id: sessionId, seenExpires: auth.expires });
};
