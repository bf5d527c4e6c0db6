// Attacks on two processes at once, and on what a rotation of keys leaves.
import { expect, it } from "vitest";
import { retireWaitSeconds } from "../../dist/config/lifetimes.js";
import { onBothDatabases } from "../gate/owners.js";
import { withinSecond } from "../world/deadline.js";
import {
  askGuard,
  codeOf,
  connected,
  newVerifier,
  openConnect,
  queryOf,
  redeem,
  renew,
  show,
  tokensOf,
} from "./connections.js";

onBothDatabases((ground) => {
  it("M-67: one code at two processes at once", async () => {
    const connect = await openConnect({ ground });
    const { world, bearer } = connect;
    const other = await world.another({ databaseUrl: ground.urlOf(world) });
    for (let turn = 0; turn < 3; turn += 1) {
      const verifier = newVerifier();
      const code = await codeOf(connect, verifier);
      const both = await Promise.all(
        Array.from({ length: 8 }, (_, at) => redeem({ ...connect, world: at % 2 ? world : other }, code, verifier)),
      );
      const good = both.filter(({ status }) => status === 200);
      expect(good).toHaveLength(1);
      const [one] = good.map(tokensOf);
      const access = one?.access ?? "";
      for (const at of [world, other]) await withinSecond(() => askGuard(at, access), "invalid_token");
      expect((await world.call("GET", "/connections", { bearer })).json["connections"]).toEqual([]);
    }
  });

  it("M-75: one transaction at two processes at once buys one connection", async () => {
    const connect = await openConnect({ ground });
    const { world, client, bearer } = connect;
    const other = await world.another({ databaseUrl: ground.urlOf(world) });
    const query = queryOf(client, newVerifier());
    const { transaction } = (await show(connect, query)).json;
    world.clock.advance(2);
    const body = { query, transaction, allow: true };
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, at) => (at % 2 ? world : other).call("POST", "/connect", { bearer, body })),
    );
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it("M-84: a code and its connection end while eight renewals run at two processes", async () => {
    const connect = await openConnect({ ground });
    const { world, bearer } = connect;
    const other = await world.another({ databaseUrl: ground.urlOf(world) });
    const { refresh } = await connected(connect);
    const { json } = await world.call("GET", "/connections", { bearer });
    const [one] = json["connections"] as { id: string }[];
    const renewals = Array.from({ length: 8 }, (_, at) =>
      renew({ ...connect, world: at % 2 ? world : other }, refresh),
    );
    const ended = world.call("DELETE", `/connections/${one?.id}`, { bearer });
    const all = await Promise.all(renewals);
    expect((await ended).status).toBe(204);
    for (const response of all) {
      if (response.status !== 200) continue;
      const { access, refresh: next } = tokensOf(response);
      for (const at of [world, other]) await withinSecond(() => askGuard(at, access), "invalid_token");
      expect((await renew(connect, next)).status).toBe(400);
    }
  });
});

it("a signing key stays until the refresh tokens of connections have expired", () => {
  const settings = {
    tokenTtl: 900,
    tokenForeignTtl: 900,
    sessionIdleTtl: 1_209_600,
    sessionTtl: 2_592_000,
    mailedLinkTtl: 86_400,
    tokenLeeway: 5,
    connectionIdleTtl: 2_592_000,
    connectionTtl: 31_536_000,
  };
  expect(retireWaitSeconds(settings)).toBeGreaterThanOrEqual(settings.connectionIdleTtl);
});
