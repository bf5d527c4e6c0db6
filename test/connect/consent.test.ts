// The consent of a user: what is asked, and who can give it.
import { expect, it } from "vitest";
import { codeAt, onBothDatabases, setUp } from "../gate/owners.js";
import { password } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import {
  addClient,
  askGuard,
  connected,
  consent,
  newVerifier,
  openConnect,
  outcomeOf,
  queryOf,
  show,
  signIn,
} from "./connections.js";

const over = [401, "transaction_over"];

onBothDatabases((ground) => {
  it("M-75: the transaction is of this session, used once, at least a second old and at most ten minutes", async () => {
    const connect = await openConnect({ ground });
    const { world, client, bearer } = connect;
    const query = queryOf(client, newVerifier());
    const say = (transaction: unknown, token = bearer, of = query) =>
      world.call("POST", "/connect", { bearer: token, body: { query: of, transaction, allow: true } });
    const { transaction } = (await show(connect, query)).json;
    expect(outcomeOf(await say(transaction))).toEqual(over);
    world.clock.advance(1);
    expect((await say(transaction)).status).toBe(200);
    expect(outcomeOf(await say(transaction))).toEqual(over);
    const another = (await show(connect, query)).json["transaction"];
    world.clock.advance(2);
    const second = await signIn(world);
    expect(outcomeOf(await say(another, second))).toEqual(over);
    await world.ampho.users.create({ login: "bob", password, roles: ["editor"] });
    expect(outcomeOf(await say(another, await signIn(world, "bob")))).toEqual(over);
    for (const other of ["", "x", (await world.call("GET", "/login")).json["transaction"], bearer])
      expect(outcomeOf(await say(other))).toEqual(over);
    const third = (await show({ world, bearer: second }, query)).json["transaction"];
    world.clock.advance(601);
    const fresh = await signIn(world);
    expect(outcomeOf(await say(third, fresh))).toEqual(over);
  });

  it("M-75: a transaction of one query is good for no other one", async () => {
    const connect = await openConnect({ ground });
    const { world, client, bearer } = connect;
    const verifier = newVerifier();
    const other = await addClient(world, "other");
    const { transaction } = (await show(connect, queryOf(client, verifier))).json;
    world.clock.advance(2);
    for (const query of [
      queryOf(other, verifier),
      queryOf(client, newVerifier()),
      queryOf(client, verifier, { scope: "articles:read" }),
      queryOf(client, verifier, { state: "other" }),
      queryOf(client, verifier, { state: undefined }),
    ])
      expect(
        outcomeOf(await world.call("POST", "/connect", { bearer, body: { query, transaction, allow: true } })),
      ).toEqual(over);
  });

  it("M-78: a client or roles that change between the page and the yes end what was shown", async () => {
    for (const change of [
      (id: string, ampho: Awaited<ReturnType<typeof openConnect>>["world"]["ampho"]) =>
        ampho.services.setClient(id, {
          redirects: ["https://reader.example/callback"],
          userScopes: ["articles:read"],
          public: true,
        }),
      (_: string, ampho: Awaited<ReturnType<typeof openConnect>>["world"]["ampho"]) =>
        ampho.users.setRoles("alice", { add: ["admin"], remove: ["editor"] }),
    ]) {
      const connect = await openConnect({ ground: await ground.another() });
      const { world, client } = connect;
      const query = queryOf(client, newVerifier());
      const { transaction } = (await show(connect, query)).json;
      await change(client, world.ampho);
      world.clock.advance(2);
      const bearer = (await signIn(world)) && connect.bearer;
      const body = { query, transaction, allow: true };
      const said = await world.call("POST", "/connect", { bearer, body });
      expect(said.status, said.text).toBe(401);
    }
  });

  it("a yes needs a recent login, at the highest level of the account", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    world.clock.advance(301);
    expect(outcomeOf(await consent(connect, newVerifier()))).toEqual([401, "login_too_old"]);
    const bearer = await signIn(world);
    const { secret, transaction } = await setUp(world, bearer);
    const totp = codeAt(secret, world.clock.now());
    await world.call("POST", "/totp/confirm", { bearer, body: { transaction, totp } });
    // An operator's session is 1fa, as a stolen password would be where a device is remembered.
    const { token } = await world.ampho.sessions.create(connect.userId);
    expect(outcomeOf(await consent(connect, newVerifier(), { bearer: token }))).toEqual([401, "login_too_weak"]);
  });

  it("M-89: max_age, acr_values and prompt=login never ask without an end, and the token states what was proved", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const since = world.clock.now();
    world.clock.advance(100);
    for (const query of [{ max_age: "0" }, { acr_values: "phr" }, { prompt: "login" }] as const) {
      const { access } = await connected(connect, { query });
      expect(claimsOf(access)).toMatchObject({ auth_time: since, acr: "1fa" });
    }
  });

  it("M-83: no scope goes beyond the user, the client and the texts, and a yes can give fewer", async () => {
    const options = {
      scopes: { "*": ["articles:read", "secret:read"], editor: ["articles:write"], admin: ["articles:delete"] },
    };
    const userScopes = ["articles:read", "articles:delete", "secret:read"];
    const connect = await openConnect({ ground, options, userScopes });
    const { world, client, bearer } = connect;
    const asked = "articles:read articles:write articles:delete secret:read offline_access ampho:introspect * nothing";
    const shown = await show(connect, queryOf(client, newVerifier(), { scope: asked }));
    // The client has no articles:write, the user no articles:delete, and secret:read has no text.
    expect(shown.json["scopes"]).toMatchObject([{ name: "articles:read" }]);
    for (const scopes of [
      ["articles:delete"],
      ["articles:read", "articles:write"],
      [],
      ["articles:read", "articles:read"],
    ])
      expect(outcomeOf(await consent(connect, newVerifier(), { query: { scope: asked }, scopes }))).toEqual([
        400,
        "invalid_request",
      ]);
    const { access, scope } = await connected(connect, { query: { scope: asked } });
    expect(scope).toBe("articles:read");
    expect(await askGuard(world, access)).toMatchObject({ scopes: ["articles:read"] });
    const many = Array.from({ length: 10_000 }, (_, at) => `s${at}`).join(" ");
    expect(
      (await show({ world, bearer }, queryOf(client, newVerifier(), { scope: many }))).status,
    ).toBeGreaterThanOrEqual(400);
  });

  it("no other credential than the token of a session reads a request or gives consent", async () => {
    const connect = await openConnect({ ground });
    const { world, client } = connect;
    const { access, refresh } = await connected(connect);
    const query = queryOf(client, newVerifier());
    for (const bearer of [access, refresh, undefined]) {
      const calls = [
        world.call("GET", `/connect?${query}`, { bearer }),
        world.call("POST", "/connect", { bearer, body: { query, transaction: "x", allow: true } }),
        world.call("GET", "/connections", { bearer }),
        world.call("DELETE", "/connections/0.xxxxxxxxxxxxxxxxxxxxxx", { bearer }),
        world.call("GET", "/account/export", { bearer }),
        world.call("POST", "/api-keys", { bearer, body: { name: "x", scopes: ["articles:read"] } }),
      ];
      for (const { status } of await Promise.all(calls)) expect([401, 403, 404]).toContain(status);
    }
  });

  it("M-99: a user sees and ends the own connections alone", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const { access } = await connected(connect);
    const { json } = await world.call("GET", "/connections", { bearer: connect.bearer });
    const [one] = json["connections"] as readonly { readonly id: string }[];
    await world.ampho.users.create({ login: "bob", password, roles: [] });
    const bearer = await signIn(world, "bob");
    expect((await world.call("GET", "/connections", { bearer })).json["connections"]).toEqual([]);
    expect(outcomeOf(await world.call("DELETE", `/connections/${one?.id}`, { bearer }))).toEqual([404, "not_found"]);
    expect(await askGuard(world, access)).toMatchObject({ login: "alice" });
  });
});
