import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ConfigurationInput, readConfiguration } from "../../dist/config/configuration.js";
import { processContext } from "../../dist/config/process-context.js";
import { ConfigurationError } from "../../dist/errors.js";
import { execFileSync } from "../../scripts/child-process.mjs";

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

type Given = Partial<Pick<ConfigurationInput, "env" | "envFile" | "options" | "otherOptions" | "uses" | "user">>;
const read = ({ env = {}, ...more }: Given = {}) =>
  readConfiguration({
    env: { AMPHO_SECURITY_KEY: JSON.stringify(key), AMPHO_DATABASE_URL: "sqlite::memory:", ...env },
    cwd: folder,
    user: "me",
    host: "here",
    ...more,
  });
const configuration = (given: Given = {}) => read(given).configuration;
function rejection(given: Given = {}): string {
  try {
    read(given);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("sources", () => {
  test("a parameter that is not set has its default", () => {
    expect(configuration()).toMatchObject({
      environment: "development",
      restPrefix: "/api/security",
      tokenTtl: 900,
      tokenLeeway: 60,
      tokenIssuer: undefined,
      tokenAudience: undefined,
      tokenForeignTtl: 86_400,
      corsOrigins: [],
      renewByToken: 43_200,
      sessionIdleTtl: 1_209_600,
      sessionTtl: 2_592_000,
      sessionsPerUser: 100,
      revocationLagMax: 0,
      passwordMin: 15,
      passwordWords: [],
      databaseUrl: "sqlite::memory:",
      databaseMigrate: "auto",
      host: "127.0.0.1",
      port: 3000,
      trustProxy: 0,
    });
  });

  test("a value of a higher source takes priority over a lower one", () => {
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

  test("NODE_ENV selects the file of the environment", () => {
    file("config/production.json", { AMPHO_PORT: 1 });
    file("config/development.json", { AMPHO_PORT: 2 });
    expect(configuration({ env: { NODE_ENV: "production" } }).port).toBe(1);
    expect(configuration({ env: { NODE_ENV: "" } }).port).toBe(2);
  });

  test("AMPHO_CONFIG_DIR moves the folder of the configuration files", () => {
    mkdirSync(join(folder, "elsewhere"));
    file("config/default.json", { AMPHO_PORT: 1 });
    file("elsewhere/default.json", { AMPHO_PORT: 2 });
    expect(configuration({ env: { AMPHO_CONFIG_DIR: "elsewhere" } }).port).toBe(2);
    expect(configuration({ env: { AMPHO_CONFIG_DIR: join(folder, "elsewhere") } }).port).toBe(2);
    expect(rejection({ env: { AMPHO_CONFIG_DIR: "nowhere" } })).toContain(
      'AMPHO_CONFIG_DIR must be the path of a folder, but is "nowhere".',
    );
  });

  test("a value of a higher source replaces the whole value of a lower one", () => {
    file("config/default.json", { AMPHO_SECURITY_SCOPES: { editor: ["write"] } });
    const { scopes } = configuration({ options: { scopes: { reader: ["read"] } } });
    expect(Object.entries(scopes)).toEqual([["reader", ["read"]]]);
  });

  test("an empty environment variable and an undefined option count as not set", () => {
    file("config/default.json", { AMPHO_PORT: 5 });
    expect(configuration({ env: { AMPHO_PORT: "" }, options: { port: undefined } }).port).toBe(5);
  });

  test("only the value that takes effect is checked", () => {
    file("config/default.json", { AMPHO_PORT: "much" });
    expect(configuration({ env: { AMPHO_PORT: "70000" }, options: { port: 1 } }).port).toBe(1);
    expect(rejection()).toContain(
      'AMPHO_PORT (config/default.json) must be a whole number from 0 to 65535, but is "much".',
    );
  });

  test("a user without a name has no configuration file", () => {
    file("config/undefined@here.json", { AMPHO_PORT: 5 });
    expect(configuration({ user: undefined }).port).toBe(3000);
  });

  test("a user name with slashes does not lead to another folder", () => {
    file("default.json", { AMPHO_PORT: 5 });
    expect(configuration({ user: "../default.json#" }).port).toBe(3000);
    expect(rejection({ env: { NODE_ENV: "../default" } })).toContain("NODE_ENV must be");
  });

  test("processContext describes the running process", () => {
    expect(processContext()).toMatchObject({ cwd: process.cwd(), env: process.env });
  });
});

describe("names", () => {
  test("an unknown name in a file stops the start, and the message names the nearest one", () => {
    file("config/default.json", { AMPHO_SECURITY_TOKEN_TLL: 60 });
    expect(rejection()).toBe(
      "AMPHO_SECURITY_TOKEN_TLL (config/default.json) is not a known parameter. The nearest is AMPHO_SECURITY_TOKEN_TTL.",
    );
  });

  test("other members of a file belong to the application", () => {
    file("config/default.json", { color: "red", tokenTtl: "?", database: { AMPHO_PORT: 0 }, ampho_port: 1 });
    expect(configuration().port).toBe(3000);
  });

  test("an unknown name in the environment causes a warning", () => {
    const { warnings } = read({ env: { AMPHO_SECURITY_TOKEN_TLL: "60", AMPHO_EMPTY: "" } });
    expect(warnings).toEqual([
      "AMPHO_SECURITY_TOKEN_TLL is not a known parameter. The nearest is AMPHO_SECURITY_TOKEN_TTL.",
    ]);
  });

  test("an unknown name in the environment follows the problems, because it can be their cause", () => {
    const env = { NODE_ENV: "production", AMPHO_SECURITY_KEY: "", AMPHO_SECURITY_KYE: JSON.stringify(key) };
    expect(rejection({ env }).split("\n")).toEqual([
      "The configuration has 1 problem:",
      "  AMPHO_SECURITY_KEY must be set in production. Create a key with `ampho sec-gen-key`.",
      "  AMPHO_SECURITY_KYE is not a known parameter. The nearest is AMPHO_SECURITY_KEY.",
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
    ["AMPHO_SECURITY_TTL", "AMPHO_SECURITY_TOKEN_TTL"],
    ["AMPHO_SECURITY_ISSUER", "AMPHO_SECURITY_TOKEN_ISSUER"],
    ["AMPHO_SECURITY_LEEWAY", "AMPHO_SECURITY_TOKEN_LEEWAY"],
    ["AMPHO_SECURITY_PROXY", "AMPHO_TRUST_PROXY"],
  ])("the unknown name %s is nearest to %s", (name, meant) => {
    expect(read({ env: { [name]: "1" } }).warnings).toEqual([
      `${name} is not a known parameter. The nearest is ${meant}.`,
    ]);
  });

  test("an unknown option stops the start, and the message names the nearest one", () => {
    expect(rejection({ options: { tokenTll: 60 } })).toContain(
      "tokenTll is not a known option. The nearest is tokenTtl.",
    );
    expect(rejection({ options: { AMPHO_PORT: 60 } })).toContain(
      "AMPHO_PORT is not a known option. The nearest is port.",
    );
  });

  test("the caller can allow options that are not parameters", () => {
    expect(configuration({ options: { users: {} }, otherOptions: ["users"] }).port).toBe(3000);
    expect(rejection({ options: { user: {} }, otherOptions: ["users"] })).toContain("The nearest is users.");
  });

  test("AMPHO_CONFIG_DIR in a file stops the start", () => {
    file("config/default.json", { AMPHO_CONFIG_DIR: "x" });
    expect(rejection()).toContain("AMPHO_CONFIG_DIR (config/default.json) has an effect in the environment only.");
  });

  test("a name cannot forge a line of the message", () => {
    file("config/default.json", { "AMPHO_X\n\u001b[31mall is well": 1 });
    expect(rejection()).toContain("AMPHO_X\\u000a\\u001b[31mall is well (config/default.json)");
  });
});

describe("files", () => {
  test("the message names a file that is not JSON, and does not cite it", () => {
    file("config/default.json", "hunter2-secret");
    expect(rejection()).toBe("config/default.json is not valid JSON.");
    file("config/default.json", '{"AMPHO_SECURITY_KEY":\n  {"k":"hunter2" "kty":"oct"}}');
    expect(rejection()).toMatch(/^config\/default\.json is not valid JSON \(line \d\)\.$/);
    expect(rejection()).not.toContain("hunter2");
  });

  test.each(["[]", "null", '"text"', "1"])("a configuration file that contains %s is rejected", (content) => {
    file("config/development.json", content);
    expect(rejection()).toBe("config/development.json must contain a JSON object.");
  });

  test("a folder with the name of a configuration file is rejected", () => {
    mkdirSync(join(folder, "config/default.json"));
    expect(rejection()).toBe("config/default.json cannot be read (it is not a regular file).");
  });

  test("a named pipe with the name of a configuration file is rejected and does not block", () => {
    execFileSync("mkfifo", [join(folder, "config/default.json")]);
    expect(rejection()).toBe("config/default.json cannot be read (it is not a regular file).");
  });

  test("a file that cannot be used hides no problem of the environment or of the options", () => {
    file("config/default.json", "{");
    const message = rejection({
      env: { AMPHO_PORT: "x", AMPHO_SECURITY_KEY: "{}", AMPHO_HOTS: "::1" },
      options: { tokenTtl: 0, portt: 1 },
    });
    expect(message.split("\n")).toEqual([
      "The configuration has 5 problems:",
      expect.stringMatching(/^ {2}config\/default\.json is not valid JSON/),
      "  portt is not a known option. The nearest is port.",
      expect.stringMatching(/^ {2}AMPHO_SECURITY_TOKEN_TTL \(option tokenTtl\) must be .*, but is 0\.$/),
      expect.stringMatching(/^ {2}AMPHO_PORT must be .*, but is "x"\.$/),
      expect.stringMatching(/^ {2}AMPHO_SECURITY_KEY cannot be used: /),
      "  AMPHO_HOTS is not a known parameter. The nearest is AMPHO_HOST.",
    ]);
  });

  test("a parameter that an unusable file might have set is not reported as missing", () => {
    file("config/default.json", "[]");
    expect(rejection({ env: { NODE_ENV: "production", AMPHO_SECURITY_KEY: "" } })).toBe(
      "config/default.json must contain a JSON object.",
    );
  });

  test("a bad folder or a bad NODE_ENV hides no problem of the environment", () => {
    const env = { NODE_ENV: "a/b", AMPHO_CONFIG_DIR: "nowhere", AMPHO_PORT: "x" };
    expect(rejection({ env }).split("\n")).toEqual([
      "The configuration has 3 problems:",
      '  NODE_ENV must be a text of letters, digits and - . _, but is "a/b".',
      '  AMPHO_CONFIG_DIR must be the path of a folder, but is "nowhere".',
      expect.stringMatching(/^ {2}AMPHO_PORT must be .*, but is "x"\.$/),
    ]);
  });

  test("a byte order mark at the start of a file is ignored", () => {
    file("config/default.json", '\uFEFF{"AMPHO_PORT":1}');
    expect(configuration().port).toBe(1);
  });

  test("a member __proto__ of a file sets no parameter", () => {
    file("config/default.json", '{"__proto__":{"AMPHO_PORT":1}}');
    expect(configuration().port).toBe(3000);
  });
});

describe("values", () => {
  test("one message names every wrong parameter, what it was and what it can be", () => {
    const message = rejection({
      env: {
        AMPHO_SECURITY_TOKEN_TTL: "soon",
        AMPHO_SECURITY_TOKEN_LEEWAY: "-1",
        AMPHO_SECURITY_SESSIONS_PER_USER: "none",
        AMPHO_SECURITY_KEY: "{",
      },
      options: { port: 70_000, restPrefix: "api" },
    });
    expect(message.split("\n")).toEqual([
      "The configuration has 6 problems:",
      expect.stringMatching(
        /^ {2}AMPHO_SECURITY_REST_PREFIX \(option restPrefix\) must be a path such as .*, but is "api"\.$/,
      ),
      expect.stringMatching(/^ {2}AMPHO_SECURITY_TOKEN_TTL must be a duration from 1 .*, but is "soon"\.$/),
      '  AMPHO_SECURITY_TOKEN_LEEWAY must be a duration from 0 to 300 seconds, as a whole number of seconds or a text such as 15m or 1h30m, but is "-1".',
      '  AMPHO_SECURITY_SESSIONS_PER_USER must be a whole number from 1 to 100000, but is "none".',
      "  AMPHO_PORT (option port) must be a whole number from 0 to 65535, but is 70000.",
      "  AMPHO_SECURITY_KEY must be a JWK or a JWK Set, but is not JSON.",
    ]);
  });

  test.each<[string, Given]>([
    ["registration", { options: { registration: "opened" }, uses: { mails: "url" } }],
    ["mailFrom", { options: { mailUrl: "smtp://localhost", mailFrom: "nobody" } }],
    ["mailUrl", { options: { mailUrl: "https://:x@mail.example", mailFrom: "a@example.org" } }],
    ["captchaUrl", { options: { captchaUrl: "https://verifier.example" } }],
    ["passkeys", { options: { passkeys: { rp: "Not A Domain" }, appUrl: "https://app.example" } }],
  ])("a wrong value of %s is one problem, and no rule about several parameters counts it as missing", (name, given) => {
    expect(rejection(given)).toMatch(new RegExp(`^AMPHO_\\w+ \\(option ${name}\\) must be [^\\n]*$`));
  });

  test("the message about a wrong object names the member that is wrong", () => {
    expect(rejection({ options: { factors: { "*": "optional", admin: "requird" } as never } })).toMatch(
      /but is an object whose member "admin" is "requird"\.$/,
    );
    expect(rejection({ env: { AMPHO_SECURITY_SCOPES: '{"editor":["a b"]}' } })).toMatch(
      /but is an object whose member "editor" is an array of 1\.$/,
    );
    expect(rejection({ env: { AMPHO_SECURITY_FACTORS: '{"admin":"smtp://u:secret@host"}' } })).not.toContain("secret");
    expect(rejection({ env: { AMPHO_SECURITY_FACTORS: "required" } })).toMatch(/but is "required"\.$/);
  });

  const bad: Readonly<Record<string, readonly unknown[]>> = {
    AMPHO_SECURITY_REST_PREFIX: ["api", "/", "/api/", "/a//b", "/a/../b", "/a b", "/a%2fb", "/a?b", "//", 5],
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
      "0s",
      "15 m",
      "1.5h",
      "4000d",
    ],
    AMPHO_SECURITY_TOKEN_LEEWAY: ["301", 301, "-1", "6m"],
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
    AMPHO_SECURITY_RENEW_BY_TOKEN: ["true", false, "-1", "12 hours", null],
    AMPHO_SECURITY_SESSION_IDLE_TTL: ["1.5", "0"],
    AMPHO_SECURITY_SESSIONS_PER_USER: ["0", "many"],
    AMPHO_SECURITY_PASSWORD_MIN: ["many", "0", "1025"],
    AMPHO_SECURITY_PASSWORD_WORDS: ["", '["globex",""]', "[]", 5, null],
    AMPHO_SECURITY_THROTTLE_ATTEMPTS: ["0", "1000001", "5m"],
    AMPHO_SECURITY_THROTTLE_WINDOW: [14, "86401", "2d"],
    AMPHO_SECURITY_THROTTLE_LOCK: ["0", "many"],
    AMPHO_SECURITY_THROTTLE_ADDRESS: ["-1", 1001],
    AMPHO_SECURITY_REVOCATION_FEED_TOKEN: ["short", "with space ".repeat(4), "é".repeat(40), "x".repeat(1025)],
    AMPHO_METRICS_LISTEN: ["65536", ":9464", "::9464", "a b:1", "h:", true, -1],
    AMPHO_SECURITY_API_KEYS: ["-1", 1001, "many", { perUser: "x" }, { brand: "Acme" }, { max: 1 }, []],
    AMPHO_SECURITY_CONNECT: [
      "Registered",
      "https://claude.ai",
      ["claude.ai", "!*"],
      "!evil.example",
      ["claude.ai", "!evil.example"],
    ],
    AMPHO_METRICS_TOKEN: ["short", "x".repeat(1025), 5],
    AMPHO_SHUTDOWN_DELAY: ["3601", "2h"],
    AMPHO_AUDIT_KEEP: ["-1", "long"],
    AMPHO_DATABASE_URL: [
      "mongodb://h/x",
      "ampho.db",
      "sqlite:",
      "sqlite::memory",
      "sqlite:///a.db",
      "postgres:",
      "postgres://u:p#w@h/x",
      "postgres://h/x?prepare=on",
      "postgres://h/x?prepare=true&prepare=false",
      5,
    ],
    AMPHO_DATABASE_MIGRATE: ["on", true],
    AMPHO_HOST: ["a b", "http://x", "[::1]", "a/b", ""],
    AMPHO_PORT: ["65536", "http", "-1"],
    AMPHO_TRUST_PROXY: ["-1", "all"],
  };
  test.each(Object.entries(bad).flatMap(([name, values]) => values.map((value) => [name, value] as const)))(
    "%s cannot be %j",
    (name, value) => {
      file("config/default.json", { [name]: value });
      expect(rejection({ env: { AMPHO_DATABASE_URL: "" } })).toMatch(
        new RegExp(`^${name} \\(config/default\\.json\\) must be .*, but is .*\\.$`),
      );
    },
  );

  const good: readonly (readonly [string, unknown, string, unknown])[] = [
    ["AMPHO_SECURITY_REST_PREFIX", "/auth/v1.0", "restPrefix", "/auth/v1.0"],
    ["AMPHO_SECURITY_TOKEN_TTL", "60", "tokenTtl", 60],
    ["AMPHO_SECURITY_TOKEN_TTL", 60, "tokenTtl", 60],
    ["AMPHO_SECURITY_TOKEN_TTL", "15m", "tokenTtl", 900],
    ["AMPHO_SECURITY_SESSION_IDLE_TTL", "14d", "sessionIdleTtl", 1_209_600],
    ["AMPHO_SECURITY_SESSION_TTL", "1h30m", "sessionTtl", 5400],
    ["AMPHO_SECURITY_THROTTLE_WINDOW", "15s", "throttleWindow", 15],
    ["AMPHO_SECURITY_THROTTLE_ADDRESS", 0, "throttleAddress", 0],
    ["AMPHO_AUDIT_KEEP", "0", "auditKeep", 0],
    ["AMPHO_METRICS_TOKEN", "x".repeat(32), "metricsToken", "x".repeat(32)],
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
    ["AMPHO_SECURITY_RENEW_BY_TOKEN", "0", "renewByToken", 0],
    ["AMPHO_SECURITY_RENEW_BY_TOKEN", "1h30m", "renewByToken", 5400],
    ["AMPHO_DATABASE_URL", "sqlite::memory:", "databaseUrl", "sqlite::memory:"],
    ["AMPHO_DATABASE_URL", "postgres://u:p@h/x", "databaseUrl", "postgres://u:p@h/x"],
    ["AMPHO_DATABASE_URL", "postgres://h/x?prepare=true", "databaseUrl", "postgres://h/x?prepare=true"],
    ["AMPHO_METRICS_LISTEN", 9464, "metricsListen", { host: "127.0.0.1", port: 9464 }],
    ["AMPHO_METRICS_LISTEN", "[::]:9464", "metricsListen", { host: "::", port: 9464 }],
    ["AMPHO_SECURITY_API_KEYS", '{"brand":"acme"}', "apiKeyBrand", "acme"],
    ["AMPHO_SECURITY_PASSKEYS", "false", "passkeys", false],
    ["AMPHO_HOST", "::", "host", "::"],
    ["AMPHO_HOST", "localhost", "host", "localhost"],
    ["AMPHO_PORT", "0", "port", 0],
  ];
  test.each(good)("%s can be %j", (name, value, option, expected) => {
    file("config/default.json", { [name]: value });
    expect(configuration({ env: { AMPHO_DATABASE_URL: "" } })).toHaveProperty(option, expected);
  });

  test("a json parameter can be a text or a value, in files and in code", () => {
    for (const scopes of [{ editor: ["write"] }, '{"editor":["write"]}']) {
      expect({ ...configuration({ options: { scopes } }).scopes }).toEqual({ editor: ["write"] });
      file("config/default.json", { AMPHO_SECURITY_SCOPES: scopes });
      expect({ ...configuration().scopes }).toEqual({ editor: ["write"] });
    }
  });

  test("a role that is named like a member of every object has no scopes of its own", () => {
    expect(configuration().scopes["constructor"]).toBeUndefined();
    const { scopes } = configuration({ options: { scopes: '{"__proto__":["a"]}' } });
    expect(Object.entries(scopes)).toEqual([["__proto__", ["a"]]]);
  });

  test("the configuration cannot be changed", () => {
    expect(Object.isFrozen(configuration())).toBe(true);
    expect(Object.isFrozen(configuration().scopes)).toBe(true);
  });

  test("PostgreSQL is migrated automatically except in production", () => {
    const migrate = (env: Record<string, string>) => configuration({ env }).databaseMigrate;
    const url = "postgres://h/x";
    expect(migrate({ AMPHO_DATABASE_URL: url })).toBe("auto");
    expect(migrate({ AMPHO_DATABASE_URL: url, NODE_ENV: "production" })).toBe("off");
    expect(migrate({ AMPHO_DATABASE_URL: url, NODE_ENV: "production", AMPHO_DATABASE_MIGRATE: "auto" })).toBe("auto");
    expect(migrate({ AMPHO_DATABASE_URL: "sqlite:a.db", NODE_ENV: "production" })).toBe("auto");
  });
});

describe("AMPHO_DATABASE_URL", () => {
  const noDatabase = { AMPHO_DATABASE_URL: "" };

  test("a program that uses the database must have it set in production", () => {
    const env = { ...noDatabase, NODE_ENV: "production" };
    expect(rejection({ env })).toMatch(/^AMPHO_DATABASE_URL must be set in production, for example to sqlite:/);
    expect(configuration({ env, uses: { database: false } }).databaseUrl).toBe("sqlite:ampho.db");
    file("config/production.json", { AMPHO_DATABASE_URL: "sqlite:b.db" });
    expect(configuration({ env }).databaseUrl).toBe("sqlite:b.db");
  });

  test("outside production the default is used, and a warning shows the absolute path of the file", () => {
    const { configuration, warnings } = read({ env: noDatabase });
    expect(configuration.databaseUrl).toBe("sqlite:ampho.db");
    expect(warnings).toEqual([`AMPHO_DATABASE_URL is not set. The database is ${join(folder, "ampho.db")}.`]);
    expect(read({ env: noDatabase, uses: { database: false } }).warnings).toEqual([]);
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
    expect(rejection({ env: { AMPHO_DATABASE_URL: url } })).not.toContain("55word"),
  );

  test.each([
    ["AMPHO_APP_URL", "http://app.example/", '"http://app.example/"'],
    ["AMPHO_APP_URL", "https://app.example/start?a=1", '"https://app.example/start…"'],
    ["AMPHO_APP_URL", "https://ann:55word@app.example/", "a https:// URL"],
    ["AMPHO_APP_URL", "ftp://app.example/", "a ftp:// URL"],
    ["AMPHO_API_URL", "https://api.example/v1", '"https://api.example/v1"'],
    ["AMPHO_SECURITY_CAPTCHA_URL", "http://passkeys.example/", '"http://passkeys.example/"'],
    ["AMPHO_SECURITY_BREACHES_URL", "http://breaches.example:81/", '"http://breaches.example:81/"'],
    ["AMPHO_SECURITY_CORS_ORIGINS", "https://a.example/", '"https://a.example/"'],
    ["AMPHO_MAIL_URL", "http://hooks.example/55word", "a http:// URL"],
    ["AMPHO_DATABASE_URL", "https://db.example/55word", "a https:// URL"],
  ])("the message about %s shows a URL that can contain no password: %s", (name, url, shown) => {
    expect(rejection({ env: { [name]: url } })).toContain(`, but is ${shown}.`);
  });

  test("the message about a URL shows how to write special characters of a password", () => {
    const wrong = rejection({ env: { AMPHO_DATABASE_URL: "postgres://u:pa55#word@h/x" } });
    expect(wrong).toContain("%23");
    expect(wrong).not.toContain("pa55");
  });

  test("a key that was put into another parameter is not shown", () => {
    for (const name of ["AMPHO_PORT", "AMPHO_SECURITY_KEY_FILE", "AMPHO_DATABASE_URL", "AMPHO_SECURITY_SCOPES"]) {
      for (const value of [JSON.stringify(key), key.k, key]) {
        file("config/default.json", { [name]: value });
        expect(rejection({ env: { AMPHO_SECURITY_KEY: "", AMPHO_DATABASE_URL: "" } })).not.toContain(key.k);
      }
    }
  });

  test("the key itself is not in the configuration", () => {
    expect(JSON.stringify(configuration())).not.toContain(key.k);
  });
});

describe("AMPHO_SECURITY_KEY", () => {
  const noKey = { AMPHO_SECURITY_KEY: "" };
  const kids = (given: Given) => configuration(given).keys?.map(({ kid }) => kid);

  test("the key can be a text or a value, in every source", () => {
    expect(kids({})).toEqual(["one"]);
    expect(kids({ options: { key: otherKey } })).toEqual(["two"]);
    expect(kids({ options: { key: JSON.stringify(otherKey) } })).toEqual(["two"]);
    file("config/default.json", { AMPHO_SECURITY_KEY: { keys: [otherKey, key] } });
    expect(kids({ env: noKey })).toEqual(["two", "one"]);
  });

  test("the key is required in production", () => {
    expect(rejection({ env: { ...noKey, NODE_ENV: "production" } })).toBe(
      "AMPHO_SECURITY_KEY must be set in production. Create a key with `ampho sec-gen-key`.",
    );
  });

  test("outside production a process without a key creates one, with a warning", () => {
    const first = read({ env: noKey });
    expect(first.warnings).toEqual([expect.stringMatching(/^AMPHO_SECURITY_KEY is not set\. .*`ampho sec-gen-key`/)]);
    expect(first.configuration.keys).toHaveLength(1);
    const kid = (result: typeof first) => result.configuration.keys?.[0]?.kid;
    expect(kid(read({ env: noKey }))).not.toBe(kid(first));
  });

  test("a caller can require a configured key", () => {
    expect(rejection({ env: noKey, uses: { key: "configured" } })).toContain("AMPHO_SECURITY_KEY must be set.");
  });

  test("a caller that uses no key ignores a bad one", () => {
    const env = { NODE_ENV: "production", AMPHO_SECURITY_KEY: "nonsense" };
    expect(read({ env, uses: { key: "none" } })).toMatchObject({ configuration: { keys: undefined }, warnings: [] });
  });

  test.each([
    ["not JSON", "hunter2-secret"],
    ["not an object", "5"],
    ["an empty set", '{"keys":[]}'],
    ["too short", '{"kty":"oct","k":"c2hvcnQtc2VjcmV0"}'],
    ["empty", '{"kty":"oct","k":""}'],
    ["for encryption", JSON.stringify({ ...key, use: "enc" })],
    ["public", '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'],
    ["two keys with one kid", JSON.stringify({ keys: [key, { ...otherKey, kid: "one" }] })],
  ])("the configuration rejects a key that is %s", (_, value) => {
    const message = rejection({ env: { AMPHO_SECURITY_KEY: value } });
    expect(message).toMatch(/^AMPHO_SECURITY_KEY /);
    for (const secret of ["hunter2", "c2hvcnQtc2VjcmV0", key.k]) expect(message).not.toContain(secret);
  });

  test("an algorithm that does not fit the key is a problem of the key", () => {
    const wrong = { ...key, alg: "RS256" };
    expect(rejection({ env: { AMPHO_SECURITY_KEY: JSON.stringify(wrong) } })).toMatch(
      /^AMPHO_SECURITY_KEY cannot be used: `alg` does not fit the key/,
    );
  });

  test("a key of an unknown kty after the first one is skipped with a warning", () => {
    const set = { keys: [key, { kty: "AKP", alg: "ML-DSA-44", kid: "later", pub: "AAAA" }] };
    const { configuration, warnings } = read({ options: { key: set } });
    expect(configuration.keys).toHaveLength(1);
    expect(warnings).toHaveLength(1);
  });

  describe("the file of a parameter with a secret", () => {
    const url = "postgres://ampho:secret99@db.example/ampho";
    const given = (path: string, env = {}) => ({
      env: { AMPHO_DATABASE_URL: "", AMPHO_DATABASE_URL_FILE: path, NODE_ENV: "production", ...env },
    });

    test("every secret can be in a file, and its line break does not count", () => {
      file("url", `${url}\n`);
      file("token", `${"t".repeat(32)}\r\n`);
      const env = { AMPHO_METRICS_TOKEN_FILE: "token", AMPHO_SECURITY_REVOCATION_FEED_TOKEN_FILE: "token" };
      const read = { databaseUrl: url, metricsToken: "t".repeat(32), revocationFeedToken: "t".repeat(32) };
      expect(configuration(given(join(folder, "url"), env))).toMatchObject(read);
      const options = { databaseUrlFile: "url", captchaUrlFile: "captcha", mailUrlFile: "mail" };
      file("captcha", "https://:secret99@verifier.example/");
      file("mail", "smtps://ann:secret99@mail.example");
      expect(
        configuration({ env: { AMPHO_DATABASE_URL: "" }, options: { ...options, mailFrom: "a@b.example" } }),
      ).toMatchObject({
        databaseUrl: url,
        captchaUrl: { key: "secret99" },
        mailUrl: "smtps://ann:secret99@mail.example",
      });
    });

    test("a file that cannot be read is the only problem", () => {
      expect(rejection(given("missing"))).toBe(
        "AMPHO_DATABASE_URL_FILE must be the path of a readable file, but is a value that is not shown because it might be a key (there is no such file or folder).",
      );
    });

    test("a wrong value of the file is named by the file, and is not shown", () => {
      file("url.txt", "mysql://ann:secret99@db.example");
      expect(rejection(given("url.txt"))).toMatch(/^AMPHO_DATABASE_URL_FILE must be .*, but is a mysql:\/\/ URL\.$/);
      expect(rejection(given(url))).not.toContain("secret99");
    });

    test("the file and the value must not both be set", () => {
      file("url", url);
      const both = rejection(given("url", { AMPHO_DATABASE_URL: "sqlite::memory:" }));
      expect(both).toBe(
        "AMPHO_DATABASE_URL_FILE must not be set together with AMPHO_DATABASE_URL. Remove one of the two.",
      );
    });

    test("a parameter without a secret has no file", () => {
      expect(read({ env: { AMPHO_PORT_FILE: "port" } }).warnings[0]).toMatch(
        /^AMPHO_PORT_FILE is not a known parameter/,
      );
    });
  });

  describe("AMPHO_SECURITY_KEY_FILE", () => {
    const fromFile = (path: string, env = {}) => ({ env: { ...noKey, AMPHO_SECURITY_KEY_FILE: path, ...env } });

    test("a key file is read from the working directory or by an absolute path", () => {
      file("key.json", otherKey);
      expect(kids(fromFile("key.json"))).toEqual(["two"]);
      expect(kids(fromFile(join(folder, "key.json")))).toEqual(["two"]);
    });

    test("a key and a key file together are rejected, also in different sources", () => {
      file("key.json", key);
      file("config/default.json", { AMPHO_SECURITY_KEY: key });
      expect(rejection(fromFile("key.json"))).toMatch(
        /^AMPHO_SECURITY_KEY_FILE must not be set together with AMPHO_SECURITY_KEY \(config/,
      );
      expect(rejection({ env: { AMPHO_SECURITY_KEY_FILE: "key.json" } })).toContain("Remove one of the two.");
      // Commands that need no key report it too, before the server does not start with it.
      const uses = { key: "none" } as const;
      expect(rejection({ ...fromFile("key.json"), uses })).toContain("Remove one of the two.");
    });

    test("a key file that is missing, unreadable, not JSON or bad is rejected", () => {
      file("text.json", "hunter2-secret");
      file("short.json", { kty: "oct", k: "c2hvcnQtc2VjcmV0" });
      const start = "AMPHO_SECURITY_KEY_FILE must be";
      expect(rejection(fromFile("no.json"))).toBe(
        `${start} the path of a readable file, but is "no.json" (there is no such file or folder).`,
      );
      expect(rejection(fromFile("config"))).toContain("it is not a regular file");
      expect(rejection(fromFile("/run/no-secrets/ampho_key"))).toContain(
        'but is "/run/no-secrets/ampho_key" (there is',
      );
      expect(rejection(fromFile("../signing-keys/ampho-2"))).toContain('but is "../signing-keys/ampho-2" (there is');
      for (const kept of ["/Kq3v8/xZ1mB0dTq", "6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw", "hunter2"])
        expect(rejection(fromFile(kept))).not.toContain(kept);
      expect(rejection(fromFile("text.json"))).toBe(`${start} a JWK or a JWK Set, but is not JSON.`);
      expect(rejection(fromFile("short.json"))).toMatch(/^AMPHO_SECURITY_KEY_FILE cannot be used: /);
    });
  });
});
