// Ends sessions. This process rejects their tokens at once, and every other one within a second.
import type { Origin } from "../../audit/entry.js";
import { ignoreRejection, unlessRejected } from "../../errors.js";
import type { SessionEnding } from "../../store/sql/session-ends.js";
import type { UserEnding } from "../../store/sql/user-changes.js";
import { isStorableText } from "../../store/storable-text.js";
import type { Grant } from "../../wire/login.js";
import type { Deps } from "../deps.js";

type SessionDeps = Pick<Deps, "store" | "clock">;

/** Resolves to true if there was a live session, of `userId` if it is given. */
export const endSession = (
  { store, clock }: SessionDeps,
  input: Omit<SessionEnding, "now" | "userId"> & Partial<Pick<SessionEnding, "userId">>,
): Promise<boolean> => store.endSession({ userId: undefined, ...input, now: clock.now() });

export const endUserSessions = (
  { store, clock }: SessionDeps,
  input: Omit<UserEnding, "now">,
): Promise<number | undefined> => store.endUserSessions({ ...input, now: clock.now() });

// A login overwrites the tokens that the client has (docs/guides/cookies.md). No client could end their session later.

/** The tokens that the client overwrites with those of a new login. They are not checked yet. */
export interface SupersededTokens {
  readonly token: string | undefined;
  readonly refreshToken: string | undefined;
}

/** Ends the sessions of these tokens, except the one that was just granted. */
export async function endSuperseded(
  deps: Deps,
  grant: Grant,
  { token, refreshToken }: Partial<SupersededTokens> = {},
  origin: Origin,
): Promise<void> {
  if ((token ?? refreshToken) === undefined) return;
  const { tokens, clock } = deps;
  const now = clock.now();
  const granted = tokens.verifySession(grant.token, now).sid;
  const ids = new Set([
    token && unlessRejected(() => tokens.verifySession(token, now).sid),
    refreshToken && unlessRejected(() => tokens.readRefresh(refreshToken, now).sid),
  ]);
  // A bad token, or a database that has just become unreachable, does not affect the login.
  for (const id of ids)
    if (id && id !== granted && isStorableText(id))
      await endSession(deps, { id, reason: "logout", origin }).catch(ignoreRejection);
}
