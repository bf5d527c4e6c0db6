// Passkeys through HTTP (docs/guides/passkeys.md): registered, used alone, as a second factor, for a step-up, listed, removed.
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  authenticate,
  base64url,
  bytesOf,
  coseKey,
  createSubject,
  flag,
  type Parts,
  register,
  rpId,
  type Subject,
} from "../factors/webauthn/authenticator.js";
import { encodeCbor } from "../factors/webauthn/cbor-encode.js";
import { grantOf, openWorld, password } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { codeAt } from "./owners.js";

const settings = { appUrl: "https://example.org/", appName: "Example" };

type World = Awaited<ReturnType<typeof openWorld>>;

interface Options {
  readonly challenge: string;
  readonly user?: { readonly id: string };
}

async function addPasskey(world: World, bearer: string, subject: Subject, name = "Phone") {
  const begun = await world.call("POST", "/passkeys/options", { bearer, body: {} });
  expect(begun.status, begun.text).toBe(200);
  const options = begun.json["passkey"] as Options;
  const response = register(subject, bytesOf(options.challenge));
  const sent = { transaction: begun.json["transaction"], passkey: response, name };
  return { options, added: await world.call("POST", "/passkeys", { bearer, body: sent }) };
}

const challengeOf = (options: unknown) => bytesOf((options as Options).challenge);

/** The response of a login page that asks for a passkey. */
async function assertion(world: World, subject: Subject, userHandle: string | undefined, change: Partial<Parts> = {}) {
  const { json } = await world.call("GET", "/login");
  const options = json["passkey"] as Options;
  const passkey = authenticate(subject, bytesOf(options.challenge), { response: { userHandle }, ...change });
  return { transaction: json["transaction"], passkey };
}

async function withPasskey(world: World, subject: Subject) {
  await world.user("ann", { password });
  const { token } = await world.login("ann");
  const { options, added } = await addPasskey(world, token, subject);
  return { token: grantOf(added).token, handle: options.user?.id ?? "", added };
}

describe("passkeys", () => {
  it("a session that registers a passkey is raised by it, and not by an upgrade without the user", async () => {
    for (const upgrade of [false, true]) {
      const world = await openWorld(settings);
      await world.user("ann", { password });
      const { token: bearer } = await world.login("ann");
      const { json } = await world.call("POST", "/passkeys/options", { bearer, body: upgrade ? { upgrade } : {} });
      const flags = upgrade ? flag.at | flag.be : undefined;
      const passkey = register(createSubject(-7), challengeOf(json["passkey"]), flags === undefined ? {} : { flags });
      const body = { transaction: json["transaction"], passkey };
      const claims = claimsOf(grantOf(await world.call("POST", "/passkeys", { bearer, body })).token);
      expect(claims).toMatchObject(upgrade ? { acr: "1fa", amr: ["pwd"] } : { acr: "phr", amr: ["pwd", "swk", "mfa"] });
    }
  });

  it("passkeys and their routes do not exist without AMPHO_APP_URL", async () => {
    const world = await openWorld();
    expect((await world.call("GET", "/login")).json).toMatchObject({ ways: { passkey: false }, passkey: null });
    for (const path of ["/passkeys", "/passkeys/options"]) expect((await world.call("POST", path)).status).toBe(404);
  });

  it("the first passkey returns recovery codes, and a login by it alone reaches phr", async () => {
    const world = await openWorld(settings);
    const subject = createSubject(-7);
    const { handle, added } = await withPasskey(world, subject);
    expect(added.json).toMatchObject({ passkey: { id: base64url(subject.id), name: "Phone", used: null } });
    expect(added.json["recovery_codes"]).toHaveLength(8);
    const login = await world.call("POST", "/login", { body: await assertion(world, subject, handle) });
    expect(login.status, login.text).toBe(200);
    expect(claimsOf(String(login.json["token"]))).toMatchObject({ amr: ["swk", "mfa"], acr: "phr" });
  });

  it("a passkey without a name gets that of its provider, where the AAGUID is a known one", async () => {
    const world = await openWorld(settings);
    const known = { ...createSubject(-7), aaguid: Buffer.from("bada5566a7aa401fbd9645619a55120d", "hex") };
    const named = {
      "": { ann: [known, "1Password", "1Password"], bob: [createSubject(-7), "Passkey", null] },
      "My key": { cid: [known, "My key", "1Password"] },
    } as const;
    for (const [sent, owners] of Object.entries(named))
      for (const [login, [subject, name, provider]] of Object.entries(owners)) {
        await world.user(login, { password });
        const { token } = await world.login(login);
        const { added } = await addPasskey(world, token, { ...subject, id: randomBytes(32) }, sent);
        expect([login, added.json["passkey"]]).toMatchObject([login, { name, provider }]);
      }
  });

  it("a password alone is not enough any more, and the passkey completes it with its own options", async () => {
    const world = await openWorld(settings);
    const subject = createSubject(-7, { backupEligible: false });
    await withPasskey(world, subject);
    const needed = await world.call("POST", "/login", { body: { login: "ann", password } });
    expect(needed.json).toMatchObject({
      error: "factor_needed",
      factors: ["passkey", "recovery_code"],
      passkey: { rpId, userVerification: "discouraged", allowCredentials: [{ id: base64url(subject.id) }] },
    });
    const { challenge } = needed.json["passkey"] as Options;
    const passkey = authenticate(subject, bytesOf(challenge), { flags: flag.up, signCount: 1 });
    const done = await world.call("POST", "/login", { body: { transaction: needed.json["transaction"], passkey } });
    expect(done.status, done.text).toBe(200);
    expect(claimsOf(String(done.json["token"]))).toMatchObject({ amr: ["pwd", "hwk", "mfa"], acr: "phr" });
  });

  it("an assertion is accepted once, and its response cannot be used with another transaction", async () => {
    const world = await openWorld(settings);
    const subject = createSubject(-7);
    const { handle } = await withPasskey(world, subject);
    const sent = await assertion(world, subject, handle);
    expect((await world.call("POST", "/login", { body: sent })).status).toBe(200);
    expect((await world.call("POST", "/login", { body: sent })).error).toBe("transaction_over");
    const other = await assertion(world, subject, handle);
    const mixed = { transaction: other.transaction, passkey: sent.passkey };
    expect((await world.call("POST", "/login", { body: mixed })).error).toBe("invalid_credentials");
  });

  it("a passkey that did not verify its user is no login alone", async () => {
    const world = await openWorld(settings);
    const subject = createSubject(-7);
    const { handle } = await withPasskey(world, subject);
    const sent = await assertion(world, subject, handle, { flags: flag.up | flag.be });
    const { status, error, json } = await world.call("POST", "/login", { body: sent });
    expect([status, error, json["token"]]).toEqual([401, "invalid_credentials", undefined]);
  });

  it("a removed passkey is unknown, and the last second factor takes the recovery codes with it", async () => {
    const world = await openWorld(settings);
    const subject = createSubject(-7);
    const { handle } = await withPasskey(world, subject);
    const login = await world.call("POST", "/login", { body: await assertion(world, subject, handle) });
    const bearer = String(login.json["token"]);
    const list = await world.call("GET", "/passkeys", { bearer });
    expect(list.json).toMatchObject({ rp: rpId, user: handle, accepted: [base64url(subject.id)] });
    const path = `/passkeys/${base64url(subject.id)}`;
    expect((await world.call("POST", path, { bearer, body: { name: "Key" } })).status).toBe(204);
    expect((await world.call("DELETE", path, { bearer })).status).toBe(200);
    expect((await world.call("POST", "/login", { body: await assertion(world, subject, handle) })).error).toBe(
      "unknown_passkey",
    );
    expect((await world.call("POST", "/login", { body: { login: "ann", password } })).status).toBe(200);
  });

  it("a password login under the policy phr must register a passkey, and gets its session with it", async () => {
    const world = await openWorld({ ...settings, factors: { "*": "phr" } });
    await world.user("ann", { password });
    const needed = await world.call("POST", "/login", { body: { login: "ann", password } });
    expect(needed.json).toMatchObject({ error: "factor_needed", enroll: true, factors: [] });
    const { transaction } = needed.json;
    expect((await world.call("POST", "/totp", { body: { transaction } })).error).toBe("factor_needed");
    const begun = await world.call("POST", "/passkeys/options", { body: { transaction } });
    const { challenge } = begun.json["passkey"] as Options;
    const passkey = register(createSubject(-8), bytesOf(challenge));
    const body = { transaction: begun.json["transaction"], passkey };
    const done = await world.call("POST", "/passkeys", { body });
    expect(done.status, done.text).toBe(200);
    expect(claimsOf(String(done.json["token"]))).toMatchObject({ amr: ["pwd", "swk", "mfa"], acr: "phr" });
    expect((await world.call("POST", "/passkeys", { body })).status).toBe(401);
  });

  it("a counter that steps back rejects a passkey that is not synced, and is recorded", async () => {
    const world = await openWorld(settings);
    const subject = createSubject(-7, { backupEligible: false });
    const { handle } = await withPasskey(world, subject);
    const use = async (signCount: number) => {
      const body = await assertion(world, subject, handle, { signCount });
      return (await world.call("POST", "/login", { body })).status;
    };
    expect([await use(5), await use(5), await use(4), await use(0), await use(6)]).toEqual([200, 401, 401, 401, 200]);
    expect((await world.events()).filter((event) => event === "passkey_cloned")).toHaveLength(3);
  });

  it("imported passkeys sign in with the user handle of the other system, and a dry run leaves nothing", async () => {
    const world = await openWorld(settings);
    const [jwk, cose] = [createSubject(-7), createSubject(-8)];
    const flags = { backup_eligible: true, backup_state: false };
    const passkeys = [
      { id: base64url(jwk.id), public_key: jwk.publicKey, sign_count: 7, transports: ["internal"], ...flags },
      { id: base64url(cose.id), public_key: base64url(encodeCbor(coseKey(cose))), name: "Key", ...flags },
    ];
    const handle = base64url(Buffer.from("user 7"));
    const line = JSON.stringify({ login: "ann", user_handle: handle, passkeys });
    expect(await world.ampho.users.import([line], { dryRun: true })).toMatchObject({ users: 1, wrong: 0 });
    const sent = async (subject: Subject) =>
      world.call("POST", "/login", { body: await assertion(world, subject, handle, { signCount: 8 }) });
    expect((await sent(jwk)).error).toBe("unknown_passkey");
    expect(await world.ampho.users.import([line])).toMatchObject({ users: 1 });
    for (const subject of [jwk, cose]) {
      const login = await sent(subject);
      expect(claimsOf(String(login.json["token"]))).toMatchObject({ login: "ann", acr: "phr" });
    }
    const again = [
      JSON.stringify({ login: "bob", user_handle: "AA", passkeys: passkeys.slice(0, 1) }),
      JSON.stringify({ login: "cid", user_handle: handle, passkeys: [{ ...passkeys[0], id: "AAAA" }] }),
    ];
    for (const taken of again)
      await expect(world.ampho.users.import([taken])).rejects.toThrow("An account has the user_handle, the id");
  });

  it("only a session at the level of the passkey can change factors", async () => {
    const world = await openWorld(settings);
    const subject = createSubject(-7);
    await withPasskey(world, subject);
    const { id } = (await world.ampho.users.find("ann")) ?? expect.unreachable();
    const { token } = await world.ampho.sessions.create(id, { amr: ["pwd"], authTime: world.clock.now() });
    expect((await world.call("POST", "/passkeys/options", { bearer: token })).error).toBe("login_too_weak");
    expect((await world.call("DELETE", `/passkeys/${base64url(subject.id)}`, { bearer: token })).error).toBe(
      "login_too_weak",
    );
    expect((await world.call("POST", "/totp", { bearer: token })).error).toBe("login_too_weak");
  });
});

it("an app that the policy does not accept any more is not set up, and no recovery codes are lost", async () => {
  const world = await openWorld({ ...settings, factors: { "*": "required" } });
  const ann = await world.user("ann", { password });
  const { transaction } = (await world.call("POST", "/login", { body: { login: "ann", password } })).json;
  const begun = await world.call("POST", "/totp", { body: { transaction } });
  await world.ampho.factors.setPolicy(ann.id, "phr");
  const totp = codeAt(String(begun.json["secret"]), world.clock.now());
  const body = { transaction: begun.json["transaction"], totp };
  expect((await world.call("POST", "/totp/confirm", { body })).error).toBe("factor_needed");
  expect(await world.ampho.factors.list(ann.id)).toEqual({ policy: "phr", insteadOf: null, factors: [] });
  expect(await world.ampho.sessions.list(ann.id)).toEqual([]);
});
