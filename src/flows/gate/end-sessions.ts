// Ends sessions. This process rejects their tokens at once, and every other one within a second.
import { unlessRejected } from "../../errors.js";
import type { UserEnding } from "../../store/sql/account/user-changes.js";
import type { SessionEnding } from "../../store/sql/effects/session-ends.js";
import { isStorableText } from "../../store/storable-text.js";
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

/** The sessions of these tokens. A bad token does not affect the login. */
export function supersededIds({ tokens }: Pick<Deps, "tokens">, sent: SupersededTokens | undefined, now: number) {
  const { token, refreshToken } = sent ?? {};
  const ids = [
    token && unlessRejected(() => tokens.verifySession(token, now).sid),
    refreshToken && unlessRejected(() => tokens.readRefresh(refreshToken, now).sid),
  ];
  return [...new Set(ids)].filter((id) => id !== undefined && id !== "" && isStorableText(id)) as readonly string[];
}
