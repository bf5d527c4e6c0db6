// Four processes on one PostgreSQL are restarted one after the other, while clients log in, renew, call and log out through a
// balancer without pause. No request fails.
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { installMs } from "../world/debian.js";
import { freePort } from "../world/free-port.js";
import { alice } from "../world/people.js";
import { addUser, freshPlace, type Place, type Served, startServe, unthrottled } from "../world/serve.js";
import { useDatabase } from "../world/use-postgres.js";
import { pause } from "../world/wait.js";
import { proxies, type RunningProxy } from "./proxies.js";

const database = useDatabase();
let place: Place;
const fleet: Served[] = [];
beforeAll(async () => {
  await database.empty();
  place = freshPlace({
    AMPHO_DATABASE_URL: database.runtimeUrl,
    AMPHO_TRUST_PROXY: "1",
    AMPHO_SHUTDOWN_DELAY: "2",
    AMPHO_SECURITY_SESSIONS_PER_USER: "1000",
    ...unthrottled,
  });
  await addUser(place);
  for (let count = 0; count < 4; count++) fleet.push(await startServe(place, "--port", String(await freePort())));
});
interface Tally {
  responded: number;
  readonly failed: string[];
}

/** Sessions one after the other. Every unexpected response is recorded. */
async function useSessions(balancer: RunningProxy, going: () => boolean, tally: Tally): Promise<void> {
  const step = async (target: string, expected: number, asked = {}) => {
    try {
      const { status, json } = await balancer.ask(`/api/security${target}`, asked);
      if (status === expected) tally.responded += 1;
      else tally.failed.push(`${target}: ${status}`);
      return json;
    } catch (error) {
      tally.failed.push(`${target}: ${error instanceof Error ? error.message : "no response"}`);
      return {};
    }
  };
  while (going()) {
    let grant = await step("/login", 200, { method: "POST", body: alice });
    for (let count = 0; count < 5; count++) {
      const bearer = { headers: { authorization: `Bearer ${grant["token"]}` } };
      await step("/session", 200, bearer);
      await step("/sessions", 200, bearer);
      grant = await step("/renew", 200, { method: "POST", body: { refresh_token: grant["refresh_token"] } });
      await pause(20);
    }
    await step("/logout", 204, { method: "POST", headers: { authorization: `Bearer ${grant["token"]}` } });
  }
}

describe.each(Object.entries(proxies))("behind %s", (_, start) => {
  let balancer: RunningProxy;
  beforeAll(async () => {
    balancer = await start(fleet.map(({ port }) => port));
  }, installMs);
  afterAll(() => balancer?.stop());

  it("no request fails while every process is ended and restarted", { timeout: 180_000 }, async () => {
    const tally: Tally = { responded: 0, failed: [] };
    let over = false;
    const clients = Array.from({ length: 3 }, () => useSessions(balancer, () => !over, tally));
    for (const [at, served] of fleet.entries()) {
      await pause(300);
      const ended = await served.stop();
      expect(ended.code).toBe(0);
      const next = await startServe(place, "--port", String(served.port));
      fleet[at] = next;
      // As an orchestrator does: it polls the process until it is ready, and the balancer until that has noticed.
      await vi.waitFor(async () => expect((await fetch(`${next.root}/readyz`)).status).toBe(200), {
        timeout: 60_000,
      });
      await pause(1200);
    }
    over = true;
    await Promise.all(clients);
    expect(tally.failed).toEqual([]);
    expect(tally.responded).toBeGreaterThan(100);
  });
});

describe("a process that gets a signal to end", () => {
  const ready = async ({ root }: Served) => (await fetch(`${root}/readyz`)).status;

  it("a process is unready at once after SIGTERM, and keeps responding for the time of AMPHO_SHUTDOWN_DELAY", async () => {
    const served = await startServe({ ...place, env: { ...place.env, AMPHO_SHUTDOWN_DELAY: "10" } });
    const untilMs = performance.now() + 3000;
    const ended = served.stop();
    await vi.waitFor(async () => expect(await ready(served)).toBe(503), { timeout: 60_000, interval: 10 });
    while (performance.now() < untilMs) {
      const response = await fetch(`${served.url}/login`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(alice),
      });
      expect([response.status, response.headers.get("connection")]).toEqual([200, "close"]);
      await response.text();
      expect(await ready(served)).toBe(503);
      expect((await fetch(`${served.root}/healthz`)).status).toBe(200);
    }
    expect((await ended).code).toBe(0);
    await expect(fetch(served.root)).rejects.toThrow(TypeError);
  });

  it("a process does not wait at SIGINT, nor for the rest of the time at a second signal", async () => {
    const [first, second] = [await startServe(place), await startServe(place)];
    const atOnce = await first.stop("SIGINT");
    expect([atOnce.code, atOnce.stderr.includes("not ready any more")]).toEqual([0, false]);
    const ended = second.stop();
    await vi.waitFor(() => expect(second.stderr()).toContain("not ready any more"), { timeout: 60_000, interval: 10 });
    await second.stop("SIGINT");
    expect((await ended).code).toBe(null);
  });
});
