import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { readConfiguration } from "../../dist/config/configuration.js";
import { providerKinds } from "../../dist/config/provider-settings.js";
import { ConfigurationError } from "../../dist/errors.js";
import { freshFolder } from "../world/folder.js";
import { keyPair } from "../world/key-pairs.js";
import { newKey } from "../world/tokens.js";

const secret = "GOCSPX-do-not-show-this";
const google = { issuer: "https://accounts.google.com", client_id: "id-1", client_secret: secret };
const tenant = "11111111-2222-3333-4444-555555555555";
const pem = (curve: string) =>
  keyPair("ec", { namedCurve: curve }).privateKey.export({ format: "pem", type: "pkcs8" }).toString();
const apple = { kind: "apple", client_id: "id-1", team: "TEAM123456", key_id: "KEY1234567", key: pem("P-256") };

function read(providers: unknown, env: Readonly<Record<string, string>> = {}) {
  return readConfiguration({
    env: {
      AMPHO_SECURITY_KEY: JSON.stringify(newKey("one")),
      AMPHO_DATABASE_URL: "sqlite::memory:",
      AMPHO_APP_URL: "https://app.example/",
      ...(providers === undefined ? {} : { AMPHO_SECURITY_PROVIDERS: JSON.stringify(providers) }),
      ...env,
    },
    cwd: freshFolder(),
    user: "me",
    host: "here",
  }).configuration.providers;
}

function rejection(providers: unknown, env?: Readonly<Record<string, string>>): string {
  try {
    read(providers, env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}

test("the page about providers lists every kind", () => {
  const page = readFileSync(path.resolve(import.meta.dirname, "../../docs/guides/providers.md"), "utf8");
  const [, row = ""] = /^- `kind`: (.*)$/m.exec(page) ?? [];
  expect([...row.matchAll(/`(\w+)`/g)].map(([, kind]) => kind)).toEqual([...providerKinds]);
});

describe("AMPHO_SECURITY_PROVIDERS", () => {
  test("each kind has defaults for its label and its issuer", () => {
    const all = read({
      google,
      github: { kind: "github", client_id: "id-2", client_secret: secret },
      apple,
      acme: {
        ...google,
        issuer: "https://id.acme.example/",
        label: "Acme",
        trust: "amr",
        address: "believed",
        domains: ["acme.example"],
      },
      microsoft: { ...google, issuer: "https://login.microsoftonline.com/common/v2.0", tid: [tenant] },
    });
    expect(all.map(({ name, kind, label, issuer }) => [name, kind, label, issuer])).toEqual([
      ["google", "oidc", "Google", "https://accounts.google.com"],
      ["github", "github", "GitHub", "https://github.com"],
      ["apple", "apple", "Apple", "https://appleid.apple.com"],
      ["acme", "oidc", "Acme", "https://id.acme.example/"],
      ["microsoft", "oidc", "Microsoft", "https://login.microsoftonline.com/common/v2.0"],
    ]);
    // Google, GitHub and Apple report no auth_time.
    expect(all.map(({ authTime }) => authTime)).toEqual(["assumed", "assumed", "assumed", "required", "required"]);
    expect(all[3]).toMatchObject({ trustsAmr: true, believesAddress: true, domains: ["acme.example"] });
    expect(all[4]).toMatchObject({ tenants: [tenant], trustsAmr: false, believesAddress: false, domains: [] });
  });

  test.each<[string, unknown, RegExp]>([
    ["no object", ["google"], /must be a JSON object of providers/],
    ["a provider that is no object", { google: secret }, /google must be a JSON object/],
    ["a name in upper case", { Google: google }, /the name of a provider must/],
    ["a name with a slash", { "a/b": google }, /the name of a provider must/],
    ["an unknown kind", { a: { ...google, kind: "saml" } }, /a\.kind must be oidc, github, apple/],
    ["a misspelt member", { a: { ...google, clientId: "x" } }, /a has an unknown member, the nearest is `client_id`/],
    ["a member of another kind", { a: { ...google, team: "x" } }, /a has an unknown member `team`/],
    [
      "domains of GitHub",
      { a: { kind: "github", client_id: "x", client_secret: secret, domains: ["a.example"] } },
      /unknown member `domains`/,
    ],
    ["no secret", { a: { issuer: google.issuer, client_id: "x" } }, /a\.client_secret must be set/],
    ["an issuer without TLS", { a: { ...google, issuer: "http://id.acme.example" } }, /a\.issuer must be an https URL/],
    [
      "an issuer with a query",
      { a: { ...google, issuer: "https://id.acme.example/?a=b" } },
      /a\.issuer must be an https URL/,
    ],
    [
      "an issuer with a fragment",
      { a: { ...google, issuer: "https://id.acme.example/#" } },
      /a\.issuer must be an https URL/,
    ],
    [
      "an issuer with a password",
      { a: { ...google, issuer: "https://u:hidden@id.acme.example/" } },
      /a\.issuer must be an https URL/,
    ],
    [
      "all organizations of Microsoft",
      { a: { ...google, issuer: "https://login.microsoftonline.com/organizations/v2.0" } },
      /`tid` must list the tenants/,
    ],
    [
      "all accounts of Microsoft",
      { a: { ...google, issuer: "https://login.microsoftonline.com/common/v2.0" } },
      /`tid` must list the tenants/,
    ],
    ["tenants of one issuer", { a: { ...google, tid: [tenant] } }, /a\.tid must be set only where/],
    ["a tenant that is a name", { a: { ...google, tid: ["acme.example"] } }, /a\.tid must be an array of tenant ids/],
    [
      "a domain that is an address",
      { a: { ...google, domains: ["ann@acme.example"] } },
      /a\.domains must be an array of domains/,
    ],
    ["a trust that does not exist", { a: { ...google, trust: true } }, /a\.trust must be "amr"/],
    ["an auth_time that does not exist", { a: { ...google, auth_time: true } }, /a\.auth_time must be "required" or/],
    ["a trusted factor of an unknown time", { a: { ...google, trust: "amr" } }, /a\.trust must be set only where/],
    [
      "one tenant twice",
      {
        a: { ...google, issuer: `https://login.microsoftonline.com/${tenant}/v2.0` },
        b: { ...google, issuer: "https://login.microsoftonline.com/organizations/v2.0", tid: [tenant] },
      },
      /b\.issuer must not be that of a/,
    ],
    ["one issuer twice", { a: google, b: google }, /b\.issuer must not be that of a/],
    [
      "an Apple key of another curve",
      { a: { ...apple, key: pem("P-384") } },
      /a\.key must be the private key of a \.p8 file/,
    ],
    ["a secret of Apple", { a: { ...apple, client_secret: secret } }, /unknown member `client_secret`/],
  ])("%s is a problem that shows no secret", (_, providers, message) => {
    const text = rejection(providers);
    expect(text).toMatch(message);
    expect(text).not.toContain(secret);
    expect(text).not.toContain("hidden");
    expect(text).not.toContain("BEGIN");
  });

  test("a text that is not JSON is not shown", () => {
    const text = rejection(undefined, { AMPHO_SECURITY_PROVIDERS: `{"google":${secret}` });
    expect(text).toBe("AMPHO_SECURITY_PROVIDERS must be a JSON object of providers, but is not JSON.");
  });

  test("providers need AMPHO_APP_URL", () => {
    expect(rejection({ google }, { AMPHO_APP_URL: "" })).toMatch(
      /AMPHO_APP_URL must be set for AMPHO_SECURITY_PROVIDERS/,
    );
  });

  test("a file can hold them, and only one of the two parameters can be set", () => {
    const file = path.join(freshFolder(), "providers.json");
    writeFileSync(file, JSON.stringify({ google }));
    expect(read(undefined, { AMPHO_SECURITY_PROVIDERS_FILE: file })).toMatchObject([{ name: "google" }]);
    expect(rejection({ google }, { AMPHO_SECURITY_PROVIDERS_FILE: file })).toMatch(/must not be set together/);
    expect(rejection(undefined, { AMPHO_SECURITY_PROVIDERS_FILE: `${file}.missing` })).toMatch(/there is no such file/);
    expect(rejection(undefined, { AMPHO_SECURITY_PROVIDERS_FILE: JSON.stringify({ google }) })).not.toContain(secret);
  });
});
