// Readiness (GET /readyz): the database responds, and this process knows the revocations.
import { type RevocationFollower, requireRecentRevocations } from "../sessions/follow-revocations.js";
import type { Store } from "../store/store.js";

const pingTimeoutMs = 1000;

/**
 * Rejects with `unavailable`. Concurrent calls share one ping, because thousands would leave no connection for a login.
 */
export function createReadiness({
  store,
  follower,
}: {
  readonly store: Pick<Store, "ping">;
  readonly follower: Pick<RevocationFollower, "lagSeconds">;
}): () => Promise<void> {
  let pinging: Promise<void> | undefined;

  function ping(): Promise<void> {
    pinging ??= store.ping(pingTimeoutMs).finally(() => {
      pinging = undefined;
    });
    return pinging;
  }

  return async () => {
    // The database can respond while the reading of revocations fails. Checked last, when a running read has finished.
    try {
      await ping();
    } catch (error) {
      requireRecentRevocations(follower);
      throw error;
    }
    requireRecentRevocations(follower);
  };
}
