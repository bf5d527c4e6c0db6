// Logins that look alike, through the command line and a real server. One canonical form belongs to one user, the first that
// claims it, and the database itself enforces that.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAmpho } from "../../dist/ampho.js";
import { canonicalLogin } from "../../dist/logins/login-name.js";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import { alice } from "../world/people.js";
import { post } from "../world/requests.js";
import { addUser, command, freshPlace, type Place, type Served, startServe, unthrottled } from "../world/serve.js";
import { naughty } from "./siege.js";

let place: Place;
let served: Served;
beforeAll(async () => {
  place = freshPlace(unthrottled);
  for (const login of ["alice", "straße", "İstanbul"]) await addUser(place, { ...alice, login });
  served = await startServe(place);
});
afterAll(async () => {
  await served.stop();
});

const add = (login: string) => command(place, ["user-add", "--", login]);
const logins = async (): Promise<readonly string[]> =>
  JSON.parse((await command(place, ["user-list", "--json"])).stdout).map(({ login }: { login: string }) => login);

const spellings: Readonly<Record<string, readonly string[]>> = {
  alice: ["ALICE", "Ａｌｉｃｅ", "𝒶𝓁𝒾𝒸ℯ", "al\u200bice", "alice\ufeff", "a\u00adlice", "al\u2060ice", "ⓐlice"],
  straße: ["STRASSE", "strasse", "STRAẞE", "ﬆraße"],
  İstanbul: ["i̇stanbul", "I\u0307STANBUL", "İSTANBUL"],
};
const pairs = Object.entries(spellings).flatMap(([login, others]) => others.map((other) => [login, other] as const));

describe("another spelling of a login", () => {
  it.each(pairs)("another spelling of %s logs in the same user, here %j", async (login, other) => {
    const response = await post(`${served.url}/login`, { login: other, password: alice.password });
    expect(response.status).toBe(200);
    const claims = JSON.parse(Buffer.from((await response.json()).token.split(".")[1], "base64url").toString());
    expect(claims.login).toBe(login);
  });

  it("another spelling creates no second user", async () => {
    const before = await logins();
    for (const other of ["Ａｌｉｃｅ", "STRASSE", "i̇stanbul"]) {
      const { code, stdout, stderr } = await add(other);
      expect([other, code, stdout]).toEqual([other, 1, ""]);
      expect(stderr).toMatch(/^ampho: The database is [^\n]+\nampho: [^\n]+\n$/);
      expect(stderr).not.toContain(other);
    }
    expect(await logins()).toEqual(before);
  });

  it.each([
    ["Cyrillic а in Latin", "\u0430lice"],
    ["a zero width space", "al\u200bice"],
    ["a right-to-left override", "\u202eecila"],
    ["a control character", "ali\u0001ce"],
    ["a space before", " alice"],
    ["digits of two scripts", "bob1\u0661"],
  ])("a login with %s cannot be created", async (_, login) => {
    const { code, stdout, stderr } = await add(login);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^ampho: The database is [\x20-\x7e]+\nampho: [\x20-\x7e]+\n$/);
  });

  it.each(["al\0ice", "alice\0", "\0"])("a login with NUL belongs to no user, here %j", async (login) => {
    const response = await post(`${served.url}/login`, { login, password: alice.password });
    expect([response.status, (await response.json()).error]).toEqual([400, "invalid_request"]);
  });

  it.each(["\u0430lice", "alıce", "a1ice", "alice.", "alicé"])(
    "a login that only looks like another is unknown, here %j",
    async (login) => {
      const response = await post(`${served.url}/login`, { login, password: alice.password });
      expect([response.status, (await response.json()).error]).toEqual([401, "invalid_credentials"]);
    },
  );
});

describe("the database itself", () => {
  it("the database accepts one of many spellings that arrive at once", async () => {
    const all = ["Björn", "BJÖRN", "bjo\u0308rn", "Ｂjörn"];
    const outcomes = await Promise.all(all.map(add));
    expect(outcomes.map(({ code }) => code).sort()).toEqual([0, 1, 1, 1]);
    expect((await logins()).filter((login) => canonicalLogin(login) === "björn")).toHaveLength(1);
  });

  it("the database rejects a second row of one canonical form", () => {
    const { DatabaseSync } = loadDriver(undefined);
    const database = new DatabaseSync(join(place.cwd, "ampho.db"));
    const columns = "password_hash, password_version, roles, roles_version, disabled, created_at";
    const copy = `insert into ampho_users (id, login, canonical, ${columns})
      select 'another', 'ALICE', canonical, ${columns} from ampho_users where canonical = 'alice'`;
    expect(() => database.exec(copy)).toThrow(/UNIQUE constraint failed/);
    database.close();
  });
});

it("each naughty string is one user's login in every spelling of it, or no user's", async () => {
  const ampho = await createAmpho({
    databaseUrl: "sqlite::memory:",
    key: JSON.parse(place.env["AMPHO_SECURITY_KEY"] ?? ""),
    log: () => {},
  });
  const made = new Map<string, string>();
  for (const login of naughty) {
    const canonical = canonicalLogin(login);
    expect(canonicalLogin(canonical)).toBe(canonical);
    try {
      const { id } = await ampho.users.create({ login });
      expect(made.has(canonical), login).toBe(false);
      made.set(canonical, id);
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
      if (login.length > 5) expect(error.message).not.toContain(login);
    }
  }
  expect(made.size).toBeGreaterThan(100);
  for (const [canonical, id] of made) {
    for (const spelling of [canonical, canonical.normalize("NFD"), `${canonical}\u200b`]) {
      expect((await ampho.users.find(spelling))?.id).toBe(id);
    }
  }
  await ampho.close();
});
