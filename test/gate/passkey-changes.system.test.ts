// Abuse cases of changes of passkeys through HTTP, and of the routes around them.
import { expect, it } from "vitest";
import {
  authenticate,
  base64url,
  createSubject,
  flag,
  origin,
  type Parts,
  register,
  sha256,
} from "../factors/webauthn/authenticator.js";
import { grantOf, password, type World } from "../world/ampho.js";
import { claimsOf, sessionOf } from "../world/tokens.js";
import { addOwner, codeAt, type Ground, logIn, onBothDatabases, outcomeOf, wrong } from "./owners.js";
import {
  addPasskey,
  addPasskeyOwner,
  beginPasskey,
  challengeOf,
  logInWith,
  loginPage,
  type PasskeyOwner,
  passkeyLogin,
  passkeySettings,
} from "./passkey-owners.js";

const over = [401, "transaction_over"];
const bad = [400, "invalid_request"];
const pathOf = ({ subject }: Pick<PasskeyOwner, "subject">) => `/passkeys/${base64url(subject.id)}`;
const rowsOf = (ground: Ground, world: World) =>
  ground.sql(world, "select id, user_id, name from ampho_passkeys order by created_at, id");

/** Changes of a registration. */
const forged: Readonly<Record<string, Partial<Parts>>> = {
  "a sub-domain": { clientData: { origin: "https://evil.example.org" } },
  "the hash of another host": { rpIdHash: sha256("evil.example") },
  "a frame": { clientData: { crossOrigin: true, topOrigin: origin } },
  "no user presence": { flags: flag.uv | flag.at | flag.be },
  "a backup that is not eligible": { flags: flag.up | flag.uv | flag.at | flag.bs },
  "an id of 0 bytes": { id: Buffer.alloc(0) },
  "an id of 1024 bytes": { id: Buffer.alloc(1024, 1) },
  "an algorithm that was not offered": { key: new Map([[3, -35]]) },
  "an attestation object without an end": { attestationObject: Buffer.of(0xbf) },
  "the type of a login": { clientData: { type: "webauthn.get" } },
  "no user verification for a login": { flags: flag.up | flag.at | flag.be },
};

onBothDatabases((ground) => {
  it("a changed registration adds no passkey and is recorded, and the unchanged one still works", async () => {
    const world = await ground.open(passkeySettings);
    await world.user("ann", { password });
    const { token } = await world.login("ann");
    for (const [name, change] of Object.entries(forged)) {
      const { added } = await addPasskey(world, token, createSubject(-7), { change });
      expect([name, ...outcomeOf(added)]).toEqual([name, ...wrong]);
    }
    const rejected = (await world.events()).filter((event) => event.startsWith("factor_refused: passkey_"));
    expect([rejected.length, await rowsOf(ground, world)]).toEqual([Object.keys(forged).length, []]);
    expect((await addPasskey(world, token, createSubject(-7))).added.status).toBe(200);
  });

  it("an account has 20 passkeys at most, and a name is cleaned and cut", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    let { token: bearer } = await passkeyLogin(world, ann);
    for (let n = 2; n <= 20; n++)
      ({ token: bearer } = grantOf((await addPasskey(world, bearer, createSubject(-7))).added));
    // The authenticator creates no passkey that the account cannot have.
    expect(outcomeOf(await world.call("POST", "/passkeys/options", { bearer, body: {} }))).toEqual(bad);
    // Another one came after the options were read.
    await ground.sql(
      world,
      "update ampho_passkeys set user_id = 'nobody' where id = (select max(id) from ampho_passkeys)",
    );
    const { transaction, challenge } = await beginPasskey(world, bearer);
    await ground.sql(world, `update ampho_passkeys set user_id = '${ann.id}'`);
    const late = { transaction, passkey: register(createSubject(-7), challenge) };
    const rejected = await world.call("POST", "/passkeys", { bearer, body: late });
    expect([outcomeOf(rejected), rejected.json["message"]]).toEqual([bad, expect.stringContaining("20 passkeys")]);
    expect(await rowsOf(ground, world)).toHaveLength(20);
    const names = {
      "\u202eevil\u2066\u0000\n\tname\u200b": "evilname",
      "\ud800": "Passkey",
      "": "Passkey",
      "   ": "Passkey",
      [`${"ä".repeat(150)}`]: "ä".repeat(100),
      "<b>Key</b>": "<b>Key</b>",
    };
    for (const [name, cleaned] of Object.entries(names)) {
      expect((await world.call("POST", pathOf(ann), { bearer, body: { name } })).status).toBe(204);
      const rows = await rowsOf(ground, world);
      expect(rows.find(({ id }) => id === base64url(ann.subject.id))?.["name"]).toBe(cleaned);
    }
    for (const name of ["x".repeat(1025), 7, null, ["x"]])
      expect(outcomeOf(await world.call("POST", pathOf(ann), { bearer, body: { name } }))).toEqual(bad);
    const huge = await world.call("POST", pathOf(ann), { bearer, body: { name: "x".repeat(1_000_000) } });
    expect([400, 413]).toContain(huge.status);
  });

  it("the passkey of another user cannot be renamed or removed, and neither can one that no user has", async () => {
    const world = await ground.open(passkeySettings);
    const [ann, bob] = [await addPasskeyOwner(world, "ann"), await addPasskeyOwner(world, "bob")];
    const { token: bearer } = await passkeyLogin(world, ann);
    const before = await rowsOf(ground, world);
    const bodies = new Set<string>();
    for (const path of [pathOf(bob), "/passkeys/AAAA", "/passkeys/%00", `/passkeys/${"A".repeat(2000)}`])
      for (const [method, body] of [
        ["POST", { name: "Mine" }],
        ["DELETE", undefined],
      ] as const) {
        const response = await world.call(method, path, { bearer, body });
        expect([path, method, response.status]).toEqual([path, method, 404]);
        if (!/%00|A{9}/.test(path)) bodies.add(response.text);
      }
    expect(bodies.size).toBe(1);
    expect(await rowsOf(ground, world)).toEqual(before);
    await passkeyLogin(world, bob);
  });

  it("a passkey is removed only after a recent login at its level, and not if it is the last way in", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    let { token: bearer } = await passkeyLogin(world, ann);
    const remove = async (token: string) => outcomeOf(await world.call("DELETE", pathOf(ann), { bearer: token }));
    expect(await remove(ann.weak.token)).toEqual([401, "login_too_weak"]);
    const recovered = grantOf(await logIn(world, "ann", { recovery_code: ann.recoveryCodes[0] }));
    expect(await remove(recovered.token)).toEqual([401, "login_too_weak"]);
    for (const policy of ["required", "phr"] as const) {
      await world.ampho.factors.setPolicy(ann.id, policy);
      expect(await remove(bearer)).toEqual([409, "last_way_in"]);
    }
    // An app is enough for the policy `required`, and not for `phr`.
    const { json } = await world.call("POST", "/totp", { bearer });
    const totp = codeAt(String(json["secret"]), world.clock.now());
    const confirm = { body: { transaction: json["transaction"], totp }, bearer };
    ({ token: bearer } = grantOf(await world.call("POST", "/totp/confirm", confirm)));
    expect(await remove(bearer)).toEqual([409, "last_way_in"]);
    await world.ampho.factors.setPolicy(ann.id, "required");
    world.clock.advance(301);
    expect(await remove(bearer)).toEqual([401, "login_too_old"]);
    const fresh = await passkeyLogin(world, ann);
    expect(await remove(fresh.token)).toEqual([200]);
    expect(await rowsOf(ground, world)).toEqual([]);
    expect((await world.ampho.sessions.list(ann.id)).map(({ id }) => id)).toEqual([sessionOf(fresh)]);
  });

  it("one of two passkeys is removed, and the other and the recovery codes stay", async () => {
    const world = await ground.open({ ...passkeySettings, factors: { "*": "optional", strict: "phr" } });
    const ann = await addPasskeyOwner(world, "ann");
    await world.ampho.users.setRoles("ann", ["strict"]);
    const { token } = await passkeyLogin(world, ann);
    const subject = createSubject(-257, { backupEligible: false });
    const { added, options } = await addPasskey(world, token, subject);
    expect([added.status, added.json["recovery_codes"], options.user?.id]).toEqual([200, undefined, ann.handle]);
    expect(options.excludeCredentials).toMatchObject([{ id: base64url(ann.subject.id) }]);
    const removed = await world.call("DELETE", pathOf(ann), { bearer: grantOf(added).token });
    const { token: bearer } = grantOf(removed);
    expect((await world.call("DELETE", pathOf({ subject }), { bearer })).error).toBe("last_way_in");
    expect(outcomeOf(await logInWith(world, ann))).toEqual([401, "unknown_passkey"]);
    const other = grantOf(await logInWith(world, { subject, handle: ann.handle }));
    expect(claimsOf(other.token)).toMatchObject({ amr: ["hwk", "mfa"], acr: "phr" });
    expect((await logIn(world, "ann", { recovery_code: ann.recoveryCodes[0] })).json).toMatchObject({
      error: "factor_needed",
      enroll: false,
      factors: ["passkey"],
    });
  });

  it("a silent registration needs a recent login by password, and it alone is accepted without user presence", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    const begin = async (bearer: string | undefined, body: object) =>
      outcomeOf(await world.call("POST", "/passkeys/options", { bearer, body }));
    const { token } = await passkeyLogin(world, ann);
    expect(await begin(token, { upgrade: true })).toEqual([403, "insufficient_scope"]);
    await world.user("bob", { password });
    const vouched = await world.ampho.sessions.create((await world.ampho.users.find("bob"))?.id ?? "", {
      authTime: world.clock.now(),
    });
    expect(await begin(vouched.token, { upgrade: true })).toEqual([403, "insufficient_scope"]);
    await world.user("eve", { password, roles: ["strict"] });
    const strict = await world.another({ factors: { strict: "required" } });
    const pending = String((await logIn(strict, "eve")).json["transaction"]);
    expect(await begin(undefined, { upgrade: true, transaction: pending })).toEqual([403, "insufficient_scope"]);
    const bob = await world.login("bob");
    for (const upgrade of [false, "true", 1]) expect(await begin(bob.token, { upgrade })).toEqual(bad);
    world.clock.advance(301);
    expect(await begin(bob.token, { upgrade: true })).toEqual([401, "login_too_old"]);

    const fresh = (await world.login("bob")).token;
    const silent = { flags: flag.at | flag.be };
    const loud = await addPasskey(world, fresh, createSubject(-7), { change: silent });
    expect(outcomeOf(loud.added)).toEqual(wrong);
    const subject = createSubject(-7);
    const upgraded = await addPasskey(world, fresh, subject, { body: { upgrade: true }, change: silent });
    expect(upgraded.added.status, upgraded.added.text).toBe(200);
    const handle = upgraded.options.user?.id ?? "";
    expect(outcomeOf(await logInWith(world, { subject, handle }, { flags: flag.uv | flag.be }))).toEqual(wrong);
    grantOf(await logInWith(world, { subject, handle }));
  });

  it("`GET /login` takes no login and is the same for all, without a row", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    const tables = ["users", "accounts", "passkeys", "spent", "attempts", "sessions", "audit"];
    const counts = async () =>
      (
        await ground.sql(
          world,
          `select ${tables.map((name) => `(select count(*) from ampho_${name})`).join(" + ")} as n`,
        )
      )[0];
    const before = await counts();
    const { device, token: bearer } = ann.weak;
    const responses = [
      await world.call("GET", "/login"),
      await world.call("GET", "/login?login=ann"),
      await world.call("GET", "/login?login=nobody&user=ann"),
      await world.call("GET", "/login", { bearer }),
      await world.call("GET", "/login", { headers: { cookie: `__Host-ampho-device=${device}` } }),
    ];
    const shapes = responses.map(({ status, json, text }) => {
      const { challenge, ...options }: Record<string, unknown> = { ...Object(json["passkey"]) };
      const { jti, iat, exp, ...claims } = claimsOf(String(json["transaction"]));
      expect([typeof challenge, typeof jti, Number(exp) - Number(iat)]).toEqual(["string", "string", 600]);
      return { status, ways: json["ways"], options, claims, length: text.length };
    });
    for (const shape of shapes) expect(shape).toEqual(shapes[0]);
    expect(shapes[0]).toMatchObject({ status: 200, claims: { for: "login" }, options: { allowCredentials: [] } });
    expect(new Set(responses.map(({ json }) => json["transaction"])).size).toBe(responses.length);
    expect(await counts()).toEqual(before);
    await passkeyLogin(world, ann);
  });

  it("the passkey of another user raises no session, and opens none in its place", async () => {
    const world = await ground.open(passkeySettings);
    const [ann, bob] = [await addPasskeyOwner(world, "ann"), await addPasskeyOwner(world, "bob")];
    const bearer = ann.weak.token;
    const stepUp = async () => challengeOf(await world.call("POST", "/login", { body: {}, bearer }));
    for (const userHandle of [ann.handle, bob.handle, undefined]) {
      const { transaction, challenge } = await stepUp();
      const passkey = authenticate(bob.subject, challenge, { response: { userHandle } });
      const response = await world.call("POST", "/login", { body: { transaction, passkey }, bearer });
      expect(outcomeOf(response)).toEqual(wrong);
    }
    // Bob's challenge and passkey under Ann's token.
    const { token } = bob.weak;
    const { transaction, challenge } = challengeOf(await world.call("POST", "/login", { body: {}, bearer: token }));
    const body = { transaction, passkey: authenticate(bob.subject, challenge) };
    expect(outcomeOf(await world.call("POST", "/login", { body, bearer }))).toEqual(over);
    for (const { id } of [ann, bob])
      expect((await world.ampho.sessions.list(id)).map(({ acr }) => acr).sort()).toEqual(["1fa", "phr"]);
    const own = await stepUp();
    const raised = { transaction: own.transaction, passkey: authenticate(ann.subject, own.challenge) };
    const grant = grantOf(await world.call("POST", "/login", { body: raised, bearer }));
    expect(claimsOf(grant.token)).toMatchObject({ acr: "phr", amr: ["pwd", "swk", "mfa"] });
    expect(sessionOf(grant)).toBe(sessionOf(ann.weak));
  });

  it("a registration belongs to the session that began it", async () => {
    const world = await ground.open(passkeySettings);
    for (const login of ["ann", "bob"]) await world.user(login, { password });
    const [ann, other, bob] = [await world.login("ann"), await world.login("ann"), await world.login("bob")];
    const { transaction, challenge } = await beginPasskey(world, ann.token);
    const body = { transaction, passkey: register(createSubject(-7), challenge) };
    for (const { token: bearer } of [other, bob])
      expect(outcomeOf(await world.call("POST", "/passkeys", { body, bearer }))).toEqual(over);
    expect((await world.call("POST", "/passkeys", { body })).status).toBe(401);
    const added = grantOf(await world.call("POST", "/passkeys", { body, bearer: ann.token }));
    expect(outcomeOf(await world.call("POST", "/passkeys", { body, bearer: added.token }))).toEqual(over);
  });

  it("a login with an app that must add a passkey keeps its recovery codes, and gets no new ones", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addOwner(world, "ann");
    await world.ampho.factors.setPolicy(ann.id, "phr");
    const needed = await logIn(world, "ann", { totp: ann.nextCode() });
    expect(needed.json).toMatchObject({ error: "factor_needed", enroll: true });
    const { transaction: pending } = needed.json;
    const begun = challengeOf(await world.call("POST", "/passkeys/options", { body: { transaction: pending } }));
    const passkey = register(createSubject(-7), begun.challenge);
    const done = await world.call("POST", "/passkeys", { body: { transaction: begun.transaction, passkey } });
    expect(claimsOf(grantOf(done).token)).toMatchObject({ acr: "phr", amr: ["pwd", "otp", "swk", "mfa"] });
    expect(done.json).not.toHaveProperty("recovery_codes");
    await world.ampho.factors.setPolicy(ann.id, "optional");
    expect((await logIn(world, "ann", { recovery_code: ann.recoveryCodes[0] })).status).toBe(200);
  });

  it("a transaction of `GET /login` and of a registration is over at every other route, and theirs at every other", async () => {
    const world = await ground.open({ ...passkeySettings, factors: { strict: "required" } });
    const ann = await addPasskeyOwner(world, "ann");
    await world.user("eve", { password, roles: ["strict"] });
    const { token } = await passkeyLogin(world, ann);
    const begin = {
      login: async () => ({ ...(await loginPage(world)), bearer: undefined }),
      passkey: async () => ({ ...(await beginPasskey(world, token)), bearer: token }),
      "passkey of a pending login": async () => {
        const { transaction } = (await logIn(world, "eve")).json;
        const begun = await world.call("POST", "/passkeys/options", { body: { transaction } });
        return { ...challengeOf(begun), bearer: undefined };
      },
      second: async () => ({ ...challengeOf(await logIn(world, "ann")), bearer: undefined }),
      "second of a session": async () => ({
        ...challengeOf(await world.call("POST", "/login", { body: {}, bearer: token })),
        bearer: token,
      }),
      enroll: async () => ({ ...challengeOf(await logIn(world, "eve")), bearer: undefined }),
      totp: async () => {
        const { json } = await world.call("POST", "/totp", { bearer: token });
        return { transaction: String(json["transaction"]), challenge: Buffer.alloc(32), bearer: token };
      },
    };
    // A wrong factor, so that a transaction at its own route stays unspent.
    const passkey = authenticate({ ...ann.subject, privateKey: createSubject(-7).privateKey }, Buffer.alloc(32));
    const creation = register(createSubject(-7), Buffer.alloc(32));
    const finishes = {
      "POST /login by passkey": {
        path: "/login",
        body: { passkey },
        right: ["login", "second", "second of a session"],
      },
      "POST /login by totp": { path: "/login", body: { totp: "000000" }, right: ["second", "second of a session"] },
      "POST /passkeys/options": { path: "/passkeys/options", body: {}, right: ["enroll"] },
      "POST /passkeys": {
        path: "/passkeys",
        body: { passkey: creation },
        right: ["passkey", "passkey of a pending login"],
      },
      "POST /totp": { path: "/totp", body: {}, right: ["enroll"] },
      "POST /totp/confirm": { path: "/totp/confirm", body: { totp: "000000" }, right: ["totp"] },
    };
    for (const [purpose, start] of Object.entries(begin))
      for (const [route, { path, body, right }] of Object.entries(finishes)) {
        const { transaction, bearer } = await start();
        const response = await world.call("POST", path, { body: { ...body, transaction }, bearer });
        const good = Object.keys(body).length === 0 ? [200] : wrong;
        expect([purpose, route, ...outcomeOf(response)]).toEqual([
          purpose,
          route,
          ...(right.includes(purpose) ? good : over),
        ]);
      }
    expect((await world.ampho.sessions.list(ann.id)).length).toBe(3);
    await passkeyLogin(world, ann);
  });

  it("a transaction of a passkey has no right of a session", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    const { token } = await passkeyLogin(world, ann);
    const before = (await world.ampho.sessions.list(ann.id)).length;
    for (const { transaction: bearer } of [await loginPage(world), await beginPasskey(world, token)]) {
      for (const [method, path, body] of [
        ["GET", "/session"],
        ["GET", "/sessions"],
        ["DELETE", "/sessions"],
        ["POST", "/renew"],
        ["GET", "/passkeys"],
        ["POST", "/passkeys/options"],
        ["DELETE", pathOf(ann)],
        ["POST", pathOf(ann), { name: "Mine" }],
        ["POST", "/recovery-codes"],
        ["POST", "/login", {}],
      ] as const) {
        const response = await world.call(method, path, { bearer, ...(body && { body }) });
        expect([method, path, response.status]).toEqual([method, path, 401]);
      }
    }
    expect((await world.ampho.sessions.list(ann.id)).length).toBe(before);
    await passkeyLogin(world, ann);
  });
});
