import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ConfigurationInput, readConfiguration } from "../../dist/config/configuration.js";
import { processContext } from "../../dist/config/process-context.js";
import { ConfigurationError } from "../../dist/errors.js";

const key = { kty: "oct", alg: "HS256", kid: "one", k: "6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw" };
const otherKey = { kty: "oct", alg: "HS256", kid: "two", k: "Zr9yq1m5oJ8bE2xk0cR4vT7uWnP3sD6fGhL1aQeYzXo" };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ampho-config-"));
  mkdirSync(join(folder, "config"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: unknown) =>
  writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));

type Given = Partial<Pick<ConfigurationInput, "env" | "options" | "otherOptions" | "needs" | "user">>;
const read = ({ env = {}, ...more }: Given = {}) =>
  readConfiguration({
    env: { AMPHO_SECURITY_KEY: JSON.stringify(key), ...env },
    cwd: folder,
    user: "me",
    host: "here",
    ...more,
  });
const configuration = (given: Given = {}) => read(given).configuration;
function refusal(given: Given = {}): string {
  try {
    read(given);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("layers", () => {
  test("defaults stand where nothing is said", () => {
    expect(configuration()).toMatchObject({
      environment: "development",
      restPrefix: "/api/security",
      tokenAlg: undefined,
      tokenTtl: 900,
      tokenLeeway: 60,
      tokenIssuer: undefined,
      tokenAudience: undefined,
      tokenForeignTtl: 86_400,
      corsOrigins: [],
      renewByToken: true,
      sessionIdleTtl: 1_209_600,
      sessionTtl: 7_776_000,
      sessionsPerUser: 100,
      revocationLagMax: 0,
      passwordMin: 15,
      databaseUrl: "sqlite:ampho.db",
      databaseMigrate: "auto",
      host: "127.0.0.1",
      port: 3000,
      trustProxy: 0,
    });
  });

  test("each layer stands over those before it", () => {
    const ttl = (env = {}, options = {}) => configuration({ env, options }).tokenTtl;
    file("config/default.json", { AMPHO_SECURITY_TOKEN_TTL: 100, AMPHO_SECURITY_TOKEN_LEEWAY: 7 });
    expect(ttl()).toBe(100);
    file("config/development.json", { AMPHO_SECURITY_TOKEN_TTL: 200 });
    expect(ttl()).toBe(200);
    file("config/me@here.json", { AMPHO_SECURITY_TOKEN_TTL: 300 });
    expect(ttl()).toBe(300);
    expect(ttl({ AMPHO_SECURITY_TOKEN_TTL: "400" })).toBe(400);
    expect(ttl({ AMPHO_SECURITY_TOKEN_TTL: "400" }, { tokenTtl: 500 })).toBe(500);
    expect(configuration().tokenLeeway).toBe(7);
  });

  test("NODE_ENV chooses the file", () => {
    file("config/production.json", { AMPHO_PORT: 1 });
    file("config/development.json", { AMPHO_PORT: 2 });
    expect(configuration({ env: { NODE_ENV: "production" } }).port).toBe(1);
    expect(configuration({ env: { NODE_ENV: "" } }).port).toBe(2);
  });

  test("AMPHO_CONFIG_DIR moves the folder", () => {
    mkdirSync(join(folder, "elsewhere"));
    file("config/default.json", { AMPHO_PORT: 1 });
    file("elsewhere/default.json", { AMPHO_PORT: 2 });
    expect(configuration({ env: { AMPHO_CONFIG_DIR: "elsewhere" } }).port).toBe(2);
    expect(configuration({ env: { AMPHO_CONFIG_DIR: join(folder, "elsewhere") } }).port).toBe(2);
    expect(refusal({ env: { AMPHO_CONFIG_DIR: "nowhere" } })).toContain('AMPHO_CONFIG_DIR is "nowhere"');
  });

  test("a value of a higher layer replaces the whole value below", () => {
    file("config/default.json", { AMPHO_SECURITY_SCOPES: { editor: ["write"] } });
    const { scopes } = configuration({ options: { scopes: { reader: ["read"] } } });
    expect(Object.entries(scopes)).toEqual([["reader", ["read"]]]);
  });

  test("an empty environment variable and an undefined option count as not set", () => {
    file("config/default.json", { AMPHO_PORT: 5 });
    expect(configuration({ env: { AMPHO_PORT: "" }, options: { port: undefined } }).port).toBe(5);
  });

  test("only the value that counts is checked", () => {
    file("config/default.json", { AMPHO_PORT: "much" });
    expect(configuration({ env: { AMPHO_PORT: "70000" }, options: { port: 1 } }).port).toBe(1);
    expect(refusal()).toContain('AMPHO_PORT (config/default.json) is "much"');
  });

  test("a user without a name has no file", () => {
    file("config/undefined@here.json", { AMPHO_PORT: 5 });
    expect(configuration({ user: undefined }).port).toBe(3000);
  });

  test("a name with slashes leads to no other folder", () => {
    file("default.json", { AMPHO_PORT: 5 });
    expect(configuration({ user: "../default.json#" }).port).toBe(3000);
    expect(refusal({ env: { NODE_ENV: "../default" } })).toContain("NODE_ENV is");
  });

  test("the process that runs has processContext", () => {
    expect(processContext()).toMatchObject({ cwd: process.cwd(), env: process.env });
  });
});

describe("names", () => {
  test("an unknown name in a file stops the start and the nearest is named", () => {
    file("config/default.json", { AMPHO_SECURITY_TOKEN_TLL: 60 });
    expect(refusal()).toBe(
      "Wrong configuration: AMPHO_SECURITY_TOKEN_TLL (config/default.json) is no parameter; the nearest is AMPHO_SECURITY_TOKEN_TTL",
    );
  });

  test("other members of a file belong to the application", () => {
    file("config/default.json", { color: "red", tokenTtl: "?", database: { AMPHO_PORT: 0 }, ampho_port: 1 });
    expect(configuration().port).toBe(3000);
  });

  test("an unknown name in the environment warns", () => {
    const { warnings } = read({ env: { AMPHO_SECURITY_TOKEN_TLL: "60", AMPHO_EMPTY: "" } });
    expect(warnings).toEqual([
      "AMPHO_SECURITY_TOKEN_TLL (environment) is no parameter; the nearest is AMPHO_SECURITY_TOKEN_TTL",
    ]);
  });

  test("an unknown name in the environment is told behind what is wrong, as it may be the reason", () => {
    const env = { NODE_ENV: "production", AMPHO_SECURITY_KEY: "", AMPHO_SECURITY_KYE: JSON.stringify(key) };
    expect(refusal({ env }).split("\n")).toEqual([
      "Wrong configuration, 1 problem:",
      "  AMPHO_SECURITY_KEY is not set and is required in production: make a key with `ampho sec-gen-key`",
      "  AMPHO_SECURITY_KYE (environment) is no parameter; the nearest is AMPHO_SECURITY_KEY",
    ]);
  });

  test.each([
    ["AMPHO_KEY", "AMPHO_SECURITY_KEY"],
    ["AMPHO_KEYFILE", "AMPHO_SECURITY_KEY_FILE"],
    ["AMPHO_TOKEN_TTL", "AMPHO_SECURITY_TOKEN_TTL"],
    ["AMPHO_SECURITY_DATABASE_URL", "AMPHO_DATABASE_URL"],
    ["AMPHO_SECURITY_CONFIG_DIR", "AMPHO_CONFIG_DIR"],
    ["AMPHO_SECURTY_KEY", "AMPHO_SECURITY_KEY"],
    ["AMPHO_SECUIRTY_SESSION_MAX", "AMPHO_SECURITY_SESSION_TTL"],
  ])("%s, with SECURITY_ too little, too much or misspelt, is nearest to %s", (name, meant) => {
    expect(read({ env: { [name]: "1" } }).warnings).toEqual([
      `${name} (environment) is no parameter; the nearest is ${meant}`,
    ]);
  });

  test("an unknown option stops the start and the nearest is named", () => {
    expect(refusal({ options: { tokenTll: 60 } })).toContain("tokenTll is no option; the nearest is tokenTtl");
    expect(refusal({ options: { AMPHO_PORT: 60 } })).toContain("AMPHO_PORT is no option; the nearest is port");
  });

  test("options that are no parameters are known to whoever takes them", () => {
    expect(configuration({ options: { users: {} }, otherOptions: ["users"] }).port).toBe(3000);
    expect(refusal({ options: { user: {} }, otherOptions: ["users"] })).toContain("the nearest is users");
  });

  test("AMPHO_CONFIG_DIR counts only in the environment", () => {
    file("config/default.json", { AMPHO_CONFIG_DIR: "x" });
    expect(refusal()).toContain("AMPHO_CONFIG_DIR (config/default.json) counts only in the environment");
  });

  test("names cannot forge a line of the message", () => {
    file("config/default.json", { "AMPHO_X\n\u001b[31mall is well": 1 });
    expect(refusal()).toContain("AMPHO_X\\u000a\\u001b[31mall is well (config/default.json)");
  });
});

describe("files", () => {
  test("a file that is not JSON is named, and not cited", () => {
    file("config/default.json", "hunter2-secret");
    expect(refusal()).toBe("Wrong configuration: config/default.json is not JSON");
    file("config/default.json", '{"AMPHO_SECURITY_KEY":\n  {"k":"hunter2" "kty":"oct"}}');
    expect(refusal()).toMatch(/^Wrong configuration: config\/default\.json is not JSON \(line \d\)$/);
    expect(refusal()).not.toContain("hunter2");
  });

  test.each(["[]", "null", '"text"', "1"])("a file that holds %s is refused", (content) => {
    file("config/development.json", content);
    expect(refusal()).toBe("Wrong configuration: config/development.json is JSON but no object");
  });

  test("a folder in the place of a file is refused", () => {
    mkdirSync(join(folder, "config/default.json"));
    expect(refusal()).toBe("Wrong configuration: config/default.json cannot be read: it is a folder");
  });

  test("so is a pipe, which would wait for somebody who writes", () => {
    execFileSync("mkfifo", [join(folder, "config/default.json")]);
    expect(refusal()).toBe("Wrong configuration: config/default.json cannot be read: it is a pipe");
  });

  test("one that cannot be used hides nothing that is wrong in the environment or in code", () => {
    file("config/default.json", "{");
    const message = refusal({
      env: { AMPHO_PORT: "x", AMPHO_SECURITY_KEY: "{}", AMPHO_HOTS: "::1" },
      options: { tokenTtl: 0, portt: 1 },
    });
    expect(message.split("\n")).toEqual([
      "Wrong configuration, 5 problems:",
      expect.stringMatching(/^ {2}config\/default\.json is not JSON/),
      "  portt is no option; the nearest is port",
      expect.stringMatching(/^ {2}AMPHO_SECURITY_TOKEN_TTL \(option tokenTtl\) is 0 and may be /),
      expect.stringMatching(/^ {2}AMPHO_PORT \(environment\) is "x" and may be /),
      expect.stringMatching(/^ {2}AMPHO_SECURITY_KEY \(environment\) cannot be used: /),
      "  AMPHO_HOTS (environment) is no parameter; the nearest is AMPHO_HOST",
    ]);
  });

  test("what one that cannot be used may have set is not missed", () => {
    file("config/default.json", "[]");
    expect(refusal({ env: { NODE_ENV: "production", AMPHO_SECURITY_KEY: "" } })).toBe(
      "Wrong configuration: config/default.json is JSON but no object",
    );
  });

  test("a folder or an environment that cannot be used hides nothing either", () => {
    const env = { NODE_ENV: "a/b", AMPHO_CONFIG_DIR: "nowhere", AMPHO_PORT: "x" };
    expect(refusal({ env }).split("\n")).toEqual([
      "Wrong configuration, 3 problems:",
      '  NODE_ENV is "a/b" and may be letters, digits and - . _',
      '  AMPHO_CONFIG_DIR is "nowhere" and may be the path of a folder',
      expect.stringMatching(/^ {2}AMPHO_PORT \(environment\) is "x" and may be /),
    ]);
  });

  test("a byte order mark is no matter", () => {
    file("config/default.json", '\uFEFF{"AMPHO_PORT":1}');
    expect(configuration().port).toBe(1);
  });

  test("a member __proto__ sets nothing", () => {
    file("config/default.json", '{"__proto__":{"AMPHO_PORT":1}}');
    expect(configuration().port).toBe(3000);
  });
});

describe("values", () => {
  test("all that is wrong is named at once, with what it was and what it may be", () => {
    const message = refusal({
      env: {
        AMPHO_SECURITY_TOKEN_TTL: "soon",
        AMPHO_SECURITY_TOKEN_LEEWAY: "-1",
        AMPHO_SECURITY_TOKEN_ALG: "none",
        AMPHO_SECURITY_KEY: "{",
      },
      options: { port: 70_000, restPrefix: "api" },
    });
    expect(message.split("\n")).toEqual([
      "Wrong configuration, 6 problems:",
      expect.stringMatching(/^ {2}AMPHO_SECURITY_REST_PREFIX \(option restPrefix\) is "api" and may be a path such as/),
      expect.stringMatching(/^ {2}AMPHO_SECURITY_TOKEN_ALG \(environment\) is "none" and may be HS256, .* or PS512$/),
      expect.stringMatching(/^ {2}AMPHO_SECURITY_TOKEN_TTL \(environment\) is "soon" and may be a whole number of sec/),
      '  AMPHO_SECURITY_TOKEN_LEEWAY (environment) is "-1" and may be a whole number of seconds from 0 to 300',
      "  AMPHO_PORT (option port) is 70000 and may be a whole number from 0 to 65535",
      "  AMPHO_SECURITY_KEY (environment) is not JSON (not shown) and may be a JWK or a JWK Set",
    ]);
  });

  const bad: Readonly<Record<string, readonly unknown[]>> = {
    AMPHO_SECURITY_REST_PREFIX: ["api", "/", "/api/", "/a//b", "/a/../b", "/a b", "/a%2fb", "/a?b", "//", 5],
    AMPHO_SECURITY_TOKEN_ALG: ["none", "hs256", "HS1", "", 5],
    AMPHO_SECURITY_TOKEN_TTL: [
      "0",
      0,
      "1.5",
      "1e3",
      "0x10",
      " 60",
      "060",
      "+60",
      "９",
      -1,
      1.5,
      true,
      null,
      "1000000000",
    ],
    AMPHO_SECURITY_TOKEN_LEEWAY: ["301", 301, "-1"],
    AMPHO_SECURITY_TOKEN_ISSUER: [5, "a\nb", ["a"]],
    AMPHO_SECURITY_TOKEN_AUDIENCE: ["[]", "[", '[""]', "[1]", [], ["a", 1], 5, {}],
    AMPHO_SECURITY_SCOPES: ["{", "[]", '{"a":"b"}', '{"a":["b c"]}', { a: [1] }, { a: [""] }, { "": ["a"] }],
    AMPHO_SECURITY_CORS_ORIGINS: [
      "*",
      "null",
      '["*"]',
      "https://*.example",
      "app.example",
      "https://app.example/",
      "https://app.example/path",
      "https://app.example?",
      "https://app.example#",
      "https://APP.example",
      "HTTPS://app.example",
      "https://app.example:443",
      "http://app.example:80",
      "https://app.example:0x50",
      "https://a@app.example",
      "https://",
      "https://münchen.example",
      "http://[::0:1]",
      "http://127.1",
      "http://a:65536",
      "file://",
      "file://host",
      "capacitor://",
      "capacitor://localhost/",
      "https://app.example,",
      "https://app.example,,https://b.example",
      '["https://app.example",null]',
      "[",
      '{"a":"https://app.example"}',
      5,
      null,
      {},
    ],
    AMPHO_SECURITY_RENEW_BY_TOKEN: ["yes", "TRUE", 1, 0, null],
    AMPHO_SECURITY_SESSION_IDLE_TTL: ["1.5", "0"],
    AMPHO_SECURITY_SESSIONS_PER_USER: ["0", "many"],
    AMPHO_SECURITY_PASSWORD_MIN: ["many", "0", "1025"],
    AMPHO_DATABASE_URL: [
      "mongodb://h/x",
      "ampho.db",
      "sqlite:",
      "sqlite::memory",
      "sqlite:///a.db",
      "postgres:",
      "postgres://u:p#w@h/x",
      5,
    ],
    AMPHO_DATABASE_MIGRATE: ["on", true],
    AMPHO_DATABASE_PREPARE: ["on", 1],
    AMPHO_HOST: ["a b", "http://x", "[::1]", "a/b", ""],
    AMPHO_PORT: ["65536", "http", "-1"],
    AMPHO_TRUST_PROXY: ["-1", "all"],
  };
  test.each(Object.entries(bad).flatMap(([name, values]) => values.map((value) => [name, value] as const)))(
    "%s is not %j",
    (name, value) => {
      file("config/default.json", { [name]: value });
      expect(refusal()).toMatch(
        new RegExp(`^Wrong configuration: ${name} \\(config/default\\.json\\) is .* and may be `),
      );
    },
  );

  const good: readonly (readonly [string, unknown, string, unknown])[] = [
    ["AMPHO_SECURITY_REST_PREFIX", "/auth/v1.0", "restPrefix", "/auth/v1.0"],
    ["AMPHO_SECURITY_TOKEN_TTL", "60", "tokenTtl", 60],
    ["AMPHO_SECURITY_TOKEN_TTL", 60, "tokenTtl", 60],
    ["AMPHO_SECURITY_TOKEN_LEEWAY", 0, "tokenLeeway", 0],
    ["AMPHO_SECURITY_TOKEN_AUDIENCE", "a", "tokenAudience", ["a"]],
    ["AMPHO_SECURITY_TOKEN_AUDIENCE", '["a","b"]', "tokenAudience", ["a", "b"]],
    ["AMPHO_SECURITY_TOKEN_AUDIENCE", ["a"], "tokenAudience", ["a"]],
    ["AMPHO_SECURITY_CORS_ORIGINS", "[]", "corsOrigins", []],
    ["AMPHO_SECURITY_CORS_ORIGINS", "https://app.example", "corsOrigins", ["https://app.example"]],
    [
      "AMPHO_SECURITY_CORS_ORIGINS",
      "https://a.example, http://b:81",
      "corsOrigins",
      ["https://a.example", "http://b:81"],
    ],
    ["AMPHO_SECURITY_CORS_ORIGINS", '["http://[::1]:3000"]', "corsOrigins", ["http://[::1]:3000"]],
    ["AMPHO_SECURITY_CORS_ORIGINS", ["capacitor://localhost"], "corsOrigins", ["capacitor://localhost"]],
    ["AMPHO_SECURITY_RENEW_BY_TOKEN", "false", "renewByToken", false],
    ["AMPHO_SECURITY_RENEW_BY_TOKEN", true, "renewByToken", true],
    ["AMPHO_DATABASE_URL", "sqlite::memory:", "databaseUrl", "sqlite::memory:"],
    ["AMPHO_DATABASE_URL", "postgres://u:p@h/x", "databaseUrl", "postgres://u:p@h/x"],
    ["AMPHO_HOST", "::", "host", "::"],
    ["AMPHO_HOST", "localhost", "host", "localhost"],
    ["AMPHO_PORT", "0", "port", 0],
  ];
  test.each(good)("%s may be %j", (name, value, option, expected) => {
    file("config/default.json", { [name]: value });
    expect(configuration()).toHaveProperty(option, expected);
  });

  test("a json parameter may be a text or a value, in files and in code", () => {
    for (const scopes of [{ editor: ["write"] }, '{"editor":["write"]}']) {
      expect({ ...configuration({ options: { scopes } }).scopes }).toEqual({ editor: ["write"] });
      file("config/default.json", { AMPHO_SECURITY_SCOPES: scopes });
      expect({ ...configuration().scopes }).toEqual({ editor: ["write"] });
    }
  });

  test("a role that is named like a member of every object has no scopes", () => {
    expect(configuration().scopes["constructor"]).toBeUndefined();
    const { scopes } = configuration({ options: { scopes: '{"__proto__":["a"]}' } });
    expect(Object.entries(scopes)).toEqual([["__proto__", ["a"]]]);
  });

  test("the configuration cannot be changed", () => {
    expect(Object.isFrozen(configuration())).toBe(true);
    expect(Object.isFrozen(configuration().scopes)).toBe(true);
  });

  test("that statements are to be prepared is said to change nothing with SQLite", () => {
    const warnings = (env: Record<string, string>) =>
      read({ env: { ...env, AMPHO_DATABASE_PREPARE: "true" } }).warnings;
    const line =
      "AMPHO_DATABASE_PREPARE is for PostgreSQL: with SQLite statements are always prepared, and it changes nothing";
    expect(warnings({ AMPHO_DATABASE_URL: "sqlite:a.db" })).toContain(line);
    expect(warnings({ AMPHO_DATABASE_URL: "postgres://h/x" })).not.toContain(line);
    expect(configuration({ env: { AMPHO_DATABASE_PREPARE: "true" } }).databasePrepare).toBe(true);
    expect(configuration().databasePrepare).toBe(false);
  });

  test("PostgreSQL is not migrated by itself in production only", () => {
    const migrate = (env: Record<string, string>) => configuration({ env }).databaseMigrate;
    const url = "postgres://h/x";
    expect(migrate({ AMPHO_DATABASE_URL: url })).toBe("auto");
    expect(migrate({ AMPHO_DATABASE_URL: url, NODE_ENV: "production" })).toBe("off");
    expect(migrate({ AMPHO_DATABASE_URL: url, NODE_ENV: "production", AMPHO_DATABASE_MIGRATE: "auto" })).toBe("auto");
    expect(migrate({ NODE_ENV: "production" })).toBe("auto");
  });
});

describe("secrets", () => {
  test.each([
    "mongodb://u:pa55word@h/x",
    "mongodb://u:p@/pa55word@h",
    "x://h/x?password=pa55word",
    "postgres:u:pa55word@h",
    "postgres:u:pa55word",
    "host=h password=55word",
  ])("a wrong URL does not show the password in it: %s", (url) =>
    expect(refusal({ env: { AMPHO_DATABASE_URL: url } })).not.toContain("55word"),
  );

  test("of a URL with a password that has to be written otherwise it is told how", () => {
    const wrong = refusal({ env: { AMPHO_DATABASE_URL: "postgres://u:pa55#word@h/x" } });
    expect(wrong).toContain("%23");
    expect(wrong).not.toContain("pa55");
  });

  test("a key that was put into another parameter is not shown", () => {
    for (const name of ["AMPHO_PORT", "AMPHO_SECURITY_KEY_FILE", "AMPHO_DATABASE_URL", "AMPHO_SECURITY_SCOPES"]) {
      for (const value of [JSON.stringify(key), key.k, key]) {
        file("config/default.json", { [name]: value });
        expect(refusal({ env: { AMPHO_SECURITY_KEY: "" } })).not.toContain(key.k);
      }
    }
  });

  test("the key itself is not in the configuration", () => {
    expect(JSON.stringify(configuration())).not.toContain(key.k);
  });
});

describe("the key", () => {
  const noKey = { AMPHO_SECURITY_KEY: "" };
  const kids = (given: Given) => configuration(given).keys?.map(({ kid }) => kid);

  test("may be a text or a value, in every layer", () => {
    expect(kids({})).toEqual(["one"]);
    expect(kids({ options: { key: otherKey } })).toEqual(["two"]);
    expect(kids({ options: { key: JSON.stringify(otherKey) } })).toEqual(["two"]);
    file("config/default.json", { AMPHO_SECURITY_KEY: { keys: [otherKey, key] } });
    expect(kids({ env: noKey })).toEqual(["two", "one"]);
  });

  test("is required in production", () => {
    expect(refusal({ env: { ...noKey, NODE_ENV: "production" } })).toBe(
      "Wrong configuration: AMPHO_SECURITY_KEY is not set and is required in production: make a key with `ampho sec-gen-key`",
    );
  });

  test("is made for the process elsewhere, with a warning", () => {
    const first = read({ env: noKey });
    expect(first.warnings).toEqual([expect.stringMatching(/^AMPHO_SECURITY_KEY is not set: .*`ampho sec-gen-key`$/)]);
    expect(first.configuration.keys).toHaveLength(1);
    const kid = (result: typeof first) => result.configuration.keys?.[0]?.kid;
    expect(kid(read({ env: noKey }))).not.toBe(kid(first));
  });

  test("that is made follows AMPHO_SECURITY_TOKEN_ALG", () => {
    const { keys } = configuration({ env: { ...noKey, AMPHO_SECURITY_TOKEN_ALG: "ES384" } });
    expect(keys?.[0]?.algorithm).toBe("ES384");
  });

  test("has to be configured for whoever asks for that", () => {
    expect(refusal({ env: noKey, needs: { key: "configured" } })).toContain("AMPHO_SECURITY_KEY is not set");
  });

  test("is not looked at by whoever needs none", () => {
    const env = { NODE_ENV: "production", AMPHO_SECURITY_KEY: "nonsense" };
    expect(read({ env, needs: { key: "none" } })).toMatchObject({ configuration: { keys: undefined }, warnings: [] });
  });

  test.each([
    ["no JSON", "hunter2-secret"],
    ["no object", "5"],
    ["an empty set", '{"keys":[]}'],
    ["too short", '{"kty":"oct","k":"c2hvcnQtc2VjcmV0"}'],
    ["empty", '{"kty":"oct","k":""}'],
    ["for encryption", JSON.stringify({ ...key, use: "enc" })],
    ["public", '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'],
    ["two of one kid", JSON.stringify({ keys: [key, { ...otherKey, kid: "one" }] })],
  ])("is refused when it is %s", (_, value) => {
    const message = refusal({ env: { AMPHO_SECURITY_KEY: value } });
    expect(message).toMatch(/^Wrong configuration: AMPHO_SECURITY_KEY \(environment\) /);
    for (const secret of ["hunter2", "c2hvcnQtc2VjcmV0", key.k]) expect(message).not.toContain(secret);
  });

  test("an algorithm that does not fit is a mistake of the algorithm", () => {
    expect(refusal({ env: { AMPHO_SECURITY_TOKEN_ALG: "RS256" } })).toMatch(
      /^Wrong configuration: AMPHO_SECURITY_TOKEN_ALG \(environment\) is "RS256", which does not fit the key/,
    );
  });

  test("a key of an unknown kind behind the first is skipped with a warning", () => {
    const set = { keys: [key, { kty: "AKP", alg: "ML-DSA-44", kid: "later", pub: "AAAA" }] };
    const { configuration, warnings } = read({ options: { key: set } });
    expect(configuration.keys).toHaveLength(1);
    expect(warnings).toHaveLength(1);
  });

  describe("in a file", () => {
    const fromFile = (path: string, env = {}) => ({ env: { ...noKey, AMPHO_SECURITY_KEY_FILE: path, ...env } });

    test("is read from the working directory or by an absolute path", () => {
      file("key.json", otherKey);
      expect(kids(fromFile("key.json"))).toEqual(["two"]);
      expect(kids(fromFile(join(folder, "key.json")))).toEqual(["two"]);
    });

    test("and in the other parameter is refused, whatever the layers", () => {
      file("key.json", key);
      file("config/default.json", { AMPHO_SECURITY_KEY: key });
      expect(refusal(fromFile("key.json"))).toMatch(
        /AMPHO_SECURITY_KEY_FILE \(environment\) is set and AMPHO_SECURITY_KEY/,
      );
      expect(refusal({ env: { AMPHO_SECURITY_KEY_FILE: "key.json" } })).toContain("only one of them may be");
    });

    test("that is not there, not readable, not JSON or bad is refused", () => {
      file("text.json", "hunter2-secret");
      file("short.json", { kty: "oct", k: "c2hvcnQtc2VjcmV0" });
      const start = "Wrong configuration: AMPHO_SECURITY_KEY_FILE (environment) ";
      expect(refusal(fromFile("no.json"))).toBe(
        `${start}is "no.json", which cannot be read (there is no such file or folder), and may be the path of a file`,
      );
      expect(refusal(fromFile("config"))).toContain("it is a folder");
      expect(refusal(fromFile("/run/no-secrets/ampho_key"))).toContain('is "/run/no-secrets/ampho_key", which cannot');
      expect(refusal(fromFile("../keys/ampho-2"))).toContain('is "../keys/ampho-2", which cannot');
      for (const kept of ["/Kq3v8/xZ1mB0dTq", "6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw", "hunter2"])
        expect(refusal(fromFile(kept))).not.toContain(kept);
      expect(refusal(fromFile("text.json"))).toBe(`${start}is not JSON (not shown) and may be a JWK or a JWK Set`);
      expect(refusal(fromFile("short.json"))).toMatch(/AMPHO_SECURITY_KEY_FILE \(environment\) cannot be used: /);
    });
  });
});
