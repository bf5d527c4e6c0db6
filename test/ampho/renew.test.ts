// POST /renew (docs/reference/contract.md §4): a session moves one generation on, and each token renews once.
import { describe, expect, it } from "vitest";
import { admission, type FullGrant, grantOf, openWorld, password, type World } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { claimsOf, foreignToken, newKey, sessionOf } from "../world/tokens.js";

async function openAnn(options: Parameters<typeof openWorld>[0] = {}) {
  const world = await openWorld(options);
  const ann = await world.user("ann", { roles: ["editor"] });
  const grant = await world.session(ann);
  const renewed = async (token: string, headers = {}) => grantOf(await world.renew(token, headers));
  const byAccess = (token: string, headers = {}) => world.call("POST", "/renew", { bearer: token, headers });
  return { world, ann, grant, renewed, byAccess };
}

/** Expects a response that reports the end of the session, and rejected access tokens. */
async function expectEnded(world: World, grant: FullGrant, response: { readonly error: unknown; status: number }) {
  expect([response.status, response.error]).toEqual([401, "session_ended"]);
  expect(await admission(world.ampho, grant.token)).toBe("invalid_token");
  expect((await world.renew(grant.refresh_token)).error).toBe("session_ended");
}

describe("a renewal by refresh token", () => {
  it("a renewal returns the fields of a login and moves the generation on", async () => {
    const { world, grant, renewed } = await openAnn();
    world.clock.advance(600);
    const response = await world.renew(grant.refresh_token);
    expect(Object.keys(response.json).sort()).toEqual(
      ["token", "token_type", "starts", "expires", "ttl", "leeway", "refresh_token", "refresh_expires"].sort(),
    );
    const next = grantOf(response);
    expect(next).toMatchObject({
      token_type: "Bearer",
      starts: start + 600,
      expires: start + 1500,
      ttl: 900,
      leeway: 60,
      refresh_expires: start + 600 + 1_209_600,
    });
    expect(claimsOf(next.token)).toMatchObject({ sid: sessionOf(grant), gen: 1, auth_time: start, login: "ann" });
    expect(claimsOf((await renewed(next.refresh_token)).token)["gen"]).toBe(2);
  });

  it("a renewal revokes no access token", async () => {
    const { world, grant, renewed } = await openAnn();
    world.clock.advance(300);
    await renewed(grant.refresh_token);
    world.clock.advance(659);
    expect(await admission(world.ampho, grant.token)).toBe("in");
    world.clock.advance(1);
    expect(await admission(world.ampho, grant.token)).toBe("invalid_token");
  });

  it("a renewal accepts a form as well as JSON", async () => {
    const { world, grant } = await openAnn();
    const body = new URLSearchParams({ refresh_token: grant.refresh_token });
    const request = new Request("http://localhost/api/security/renew", { method: "POST", body });
    expect((await world.ampho.fetch(request)).status).toBe(200);
  });

  it("a renewal puts changed roles into the new token", async () => {
    const { world, grant, renewed } = await openAnn();
    await world.ampho.users.setRoles("ann", ["auditor"]);
    expect(claimsOf((await renewed(grant.refresh_token)).token)).toMatchObject({
      roles: ["auditor"],
      ver: world.clock.now(),
    });
  });

  it.each([
    ["disabled", (world: World) => world.ampho.users.disable("ann")],
    ["removed", (world: World) => world.ampho.users.remove("ann")],
    ["given another password", (world: World) => world.ampho.users.setPassword("ann", password)],
  ])("a renewal is rejected when the user was %s", async (_, change) => {
    const { world, grant } = await openAnn();
    await change(world);
    await expectEnded(world, grant, await world.renew(grant.refresh_token));
  });

  it("a renewal stays rejected when the user is enabled or created again", async () => {
    const { world, grant } = await openAnn();
    await world.ampho.users.disable("ann");
    await world.ampho.users.enable("ann");
    await expectEnded(world, grant, await world.renew(grant.refresh_token));
    await world.ampho.users.remove("ann");
    await world.user("ann");
    await expectEnded(world, grant, await world.renew(grant.refresh_token));
  });
});

describe("within ten seconds after a move", () => {
  it("the previous generation gets the current tokens within ten seconds, and both continue", async () => {
    const { world, grant, renewed } = await openAnn();
    world.clock.advance(100);
    const first = await renewed(grant.refresh_token);
    world.clock.advance(10);
    const again = await renewed(grant.refresh_token);
    expect(claimsOf(again.token)["gen"]).toBe(1);
    expect(claimsOf(again.token)["jti"]).not.toBe(claimsOf(first.token)["jti"]);
    expect(claimsOf((await renewed(again.refresh_token)).token)["gen"]).toBe(2);
    expect(claimsOf((await renewed(first.refresh_token)).token)["gen"]).toBe(2);
    expect(await world.events()).toEqual([
      "user_created",
      "login",
      "renew",
      "renew_repeated",
      "renew",
      "renew_repeated",
    ]);
  });

  it("a repeated renewal does not extend the ten seconds", async () => {
    const { world, grant, renewed } = await openAnn();
    await renewed(grant.refresh_token);
    world.clock.advance(9);
    const again = await renewed(grant.refresh_token);
    world.clock.advance(2);
    await expectEnded(world, again, await world.renew(grant.refresh_token));
  });

  it("a repeated renewal from another address or agent is recorded as shared", async () => {
    const { world, grant } = await openAnn();
    const renewFrom = (address: string, agent: string) =>
      world.call("POST", "/renew", {
        body: { refresh_token: grant.refresh_token },
        address,
        headers: { "User-Agent": agent },
      });
    grantOf(await renewFrom("192.0.2.1", "one"));
    grantOf(await renewFrom("192.0.2.1", "one"));
    grantOf(await renewFrom("192.0.2.2", "one"));
    grantOf(await renewFrom("192.0.2.1", "two"));
    expect((await world.events()).slice(2)).toEqual(["renew", "renew_repeated", "renew_shared", "renew_shared"]);
  });

  it("a token of two generations before is a replay within the ten seconds too", async () => {
    const { world, grant, renewed } = await openAnn();
    const first = await renewed(grant.refresh_token);
    const second = await renewed(first.refresh_token);
    await expectEnded(world, second, await world.renew(grant.refresh_token));
  });
});

describe("a replay", () => {
  it("a replay ends the session with all of its tokens and is recorded", async () => {
    const { world, grant, renewed } = await openAnn();
    const next = await renewed(grant.refresh_token);
    world.clock.advance(11);
    await expectEnded(world, next, await world.renew(grant.refresh_token));
    expect(await admission(world.ampho, grant.token)).toBe("invalid_token");
    expect((await world.events()).filter((event) => event === "renew_replayed")).toHaveLength(1);
  });

  it("a token of a generation ahead of the database ends the session", async () => {
    const { world, ann, grant } = await openAnn();
    const claims = { exp: start + 600, login: "ann", sub: ann.id, sid: sessionOf(grant), gen: 5 };
    const response = await world.call("POST", "/renew", { bearer: foreignToken(world.key, claims) });
    await expectEnded(world, grant, response);
  });

  it("a replay leaves the other sessions of the user alone", async () => {
    const { world, ann, grant, renewed } = await openAnn();
    const other = await world.session(ann);
    await renewed(grant.refresh_token);
    world.clock.advance(11);
    await world.renew(grant.refresh_token);
    expect(await admission(world.ampho, other.token)).toBe("in");
    await renewed(other.refresh_token);
  });

  it("a replay by access token ends the session too", async () => {
    const { world, grant, renewed, byAccess } = await openAnn();
    const next = await renewed(grant.refresh_token);
    world.clock.advance(11);
    await expectEnded(world, next, await byAccess(grant.token));
  });
});

describe("an idempotency key", () => {
  const key = "4be3f1a0-61a5-4a0c-9f0e-0f9f3a2b7c11";

  it("the idempotency key renews again after the ten seconds until the next move", async () => {
    const { world, grant, renewed } = await openAnn();
    await renewed(grant.refresh_token, { "Idempotency-Key": key });
    world.clock.advance(86_400);
    const again = await renewed(grant.refresh_token, { "Idempotency-Key": key });
    expect(claimsOf(again.token)["gen"]).toBe(1);
    const next = await renewed(again.refresh_token, { "Idempotency-Key": `${key}-2` });
    await expectEnded(world, next, await world.renew(grant.refresh_token, { "Idempotency-Key": key }));
  });

  it.each([
    ["is missing", {}],
    ["is another", { "Idempotency-Key": `${key}-x` }],
    ["is of another case", { "Idempotency-Key": key.toUpperCase() }],
  ])("an idempotency key that %s does not prevent a replay after the ten seconds", async (_, headers) => {
    const { world, grant, renewed } = await openAnn();
    const next = await renewed(grant.refresh_token, { "Idempotency-Key": key });
    world.clock.advance(11);
    await expectEnded(world, next, await world.renew(grant.refresh_token, headers));
  });

  it.each([
    ["too short", "123456789012345"],
    ["too long", "x".repeat(256)],
    ["of other characters", "é".repeat(20)],
  ])("an idempotency key in another form is ignored: %s", async (_, other) => {
    const { world, grant, renewed } = await openAnn();
    const next = await renewed(grant.refresh_token, { "Idempotency-Key": other });
    world.clock.advance(11);
    await expectEnded(world, next, await world.renew(grant.refresh_token, { "Idempotency-Key": other }));
  });

  it.each(["x".repeat(16), "y".repeat(255)])(
    "an idempotency key of the minimum or maximum length counts",
    async (limit) => {
      const { world, grant, renewed } = await openAnn();
      await renewed(grant.refresh_token, { "Idempotency-Key": limit });
      world.clock.advance(11);
      await renewed(grant.refresh_token, { "Idempotency-Key": limit });
    },
  );

  it("an idempotency key repeats its renewal after the token has expired, and nothing else", async () => {
    const { world, grant, renewed } = await openAnn({ sessionIdleTtl: 1800 });
    world.clock.advance(1795);
    await renewed(grant.refresh_token, { "Idempotency-Key": key });
    world.clock.advance(5);
    for (const headers of [{}, { "Idempotency-Key": `${key}-2` }]) {
      const { status, error } = await world.renew(grant.refresh_token, headers);
      expect([status, error]).toEqual([401, "session_ended"]);
    }
    const again = await renewed(grant.refresh_token, { "Idempotency-Key": key });
    expect(claimsOf(again.token)["gen"]).toBe(1);
    const next = await renewed(again.refresh_token);
    const late = await world.renew(grant.refresh_token, { "Idempotency-Key": key });
    expect([late.status, late.error]).toEqual([401, "session_ended"]);
    expect(await admission(world.ampho, next.token)).toBe("in");
    world.clock.advance(1800);
    const over = await world.renew(next.refresh_token, { "Idempotency-Key": `${key}-3` });
    expect([over.status, over.error]).toEqual([401, "session_ended"]);
  });

  it("an idempotency key that is first sent with the repetition has no effect", async () => {
    const { world, grant, renewed } = await openAnn();
    await renewed(grant.refresh_token);
    const next = await renewed(grant.refresh_token, { "Idempotency-Key": key });
    world.clock.advance(11);
    await expectEnded(world, next, await world.renew(grant.refresh_token, { "Idempotency-Key": key }));
  });

  it("an idempotency key of one session has no effect in another", async () => {
    const { world, ann, grant, renewed } = await openAnn();
    const other = await world.session(ann);
    await renewed(grant.refresh_token, { "Idempotency-Key": key });
    const next = await renewed(other.refresh_token, { "Idempotency-Key": `${key}-other` });
    world.clock.advance(11);
    await expectEnded(world, next, await world.renew(other.refresh_token, { "Idempotency-Key": key }));
  });

  it("an idempotency key works for a renewal by access token too", async () => {
    const { world, grant, byAccess } = await openAnn();
    grantOf(await byAccess(grant.token, { "Idempotency-Key": key }));
    world.clock.advance(600);
    const again = grantOf(await byAccess(grant.token, { "Idempotency-Key": key }));
    expect(claimsOf(again.token)["gen"]).toBe(1);
    expect((await byAccess(grant.token)).error).toBe("session_ended");
  });
});

describe("a renewal by access token", () => {
  it("a renewal by access token returns no refresh token", async () => {
    const { world, grant, byAccess } = await openAnn();
    world.clock.advance(600);
    const response = await byAccess(grant.token);
    expect(response.status).toBe(200);
    expect(Object.keys(response.json).sort()).toEqual(["expires", "leeway", "starts", "token", "token_type", "ttl"]);
    expect(claimsOf(grantOf(response).token)).toMatchObject({ gen: 1, iat: start + 600 });
  });

  it("a renewal by access token uses up the refresh token of its generation", async () => {
    const { world, grant, byAccess } = await openAnn();
    const { token } = grantOf(await byAccess(grant.token));
    world.clock.advance(11);
    await expectEnded(world, { ...grant, token }, await world.renew(grant.refresh_token));
  });

  it("a renewal by access token works within the leeway after its expiry and not later", async () => {
    const { world, ann, grant, byAccess } = await openAnn();
    const other = await world.session(ann);
    world.clock.advance(959);
    grantOf(await byAccess(grant.token));
    world.clock.advance(1);
    expect((await byAccess(other.token)).error).toBe("invalid_token");
  });

  it("an access token with a removed role renews to a token without it", async () => {
    const { world, grant, byAccess } = await openAnn();
    await world.ampho.users.setRoles("ann", { remove: ["editor"] });
    expect(await admission(world.ampho, grant.token)).toBe("invalid_token");
    const next = grantOf(await byAccess(grant.token));
    expect(claimsOf(next.token)["roles"]).toEqual([]);
    expect(await admission(world.ampho, next.token)).toBe("in");
  });

  it("a renewal by access token is rejected for an ended session and without a session", async () => {
    const { world, ann, grant, byAccess } = await openAnn();
    const foreign = foreignToken(world.key, { exp: start + 600, login: "ann", sub: ann.id, iat: start });
    expect(await admission(world.ampho, foreign)).toBe("in");
    expect((await byAccess(foreign)).error).toBe("credential_not_accepted");
    const withoutGeneration = { exp: start + 600, login: "ann", sub: ann.id, sid: sessionOf(grant) };
    expect((await byAccess(foreignToken(world.key, withoutGeneration))).error).toBe("session_ended");
    await world.ampho.sessions.end(sessionOf(grant));
    expect((await byAccess(grant.token)).error).toBe("session_ended");
  });

  it("a renewal by access token returns 400 where it is off, and refresh tokens continue", async () => {
    const { grant, renewed, byAccess } = await openAnn({ renewByToken: 0 });
    for (const token of [grant.token, "rubbish"]) {
      const response = await byAccess(token);
      expect([response.status, response.error]).toEqual([400, "invalid_request"]);
    }
    await renewed(grant.refresh_token);
  });
});

describe("a rejected renewal", () => {
  it("a renewal rejects the wrong kind of token and changes nothing", async () => {
    const { world, grant, renewed, byAccess } = await openAnn();
    expect((await world.renew(grant.token)).error).toBe("invalid_token");
    expect((await byAccess(grant.refresh_token)).error).toBe("invalid_token");
    expect(claimsOf((await renewed(grant.refresh_token)).token)["gen"]).toBe(1);
  });

  it("a renewal rejects two tokens, no token and an empty body", async () => {
    const { world, grant } = await openAnn();
    const body = { refresh_token: grant.refresh_token };
    const post = async (sent: Parameters<World["call"]>[2]) => {
      const { status, error } = await world.call("POST", "/renew", sent);
      return [status, error];
    };
    expect(await post({ body, bearer: grant.token })).toEqual([400, "invalid_request"]);
    expect(await post({ body: { access_token: grant.token }, bearer: grant.token })).toEqual([400, "invalid_request"]);
    expect(await post({ body: {} })).toEqual([400, "invalid_request"]);
    expect(await post({ body: { refresh_token: 5 } })).toEqual([400, "invalid_request"]);
    expect(await post({ body: { refresh_token: null } })).toEqual([400, "invalid_request"]);
    expect(await post({})).toEqual([401, "missing_token"]);
    const { headers } = await world.call("POST", "/renew");
    expect(headers.get("www-authenticate")).toMatch(/^Bearer realm="[^"]+"$/);
    grantOf(await world.renew(grant.refresh_token));
  });

  it("a renewal rejects a refresh token that is malformed, forged or changed by a bit", async () => {
    const { world, ann, grant } = await openAnn();
    const { refresh_token: good } = grant;
    const [header = "", payload = "", signature = ""] = good.split(".");
    const claims = claimsOf(good);
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const bad = [
      "",
      "rubbish",
      `${good} `,
      `${header}.${payload}`,
      `${header}.${encode({ ...claims, gen: 1 })}.${signature}`,
      `${encode({ alg: "none", typ: "rt+jwt", kid: "key-1" })}.${payload}.`,
      foreignToken(world.key, claims, { alg: "HS256", typ: "rt+jwt", kid: "key-1" }),
      foreignToken(world.key, claims, { alg: "HS256", typ: "rt+jwt" }),
      `${header}.${payload}.${"A".repeat(43)}`,
      foreignToken(newKey("key-1"), claims, { alg: "HS256", typ: "rt+jwt", kid: "key-1" }),
    ];
    for (const token of bad) {
      const response = await world.renew(token);
      expect([response.status, response.error], token).toEqual([401, "invalid_token"]);
    }
    expect((await world.ampho.sessions.list(ann.id)).length).toBe(1);
    grantOf(await world.renew(good));
  });

  it("a renewal is rejected from the second at which the session is idle too long", async () => {
    const { world, ann, grant, renewed } = await openAnn({ sessionIdleTtl: 1000, sessionTtl: 5000 });
    const late = await world.session(ann);
    world.clock.advance(999);
    const next = await renewed(grant.refresh_token);
    world.clock.advance(1);
    const response = await world.renew(late.refresh_token);
    expect([response.status, response.error]).toEqual([401, "session_ended"]);
    expect(next.refresh_expires).toBe(start + 1999);
  });

  it("no access token expires after the idle end of its session as known when the token is created", async () => {
    const { world, grant, renewed, byAccess } = await openAnn({ sessionIdleTtl: 100, sessionTtl: 5000 });
    expect([grant.expires, grant.ttl, grant.refresh_expires]).toEqual([start + 100, 100, start + 100]);
    world.clock.advance(50);
    const next = await renewed(grant.refresh_token);
    expect([next.expires, next.ttl]).toEqual([start + 150, 100]);
    world.clock.advance(5);
    // The repetition returns the generation that the renewal before it created, with its idle end.
    expect(await renewed(grant.refresh_token)).toMatchObject({ expires: start + 150, ttl: 95 });
    expect(grantOf(await byAccess(next.token))).toMatchObject({ expires: start + 155, ttl: 100 });
  });

  it("a renewal is rejected at the maximum age of the session, and no exp lies past it", async () => {
    const { world, grant } = await openAnn({ sessionIdleTtl: 1000, sessionTtl: 2500 });
    let latest = grant;
    for (let age = 500; age < 2500; age += 500) {
      world.clock.advance(500);
      latest = grantOf(await world.renew(latest.refresh_token));
      expect(latest.expires).toBe(Math.min(start + age + 900, start + 2500));
      expect(latest.refresh_expires).toBe(Math.min(start + age + 1000, start + 2500));
    }
    world.clock.advance(499);
    latest = grantOf(await world.renew(latest.refresh_token));
    expect(latest.ttl).toBe(1);
    world.clock.advance(1);
    expect((await world.renew(latest.refresh_token)).error).toBe("session_ended");
    expect((await world.call("POST", "/renew", { bearer: latest.token })).error).toBe("session_ended");
  });

  it("a refresh token expires to the second, without the leeway of access tokens", async () => {
    const { world, grant } = await openAnn({ sessionIdleTtl: 1000, tokenLeeway: 300 });
    world.clock.advance(1000);
    expect((await world.renew(grant.refresh_token)).error).toBe("session_ended");
  });

  it("a rejected renewal has one response for unknown, ended and expired sessions", async () => {
    const { world, ann, grant, byAccess } = await openAnn();
    const unknown = foreignToken(world.key, { exp: start + 600, login: "ann", sub: ann.id, sid: "0.none", gen: 0 });
    const never = await byAccess(unknown);
    await world.call("POST", "/logout", { bearer: grant.token });
    const ended = await world.renew(grant.refresh_token);
    const shape = ({ status, headers, text }: typeof never) => [status, [...headers], text];
    expect(shape(ended)).toEqual(shape(never));
  });
});
