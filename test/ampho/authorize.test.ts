// `authorize` (docs/reference/contract.md §6): the wrapper, its requirements, and the requests that it rejects.
import { renameSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createFetchAuthorize } from "../../dist/adapters/fetch-authorize.js";
import { AmphoError, type Auth, type Requirements, toHandler } from "../../dist/index.js";
import { openWorld, readResponse, type World } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { freshFolder } from "../world/folder.js";
import { foreignToken, sessionOf } from "../world/tokens.js";

const scopes = { editor: ["read", "write"], reader: ["read"], admin: ["delete"] };

async function openAnn(roles: readonly string[] = ["editor"]) {
  const world = await openWorld({ scopes });
  const ann = await world.user("ann", { roles });
  return { world, ann, grant: await world.session(ann) };
}

const request = (token?: string, init: RequestInit = {}) =>
  new Request("http://localhost/articles", {
    ...init,
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
  });

/** Returns `authorize` alone, because requirements are checked where they are written, before any request. */
const bare = () => ({
  authorize: createFetchAuthorize({
    guard: () => undefined,
    errorResponse: () => ({ status: 401, headers: {}, body: undefined }),
  }),
});

async function outcomeOf(response: Promise<Response>) {
  const { status, headers, error } = await readResponse(await response);
  return [status, error, headers.get("www-authenticate")];
}

const realm = 'Bearer realm="ampho"';
const rejections = {
  missing: [401, "missing_token", realm],
  invalid: [401, "invalid_token", `${realm}, error="invalid_token"`],
  forbidden: [403, "insufficient_scope", `${realm}, error="insufficient_scope"`],
};

describe("a wrapped handler", () => {
  it("a wrapped handler gets the request and the Auth, and its response is returned", async () => {
    const { world, ann, grant } = await openAnn();
    const guarded = world.ampho.authorize(async (given: Request, auth) =>
      Response.json({ url: given.url, auth }, { status: 201, headers: { "X-Own": "1" } }),
    );
    const response = await guarded(request(grant.token));
    expect([response.status, response.headers.get("x-own"), response.headers.get("cache-control")]).toEqual([
      201,
      "1",
      null,
    ]);
    expect(await response.json()).toMatchObject({
      url: "http://localhost/articles",
      auth: {
        id: ann.id,
        login: "ann",
        roles: ["editor"],
        scopes: ["read", "write"],
        session: sessionOf(grant),
        starts: start,
        expires: start + 900,
        claims: { sub: ann.id, gen: 0 },
      },
    });
  });

  it("a wrapped handler is not called without a valid access token in one Bearer header", async () => {
    const { world, grant } = await openAnn();
    let calls = 0;
    const guarded = world.ampho.authorize((_: Request) => {
      calls++;
      return new Response();
    });
    const withHeader = (value: string) => new Request("http://localhost/", { headers: { Authorization: value } });
    expect(await outcomeOf(guarded(request()))).toEqual(rejections.missing);
    expect(await outcomeOf(guarded(withHeader(`Basic ${grant.token}`)))).toEqual(rejections.missing);
    expect(await outcomeOf(guarded(withHeader(grant.token)))).toEqual(rejections.missing);
    expect(await outcomeOf(guarded(withHeader(`Bearer`)))).toEqual(rejections.invalid);
    expect(await outcomeOf(guarded(request("rubbish")))).toEqual(rejections.invalid);
    expect(await outcomeOf(guarded(request(grant.refresh_token)))).toEqual(rejections.invalid);
    const two = request(grant.token);
    two.headers.append("Authorization", `Bearer ${grant.token}`);
    expect((await outcomeOf(guarded(two))).slice(0, 2)).toEqual([400, "invalid_request"]);
    world.clock.advance(960);
    expect(await outcomeOf(guarded(request(grant.token)))).toEqual(rejections.invalid);
    expect(calls).toBe(0);
  });

  it("the wrapper reads no token from the query, a cookie, a form or another header", async () => {
    const { world, grant } = await openAnn();
    const guarded = world.ampho.authorize((_: Request) => new Response());
    const elsewhere = [
      new Request(`http://localhost/?access_token=${grant.token}`),
      new Request("http://localhost/", { headers: { Cookie: `token=${grant.token}` } }),
      new Request("http://localhost/", { headers: { "X-Authorization": `Bearer ${grant.token}` } }),
      new Request("http://localhost/", { method: "POST", body: new URLSearchParams({ access_token: grant.token }) }),
    ];
    for (const one of elsewhere) expect(await outcomeOf(guarded(one))).toEqual(rejections.missing);
  });

  it("the wrapper accepts the scheme in any case and with several spaces", async () => {
    const { world, grant } = await openAnn();
    const guarded = world.ampho.authorize((_: Request) => new Response());
    for (const scheme of ["bearer ", "BEARER ", "Bearer   "]) {
      const headers = { Authorization: `${scheme}${grant.token}` };
      expect((await guarded(new Request("http://localhost/", { headers }))).status).toBe(200);
    }
  });

  it("a wrapped handler gets every further argument of the host after auth", async () => {
    const { world, grant } = await openAnn();
    const guarded = world.ampho.authorize((_: Request, auth, context: { params: { id: string } }, last?: number) =>
      Response.json([auth.login, context, last]),
    );
    const context = { params: { id: "5" } };
    expect(await (await guarded(request(grant.token), context, 6)).json()).toEqual(["ann", context, 6]);
    expect(await (await guarded(request(grant.token), context)).json()).toEqual(["ann", context, null]);
  });

  it("an auth that a caller passes is never used", async () => {
    const { world, grant } = await openAnn();
    const forged: Auth = { ...world.ampho.verifySync(grant.token), login: "root", roles: ["admin"] };
    const seen: unknown[] = [];
    const guarded = world.ampho.authorize((_: Request, auth, ...rest: readonly Auth[]) => {
      seen.push(auth.login, ...rest.map(({ login }) => login));
      return new Response();
    });
    await guarded(request(grant.token), forged);
    expect(await outcomeOf(guarded(request(), forged))).toEqual(rejections.missing);
    expect(seen).toEqual(["ann", "root"]);
  });

  it("a wrapped handler gets the host's object if that object contains the request", async () => {
    const { world, grant } = await openAnn();
    const event = { request: request(grant.token), locals: { theme: "dark" } };
    const byRequest = world.ampho.authorize((given: typeof event, auth) =>
      Response.json([given === event, given.locals.theme, auth.login]),
    );
    expect(await (await byRequest(event)).json()).toEqual([true, "dark", "ann"]);
    const holder = { req: request(grant.token) };
    const byReq = world.ampho.authorize((given: typeof holder, auth) => Response.json([given === holder, auth.login]));
    expect(await (await byReq(holder)).json()).toEqual([true, "ann"]);
    expect(await outcomeOf(byRequest({ ...event, request: request() }))).toEqual(rejections.missing);
  });

  it("the wrapper returns 500 and does not call the handler if the host passes no request", async () => {
    const { world } = await openAnn();
    const guarded = world.ampho.authorize((_: Request) => new Response());
    for (const nothing of [undefined, null, "request", {}, { request: {} }, { req: { headers: {} } }, { headers: {} }])
      expect((await outcomeOf(Reflect.apply(guarded, undefined, [nothing]))).slice(0, 2)).toEqual([
        500,
        "internal_error",
      ]);
    expect(world.notices.join("\n")).toContain("The first argument of a guarded handler must be a Request");
  });

  it("an error of the handler reaches the host", async () => {
    const { world, grant } = await openAnn();
    const guarded = world.ampho.authorize((_: Request): Response => {
      throw new AmphoError("not_found", "Mine.");
    });
    await expect(guarded(request(grant.token))).rejects.toThrow("Mine.");
    const later = world.ampho.authorize(async (_: Request): Promise<Response> => {
      throw new TypeError("later");
    });
    await expect(later(request(grant.token))).rejects.toThrow("later");
  });

  it("the wrapper returns 503 while the last read of revocations is too old", async () => {
    const file = `${freshFolder()}/own.db`;
    const world = await openWorld({ databaseUrl: `sqlite:${file}`, revocationLagMax: 5 });
    const ann = await world.user("ann");
    const { token } = await world.session(ann);
    const guarded = world.ampho.authorize((_: Request) => new Response());
    expect((await guarded(request(token))).status).toBe(200);
    renameSync(file, `${file}.away`);
    await expect.poll(() => world.ampho.users.find("ann").catch(({ code }) => code)).toBe("unavailable");
    world.clock.advance(6);
    const response = await readResponse(await guarded(request(token)));
    expect([response.status, response.error, response.headers.get("retry-after")]).toEqual([503, "unavailable", "1"]);
    // A request without a token does not depend on revocations.
    expect((await guarded(request())).status).toBe(401);
    renameSync(`${file}.away`, file);
    await expect.poll(async () => (await guarded(request(token))).status).toBe(200);
  });
});

describe("auth", () => {
  it("the Auth is deeply frozen, so that no handler can change it for the next request", async () => {
    const world = await openWorld({ scopes, claims: () => ({ tenant: { id: "t1", tags: ["a"] } }) });
    const { token } = await world.session(await world.user("ann", { roles: ["editor"] }));
    const attempts: ((auth: Auth) => unknown)[] = [
      (auth) => Object.assign(auth, { login: "root" }),
      (auth) => Object.assign(auth.claims, { login: "root" }),
      (auth) => Array.prototype.push.call(auth.roles, "admin"),
      (auth) => Array.prototype.push.call(auth.scopes, "admin"),
      (auth) => Array.prototype.push.call(auth.claims["roles"], "admin"),
      (auth) => Object.assign(Object(auth.claims["tenant"]), { id: "t2" }),
      (auth) => Array.prototype.push.call(Reflect.get(Object(auth.claims["tenant"]), "tags"), "b"),
      (auth) => Object.setPrototypeOf(auth, { admin: true }),
    ];
    const first = JSON.stringify(world.ampho.verifySync(token));
    for (const attempt of attempts) {
      const guarded = world.ampho.authorize((_: Request, auth) => {
        expect(() => attempt(auth)).toThrow(TypeError);
        return new Response();
      });
      expect((await guarded(request(token))).status).toBe(200);
    }
    expect(JSON.stringify(world.ampho.verifySync(token))).toBe(first);
  });

  it("the Auth is also frozen with `live` and for a token of other software", async () => {
    const { world, grant } = await openAnn();
    const strict = world.ampho.authorize({ live: true }, (_: Request, auth) => {
      expect([auth, auth.roles, auth.scopes, auth.claims].every(Object.isFrozen)).toBe(true);
      return new Response();
    });
    expect((await strict(request(grant.token))).status).toBe(200);
    const auth = world.ampho.verifySync(foreignToken(world.key, { exp: start + 60, login: "x" }));
    expect([auth, auth.roles, auth.scopes, auth.claims].every(Object.isFrozen)).toBe(true);
    expect(auth).toMatchObject({ id: undefined, session: undefined, starts: undefined, roles: [], scopes: [] });
  });
});

describe("verify and verifySync", () => {
  it("verify and verifySync return the same Auth, or reject with the same code", async () => {
    const { world, grant } = await openAnn();
    expect(await world.ampho.verify(grant.token)).toBe(world.ampho.verifySync(grant.token));
    await expect(world.ampho.verify("rubbish")).rejects.toMatchObject({ code: "invalid_token" });
    expect(() => world.ampho.verifySync("")).toThrow(AmphoError);
    await world.ampho.sessions.end(sessionOf(grant));
    await expect(world.ampho.verify(grant.token)).rejects.toMatchObject({ code: "invalid_token" });
  });

  it("verify and verifySync accept only a string, also for a token in the cache", async () => {
    const { world, grant } = await openAnn();
    world.ampho.verifySync(grant.token);
    const others: readonly unknown[] = [undefined, null, 5, Symbol("x"), [grant.token], Buffer.from(grant.token)];
    for (const other of others)
      await expect(Reflect.apply(world.ampho.verify, undefined, [other])).rejects.toMatchObject({
        code: "invalid_token",
      });
  });
});

describe("requirements", () => {
  const guardedBy = (world: World, need: Requirements<Request>) =>
    world.ampho.authorize(need, () => new Response("in"));

  it("requirements with roles accept any of them", async () => {
    const { world, grant } = await openAnn();
    expect((await guardedBy(world, { roles: ["admin", "editor"] })(request(grant.token))).status).toBe(200);
    expect(await outcomeOf(guardedBy(world, { roles: ["admin", "Editor"] })(request(grant.token)))).toEqual(
      rejections.forbidden,
    );
    expect(await outcomeOf(guardedBy(world, { roles: ["admin"] })(request()))).toEqual(rejections.missing);
    expect(await outcomeOf(guardedBy(world, { roles: ["admin"] })(request("rubbish")))).toEqual(rejections.invalid);
  });

  it("requirements with scopes demand all of them, and the challenge names them", async () => {
    const { world, grant } = await openAnn();
    expect((await guardedBy(world, { scopes: ["read", "write"] })(request(grant.token))).status).toBe(200);
    expect(await outcomeOf(guardedBy(world, { scopes: ["read", "delete"] })(request(grant.token)))).toEqual([
      403,
      "insufficient_scope",
      `${realm}, error="insufficient_scope", scope="read delete"`,
    ]);
    expect((await guardedBy(world, { scopes: [] })(request(grant.token))).status).toBe(200);
  });

  it("requirements with roles and scopes demand both", async () => {
    const { world, grant } = await openAnn();
    const statusFor = async (need: Requirements<Request>) =>
      (await guardedBy(world, need)(request(grant.token))).status;
    expect(await statusFor({ roles: ["editor"], scopes: ["write"] })).toBe(200);
    expect(await statusFor({ roles: ["admin"], scopes: ["write"] })).toBe(403);
    expect(await statusFor({ roles: ["editor"], scopes: ["delete"] })).toBe(403);
  });

  it.each([300, "300", "300s", "5m"] as const)(
    "maxAge %j counts from the login, not from the renewal, to the second",
    async (maxAge) => {
      const { world, grant } = await openAnn();
      world.clock.advance(300);
      const next = await readResponse(
        await world.ampho.fetch(
          new Request("http://localhost/api/security/renew", {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ refresh_token: grant.refresh_token }),
          }),
        ),
      );
      const token = String(next.json["token"]);
      expect((await guardedBy(world, { maxAge })(request(token))).status).toBe(200);
      world.clock.advance(1);
      expect(await outcomeOf(guardedBy(world, { maxAge })(request(token)))).toEqual([
        401,
        "login_too_old",
        `${realm}, error="insufficient_user_authentication", max_age="300"`,
      ]);
    },
  );

  it("maxAge rejects a token without the time of its login", async () => {
    const { world } = await openAnn();
    const claims = { exp: start + 600, login: "ann", iat: start };
    expect(
      (await outcomeOf(guardedBy(world, { maxAge: 9e9 })(request(foreignToken(world.key, claims))))).slice(0, 2),
    ).toEqual([401, "login_too_old"]);
    const withTime = foreignToken(world.key, { ...claims, auth_time: start - 10 });
    expect((await guardedBy(world, { maxAge: 10 })(request(withTime))).status).toBe(200);
    expect((await guardedBy(world, { maxAge: 9 })(request(withTime))).status).toBe(401);
  });

  it.each([
    [{}, '"2fa"'],
    [{ maxAge: "5m" }, '"2fa", max_age="300"'],
    [{ live: true }, '"2fa"'],
    [{ roles: ["admin"] }, '"2fa"'],
    [{ optional: true, can: () => true }, '"2fa"'],
  ] as const)("acr is checked before the other requirements %j", async (others, challenge) => {
    const { world } = await openAnn();
    const weak = foreignToken(world.key, { exp: start + 600, login: "ann", iat: start, acr: "1fa" });
    expect(await outcomeOf(guardedBy(world, { ...others, acr: "2fa" })(request(weak)))).toEqual([
      401,
      "login_too_weak",
      `${realm}, error="insufficient_user_authentication", acr_values=${challenge}`,
    ]);
  });

  it("an Auth has the frozen amr and acr of its token, or an empty list and no level", async () => {
    const { world } = await openAnn();
    const claims = { exp: start + 600, login: "ann", iat: start };
    const strong = world.ampho.verifySync(foreignToken(world.key, { ...claims, amr: ["pwd", "otp"], acr: "urn:x" }));
    expect([strong.amr, strong.acr, Object.isFrozen(strong.amr)]).toEqual([["pwd", "otp"], "urn:x", true]);
    const { amr, acr } = world.ampho.verifySync(foreignToken(world.key, claims));
    expect([amr, acr, Object.isFrozen(amr)]).toEqual([[], undefined, true]);
  });

  it("a can function allows a request only by true or a promise of true", async () => {
    const { world, grant } = await openAnn();
    const decisions: readonly (readonly [string, () => unknown, number])[] = [
      ["true", () => true, 200],
      ["a promise of true", async () => true, 200],
      ["false", () => false, 403],
      ["a promise of false", async () => false, 403],
      ["something true-ish", () => "yes", 403],
      ["a promise of something true-ish", async () => 1, 403],
      ["nothing", () => undefined, 403],
      ["null", () => null, 403],
      [
        "an error",
        () => {
          throw new Error("canary-of-the-inside");
        },
        500,
      ],
      ["a rejection", async () => Promise.reject(new Error("canary-of-the-inside")), 500],
      ["an AmphoError", async () => Promise.reject(new AmphoError("unavailable", "Ask later.")), 503],
    ];
    for (const [what, can, status] of decisions) {
      const response = await readResponse(
        await Reflect.apply(guardedBy, undefined, [world, { can }])(request(grant.token)),
      );
      expect(response.status, what).toBe(status);
      expect(response.text).not.toContain("canary");
    }
  });

  it("the guard calls can last, with auth and the host's own request", async () => {
    const { world, grant } = await openAnn();
    const seen: unknown[] = [];
    const event = { request: request(grant.token), locals: { owner: "ann" } };
    const can = (auth: Auth, given: typeof event) => {
      seen.push(auth.login, given);
      return given.locals.owner === auth.login;
    };
    expect((await world.ampho.authorize({ can }, (_: typeof event) => new Response())(event)).status).toBe(200);
    expect(seen).toEqual(["ann", event]);
    const rejected = world.ampho.authorize({ roles: ["admin"], can }, (_: typeof event) => new Response());
    expect((await rejected(event)).status).toBe(403);
    expect(seen).toHaveLength(2);
  });

  it("optional requirements pass undefined without a token, and still reject a bad token", async () => {
    const { world, grant } = await openAnn();
    const guarded = world.ampho.authorize({ optional: true, roles: ["editor"] }, (_: Request, auth) =>
      Response.json({ login: auth?.login ?? null }),
    );
    expect(await (await guarded(request())).json()).toEqual({ login: null });
    expect(await (await guarded(request(grant.token))).json()).toEqual({ login: "ann" });
    expect(await outcomeOf(guarded(request("rubbish")))).toEqual(rejections.invalid);
    await world.ampho.users.setRoles("ann", []);
    expect(await outcomeOf(guarded(request(grant.token)))).toEqual(rejections.invalid);
    const other = await world.session(await world.user("bob"));
    expect(await outcomeOf(guarded(request(other.token)))).toEqual(rejections.forbidden);
  });

  it.each([
    ["a misspelt member", { role: ["admin"] }],
    ["a member of another case", { Roles: ["admin"] }],
    ["roles that are a text", { roles: "admin" }],
    ["no roles at all", { roles: [] }],
    ["roles that are no texts", { roles: [1] }],
    ["scopes that are a text", { scopes: "read write" }],
    ["a maxAge that is no duration", { maxAge: "5 min" }],
    ["a maxAge that is an empty text", { maxAge: "" }],
    ["a maxAge below zero", { maxAge: -1 }],
    ["a maxAge below zero in a text", { maxAge: "-5m" }],
    ["a maxAge that is no number", { maxAge: Number.NaN }],
    ["an acr that is no level", { acr: "aal2" }],
    ["an acr that is a list", { acr: ["2fa"] }],
    ["a can that is no function", { can: true }],
    ["a live that is a text", { live: "yes" }],
    ["an optional that is a number", { optional: 1 }],
    ["roles that are undefined", { roles: undefined }],
    ["a can that is undefined", { can: undefined }],
  ])("authorize throws a TypeError for %s", (_, need) => {
    const { authorize } = bare();
    expect(() => Reflect.apply(authorize, undefined, [need])).toThrow(TypeError);
    expect(() => Reflect.apply(authorize, undefined, [need, () => new Response()])).toThrow(TypeError);
  });

  it("a change of the requirements object after the call has no effect", async () => {
    const { world, grant } = await openAnn();
    const roles = ["admin"];
    const need: { roles?: string[] } = { roles };
    const guarded = guardedBy(world, need);
    roles.push("editor");
    delete need.roles;
    expect((await guarded(request(grant.token))).status).toBe(403);
  });

  it("authorize throws a TypeError for any other argument", () => {
    const wrong: readonly unknown[][] = [
      [],
      [undefined],
      [null],
      ["x"],
      [{}, undefined],
      [{}, "x"],
      [5, () => new Response()],
      [[], () => new Response()],
      [() => new Response(), { roles: ["admin"] }],
      [new Map(), () => new Response()],
    ];
    for (const args of wrong) expect(() => Reflect.apply(bare().authorize, undefined, args)).toThrow(TypeError);
  });
});

describe("a strict need", () => {
  const strict = (world: World, more: object = {}) =>
    world.ampho.authorize({ live: true, ...more }, (_: Request, auth) => Response.json([auth.roles, auth.scopes]));

  it("live checks the current roles and scopes, whether they grew or shrank", async () => {
    const { world, grant } = await openAnn(["reader"]);
    const other = await world.another();
    expect(await (await strict(world)(request(grant.token))).json()).toEqual([["reader"], ["read"]]);
    await other.ampho.users.setRoles("ann", ["reader", "editor"]);
    expect((await strict(world, { roles: ["editor"] })(request(grant.token))).status).toBe(200);
    expect((await strict(world, { scopes: ["write"] })(request(grant.token))).status).toBe(200);
    expect(await (await strict(world)(request(grant.token))).json()).toEqual([
      ["reader", "editor"],
      ["read", "write"],
    ]);
  });

  it("live rejects at once a session that another process has ended", async () => {
    const { world, grant } = await openAnn();
    const other = await world.another();
    await other.ampho.sessions.end(sessionOf(grant));
    expect(await outcomeOf(strict(world)(request(grant.token)))).toEqual(rejections.invalid);
  });

  it("live rejects a user that another process has disabled, with and without a session", async () => {
    const { world, ann, grant } = await openAnn();
    const foreign = foreignToken(world.key, { exp: start + 600, login: "ANN", iat: start + 1 });
    const other = await world.another();
    expect((await strict(world)(request(foreign))).status).toBe(200);
    await other.ampho.users.disable(ann.login);
    for (const token of [grant.token, foreign])
      expect(await outcomeOf(strict(world)(request(token)))).toEqual(rejections.invalid);
    await other.ampho.users.enable(ann.login);
    expect((await strict(world)(request(foreign))).status).toBe(200);
    await other.ampho.users.remove(ann.login);
    expect(await outcomeOf(strict(world)(request(foreign)))).toEqual(rejections.invalid);
  });

  it("live checks a token without a session by its login, and ignores its roles", async () => {
    const { world } = await openAnn(["reader"]);
    const foreign = foreignToken(world.key, {
      exp: start + 600,
      login: "ann",
      iat: start,
      roles: ["admin"],
      scope: "all",
    });
    expect(await (await strict(world)(request(foreign))).json()).toEqual([["reader"], ["read"]]);
    expect((await strict(world, { roles: ["admin"] })(request(foreign))).status).toBe(403);
    const withoutSubject = foreignToken(world.key, { exp: start + 600, login: "nobody", iat: start, roles: ["admin"] });
    expect(await outcomeOf(strict(world)(request(withoutSubject)))).toEqual(rejections.invalid);
  });

  it("live rejects a token that names another user than its session", async () => {
    const { world, grant } = await openAnn();
    const eve = await world.user("eve", { roles: ["admin"] });
    const mixed = foreignToken(world.key, { exp: start + 600, login: "eve", sub: eve.id, sid: sessionOf(grant) });
    expect(await outcomeOf(strict(world)(request(mixed)))).toEqual(rejections.invalid);
  });

  it("live rejects a token whose names no database can contain", async () => {
    const { world, ann } = await openAnn();
    for (const claims of [{ login: "ann\0" }, { login: "ann", sub: ann.id, sid: "\0" }])
      expect(
        await outcomeOf(strict(world)(request(foreignToken(world.key, { exp: start + 600, iat: start, ...claims })))),
      ).toEqual(rejections.invalid);
  });

  it("live rejects a session that is idle too long, even if its token is valid", async () => {
    const world = await openWorld({ sessionIdleTtl: 100 });
    const { token } = await world.session(await world.user("ann"));
    world.clock.advance(100);
    expect((await world.ampho.verify(token)).login).toBe("ann");
    expect(await outcomeOf(strict(world)(request(token)))).toEqual(rejections.invalid);
  });

  it("live passes the current Auth to can", async () => {
    const { world, grant } = await openAnn(["reader"]);
    await world.ampho.users.setRoles("ann", { add: ["admin"] });
    const guarded = strict(world, { can: (auth: Auth) => auth.roles.includes("admin") });
    expect((await guarded(request(grant.token))).status).toBe(200);
  });

  it("live and maxAge check the login time of the token", async () => {
    const { world, grant } = await openAnn();
    world.clock.advance(61);
    expect((await strict(world, { maxAge: 60 })(request(grant.token))).status).toBe(401);
  });

  it("live and acr check the level of the token, and live passes amr and acr on", async () => {
    const { world } = await openAnn();
    const levels = { exp: start + 600, login: "ann", iat: start, amr: ["pwd", "otp", "mfa"] };
    const guarded = world.ampho.authorize({ live: true, acr: "2fa" }, (_: Request, { amr, acr }) =>
      Response.json({ amr, acr }),
    );
    const response = await guarded(request(foreignToken(world.key, { ...levels, acr: "2fa" })));
    expect(await response.json()).toEqual({ amr: ["pwd", "otp", "mfa"], acr: "2fa" });
    expect((await guarded(request(foreignToken(world.key, { ...levels, acr: "1fa" })))).status).toBe(401);
  });

  it("live returns 503 when the database is closed, and other guards continue", async () => {
    const { world, grant } = await openAnn();
    await world.ampho.close();
    expect((await strict(world)(request(grant.token))).status).toBe(503);
    const plain = world.ampho.authorize((_: Request) => new Response());
    expect((await plain(request(grant.token))).status).toBe(200);
  });
});

describe("toHandler", () => {
  it("toHandler returns only guarded methods", async () => {
    const { world } = await openAnn();
    const plain = { list: () => new Response(), wrapped: world.ampho.authorize((_: Request) => new Response()), x: 5 };
    expect(() => toHandler(plain, "list")).toThrow(TypeError);
    expect(() => Reflect.apply(toHandler, undefined, [plain, "x"])).toThrow(TypeError);
    expect(() => Reflect.apply(toHandler, undefined, [plain, "none"])).toThrow(TypeError);
    expect(() => Reflect.apply(toHandler, undefined, [plain, "constructor"])).toThrow(TypeError);
    expect((await Reflect.apply(toHandler, undefined, [plain, "wrapped"])(request())).status).toBe(401);
  });
});
