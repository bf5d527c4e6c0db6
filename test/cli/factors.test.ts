// The commands for second factors, beside an instance on the same database.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Secret, TOTP } from "otpauth";
import { describe, expect, it, onTestFinished } from "vitest";
import { type AmphoOptions, createAmpho } from "../../dist/index.js";
import { authenticate, base64url, bytesOf, createSubject, register } from "../factors/webauthn/authenticator.js";
import { fullGrant, password, type ReadResponse, readResponse, requestFor, type Sent } from "../world/ampho.js";
import { ampho } from "../world/command.js";
import { freshFolder } from "../world/folder.js";

const now = () => Math.floor(Date.now() / 1000);

/** Two keys of the same file: the instance and the commands see the same set. */
async function open(options: AmphoOptions = {}) {
  const cwd = freshFolder();
  const keyFile = path.join(cwd, "key.json");
  const runWith = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
    ampho(args, { cwd, env: { AMPHO_SECURITY_KEY_FILE: "key.json", ...env }, stdin: "" });
  const run = (...args: readonly string[]) => runWith({}, ...args);
  expect((await run("sec-gen-key", "-o", "key.json")).code).toBe(0);
  const start = async () => {
    const instance = await createAmpho({
      databaseUrl: `sqlite:${path.join(cwd, "ampho.db")}`,
      keyFile,
      log: () => {},
      ...options,
    });
    onTestFinished(() => instance.close());
    return instance;
  };
  const instance = await start();
  const call = async (method: string, target: string, sent: Sent = {}): Promise<ReadResponse> =>
    readResponse(await instance.fetch(requestFor(method, `http://localhost/api/security${target}`, sent), {}));
  const kids = () => {
    const set = JSON.parse(readFileSync(keyFile, "utf8"));
    return (set.keys ?? [set]).map(({ kid }: { kid: string }) => kid);
  };
  /** Lets every key of the file have its state for a year, so that no stage waits. */
  const age = () => {
    const text = readFileSync(keyFile, "utf8");
    writeFileSync(keyFile, text.replace(/"since":\d+/g, `"since":${now() - 365 * 86_400}`));
  };
  /** A command that changes something names its database first. */
  const named = `ampho: The database is ${path.join(cwd, "ampho.db")}.\n`;
  return { run, runWith, instance, call, kids, age, named };
}

type Opened = Awaited<ReturnType<typeof open>>;

/** Creates a user with an authenticator app. `code` returns the code of a step after the last one. */
async function withTotp({ instance, call }: Opened, login: string) {
  const { id } = await instance.users.create({ login, password });
  const session = fullGrant((await call("POST", "/login", { body: { login, password } })).json);
  const { transaction, secret } = (await call("POST", "/totp", { bearer: session.token, body: {} })).json;
  const app = new TOTP({ secret: Secret.fromBase32(String(secret)) });
  const code = (after = 1) => app.generate({ timestamp: (now() + 30 * after) * 1000 });
  const confirmed = await call("POST", "/totp/confirm", {
    bearer: session.token,
    body: { transaction, totp: code(0) },
  });
  expect(confirmed.status, confirmed.text).toBe(200);
  const codes = confirmed.json["recovery_codes"] as readonly string[];
  return {
    id,
    session,
    code,
    codes,
    logIn: (more: object) => call("POST", "/login", { body: { login, password, ...more } }),
  };
}

describe("factor-list and factor-remove", () => {
  it("factor-remove ends the sessions, keeps the reason, and the next login needs no factor", async () => {
    const opened = await open();
    const ann = await withTotp(opened, "ann");
    const listed = JSON.parse((await opened.run("factor-list", "ann", "--json")).stdout);
    expect(listed).toEqual({
      policy: null,
      insteadOf: null,
      factors: [
        { id: "totp", since: expect.closeTo(now(), -2) },
        { id: "recovery_code", left: 8 },
      ],
    });
    expect((await opened.run("factor-list", "ANN")).stdout).toMatch(
      /^ID +NAME +SINCE \(UTC\) +USED \(UTC\) +LEFT\ntotp +[-\d]+ [:\d]+\nrecovery_code +8\n$/,
    );
    expect(await opened.run("factor-remove", "ann", "recovery_code", "--reason", "printed")).toMatchObject({ code: 0 });
    expect(JSON.parse((await opened.run("factor-list", "ann", "--json")).stdout).factors).toHaveLength(1);
    expect((await ann.logIn({ recovery_code: ann.codes[0] })).error).toBe("invalid_credentials");
    expect(fullGrant((await ann.logIn({ totp: ann.code() })).json).token).not.toBe("");

    expect(await opened.run("factor-remove", "ann", "totp", "--reason", "lost phone")).toMatchObject({ code: 0 });
    expect(fullGrant((await ann.logIn({})).json).token).not.toBe("");
    const rows = JSON.parse((await opened.run("audit-list", "--login", "ann", "--json")).stdout);
    const removed = rows.filter(({ event }: { event: string }) => event === "factor_removed");
    expect(removed).toMatchObject([
      { reason: "printed", detail: { factors: ["recovery_code"] }, origin: { actor: "operator" } },
      { reason: "lost phone", detail: { factors: ["totp"] } },
    ]);
    expect(rows.some(({ reason }: { reason?: string }) => reason === "factors_changed")).toBe(true);
  });

  it("factor-list shows passkeys, and factor-remove removes one by its id and leaves the other", async () => {
    const { run, instance, call } = await open({ appUrl: "https://example.org/" });
    await instance.users.create({ login: "ann", password });
    const subjects = [createSubject(-7), createSubject(-8, { id: Buffer.alloc(16, 0xf8) })];
    let { token: bearer } = fullGrant((await call("POST", "/login", { body: { login: "ann", password } })).json);
    for (const subject of subjects) {
      const { transaction, passkey } = (await call("POST", "/passkeys/options", { bearer, body: {} })).json;
      const { challenge, user } = passkey as { challenge: string; user: { id: string } };
      const body = { transaction, passkey: register(subject, bytesOf(challenge)), name: "Key" };
      expect((await call("POST", "/passkeys", { bearer, body })).status).toBe(200);
      const { json } = await call("GET", "/login");
      const asked = bytesOf((json["passkey"] as { challenge: string }).challenge);
      const response = authenticate(subject, asked, { response: { userHandle: user.id } });
      const login = await call("POST", "/login", { body: { transaction: json["transaction"], passkey: response } });
      bearer = fullGrant(login.json).token;
    }
    const [first, second] = subjects.map(({ id }) => base64url(id));
    const time = expect.closeTo(now(), -2);
    const passkeys = [first, second].map((id) => ({ id, name: "Key", created: time, used: time }));
    const { factors } = JSON.parse((await run("factor-list", "ann", "--json")).stdout);
    expect(factors).toHaveLength(3);
    expect(factors).toEqual(expect.arrayContaining([...passkeys, { id: "recovery_code", left: 8 }]));
    expect((await run("factor-list", "ann")).stdout).toContain(second);
    // The id begins with a dash.
    expect(await run("factor-remove", "ann", "--reason", "lost key", "--", String(second))).toMatchObject({ code: 0 });
    const left = JSON.parse((await run("factor-list", "ann", "--json")).stdout).factors;
    expect(left.map(({ id }: { id: string }) => id)).toEqual([first, "recovery_code"]);
    expect(await run("factor-remove", "ann", "--reason", "lost key", "--", String(second))).toMatchObject({ code: 1 });
    const [entry] = JSON.parse((await run("audit-list", "--login", "ann", "--json")).stdout).filter(
      ({ event }: { event: string }) => event === "factor_removed",
    );
    expect(entry).toMatchObject({ reason: "lost key", detail: { factors: [], passkey: second } });
  });

  it("factor-policy required makes the next login set up a factor", async () => {
    const opened = await open();
    await opened.instance.users.create({ login: "bob", password });
    expect((await opened.run("factor-policy", "bob", "required")).code).toBe(0);
    const response = await opened.call("POST", "/login", { body: { login: "bob", password } });
    expect([response.status, response.error, response.json["enroll"]]).toEqual([401, "factor_needed", true]);
  });

  it("factor-policy sets a weaker policy than that of the roles only with --reason, and factor-list shows it", async () => {
    const opened = await open();
    await opened.instance.users.create({ login: "bob", password, roles: ["admin"] });
    const env = { AMPHO_SECURITY_FACTORS: '{"admin":"required"}' };
    const rejected = await opened.runWith(env, "factor-policy", "bob", "optional");
    expect(rejected).toMatchObject({ code: 1, stderr: expect.stringContaining("weaker than required") });
    expect(await opened.runWith(env, "factor-policy", "bob", "optional", "--reason", "robot")).toMatchObject({
      code: 0,
    });
    expect((await opened.run("factor-list", "bob")).stderr).toContain("It is weaker than required");
  });

  it("device-forget makes the next login on a remembered device ask for the factor", async () => {
    const opened = await open();
    const ann = await withTotp(opened, "ann");
    const { device } = fullGrant((await ann.logIn({ totp: ann.code(), remember: true })).json);
    expect(fullGrant((await ann.logIn({ device })).json).token).not.toBe("");
    expect((await opened.run("device-forget", "ann")).code).toBe(0);
    expect((await ann.logIn({ device })).error).toBe("factor_needed");
  });
});

describe("TOTP secrets and keys", () => {
  it("a key is not retired while a TOTP secret is under it, and factor-rekey moves the secret", async () => {
    const opened = await open();
    const ann = await withTotp(opened, "ann");
    const force = ["--force", "--reason", "drill"] as const;
    const stage = (...args: readonly string[]) => opened.run("sec-rotate-key", "--in-place", "--stage", ...args);
    expect((await stage("next")).code).toBe(0);
    expect((await stage("activate", ...force)).code).toBe(0);
    const [fresh, old] = opened.kids();
    opened.age();
    expect(await stage("retire")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`Too early: 1 TOTP secret is under key ${old}.`),
    });
    expect((await opened.instance.signingKeys.readUse()).totpSecrets).toEqual({ [old]: 1 });

    expect(await opened.run("factor-rekey")).toMatchObject({
      code: 0,
      stdout: "",
      stderr: `${opened.named}1 TOTP secret moved to key ${fresh}.\n`,
    });
    expect((await opened.instance.signingKeys.readUse()).totpSecrets).toEqual({ [fresh]: 1 });
    expect(await opened.run("factor-rekey")).toMatchObject({
      code: 0,
      stderr: `${opened.named}0 TOTP secrets moved to key ${fresh}.\n`,
    });
    expect((await stage("retire")).code).toBe(0);
    expect(opened.kids()).toEqual([fresh]);
    await opened.instance.reloadKeys();
    expect(fullGrant((await ann.logIn({ totp: ann.code() })).json).token).not.toBe("");
  });

  it("a revoked key decrypts only for factor-rekey, and is retired only when no secret is under it", async () => {
    const opened = await open();
    const ann = await withTotp(opened, "ann");
    const [stolen] = opened.kids();
    expect((await opened.run("sec-revoke-key", "--all")).code).toBe(0);
    // Nothing moves to a revoked key.
    expect(await opened.run("factor-rekey")).toMatchObject({ code: 0, stderr: expect.stringContaining("0 TOTP") });
    expect((await opened.run("sec-rotate-key", "--in-place")).code).toBe(0);
    await opened.instance.reloadKeys();
    // The new key signs, and the secret is still under the old one.
    await expect.poll(async () => (await ann.logIn({})).error).toBe("factor_needed");
    expect((await ann.logIn({ totp: ann.code() })).error).toBe("unavailable");
    const doctor = await opened.run("doctor", "--json");
    expect(JSON.parse(doctor.stdout)).toContainEqual(
      expect.objectContaining({ severity: "error", check: "factors", message: expect.stringContaining(stolen) }),
    );
    const retire = () => opened.run("sec-rotate-key", "--stage", "retire", "--in-place");
    expect(await retire()).toMatchObject({ code: 1, stderr: expect.stringContaining("`ampho factor-rekey`") });

    expect(await opened.run("factor-rekey")).toMatchObject({ code: 0, stderr: expect.stringContaining("1 TOTP") });
    expect((await retire()).code).toBe(0);
    expect(opened.kids()).toHaveLength(1);
    await opened.instance.reloadKeys();
    expect(fullGrant((await ann.logIn({ totp: ann.code() })).json).token).not.toBe("");
    expect(JSON.parse((await opened.run("doctor", "--json")).stdout)).not.toContainEqual(
      expect.objectContaining({ check: "factors" }),
    );
  });

  it("factor-rekey counts secrets whose key is gone, and the doctor reports them", async () => {
    const opened = await open();
    await withTotp(opened, "ann");
    expect((await opened.run("sec-rotate-key", "--keep", "0", "--in-place")).code).toBe(0);
    expect(await opened.run("factor-rekey")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("1 TOTP secret could not be decrypted."),
    });
    const findings = JSON.parse((await opened.run("doctor", "--json")).stdout);
    expect(findings).toContainEqual(
      expect.objectContaining({ check: "factors", message: expect.stringContaining("not configured") }),
    );
    const rows = await opened.instance.audit.list();
    expect(rows.filter(({ event }) => event === "factors_rekeyed")).toMatchObject([
      { detail: { moved: 0, undecryptable: 1 }, origin: { actor: "operator" } },
    ]);
  });
});
