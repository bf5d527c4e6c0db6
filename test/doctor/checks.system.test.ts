// The findings of `ampho doctor` in a folder with a configuration, and with instances of its own.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { authorize, mount } from "../../dist/adapters/node.js";
import { readConfiguration } from "../../dist/config/configuration.js";
import { checkConfiguration } from "../../dist/doctor/checks/configuration.js";
import { checkInstance } from "../../dist/doctor/checks/instance.js";
import { examine } from "../../dist/doctor/examine.js";
import type { CheckName, Severity } from "../../dist/doctor/finding.js";
import { createHttpServer } from "../../dist/http/server/server.js";
import { type AmphoOptions, createAmpho } from "../../dist/index.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { openMigrations } from "../../dist/store/open.js";
import { startMailServer } from "../mail/mail-server.js";
import { startEvilProvider } from "../world/evil-provider.js";
import { listening } from "../world/listen.js";
import { DatabaseSync } from "../world/sqlite.js";

const now = () => Math.floor(Date.now() / 1000);

let cwd: string;
let env: Record<string, string>;
const ends: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "ampho-doctor-"));
  writeKey(generateJwk("HS256"));
  env = {
    NODE_ENV: "production",
    AMPHO_SECURITY_KEY_FILE: "key.json",
    AMPHO_SECURITY_TOKEN_AUDIENCE: "https://api.example",
    AMPHO_DATABASE_URL: `sqlite:${join(cwd, "ampho.db")}`,
  };
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  rmSync(cwd, { recursive: true, force: true });
});

const writeKey = (jwk: object) => writeFileSync(join(cwd, "key.json"), JSON.stringify(jwk), { mode: 0o600 });

async function openAmpho(options: AmphoOptions = {}) {
  const { AMPHO_DATABASE_URL: databaseUrl = "" } = env;
  const ampho = await createAmpho({ key: generateJwk("HS256"), databaseUrl, log: () => {}, ...options });
  ends.push(() => ampho.close());
  return ampho;
}

async function examined(url?: string, at = now) {
  const api = url === undefined ? undefined : (prefix: string) => new URL(url + prefix);
  const processContext = { env, cwd, user: "ann", host: "here" };
  const { findings } = await examine(processContext, {}, api, at);
  for (const { message, fix } of findings) expect(fix.length * message.length).toBeGreaterThan(0);
  return findings;
}

/** Leaves out the time of a hash, because tests that run beside this one slow it down. */
const found = async (url?: string, at = now) =>
  (await examined(url, at))
    .filter(({ check }) => check !== "hashing")
    .map(({ severity, check }) => `${severity} ${check}`);

describe("a deployment", () => {
  it("the doctor names the users whose login is the address of another person, or is stored in an old form", async () => {
    const { users } = await openAmpho();
    const names = ["own@x.example", "ann", "bob", "cid@x.example", "dan@bücher.example", "eve"];
    const created = await Promise.all(names.map((login) => users.create({ login })));
    const idOf = (login: string) => created.find((user) => user.login === login)?.id ?? "";
    await users.setEmail("cid@x.example", "cid@y.example", { reason: "ticket 4711" });
    const database = new DatabaseSync(join(cwd, "ampho.db"));
    const set = (login: string, changes: string) =>
      database.prepare(`update ampho_users set ${changes} where login = ?`).all(login);
    set("ann", "login = 'victim＠x.example', canonical = 'victim@x.example'");
    set(
      "bob",
      "login = 'Own2@x．example', canonical = 'own2@x.example', email = 'b@x.example', email_canonical = 'b@x.example'",
    );
    set("dan@bücher.example", "canonical = 'dan@bücher.example'");
    set("eve", "email = 'Eve@x.example', email_canonical = 'Eve@x.example'");
    database.close();
    const findings = (await examined()).filter(({ check }) => check === "logins");
    const named = findings.map(({ severity, message }) => [
      severity,
      created.filter(({ id }) => message.includes(id)).map(({ id }) => id),
    ]);
    expect(named).toEqual([
      ["error", [idOf("dan@bücher.example"), idOf("eve")]],
      ["warning", [idOf("ann"), idOf("bob")]],
      ["note", [idOf("cid@x.example")]],
    ]);
  });

  it("the doctor names the API keys that were not used for 90 days, and those in use that end within 14 days", async () => {
    const { users, apiKeys, verify, close } = await openAmpho({ apiKeys: 50, scopes: { editor: ["a:read"] } });
    const { id } = await users.create({ login: "ann", roles: ["editor"] });
    const day = 86_400;
    const create = async (days: number) =>
      apiKeys.create(id, { name: "x", scopes: ["a:read"], expires: now() + days * day });
    const [idle, used, ending, replaced] = [await create(200), await create(200), await create(100), await create(100)];
    for (const { key } of [used, ending, replaced]) await verify(key, ["api_key"]);
    const successor = await apiKeys.rotate(id, { id: replaced.id, overlap: day });
    await close();
    const found = async (days: number) =>
      (await examined(undefined, () => now() + days * day))
        .filter(({ check }) => check === "api-keys")
        .map(({ severity, message }) => `${severity}: ${message}`);
    expect(await found(0)).toEqual([]);
    expect(await found(89)).toEqual([`note: 1 API key was used, and will end within 14 days. The ids: ${ending.id}.`]);
    const late = await found(91);
    expect(late[0]).toBe(
      `note: 4 API keys were not used for 90 days. The ids: ${[ending, successor, idle, used].map((each) => each.id).join(", ")}.`,
    );
  });

  it("a deployment that follows the docs has no finding, before and after its first start", async () => {
    expect(await found()).toEqual([]);
    await openAmpho();
    expect(await found()).toEqual([]);
  });

  it("the doctor reports all wrong values at once, and no secret", async () => {
    env["AMPHO_SECURITY_TOKEN_TTL"] = "soon";
    env["AMPHO_SECURITY_KEY"] = '{"kty":"oct","k":"secret"}';
    const findings = await examined();
    expect(findings.map(({ severity, check }) => `${severity} ${check}`)).toEqual(Array(3).fill("error configuration"));
    const named = findings.map(({ message }) => message.slice(0, 25)).sort();
    expect(named).toEqual(["AMPHO_SECURITY_KEY cannot", "AMPHO_SECURITY_KEY_FILE m", "AMPHO_SECURITY_TOKEN_TTL "]);
    expect(JSON.stringify(findings)).not.toContain('k\\":');
  });

  const doubtful: readonly [string, string, Severity, CheckName][] = [
    ["AMPHO_SECURITY_PASSWORD_MIN", "7", "error", "configuration"],
    ["AMPHO_SECURITY_PASSWORD_MIN", "8", "warning", "configuration"],
    ["AMPHO_DATABASE_URL", "sqlite::memory:", "error", "configuration"],
    ["AMPHO_SECURITY_TOKEN_TTL", "86401", "error", "configuration"],
    ["AMPHO_SECURITY_TOKEN_TTL", "3601", "warning", "configuration"],
    ["AMPHO_SECURITY_TOKEN_TTL", "10", "warning", "configuration"],
    ["AMPHO_SECURITY_TOKEN_LEEWAY", "121", "warning", "configuration"],
    ["AMPHO_SECURITY_TOKEN_ISSUER", "http://us.example", "warning", "configuration"],
    ["AMPHO_SECURITY_TOKEN_FOREIGN_TTL", "2592001", "warning", "configuration"],
    ["AMPHO_SECURITY_SESSION_TTL", "31622401", "warning", "configuration"],
    ["AMPHO_SECURITY_SESSION_IDLE_TTL", "7776001", "warning", "configuration"],
    ["AMPHO_SECURITY_THROTTLE_LOCK", "101", "warning", "configuration"],
    ["AMPHO_SECURITY_THROTTLE_ATTEMPTS", "1000", "warning", "configuration"],
    ["AMPHO_SECURITY_THROTTLE_ADDRESS", "0", "warning", "configuration"],
    ["AMPHO_SECURITY_CORS_ORIGINS", "http://app.example", "warning", "configuration"],
    ["AMPHO_HOST", "0.0.0.0", "warning", "configuration"],
    ["AMPHO_TRUST_PROXY", "4", "warning", "configuration"],
    ["AMPHO_SECURITY_TOKEN_TLL", "1", "warning", "configuration"],
    ["AMPHO_APP_URL", "https://192.0.2.7/", "warning", "configuration"],
    ["AMPHO_APP_URL", "http://app.localhost:3000/", "error", "configuration"],
    ["AMPHO_SECURITY_FACTORS", '{"*":"phr"}', "error", "configuration"],
    ["AMPHO_SECURITY_MAIL_LOGIN", "true", "note", "configuration"],
    ["AMPHO_SECURITY_REGISTRATION", "open", "note", "configuration"],
  ];
  it.each(doubtful)("the doctor reports %s=%s as %s", (name, value, severity, check) => {
    // Parameters that need mails are wrong without these, and passkeys are offered with them.
    const needsMails = /MAIL_LOGIN|REGISTRATION/.test(name);
    const mails = needsMails ? { AMPHO_APP_URL: "https://app.example/", AMPHO_MAIL_URL: "file:mails" } : {};
    const read = readConfiguration({ env: { ...env, ...mails, [name]: value }, cwd, user: "ann", host: "here" });
    const findings = checkConfiguration(read.configuration, read.warnings);
    expect(findings).toEqual([{ severity, check, message: expect.any(String), fix: expect.any(String) }]);
  });

  it.each([
    ['{"*":"required"}', []],
    ['{"*":"phr"}', []],
    ['{"*":"optional","admin":"required"}', ["warning"]],
    ['{"admin":"required"}', ["warning"]],
  ])(
    "the doctor accepts passwords of 8 characters only if the policy of every user asks for a factor, as in %s",
    (factors, severities) => {
      const policy = { AMPHO_SECURITY_FACTORS: factors, AMPHO_APP_URL: "https://app.example/" };
      const more = { AMPHO_SECURITY_PASSWORD_MIN: "8", ...policy };
      const read = readConfiguration({ env: { ...env, ...more }, cwd, user: "ann", host: "here" });
      const findings = checkConfiguration(read.configuration, read.warnings);
      expect(findings.map(({ severity }) => severity)).toEqual(severities);
    },
  );

  it("the doctor counts the users whose only way in is switched off", async () => {
    const ampho = await openAmpho();
    const [ann, bob] = [await ampho.users.create({ login: "ann" }), await ampho.users.create({ login: "bob" })];
    await ampho.users.create({ login: "cat" });
    expect(await found()).toEqual([]);
    const database = new DatabaseSync(join(cwd, "ampho.db"));
    for (const { id } of [ann, bob])
      database.exec(`insert into ampho_identities (issuer, subject, user_id, provider, created_at)
        values ('https://id.example', '${id}', '${id}', 'acme', 1)`);
    database.close();
    const counted = async () => (await examined()).filter(({ check }) => check === "factors").map((one) => one.message);
    expect(await counted()).toEqual(["2 users have no way in that is switched on."]);
    await ampho.users.setPassword("ann", "violet kettle harbour evening");
    expect(await counted()).toEqual(["1 user has no way in that is switched on."]);
    await ampho.users.remove("bob");
    expect(await found()).toEqual([]);
  });

  it("the doctor counts the users whose passkeys belong to another relying party", async () => {
    const ampho = await openAmpho();
    const database = new DatabaseSync(join(cwd, "ampho.db"));
    for (const [login, rp] of Object.entries({ ann: "old.example", bob: "app.example", cat: "old.example" })) {
      const { id } = await ampho.users.create({ login });
      database.exec(`insert into ampho_passkeys (id, user_id, public_key, alg, sign_count, backup_eligible, backed_up, uv,
        transports, aaguid, rp, name, created_at) values ('${login}', '${id}', '{}', -7, 0, 0, 0, 1, '[]', '', '${rp}', '', 1)`);
    }
    const counted = async () => (await examined()).filter(({ check }) => check === "factors").map((one) => one.message);
    expect(await counted()).toEqual(["3 users have no way in that is switched on."]);
    env["AMPHO_APP_URL"] = "https://app.example/";
    expect(await counted()).toEqual(["2 users have no way in that is switched on."]);
    database.exec("update ampho_passkeys set rp = 'app.example' where id = 'cat'");
    database.close();
    expect(await counted()).toEqual(["1 user has no way in that is switched on."]);
  });

  it("the doctor counts the users whose own policy asks for passkeys while none are offered", async () => {
    const ampho = await openAmpho();
    for (const login of ["ann", "bob", "cat", "dan"]) {
      const { id } = await ampho.users.create({ login, password: "violet kettle harbour evening" });
      await ampho.factors.setPolicy(id, login === "dan" ? "required" : "phr");
    }
    await ampho.users.disable("cat");
    const counted = async () => (await examined()).filter(({ check }) => check === "factors").map((one) => one.message);
    expect(await counted()).toEqual(["2 users have the policy `phr`, but passkeys are not offered."]);
    env["AMPHO_APP_URL"] = "https://app.example/";
    expect(await counted()).toEqual([]);
    env["AMPHO_SECURITY_PASSKEYS"] = "false";
    await ampho.users.remove("ann");
    expect(await counted()).toEqual(["1 user has the policy `phr`, but passkeys are not offered."]);
  });

  it("the doctor lists the users for whom an operator has set a weaker policy than that of their roles", async () => {
    env["AMPHO_SECURITY_FACTORS"] = '{"admin":"required"}';
    const ampho = await openAmpho({ factors: { admin: "required" } });
    const { id } = await ampho.users.create({ login: "robot", roles: ["admin"] });
    const messages = async () =>
      (await examined()).filter(({ check }) => check === "factors").map((one) => one.message);
    expect(await messages()).toEqual([]);
    await ampho.factors.setPolicy(id, "optional", { reason: "A robot." });
    expect(await messages()).toEqual([expect.stringContaining(`than their roles: ${id}.`)]);
    await ampho.factors.setPolicy(id, "default");
    expect(await messages()).toEqual([]);
  });

  it("the doctor advises a second factor for users with the role admin", async () => {
    const ampho = await openAmpho();
    await ampho.users.create({ login: "ann", roles: ["administrator", "admin2"] });
    expect(await found()).toEqual([]);
    await ampho.users.create({ login: "bob", roles: ["admin"] });
    const advice = expect.objectContaining({ fix: expect.stringContaining('{"admin":"required"}') });
    expect((await examined()).filter(({ check }) => check === "factors")).toEqual([advice]);
    for (const factors of ['{"admin":"required"}', '{"*":"required"}']) {
      env["AMPHO_SECURITY_FACTORS"] = factors;
      expect(await found()).toEqual([]);
    }
    delete env["AMPHO_SECURITY_FACTORS"];
    await ampho.users.disable("bob");
    expect(await found()).toEqual([]);
  });

  it("the doctor reports a missing key and NODE_ENV if other machines can reach the port", async () => {
    env = { AMPHO_HOST: "::", AMPHO_DATABASE_URL: `sqlite:${join(cwd, "ampho.db")}` };
    expect((await found()).sort()).toEqual(["warning configuration", "warning signing-key"]);
  });

  it("the doctor reports what other services can do with tokens if public keys are configured", async () => {
    writeKey(generateJwk("ES256"));
    expect(await found()).toEqual(["warning configuration"]);
  });

  it("the doctor notes that tokens have no `aud`", async () => {
    delete env["AMPHO_SECURITY_TOKEN_AUDIENCE"];
    expect(await found()).toEqual(["note configuration"]);
  });
});

describe("a key", () => {
  it("the doctor reports a key file that is older than a year", async () => {
    utimesSync(join(cwd, "key.json"), now() - 400 * 86_400, now() - 400 * 86_400);
    expect(await found()).toEqual(["warning signing-key"]);
  });

  it("the doctor reports a key that has signed for more than a year, even if its file is new", async () => {
    const since = now() - 400 * 86_400;
    writeKey({ keys: [{ ...generateJwk("HS256"), state: "current", since }] });
    expect(await found()).toEqual(["warning signing-key"]);
    writeKey({ keys: [{ ...generateJwk("HS256"), state: "current", since: now() }] });
    utimesSync(join(cwd, "key.json"), since, since);
    expect(await found()).toEqual([]);
  });

  it("the doctor reports a secret of readable text without printing it", async () => {
    writeKey({
      kty: "oct",
      k: Buffer.from("Correct horse! battery 7 staples, two").toString("base64url"),
      kid: "typed",
    });
    const findings = await examined();
    expect(findings.map(({ severity, check }) => [severity, check])).toEqual([["warning", "signing-key"]]);
    expect(JSON.stringify(findings)).not.toContain("horse");
  });

  it("the doctor names a command that removes only keys whose tokens have expired", async () => {
    writeKey({ keys: Array.from({ length: 5 }, () => generateJwk("HS256")) });
    expect(await found()).toEqual(["note signing-key"]);
    const [finding] = await examined();
    expect(finding?.fix).toContain("`ampho sec-rotate-key --stage retire --in-place`");
    expect(finding?.fix).not.toContain("--keep");
  });

  it("the doctor reports a revoked signing key and the command that replaces it", async () => {
    const jwk = generateJwk("HS256");
    writeKey(jwk);
    const ampho = await openAmpho();
    await ampho.signingKeys.revoke(jwk["kid"] ?? "");
    expect(await found()).toEqual(["error signing-key"]);
    const [finding] = await examined();
    expect(finding?.fix).toContain("`ampho sec-rotate-key --in-place`");
  });
});

describe("files", () => {
  it.each([
    [0o644, "error files"],
    [0o602, "error files"],
    [0o640, "warning files"],
  ])("the doctor reports a key file of mode %o", async (mode, expected) => {
    chmodSync(join(cwd, "key.json"), mode);
    expect(await found()).toEqual([expected]);
  });

  it("the doctor reports a readable file of outside providers", async () => {
    env["AMPHO_APP_URL"] = "https://app.example/";
    env["AMPHO_SECURITY_PROVIDERS_FILE"] = "providers.json";
    const file = join(cwd, "providers.json");
    const about = async () => (await examined()).filter(({ check }) => check === "files").map((one) => one.message);
    writeFileSync(file, "{}", { mode: 0o600 });
    expect(await about()).toEqual([]);
    chmodSync(file, 0o644);
    expect(await about()).toEqual([
      expect.stringMatching(/^The file of AMPHO_SECURITY_PROVIDERS .*providers\.json.* is readable by every user/),
    ]);
  });

  it("the doctor reports readable configuration files with secrets, databases and writable folders", async () => {
    await openAmpho();
    mkdirSync(join(cwd, "config"));
    writeFileSync(join(cwd, "config/default.json"), '{"AMPHO_SECURITY_TOKEN_TTL":900}', { mode: 0o644 });
    expect(await found()).toEqual([]);
    writeFileSync(
      join(cwd, "config/production.json"),
      JSON.stringify({ AMPHO_SECURITY_REVOCATION_FEED_TOKEN: "x".repeat(40) }),
    );
    chmodSync(join(cwd, "config/production.json"), 0o644);
    chmodSync(join(cwd, "ampho.db"), 0o644);
    chmodSync(cwd, 0o777);
    const messages = (await examined()).map(({ message }) => message).join("\n");
    expect(messages).toMatch(/^The configuration file with a secret .*production\.json.* is readable by every user/m);
    expect(messages).toMatch(/^The database .* is readable by every user/m);
    expect(messages).toMatch(/^The folder .* of a secret file is writable by every user/m);
    expect(messages.split("\n")).toHaveLength(3);
  });
});

describe("a database", () => {
  it("the doctor reports an old schema and does not change it", async () => {
    const ampho = await openAmpho();
    await ampho.close();
    const migrations = await openMigrations(env["AMPHO_DATABASE_URL"] ?? "");
    ends.push(() => migrations.close());
    const before = await migrations.current();
    await migrations.down();
    expect(await found()).toEqual(["warning schema"]);
    env["AMPHO_DATABASE_MIGRATE"] = "off";
    expect(await found()).toEqual(["error schema"]);
    expect(await migrations.current()).toBe(before - 1);
  });

  it("the doctor reports a file that is no database", async () => {
    writeFileSync(join(cwd, "ampho.db"), "no database, but long enough to be looked at as one".repeat(20), {
      mode: 0o600,
    });
    expect(await found()).toEqual(["error database"]);
  });

  it("the doctor reports a database from the future, forgotten sessions and imported hashes", async () => {
    const ampho = await openAmpho();
    const { id } = await ampho.users.create({ login: "ann" });
    await ampho.sessions.create(id);
    expect(await found(undefined, () => now() - 3600)).toEqual(["error clock"]);
    await createAmpho({
      key: generateJwk("HS256"),
      databaseUrl: env["AMPHO_DATABASE_URL"],
      sessionIdleTtl: 40 * 86_400,
      sessionTtl: 90 * 86_400,
      clock: { now: () => now() - 35 * 86_400, monotonicMs: () => performance.now() },
      log: () => {},
    }).then(async (old) => {
      await old.sessions.create(id);
      await old.close();
    });
    expect(await found()).toEqual(["note sessions"]);
    const phpass = "$P$B55D6LjfHDkINU5wF.v2BuuzO0/XPk/";
    await ampho.users.import(lines(JSON.stringify({ login: "bob", password_hash: phpass })));
    expect(await found()).toEqual(["warning hashes", "note sessions"]);
  });

  it("the doctor counts imported PBKDF2 hashes of an LDAP server as slow ones", async () => {
    const ampho = await openAmpho();
    const hash = `{PBKDF2-SHA512}100000$${"A".repeat(22)}$${"A".repeat(86)}`;
    await ampho.users.import(lines(JSON.stringify({ login: "bob", password_hash: hash })));
    const [finding] = (await examined()).filter(({ check }) => check === "hashes");
    expect(finding).toMatchObject({ severity: "note", message: expect.stringContaining("1 ldap-pbkdf2-sha512") });
  });
});

describe("a list of breached passwords", () => {
  it("the doctor reports a folder that is missing or does not contain the list", async () => {
    const folder = join(cwd, "ranges");
    env["AMPHO_SECURITY_BREACHES_URL"] = `file:${folder}`;
    const about = async () => (await examined()).filter(({ check }) => check === "breaches").map((one) => one.message);
    const problem = (why: string) => [expect.stringContaining(`is not in use, because ${why}. `)];
    expect(await about()).toEqual(problem("the file of the range cannot be read"));
    mkdirSync(folder);
    // "5BAA6" and this are the SHA-1 of "password".
    const suffix = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
    const range = join(folder, "5BAA6");
    writeFileSync(range, "<html>");
    expect(await about()).toEqual(problem("the response was not a list of hashes"));
    writeFileSync(range, `${"0".repeat(35)}:3`);
    expect(await about()).toEqual(problem("it does not contain the most common password"));
    writeFileSync(range, `${suffix}:9`);
    expect(await about()).toEqual([]);
  });
});

async function* lines(...all: readonly string[]) {
  yield* all;
}

describe("a running instance", () => {
  async function serve(trustProxy = 0): Promise<string> {
    const ampho = await openAmpho();
    const server = createHttpServer({ host: ampho.host, log: () => {}, settings: { trustProxy } });
    ends.unshift(() => server.close());
    return server.listen(0, "127.0.0.1");
  }

  const urlOf = async (listener: RequestListener) => (await listening(listener)).url;

  /** A proxy that sends X-Forwarded-For and can change response headers such as Date. */
  const proxyTo = (root: string, responded: Readonly<Record<string, string>> = {}) =>
    urlOf(async (request, response) => {
      const received = await fetch(root + request.url, { headers: { "x-forwarded-for": "192.0.2.7" } });
      response
        .writeHead(received.status, { "content-type": "application/json", ...responded })
        .end(await received.text());
    });

  it("a healthy instance has no finding", async () => {
    expect(await found(await serve())).toEqual([]);
  });

  it("the doctor reports a proxy that the instance does not trust, and no trusted proxy", async () => {
    expect(await found(await proxyTo(await serve()))).toEqual(["error proxy"]);
    expect(await found(await proxyTo(await serve(1)))).toEqual([]);
  });

  it("the doctor reports every warning of a ready instance, and no text of another server", async () => {
    const jwk = generateJwk("HS256");
    writeKey(jwk);
    const ampho = await openAmpho({ key: jwk, databaseUrl: "sqlite::memory:" });
    const server = createHttpServer({ host: ampho.host, log: () => {} });
    ends.unshift(() => server.close());
    const root = await server.listen(0, "127.0.0.1");
    expect(await found(root)).toEqual([]);
    await ampho.signingKeys.revoke(jwk["kid"] ?? "");
    expect((await examined(root)).map(({ severity, message }) => `${severity} ${message}`)).toContain(
      "error /readyz warns of signing_key_revoked.",
    );

    const body = JSON.stringify({
      status: "ok",
      warnings: ["signing_key_file_unusable", "clock_off", "Call 555-1234", 7],
    });
    const other = await urlOf((_, response) => response.writeHead(200).end(body));
    const messages = (await examined(other)).map(({ message }) => message).filter((one) => one.includes("warns"));
    expect(messages).toEqual(["/readyz warns of signing_key_file_unusable.", "/readyz warns of clock_off."]);
  });

  it("the doctor reports an instance with another time", async () => {
    const date = (seconds: number) => ({ date: new Date(Date.now() + seconds * 1000).toUTCString() });
    expect(await found(await proxyTo(await serve(1), date(600)))).toEqual(["error clock"]);
    expect(await found(await proxyTo(await serve(1), date(-30)))).toEqual(["warning clock"]);
  });

  it("the doctor reports an instance with another key, a wrong URL, or no response", async () => {
    const root = await serve();
    writeKey(generateJwk("EdDSA"));
    expect(await found(root)).toContain("warning signing-key");
    expect(await found(`${root}/elsewhere`)).toContain("error instance");
    expect(await found("http://127.0.0.1:9")).toContain("error instance");
  });

  it("the doctor reports a host that does not list every related origin", async () => {
    // AMPHO_APP_URL also switches mails on, which have tests of their own.
    const aboutPasskeys = async (url: string) => (await found(url)).filter((one) => one !== "note mail");
    const key = generateJwk("HS256");
    const instance = (passkeyOrigins: string) => {
      const settings = { appUrl: "https://app.example/", passkeys: { origins: passkeyOrigins } };
      return createAmpho({ key, databaseUrl: "sqlite::memory:", log: () => {}, ...settings });
    };
    const serving = async (passkeyOrigins: string) => {
      const ampho = await instance(passkeyOrigins);
      const server = createHttpServer({ host: ampho.host, log: () => {} });
      ends.unshift(async () => {
        await server.close();
        await ampho.close();
      });
      return server.listen(0, "127.0.0.1");
    };
    env["AMPHO_APP_URL"] = "https://app.example/";
    env["AMPHO_SECURITY_PASSKEYS"] = `{"origins":"https://a.app.example,android:apk-key-hash:${"A".repeat(43)}"}`;
    const without = await serve();
    expect(await aboutPasskeys(without)).toEqual([]);
    env["AMPHO_SECURITY_PASSKEYS"] = '{"origins":"https://app.example.de,https://pp.example"}';
    expect(await aboutPasskeys(without)).toEqual(["warning passkeys"]);
    expect(await aboutPasskeys(await serving("https://app.example.de"))).toEqual(["warning passkeys"]);
    expect(await aboutPasskeys(await serving("https://app.example.de,https://pp.example"))).toEqual([]);
  });

  it("the doctor compares the metadata that connected applications read", async () => {
    Object.assign(env, { AMPHO_SECURITY_CONNECT: "registered", AMPHO_APP_URL: "https://app.example/" });
    env["AMPHO_SECURITY_SCOPE_TEXTS"] = '{"read":"Read"}';
    const ampho = await createAmpho({
      key: generateJwk("HS256"),
      databaseUrl: "sqlite::memory:",
      log: () => {},
      connect: "registered",
      appUrl: "https://app.example/",
      scopeTexts: { read: "Read" },
    });
    ends.unshift(() => ampho.close());
    const { url: root } = await listening(mount(ampho));
    const aboutConnect = async () => (await found(root)).filter((one) => one.endsWith("connect"));
    expect(await aboutConnect()).toEqual([]);
    env["AMPHO_SECURITY_SCOPE_TEXTS"] = '{"read":"Read","write":"Write"}';
    expect(await aboutConnect()).toEqual(["warning connect"]);
    env["AMPHO_SECURITY_TOKEN_ISSUER"] = "https://app.example/tenant";
    expect(await aboutConnect()).toEqual(["warning connect"]);
  });

  it("the doctor compares the metadata of resources, their URL and the challenge of their routes", async () => {
    const resources = [
      { resource: "https://api.example/mcp", scopes: ["articles:read"], servers: ["https://id.example"] },
    ];
    const aboutResources = async (url: string) => (await found(url)).filter((one) => one.endsWith("resources"));
    const ampho = await createAmpho({
      key: generateJwk("HS256"),
      databaseUrl: "sqlite::memory:",
      log: () => {},
      resources,
    });
    let guarded = true;
    const guard = authorize(ampho, { resource: "https://api.example/mcp" });
    const rest = mount(ampho);
    ends.unshift(() => ampho.close());
    const { url: root } = await listening((request, response) =>
      rest(request, response, () => {
        if (guarded && request.url === "/mcp") guard(request, response, () => response.end());
        else response.end();
      }),
    );
    env["AMPHO_SECURITY_RESOURCES"] = JSON.stringify(resources);
    expect(await aboutResources(root)).toEqual([]);
    guarded = false;
    expect(await aboutResources(root)).toEqual(["warning resources"]);
    guarded = true;
    env["AMPHO_SECURITY_RESOURCES"] = JSON.stringify([{ ...resources[0], scopes: ["articles:write"] }]);
    expect(await aboutResources(root)).toEqual(["warning resources"]);
    env["AMPHO_SECURITY_RESOURCES"] = JSON.stringify([{ ...resources[0], resource: "https://api.example/MCP" }]);
    expect(await aboutResources(root)).toEqual(["warning resources"]);
    env["AMPHO_SECURITY_TOKEN_AUDIENCE"] = "https://other.example";
    expect(await found(root)).toContain("error configuration");
  });

  it("the doctor reports an instance that is reached over http from another machine", async () => {
    const { configuration } = readConfiguration({ env, cwd, user: "ann", host: "here" });
    const api = new URL(`${(await serve()).replace("127.0.0.1", "0.0.0.0")}/api/security`);
    const findings = await checkInstance(api, configuration, [], now);
    expect(findings.map(({ severity, check }) => `${severity} ${check}`)).toEqual(["error tls"]);
  });
});

describe("outside providers", () => {
  const secret = "do-not-show";
  const providerFindings = async () => {
    const findings = await examined();
    expect(JSON.stringify(findings)).not.toContain(secret);
    return findings
      .filter(({ check }) => check === "providers")
      .map(({ severity, message }) => `${severity}: ${message}`);
  };
  const configure = (issuers: Readonly<Record<string, string>>) => {
    const settings = Object.entries(issuers).map(([name, issuer]) => [
      name,
      { issuer, client_id: "shop", client_secret: secret },
    ]);
    env["AMPHO_APP_URL"] ??= "https://app.example/";
    env["AMPHO_SECURITY_PROVIDERS"] = JSON.stringify(Object.fromEntries(settings));
  };

  it("the doctor reports each provider that is down, is another issuer, has no key or another time", async () => {
    const later = () => now() + 3600;
    const [good, other, keyless, late] = [
      await startEvilProvider(now),
      await startEvilProvider(now),
      await startEvilProvider(now),
      await startEvilProvider(later),
    ];
    configure({ good: good.issuer });
    expect(await providerFindings()).toEqual([]);
    other.metadata = { ...other.metadata, issuer: `${other.issuer}/` };
    keyless.keys = [{ kty: "oct", k: "c2VjcmV0", kid: "key-1" }];
    late.routes.set("/jwks", (_, response) => {
      response.writeHead(200, { "content-type": "application/json", date: new Date(later() * 1000).toUTCString() });
      response.end(JSON.stringify({ keys: late.keys }));
    });
    const issuers = { other: other.issuer, keyless: keyless.issuer, late: late.issuer, down: "http://127.0.0.1:9" };
    configure({ good: good.issuer, ...issuers });
    expect(await providerFindings()).toEqual([
      expect.stringMatching(/^error: Provider other: .*for an issuer that differs/),
      expect.stringMatching(/^error: Provider keyless: No usable key is published/),
      expect.stringMatching(/^error: Provider late: The clocks differ by 3(?:5[5-9]\d|60[01]) s\.$/),
      expect.stringMatching(/^error: Provider down: The provider cannot be used/),
    ]);
  });

  it("the doctor reports a callback on the machine of each user, except in development", async () => {
    const { issuer } = await startEvilProvider(now);
    env["AMPHO_API_URL"] = "http://localhost:3000";
    configure({ acme: issuer });
    expect(await providerFindings()).toEqual([
      "error: Provider acme: The callback leads to the machine of each user. Set AMPHO_APP_URL or AMPHO_API_URL.",
    ]);
    env["NODE_ENV"] = "development";
    expect(await providerFindings()).toEqual([]);
  });
});

describe("mails", () => {
  it("the doctor reports what prevents the start of a server that cannot send its mails", async () => {
    Object.assign(env, { AMPHO_SECURITY_REGISTRATION: "invite", AMPHO_SECURITY_MAIL_LOGIN: "true" });
    const unsent = async () => (await examined()).filter(({ message }) => message.includes("needs mails"));
    expect((await unsent()).map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
      'warning: AMPHO_SECURITY_REGISTRATION must be closed, but is "invite". It needs mails, so set AMPHO_APP_URL and AMPHO_MAIL_URL.',
      "warning: AMPHO_SECURITY_MAIL_LOGIN must be false, but is true. It needs mails, so set AMPHO_APP_URL and AMPHO_MAIL_URL.",
    ]);
    env["AMPHO_APP_URL"] = "https://app.example/";
    // An application can have the option `mail`.
    expect((await unsent()).map(({ severity }) => severity)).toEqual(["note", "note"]);
    env["AMPHO_MAIL_URL"] = `file:${cwd}/mails`;
    expect(await unsent()).toEqual([]);
  });

  const mailFindings = async (at = now) => {
    const findings = await examined(undefined, at);
    return findings.filter(({ check }) => check === "mail").map(({ severity, message }) => `${severity}: ${message}`);
  };

  it("the doctor connects to the mail server as for a mail, and sends none", async () => {
    const server = await startMailServer();
    env["AMPHO_MAIL_FROM"] = "no-reply@app.example";
    env["AMPHO_MAIL_URL"] = `smtp://127.0.0.1:${server.port}`;
    expect(await mailFindings()).toEqual([]);
    expect(server.arrived).toEqual([]);
    await new Promise<void>((resolve) => server.server.close(resolve));
    expect(await mailFindings()).toEqual([expect.stringMatching(/^error: The mail server cannot be used/)]);
  });

  it("the doctor reports a change of a user whose hook fails, or is called by no process", async () => {
    const hooksFindings = async (at = now) =>
      (await examined(undefined, at))
        .filter(({ check }) => check === "hooks")
        .map(({ message, fix }) => [message, fix]);
    let isCalled: () => void = () => undefined;
    const called = new Promise<void>((resolve) => {
      isCalled = resolve;
    });
    const onUserCreated = () => {
      isCalled();
      throw new Error("no search index");
    };
    const ampho = await openAmpho({ onUserCreated });
    await ampho.users.create({ login: "hooked" });
    await called;
    await ampho.close();
    expect(await hooksFindings()).toEqual([]);
    const late = () => now() + 600;
    const [message, fix] = (await hooksFindings(late))[0] ?? [];
    expect(message).toBe("A change of a user waits for a hook, the oldest for 10 minutes.");
    expect(fix).toContain("The hook fails.");
  });

  it("the doctor names service accounts without a scope, and those that get no tokens", async () => {
    const messages = async () => {
      const found = await examined();
      return found.filter(({ check }) => check === "services").map(({ message }) => message);
    };
    const ampho = await openAmpho({});
    await ampho.services.add({ name: "nightly", scopes: [] });
    await ampho.services.add({ name: "gateway", scopes: ["ampho:introspect"] });
    await ampho.services.add({ name: "paused", scopes: [] });
    await ampho.services.disable("paused");
    const off = "There are service accounts, and AMPHO_SECURITY_TOKEN_ENDPOINT is false. They get no access tokens.";
    const empty = "These service accounts have no scope, so they can do nothing: nightly.";
    expect(await messages()).toEqual([empty, off]);
    env["AMPHO_SECURITY_TOKEN_ENDPOINT"] = "true";
    expect(await messages()).toEqual([empty]);
    await ampho.services.remove("nightly");
    await ampho.close();
    expect(await messages()).toEqual([]);
  });

  it("the doctor names scopes that users cannot give, and clients to which they cannot connect", async () => {
    const found = async () => (await examined()).filter(({ check }) => /^(?:connect|services)$/.test(check));
    const ampho = await openAmpho({});
    const client = { redirects: ["https://reader.example/callback"], userScopes: ["read", "write"], public: true };
    await ampho.services.add({ name: "reader", scopes: [], client });
    const off = "Users can connect to no application, because AMPHO_SECURITY_CONNECT is not set. There are clients.";
    expect((await found()).map(({ message }) => message)).toEqual([off]);
    env["AMPHO_SECURITY_CONNECT"] = "registered";
    env["AMPHO_APP_URL"] = "https://app.example/";
    env["AMPHO_SECURITY_SCOPE_TEXTS"] = '{"read":"Read"}';
    const resource = "https://api.example/mcp";
    const elsewhere = { resource: "https://api.example/other", scopes: ["far"], servers: ["https://id.example"] };
    env["AMPHO_SECURITY_RESOURCES"] = JSON.stringify([{ resource, scopes: ["read", "admin"] }, elsewhere]);
    const silent = "No user can give these scopes, because they have no text: write, admin.";
    expect((await found()).map(({ message }) => message)).toEqual([silent]);
    env["AMPHO_SECURITY_SCOPE_TEXTS"] = '{"read":"Read","write":"Write","admin":"Rule"}';
    expect(await found()).toEqual([]);
    const proxied = async () =>
      (await examined()).filter(({ message }) => message.includes("all applications have one"));
    env["NODE_ENV"] = "production";
    expect(await proxied()).toHaveLength(1);
    env["AMPHO_TRUST_PROXY"] = "1";
    expect(await proxied()).toEqual([]);
    await ampho.close();
  });

  it("the doctor reports a mail that waits, and a page of the application that is missing", async () => {
    const { url } = await listening((_, response) => void response.writeHead(404).end());
    env["AMPHO_APP_URL"] = url.replace("127.0.0.1", "localhost");
    env["AMPHO_SECURITY_REGISTRATION"] = "invite";
    const ampho = await openAmpho({
      appUrl: env["AMPHO_APP_URL"],
      registration: "invite",
      mail: () => Promise.reject(new Error("down")),
    });
    await ampho.users.invite({ email: "ann@example.org" });
    await ampho.close();
    expect(await mailFindings()).toEqual(["warning: AMPHO_APP_URL responds with 404."]);
    expect(await mailFindings(() => now() + 600)).toEqual([
      "warning: A mail waits to be sent, the oldest for 10 minutes.",
      "warning: AMPHO_APP_URL responds with 404.",
    ]);
  });
});
