// How passkeys are used through HTTP: the options of each ceremony, what a use stores, when its transaction is over, and what
// is the last way in.
import { expect, it } from "vitest";
import {
  authenticate,
  base64url,
  createSubject,
  flag,
  register,
  type Subject,
  sha256,
} from "../factors/webauthn/authenticator.js";
import { admission, grantOf, password, type World } from "../world/ampho.js";
import { claimsOf, sessionOf } from "../world/tokens.js";
import { logIn, onBothDatabases, outcomeOf, wrong } from "./owners.js";
import {
  addPasskey,
  addPasskeyOwner,
  assertion,
  beginPasskey,
  challengeOf,
  logInWith,
  loginPage,
  passkeyLogin,
  passkeySettings,
} from "./passkey-owners.js";

const over = [401, "transaction_over"];
const unknown = [401, "unknown_passkey"];

/** Imports a user who has these passkeys and no password. */
async function importOwner(world: World, login: string, subjects: readonly Subject[]) {
  const handle = base64url(Buffer.from(`handle of ${login}`));
  const passkeys = subjects.map(({ id, publicKey }) => ({
    id: base64url(id),
    public_key: publicKey,
    backup_eligible: true,
    backup_state: false,
  }));
  await world.ampho.users.import([JSON.stringify({ login, user_handle: handle, passkeys })]);
  return { login, handle };
}

/** How often each operation of the store ran in this process. */
const operationsOf = ({ ampho }: World) =>
  new Map(
    [...ampho.metrics().matchAll(/^ampho_store_duration_seconds_count\{db_operation_name="(\w+)"\} (\d+)$/gm)].map(
      ([, name = "", count = ""]) => [name, Number(count)] as const,
    ),
  );

/** The operations that run at any time, for no request. */
const inBackground = ["readRevocations", "takeMail", "readOutbox"];

onBothDatabases((ground) => {
  it("the options of each ceremony are those of the design, and the handle is the same for all passkeys of the account", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    expect(Buffer.from(ann.handle, "base64url")).toHaveLength(32);
    const challenge = expect.stringMatching(/^[\w-]{43}$/);
    const request = { challenge, rpId: "example.org", timeout: 300_000 };
    expect((await loginPage(world)).options).toEqual({
      ...request,
      userVerification: "required",
      allowCredentials: [],
    });
    const own = [{ type: "public-key", id: base64url(ann.subject.id), transports: ["internal"] }];
    expect(challengeOf(await logIn(world, "ann")).options).toEqual({
      ...request,
      userVerification: "discouraged",
      allowCredentials: own,
    });
    const { token } = await passkeyLogin(world, ann);
    const creation = {
      challenge,
      timeout: 300_000,
      attestation: "none",
      extensions: { credProps: true },
      rp: { id: "example.org", name: "Example" },
      user: { id: ann.handle, name: "ann", displayName: "ann" },
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: own,
    };
    const asked = async (bearer: string, body: object) => (await beginPasskey(world, bearer, body)).options;
    const alone = { residentKey: "required", requireResidentKey: true, userVerification: "required" };
    expect(await asked(token, {})).toEqual({ ...creation, authenticatorSelection: alone });
    expect(await asked(token, { use: "login" })).toEqual({ ...creation, authenticatorSelection: alone });
    expect(await asked(token, { use: "second" })).toEqual({
      ...creation,
      hints: ["security-key"],
      authenticatorSelection: {
        residentKey: "discouraged",
        requireResidentKey: false,
        userVerification: "discouraged",
      },
    });
    await world.user("bob", { password });
    const bob = await world.login("bob");
    const upgrade = await asked(bob.token, { upgrade: true });
    // A browser that creates the passkey without a question cannot promise to verify its user.
    expect(upgrade).toMatchObject({
      excludeCredentials: [],
      attestation: "none",
      authenticatorSelection: { ...alone, userVerification: "preferred" },
    });
    expect([upgrade.user?.id === ann.handle, upgrade.user?.id.length]).toEqual([false, 43]);
  });

  it("each use stores its time and the state of the backup, which decides nothing", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    for (const backedUp of [true, false, true]) {
      world.clock.advance(10);
      const flags = flag.up | flag.uv | flag.be | (backedUp ? flag.bs : 0);
      const { token: bearer } = await passkeyLogin(world, ann, { flags });
      const { json } = await world.call("GET", "/passkeys", { bearer });
      expect(json["passkeys"]).toMatchObject([{ synced: backedUp, used: world.clock.now() }]);
    }
  });

  it("the transaction of a login page and of a registration is over from its 600th second on, and before its own time", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    const { token: bearer } = await passkeyLogin(world, ann);
    const bodies = [await assertion(world, ann), await assertion(world, ann), await assertion(world, ann)];
    const begun = [await beginPasskey(world, bearer), await beginPasskey(world, bearer)];
    const send = async (at: number) => outcomeOf(await world.call("POST", "/login", { body: bodies[at] }));
    const add = async (at: number) => {
      const { transaction, challenge } = begun[at] ?? (await beginPasskey(world, bearer));
      const body = { transaction, passkey: register(createSubject(-7), challenge) };
      return outcomeOf(await world.call("POST", "/passkeys", { body, bearer }));
    };
    world.clock.advance(599);
    expect(await send(0)).toEqual([200]);
    world.clock.advance(1);
    expect([await send(1), await add(1)]).toEqual([over, over]);
    world.clock.advance(-1);
    expect(await add(0)).toEqual([200]);
    const early = await assertion(world, ann);
    world.clock.advance(-61);
    expect(outcomeOf(await world.call("POST", "/login", { body: early }))).toEqual(over);
    world.clock.advance(1);
    expect((await world.call("POST", "/login", { body: early })).status).toBe(200);
    expect(await send(2)).toEqual([200]);
  });

  it("a login by passkey with the token of the own session re-authenticates it, and with that of another user opens a new one", async () => {
    const world = await ground.open(passkeySettings);
    const [ann, bob] = [await addPasskeyOwner(world, "ann"), await addPasskeyOwner(world, "bob")];
    world.clock.advance(60);
    const raised = grantOf(await logInWith(world, ann, {}, { bearer: ann.weak.token }));
    expect(sessionOf(raised)).toBe(sessionOf(ann.weak));
    expect(claimsOf(raised.token)).toMatchObject({
      amr: ["swk", "mfa"],
      acr: "phr",
      auth_time: world.clock.now(),
    });
    const [entry] = await world.ampho.audit.list({ login: "ann", limit: 1 });
    expect(entry).toMatchObject({ event: "reauthenticated", detail: { amr: ["swk", "mfa"] } });
    // The former tokens never get the new level.
    expect((await world.renew(ann.weak.refresh_token)).error).toBe("session_ended");
    expect((await world.renew(raised.refresh_token)).status).toBe(200);
    const other = grantOf(await logInWith(world, ann, {}, { bearer: bob.weak.token }));
    expect(claimsOf(other.token)).toMatchObject({ sub: ann.id, acr: "phr" });
    expect(sessionOf(other)).not.toBe(sessionOf(bob.weak));
    const levels = new Map((await world.ampho.sessions.list(bob.id)).map(({ id, acr }) => [id, acr]));
    expect([levels.size, levels.get(sessionOf(bob.weak))]).toEqual([2, "1fa"]);
  });

  it("the first passkey ends the sessions at 1fa but its own, a further one ends none, and a removal ends all others", async () => {
    const world = await ground.open(passkeySettings);
    await world.user("ann", { password });
    const [own, other] = [await world.login("ann"), await world.login("ann")];
    const first = createSubject(-7);
    const { options, added } = await addPasskey(world, own.token, first);
    const ann = { subject: first, handle: options.user?.id ?? "" };
    const admissions = (...grants: readonly { readonly token: string }[]) =>
      Promise.all(grants.map(({ token }) => admission(world.ampho, token)));
    const enrolling = grantOf(added);
    expect(await admissions(enrolling, own, other)).toEqual(["in", "invalid_token", "invalid_token"]);
    const { token } = grantOf(await logInWith(world, ann));
    const second = createSubject(-7);
    const further = grantOf((await addPasskey(world, token, second)).added);
    expect(await admissions(enrolling, further)).toEqual(["in", "in"]);
    const path = `/passkeys/${base64url(second.id)}`;
    const removed = grantOf(await world.call("DELETE", path, { bearer: further.token }));
    expect(await admissions(enrolling, further, removed)).toEqual(["invalid_token", "invalid_token", "in"]);
  });

  it("a passkey for the second step signs in alone where it verifies its user, because each use is judged", async () => {
    const world = await ground.open(passkeySettings);
    await world.user("ann", { password });
    const { token } = await world.login("ann");
    const subject = createSubject(-7, { backupEligible: false });
    const unverified = { flags: flag.up | flag.at };
    const { options, added } = await addPasskey(world, token, subject, { body: { use: "second" }, change: unverified });
    expect(added.status, added.text).toBe(200);
    const ann = { subject, handle: options.user?.id ?? "" };
    expect(outcomeOf(await logInWith(world, ann, { flags: flag.up, signCount: 1 }))).toEqual(wrong);
    expect(claimsOf(grantOf(await logInWith(world, ann, { signCount: 2 })).token)).toMatchObject({ acr: "phr" });
  });

  it("a device is remembered after a passkey as the second step, until the account gets another one", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    const { transaction, challenge } = challengeOf(await logIn(world, "ann"));
    const sent = { transaction, passkey: authenticate(ann.subject, challenge), remember: true };
    const { device } = grantOf(await world.call("POST", "/login", { body: sent }));
    const remembered = grantOf(await logIn(world, "ann", { device }));
    expect(claimsOf(remembered.token)).toMatchObject({ amr: ["pwd", "dev"], acr: "1fa" });
    // The device is no factor, so it adds no passkey.
    const begun = await world.call("POST", "/passkeys/options", { bearer: remembered.token, body: {} });
    expect(outcomeOf(begun)).toEqual([401, "login_too_weak"]);
    await world.ampho.factors.setPolicy(ann.id, "phr");
    expect((await logIn(world, "ann", { device })).error).toBe("factor_needed");
    await world.ampho.factors.setPolicy(ann.id, "optional");
    const { token } = await passkeyLogin(world, ann);
    expect((await addPasskey(world, token, createSubject(-7))).added.status).toBe(200);
    expect((await logIn(world, "ann", { device })).error).toBe("factor_needed");
  });

  it("a passkey that no account has is unknown in a second step and in a step-up too, and the right one still works", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    const bearer = ann.weak.token;
    const stranger = createSubject(-7);
    for (const sent of [{}, { bearer }]) {
      const body = "bearer" in sent ? {} : { login: "ann", password };
      const { transaction, challenge } = challengeOf(await world.call("POST", "/login", { body, ...sent }));
      const finish = (subject: Subject) =>
        world.call("POST", "/login", { body: { transaction, passkey: authenticate(subject, challenge) }, ...sent });
      expect(outcomeOf(await finish(stranger))).toEqual(unknown);
      expect((await finish(ann.subject)).status).toBe(200);
    }
  });

  it("every rejection of a passkey that an account has is one response, and costs the same operations of the database", async () => {
    const world = await ground.open(passkeySettings);
    const [ann, bob, key] = [
      await addPasskeyOwner(world, "ann"),
      await addPasskeyOwner(world, "bob"),
      await addPasskeyOwner(world, "key", { subject: createSubject(-7, { backupEligible: false }) }),
    ];
    await passkeyLogin(world, key, { signCount: 7 });
    await world.ampho.users.disable("bob");
    world.clock.advance(1);
    const response = { userHandle: bob.handle };
    const rejections = {
      "a disabled user": await assertion(world, bob),
      "a disabled user and a wrong signature": await assertion(world, bob, { response, signature: Buffer.alloc(64) }),
      "a wrong signature": await assertion(world, ann, {
        signature: Buffer.alloc(64),
        response: { userHandle: ann.handle },
      }),
      "the handle of another account": await assertion(world, ann, { response }),
      "another origin": await assertion(world, ann, { clientData: { origin: "https://example.net" } }),
      "a counter that stepped back": await assertion(world, key, { signCount: 7 }),
    };
    const seen = [];
    for (const body of Object.values(rejections)) {
      const before = operationsOf(world);
      const { status, text, headers } = await world.call("POST", "/login", { body });
      const operations = [...operationsOf(world)]
        .filter(([name, count]) => !inBackground.includes(name) && count !== (before.get(name) ?? 0))
        .map(([name, count]) => [name, count - (before.get(name) ?? 0)]);
      seen.push({ status, text, headers: [...headers].filter(([name]) => name !== "date"), operations });
    }
    for (const each of seen) expect(each).toEqual(seen[0]);
    expect(seen[0]).toMatchObject({
      status: 401,
      operations: [
        ["findPasskey", 1],
        ["recordAudit", 1],
        ["isTransactionOver", 1],
      ],
    });
  });

  it("the metrics count the flows of passkeys by their results, and the audit log has each change", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann");
    const { token: bearer } = await passkeyLogin(world, ann);
    const path = `/passkeys/${base64url(ann.subject.id)}`;
    await world.call("GET", "/passkeys", { bearer });
    await world.call("POST", path, { bearer, body: { name: "Key" } });
    await world.call("POST", "/passkeys/AAAA", { bearer, body: { name: "Key" } });
    await logInWith(world, ann, { signature: Buffer.alloc(64), response: { userHandle: ann.handle } });
    await world.call("DELETE", path, { bearer });
    await logInWith(world, ann);
    const flows = new Map(
      [...world.ampho.metrics().matchAll(/^ampho_flows_total\{flow="(\w+)",result="(\w+)"\} (\d+)$/gm)].map(
        ([, flow, result, count]) => [`${flow} ${result}`, Number(count)] as const,
      ),
    );
    expect(Object.fromEntries(flows)).toMatchObject({
      "readWays ok": 3,
      "beginPasskey ok": 1,
      "addPasskey ok": 1,
      "listPasskeys ok": 1,
      "removePasskey ok": 1,
      "renamePasskey ok": 1,
      "renamePasskey not_found": 1,
      "login ok": 2,
      "login invalid_credentials": 1,
      "login unknown_passkey": 1,
    });
    const passkey = base64url(ann.subject.id);
    const rows = await world.ampho.audit.list({ login: "ann" });
    const changes = rows
      .filter(({ event }) => /^factor_/.test(event))
      .map(({ event, reason, detail }) => [event, reason, detail]);
    expect(changes).toEqual([
      ["factor_added", undefined, { factor: "passkey", passkey }],
      ["factor_refused", "passkey_signature", undefined],
      ["factor_removed", undefined, { factors: ["passkey", "recovery_code"], passkey }],
    ]);
  });

  it("pages below the relying party use its passkeys, and the hash of their own host is rejected", async () => {
    const appUrl = "https://login.example.org/";
    const world = await ground.open({ ...passkeySettings, appUrl, passkeys: { rp: "example.org" } });
    const clientData = { origin: "https://login.example.org" };
    await world.user("ann", { password });
    const { token } = await world.login("ann");
    const subject = createSubject(-7);
    const { options, added } = await addPasskey(world, token, subject, { change: { clientData } });
    expect([added.status, options]).toMatchObject([200, { rp: { id: "example.org" } }]);
    const ann = { subject, handle: options.user?.id ?? "" };
    expect((await loginPage(world)).options).toMatchObject({ rpId: "example.org" });
    expect((await logInWith(world, ann, { clientData })).status).toBe(200);
    for (const change of [{ clientData, rpIdHash: sha256("login.example.org") }, {}])
      expect(outcomeOf(await logInWith(world, ann, change))).toEqual(wrong);
  });

  it("imported passkeys sign in with handles of their own or with unknown ones, and a new one gets that of the account", async () => {
    const world = await ground.open(passkeySettings);
    const flags = { backup_eligible: true, backup_state: false };
    const [own, other, lost, mixed, alone] = Array.from({ length: 5 }, () => createSubject(-7)) as [
      Subject,
      Subject,
      Subject,
      Subject,
      Subject,
    ];
    const handleOf = (name: string) => base64url(Buffer.from(name));
    const record = ({ id, publicKey }: Subject, user_handle?: string) => ({
      id: base64url(id),
      public_key: publicKey,
      ...flags,
      user_handle,
    });
    const lines = [
      { login: "ann", passkeys: [record(own, handleOf("one")), record(other, handleOf("two")), record(lost)] },
      { login: "bob", user_handle: handleOf("bob"), passkeys: [record(mixed), record(alone, handleOf("three"))] },
    ];
    await world.ampho.users.import(lines.map((line) => `${JSON.stringify(line)}\n`));
    const sent = async (subject: Subject, handle: string | undefined) =>
      outcomeOf(await logInWith(world, { subject, handle: handle ?? "" }, { response: { userHandle: handle } }));
    expect(await sent(own, handleOf("one"))).toEqual([200]);
    expect(await sent(other, handleOf("two"))).toEqual([200]);
    expect(await sent(mixed, handleOf("bob"))).toEqual([200]);
    expect(await sent(alone, handleOf("three"))).toEqual([200]);
    for (const [subject, handle] of [
      [own, handleOf("two")],
      [mixed, handleOf("three")],
      [alone, handleOf("bob")],
      [own, undefined],
      [lost, undefined],
      [lost, "AAA="],
    ] as const)
      expect(await sent(subject, handle)).toEqual(wrong);
    // The other system kept no handle, so the id alone names the account.
    const { token } = grantOf(await logInWith(world, { subject: lost, handle: handleOf("anything") }));
    const list = async (bearer: string) => (await world.call("GET", "/passkeys", { bearer })).json;
    expect(await list(token)).toMatchObject({
      user: null,
      accepted: [own, other, lost].map(({ id }) => base64url(id)).sort(),
    });

    const subject = createSubject(-7);
    const { options, added } = await addPasskey(world, token, subject);
    expect((await list(grantOf(added).token))["user"]).toBe(options.user?.id);
    expect(await sent(subject, options.user?.id)).toEqual([200]);
    expect(await sent(subject, handleOf("one"))).toEqual(wrong);
    expect(await sent(own, handleOf("one"))).toEqual([200]);
    expect(await sent(own, options.user?.id)).toEqual(wrong);
    expect(await sent(lost, handleOf("anything else"))).toEqual([200]);
  });

  it("a passkey that has never verified its user, and one that the browser cannot find alone, are not the last way in", async () => {
    const world = await ground.open(passkeySettings);
    const [first, second] = [createSubject(-7), createSubject(-8)];
    const { handle } = await importOwner(world, "ann", [first, second]);
    const remove = async (bearer: string, { id }: Subject) =>
      outcomeOf(await world.call("DELETE", `/passkeys/${base64url(id)}`, { bearer }));
    const log = async (subject: Subject) => grantOf(await logInWith(world, { subject, handle })).token;
    // Nothing shows yet that the other one can log in alone.
    expect(await remove(await log(first), first)).toEqual([409, "last_way_in"]);
    expect(await remove(await log(second), first)).toEqual([200]);

    const clientExtensionResults = { credProps: { rk: false } };
    const stick = createSubject(-7, { backupEligible: false });
    const change = { outer: { clientExtensionResults } };
    const { added } = await addPasskey(world, await log(second), stick, { body: { use: "second" }, change });
    const { token: bearer } = grantOf(added);
    expect(await remove(bearer, second)).toEqual([409, "last_way_in"]);
    expect(await remove(bearer, stick)).toEqual([200]);
  });
});
