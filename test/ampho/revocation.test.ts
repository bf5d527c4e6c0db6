// Revocation (docs/reference/contract.md §4): at once in the same process, within a second in another one, and after a restart.
import { describe, expect, it } from "vitest";
import type { Revoked } from "../../dist/index.js";
import { admission, grantOf, openWorld, password, requestFor, type World } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { within } from "../world/deadline.js";
import { claimsOf, foreignToken, newKey, sessionOf } from "../world/tokens.js";

const day = 86_400;

/** Tokens of other software that name the user in every way. */
function foreignTokens(world: World, id: string) {
  const sign = (claims: object) => foreignToken(world.key, { exp: world.clock.now() + 1800, ...claims });
  const iat = world.clock.now();
  return {
    bySub: sign({ sub: id, login: "somebody-else", iat }),
    byLogin: sign({ login: "Ann", iat }),
    byLoginInAnotherSpelling: sign({ login: "ａNN", iat }),
    byBoth: sign({ sub: id, login: "Ann", iat }),
    withoutIat: sign({ login: "Ann" }),
    bySubWithoutIat: sign({ sub: id, login: "x" }),
    issuedBefore: sign({ login: "Ann", iat: iat - 300 }),
  };
}

const admissions = async (world: Pick<World, "ampho">, tokens: Readonly<Record<string, string>>) =>
  new Set(await Promise.all(Object.values(tokens).map((token) => admission(world.ampho, token))));

describe.each([
  ["disabled", (world: World) => world.ampho.users.disable("ANN")],
  ["removed", (world: World) => world.ampho.users.remove("ann")],
])("a user who was %s", (_, change) => {
  it("every token of the user is rejected at once, with and without a session", async () => {
    const world = await openWorld();
    const ann = await world.user("Ann");
    const sessions = { one: (await world.session(ann)).token, two: (await world.session(ann)).token };
    const foreign = foreignTokens(world, ann.id);
    const eve = await world.session(await world.user("eve"));
    const others = {
      eve: eve.token,
      eveForeign: foreignToken(world.key, { exp: start + 600, login: "eve", sub: "x" }),
      looksLike: foreignToken(world.key, { exp: start + 600, login: "Anna" }),
    };
    expect(await admissions(world, { ...sessions, ...foreign, ...others })).toEqual(new Set(["in"]));
    await change(world);
    expect(await admissions(world, { ...sessions, ...foreign })).toEqual(new Set(["invalid_token"]));
    expect(await admissions(world, others)).toEqual(new Set(["in"]));
  });

  it("the tokens of the user stay rejected after a restart until the last one has expired", async () => {
    const world = await openWorld({ tokenLeeway: 300 });
    const ann = await world.user("Ann");
    const sessions = { one: (await world.session(ann)).token };
    const longest = foreignToken(world.key, { exp: start + day, login: "Ann", iat: start });
    await change(world);
    await world.ampho.close();
    const after = await world.another();
    expect(await admissions(after, { ...sessions, ...foreignTokens(after, ann.id), longest })).toEqual(
      new Set(["invalid_token"]),
    );
    world.clock.advance(day + 299);
    const late = await world.another();
    expect(await admission(late.ampho, longest)).toBe("invalid_token");
  });

  it("only new tokens are valid after the user is created or enabled again", async () => {
    const world = await openWorld();
    const ann = await world.user("Ann");
    const old = { session: (await world.session(ann)).token, ...foreignTokens(world, ann.id) };
    await change(world);
    if (await world.ampho.users.find("ann")) await world.ampho.users.enable("ann");
    else await world.user("Ann");
    const again = await world.ampho.users.find("ann");
    if (again === undefined) throw new Error("Ann is not there");
    world.clock.advance(1);
    const { withoutIat, bySubWithoutIat, bySub, issuedBefore, ...fresh } = foreignTokens(world, again.id);
    expect(await admissions(world, old)).toEqual(new Set(["invalid_token"]));
    expect(await admissions(world, { withoutIat, issuedBefore })).toEqual(new Set(["invalid_token"]));
    expect(await admissions(world, { ...fresh, bySub, session: (await world.session(again)).token })).toEqual(
      new Set(["in"]),
    );
  });
});

describe("a removed role", () => {
  it("a removed role rejects the tokens that contain it at once, and no others", async () => {
    const world = await openWorld();
    const ann = await world.user("Ann", { roles: ["editor", "reader"] });
    const session = await world.session(ann);
    const sign = (claims: object) => foreignToken(world.key, { exp: start + 600, login: "ann", iat: start, ...claims });
    const [withRole, withoutRole] = [sign({ roles: ["editor"] }), sign({ roles: ["reader"] })];
    await world.ampho.users.setRoles("Ann", { remove: ["editor"] });
    expect(await admission(world.ampho, session.token)).toBe("invalid_token");
    expect(await admission(world.ampho, withRole)).toBe("invalid_token");
    expect(await admission(world.ampho, withoutRole)).toBe("in");
    const next = grantOf(await world.renew(session.refresh_token));
    expect(claimsOf(next.token)).toMatchObject({ roles: ["reader"], ver: start });
    expect(await admission(world.ampho, next.token)).toBe("in");
  });

  it("a role that is given again makes only new tokens valid", async () => {
    const world = await openWorld();
    const ann = await world.user("ann", { roles: ["editor"] });
    const before = await world.session(ann);
    await world.ampho.users.setRoles("ann", []);
    await world.ampho.users.setRoles("ann", ["editor"]);
    expect(await admission(world.ampho, before.token)).toBe("invalid_token");
    expect(await admission(world.ampho, (await world.session(ann)).token)).toBe("in");
  });

  it("the tokens with a removed role stay rejected after a restart", async () => {
    const world = await openWorld();
    const ann = await world.user("ann", { roles: ["editor"] });
    const { token, refresh_token } = await world.session(ann);
    await world.ampho.users.setRoles("ann", []);
    await world.ampho.close();
    const after = await world.another();
    expect(await admission(after.ampho, token)).toBe("invalid_token");
    grantOf(await after.renew(refresh_token));
  });

  it("an added role or no change rejects no token", async () => {
    const world = await openWorld();
    const ann = await world.user("ann", { roles: ["editor"] });
    const { token } = await world.session(ann);
    await world.ampho.users.setRoles("ann", { add: ["auditor"] });
    await world.ampho.users.setRoles("ann", ["auditor", "editor"]);
    expect(await admission(world.ampho, token)).toBe("in");
  });
});

describe("a revoked key", () => {
  it("a revoked signing key rejects all of its tokens, and login and renew return 503", async () => {
    const world = await openWorld();
    const ann = await world.user("ann", { password });
    const grant = await world.login("ann");
    const foreign = foreignToken(world.key, { exp: start + 600, login: "x" });
    await world.ampho.signingKeys.revoke("key-1");
    const check = async ({ ampho, call, renew }: World) => {
      expect(await admission(ampho, grant.token)).toBe("invalid_token");
      expect(await admission(ampho, foreign)).toBe("invalid_token");
      for (const response of [
        await call("POST", "/login", { body: { login: "ann", password } }),
        await renew(grant.refresh_token),
        await call("POST", "/renew", { bearer: grant.token }),
      ]) {
        expect([response.status, response.error]).toEqual([503, "unavailable"]);
        expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
      }
      await expect(ampho.sessions.create(ann.id)).rejects.toMatchObject({ code: "unavailable" });
    };
    await check(world);
    await world.ampho.close();
    world.clock.advance(400 * day);
    await check(await world.another());
  });

  it("a revoked verifying key rejects its tokens, and the signing key continues", async () => {
    const old = newKey("old");
    const world = await openWorld({ key: old });
    const ann = await world.user("ann");
    const before = await world.session(ann);
    const rotated = await world.another({ key: { keys: [newKey("new"), old] } });
    const after = await rotated.session(ann);
    expect(await admission(rotated.ampho, before.token)).toBe("in");
    await rotated.ampho.signingKeys.revoke("old");
    expect(await admission(rotated.ampho, before.token)).toBe("invalid_token");
    expect((await rotated.renew(before.refresh_token)).error).toBe("invalid_token");
    expect((await rotated.call("POST", "/renew", { bearer: before.token })).error).toBe("invalid_token");
    expect(await admission(rotated.ampho, after.token)).toBe("in");
    grantOf(await rotated.renew(after.refresh_token));
  });

  it("the refresh tokens of an old key that is not revoked renew to tokens of the new key", async () => {
    const old = newKey("old");
    const world = await openWorld({ key: old });
    const before = await world.session(await world.user("ann"));
    const rotated = await world.another({ key: { keys: [newKey("new"), old] } });
    const next = grantOf(await rotated.renew(before.refresh_token));
    const header = JSON.parse(Buffer.from(next.token.split(".")[0] ?? "", "base64url").toString());
    expect(header.kid).toBe("new");
    // A process without the new key rejects its tokens.
    expect(await admission(world.ampho, next.token)).toBe("invalid_token");
  });
});

describe("everything at once", () => {
  it("endForEveryone ends every session and every token without one, and accepts new ones", async () => {
    const world = await openWorld();
    const ann = await world.user("Ann");
    const sessions = [await world.session(ann), await world.session(await world.user("bob"))];
    const foreign = foreignTokens(world, ann.id);
    await world.ampho.sessions.endForEveryone();
    const rejected = async ({ ampho, renew }: World) => {
      for (const { token, refresh_token } of sessions) {
        expect(await admission(ampho, token)).toBe("invalid_token");
        expect((await renew(refresh_token)).error).toBe("session_ended");
      }
      expect(await admissions({ ampho }, foreign)).toEqual(new Set(["invalid_token"]));
    };
    await rejected(world);
    const fresh = await world.session(ann);
    expect(await admission(world.ampho, fresh.token)).toBe("in");
    expect(await world.ampho.sessions.list(ann.id)).toHaveLength(1);
    await world.ampho.close();
    const after = await world.another();
    await rejected(after);
    expect(await admission(after.ampho, fresh.token)).toBe("in");
  });

  it("a second endForEveryone after the clock was set back makes no rejected token valid", async () => {
    const world = await openWorld();
    const foreign = foreignToken(world.key, { exp: start + 600, login: "ann", iat: start - 5 });
    await world.ampho.sessions.endForEveryone();
    world.clock.advance(-30);
    await world.ampho.sessions.endForEveryone();
    expect(await admission(world.ampho, foreign)).toBe("invalid_token");
    expect(await admission((await world.another()).ampho, foreign)).toBe("invalid_token");
  });
});

describe("a restart", () => {
  it("ended sessions stay ended and live sessions stay live after a restart", async () => {
    const world = await openWorld();
    const ann = await world.user("ann");
    const [live, over, renewed] = [await world.session(ann), await world.session(ann), await world.session(ann)];
    await world.ampho.sessions.end(sessionOf(over));
    const next = grantOf(await world.renew(renewed.refresh_token));
    await world.ampho.close();
    const after = await world.another();
    expect(await Promise.all([live, over, renewed, next].map(({ token }) => admission(after.ampho, token)))).toEqual([
      "in",
      "invalid_token",
      "in",
      "in",
    ]);
    grantOf(await after.renew(live.refresh_token));
    grantOf(await after.renew(next.refresh_token));
    expect((await after.renew(over.refresh_token)).error).toBe("session_ended");
  });
});

describe("another process", () => {
  it("another process rejects within a second the sessions, users, roles and keys that this one revoked", async () => {
    const world = await openWorld();
    const other = await world.another();
    const [ann, bob, cid, dan] = [
      await world.user("ann"),
      await world.user("bob"),
      await world.user("cid", { roles: ["editor"] }),
      await world.user("dan"),
    ];
    const tokens = async () => ({
      session: (await world.session(ann)).token,
      user: (await world.session(bob)).token,
      role: (await world.session(cid)).token,
      everything: (await world.session(dan)).token,
    });
    const { session, user, role, everything } = await tokens();
    const rejected = (token: string) =>
      within(1000, async () => (await admission(other.ampho, token)) === "invalid_token");
    for (const token of [session, user, role, everything]) expect(await admission(other.ampho, token)).toBe("in");
    await world.ampho.sessions.endForUser(ann.id);
    await rejected(session);
    await world.ampho.users.disable("bob");
    await rejected(user);
    await world.ampho.users.setRoles("cid", []);
    await rejected(role);
    expect(await admission(other.ampho, everything)).toBe("in");
    await world.ampho.sessions.endForEveryone();
    await rejected(everything);
    const last = (await world.session(ann)).token;
    expect(await admission(other.ampho, last)).toBe("in");
    await world.ampho.signingKeys.revoke("key-1");
    await rejected(last);
  });
});

describe("a process that was paused", () => {
  it("verifySync throws unavailable until the revocations were read again", async () => {
    const world = await openWorld();
    const paused = await world.another();
    const ann = await world.user("ann");
    const [ended, good] = [await world.session(ann), await world.session(ann)];
    for (const { token } of [ended, good]) expect(await admission(paused.ampho, token)).toBe("in");
    await world.ampho.sessions.end(sessionOf(ended));
    world.clock.advance(2);
    for (const { token } of [ended, good])
      expect(() => paused.ampho.verifySync(token)).toThrow(expect.objectContaining({ code: "unavailable" }));
    expect(await admission(paused.ampho, ended.token)).toBe("invalid_token");
    expect(() => paused.ampho.verifySync(ended.token)).toThrow("revoked");
    expect(paused.ampho.verifySync(good.token).login).toBe("ann");
  });

  it("a request with live is rejected if its session ended during a pause after the database was read", async () => {
    const ann = { id: "u1", login: "ann" };
    const users = { find: () => ann, verify: () => true };
    const world = await openWorld({ users });
    const { token } = await world.ampho.sessions.create(ann.id);
    // The application reads its own table after Ampho has read the session.
    const findDuringPause = async () => {
      await world.ampho.sessions.endForUser(ann.id);
      world.clock.advance(2);
      return ann;
    };
    const paused = await world.another({ users: { ...users, find: findDuringPause } });
    const request = requestFor("GET", "http://localhost/articles", { bearer: token });
    const handler = paused.ampho.authorize({ live: true }, () => new Response("in"));
    expect((await handler(request)).status).toBe(401);
  });
});

describe("a listener of onRevoked", () => {
  function listening(world: World) {
    const reported: Revoked[] = [];
    const stop = world.ampho.onRevoked((revoked) => void reported.push(revoked));
    return { reported, stop };
  }

  it("a listener of onRevoked gets every kind of revocation once", async () => {
    const world = await openWorld();
    const ann = await world.user("Ann", { roles: ["editor"] });
    const { reported } = listening(world);
    const [one, other] = [await world.session(ann), await world.session(ann)];
    await world.call("POST", "/logout", { bearer: one.token });
    await world.ampho.users.setRoles("ann", []);
    await world.ampho.users.disable("ann");
    await world.ampho.sessions.endForEveryone();
    await world.ampho.signingKeys.revoke("some-key");
    expect(reported).toEqual([
      { kind: "session", session: sessionOf(one) },
      { kind: "roles", id: ann.id, login: "Ann", roles: ["editor"] },
      { kind: "session", session: sessionOf(other) },
      { kind: "user", id: ann.id, login: "Ann" },
      { kind: "all" },
      { kind: "signing_key", kid: "some-key" },
    ]);
  });

  it("a listener of onRevoked gets revocations of another process within a second", async () => {
    const world = await openWorld();
    const other = await world.another();
    const { reported } = listening(world);
    const ann = await world.user("ann");
    const [one, two] = [await world.session(ann), await world.session(ann)];
    await world.ampho.sessions.end(sessionOf(one));
    await other.ampho.sessions.end(sessionOf(two));
    const sessions = [one, two].map((grant) => ({ kind: "session", session: sessionOf(grant) }));
    await within(1000, () => reported.length >= sessions.length);
    expect(reported).toEqual(sessions);
  });

  it("a listener of onRevoked gets replays, sessions beyond the maximum and changed passwords", async () => {
    const world = await openWorld({ sessionsPerUser: 1 });
    const ann = await world.user("ann");
    const { reported } = listening(world);
    const first = await world.session(ann);
    const second = await world.session(ann);
    await world.renew(second.refresh_token);
    world.clock.advance(11);
    await world.renew(second.refresh_token);
    const third = await world.session(ann);
    await world.ampho.users.setPassword("ann", password);
    expect(reported).toEqual([first, second, third].map((grant) => ({ kind: "session", session: sessionOf(grant) })));
  });

  it("a listener of onRevoked gets an ended session whose access tokens have long expired", async () => {
    const world = await openWorld();
    const ann = await world.user("ann");
    const grants = [await world.session(ann), await world.session(ann), await world.session(ann)];
    world.clock.advance(7 * day);
    const { reported } = listening(world);
    const [one] = grants;
    if (one !== undefined) await world.ampho.sessions.end(sessionOf(one));
    expect(await world.ampho.sessions.endForUser(ann.id)).toBe(2);
    expect(reported).toEqual(grants.map((grant) => ({ kind: "session", session: sessionOf(grant) })));
  });

  it("a stopped listener of onRevoked gets nothing, and other listeners continue", async () => {
    const world = await openWorld();
    const ann = await world.user("ann");
    const [first, second] = [listening(world), listening(world)];
    first.stop();
    first.stop();
    await world.ampho.sessions.end(sessionOf(await world.session(ann)));
    expect([first.reported.length, second.reported.length]).toEqual([0, 1]);
  });

  it("a listener of onRevoked that throws is logged and affects no other listener", async () => {
    const world = await openWorld();
    const ann = await world.user("ann");
    world.ampho.onRevoked(() => {
      throw new Error("listener-broke");
    });
    const { reported } = listening(world);
    const { token } = await world.session(ann);
    expect((await world.call("POST", "/logout", { bearer: token })).status).toBe(204);
    expect(reported).toHaveLength(1);
    expect(await admission(world.ampho, token)).toBe("invalid_token");
    expect(world.notices.join("\n")).toContain("listener-broke");
  });
});

describe("a token", () => {
  it("a token whose creation took long is rejected for its whole lifetime once its session ended", async () => {
    // The claims function of the application returns 200 s after the session was opened.
    const world = await openWorld({
      tokenLeeway: 300,
      claims: () => {
        world.clock.advance(200);
        return {};
      },
    });
    const { token, expires, ttl } = await world.session(await world.user("ann"));
    await world.ampho.sessions.end(String(claimsOf(token)["sid"]));
    expect(ttl).toBe(900);
    world.clock.advance(expires + 299 - world.clock.now());
    const after = await world.another();
    expect(await admission(after.ampho, token)).toBe("invalid_token");
  });
});
