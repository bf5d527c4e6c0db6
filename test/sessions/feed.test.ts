// The feed's waiting: bounded in number, together for all, and over when the process ends.
import { describe, expect, it, onTestFinished } from "vitest";
import { createFeed } from "../../dist/sessions/feed.js";
import { createRevocationSet, databaseNames } from "../../dist/sessions/revocation-set.js";
import { openSqlite } from "../../dist/store/sqlite/store.js";
import { settableClock, start } from "../world/clock.js";

const token = "feed-5f2c8e9a4b7d1e6f3a0c9b8d7e6f";

async function openFeed() {
  const store = await openSqlite({ memory: true, migrate: true, log: () => undefined });
  onTestFinished(() => store.close());
  const revocations = createRevocationSet(databaseNames, () => undefined);
  let reads = 0;
  const feed = createFeed({
    token,
    store: {
      readRevocations: (input) => {
        reads++;
        return store.readRevocations(input);
      },
    },
    revocations,
    clock: settableClock(),
  });
  onTestFinished(() => feed.close());
  const ask = (after = 0) => feed.read({ bearer: token, after, waitSeconds: 20 });
  const revoke = async (kid: string) =>
    revocations.add(await store.revokeKey({ kid, now: start, origin: { actor: "operator" } }));
  return { feed, ask, revoke, reads: () => reads };
}

/** Whether it is settled by now, with all that runs without a timer. */
async function isOver(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  await new Promise((resolve) => setTimeout(resolve, 50));
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

describe("the feed", () => {
  it("holds back 256 questions at most; the next is answered at once", async () => {
    const { feed, ask } = await openFeed();
    const held = Array.from({ length: 256 }, () => ask());
    expect(await isOver(Promise.race(held))).toBe(false);
    expect(await ask()).toMatchObject({ last: 0, revocations: [], waited: 0 });
    feed.close();
    expect(await Promise.all(held)).toHaveLength(256);
  });

  it("tells what is revoked together together, to all who wait, and reads once while they ask and once behind that", async () => {
    const { ask, revoke, reads } = await openFeed();
    const held = Promise.all(Array.from({ length: 100 }, () => ask()));
    expect(await isOver(held)).toBe(false);
    expect(reads()).toBe(2);
    await Promise.all(["a", "b", "c"].map(revoke));
    for (const page of await held) expect(page.revocations.map(({ kind }) => kind)).toEqual(["key", "key", "key"]);
    expect(reads()).toBe(4);
  });

  it("misses nothing that is revoked while a question is under way", async () => {
    const { ask, revoke } = await openFeed();
    for (let n = 0; n < 20; n++) {
      const asking = ask(n);
      await Promise.all([revoke(`key-${n}`), asking]);
      expect((await asking).revocations).toHaveLength(1);
    }
  });

  it("waits no more once it is closed", async () => {
    const { feed, ask } = await openFeed();
    feed.close();
    expect(await ask()).toMatchObject({ revocations: [], waited: 0 });
  });
});
