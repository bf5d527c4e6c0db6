// Abuse cases of passkeys through HTTP. In no case is anything created or raised.
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
import { sessionOf } from "../world/tokens.js";
import { type Ground, logIn, onBothDatabases, outcomeOf, wrong } from "./owners.js";
import {
  addPasskey,
  addPasskeyOwner,
  assertion,
  beginPasskey,
  challengeOf,
  logInWith,
  loginPage,
  type PasskeyOwner,
  passkeyLogin,
  passkeySettings,
} from "./passkey-owners.js";

const over = [401, "transaction_over"];
const unknown = [401, "unknown_passkey"];
const idOf = ({ subject }: Pick<PasskeyOwner, "subject">) => base64url(subject.id);

const openSessions = async (ground: Ground, world: World) =>
  (await ground.sql(world, "select id from ampho_sessions where ended_at is null")).length;
const passkeyRows = (ground: Ground, world: World) =>
  ground.sql(world, "select id, user_id, name, sign_count from ampho_passkeys order by id");

/** Changes of an assertion that the browser and the authenticator have signed. */
const forged: Readonly<Record<string, Partial<Parts>>> = {
  "a sub-domain": { clientData: { origin: "https://evil.example.org" } },
  "a port": { clientData: { origin: "https://example.org:8443" } },
  http: { clientData: { origin: "http://example.org" } },
  "upper case": { clientData: { origin: "https://EXAMPLE.org" } },
  "a trailing dot": { clientData: { origin: "https://example.org." } },
  "a suffix": { clientData: { origin: "https://example.org.evil.example" } },
  null: { clientData: { origin: "null" } },
  "an app that is not listed": { clientData: { origin: "android:apk-key-hash:AAAA" } },
  "the hash of another host": { rpIdHash: sha256("evil.example") },
  "a frame": { clientData: { crossOrigin: true } },
  "a top origin": { clientData: { topOrigin: origin } },
  "no user presence": { flags: flag.uv | flag.be },
  "a backup that is not eligible": { flags: flag.up | flag.uv | flag.bs },
  "a change of the eligibility": { flags: flag.up | flag.uv },
  "a reserved flag": { flags: flag.up | flag.uv | flag.be | flag.rfu1 },
  "the type of a registration": { clientData: { type: "webauthn.create" } },
  "no object": { clientDataBytes: Buffer.from("[]") },
  "no DER": { signature: Buffer.alloc(64, 1) },
};

/** The reasons in the audit log, in the same order. */
const reasons: readonly string[] = [
  ...Array.from({ length: 8 }, () => "origin"),
  "rp_id",
  "cross_origin",
  "top_origin",
  "user_presence",
  "backup_state",
  "backup_eligibility",
  "authenticator_data",
  "type",
  "client_data",
  "signature",
];

onBothDatabases((ground) => {
  it("a changed assertion opens no session and is recorded, and the unchanged one still works", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    const before = await openSessions(ground, world);
    for (const [name, change] of Object.entries(forged))
      expect([name, ...outcomeOf(await logInWith(world, ann, change))]).toEqual([name, ...wrong]);
    const rejected = (await world.events()).filter((event) => event.startsWith("factor_refused: passkey_"));
    expect(rejected).toEqual(reasons.map((reason) => `factor_refused: passkey_${reason}`));
    expect(await openSessions(ground, world)).toBe(before);
    await passkeyLogin(world, ann);
  });

  it("a wrong assertion does not spend its transaction, and the right one for it is accepted then", async () => {
    const world = await ground.open(passkeySettings);
    const { subject, handle } = await addPasskeyOwner(world, "ann");
    const { transaction, challenge } = await loginPage(world);
    const response = { userHandle: handle };
    const bad = authenticate(subject, challenge, { response, clientData: { origin: "https://evil.example" } });
    expect(outcomeOf(await world.call("POST", "/login", { body: { transaction, passkey: bad } }))).toEqual(wrong);
    const passkey = authenticate(subject, challenge, { response });
    expect((await world.call("POST", "/login", { body: { transaction, passkey } })).status).toBe(200);
  });

  it("an assertion is rejected with its transaction again, and with a new one, at each instance", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    const body = await assertion(world, ann);
    grantOf(await world.call("POST", "/login", { body }));
    const { transaction } = await loginPage(world);
    for (const each of [world, await world.another()]) {
      expect(outcomeOf(await each.call("POST", "/login", { body }))).toEqual(over);
      expect(outcomeOf(await each.call("POST", "/login", { body: { ...body, transaction } }))).toEqual(wrong);
    }
  });

  it("the challenge of another transaction, of a registration, or in another spelling is rejected", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    const { token } = await passkeyLogin(world, ann);
    const { transaction, challenge } = await loginPage(world);
    const second = challengeOf(await logIn(world, "ann"));
    const text = base64url(challenge);
    const challenges = {
      "another login": base64url((await loginPage(world)).challenge),
      registration: base64url((await beginPasskey(world, token)).challenge),
      "second step": base64url(second.challenge),
      truncated: text.slice(0, -2),
      padded: `${text}=`,
      "standard base64": challenge.toString("base64"),
      empty: "",
    };
    const response = { userHandle: ann.handle };
    for (const [name, sent] of Object.entries(challenges)) {
      const passkey = authenticate(ann.subject, challenge, { response, clientData: { challenge: sent } });
      const received = await world.call("POST", "/login", { body: { transaction, passkey } });
      expect([name, ...outcomeOf(received)]).toEqual([name, ...wrong]);
    }
    // The assertion of a login page is none for a second step.
    const passkey = authenticate(ann.subject, challenge, { response });
    const mixed = { transaction: second.transaction, passkey };
    expect(outcomeOf(await world.call("POST", "/login", { body: mixed }))).toEqual(wrong);
    // Its own challenge still works.
    expect((await world.call("POST", "/login", { body: { transaction, passkey } })).status).toBe(200);
  });

  it("a passkey without user verification is no login, and changes no session of a bearer token", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    const change = { flags: flag.up | flag.be };
    const before = await openSessions(ground, world);
    for (const sent of [{}, { bearer: ann.weak.token }])
      expect(outcomeOf(await logInWith(world, ann, change, sent))).toEqual(wrong);
    expect(await openSessions(ground, world)).toBe(before);
    expect((await world.ampho.sessions.list(ann.id)).map(({ acr }) => acr).sort()).toEqual(["1fa", "phr"]);
    await passkeyLogin(world, ann);
  });

  it("the passkey of one user with the handle of another, without one, or with that of no account is rejected alike", async () => {
    const world = await ground.open(passkeySettings);
    const [ann, bob] = [await addPasskeyOwner(world, "ann"), await addPasskeyOwner(world, "bob")];
    const before = await openSessions(ground, world);
    const handles = [ann.handle, undefined, null, "", base64url(Buffer.alloc(32, 1)), `${bob.handle}=`, 7];
    const bodies = new Set<string>();
    for (const userHandle of handles) {
      const received = await logInWith(world, bob, { response: { userHandle } });
      expect([userHandle, ...outcomeOf(received)]).toEqual([userHandle, ...wrong]);
      bodies.add(received.text);
    }
    expect([bodies.size, await openSessions(ground, world)]).toEqual([1, before]);
    // A second step knows the account, so the handle can be left out, but not be wrong.
    for (const [userHandle, status] of [
      [ann.handle, 401],
      [undefined, 200],
    ] as const) {
      const { transaction, challenge } = challengeOf(await logIn(world, "bob"));
      const passkey = authenticate(bob.subject, challenge, { response: { userHandle } });
      expect((await world.call("POST", "/login", { body: { transaction, passkey } })).status).toBe(status);
    }
  });

  it("a credential id belongs to the user who registered it first, also when two users register it at once", async () => {
    const world = await ground.open(passkeySettings);
    const other = await world.another();
    const bob = await addPasskeyOwner(world, "bob");
    await world.user("ann", { password });
    const ann = await world.login("ann");
    const { added } = await addPasskey(world, ann.token, { ...createSubject(-7), id: bob.subject.id });
    expect(outcomeOf(added)).toEqual([400, "invalid_request"]);
    expect(await passkeyRows(ground, world)).toMatchObject([{ id: idOf(bob), user_id: bob.id }]);

    for (let round = 0; round < 4; round++) {
      const { id } = createSubject(-7);
      const requestOf = async (instance: World, login: string) => {
        await world.user(login, { password });
        const { token } = await instance.login(login);
        const { transaction, challenge } = await beginPasskey(instance, token);
        const passkey = register({ ...createSubject(-7), id }, challenge);
        return () => instance.call("POST", "/passkeys", { bearer: token, body: { transaction, passkey } });
      };
      const requests = [await requestOf(world, `carl${round}`), await requestOf(other, `eve${round}`)];
      const responses = await Promise.all(requests.map((send) => send()));
      expect(responses.map(({ status }) => status).sort()).toEqual([200, 400]);
      const rows = await passkeyRows(ground, world);
      expect(rows.filter((row) => row["id"] === base64url(id))).toHaveLength(1);
    }
    await passkeyLogin(world, bob);
  });

  it("two assertions with one counter at once open one session, also at two instances", async () => {
    const world = await ground.open(passkeySettings);
    const other = await world.another();
    const key = await addPasskeyOwner(world, "ann", { subject: createSubject(-7, { backupEligible: false }) });
    for (const signCount of [1, 2, 3]) {
      const before = await openSessions(ground, world);
      const bodies = [await assertion(world, key, { signCount }), await assertion(other, key, { signCount })];
      const responses = await Promise.all(
        bodies.map((body, at) => (at === 0 ? world : other).call("POST", "/login", { body })),
      );
      expect(responses.map(({ status }) => status).sort()).toEqual([200, 401]);
      expect(await openSessions(ground, world)).toBe(before + 1);
      expect(Number((await passkeyRows(ground, world))[0]?.["sign_count"])).toBe(signCount);
    }
  });

  it("a counter that does not rise rejects a device-bound passkey, and is recorded only for a synced one", async () => {
    const world = await ground.open(passkeySettings);
    for (const [login, backupEligible, status] of [
      ["ann", false, 401],
      ["bob", true, 200],
    ] as const) {
      const owner = await addPasskeyOwner(world, login, { subject: createSubject(-7, { backupEligible }) });
      await passkeyLogin(world, owner, { signCount: 5 });
      const loggedIn = world.clock.now();
      for (const signCount of [5, 4, 0]) {
        // Each time the stored counter is 5 again.
        await ground.sql(world, `update ampho_passkeys set sign_count = 5 where id = '${idOf(owner)}'`);
        world.clock.advance(1);
        expect((await logInWith(world, owner, { signCount })).status).toBe(status);
        const [row] = await ground.sql(
          world,
          `select sign_count, used_at from ampho_passkeys where id = '${idOf(owner)}'`,
        );
        // A rejection changes no state.
        const used = backupEligible ? world.clock.now() : loggedIn;
        expect([Number(row?.["sign_count"]), Number(row?.["used_at"])]).toEqual([backupEligible ? signCount : 5, used]);
      }
      await ground.sql(world, `update ampho_passkeys set sign_count = 5 where id = '${idOf(owner)}'`);
      await passkeyLogin(world, owner, { signCount: 2 ** 32 - 1 });
    }
    const cloned = (await world.events()).filter((event) => event.startsWith("passkey_cloned"));
    expect(cloned).toEqual([...Array(3).fill("passkey_cloned"), ...Array(3).fill("passkey_cloned: synced")]);
  });

  it("a lost response is returned again to the same assertion with its Idempotency-Key, and no copy is suspected", async () => {
    const world = await ground.open(passkeySettings);
    const other = await world.another();
    for (const [login, backupEligible] of [
      ["ann", false],
      ["bob", true],
    ] as const) {
      const owner = await addPasskeyOwner(world, login, { subject: createSubject(-7, { backupEligible }) });
      const body = await assertion(world, owner, { signCount: 3 });
      const headers = { "Idempotency-Key": "0123456789abcdef-passkey" };
      const first = grantOf(await world.call("POST", "/login", { body, headers }));
      for (const each of [world, other])
        expect(sessionOf(grantOf(await each.call("POST", "/login", { body, headers })))).toBe(sessionOf(first));
      if (!backupEligible) expect(await world.events()).not.toContain("passkey_cloned");
      const bad = { ...body, passkey: { ...body.passkey, response: { ...body.passkey.response, signature: "AAAA" } } };
      expect(outcomeOf(await world.call("POST", "/login", { body: bad, headers }))).toEqual(over);
      const key = { "Idempotency-Key": "another-0123456789abcdef" };
      expect(outcomeOf(await world.call("POST", "/login", { body, headers: key }))).toEqual(over);
    }
  });

  it("a passkey that was removed is unknown, and one of a disabled or deleted user is wrong", async () => {
    const world = await ground.open(passkeySettings);
    const [ann, bob, carl] = [
      await addPasskeyOwner(world, "ann"),
      await addPasskeyOwner(world, "bob"),
      await addPasskeyOwner(world, "carl"),
    ];
    await world.ampho.factors.remove(ann.id, { all: true, reason: "A test removes them." });
    await world.ampho.users.disable("bob");
    await world.ampho.users.remove("carl");
    expect(outcomeOf(await logInWith(world, ann))).toEqual(unknown);
    expect(outcomeOf(await logInWith(world, bob))).toEqual(wrong);
    // The passkeys of a deleted user are deleted with the user.
    expect(outcomeOf(await logInWith(world, carl))).toEqual(unknown);
    await world.ampho.users.enable("bob");
    world.clock.advance(1);
    await passkeyLogin(world, bob);
    const off = await world.another({ passkeys: false });
    const body = await assertion(world, bob);
    expect(outcomeOf(await off.call("POST", "/login", { body }))).toEqual(wrong);
    expect(await off.call("GET", "/login")).toMatchObject({ json: { transaction: null, passkey: null } });
    const { token: bearer } = await passkeyLogin(world, bob);
    for (const [method, path] of [
      ["GET", "/passkeys"],
      ["POST", "/passkeys/options"],
      ["POST", "/passkeys"],
      ["DELETE", `/passkeys/${idOf(bob)}`],
    ] as const)
      expect((await off.call(method, path, { bearer })).status).toBe(404);
    // Without the relying party, the recovery codes are what is left.
    expect((await logIn(off, "bob")).json).toMatchObject({ error: "factor_needed", factors: ["recovery_code"] });
    expect((await world.call("POST", "/login", { body })).status).toBe(200);
  });

  it("a passkey that is removed or whose user is disabled during a second step opens no session", async () => {
    const world = await ground.open(passkeySettings);
    const changes = {
      removed: (id: string) => world.ampho.factors.remove(id, { all: true, reason: "A test removes them." }),
      disabled: (_: string, login: string) => world.ampho.users.disable(login),
      deleted: (_: string, login: string) => world.ampho.users.remove(login),
      "new password": (_: string, login: string) => world.ampho.users.setPassword(login, `${password} new`),
    };
    for (const [name, change] of Object.entries(changes)) {
      const owner = await addPasskeyOwner(world, name.replace(" ", ""));
      const { transaction, challenge } = challengeOf(await logIn(world, owner.login));
      const { token: bearer } = owner.weak;
      const raising = challengeOf(await world.call("POST", "/login", { body: {}, bearer }));
      await change(owner.id, owner.login);
      const responses = [
        await world.call("POST", "/login", {
          body: { transaction, passkey: authenticate(owner.subject, challenge) },
        }),
        await world.call("POST", "/login", {
          bearer,
          body: { transaction: raising.transaction, passkey: authenticate(owner.subject, raising.challenge) },
        }),
      ];
      for (const received of responses) expect([name, received.status]).toEqual([name, 401]);
      const sessions = world.ampho.sessions.list(owner.id);
      if (name === "deleted") await expect(sessions).rejects.toMatchObject({ code: "not_found" });
      else expect(await sessions).toEqual([]);
    }
    await passkeyLogin(world, await addPasskeyOwner(world, "other"));
  });

  it("an assertion that was kept is void after the user was disabled or all tokens of the user were revoked", async () => {
    const world = await ground.open(passkeySettings);
    const other = await world.another();
    const changes = {
      disabled: async (_: string, login: string) => {
        await world.ampho.users.disable(login);
        await world.ampho.users.enable(login);
      },
      revoked: (id: string, login: string) => world.ampho.sessions.revokeForUser({ id, login }),
      everyone: () => world.ampho.sessions.endForEveryone(),
    };
    for (const [name, change] of Object.entries(changes)) {
      const owner = await addPasskeyOwner(world, name);
      const [body, second] = [await assertion(world, owner), await assertion(world, owner)];
      world.clock.advance(1);
      await change(owner.id, owner.login);
      const late = await world.another();
      for (const [instance, sent] of [
        [world, body],
        [late, second],
      ] as const)
        expect([name, ...outcomeOf(await instance.call("POST", "/login", { body: sent }))]).toEqual([name, ...over]);
      expect(await world.ampho.sessions.list(owner.id)).toEqual([]);
      world.clock.advance(1);
      await passkeyLogin(world, owner);
    }
    expect((await other.call("GET", "/login")).headers.get("cache-control")).toBe("no-store");
  });

  it("an origin that is configured is accepted, and no other", async () => {
    const app = `android:apk-key-hash:${base64url(sha256("app"))}`;
    const origins = ["https://app.example.com", app];
    const world = await ground.open({ ...passkeySettings, passkeys: { origins } });
    const ann = await addPasskeyOwner(world, "ann");
    for (const [sent, outcome] of [
      ["https://app.example.com", [200]],
      [app, [200]],
      [app.toLowerCase(), wrong],
      [`${app}=`, wrong],
      ["https://app.example.com.evil.example", wrong],
      ["https://example.com", wrong],
    ] as const)
      expect(outcomeOf(await logInWith(world, ann, { clientData: { origin: sent } }))).toEqual(outcome);
    // An Android application is no web origin, for which browsers look here.
    const listed = await world.ampho.fetch(new Request("http://evil.example/.well-known/webauthn"));
    expect(await listed.json()).toEqual({ origins: [origin, "https://app.example.com"] });
    // Nothing that a request carries names an origin.
    const headers = { origin: "https://evil.example", host: "evil.example", "x-forwarded-host": "evil.example" };
    const change = { clientData: { origin: "https://evil.example" } };
    expect((await logInWith(world, ann, change, { headers })).status).toBe(401);
    expect((await world.call("GET", "/login", { headers })).json["passkey"]).toMatchObject({ rpId: "example.org" });
    await passkeyLogin(world, ann);
  });

  it("a lockout of password and codes locks no passkey, and a login by passkey unlocks nothing", async () => {
    const world = await ground.open({ ...passkeySettings, throttleLock: 5 });
    const ann = await addPasskeyOwner(world, "ann");
    for (let n = 0; n < 12; n++)
      await world.call("POST", "/login", { body: { login: "ann", password: `${password}${n}` } });
    expect((await logIn(world, "ann")).status).toBe(429);
    await passkeyLogin(world, ann);
    expect((await logIn(world, "ann")).status).toBe(429);
  });
});
