// The ends of a connection in every process, and what is left of it.
import { expect, it } from "vitest";
import { onBothDatabases } from "../gate/owners.js";
import type { World } from "../world/ampho.js";
import {
  askGuard,
  codeOf,
  connected,
  copies,
  newVerifier,
  openConnect,
  outcomeOf,
  redeem,
  redirect,
  renew,
  tokensOf,
} from "./connections.js";

const rejected = [400, "invalid_grant"];
const wrongClient = [401, "invalid_client"];

onBothDatabases((ground) => {
  it("M-86: a client that is disabled, deleted or no client any more loses every connection", async () => {
    for (const [change, outcome] of [
      ["disable", wrongClient],
      ["remove", wrongClient],
      ["unset", [400, "unauthorized_client"]],
      ["redirects", rejected],
      ["keys", wrongClient],
    ] as const) {
      const connect = await openConnect({ ground: await ground.another() });
      const { services } = connect.world.ampho;
      const { access, refresh } = await connected(connect);
      const verifier = newVerifier();
      const code = await codeOf(connect, verifier);
      const userScopes = ["articles:read", "articles:write"];
      if (change === "disable") await services.disable("reader");
      else if (change === "remove") await services.remove("reader");
      else if (change === "unset") await services.setClient("reader", undefined);
      else if (change === "redirects")
        await services.setClient("reader", { redirects: ["https://reader.example/new"], userScopes, public: true });
      else await services.setClient("reader", { redirects: [redirect], userScopes });
      expect(await askGuard(connect.world, access), change).toBe("invalid_token");
      expect(outcomeOf(await renew(connect, refresh)), change).toEqual(outcome);
      expect(outcomeOf(await redeem(connect, code, verifier)), change).toEqual(outcome);
    }
  });

  it("M-83: a client that loses a scope loses it in tokens that live, and keeps the connection", async () => {
    const connect = await openConnect({ ground });
    const { access, refresh } = await connected(connect);
    const client = {
      redirects: [redirect, "https://reader.example/more"],
      userScopes: ["articles:read"],
      public: true,
    };
    await connect.world.ampho.services.setClient("reader", client);
    expect(await askGuard(connect.world, access)).toBe("invalid_token");
    const less = tokensOf(await renew(connect, refresh));
    expect(less.scope).toBe("articles:read");
    await connect.world.ampho.services.setClient("reader", {
      ...client,
      userScopes: ["articles:read", "articles:write"],
    });
    expect(await askGuard(connect.world, less.access)).toMatchObject({ scopes: ["articles:read"] });
    expect(tokensOf(await renew(connect, less.refresh)).scope).toBe("articles:read articles:write");
  });

  it("M-86: a client with more connections than one transaction changes loses them all", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const { access } = await connected(connect);
    await ground.sql(world, copies(1200, { id: "'0.many' || at", userId: "'user' || at" }));
    await world.ampho.services.disable("reader");
    const [row] = await ground.sql(world, "select count(*) as n from ampho_connections where ended_at is null");
    expect(Number(row?.["n"])).toBe(0);
    expect(await askGuard(world, access)).toBe("invalid_token");
  });

  it("M-85: what ends while a code is redeemed leaves no live token", async () => {
    const changes = {
      client: ({ ampho }: World) => ampho.services.disable("reader"),
      user: ({ ampho }: World) => ampho.users.disable("alice"),
      password: ({ ampho }: World) => ampho.users.setPassword("alice", "another heron tumbrel 19"),
      deleted: ({ ampho }: World) => ampho.users.remove({ login: "alice" }),
    };
    for (const [name, change] of Object.entries(changes)) {
      const connect = await openConnect({ ground: await ground.another() });
      const verifier = newVerifier();
      const code = await codeOf(connect, verifier);
      const [response] = await Promise.all([redeem(connect, code, verifier), change(connect.world)]);
      if (response.status === 200) {
        const { access, refresh } = tokensOf(response);
        expect(await askGuard(connect.world, access), name).toBe("invalid_token");
        expect((await renew(connect, refresh)).status, name).toBeGreaterThanOrEqual(400);
      }
      expect((await redeem(connect, code, verifier)).status, name).toBeGreaterThanOrEqual(400);
    }
  });

  it("M-87: the end of a connection is heard as that of a session", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const { access } = await connected(connect);
    const { json } = await world.call("GET", "/connections", { bearer: connect.bearer });
    const [one] = json["connections"] as readonly { readonly id: string }[];
    const revoked: string[] = [];
    world.ampho.onRevoked((each) => {
      if (each.kind === "session") revoked.push(each.session);
    });
    await world.call("DELETE", `/connections/${one?.id}`, { bearer: connect.bearer });
    expect(await askGuard(world, access)).toBe("invalid_token");
    expect(revoked).toEqual([one?.id]);
  });

  it("the policy of a user who must have a second factor now ends the connection at its next renewal", async () => {
    const connect = await openConnect({ ground, options: { factors: { "*": "optional", admin: "required" } } });
    const { refresh } = await connected(connect);
    await connect.world.ampho.users.setRoles("alice", { add: ["admin"] });
    expect(outcomeOf(await renew(connect, refresh))).toEqual(rejected);
  });

  it("a user has at most a hundred, and the one that was idle for longest ends", async () => {
    const connect = await openConnect({ ground });
    const { world, bearer } = connect;
    const first = await connected(connect, { after: 1 });
    const second = await connected(connect, { after: 1 });
    world.clock.advance(1);
    const renewed = tokensOf(await renew(connect, first.refresh));
    await ground.sql(world, copies(98, { id: "'0.copy' || at", renewedAt: "renewed_at + 60" }));
    expect(((await world.call("GET", "/connections", { bearer })).json["connections"] as unknown[]).length).toBe(100);
    await connected(connect);
    expect(outcomeOf(await renew(connect, second.refresh))).toEqual(rejected);
    tokensOf(await renew(connect, renewed.refresh));
  });

  it("M-92: no code, state or token is in the database or in the audit log", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const verifier = newVerifier();
    const state = "canary-state-5317";
    const code = await codeOf(connect, verifier, { query: { state } });
    const { access, refresh } = tokensOf(await redeem(connect, code, verifier));
    const next = tokensOf(await renew(connect, refresh));
    await redeem(connect, code, verifier);
    const audit = JSON.stringify(await world.ampho.audit.list({ limit: 10_000 }));
    const dump = await ground.dump(world);
    for (const secret of [code, verifier, state, access, refresh, next.access, next.refresh])
      for (const text of [audit, dump]) expect(text.includes(secret)).toBe(false);
  });
});
