// The behaviour of Ampho while its PostgreSQL is stopped, killed, hanging or cut off, and afterwards.
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { AmphoOptions } from "../../dist/index.js";
import { openPostgres } from "../../dist/store/postgres/store.js";
import { startCuttingProxy } from "../store/cutting-proxy.js";
import { admission, type FullGrant, grantOf, openWorld, password, type World } from "../world/ampho.js";
import { startStopwatch, within } from "../world/deadline.js";
import { startOwnPostgres } from "../world/postgres.js";
import { sessionOf } from "../world/tokens.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";
import { pause } from "../world/wait.js";

const server = usePostgres(startOwnPostgres);
const database = useDatabase(server);
beforeAll(() => database.empty());

const open = (url = database.runtimeUrl, options: AmphoOptions = {}) =>
  openWorld({ databaseUrl: url, databaseMigrate: "off", clock: undefined, throttleAddress: 0, ...options });

/** Throws if a call takes longer than docs/reference/contract.md allows. */
async function inTime<T>(ms: number, response: Promise<T>): Promise<T> {
  const elapsedMs = startStopwatch();
  return response.finally(() => expect(elapsedMs()).toBeLessThan(ms));
}

const succeeds = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

const strict = async ({ ampho }: World, { token }: FullGrant) =>
  ampho.host.guard(`Bearer ${token}`, { live: true }, null);

interface Actors {
  readonly world: World;
  readonly login: string;
  readonly live: FullGrant;
}

let users = 0;
async function enter(url?: string, options: AmphoOptions = {}): Promise<Actors> {
  const world = await open(url, options);
  users += 1;
  const login = `ann${users}`;
  await world.user(login, { password });
  return { world, login, live: await world.login(login) };
}

async function expectAway({ world, login, live }: Actors): Promise<void> {
  const rejected = (response: { status: number; error: unknown; headers: Headers }) => [
    response.status,
    response.error,
    Number(response.headers.get("retry-after")) > 0,
  ];
  const flows = [
    world.call("POST", "/login", { body: { login, password } }),
    world.renew(live.refresh_token),
    world.call("POST", "/logout", { bearer: live.token }),
    world.call("GET", "/sessions", { bearer: live.token }),
  ];
  const asked = [
    ...flows.map(async (flow) => expect(rejected(await inTime(6000, flow))).toEqual([503, "unavailable", true])),
    inTime(6000, expect(strict(world, live)).rejects.toMatchObject({ code: "unavailable" })),
    inTime(1500, expect(world.ampho.host.ready()).rejects.toMatchObject({ code: "unavailable" })),
  ];
  expect(await admission(world.ampho, live.token)).toBe("in");
  expect((await world.call("GET", "/session", { bearer: live.token })).status).toBe(200);
  await Promise.all(asked);
  expect(await admission(world.ampho, live.token)).toBe("in");
}

/** Expects everything to recover within 5 s, with every acknowledged change in the database. */
async function expectBack({ world, login, live }: Actors): Promise<void> {
  const served = async () => {
    await strict(world, live);
    await world.ampho.host.ready();
  };
  await within(5000, () => succeeds(served()));
  const renewed = grantOf(await world.renew(live.refresh_token));
  expect(sessionOf(renewed)).toBe(sessionOf(live));
  await world.login(login);
  expect((await world.call("POST", "/logout", { bearer: renewed.token })).status).toBe(204);
  expect(await admission(world.ampho, renewed.token)).toBe("invalid_token");
}

describe("a PostgreSQL that", () => {
  it("Ampho recovers from a PostgreSQL that is stopped and started", async () => {
    const actors = await enter();
    await server.signal("SIGINT");
    await expectAway(actors);
    await expectAway(actors);
    await server.start();
    await expectBack(actors);
  });

  it("a PostgreSQL killed during writes keeps every acknowledged change and no partial one", async () => {
    const actors = await enter();
    for (let round = 0; round < 3; round++) {
      let { refresh_token, token } = await actors.world.login(actors.login);
      let acknowledged = 0;
      let stopped = false;
      const writing = (async () => {
        while (!stopped) {
          const response = await actors.world.renew(refresh_token);
          if (response.status === 503) continue;
          ({ refresh_token, token } = grantOf(response));
          acknowledged += 1;
        }
      })();
      await vi.waitFor(() => expect(acknowledged).toBeGreaterThan(20 * (round + 1)), { timeout: 60_000, interval: 1 });
      await server.signal("SIGKILL");
      stopped = true;
      await inTime(6000, writing);
      await server.start();
      const renew = async () => grantOf(await actors.world.renew(refresh_token));
      await vi.waitFor(renew, { timeout: 60_000, interval: 50 });
      expect(await database.query(contradictions)).toEqual([]);
      expect(await admission(actors.world.ampho, token)).toBe("in");
    }
    await expectBack(actors);
  });

  it("Ampho recovers from a PostgreSQL that hangs and continues", async () => {
    const actors = await enter();
    await server.signal("SIGSTOP");
    onTestFinished(() => server.signal("SIGCONT"));
    await expectAway(actors);
    await expectAway(actors);
    await server.signal("SIGCONT");
    await expectBack(actors);
  });
});

describe("a process that is asked without pause by hundreds", () => {
  const revocationFeedToken = "feed-5f2c8e9a4b7d1e6f3a0c9b8d7e6f";
  // A busy machine can be unready for a moment.
  const ready = ({ ampho }: World) =>
    ampho.host.ready().catch((error) => expect(error).toMatchObject({ code: "unavailable" }));
  async function readFeed({ call }: World): Promise<void> {
    expect([200, 503]).toContain((await call("GET", "/revocations", { bearer: revocationFeedToken })).status);
  }

  it.each([
    ["whether it is ready", ready],
    ["what was revoked", readFeed],
  ])("a process under hundreds of requests still serves logins, renewals and logouts: %s", async (_, ask) => {
    const { world, login, live } = await enter(undefined, { revocationFeedToken });
    let stopped = false;
    onTestFinished(() => {
      stopped = true;
    });
    const asking = Promise.allSettled(
      Array.from({ length: 300 }, async () => {
        while (!stopped) await ask(world);
      }),
    );
    const renewed = grantOf(await world.renew(live.refresh_token));
    const { token } = await world.login(login);
    for (const bearer of [renewed.token, token])
      expect((await world.call("POST", "/logout", { bearer })).status).toBe(204);
    stopped = true;
    expect((await asking).filter(({ status }) => status === "rejected")).toEqual([]);
  });
});

/** Finds sessions without audit rows, uncounted renewals, and numbers without their revocations. */
const contradictions = `
  select id from ampho.ampho_sessions s where
    (select count(*) from ampho.ampho_audit a where a.session_id = s.id and a.event = 'login') <> 1 or
    (select count(*) from ampho.ampho_audit a where a.session_id = s.id and a.event = 'renew') <> s.gen
  union all select 'numbers' from ampho.ampho_state
    where last_revocation <> (select coalesce(max(n), 0) from ampho.ampho_revocations)`;

describe("a network that", () => {
  async function throughProxy() {
    const proxy = await startCuttingProxy(server.port);
    onTestFinished(() => proxy.close());
    const url = new URL(database.runtimeUrl);
    url.port = String(proxy.port);
    return { proxy, actors: await enter(url.href) };
  }

  it("a connection that is cut at any point causes a response or 503, and loses no session", async () => {
    const { proxy, actors } = await throughProxy();
    let { refresh_token } = actors.live;
    const statuses = new Set<number>();
    for (let pieces = 0; pieces < 30; pieces++) {
      proxy.cutAfter(pieces);
      const response = await inTime(6000, actors.world.renew(refresh_token));
      statuses.add(response.status);
      // Only the response was lost, so the client sends the same token again.
      const renew = async () => grantOf(response.status === 200 ? response : await actors.world.renew(refresh_token));
      ({ refresh_token } = await vi.waitFor(renew, { timeout: 60_000, interval: 20 }));
    }
    expect([...statuses].every((status) => [200, 503].includes(status))).toBe(true);
    expect(await database.query(contradictions)).toEqual([]);
    proxy.cutAfter(Number.POSITIVE_INFINITY);
    grantOf(await actors.world.renew(refresh_token));
  });

  it("a process reads revocations over a new connection if the network drops the open ones silently", async () => {
    const { proxy, actors } = await throughProxy();
    const url = new URL(database.runtimeUrl);
    url.port = String(proxy.port);
    const store = await openPostgres({ url: url.href, migrate: false, log: () => {} });
    onTestFinished(() => store.close());
    const read = () => store.readRevocations({ after: 0, now: 1 });
    // All connections of the process are open and idle. On a busy machine fewer can be enough for the first reads.
    await vi.waitFor(async () => {
      await Promise.all(Array.from({ length: 30 }, read));
      expect(store.stats()).toEqual({ open: 10, busy: 0, waiting: 0 });
    }, 60_000);
    expect((await actors.world.call("POST", "/logout", { bearer: actors.live.token })).status).toBe(204);
    proxy.forgetOpen();
    // On a busy machine a read can need more than its limit. The kernel would notice after minutes.
    const { last, rows } = await vi.waitFor(read, { timeout: 60_000 });
    expect(rows.at(-1)?.n).toBe(last);
    expect(rows.at(-1)).toMatchObject({ kind: "session", sessionId: sessionOf(actors.live) });
  });

  it("Ampho returns 503 in time on a network that drops all packets", async () => {
    const { proxy, actors } = await throughProxy();
    proxy.swallow(true);
    await expectAway(actors);
    proxy.swallow(false);
    await expectBack(actors);
    expect(proxy.open).toBeLessThanOrEqual(10);
  });
});

describe("a process that is cut off in the middle of a transaction", () => {
  it("a process cut off in a transaction delays the others for a few seconds only", async () => {
    const { world, live } = await enter();
    const proxy = await startCuttingProxy(server.port);
    onTestFinished(() => proxy.close());
    const url = new URL(database.runtimeUrl);
    url.port = String(proxy.port);
    const options = { url: url.href, migrate: false, log: () => {} };
    for (let pieces = 1; ; pieces++) {
      const store = await openPostgres(options);
      proxy.swallowAfter(pieces);
      // This operation is the only one with this lock that sends another statement before its commit.
      const ending = { now: 1, foreignMaxSeconds: 900, accessTtlSeconds: 900, origin: { actor: "operator" } } as const;
      let isOver = false;
      const rejected = expect(store.endAllSessions(ending)).rejects.toMatchObject({ code: "unavailable" });
      const ended = inTime(6000, rejected).finally(() => {
        isOver = true;
      });
      const held =
        "select 1 from pg_locks where mode = 'RowExclusiveLock' and relation = 'ampho.ampho_state'::regclass";
      // A transaction that goes on has the lock for a moment. Only that of the process that was cut off keeps it.
      let seen = 0;
      while (!isOver && seen < 10) {
        seen = (await database.query(held)).length > 0 ? seen + 1 : 0;
        await pause(50);
      }
      const isHeld = seen === 10;
      if (isHeld) {
        const out = async () => (await world.call("POST", "/logout", { bearer: live.token })).status === 204;
        await within(7000, out);
      }
      await ended;
      proxy.swallow(false);
      await store.close();
      if (isHeld) break;
    }
  });
});

describe("a PostgreSQL with few connections", () => {
  it("Ampho serves many concurrent requests over few PostgreSQL connections", async () => {
    const [{ role } = { role: "" }] = await database.query(
      "select rolname as role from pg_roles where rolname like '%_runtime'",
    );
    await database.query(`alter role ${String(role)} connection limit 3`);
    onTestFinished(async () => void (await database.query(`alter role ${String(role)} connection limit -1`)));
    const { world, live } = await enter();
    const responses = await Promise.all(
      Array.from({ length: 60 }, () => world.call("GET", "/sessions", { bearer: live.token })),
    );
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
  });
});
