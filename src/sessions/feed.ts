// The revocation feed for verifiers elsewhere (docs/guides/verifying.md). A request waits for a revocation.
import type { Clock } from "../clock.js";
import { createSecretMatch } from "../crypto/bearer-secret.js";
import { AmphoError } from "../errors.js";
import type { Revocation } from "../store/revocation.js";
import type { Store } from "../store/store.js";
import { broadenEntry, type FeedPage, toFeedEntry } from "./feed-entry.js";
import type { RevocationSet } from "./revocation-set.js";

export const feedWaitMaxSeconds = 20;

/** A verifier that sends no `kinds` knows these. A kind that is added later must not be added here. */
const firstKinds: readonly Revocation["kind"][] = ["session", "user", "roles", "signing_key", "all"];

/** Revocations are collected for this long. So thousands of logouts a second cause few responses to each verifier. */
const gatherMs = 50;
/** Each waiting request occupies a connection. Further requests get a response at once and come again. */
const waitingMax = 256;

export interface FeedRequest {
  readonly bearer: string | undefined;
  readonly after: number;
  readonly waitSeconds: number;
  /** The kinds that the verifier knows. Undefined means the kinds of the first version. */
  readonly kinds?: readonly string[] | undefined;
}

export type Feed = ReturnType<typeof createFeed>;

type Page = Omit<FeedPage, "waited">;

export function createFeed(deps: {
  readonly token: string;
  readonly store: Pick<Store, "readRevocations">;
  readonly revocations: Pick<RevocationSet, "listen">;
  readonly clock: Clock;
}) {
  const { store, revocations, clock } = deps;
  const matches = createSecretMatch(deps.token);
  const waiting = new Set<() => void>();
  /** The running read for each `after`, and the one that follows it. */
  const reading = new Map<number, Promise<Page>>();
  const following = new Map<number, Promise<Page>>();
  let gathering: NodeJS.Timeout | undefined;
  let closed = false;

  const stopListening = revocations.listen(() => {
    if (waiting.size === 0) return;
    gathering ??= setTimeout(() => {
      gathering = undefined;
      for (const resolve of waiting) resolve();
    }, gatherMs);
  });

  /** `over` resolves after a revocation or after `waitSeconds`. Returns undefined if no further request can wait. */
  function wait(waitSeconds: number) {
    if (waitSeconds === 0 || closed || waiting.size >= waitingMax) return undefined;
    let stop = () => {};
    const over = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitSeconds * 1000);
      waiting.add(resolve);
      stop = () => {
        clearTimeout(timer);
        waiting.delete(resolve);
      };
    });
    return { over, stop };
  }

  async function page(after: number): Promise<Page> {
    const now = clock.now();
    const { epoch, last, more, rows } = await store.readRevocations({ after, now });
    return { epoch, last, revocations: rows.map(toFeedEntry), now, more };
  }

  function begin(after: number): Promise<Page> {
    const read = page(after).finally(() => reading.delete(after));
    reading.set(after, read);
    return read;
  }

  /**
   * Requests with the same `after` share one read. One that comes during a read gets the next, which sees everything
   * before it. Without sharing, hundreds of verifiers would leave no connection for a login.
   */
  function pageAfter(after: number): Promise<Page> {
    const current = reading.get(after);
    if (current === undefined) return begin(after);
    const go = () => {
      following.delete(after);
      return begin(after);
    };
    const next = following.get(after) ?? current.then(go, go);
    following.set(after, next);
    return next;
  }

  return {
    /** Rejects with `missing_token` or `invalid_token` without the feed's own token, or with `unavailable`. */
    async read({ bearer, after, waitSeconds, kinds = firstKinds }: FeedRequest): Promise<FeedPage> {
      if (bearer === undefined) throw new AmphoError("missing_token", "The bearer token of the feed is required.");
      if (!matches(bearer)) throw new AmphoError("invalid_token", "This is not the token of the feed.");
      const known = new Set(kinds);
      const broadened = (page: Page): Page => ({
        ...page,
        revocations: page.revocations.map((entry) => broadenEntry(entry, known)),
      });
      const receivedMs = clock.monotonicMs();
      // Wait first and read then, so that no revocation between the two is missed.
      const waits = wait(waitSeconds);
      try {
        const present = await pageAfter(after);
        // Any news gets a response at once, also that the numbers went back.
        if (waits === undefined || present.last !== after || present.revocations.length > 0)
          return { ...broadened(present), waited: 0 };
        await waits.over;
        const waited = Math.floor(clock.monotonicMs() - receivedMs);
        return { ...broadened(await pageAfter(after)), waited };
      } finally {
        waits?.stop();
      }
    },
    close() {
      closed = true;
      stopListening();
      clearTimeout(gathering);
      for (const resolve of waiting) resolve();
    },
  };
}
