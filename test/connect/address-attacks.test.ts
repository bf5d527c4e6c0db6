// Attacks on renewal where the host states no address, and on what AMPHO_SECURITY_CONNECT alone serves.
import { expect, it } from "vitest";
import { onBothDatabases } from "../gate/owners.js";
import { askGuard, connected, openConnect, outcomeOf, renew, tokensOf } from "./connections.js";

onBothDatabases((ground) => {
  it("a stolen refresh token is detected on a host that states no address", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const stolen = await connected(connect);
    let own = stolen.refresh;
    for (let at = 0; at < 3; at += 1) {
      world.clock.advance(3600);
      own = tokensOf(await renew(connect, own)).refresh;
    }
    expect(outcomeOf(await renew(connect, stolen.refresh))).toEqual([400, "invalid_grant"]);
  });

  it("a thief without an address does not live beside the client for ever", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const first = await connected(connect);
    let [own, thief] = [first.refresh, first.refresh];
    let rounds = 0;
    for (; rounds < 50; rounds += 1) {
      world.clock.advance(900);
      const mine = await renew(connect, own);
      if (mine.status !== 200) break;
      own = tokensOf(mine).refresh;
      world.clock.advance(900);
      const theirs = await renew(connect, thief);
      if (theirs.status !== 200) break;
      thief = tokensOf(theirs).refresh;
    }
    expect(rounds).toBeLessThan(50);
  });

  it("a thief elsewhere who follows each renewal within a minute is detected", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const first = await connected(connect);
    let [own, thief] = [first.refresh, first.refresh];
    let rounds = 0;
    for (; rounds < 50; rounds += 1) {
      world.clock.advance(900);
      const mine = await renew(connect, own, { address: "192.0.2.1" });
      if (mine.status !== 200) break;
      own = tokensOf(mine).refresh;
      // The `iat` of the token states when the client renews.
      world.clock.advance(30);
      const theirs = await renew(connect, thief, { address: "203.0.113.66" });
      if (theirs.status !== 200) break;
      thief = tokensOf(theirs).refresh;
    }
    expect(rounds).toBeLessThan(50);
  });

  it("AMPHO_SECURITY_CONNECT serves /revoke for connections alone", async () => {
    const connect = await openConnect({ ground });
    const { world, bearer } = connect;
    expect((await world.call("POST", "/revoke", { form: { token: bearer } })).status).toBe(200);
    expect(await askGuard(world, bearer, {})).toMatchObject({ login: "alice" });
  });
});
