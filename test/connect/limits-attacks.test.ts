// Attacks on limits: whose use is stopped by whom, and which rows grow.
import { expect, it } from "vitest";
import { onBothDatabases } from "../gate/owners.js";
import {
  codeOf,
  connected,
  consent,
  newVerifier,
  openConnect,
  outcomeOf,
  redeem,
  renew,
  tokensOf,
} from "./connections.js";

const backend = "198.51.100.7";

const copies = (count: number, id: string, columns: string) => `insert into ampho_connections (id, renewed_at,
      expires_at, user_id, era, login, client, resource, scopes, how, gen, rights, created_at, auth_time, amr, acr,
      ends_at, access_expires, delete_after)
    with recursive numbers (at) as (select 1 union all select at + 1 from numbers where at < ${count})
    select '0.${id}' || at, ${columns}, user_id, era, login, client, resource, scopes, how, gen, rights, created_at,
      auth_time, amr, acr, ends_at, access_expires, delete_after
    from ampho_connections, numbers where gen = 1 and code_hash is not null`;

onBothDatabases((ground) => {
  it("M-93: wrong codes that a stranger sends through a hosted client stop no other user there", async () => {
    const connect = await openConnect({ ground });
    const { refresh } = await connected(connect);
    // The redirect URI of a hosted client sends on whatever code a browser brings, from the one address of its servers.
    for (let at = 0; at < 60; at += 1) await redeem(connect, `wrong${at}`, newVerifier(), { address: backend });
    expect(outcomeOf(await renew(connect, refresh, { address: backend }))).toEqual([200, "none"]);
  });

  it("M-93: connections that have ended normally stop no other user at the address of a hosted client", async () => {
    const connect = await openConnect({ ground, options: { throttleAddress: 5 } });
    const { world, bearer } = connect;
    const { refresh } = await connected(connect, { after: 1 });
    const mine = [];
    for (let at = 0; at < 6; at += 1) mine.push(await connected(connect, { after: 1 }));
    const { json } = await world.call("GET", "/connections", { bearer });
    for (const { id } of (json["connections"] as { id: string }[]).slice(0, 6))
      await world.call("DELETE", `/connections/${id}`, { bearer });
    for (const one of mine) await renew(connect, one.refresh, { address: backend });
    expect(outcomeOf(await renew(connect, refresh, { address: backend }))).toEqual([200, "none"]);
  });

  it("a hundred live connections are the most, also with old rows that have expired", async () => {
    const connect = await openConnect({ ground });
    const { world, bearer } = connect;
    await connected(connect);
    await ground.sql(world, copies(99, "live", "renewed_at + 60, expires_at"));
    const now = world.clock.now();
    await ground.sql(world, copies(10, "dead", `renewed_at - 100, ${now - 1}`));
    for (let at = 0; at < 5; at += 1) await connected(connect, { after: 1 });
    const { json } = await world.call("GET", "/connections", { bearer });
    expect((json["connections"] as unknown[]).length).toBeLessThanOrEqual(100);
  });

  it("a hundred live connections are the most, also if many yeses wait at once", async () => {
    const connect = await openConnect({ ground });
    const { world, bearer } = connect;
    await connected(connect);
    await ground.sql(world, copies(98, "live", "renewed_at + 60, expires_at"));
    const begun: [string, string][] = [];
    for (let at = 0; at < 15; at += 1) {
      const verifier = newVerifier();
      begun.push([await codeOf(connect, verifier, { after: 1 }), verifier]);
    }
    for (const [code, verifier] of begun) tokensOf(await redeem(connect, code, verifier));
    const { json } = await world.call("GET", "/connections", { bearer });
    expect((json["connections"] as unknown[]).length).toBeLessThanOrEqual(100);
  });

  it("a yes whose code is never redeemed ends no connection that lives", async () => {
    const connect = await openConnect({ ground });
    const { world, bearer } = connect;
    await connected(connect);
    await ground.sql(world, copies(99, "live", "renewed_at + 60, expires_at"));
    for (let at = 0; at < 10; at += 1) expect((await consent(connect, newVerifier(), { after: 1 })).status).toBe(200);
    const { json } = await world.call("GET", "/connections", { bearer });
    expect((json["connections"] as unknown[]).length).toBe(100);
  });

  it("a user without scopes for a while keeps the connection, wherever the client asks from", async () => {
    const connect = await openConnect({ ground, options: { scopes: { editor: ["articles:read", "articles:write"] } } });
    const { world } = connect;
    const { refresh } = await connected(connect);
    await world.ampho.users.setRoles("alice", { set: [] });
    expect(outcomeOf(await renew(connect, refresh, { address: "192.0.2.1" }))).toEqual([400, "invalid_scope"]);
    world.clock.advance(600);
    await world.ampho.users.setRoles("alice", { set: ["editor"] });
    expect(outcomeOf(await renew(connect, refresh, { address: "203.0.113.1" }))).toEqual([200, "none"]);
  });

  it("a renewal with a wrong scope or resource uses no refresh token up", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const { refresh } = await connected(connect);
    const [row] = await ground.sql(world, "select gen from ampho_connections");
    await renew(connect, refresh, { more: { scope: "nothing" } });
    expect(await ground.sql(world, "select gen from ampho_connections")).toEqual([row]);
  });

  it("a client that renews all the time does not fill the audit log faster than a session can", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const count = async () => (await world.ampho.audit.list({ limit: 10_000 })).length;
    let { refresh } = await connected(connect);
    const before = await count();
    for (let at = 0; at < 50; at += 1) refresh = tokensOf(await renew(connect, refresh)).refresh;
    const ofConnection = (await count()) - before;
    let session = await world.login("alice");
    const start = await count();
    for (let at = 0; at < 50; at += 1) {
      const { json } = await world.renew(session.refresh_token);
      session = { ...session, refresh_token: String(json["refresh_token"]) };
    }
    expect(ofConnection).toBeLessThanOrEqual((await count()) - start);
  });
});
