// The feed's waiting: bounded in number, together for all, and over when the process ends.
import { describe, expect, it, onTestFinished } from "vitest";
import { createFeed } from "../../dist/sessions/feed.js";
import { createRevocationSet, databaseNames } from "../../dist/sessions/revocation-set.js";
import { openSqlite } from "../../dist/store/sqlite/store.js";
import { settableClock, start } from "../world/clock.js";
import { quiet } from "../world/wait.js";

const token = "feed-5f2c8e9a4b7d1e6f3a0c9b8d7e6f";

async function openFeed() {
  const store = await openSqlite({ memory: true, migrate: true, log: () => undefined });
  onTestFinished(() => store.close());
  const revocations = createRevocationSet(databaseNames, () => undefined);
  let reads = 0;
  const feed = createFeed({
    token,
    store: {
      readRevocations: async (input) => {
        const page = await store.readRevocations(input);
        reads++;
        return page;
      },
    },
    revocations,
    clock: settableClock(),
  });
  onTestFinished(() => feed.close());
  const ask = (after = 0) => feed.read({ bearer: token, after, waitSeconds: 20 });
  const revoke = (kid: string) => store.revokeSigningKey({ kid, now: start, origin: { actor: "operator" } });
  store.onRevoked(revocations.add);
  const revokeTogether = (...kids: readonly string[]) => Promise.all(kids.map(revoke));
  return { feed, ask, revoke, revokeTogether, reads: () => reads };
}

/** Returns true if the promise is settled after all work that needs no timer. */
async function isOver(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  await quiet(50);
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

describe("the feed", () => {
  it("the feed lets 256 requests wait, and the next gets a response at once", async () => {
    const { feed, ask } = await openFeed();
    const held = Array.from({ length: 256 }, () => ask());
    expect(await isOver(Promise.race(held))).toBe(false);
    expect(await ask()).toMatchObject({ last: 0, revocations: [], waited: 0 });
    feed.close();
    expect(await Promise.all(held)).toHaveLength(256);
  });

  it("one response has all revocations of a moment, for all who wait, by one read while they wait and one after it", async () => {
    const { ask, revokeTogether, reads } = await openFeed();
    const held = Promise.all(Array.from({ length: 100 }, () => ask()));
    await expect.poll(reads).toBe(2);
    expect(await isOver(held)).toBe(false);
    expect(reads()).toBe(2);
    await revokeTogether("a", "b", "c");
    for (const page of await held)
      expect(page.revocations.map(({ kind }) => kind)).toEqual(["signing_key", "signing_key", "signing_key"]);
    expect(reads()).toBe(4);
  });

  it("the feed misses no revocation during a request", async () => {
    const { ask, revoke } = await openFeed();
    for (let n = 0; n < 20; n++) {
      const asking = ask(n);
      await Promise.all([revoke(`key-${n}`), asking]);
      expect((await asking).revocations).toHaveLength(1);
    }
  });

  it("a closed feed lets no request wait", async () => {
    const { feed, ask } = await openFeed();
    feed.close();
    expect(await ask()).toMatchObject({ revocations: [], waited: 0 });
  });
});
