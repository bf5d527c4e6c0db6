// The revocation feed: what was revoked, for verifiers that hold no store (docs/verifying.md). A question is held back until
// something is revoked, in whatever process, so that its answer is on its way in milliseconds.

import type { Clock } from "../clock.js";
import { createSecretMatch } from "../crypto/bearer-secret.js";
import { AmphoError } from "../errors.js";
import type { Store } from "../store/store.js";
import { broadenEntry, type FeedPage, toFeedEntry } from "./feed-entry.js";
import type { RevocationSet } from "./revocation-set.js";

export const feedWaitMaxSeconds = 20;

/** A verifier that sends no `kinds` knows these. A kind that is added later must not be added here. */
const firstKinds = ["session", "user", "roles", "key", "all"];

const entriesMax = 5000;
/** What is revoked together is told together: thousands of logouts a second are ten answers a second for each verifier. */
const gatherMs = 50;
/** Each holds a connection. Whoever comes beyond is answered at once and asks again. */
const waitingMax = 256;

export interface Feed {
  /** Throws `missing_token` or `invalid_token` unless `bearer` is the feed's own token; `unavailable` while the store is away. */
  read(question: {
    readonly bearer: string | undefined;
    readonly after: number;
    readonly waitSeconds: number;
    /** The kinds that the verifier knows; undefined for the kinds of the first version. */
    readonly kinds?: readonly string[] | undefined;
  }): Promise<FeedPage>;
  /** Answers whoever waits. */
  close(): void;
}

type Page = Omit<FeedPage, "waited">;

interface Wait {
  readonly over: Promise<void>;
  readonly stop: () => void;
}

export function createFeed(deps: {
  readonly token: string;
  readonly store: Pick<Store, "readRevocations">;
  readonly revocations: Pick<RevocationSet, "listen">;
  readonly clock: Clock;
}): Feed {
  const { store, revocations, clock } = deps;
  const matches = createSecretMatch(deps.token);
  const waiting = new Set<() => void>();
  /** By the number that is asked after: the read that is under way, and the one behind it. */
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

  function admit(bearer: string | undefined): void {
    if (bearer === undefined) throw new AmphoError("missing_token", "The feed's bearer token is needed.");
    if (!matches(bearer)) throw new AmphoError("invalid_token", "The token is not the feed's.");
  }

  /** Over when something was revoked or when it has lasted long enough; undefined when there is no room to wait. */
  function wait(waitSeconds: number): Wait | undefined {
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
    const { epoch, last, rows } = await store.readRevocations({ after, now });
    const more = rows.length > entriesMax;
    const told = more ? rows.slice(0, entriesMax) : rows;
    const reached = more ? (told.at(-1)?.n ?? last) : last;
    return { epoch, last: reached, revocations: told.map(toFeedEntry), now, more };
  }

  function begin(after: number): Promise<Page> {
    const read = page(after).finally(() => reading.delete(after));
    reading.set(after, read);
    return read;
  }

  /**
   * One read at a time for all who ask after the same number: whoever comes while it is under way has the next one, which
   * sees what was written before they asked. These reads stand in front of everybody's work, so that hundreds of verifiers
   * who are all woken by each of many revocations would else leave no login a connection.
   */
  function pageAfter(after: number): Promise<Page> {
    const current = reading.get(after);
    if (current === undefined) return begin(after);
    let next = following.get(after);
    if (next === undefined) {
      const go = () => {
        following.delete(after);
        return begin(after);
      };
      next = current.then(go, go);
      following.set(after, next);
    }
    return next;
  }

  return {
    async read({ bearer, after, waitSeconds, kinds = firstKinds }) {
      admit(bearer);
      const known = new Set(kinds);
      const broadened = (page: Page): Page => ({
        ...page,
        revocations: page.revocations.map((entry) => broadenEntry(entry, known)),
      });
      const askedMs = clock.monotonicMs();
      // Before the store is read: what is written in between must not be missed.
      const held = wait(waitSeconds);
      try {
        const present = await pageAfter(after);
        // Whatever there is to say, be it that the numbers went back, is said at once.
        if (held === undefined || present.last !== after || present.revocations.length > 0)
          return { ...broadened(present), waited: 0 };
        await held.over;
        const waited = Math.floor(clock.monotonicMs() - askedMs);
        return { ...broadened(await pageAfter(after)), waited };
      } finally {
        held?.stop();
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
