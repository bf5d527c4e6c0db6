// Two `ampho serve` processes on one PostgreSQL, as behind a load balancer.
import { beforeAll, describe, expect, it } from "vitest";
import { within } from "../world/deadline.js";
import { bearer, type Grant, post } from "../world/requests.js";
import { addUser, command, freshPlace, logIn, type Place, type Served, startServe } from "../world/serve.js";
import { useDatabase } from "../world/use-postgres.js";

const database = useDatabase();
let place: Place;

beforeAll(async () => {
  place = freshPlace({ AMPHO_DATABASE_URL: database.runtimeUrl });
});
const sessionStatus = async ({ url }: Served, token: string) =>
  (await fetch(`${url}/session`, { headers: bearer(token) })).status;

describe("the schema of a PostgreSQL database in production", () => {
  it("serve does not change the schema in production: it names the command and ends", async () => {
    const { code, stderr, stdout } = await command(place, ["serve", "--port", "0"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/schema version 0, but this program needs \d+\. Run `ampho db-up`\./);
  });

  it("the role that runs the service cannot create the schema", async () => {
    const { code, stderr } = await command(place, ["db-up"]);
    expect([code, stderr.trim()]).toEqual([1, expect.stringContaining("the role lacks rights in the database")]);
  });

  it("the owner of the schema can migrate it up, read its version, and migrate it down", async () => {
    const owner = freshPlace({ AMPHO_DATABASE_URL: database.ownerUrl });
    expect(await command(owner, ["db-current"])).toMatchObject({ code: 0, stdout: "0\n" });
    expect(await command(owner, ["db-up"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("Applied migration 1 (first)."),
    });
    expect(await command(owner, ["db-show"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/1 +first +\d{4}-/),
    });
    for (;;) {
      const { code } = await command(owner, ["db-down"]);
      if (code !== 0) break;
    }
    expect(await command(owner, ["db-current"])).toMatchObject({ code: 0, stdout: "0\n" });
    expect(await command(owner, ["db-up"])).toMatchObject({ code: 0 });
    expect(await command(owner, ["db-up"])).toMatchObject({ code: 0, stdout: "" });
  });
});

describe("errors in a postgres:// URL", () => {
  const wrong: readonly (readonly [string, Partial<URL>, RegExp])[] = [
    ["the password", { password: "secret-1" }, /rejects the role or its password/],
    ["the port", { port: "1" }, /nothing listens at the address/],
    ["the database", { pathname: "/absent" }, /no database of that name/],
    ["the host", { hostname: "absent.invalid" }, /the host is unknown/],
    ["TLS where there is none", { search: "?sslmode=verify-full" }, /PostgreSQL has no TLS/],
    ["a certificate file", { search: "?sslrootcert=/secret-2" }, /AMPHO_DATABASE_URL has a wrong parameter/],
  ];
  it.each(wrong)(
    "an error in %s is reported in one line without role, password and path",
    async (_, change, message) => {
      const url = new URL(database.runtimeUrl);
      const { password, username } = url;
      Object.assign(url, change);
      const { code, stderr, stdout } = await command(freshPlace({ AMPHO_DATABASE_URL: url.href }), ["user-list"]);
      expect(code).not.toBe(0);
      expect(stderr.trim()).toMatch(message);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      for (const part of ["secret", password, decodeURIComponent(password), username])
        expect(stdout + stderr).not.toContain(part);
    },
  );
});

describe("two processes", () => {
  let pair: readonly [Served, Served];
  beforeAll(async () => {
    await addUser(place);
    pair = [await startServe(place), await startServe(place)];
  });

  it("two processes are one service, and a login on one renews on the other", async () => {
    const { token, refresh_token } = await logIn(pair[0]);
    expect(await sessionStatus(pair[1], token)).toBe(200);
    const renewed = await post(`${pair[1].url}/renew`, { refresh_token });
    expect(renewed.status).toBe(200);
    const next: Grant = await renewed.json();
    expect((await post(`${pair[0].url}/renew`, { refresh_token: next.refresh_token })).status).toBe(200);
  });

  it("a logout on one process is effective on the other within a second", async () => {
    for (let round = 0; round < 5; round++) {
      const { token } = await logIn(pair[0]);
      expect(await sessionStatus(pair[1], token)).toBe(200);
      const out = await fetch(`${pair[0].url}/logout`, { method: "POST", headers: bearer(token) });
      expect([out.status, await sessionStatus(pair[0], token)]).toEqual([204, 401]);
      await within(1000, async () => (await sessionStatus(pair[1], token)) === 401);
    }
  });

  it("exactly one of 20 renewals at once, half of them on each process, advances the generation", async () => {
    let { refresh_token } = await logIn(pair[0]);
    for (let round = 1; round <= 10; round++) {
      const responses = await Promise.all(
        Array.from({ length: 20 }, (_, at) => post(`${pair[at % 2 === 0 ? 0 : 1].url}/renew`, { refresh_token })),
      );
      expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
      const grants: readonly Grant[] = await Promise.all(responses.map((response) => response.json()));
      const generations = grants.map(({ token }) => claimsOf(token)["gen"]);
      expect(new Set(generations)).toEqual(new Set([round]));
      ({ refresh_token = "" } = grants[0] ?? {});
    }
    const [row] = await database.query("select count(*)::int as moved from ampho.ampho_audit where event = 'renew'");
    expect(row).toEqual({ moved: 12 });
  });

  it("two processes use the time of the database, and one whose clock is two hours ahead logs a warning", async () => {
    const shift = `data:text/javascript,${encodeURIComponent("const now = Date.now; Date.now = () => now() + 7200000")}`;
    const ahead = await startServe({ ...place, env: { ...place.env, NODE_OPTIONS: `--import=${shift}` } });
    const now = Math.floor(Date.now() / 1000);
    const { token, refresh_token } = await logIn(ahead);
    expect(Math.abs(Number(claimsOf(token)["iat"]) - now)).toBeLessThan(60);
    expect([await sessionStatus(pair[0], token), await sessionStatus(ahead, token)]).toEqual([200, 200]);
    const other = await logIn(pair[0]);
    expect(await sessionStatus(ahead, other.token)).toBe(200);
    expect((await post(`${pair[0].url}/renew`, { refresh_token })).status).toBe(200);
    const ready = await fetch(`${ahead.root}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { status: "ok", warnings: ["clock_off"] }]);
    expect(await (await fetch(`${pair[0].root}/readyz`)).json()).toEqual({ status: "ok" });
    expect((await ahead.stop()).stderr).toMatch(/This machine's clock is 7\d\d\d s ahead of the database's/);
  });

  it("two processes print nothing of the password, and end by themselves", async () => {
    const { password } = new URL(database.runtimeUrl);
    for (const served of pair) {
      const { code, stderr, stdout } = await served.stop();
      expect(code).toBe(0);
      for (const text of [password, decodeURIComponent(password)]) expect(stdout + stderr).not.toContain(text);
    }
  });
});

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}
