// Users, operators and the application end connections: one, those of a user, and those of a client.
import { expect, it } from "vitest";
import type { AmphoOptions } from "../../dist/index.js";
import { onBothDatabases } from "../gate/owners.js";
import { password, type World } from "../world/ampho.js";
import { withinSecond } from "../world/deadline.js";
import {
  addClient,
  askGuard,
  type Connect,
  codeOf,
  connected,
  copies,
  newVerifier,
  openConnect,
  outcomeOf,
  redeem,
  renew,
  settings,
  signIn,
  tokensOf,
} from "./connections.js";

const gone = [400, "invalid_grant"];

/** The ids that a user sees. */
async function idsOf({ world, bearer }: Pick<Connect, "world" | "bearer">): Promise<readonly string[]> {
  const { json } = await world.call("GET", "/connections", { bearer });
  return (json["connections"] as readonly { readonly id: string }[]).map(({ id }) => id);
}

const endAll = ({ world, bearer }: Pick<Connect, "world" | "bearer">, query = "") =>
  world.call("DELETE", `/connections${query}`, { bearer });

async function listed<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function addUser(world: World, login: string): Promise<string> {
  const { id } = await world.ampho.users.create({ login, password, roles: ["editor"] });
  return id;
}

onBothDatabases((ground) => {
  it("a user ends those with one application, and then all", async () => {
    const connect = await openConnect({ ground });
    const { world, bearer, userId } = connect;
    const other = { ...connect, client: await addClient(world, "writer") };
    const tokens = [await connected(connect), await connected(connect), await connected(other), await connected(other)];
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier);
    const ended = await endAll(connect, `?client=${connect.client}`);
    expect([ended.status, ended.text]).toEqual([204, ""]);
    expect((await idsOf(connect)).length).toBe(2);
    const accepted = () => Promise.all(tokens.map(async ({ access }) => typeof (await askGuard(world, access))));
    expect(await accepted()).toEqual(["string", "string", "object", "object"]);
    expect(outcomeOf(await redeem(connect, code, verifier))).toEqual(gone);
    expect(outcomeOf(await renew(connect, tokens[0]?.refresh ?? ""))).toEqual(gone);
    expect((await endAll(connect)).status).toBe(204);
    expect(await accepted()).toEqual(["string", "string", "string", "string"]);
    expect(await idsOf(connect)).toEqual([]);
    expect((await endAll(connect)).status).toBe(204);
    expect((await world.call("GET", "/session", { bearer })).status).toBe(200);
    const rows = await world.ampho.audit.list({ limit: 1000 });
    const ends = rows.filter(({ event }) => event === "connection_ended");
    expect(ends.length).toBe(5);
    for (const row of ends) expect(row).toMatchObject({ userId, login: "alice", reason: "ended_by_user" });
    tokensOf(await redeem(connect, await codeOf(connect, verifier), verifier));
  });

  it("M-99: no client, id or query shows a user the connections of another, or ends one", async () => {
    const connect = await openConnect({ ground });
    const { world, client } = connect;
    const { access } = await connected(connect);
    const [id = ""] = await idsOf(connect);
    await addUser(world, "mallory");
    const bearer = await signIn(world, "mallory");
    const mallory = { world, bearer };
    const unknown = `svc_${"x".repeat(22)}`;
    const texts = [client, unknown, "", "%00", "%25", "*", `' or '1'='1`, "x".repeat(2000), "reader", id, "svc_%"];
    for (const text of texts) {
      const { status, text: body } = await endAll(mallory, `?client=${text.includes("%") ? text : encodeURI(text)}`);
      expect([status, body], text).toEqual([204, ""]);
    }
    expect((await endAll(mallory)).status).toBe(204);
    expect(outcomeOf(await world.call("DELETE", `/connections/${id}`, { bearer }))).toEqual([404, "not_found"]);
    expect(await askGuard(world, access)).toMatchObject({ login: "alice" });
    // Any other token opens nothing.
    for (const token of [access, undefined])
      expect((await world.call("DELETE", "/connections", { bearer: token })).status).toBeGreaterThanOrEqual(401);
    expect(await askGuard(world, access)).toMatchObject({ login: "alice" });
  });

  it("a query that is misspelt, doubled or empty, and a body, end nothing that they do not name", async () => {
    const connect = await openConnect({ ground });
    const { world, client, bearer } = connect;
    await connected(connect);
    for (const query of [`?cliant=${client}`, `?client=${client}&client=x`, `?client=x&all=1`, `?client[]=${client}`])
      expect(outcomeOf(await endAll(connect, query)), query).toEqual([400, "invalid_request"]);
    expect((await endAll(connect, "?client=")).status).toBe(204);
    expect(await idsOf(connect)).toHaveLength(1);
    await world.call("DELETE", "/connections?client=x", { bearer, body: { client } });
    expect(await idsOf(connect)).toHaveLength(1);
  });

  it("a connection that was idle for days still ends, once", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const [first, second] = [await connected(connect), await connected(connect)];
    world.clock.advance(5 * 86_400);
    const fresh = { world, bearer: await signIn(world) };
    const [id] = await idsOf(fresh);
    const end = () => world.call("DELETE", `/connections/${id}`, { bearer: fresh.bearer });
    expect([(await end()).status, (await end()).status]).toEqual([204, 404]);
    expect(outcomeOf(await renew(connect, second.refresh))).toEqual(gone);
    expect(await world.ampho.connections.endForUser(connect.userId)).toBe(1);
    expect(outcomeOf(await renew(connect, first.refresh))).toEqual(gone);
  });

  it("the application lists and ends connections, and hears of each end", async () => {
    const connect = await openConnect({ ground });
    const { world, client, userId } = connect;
    const { connections } = world.ampho;
    const bob = await addUser(world, "bob");
    const ofBob = { ...connect, bearer: await signIn(world, "bob") };
    const tokens = [await connected(connect), await connected(connect), await connected(ofBob)];
    const heard: string[] = [];
    world.ampho.onRevoked((each) => void (each.kind === "session" && heard.push(each.session)));
    const [newest, oldest] = await connections.list({ login: "ALICE" });
    expect(newest).toMatchObject({ client, name: "reader", scopes: ["articles:read", "articles:write"] });
    expect(await connections.list(userId)).toEqual([newest, oldest]);
    for (const ref of [client, "reader"]) {
      const all = await listed(connections.listForClient(ref));
      expect(all.map((one) => [one.userId, one.login])).toEqual([
        [userId, "alice"],
        [userId, "alice"],
        [bob, "bob"],
      ]);
    }
    const [id = ""] = [newest?.id];
    expect([await connections.end(id), await connections.end(id), await connections.end("\0")]).toEqual([
      true,
      false,
      false,
    ]);
    expect(await connections.endForUser(userId)).toBe(1);
    expect(await connections.endForUser({ id: userId })).toBe(0);
    await connections.endForClient("reader");
    for (const { access } of tokens) expect(await askGuard(world, access)).toBe("invalid_token");
    expect(heard.length).toBe(3);
    expect(await world.events()).toEqual(
      expect.arrayContaining([
        "connection_ended: ended_by_application",
        "connection_ended: client",
        "service_connections_ended",
      ]),
    );
    const notFound = { code: "not_found" };
    await expect(connections.list({ login: "nobody" })).rejects.toMatchObject(notFound);
    await expect(connections.endForUser("nobody")).rejects.toMatchObject(notFound);
    for (const ref of ["nobody", "", "a/b", "\0"]) {
      await expect(connections.endForClient(ref)).rejects.toMatchObject(notFound);
      await expect(listed(connections.listForClient(ref))).rejects.toMatchObject(notFound);
    }
    const wrong = undefined as unknown as string;
    for (const call of [
      connections.list(wrong),
      connections.end(wrong),
      connections.endForUser(wrong),
      connections.endForClient(wrong),
      listed(connections.listForClient(wrong)),
    ])
      await expect(call).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("the connections of a client all end, and users connect again", async () => {
    const connect = await openConnect({ ground });
    const { world, userId } = connect;
    const writer = { ...connect, client: await addClient(world, "writer") };
    const [reading, writing] = [await connected(connect), await connected(writer)];
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier);
    await ground.sql(world, copies(1200, { id: "'0.many' || at", userId: "'user' || at" }, connect.client));
    expect((await listed(world.ampho.connections.listForClient("reader"))).length).toBe(1201);
    await world.ampho.connections.endForClient("reader");
    const open = "select count(*) as n from ampho_connections where ended_at is null";
    expect(Number((await ground.sql(world, open))[0]?.["n"])).toBe(1);
    expect(await askGuard(world, reading.access)).toBe("invalid_token");
    expect(await askGuard(world, writing.access)).toMatchObject({ id: userId });
    for (const response of [await renew(connect, reading.refresh), await redeem(connect, code, verifier)])
      expect(outcomeOf(response)).toEqual(gone);
    const again = await connected(connect);
    expect(await askGuard(world, again.access)).toMatchObject({ id: userId });
    tokensOf(await renew(connect, again.refresh));
  });

  it("M-85: an end of connections while clients renew and users connect leaves no token from before", async () => {
    const ends = {
      user: ({ world, bearer }: Connect) => endAll({ world, bearer }),
      withClient: ({ world, bearer, client }: Connect) => endAll({ world, bearer }, `?client=${client}`),
      ofUser: ({ world, userId }: Connect) => world.ampho.connections.endForUser(userId),
      ofClient: ({ world }: Connect) => world.ampho.connections.endForClient("reader"),
    };
    for (const [name, end] of Object.entries(ends)) {
      const ours = await ground.another();
      const connect = await openConnect({ ground: ours });
      const other = { ...connect, world: await connect.world.another({ databaseUrl: ours.urlOf(connect.world) }) };
      const before = [await connected(connect), await connected(connect), await connected(connect)];
      const verifiers = [newVerifier(), newVerifier(), newVerifier()];
      const codes: string[] = [];
      for (const verifier of verifiers) codes.push(await codeOf(connect, verifier));
      const responses = await Promise.all([
        ...before.flatMap(({ refresh }) => [renew(connect, refresh), renew(other, refresh)]),
        end(connect),
        ...codes.map((code, at) => redeem(at % 2 ? connect : other, code, verifiers[at] ?? "")),
        ...before.map(({ refresh }) => renew(other, refresh)),
      ]);
      const granted = responses.flatMap((one) =>
        typeof one === "object" && one.status === 200 ? [tokensOf(one)] : [],
      );
      for (const { access, refresh } of [...before, ...granted]) {
        expect(await askGuard(connect.world, access), name).toBe("invalid_token");
        await withinSecond(() => askGuard(other.world, access), "invalid_token");
        expect(outcomeOf(await renew(other, refresh)), name).toEqual(gone);
      }
      // A connection that begins after the end goes on.
      tokensOf(await renew(other, (await connected(connect)).refresh));
    }
  });

  it("a connection that begins while those of its client end lives or was ended as a whole", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    await connected(connect);
    await ground.sql(world, copies(1200, { id: "'0.many' || at", userId: "'user' || at" }, connect.client));
    const end = world.ampho.connections.endForClient("reader");
    const verifiers = [newVerifier(), newVerifier(), newVerifier(), newVerifier()];
    const begun = [];
    for (const verifier of verifiers) begun.push(await redeem(connect, await codeOf(connect, verifier), verifier));
    await end;
    for (const response of begun) {
      if (response.status !== 200) continue;
      const { access, refresh } = tokensOf(response);
      const lives = typeof (await askGuard(world, access)) === "object";
      expect((await renew(connect, refresh)).status === 200).toBe(lives);
    }
    tokensOf(await renew(connect, (await connected(connect)).refresh));
    const open = "select count(*) as n from ampho_connections where ended_at is null and user_id like 'user%'";
    expect(Number((await ground.sql(world, open))[0]?.["n"])).toBe(0);
  });

  it("users of an application's own table are listed and ended by id and by login", async () => {
    const user = { id: "id of alice", login: "alice", roles: ["editor"] };
    const users: AmphoOptions["users"] = {
      find: async (login) => (login === user.login ? user : undefined),
      findById: async (id) => (id === user.id ? user : undefined),
      verify: async () => true,
    };
    const world = await ground.open({ ...settings, users });
    const connect = { world, client: await addClient(world, "reader"), bearer: await signIn(world) };
    const { connections } = world.ampho;
    for (const ref of [{ login: "alice" }, { id: user.id }, user.id]) {
      const { access } = await connected(connect);
      expect(await connections.list(ref)).toMatchObject([{ client: connect.client }]);
      expect(await listed(connections.listForClient("reader"))).toMatchObject([{ userId: user.id }]);
      expect(await connections.endForUser(ref)).toBe(1);
      expect(await askGuard(world, access)).toBe("invalid_token");
    }
    const { refresh } = await connected(connect);
    expect((await endAll(connect, `?client=${connect.client}`)).status).toBe(204);
    expect(outcomeOf(await renew(connect, refresh))).toEqual(gone);
    await expect(connections.list({ login: "nobody" })).rejects.toMatchObject({ code: "not_found" });
    expect(await connections.list("a user who is gone")).toEqual([]);
  });
});
