// `ampho doctor` and `ampho-attack` as processes, with a PostgreSQL role of few rights, and with a TLS proxy whose certificate is self-signed.
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { createServer, type Server } from "node:tls";
import { afterAll, describe, expect, test } from "vitest";
import { resourceAttacks } from "../../packages/attack/dist/cases/resources.js";
import { attacks } from "../../packages/attack/dist/table.js";
import type { Outcome } from "../world/command.js";
import { openPort } from "../world/listen.js";
import { attack, command, freshPlace, type Place, startServe } from "../world/serve.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";

const deployed = (env: Readonly<Record<string, string>>) =>
  freshPlace({ AMPHO_SECURITY_TOKEN_AUDIENCE: "https://api.example", ...env });

interface Said {
  readonly code: number | null;
  readonly stderr: string;
  /** The JSON result: findings of checks, or results of attacks. */
  readonly results: readonly Readonly<Record<string, string>>[];
}

async function doctor(place: Place, ...args: readonly string[]): Promise<Said> {
  return said(await command(place, ["doctor", "--json", ...args]));
}

const attackAt = async (place: Place, url: string) => said(await attack(place, url, ["--json", "--role", "editor"]));

/** The test users get API keys, and the test services access tokens. */
const withMachines = {
  AMPHO_SECURITY_API_KEYS: "5",
  AMPHO_SECURITY_TOKEN_ENDPOINT: "true",
  AMPHO_SECURITY_TOKEN_ISSUER: "https://us.example",
  AMPHO_SECURITY_SCOPES: '{"editor":["articles:read"]}',
};

const said = ({ code, stdout, stderr }: Outcome): Said => ({
  code,
  stderr,
  results: stdout === "" ? [] : JSON.parse(stdout),
});

const found = ({ results }: Said) => results.map(({ severity, check }) => `${severity} ${check}`);
const outcomes = ({ results }: Said) => Object.fromEntries(results.map(({ attack, outcome }) => [attack, outcome]));

/**
 * Attacks that do not run here, because there is no public key, no cookies, no passkeys, no mails and no resource.
 */
const unconfigured = [
  ...resourceAttacks.map(({ id }) => id),
  "alg-confusion",
  "cross-site",
  "cookie-attributes",
  "passkey-replay",
  "mail-enumeration",
  "mailed-code",
];
const allBlocked = Object.fromEntries(attacks.map(({ id }) => [id, unconfigured.includes(id) ? "not_run" : "blocked"]));

describe("a deployment on PostgreSQL", () => {
  const server = usePostgres();
  const database = useDatabase(server);

  test("the doctor checks PostgreSQL with a role that can only read and write rows, before and after the migration", async () => {
    const fresh = await server.database();
    const place = deployed({ AMPHO_DATABASE_URL: fresh.runtimeUrl, AMPHO_DATABASE_MIGRATE: "off" });
    const before = await doctor(place);
    expect([before.code, found(before)]).toEqual([1, ["error schema"]]);
    // The doctor has created no table.
    expect(await fresh.query("select 1 from pg_tables where tablename like 'ampho%'")).toEqual([]);
    await fresh.empty();
    const after = await doctor(place);
    expect({ found: found(after), code: after.code }).toEqual({ found: [], code: 0 });
  });

  test("the doctor warns if the serving role owns the tables, and only notes it if processes migrate", async () => {
    await database.empty();
    const place = (migrate: string) =>
      deployed({ AMPHO_DATABASE_URL: database.ownerUrl, AMPHO_DATABASE_MIGRATE: migrate });
    const [off, auto] = [await doctor(place("off")), await doctor(place("auto"))];
    expect([off.code, found(off)]).toEqual([1, ["warning schema"]]);
    expect([auto.code, found(auto)]).toEqual([0, ["note schema"]]);
  });

  test("the doctor reports an unreachable database and a wrong password without printing the password", async () => {
    const unreachable = new URL(database.runtimeUrl);
    unreachable.port = "9";
    const wrongPassword = new URL(database.runtimeUrl);
    wrongPassword.password = "heron-tumbrel-lantern";
    for (const { href, password } of [unreachable, wrongPassword]) {
      const said = await doctor(deployed({ AMPHO_DATABASE_URL: href }));
      expect([said.code, found(said)]).toEqual([1, ["error database"]]);
      expect(JSON.stringify(said)).not.toContain(password);
    }
  });

  test("an instance on PostgreSQL blocks every attack, and no test user is left", async () => {
    await database.empty();
    const place = deployed({
      AMPHO_DATABASE_URL: database.runtimeUrl,
      AMPHO_DATABASE_MIGRATE: "off",
      ...withMachines,
    });
    const served = await startServe(place);
    const said = await attackAt(place, served.root);
    expect(outcomes(said)).toEqual(allBlocked);
    expect(said.code).toBe(0);
    expect((await command(place, ["user-list", "--json"])).stdout.trim()).toBe("[]");
    expect((await served.stop()).code).toBe(0);
  });
});

describe("a deployment behind TLS", () => {
  const certificates = path.join(import.meta.dirname, "../store/tls");
  const certificate = path.join(certificates, "server.crt");
  const fronts: Server[] = [];
  afterAll(async () => {
    for (const front of fronts) await new Promise((resolve) => front.close(resolve));
  });

  /** A proxy that terminates TLS and forwards the bytes. */
  async function front(port: number): Promise<string> {
    const options = { cert: readFileSync(certificate), key: readFileSync(path.join(certificates, "server.key")) };
    const server = createServer(options, (socket) => {
      const behind = connect(port, "127.0.0.1");
      for (const end of [socket, behind]) end.on("error", () => [socket, behind].map((each) => each.destroy()));
      socket.pipe(behind).pipe(socket);
    });
    fronts.push(server);
    // The certificate is for the name.
    return `https://localhost:${await openPort(server)}`;
  }

  const trusting = (place: Place): Place => ({ ...place, env: { ...place.env, NODE_EXTRA_CA_CERTS: certificate } });

  test("the doctor checks an instance behind a TLS proxy with a trusted certificate, and every attack is blocked there", async () => {
    const place = deployed(withMachines);
    const served = await startServe(place);
    const url = await front(served.port);
    const examined = await doctor(trusting(place), "--url", url);
    expect({ found: found(examined), code: examined.code }).toEqual({ found: ["note tls"], code: 0 });
    const attacked = await attackAt(trusting(place), url);
    expect(outcomes(attacked)).toEqual(allBlocked);
    expect(attacked.code).toBe(0);
    expect((await served.stop()).code).toBe(0);
  });

  test("no attack runs on an instance whose certificate is not trusted", async () => {
    const place = deployed(withMachines);
    const served = await startServe(place);
    const url = await front(served.port);
    const examined = await doctor(place, "--url", url);
    expect([examined.code, found(examined)]).toEqual([1, ["error instance"]]);
    const attacked = await attackAt(place, url);
    expect(attacked).toMatchObject({ code: 1, results: [], stderr: expect.stringContaining("did not respond") });
    expect(served.entries()).toEqual([]);
    expect((await served.stop()).code).toBe(0);
  });
});
