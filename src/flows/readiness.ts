// Whether this process is to be sent requests (GET /readyz): its store answers, and what was revoked is known here.

import { type RevocationFollower, requireRecentRevocations } from "../sessions/follow-revocations.js";
import type { Store } from "../store/store.js";

const patienceMs = 1000;

/**
 * Rejects with `unavailable`. Whoever asks while the store is being asked is told what comes of that: its answer stands in
 * front of everybody's work, so a thousand questions of people who owe us nothing would else leave no login a connection.
 */
export function createReadiness({
  store,
  follower,
}: {
  readonly store: Pick<Store, "ping">;
  readonly follower: Pick<RevocationFollower, "lagSeconds">;
}): () => Promise<void> {
  let asking: Promise<void> | undefined;

  function ask(): Promise<void> {
    asking ??= store.ping(patienceMs).finally(() => {
      asking = undefined;
    });
    return asking;
  }

  return async () => {
    // The store may answer, and yet not what revocations are read by: asked last, when what was under way has been answered.
    try {
      await ask();
    } catch (error) {
      requireRecentRevocations(follower);
      throw error;
    }
    requireRecentRevocations(follower);
  };
}
