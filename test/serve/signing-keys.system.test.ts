// Keys in a fleet (docs/operate/signing-keys.md): four processes that read a new key file at different moments, under load.
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { createVerifier } from "../../dist/verify/verifier.js";
import { within } from "../world/deadline.js";
import { alice } from "../world/people.js";
import { startPostgres } from "../world/postgres.js";
import { bearer, post } from "../world/requests.js";
import { addUser, command, freshPlace, logIn, type Place, unthrottled } from "../world/serve.js";
import { type Load, later, type Member, rollOut, startFleet, startLoad } from "./fleet.js";

const day = 86_400;

interface Ground {
  readonly place: Place;
  readonly members: readonly Member[];
  readonly load: Load;
  /** Makes the caches of the published keys fetch them again, as they do by the end of each wait. */
  cachesRunOut(): Promise<void>;
  /** The key file that the operator changes. */
  text(): string;
  close(): Promise<void>;
}

async function open(env: Readonly<Record<string, string>>): Promise<Ground> {
  const bare = freshPlace({ ...unthrottled, ...env, AMPHO_SECURITY_KEY: "", AMPHO_SECURITY_KEY_FILE: "key.json" });
  expect((await command(bare, ["sec-gen-key", "--alg", "EdDSA", "-o", "key.json"])).code).toBe(0);
  await addUser(bare);
  const text = () => readFileSync(path.join(bare.cwd, "key.json"), "utf8");
  const members = await startFleet(bare, text());
  // The process that reads a new file last.
  const jwksUrl = `${members.at(-1)?.served.url}/.well-known/jwks.json`;
  const asking = createVerifier({ jwksUrl, log: () => {} });
  const fetchOnce = async () => createVerifier({ keys: await (await fetch(jwksUrl)).json(), log: () => {} });
  let keeping = await fetchOnce();
  const load = startLoad(members, 6, {
    "verifier that asks for unknown keys": (token) => asking.verify(token),
    "verifier that keeps its set": (token) => keeping.verify(token),
  });
  const close = async () => {
    await load.stop();
    asking.close();
    for (const { served } of members) await served.stop();
  };
  const cachesRunOut = async () => {
    keeping = await fetchOnce();
  };
  return { place: bare, members, load, cachesRunOut, text, close };
}

const kidsOf = (text: string) => JSON.parse(text).keys.map(({ kid }: { kid: string }) => kid);

/** The two ways past the waits. */
interface Passing {
  run(place: Place, stage: string, seconds: number): Promise<{ readonly code: number | null; readonly stderr: string }>;
}

const byTime: Passing = {
  run: (place, stage, seconds) => later(place, seconds, ["sec-rotate-key", "--stage", stage, "--in-place"]),
};
const byForce: Passing = {
  run: (place, stage) =>
    command(place, ["sec-rotate-key", "--stage", stage, "--in-place", "--force", "--reason", `a drill: ${stage}`]),
};

async function rotate({ place, members, load, text, cachesRunOut }: Ground, passing: Passing): Promise<void> {
  const stage = (name: string) => command(place, ["sec-rotate-key", "--stage", name, "--in-place"]);
  const [old] = [JSON.parse(text()).kid];

  await load.renewedByAll();
  expect(await stage("next")).toMatchObject({ code: 0, stdout: "", stderr: expect.stringContaining("is next") });
  const [, next] = kidsOf(text());
  expect(kidsOf(text())).toEqual([old, next]);
  await rollOut(members, text());

  const published = text();
  expect(await stage("activate")).toMatchObject({ code: 1, stderr: expect.stringContaining("Too early") });
  expect(text()).toBe(published);
  await load.renewedByAll();
  await cachesRunOut();
  expect(await passing.run(place, "activate", 1201)).toMatchObject({ code: 0 });
  expect(kidsOf(text())).toEqual([next, old]);
  await rollOut(members, text());

  const activated = text();
  expect(await stage("retire")).toMatchObject({ code: 1, stderr: expect.stringContaining("Too early") });
  expect(text()).toBe(activated);
  // The reason for the wait: no client has anything left that the old key signed.
  await load.renewedByAll();
  expect(await passing.run(place, "retire", 15 * day)).toMatchObject({ code: 0 });
  expect(kidsOf(text())).toEqual([next]);
  await rollOut(members, text());
  await load.renewedByAll();
  await cachesRunOut();
  await load.renewedByAll();
  expect(statSync(path.join(place.cwd, "key.json")).mode & 0o777).toBe(0o600);
}

const allGood = [
  "guarded 200",
  "login 200",
  "logout 204",
  "renew 200",
  "verifier that asks for unknown keys 200",
  "verifier that keeps its set 200",
];

describe("a rotation under load on four processes that read it at different moments", () => {
  it("a rotation in stages rejects no request in the fleet or at a verifier by JWKS", {
    timeout: 240_000,
  }, async () => {
    const ground = await open({});
    await rotate(ground, byTime);
    await ground.close();
    expect([...ground.load.counts.keys()].sort()).toEqual(allGood);
    for (const { served } of ground.members) expect(served.stderr()).not.toMatch(/"(?:log)":"error/);
  });

  it("a rotation that is forced once everything is in place rejects no request on PostgreSQL, and each force is audited", {
    timeout: 240_000,
  }, async () => {
    const server = await startPostgres();
    const database = await server.database();
    const owner = freshPlace({ AMPHO_DATABASE_URL: database.ownerUrl });
    expect((await command(owner, ["db-up"])).code).toBe(0);
    const ground = await open({ AMPHO_DATABASE_URL: database.runtimeUrl });
    await rotate(ground, byForce);
    const { stdout } = await command(ground.place, ["audit-list", "--json", "--limit", "100000"]);
    await ground.close();
    await server.stop();
    expect([...ground.load.counts.keys()].sort()).toEqual(allGood);
    const rows: readonly Record<string, unknown>[] = JSON.parse(stdout);
    const forced = rows.filter(({ event }) => event === "signing_key_stage_forced");
    expect(forced.map(({ reason }) => reason)).toEqual(["a drill: activate", "a drill: retire"]);
    for (const row of forced) expect(JSON.stringify(row)).toMatch(/"operator":"[^"]+@/);
  });
});

describe("a rotation at once", () => {
  it("a rotation at once does reject requests, so the tests above can fail", { timeout: 240_000 }, async () => {
    const ground = await open({});
    await ground.load.renewedByAll();
    expect((await command(ground.place, ["sec-rotate-key", "--in-place"])).code).toBe(0);
    await rollOut(ground.members, ground.text());
    await ground.close();
    expect([...ground.load.counts.keys()]).toEqual(
      expect.arrayContaining(["guarded 401", "verifier that keeps its set invalid_token"]),
    );
  });
});

describe("a stolen key", () => {
  it("a stolen key is revoked in all four processes within a second under load, and logins work with a new key", {
    timeout: 240_000,
  }, async () => {
    const { place, members, load, text, close } = await open({});
    await load.renewedByAll();
    const [first] = members;
    if (first === undefined) throw new Error("a fleet has members");
    const stolen = await logIn(first.served);
    const kid = JSON.parse(text()).kid;
    const status = async ({ served }: Member, token: string) =>
      (await fetch(`${served.url}/session`, { headers: bearer(token) })).status;

    expect((await command(place, ["sec-revoke-key", "--", kid])).code).toBe(0);
    await Promise.all(members.map((member) => within(1000, async () => (await status(member, stolen.token)) === 401)));
    for (const { served } of members) {
      const login = await post(`${served.url}/login`, alice);
      expect([login.status, (await login.json()).error]).toEqual([503, "unavailable"]);
      expect((await fetch(`${served.root}/readyz`)).status).toBe(200);
    }

    expect((await command(place, ["sec-rotate-key", "--keep", "0", "--in-place"])).code).toBe(0);
    await rollOut(members, text());
    await load.renewedByAll();
    for (const { served } of members) {
      const { token } = await logIn(served);
      for (const member of members) {
        expect(await status(member, token)).toBe(200);
        expect(await status(member, stolen.token)).toBe(401);
      }
      expect((await post(`${served.url}/renew`, { refresh_token: stolen.refresh_token })).status).toBe(401);
    }
    await close();
  });
});
