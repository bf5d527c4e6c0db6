import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../dist/clock.js";
import { createPasswordPool, type PasswordPool } from "../../dist/passwords/pool.js";
import { createDelayedRejection } from "../../dist/throttle/delayed-rejection.js";

const isOver = async (promise: Promise<void>) => {
  let over = false;
  void promise.then(() => {
    over = true;
  });
  // Nothing but what is settled already.
  await new Promise(setImmediate);
  return over;
};

describe("a rejection", () => {
  let pool: PasswordPool;
  beforeAll(() => {
    pool = createPasswordPool({ size: 1, rests: false });
  });
  afterAll(() => pool.close());

  /** Settles once each has its hash or has waited too long, as on a busy machine. */
  const crowd = (size: number, of = pool) =>
    Promise.allSettled(Array.from({ length: size }, (_, n) => of.hash(`violet kettle harbour ${n}`)));

  it("a rejection is not delayed while no password waits, even if one is being hashed", async () => {
    const delayedRejection = createDelayedRejection(pool, systemClock);
    expect(await isOver(delayedRejection.wait())).toBe(true);
    const hashing = pool.hash("violet kettle harbour morning");
    expect(pool.stats()).toMatchObject({ busy: 1, waiting: 0 });
    expect(await isOver(delayedRejection.wait())).toBe(true);
    await hashing;
  });

  it("a rejection is delayed until no password waits any more", async () => {
    const delayedRejection = createDelayedRejection(pool, systemClock);
    const hashing = crowd(20);
    const held = delayedRejection.wait();
    expect(await isOver(held)).toBe(false);
    await Promise.all([held, hashing]);
  });

  it("a rejection is delayed for a second at most", async () => {
    const flooded = createPasswordPool({ size: 1, rests: false });
    const delayedRejection = createDelayedRejection(flooded, systemClock);
    // Those that are left over end with the pool.
    void crowd(180, flooded);
    const fromMs = performance.now();
    await delayedRejection.wait();
    expect(performance.now() - fromMs).toBeGreaterThanOrEqual(999);
    expect(flooded.stats().waiting).toBeGreaterThan(0);
    await flooded.close();
  });

  it("a rejection waits after two hundred others, until the fifty of the next second", async () => {
    let ms = 0;
    const delayedRejection = createDelayedRejection(pool, { monotonicMs: () => ms });
    for (let n = 0; n < 200; n++) expect(await isOver(delayedRejection.wait())).toBe(true);
    const held = delayedRejection.wait();
    expect(await isOver(held)).toBe(false);
    ms = 1_000;
    await held;
    expect(await isOver(delayedRejection.wait())).toBe(true);
  });

  it("the throttle delays at most a thousand rejections at a time", async () => {
    const delayedRejection = createDelayedRejection(pool, systemClock);
    const hashing = crowd(20);
    const held = Array.from({ length: 1_000 }, () => delayedRejection.wait());
    expect(await isOver(delayedRejection.wait())).toBe(true);
    await Promise.all([...held, hashing]);
    const again = crowd(20);
    expect(await isOver(delayedRejection.wait())).toBe(false);
    await again;
  });
});
