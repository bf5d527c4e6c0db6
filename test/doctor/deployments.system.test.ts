// `ampho doctor` as a process, where it has more to cross: a database that is a server, with a role that may do little, and
// TLS in front, with a certificate that no public authority has signed.
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { createServer, type Server } from "node:tls";
import { afterAll, describe, expect, test } from "vitest";
import { attacks } from "../../dist/doctor/attacks/table.js";
import { command, freshPlace, leave, type Place, startServe } from "../world/serve.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";

interface Said {
  readonly code: number | null;
  readonly stderr: string;
  /** Of checks: `severity check`; of attacks: the outcome by its id. */
  readonly results: readonly Readonly<Record<string, string>>[];
}

async function doctor(place: Place, ...args: readonly string[]): Promise<Said> {
  const { code, stdout, stderr } = await command(place, ["doctor", "--json", ...args]);
  return { code, stderr, results: stdout === "" ? [] : JSON.parse(stdout) };
}

const found = ({ results }: Said) => results.map(({ severity, check }) => `${severity} ${check}`);
const outcomes = ({ results }: Said) => Object.fromEntries(results.map(({ attack, outcome }) => [attack, outcome]));

/** Not tried where nothing is configured for it: no public key, no audience, no cookies. */
const unconfigured = ["alg-confusion", "audience", "cross-site", "cookie-attributes"];
const allHeld = Object.fromEntries(attacks.map(({ id }) => [id, unconfigured.includes(id) ? "not_tried" : "held"]));

afterAll(leave);

describe("a deployment on PostgreSQL", () => {
  const server = usePostgres();
  const database = useDatabase(server);

  test("is examined with a role that may read and write rows and nothing else, before its schema is there and after", async () => {
    const fresh = await server.database();
    const place = freshPlace({ AMPHO_DATABASE_URL: fresh.runtimeUrl, AMPHO_DATABASE_MIGRATE: "off" });
    const before = await doctor(place);
    expect([before.code, found(before)]).toEqual([1, ["error schema"]]);
    // And it has made nothing.
    expect(await fresh.query("select 1 from pg_tables where tablename like 'ampho%'")).toEqual([]);
    await fresh.empty();
    const after = await doctor(place);
    expect({ found: found(after), code: after.code }).toEqual({ found: [], code: 0 });
  });

  test("that serves as the owner of its tables is told, as a note where its processes migrate by themselves", async () => {
    await database.empty();
    const place = (migrate: string) =>
      freshPlace({ AMPHO_DATABASE_URL: database.ownerUrl, AMPHO_DATABASE_MIGRATE: migrate });
    const [off, auto] = [await doctor(place("off")), await doctor(place("auto"))];
    expect([off.code, found(off)]).toEqual([1, ["warning schema"]]);
    expect([auto.code, found(auto)]).toEqual([0, ["note schema"]]);
  });

  test("that is away, or lets nobody in, is told without its password", async () => {
    const away = new URL(database.runtimeUrl);
    away.port = "9";
    const stranger = new URL(database.runtimeUrl);
    stranger.password = "heron-tumbrel-lantern";
    for (const { href, password } of [away, stranger]) {
      const said = await doctor(freshPlace({ AMPHO_DATABASE_URL: href }));
      expect([said.code, found(said)]).toEqual([1, ["error database"]]);
      expect(JSON.stringify(said)).not.toContain(password);
    }
  });

  test("holds off every attack, and nothing of them is left", async () => {
    await database.empty();
    const place = freshPlace({ AMPHO_DATABASE_URL: database.runtimeUrl, AMPHO_DATABASE_MIGRATE: "off" });
    const served = await startServe(place);
    const said = await doctor(place, "--attack", served.root);
    expect(outcomes(said)).toEqual(allHeld);
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

  /** What ends TLS and passes the bytes on. */
  async function front(port: number): Promise<string> {
    const options = { cert: readFileSync(certificate), key: readFileSync(path.join(certificates, "server.key")) };
    const server = createServer(options, (socket) => {
      const behind = connect(port, "127.0.0.1");
      for (const end of [socket, behind]) end.on("error", () => [socket, behind].map((each) => each.destroy()));
      socket.pipe(behind).pipe(socket);
    });
    fronts.push(server);
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    const address = server.address();
    return `https://localhost:${typeof address === "object" ? address?.port : 0}`;
  }

  const trusting = (place: Place): Place => ({ ...place, env: { ...place.env, NODE_EXTRA_CA_CERTS: certificate } });

  test("is examined and attacked through it, where the certificate is trusted", async () => {
    const place = freshPlace();
    const served = await startServe(place);
    const url = await front(served.port);
    const examined = await doctor(trusting(place), "--url", url);
    expect({ found: found(examined), code: examined.code }).toEqual({ found: ["note tls"], code: 0 });
    const attacked = await doctor(trusting(place), "--attack", url);
    expect(outcomes(attacked)).toEqual(allHeld);
    expect(attacked.code).toBe(0);
    expect((await served.stop()).code).toBe(0);
  });

  test("is not believed, and not attacked, where it is not", async () => {
    const place = freshPlace();
    const served = await startServe(place);
    const url = await front(served.port);
    const examined = await doctor(place, "--url", url);
    expect([examined.code, found(examined)]).toEqual([1, ["error instance"]]);
    const attacked = await doctor(place, "--attack", url);
    expect(attacked).toMatchObject({ code: 1, results: [], stderr: expect.stringContaining("did not answer") });
    expect(served.entries()).toEqual([]);
    expect((await served.stop()).code).toBe(0);
  });
});
