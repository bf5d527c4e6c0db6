// More logins at once than can be answered in time, from as many addresses: who is told to come later, and who is let in.
import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { openWorld, password, type World } from "../world/ampho.js";

/** More than may wait for a password to be hashed, and than are hashed until they are there. */
const flooding = 1_000 + 300 * availableParallelism();

async function logIn(world: World, login: string, address: string, device?: string) {
  const body = { login, password, ...(device !== undefined && { device }) };
  const { status, error, headers, json } = await world.call("POST", "/login", { address, body });
  return { status, error, retryAfter: Number(headers.get("retry-after")), device: String(json["device"]) };
}

describe("while more passwords wait than may", () => {
  it("a known place is let in, and strangers are told when to come again, whether their login exists or not", {
    timeout: 60_000,
  }, async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const { device } = await logIn(world, "ann", "192.0.2.1");
    const flood = Array.from({ length: flooding }, (_, n) =>
      logIn(world, `nobody-${n}`, `198.51.${n >> 8}.${n & 255}`),
    );
    // Of those who find no room some are told so while the others still wait.
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
    const answers = await Promise.all(flood);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 503]));
    // Nobody was looked at for nothing: what was shed gave its try back.
    expect(await world.ampho.throttle.list()).toEqual([]);
    expect((await logIn(world, "ann", "192.0.2.3")).status).toBe(200);
  });

  it("whoever is refused a try hears of it after others, and who waits for a password gets the time", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const attempts = Array.from({ length: 5 }, (_, n) =>
      world.call("POST", "/login", { address: `192.0.2.${n}`, body: { login: "ann", password: `violet kettle ${n}` } }),
    );
    for (const attempt of attempts) expect((await attempt).status).toBe(401);
    let answered = 0;
    const flood = Array.from({ length: 25 * availableParallelism() }, async (_, n) => {
      const { status } = await logIn(world, `nobody-${n}`, `198.51.100.${n}`);
      answered += 1;
      return status;
    });
    // Then the others wait for a thread.
    await flood[0];
    const before = answered;
    const refused = await logIn(world, "ann", "192.0.2.9");
    expect(refused).toMatchObject({ status: 429, error: "too_many_attempts" });
    expect(answered).toBeGreaterThan(before);
    // On a machine that is busy with something else some are shed.
    expect((await Promise.all(flood)).filter((status) => status !== 503)).not.toEqual([]);
    for (const one of flood) expect([401, 503]).toContain(await one);
  });
});
