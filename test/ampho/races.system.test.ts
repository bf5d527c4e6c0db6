// Concurrent requests: exactly one renewal moves the generation, and no ended session stays valid, whatever runs beside it.
import { describe, expect, it } from "vitest";
import {
  admission,
  type FullGrant,
  fullGrant,
  grantOf,
  openWorld,
  password,
  type ReadResponse,
  untilHashed,
  type World,
} from "../world/ampho.js";
import { within } from "../world/deadline.js";
import { claimsOf, sessionOf } from "../world/tokens.js";
import { realClock, startInstance } from "./processes.js";

const generationOf = (token: unknown) => claimsOf(String(token))["gen"];

describe("twenty renewals at once with one token", () => {
  it("twenty concurrent renewals move the session one generation, and all of them get it", async () => {
    const world = await openWorld();
    let grant = await world.session(await world.user("ann"));
    const rounds = 30;
    for (let round = 1; round <= rounds; round++) {
      const responses = await Promise.all(Array.from({ length: 20 }, () => world.renew(grant.refresh_token)));
      const grants = responses.map(grantOf);
      expect(new Set(grants.map(({ token }) => generationOf(token)))).toEqual(new Set([round]));
      expect(new Set(grants.map(sessionOf)).size).toBe(1);
      grant = grants[round % 20] ?? grant;
    }
    const events = await world.events();
    expect(events.filter((event) => event === "renew")).toHaveLength(rounds);
    expect(events.filter((event) => event === "renew_repeated")).toHaveLength(rounds * 19);
    expect(events.filter((event) => event.startsWith("session_ended"))).toEqual([]);
  });

  it("concurrent renewals by access and refresh token move the session one generation", async () => {
    const world = await openWorld();
    let grant = await world.session(await world.user("ann"));
    for (let round = 1; round <= 10; round++) {
      const responses = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          index % 2 === 0
            ? world.renew(grant.refresh_token)
            : world.call("POST", "/renew", { bearer: grant.token, address: `192.0.2.${index}` }),
        ),
      );
      expect(responses.map(({ json }) => generationOf(json["token"]))).toEqual(Array(20).fill(round));
      grant = fullGrant(responses[0]?.json ?? {});
    }
  });

  it("concurrent renewals in two processes move the session one generation and end nothing", async () => {
    const world = await openWorld({ clock: realClock });
    let grant = await world.session(await world.user("ann"));
    const processes = await Promise.all([startInstance(world), startInstance(world)]);
    const rounds = 25;
    for (let round = 1; round <= rounds; round++) {
      const request = { method: "POST", path: "/renew", body: { refresh_token: grant.refresh_token } };
      const responses = (await Promise.all(processes.map((one) => one.calls(10, request)))).flat();
      expect(responses.map(({ status }) => status)).toEqual(Array(20).fill(200));
      const grants: FullGrant[] = responses.map(({ text }) => JSON.parse(text));
      expect(new Set(grants.map(({ token }) => generationOf(token)))).toEqual(new Set([round]));
      grant = grants[round % 20] ?? grant;
    }
    const events = await world.events();
    expect(events.filter((event) => event === "renew")).toHaveLength(rounds);
    expect(events.filter((event) => event === "renew_repeated")).toHaveLength(rounds * 19);
    for (const one of processes) expect(await one.verify(grant.token)).toBe("ann");
  });
});

describe("a replay among many", () => {
  it("a replay ends the session once, and no concurrent renewal keeps a valid token", async () => {
    const world = await openWorld();
    const first = await world.session(await world.user("ann"));
    const second = grantOf(await world.renew(first.refresh_token));
    world.clock.advance(11);
    const responses = await Promise.all([
      ...Array.from({ length: 10 }, () => world.renew(first.refresh_token)),
      ...Array.from({ length: 10 }, () => world.renew(second.refresh_token)),
    ]);
    for (const { status, json, error } of responses) {
      if (status === 200) expect(await admission(world.ampho, String(json["token"]))).toBe("invalid_token");
      else expect(error).toBe("session_ended");
    }
    expect((await world.events()).filter((event) => event === "renew_replayed")).toHaveLength(1);
  });
});

describe("many sessions opened at once", () => {
  it("concurrent logins in two processes never exceed the maximum of sessions", async () => {
    const world = await openWorld({ sessionsPerUser: 3 });
    const other = await world.another();
    const ann = await world.user("ann");
    const grants = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? world : other).session(ann)),
    );
    const live = (await world.ampho.sessions.list(ann.id)).map(({ id }) => id);
    expect(live).toHaveLength(3);
    const renewed = await Promise.all(grants.map(({ refresh_token }) => world.renew(refresh_token)));
    expect(renewed.filter(({ status }) => status === 200)).toHaveLength(3);
    expect((await world.events()).filter((event) => event === "session_ended: displaced")).toHaveLength(17);
  });
});

describe("login, renewal, logout, disabling and a new password at once", () => {
  /** A fixed order of pseudo-random numbers, so that a failure can be repeated. */
  function random(seed: number) {
    let state = seed;
    return (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((state / 2_147_483_648) * below);
    };
  }

  let ended = 0;

  async function settleOne(world: World, other: World, seed: number): Promise<void> {
    const pick = random(seed);
    const login = `user-${seed}`;
    const user = await world.user(login, { password, roles: ["editor"] });
    const grants = [await world.session(user), await world.session(user), await world.session(user)];
    const collect = async (response: Promise<ReadResponse>) => {
      const { status, json } = await response;
      if (status === 200) grants.push(fullGrant(json));
    };
    const logIn = (at: World, sent = {}) => collect(at.call("POST", "/login", { ...sent, body: { login, password } }));
    const one = () => grants[pick(3)] ?? grants[0];
    const actions: readonly ((at: World) => Promise<unknown>)[] = [
      (at) => collect(at.renew(String(one()?.refresh_token))),
      (at) => collect(at.renew(String(one()?.refresh_token))),
      (at) => logIn(at),
      (at) => logIn(at, { bearer: one()?.token }),
      (at) => at.call("POST", "/logout", { bearer: one()?.token }),
      (at) => at.call("DELETE", "/sessions", { bearer: one()?.token }),
      (at) => at.ampho.users.disable(login),
      (at) => untilHashed(() => at.ampho.users.setPassword(login, password)),
      (at) => at.ampho.users.setRoles(login, pick(2) === 0 ? [] : ["editor"]),
      (at) => at.ampho.users.disable(login).then(() => at.ampho.users.enable(login)),
    ];
    await Promise.all(Array.from({ length: 12 }, () => actions[pick(actions.length)]?.(pick(2) === 0 ? world : other)));

    const live = new Set((await world.ampho.sessions.list(user.id)).map(({ id }) => id));
    const after = await world.ampho.users.find(login);
    if (after?.disabled === true) expect(live.size).toBe(0);
    for (const grant of grants) {
      if (live.has(sessionOf(grant))) continue;
      ended++;
      // The revocation takes effect at once in the same process, and within a second in the other.
      const rejectedBy = async ({ ampho }: World) => (await admission(ampho, grant.token)) === "invalid_token";
      expect((await rejectedBy(world)) || (await rejectedBy(other)), `seed ${seed}`).toBe(true);
      await within(1000, async () => (await rejectedBy(world)) && (await rejectedBy(other)));
      const renewal = await world.renew(grant.refresh_token);
      expect([renewal.status, renewal.error], `seed ${seed}`).toEqual([401, "session_ended"]);
    }
  }

  it("concurrent flows leave no valid token of an ended session", async () => {
    const world = await openWorld();
    const other = await world.another();
    for (let seed = 1; seed <= 12; seed++) await settleOne(world, other, seed);
    expect(ended).toBeGreaterThan(12);
  });
});
