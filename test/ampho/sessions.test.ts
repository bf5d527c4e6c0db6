// The other endpoints of docs/reference/contract.md §4: logout, session, sessions, password. Each is also called with another user's token.
import { describe, expect, it } from "vitest";
import { admission, grantOf, openWorld, password, type ReadResponse, type World } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { foreignToken, sessionOf } from "../world/tokens.js";
import { pause } from "../world/wait.js";

const outcomeOf = ({ status, error }: ReadResponse) => [status, error];
const newPassword = "quartz lantern meadow 17";

const sessionRoutes = [
  ["POST", "/logout", undefined],
  ["GET", "/sessions", undefined],
  ["DELETE", "/sessions", undefined],
  ["DELETE", "/sessions/0.some-session", undefined],
  ["POST", "/password", { password, new_password: newPassword }],
] as const;

describe.each(sessionRoutes)("the route %s %s", (method, route, body) => {
  it("the route rejects a missing, invalid, refresh, ended and sessionless token", async () => {
    const world = await openWorld();
    const ann = await world.user("ann");
    const live = await world.session(ann);
    const over = await world.session(ann);
    await world.ampho.sessions.end(sessionOf(over));
    const call = async (bearer?: string) => {
      const response = await world.call(method, route, { bearer, ...(body === undefined ? {} : { body }) });
      return [...outcomeOf(response), response.headers.get("www-authenticate")?.replace(/realm="[^"]+"/, "realm")];
    };
    expect(await call()).toEqual([401, "missing_token", "Bearer realm"]);
    const invalid = [401, "invalid_token", 'Bearer realm, error="invalid_token"'];
    expect(await call("rubbish")).toEqual(invalid);
    expect(await call(live.refresh_token)).toEqual(invalid);
    expect(await call(over.token)).toEqual(invalid);
    const foreign = foreignToken(world.key, { exp: start + 600, login: "ann", sub: ann.id, iat: start });
    expect(await admission(world.ampho, foreign)).toBe("in");
    expect(await call(foreign)).toEqual([403, "credential_not_accepted", undefined]);
    const withoutSubject = foreignToken(world.key, {
      exp: start + 600,
      login: "ann",
      sid: sessionOf(live),
      iat: start,
    });
    expect(await call(withoutSubject)).toEqual([403, "credential_not_accepted", undefined]);
    expect(await admission(world.ampho, live.token)).toBe("in");
  });
});

describe("POST /logout", () => {
  it("a logout returns 204 and ends this session only", async () => {
    const world = await openWorld();
    const ann = await world.user("ann");
    const [one, other] = [await world.session(ann), await world.session(ann)];
    const response = await world.call("POST", "/logout", { bearer: one.token });
    expect([response.status, response.text]).toEqual([204, ""]);
    expect(await admission(world.ampho, one.token)).toBe("invalid_token");
    expect((await world.renew(one.refresh_token)).error).toBe("session_ended");
    expect(await admission(world.ampho, other.token)).toBe("in");
    expect(await world.events()).toContain("logout");
  });

  it("a logout ends the tokens of every generation of the session", async () => {
    const world = await openWorld();
    const first = await world.session(await world.user("ann"));
    const second = grantOf(await world.renew(first.refresh_token));
    await world.call("POST", "/logout", { bearer: first.token });
    expect(await Promise.all([first, second].map(({ token }) => admission(world.ampho, token)))).toEqual([
      "invalid_token",
      "invalid_token",
    ]);
    expect((await world.renew(second.refresh_token)).error).toBe("session_ended");
  });

  it("two concurrent logouts return 204 or 401 and write one audit row", async () => {
    const world = await openWorld();
    const { token } = await world.session(await world.user("ann"));
    const responses = await Promise.all([1, 2, 3].map(() => world.call("POST", "/logout", { bearer: token })));
    expect(responses.map(({ status }) => status)).toEqual([204, 204, 204]);
    expect((await world.call("POST", "/logout", { bearer: token })).status).toBe(401);
    expect((await world.events()).filter((event) => event === "logout")).toHaveLength(1);
  });

  it("a logout works for a session that is idle too long while its token is valid", async () => {
    const world = await openWorld({ sessionIdleTtl: 100 });
    const { token } = await world.session(await world.user("ann"));
    world.clock.advance(130);
    expect((await world.call("POST", "/logout", { bearer: token })).status).toBe(204);
    expect(await admission(world.ampho, token)).toBe("invalid_token");
  });
});

describe("GET /session", () => {
  it("GET /session describes the user from the token alone", async () => {
    const world = await openWorld({ scopes: { editor: ["read", "write"] } });
    const ann = await world.user("Ann", { roles: ["editor"] });
    const grant = await world.session(ann);
    const response = await world.call("GET", "/session", { bearer: grant.token });
    expect(response.status).toBe(200);
    expect(response.json).toEqual({
      id: ann.id,
      login: "Ann",
      roles: ["editor"],
      scopes: ["read", "write"],
      session: { id: sessionOf(grant), authenticated: start },
      amr: [],
      acr: "1fa",
      starts: start,
      expires: start + 900,
    });
  });

  it("GET /session takes no token of other software, which has no session", async () => {
    const world = await openWorld();
    const bearer = foreignToken(world.key, { exp: start + 600, login: "someone" });
    expect(outcomeOf(await world.call("GET", "/session", { bearer }))).toEqual([403, "credential_not_accepted"]);
  });

  it("GET /session rejects the tokens that a guard rejects", async () => {
    const world = await openWorld();
    const grant = await world.session(await world.user("ann"));
    expect(outcomeOf(await world.call("GET", "/session"))).toEqual([401, "missing_token"]);
    expect(outcomeOf(await world.call("GET", "/session", { bearer: grant.refresh_token }))).toEqual([
      401,
      "invalid_token",
    ]);
  });
});

describe("GET /sessions", () => {
  it("GET /sessions lists the caller's live sessions, the newest first, and marks the current one", async () => {
    const world = await openWorld({ sessionIdleTtl: 5000 });
    await world.user("ann", { password });
    const bob = await world.user("bob");
    const first = await world.login("ann", { address: "192.0.2.1", headers: { "User-Agent": "one" } });
    world.clock.advance(10);
    const second = await world.login("ann", {
      address: "192.0.2.2",
      headers: { "User-Agent": "Mozilla/5.0 Gecko/20100101 Firefox/146.0" },
    });
    await world.session(bob);
    world.clock.advance(10);
    const renewed = grantOf(await world.renew(first.refresh_token));
    const { json } = await world.call("GET", "/sessions", { bearer: renewed.token });
    const about = (grant: { token: string }, created: number, renewedAt: number) => ({
      id: sessionOf(grant),
      created,
      renewed: renewedAt,
      expires: renewedAt + 5000,
      amr: ["pwd"],
      acr: "1fa",
    });
    expect(json).toEqual({
      sessions: [
        {
          ...about(second, start + 10, start + 10),
          current: false,
          address: "192.0.2.2",
          agent: "Mozilla/5.0 Gecko/20100101 Firefox/146.0",
          browser: "Firefox",
        },
        { ...about(first, start, start + 20), current: true, address: null, agent: null, browser: null },
      ],
    });
  });

  it("GET /sessions leaves out ended and expired sessions", async () => {
    const world = await openWorld({ sessionIdleTtl: 500 });
    const ann = await world.user("ann");
    await world.session(ann);
    world.clock.advance(400);
    const live = await world.session(ann);
    await world.ampho.sessions.end(sessionOf(await world.session(ann)));
    world.clock.advance(100);
    const { json } = await world.call("GET", "/sessions", { bearer: live.token });
    expect(json).toMatchObject({ sessions: [{ id: sessionOf(live) }] });
    expect(Object(json["sessions"])).toHaveLength(1);
  });
});

describe("DELETE /sessions/{id}", () => {
  async function two(world: World) {
    const ann = await world.user("ann");
    return [await world.session(ann), await world.session(ann)] as const;
  }

  it("DELETE /sessions/{id} ends a session of the caller", async () => {
    const world = await openWorld();
    const [one, other] = await two(world);
    const response = await world.call("DELETE", `/sessions/${sessionOf(other)}`, { bearer: one.token });
    expect([response.status, response.text]).toEqual([204, ""]);
    expect(await admission(world.ampho, other.token)).toBe("invalid_token");
    expect(await admission(world.ampho, one.token)).toBe("in");
    expect(await world.events()).toContain("session_ended: ended_by_user");
  });

  it("DELETE /sessions/{id} returns the same 404 for foreign, ended, unknown and impossible ids", async () => {
    const world = await openWorld();
    const [one, other] = await two(world);
    const eve = await world.session(await world.user("eve"));
    await world.ampho.sessions.end(sessionOf(other));
    const ids = [sessionOf(eve), sessionOf(other), "0.unknown", "%00", "..%2f..", "a b", "x".repeat(500), "'or'1"];
    const responses = await Promise.all(
      ids.map((id) => world.call("DELETE", `/sessions/${id}`, { bearer: one.token })),
    );
    expect(new Set(responses.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(responses.map(outcomeOf)[0]).toEqual([404, "not_found"]);
    expect(await admission(world.ampho, eve.token)).toBe("in");
  });

  it("DELETE /sessions/{id} can end the current session", async () => {
    const world = await openWorld();
    const [one] = await two(world);
    expect((await world.call("DELETE", `/sessions/${sessionOf(one)}`, { bearer: one.token })).status).toBe(204);
    expect(await admission(world.ampho, one.token)).toBe("invalid_token");
  });
});

describe("DELETE /sessions", () => {
  it("DELETE /sessions ends all sessions of the caller and no other", async () => {
    const world = await openWorld();
    const ann = await world.user("ann");
    const own = [await world.session(ann), await world.session(ann), await world.session(ann)];
    const eve = await world.session(await world.user("eve"));
    expect((await world.call("DELETE", "/sessions", { bearer: own[0]?.token })).status).toBe(204);
    for (const { token, refresh_token } of own) {
      expect(await admission(world.ampho, token)).toBe("invalid_token");
      expect((await world.renew(refresh_token)).error).toBe("session_ended");
    }
    expect(await admission(world.ampho, eve.token)).toBe("in");
    expect((await world.events()).filter((event) => event === "session_ended: ended_by_user")).toHaveLength(3);
  });
});

describe("POST /password", () => {
  const change = (world: World, bearer: string, body: object = { password, new_password: newPassword }) =>
    world.call("POST", "/password", { bearer, body });

  it("POST /password sets the new password and ends the other sessions of the user", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const eve = await world.session(await world.user("eve"));
    const [one, other] = [await world.login("ann"), await world.login("ann")];
    const response = await change(world, one.token);
    const replaced = grantOf(response);
    expect(sessionOf(replaced)).toBe(sessionOf(one));
    expect(await admission(world.ampho, replaced.token)).toBe("in");
    expect(await admission(world.ampho, one.token)).toBe("invalid_token");
    expect((await world.renew(one.refresh_token)).error).toBe("session_ended");
    grantOf(await world.renew(replaced.refresh_token));
    expect(await admission(world.ampho, other.token)).toBe("invalid_token");
    expect((await world.renew(other.refresh_token)).error).toBe("session_ended");
    expect(await admission(world.ampho, eve.token)).toBe("in");
    expect((await world.call("POST", "/login", { body: { login: "ann", password } })).error).toBe(
      "invalid_credentials",
    );
    grantOf(await world.call("POST", "/login", { body: { login: "ann", password: newPassword } }));
    expect(await world.events()).toEqual(
      expect.arrayContaining(["password_changed", "session_ended: password_changed"]),
    );
  });

  it("POST /password returns 401 for a wrong old password without a word about the new one", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const { token } = await world.login("ann");
    const bad = [
      await change(world, token, { password: "wrong", new_password: newPassword }),
      await change(world, token, { password: "wrong", new_password: "short" }),
    ];
    expect(bad.map(outcomeOf)).toEqual([
      [401, "invalid_credentials"],
      [401, "invalid_credentials"],
    ]);
    expect(bad[0]?.text).toBe(bad[1]?.text);
    expect((await world.events()).filter((event) => event === "password_change_rejected: wrong_password")).toHaveLength(
      2,
    );
    await world.login("ann");
  });

  it.each([
    ["short", "too short 14 c", "too_short"],
    ["long", "violet kettle ".repeat(74), "too_long"],
    ["not Unicode", "violet kettle \ud800 harbour", "invalid_characters"],
    ["repeated", "password123password123", "repeated"],
    ["common", "password standard", "too_common"],
    ["made of the login", "xx ann-of-the-hill xx", "contains_login"],
    ["made of the product's name", "my ampho instance 99", "contains_product"],
    ["made of the application's name", "my Initech instance 99", "contains_product"],
    ["made of a word of the application", "my Globex instance 99", "contains_product"],
    ["runs of keys", "qwertyuiopasdfgh", "too_common"],
  ])("POST /password rejects a new password that is %s with its reason", async (_, weak, reason) => {
    const world = await openWorld({ appName: "Initech", passwordWords: ["globex", "hooli"] });
    await world.user("ann-of-the-hill", { password });
    const { token } = await world.login("ann-of-the-hill");
    const response = await change(world, token, { password, new_password: weak });
    expect(outcomeOf(response)).toEqual([400, "password_rejected"]);
    expect(JSON.parse(response.text)).toEqual({
      message: expect.stringMatching(/^This password /),
      error: "password_rejected",
      reason,
      ...(reason === "too_short" && { limit: 15 }),
      ...(reason === "too_long" && { limit: 1024 }),
    });
    expect(response.text).not.toContain(weak);
    await world.login("ann-of-the-hill");
    expect(await world.events()).toContain("password_change_rejected: policy");
  });

  it("two concurrent password changes with the old password change it once", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const [one, other] = [await world.login("ann"), await world.login("ann")];
    const choices = ["quartz lantern meadow 17", "violet harbour tundra 23"];
    const responses = await Promise.all([
      change(world, one.token, { password, new_password: choices[0] }),
      change(world, other.token, { password, new_password: choices[1] }),
    ]);
    const won = responses.findIndex(({ status }) => status === 200);
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 401]);
    grantOf(await world.call("POST", "/login", { body: { login: "ann", password: choices[won] } }));
    expect((await Promise.all([one, other].map(({ token }) => admission(world.ampho, token))))[1 - won]).toBe(
      "invalid_token",
    );
    const events = (await world.events()).filter((event) => event.startsWith("password"));
    expect(events).toEqual([
      "password_changed",
      expect.stringMatching(/^password_change_rejected: (changed_meanwhile|wrong_password)$/),
    ]);
  });

  it("a password change has no effect if its session ends meanwhile", async () => {
    const world = await openWorld();
    // The session ends before the change, during the check of the old password, during the hash of the new one, or afterwards.
    for (const ms of [0, 5, 10, 15, 20, 30, 40]) {
      await world.user(`ann${ms}`, { password });
      const { token } = await world.login(`ann${ms}`);
      const changing = change(world, token, { password, new_password: "quartz lantern meadow 17" });
      await pause(ms);
      const ended = await world.call("DELETE", "/sessions", { bearer: token });
      const changed = await changing;
      const rows = await world.ampho.audit.list({ login: `ann${ms}` });
      const done = rows.map(({ event }) => event).filter((event) => /^(?:session_ended|password_changed)$/.test(event));
      // The change that came first has replaced the token.
      if (ended.status === 401) expect([changed.status, done]).toEqual([200, ["password_changed"]]);
      else if (changed.status === 200) expect(done).toEqual(["password_changed", "session_ended"]);
      else {
        expect(done).toEqual(["session_ended"]);
        expect([changed.status, changed.json]).toMatchObject([401, { error: "invalid_token" }]);
      }
    }
  });

  it("POST /password is rejected for an account without a password", async () => {
    const world = await openWorld();
    const { token } = await world.session(await world.user("ann"));
    for (const old of ["", password])
      expect(outcomeOf(await change(world, token, { password: old, new_password: newPassword }))).toEqual([
        401,
        "invalid_credentials",
      ]);
  });
});

describe("a token", () => {
  it("a token with the session id of another user gives no access to that session", async () => {
    // The holder of the key can sign any token. A copied token cannot be changed.
    const world = await openWorld();
    const ann = await world.session(await world.user("ann"));
    const eve = await world.user("eve");
    const mixed = foreignToken(world.key, {
      exp: start + 600,
      login: "eve",
      sub: eve.id,
      sid: sessionOf(ann),
      iat: start,
    });
    expect((await world.call("POST", "/logout", { bearer: mixed })).status).toBe(204);
    expect(await admission(world.ampho, ann.token)).toBe("in");
    expect(
      outcomeOf(
        await world.call("POST", "/password", { bearer: mixed, body: { password, new_password: newPassword } }),
      ),
    ).toEqual([401, "invalid_token"]);
  });

  it("a token in the query is rejected at Ampho's endpoints", async () => {
    const world = await openWorld();
    const { token } = await world.session(await world.user("ann"));
    expect(outcomeOf(await world.call("GET", `/session?access_token=${token}`))).toEqual([400, "invalid_request"]);
  });
});
