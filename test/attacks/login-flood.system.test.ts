// More logins at once than the server can hash in time, from as many addresses. Some are sent back, some get their time.
import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { openWorld, password, readResponse, requestFor, type World } from "../world/ampho.js";

/** More than the queue for a hash takes, and than are hashed until the others arrive. */
const flooding = 1_000 + 300 * availableParallelism();

async function logIn(world: World, login: string, address: string, device?: string) {
  const body = { login, password, ...(device !== undefined && { device }) };
  // `world.call` would send a rejected login again.
  const request = requestFor("POST", "http://localhost/api/security/login", { body });
  const { status, error, headers, json } = await readResponse(await world.ampho.fetch(request, { address }));
  return { status, error, retryAfter: Number(headers.get("retry-after")), device: String(json["device"]) };
}

describe("more passwords than the queue takes", () => {
  it("a known device is accepted in a login flood, and strangers get a time to wait whether or not their login exists", {
    timeout: 180_000,
  }, async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const { device } = await logIn(world, "ann", "192.0.2.1");
    const flood = Array.from({ length: flooding }, (_, n) =>
      logIn(world, `nobody-${n}`, `198.51.${n >> 8}.${n & 255}`),
    );
    // Some of those that find the queue full get their response while the others still wait.
    const first = await Promise.race(
      flood.map(async (one) => ((await one).status === 503 ? one : new Promise<never>(() => {}))),
    );
    expect(first).toMatchObject({ status: 503, error: "overloaded" });
    const [known, strange, unknown] = await Promise.all([
      logIn(world, "ann", "192.0.2.2", device),
      logIn(world, "ann", "192.0.2.3"),
      logIn(world, "nobody-at-all", "192.0.2.4"),
    ]);
    expect(known.status).toBe(200);
    expect([strange.status, unknown.status]).toEqual([503, 503]);
    for (const { error, retryAfter } of [first, strange, unknown]) {
      expect(error).toBe("overloaded");
      expect(retryAfter).toBeGreaterThanOrEqual(1);
    }
    const responses = await Promise.all(flood);
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([401, 503]));
    // No shed request costs an attempt: it was returned.
    expect(await world.ampho.throttle.list()).toEqual([]);
    expect((await logIn(world, "ann", "192.0.2.3")).status).toBe(200);
  });

  it("a rejected attempt gets its response after others, and a queued password gets its time", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const attempts = Array.from({ length: 5 }, (_, n) =>
      world.call("POST", "/login", { address: `192.0.2.${n}`, body: { login: "ann", password: `violet kettle ${n}` } }),
    );
    for (const attempt of attempts) expect((await attempt).status).toBe(401);
    let responded = 0;
    const flood = Array.from({ length: 25 * availableParallelism() }, async (_, n) => {
      const { status } = await logIn(world, `nobody-${n}`, `198.51.100.${n}`);
      responded += 1;
      return status;
    });
    // Then the others wait for a thread.
    await flood[0];
    const before = responded;
    const rejected = await logIn(world, "ann", "192.0.2.9");
    expect(rejected).toMatchObject({ status: 429, error: "too_many_attempts" });
    expect(responded).toBeGreaterThan(before);
    // On a busy machine some are shed.
    expect((await Promise.all(flood)).filter((status) => status !== 503)).not.toEqual([]);
    for (const one of flood) expect([401, 503]).toContain(await one);
  });
});
