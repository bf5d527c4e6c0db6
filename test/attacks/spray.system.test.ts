// A spray of invented logins from invented addresses, straight at the throttle. The rows that it leaves have a limit.
import { describe, expect, it } from "vitest";
import { createPasswordPool } from "../../dist/passwords/pool.js";
import { openSqlite } from "../../dist/store/sqlite/store.js";
import { createDelayedRejection } from "../../dist/throttle/delayed-rejection.js";
import { createThrottle, shareThrottle } from "../../dist/throttle/throttle.js";

const limits = {
  throttleAttempts: 5,
  throttleWindow: 900,
  throttleLock: 100,
  throttleAddress: 20,
  apiKeysPerUser: 0,
};
const now = 1_790_000_000;
const sprayed = 60_000;
const together = 500;

const addressOf4 = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
/** Each in a /48 of its own, which is a source too. */
const addressOf6 = (n: number) => `2001:db8:${(n & 0xffff).toString(16)}:${n >> 16}::1`;

describe("a spray of logins", () => {
  it("a spray of 60 000 logins from as many addresses leaves 50 000 rows of each at most, and forgets none within them", async () => {
    const store = await openSqlite({ memory: true, migrate: true, log: () => {} });
    const throttle = createThrottle({
      store,
      keyring: { hashLogin: (text: string) => `hash of ${text}` },
      settings: limits,
      clock: { now: () => now, monotonicMs: () => 0 },
      delayedRejection: createDelayedRejection(createPasswordPool(), { monotonicMs: () => performance.now() }),
      shared: shareThrottle(store),
    });
    const attempt = async (login: string, address: string) => {
      const origin = { actor: "user", address } as const;
      const admission = await throttle.allowLogin({ account: { name: login, canonical: login }, origin });
      await admission.failed({ at: now, event: "login_rejected", origin }, undefined);
    };
    for (let n = 0; n < sprayed; n += together) {
      await Promise.all(
        Array.from({ length: together }, (_, at) =>
          attempt(`nobody-${n + at}`, at % 4 === 0 ? addressOf6(n + at) : addressOf4(n + at)),
        ),
      );
      // The login that is attacked meanwhile.
      if (n === sprayed - 40_000) for (let failed = 0; failed < 5; failed++) await attempt("alice", "192.0.2.7");
    }
    await expect(attempt("alice", "192.0.2.8")).rejects.toMatchObject({ code: "too_many_attempts" });
    const operator = { actor: "operator" } as const;
    const rows = await store.clearLockouts({ target: { all: true }, now, origin: operator });
    await store.close();
    expect(rows).toBeLessThanOrEqual(2 * 50_000 + 2 * together);
  }, 120_000);
});
