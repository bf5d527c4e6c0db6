// `ampho-attack` as a process, against `ampho serve` as another process.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { apiKeyAttacks } from "../../packages/attack/dist/cases/api-keys.js";
import { assertionAttacks } from "../../packages/attack/dist/cases/assertions.js";
import { resourceAttacks } from "../../packages/attack/dist/cases/resources.js";
import { serviceAttacks } from "../../packages/attack/dist/cases/services.js";
import { attacks } from "../../packages/attack/dist/table.js";
import { attackBinary, binary } from "../world/command.js";
import { alice } from "../world/people.js";
import {
  addUser,
  command,
  freshPlace,
  type Place,
  attack as runAttack,
  type Served,
  startServe,
} from "../world/serve.js";

interface Result {
  readonly attack: string;
  readonly outcome: string;
}

const attack = (place: Place, url: string, args: readonly string[] = [], stdin = "") =>
  runAttack(place, url, ["--json", ...args], stdin);

const outcomes = (stdout: string): Readonly<Record<string, string>> =>
  Object.fromEntries(JSON.parse(stdout).map(({ attack, outcome }: Result) => [attack, outcome]));

const idsOf = (...kinds: readonly (readonly { readonly id: string }[])[]) => kinds.flat().map(({ id }) => id);

/**
 * Attacks that do not run here, because there is no public key, no audience, no cookies, no passkeys, no mails, no API
 * key, no service account and no resource.
 */
const plain = [
  ...idsOf(apiKeyAttacks, serviceAttacks, assertionAttacks, resourceAttacks),
  "alg-confusion",
  "audience",
  "cross-site",
  "cookie-attributes",
  "passkey-replay",
  "mail-enumeration",
  "mailed-code",
];

const allBlocked = (notRun: readonly string[] = []) =>
  Object.fromEntries(attacks.map(({ id }) => [id, notRun.includes(id) ? "not_run" : "blocked"]));

async function newKey(alg: string): Promise<string> {
  return (await command(freshPlace(), ["sec-gen-key", "--alg", alg])).stdout.trim();
}

describe("an instance of ours", () => {
  test("ampho serve blocks every attack, and no test user is left", async () => {
    const key = await newKey("EdDSA");
    const place = freshPlace({
      AMPHO_SECURITY_KEY: key,
      AMPHO_SECURITY_TOKEN_ISSUER: "https://us.example",
      AMPHO_SECURITY_TOKEN_AUDIENCE: "https://api.example",
      AMPHO_SECURITY_CORS_ORIGINS: "https://app.example",
      AMPHO_SECURITY_COOKIES: "true",
      AMPHO_APP_URL: "https://app.example/",
      AMPHO_MAIL_URL: "file:mails",
      AMPHO_SECURITY_MAIL_LOGIN: "true",
      AMPHO_SECURITY_API_KEYS: "5",
      AMPHO_SECURITY_TOKEN_ENDPOINT: "true",
      AMPHO_SECURITY_RESOURCES: '[{"resource":"https://api.example/mcp"}]',
      AMPHO_SECURITY_SCOPES: '{"editor":["articles:read"]}',
    });
    const served = await startServe(place);
    const { code, stdout, stderr } = await attack(place, served.root, ["--role", "editor"]);
    // The resource is at another host.
    expect(outcomes(stdout)).toEqual(allBlocked(idsOf(resourceAttacks)));
    expect(code).toBe(0);
    for (const list of ["user-list", "service-list"])
      expect(JSON.parse((await command(place, [list, "--json"])).stdout)).toEqual([]);
    // No login of the attacks has an address.
    expect(JSON.parse((await command(place, ["mail-list", "--json"])).stdout)).toEqual([]);
    for (const text of [stdout, stderr, served.stderr()]) {
      expect(text).not.toContain(JSON.parse(key).d);
      expect(text).not.toMatch(/eyJ/);
    }
    const { code: ended } = await served.stop();
    expect(ended).toBe(0);
  });

  test("ampho serve with a secret key blocks every attack that applies", async () => {
    const place = freshPlace();
    const served = await startServe(place);
    const { code, stdout, stderr } = await runAttack(place, served.root);
    expect(stderr).toContain("Every attack that ran was blocked.");
    expect(stderr).toMatch(/^alg-confusion: not run\. The server publishes no public key\.$/m);
    expect(stdout).toMatch(/^ATTACK +FROM +RESULT$/m);
    expect(stdout).not.toMatch(/SUCCEEDED|FAILED/);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect(code).toBe(0);
  });
});

describe("an attack", () => {
  let place: Place;
  let served: Served;
  beforeAll(async () => {
    place = freshPlace();
    await addUser(place);
    served = await startServe(place);
  });

  test("no attack runs on an instance with another key", async () => {
    for (const key of [await newKey("HS256"), await newKey("ES256")]) {
      const other = { ...place, env: { ...place.env, AMPHO_SECURITY_KEY: key } };
      const { code, stdout, stderr } = await attack(other, served.root);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toContain("No attack ran. The configured key is not the key of the server");
    }
    expect(JSON.parse((await command(place, ["user-list", "--json"])).stdout)).toHaveLength(1);
    expect(served.entries().some(({ route }) => route?.endsWith("/login"))).toBe(false);
  });

  test("an attack requires a server that responds and is an Ampho", async () => {
    const beside = `${served.root}/elsewhere`;
    for (const [url, why] of [
      ["http://127.0.0.1:9/", "did not respond"],
      [beside, "no Ampho"],
    ] as const)
      expect(await attack(place, url)).toMatchObject({ code: 1, stderr: expect.stringContaining(why) });
  });

  test("an attack uses the key from stdin, and an existing user", async () => {
    const { AMPHO_SECURITY_KEY: key = "", ...env } = place.env;
    const elsewhere = { ...place, env: { ...env, AMPHO_SECURITY_KEY: await newKey("HS256") } };
    const { code, stdout } = await attack(elsewhere, served.root, ["--key-stdin"], key);
    expect(outcomes(stdout)).toEqual(allBlocked(plain));
    expect(code).toBe(0);

    const asAlice = await attack(place, served.root, ["--login", alice.login, "--password-stdin"], alice.password);
    const withTestUsers = attacks.filter(({ needs }) => needs === "testUsers").map(({ id }) => id);
    expect(outcomes(asAlice.stdout)).toEqual(allBlocked([...new Set([...plain, ...withTestUsers])]));
    expect(asAlice.code).toBe(0);
    expect((await command(place, ["session-list", alice.login, "--json"])).stdout.trim()).toBe("[]");

    const wrong = await attack(
      place,
      served.root,
      ["--login", alice.login, "--password-stdin"],
      "heron tumbrel lantern",
    );
    expect(wrong).toMatchObject({ code: 1, stdout: "" });
    expect(wrong.stderr).toContain("A login returned 401.");
  });

  test("an instance on this machine is attacked without its key, and with a wrong key after its host was repeated", async () => {
    const { AMPHO_SECURITY_KEY: _, ...env } = place.env;
    const keyless = { ...place, env: { ...env, NODE_ENV: "development" } };
    const keyed = attacks.filter(({ needs }) => needs === "key").map(({ id }) => id);
    const wrong = ["--key-stdin", "--i-own-this-host", new URL(served.root).host];
    for (const { code, stdout } of [
      await attack(keyless, served.root),
      await attack(place, served.root, wrong, await newKey("HS256")),
    ]) {
      expect(outcomes(stdout)).toEqual(allBlocked([...plain, ...keyed]));
      expect(code).toBe(0);
    }
  });

  test("no attack runs and no database is created if the configured database is not there", async () => {
    const elsewhere = freshPlace();
    const { code, stdout, stderr } = await command({ ...elsewhere, program: attackBinary }, [served.root]);
    expect({ code, stdout, stderr }).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("AMPHO_DATABASE_URL"),
    });
    expect(readdirSync(elsewhere.cwd)).toEqual([]);
  });

  test("no attack runs if a test user cannot be created, and none is left", async () => {
    const last = await command(place, ["user-list", "--json"]);
    // The policy fails after the users were created.
    const ampho = `f() { [ "$1" = factor-policy ] && { echo "ampho: It is full." >&2; return 1; }; "${process.execPath}" "${binary}" "$@"; }; f`;
    const { code, stdout, stderr } = await attack(place, served.root, ["--ampho", ampho]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("The command `ampho factor-policy` failed: It is full.");
    expect(await command(place, ["user-list", "--json"])).toEqual(last);
  });
});

test("an attack fails if its service account gets no key, and none is left", async () => {
  const place = freshPlace({
    AMPHO_SECURITY_TOKEN_ENDPOINT: "true",
    AMPHO_SECURITY_TOKEN_ISSUER: "https://us.example",
  });
  const served = await startServe(place);
  const ampho = `f() { [ "$1" = service-api-key ] && { echo "ampho: It is full." >&2; return 1; }; "${process.execPath}" "${binary}" "$@"; }; f`;
  const { code, stdout } = await attack(place, served.root, ["--ampho", ampho]);
  const results: readonly (Result & { readonly detail: string | null })[] = JSON.parse(stdout);
  const own = idsOf(serviceAttacks, assertionAttacks);
  for (const { attack: id, outcome, detail } of results.filter((each) => own.includes(each.attack)))
    expect([id, outcome, detail]).toEqual([
      id,
      "failed",
      expect.stringContaining("`ampho service-api-key` failed: It is full."),
    ]);
  expect(results.some(({ outcome }) => outcome === "blocked")).toBe(true);
  expect(code).toBe(1);
  for (const list of ["user-list", "service-list"])
    expect(JSON.parse((await command(place, [list, "--json"])).stdout)).toEqual([]);
});

test("an interrupted attack deletes its test users and exits with 1", async () => {
  const place = freshPlace();
  const served = await startServe(place);
  const child = spawn(
    process.execPath,
    [attackBinary, served.root, "--json", "--ampho", `"${process.execPath}" "${binary}"`],
    {
      ...place,
      env: { PATH: process.env["PATH"], ...place.env },
    },
  );
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  const ended = new Promise((resolve) => child.once("close", resolve));
  // The test users exist before the first login.
  while (!served.entries().some(({ route }) => route?.endsWith("/login"))) await new Promise((go) => setTimeout(go, 5));
  child.kill("SIGINT");
  expect(await ended).toBe(1);
  expect(Object.values(outcomes(stdout))).toContain("failed");
  expect(JSON.parse((await command(place, ["user-list", "--json"])).stdout)).toEqual([]);
});
