// Attacks on a fleet: clocks that differ, and a process that lacks an option.
import { expect, it } from "vitest";
import { onBothDatabases } from "../gate/owners.js";
import { password } from "../world/ampho.js";
import { settableClock } from "../world/clock.js";
import { withinSecond } from "../world/deadline.js";
import {
  addClient,
  askGuard,
  codeOf,
  connected,
  newVerifier,
  openConnect,
  outcomeOf,
  redeem,
  redirect,
  renew,
  settings,
  signIn,
  tokensOf,
  writers,
} from "./connections.js";

onBothDatabases((ground) => {
  it.each(["roles", "client"])(
    "M-83: lost rights (%s) end tokens, also if the clock of the process that takes them is ahead",
    async (what) => {
      const connect = await openConnect({ ground });
      const { world } = connect;
      const { access } = await connected(connect);
      const clock = settableClock();
      clock.advance(world.clock.now() - clock.now() + 3600);
      const ahead = await world.another({ databaseUrl: ground.urlOf(world), clock });
      if (what === "roles") await ahead.ampho.users.setRoles("alice", { set: [] });
      else {
        const client = { redirects: [redirect], userScopes: ["articles:read"], public: true };
        await ahead.ampho.services.setClient("reader", client);
      }
      const isRejected = async () => typeof (await askGuard(world, access, writers)) === "string";
      await withinSecond(isRejected, true);
    },
  );

  it("a process without the option users ends no connection of an own table", async () => {
    const user = { id: "id of alice", login: "alice", roles: ["editor"] };
    const users = { find: async () => user, findById: async () => user, verify: async () => true };
    const world = await ground.open({ ...settings, users });
    const client = await addClient(world, "reader");
    const connect = { world, client, userId: user.id, bearer: await signIn(world) };
    const { refresh } = await connected(connect);
    await world.call("POST", "/logout", { bearer: connect.bearer });
    const other = await world.another({ databaseUrl: ground.urlOf(world), users: undefined });
    const wrong = await renew({ world: other, client }, refresh);
    expect(outcomeOf(wrong)).not.toEqual([200, "none"]);
    expect(outcomeOf(await renew(connect, refresh))).toEqual([200, "none"]);
  });

  it("M-85: of twenty redemptions and renewals at once with the end of the connection none is left", async () => {
    const connect = await openConnect({ ground });
    const { world, bearer } = connect;
    const other = await world.another({ databaseUrl: ground.urlOf(world) });
    const { refresh } = await connected(connect);
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier);
    const change = world.ampho.users.setPassword("alice", "walnut canoe tulip 7 amber");
    const all = [change];
    const responses: Promise<Awaited<ReturnType<typeof renew>>>[] = [];
    for (let at = 0; at < 10; at += 1) {
      responses.push(renew({ ...connect, world: at % 2 ? world : other }, refresh));
      if (at === 5) responses.push(redeem({ ...connect, world: other }, code, verifier));
    }
    await Promise.all([...all, ...responses]);
    for (const { status, ...rest } of await Promise.all(responses)) {
      if (status !== 200) continue;
      const { access, refresh: next } = tokensOf({ status, ...rest });
      expect(await askGuard(world, access)).toBe("invalid_token");
      await withinSecond(() => askGuard(other, access), "invalid_token");
      expect((await renew(connect, next)).status).toBe(400);
    }
    expect((await world.call("GET", "/connections", { bearer })).status).toBe(401);
    expect(password).not.toBe("");
  });

  it("a clock that was set back by an hour gives no code and no replay a further life", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier);
    const first = tokensOf(await redeem(connect, code, verifier, { address: "192.0.2.1" }));
    world.clock.advance(100);
    tokensOf(await renew(connect, first.refresh, { address: "192.0.2.1" }));
    world.clock.advance(-3600);
    expect(outcomeOf(await redeem(connect, code, verifier, { address: "192.0.2.1" }))).toEqual([400, "invalid_grant"]);
    expect(outcomeOf(await renew(connect, first.refresh, { address: "203.0.113.1" }))).toEqual([400, "invalid_grant"]);
  });

  it("responses with a token, a code or a transaction are stored nowhere", async () => {
    const connect = await openConnect({ ground });
    const { world, client } = connect;
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier);
    const tokens = await redeem(connect, code, verifier);
    const begun = await world.call(
      "GET",
      `/authorize?client_id=${client}&redirect_uri=${encodeURIComponent(redirect)}`,
    );
    for (const { headers } of [tokens, begun]) expect(headers.get("cache-control")).toContain("no-store");
    expect(begun.headers.get("referrer-policy") ?? "no-referrer").toContain("no-referrer");
  });
});
