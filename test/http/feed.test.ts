// GET /revocations over HTTP: its token, its entries, the kinds that a verifier knows, and how long it waits.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nextRequest, revocationFeedToken, type Serving, serve } from "../world/http-server.js";
import { bearer } from "../world/requests.js";

let serving: Serving;
beforeAll(async () => {
  serving = await serve();
});
afterAll(() => serving.close());

interface Page {
  readonly epoch: string;
  readonly last: number;
  readonly revocations: readonly Readonly<Record<string, unknown>>[];
  readonly more: boolean;
  readonly waited: number;
}

async function read(query = "", token: string | null = revocationFeedToken) {
  const headers = token === null ? {} : bearer(token);
  const response = await fetch(`${serving.url}/revocations${query}`, { headers });
  const json: Page & { readonly error?: string } = await response.json();
  return { status: response.status, headers: response.headers, json };
}

const digest = async (text: string) =>
  Buffer.from(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toString("base64url");

describe("the feed", () => {
  test("an instance without the feed token has no feed, and its description has none", async () => {
    const without = await serve({ revocationFeedToken: undefined });
    try {
      const response = await fetch(`${without.url}/revocations`, { headers: bearer(revocationFeedToken) });
      expect([response.status, (await response.json()).error]).toEqual([404, "not_found"]);
      const { paths } = await (await fetch(`${without.url}/openapi.json`)).json();
      expect(Object.keys(paths).filter((path) => path.includes("revocations"))).toEqual([]);
    } finally {
      await without.close();
    }
  });

  test.each([
    ["no token", null, "missing_token"],
    ["a beginning of it", revocationFeedToken.slice(0, -1), "invalid_token"],
    ["one more character", `${revocationFeedToken}A`, "invalid_token"],
    ["an empty token", "", "invalid_token"],
  ])("the feed rejects %s", async (_, token, error) => {
    const { status, json, headers } = await read("", token);
    expect([status, json.error]).toEqual([401, error]);
    expect(headers.get("www-authenticate")).toMatch(/^Bearer realm="/);
  });

  test("the feed rejects a user's token, and its own token opens no other route", async () => {
    const { token } = await serving.login();
    expect((await read("", token)).status).toBe(401);
    expect((await fetch(`${serving.url}/session`, { headers: bearer(revocationFeedToken) })).status).toBe(401);
  });

  test.each([
    "?after=-1",
    "?after=1.5",
    "?after=x",
    "?after=01",
    "?after=",
    "?wait=21",
    "?wait=-1",
    "?after=1&after=2",
    "?after=9007199254740993",
    "?kinds=",
    "?kinds=User",
    "?kinds=user,,all",
  ])("the feed rejects the query %s", async (query) => {
    const { status, json } = await read(query);
    expect([status, json.error]).toEqual([400, "invalid_request"]);
  });

  test("the feed names sessions and logins by digest, users by id, and never contains the id of a session", async () => {
    const { last, epoch } = (await read()).json;
    const user = await serving.ampho.users.create({ login: "Bóris", roles: ["a", "b"] });
    const grant = await serving.ampho.sessions.create(user.id);
    const { session = "" } = await serving.ampho.verify(grant.token);
    await serving.ampho.sessions.end(session);
    await serving.ampho.users.setRoles("bóris", ["b"]);
    await serving.ampho.users.disable("bóris");
    const { json, headers } = await read(`?after=${last}`);
    expect(headers.get("cache-control")).toBe("no-store");
    const at = expect.any(Number);
    const common = { n: at, at, until: at };
    const login_sha256 = await digest("bóris");
    expect(json).toEqual({
      epoch,
      last: last + 3,
      now: at,
      more: false,
      waited: 0,
      revocations: [
        { ...common, kind: "session", session_sha256: await digest(session) },
        { ...common, kind: "roles", user: user.id, login_sha256, version: at, roles: ["a"] },
        { ...common, kind: "user", user: user.id, login_sha256 },
      ],
    });
    expect(JSON.stringify(json)).not.toContain(session);
    expect(json.revocations.map(({ n }) => n)).toEqual([last + 1, last + 2, last + 3]);
    // The database has not reached this number, so it was restored. The response comes at once.
    expect((await read(`?after=${last + 1000}&wait=20`)).json).toMatchObject({
      last: last + 3,
      revocations: [],
      waited: 0,
    });
  });

  test("an entry of an unknown kind becomes a broader one that the verifier knows, and none is left out", async () => {
    const { last } = (await read()).json;
    const user = await serving.ampho.users.create({ login: "kim", roles: ["a", "b"] });
    const grant = await serving.ampho.sessions.create(user.id);
    await serving.ampho.sessions.end((await serving.ampho.verify(grant.token)).session ?? "");
    await serving.ampho.users.setRoles("kim", ["b"]);
    await serving.ampho.users.disable("kim");
    const kindsFor = async (kinds: string) => {
      const { json } = await read(`?after=${last}&kinds=${kinds}`);
      expect(json.revocations.map(({ n }) => n)).toEqual([last + 1, last + 2, last + 3]);
      return json.revocations.map(({ kind, sessions }) => (sessions === true ? `${kind} with sessions` : kind));
    };
    expect(await kindsFor("session,user,roles,signing_key,all")).toEqual(["session", "roles", "user"]);
    expect(await kindsFor("all,user,roles,session,later_kind")).toEqual(["session", "roles", "user"]);
    expect(await kindsFor("session,user,all")).toEqual(["session", "user with sessions", "user"]);
    expect(await kindsFor("session,all")).toEqual(["session", "all with sessions", "all"]);
    expect(await kindsFor("all")).toEqual(["all with sessions", "all with sessions", "all"]);
    expect(await kindsFor("later_kind")).toEqual(["all with sessions", "all with sessions", "all"]);
    const { json } = await read(`?after=${last}&kinds=user,all`);
    expect(json.revocations[1]).toMatchObject({ kind: "user", user: user.id, login_sha256: await digest("kim") });
  });

  test("the feed waits until something is revoked", async () => {
    const { last } = (await read()).json;
    const { token } = await serving.login();
    const begun = nextRequest(serving.port);
    const waiting = read(`?after=${last}&wait=20`);
    await begun;
    await fetch(`${serving.url}/logout`, { method: "POST", headers: bearer(token) });
    const { json } = await waiting;
    expect(json.revocations).toMatchObject([{ kind: "session" }]);
    expect(json.waited).toBeGreaterThan(0);
  });

  test("the feed returns an empty page when nothing is revoked in time", async () => {
    const { last } = (await read()).json;
    const { json } = await read(`?after=${last}&wait=1`);
    expect(json).toMatchObject({ last, revocations: [], more: false });
    expect(json.waited).toBeGreaterThanOrEqual(990);
  });

  test("the feed returns thousands of entries in pages", async () => {
    const many = await serve({ sessionsPerUser: 100_000 });
    try {
      const user = await many.ampho.users.create({ login: "many" });
      for (let left = 5200; left > 0; left -= 100)
        await Promise.all(Array.from({ length: 100 }, () => many.ampho.sessions.create(user.id)));
      await many.ampho.sessions.endForUser(user.id);
      const read = async (after: number): Promise<Page> =>
        (
          await fetch(`${many.url}/revocations?after=${after}&wait=20`, { headers: bearer(revocationFeedToken) })
        ).json();
      const page = await read(0);
      expect([page.revocations.length, page.more, page.last]).toEqual([5000, true, page.revocations.at(-1)?.["n"]]);
      const rest = await read(page.last);
      expect([rest.revocations.length, rest.more]).toEqual([200, false]);
    } finally {
      await many.close();
    }
  });

  test("the feed responds to waiting verifiers when the server closes", async () => {
    const ending = await serve();
    const begun = nextRequest(ending.port);
    const waiting = fetch(`${ending.url}/revocations?wait=20`, { headers: bearer(revocationFeedToken) });
    await begun;
    await ending.ampho.close();
    expect([200, 503]).toContain((await waiting).status);
    await ending.server.close();
  });
});
