// A user connects an account to an application, which gets tokens until the user ends the connection.
import { expect, it } from "vitest";
import { onBothDatabases } from "../gate/owners.js";
import {
  askGuard,
  claimsOf,
  codeOf,
  connected,
  consent,
  issuer,
  membersOf,
  newVerifier,
  openConnect,
  outcomeOf,
  queryOf,
  redeem,
  redirect,
  renew,
  show,
  signIn,
  tokensOf,
  writers,
} from "./connections.js";

onBothDatabases((ground) => {
  it("a user gives consent, the application reads and renews, and the end is seen at once", async () => {
    const connect = await openConnect({ ground });
    const { world, client, bearer, userId } = connect;
    const verifier = newVerifier();
    const begun = await world.call("GET", `/authorize?${queryOf(client, verifier)}`);
    expect(begun.status).toBe(303);
    const page = new URL(begun.headers.get("location") ?? "");
    expect([page.origin + page.pathname, page.searchParams.get("ampho")]).toEqual(["https://app.example/", "connect"]);
    const shown = await show(connect, page.search.replace("?ampho=connect&", ""));
    expect(shown.json).toMatchObject({
      client: { id: client, name: "reader", host: null, stated_name: null, returns: "reader.example" },
      resource: null,
      scopes: [
        { name: "articles:read", text: "Read your articles", new: true },
        { name: "articles:write", text: "Write articles", new: true },
      ],
    });
    const said = await consent(connect, verifier, { scopes: ["articles:read"] });
    const members = membersOf(said);
    expect([String(said.json["location"]).split("?")[0], members.get("state"), members.get("iss")]).toEqual([
      redirect,
      "xyz",
      issuer,
    ]);
    const response = await redeem(connect, members.get("code") ?? "", verifier);
    expect(response.json).toMatchObject({ token_type: "Bearer", expires_in: 900, scope: "articles:read" });
    expect(response.headers.get("cache-control")).toBe("no-store");
    const first = tokensOf(response);
    const auth = await askGuard(world, first.access);
    expect(auth).toMatchObject({ id: userId, login: "alice", credential: "delegated", roles: [] });
    expect(auth).toMatchObject({ actor: { id: client, name: "reader", credential: "client" } });
    expect(await askGuard(world, first.access, writers)).toBe("insufficient_scope");
    expect(await askGuard(world, first.access, {})).toBe("credential_not_accepted");
    expect(claimsOf(first.access)).toMatchObject({ iss: issuer, sub: userId, client_id: client, gen: 0, acr: "1fa" });
    expect(Object.keys(claimsOf(first.access))).not.toContain("roles");
    world.clock.advance(600);
    const second = tokensOf(await renew(connect, first.refresh));
    expect(second.refresh).not.toBe(first.refresh);
    const list = await world.call("GET", "/connections", { bearer });
    const [one] = list.json["connections"] as readonly { readonly id: string }[];
    expect(one).toMatchObject({ client, name: "reader", scopes: ["articles:read"], resource: null });
    expect(
      (await show({ world, bearer: await signIn(world) }, queryOf(client, verifier))).json["scopes"],
    ).toMatchObject([{ new: false }, { new: true }]);
    const ended = await world.call("DELETE", `/connections/${one?.id}`, { bearer });
    expect(ended.status).toBe(204);
    for (const token of [first.access, second.access]) expect(await askGuard(world, token)).toBe("invalid_token");
    expect(outcomeOf(await renew(connect, second.refresh))).toEqual([400, "invalid_grant"]);
    expect((await world.call("GET", "/connections", { bearer })).json["connections"]).toEqual([]);
    expect(await world.events()).toEqual(
      expect.arrayContaining(["connection_added", "connection_redeemed", "connection_ended: ended_by_user"]),
    );
  });

  it("a live route reads the connection and its user", async () => {
    const connect = await openConnect({ ground });
    const { access } = await connected(connect);
    const live = { ...writers, live: true } as const;
    expect(await askGuard(connect.world, access, live)).toMatchObject({ id: connect.userId });
    const { ampho } = connect.world;
    await ampho.users.setRoles("alice", { set: [] });
    expect(await askGuard(connect.world, access, live)).toBe("invalid_token");
  });

  it("either side can give a token back, and both end", async () => {
    for (const which of ["access", "refresh"] as const) {
      const connect = await openConnect({ ground: await ground.another() });
      const tokens = await connected(connect);
      const revoked = await connect.world.call("POST", "/revoke", { form: { token: tokens[which] } });
      expect(revoked.status).toBe(200);
      expect(await askGuard(connect.world, tokens.access)).toBe("invalid_token");
      expect(outcomeOf(await renew(connect, tokens.refresh))).toEqual([400, "invalid_grant"]);
    }
  });

  it("a no gives nothing, and the application learns of it", async () => {
    const connect = await openConnect({ ground });
    const said = await consent(connect, newVerifier(), { allow: false });
    const members = membersOf(said);
    expect([members.get("error"), members.get("state"), members.get("iss"), members.get("code")]).toEqual([
      "access_denied",
      "xyz",
      issuer,
      null,
    ]);
    const { world, bearer } = connect;
    expect((await world.call("GET", "/connections", { bearer })).json["connections"]).toEqual([]);
  });

  it("a yes whose code is not redeemed is no connection", async () => {
    const connect = await openConnect({ ground });
    await codeOf(connect, newVerifier());
    const { world, bearer } = connect;
    expect((await world.call("GET", "/connections", { bearer })).json["connections"]).toEqual([]);
  });
});
