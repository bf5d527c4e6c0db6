// What a login overwrites where tokens are kept for their holder, as in a browser's cookies (docs/cookies.md): with its tokens
// gone, the session before it would stay open with nobody left to end it.

import type { Origin } from "../audit/entry.js";
import { AmphoError } from "../errors.js";
import { isStorableText } from "../store/storable-text.js";
import type { Deps } from "./deps.js";
import { endSession } from "./sessions.js";

/** The tokens that the client overwrites with those of a new login. They are not checked yet. */
export interface SupersededTokens {
  readonly accessToken: string | undefined;
  readonly refreshToken: string | undefined;
}

/** Ends the sessions that these tokens are of, but for the one that has just been granted. */
export async function endSupersededSession(
  deps: Deps,
  { accessToken, refreshToken }: SupersededTokens,
  { granted, origin }: { readonly granted: string; readonly origin: Origin },
): Promise<void> {
  const { tokens, clock } = deps;
  const now = clock.now();
  const ids = new Set([
    accessToken && (await unlessRefused(() => tokens.verifyAccess(accessToken, now).claims.sid)),
    refreshToken && (await unlessRefused(() => tokens.readRefresh(refreshToken, now).sid)),
  ]);
  for (const id of ids)
    if (id && id !== granted && isStorableText(id))
      await unlessRefused(() => endSession(deps, { id, reason: "logout", origin }));
}

/** A token that is not good any more, or a store that has just gone away: whoever has logged in is logged in all the same. */
async function unlessRefused<T>(work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AmphoError) return undefined;
    throw error;
  }
}
