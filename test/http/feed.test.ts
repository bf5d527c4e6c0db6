// GET /revocations over HTTP: who may read it, what it says, and how long it waits.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { revocationFeedToken, type Serving, serve } from "../world/http-server.js";
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

async function ask(query = "", token: string | null = revocationFeedToken) {
  const headers = token === null ? {} : bearer(token);
  const response = await fetch(`${serving.url}/revocations${query}`, { headers });
  const json: Page & { readonly error?: string } = await response.json();
  return { status: response.status, headers: response.headers, json };
}

const digest = async (text: string) =>
  Buffer.from(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toString("base64url");

describe("the feed", () => {
  test("is not there without its token, neither on the wire nor in the description", async () => {
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
  ])("refuses %s", async (_, token, error) => {
    const { status, json, headers } = await ask("", token);
    expect([status, json.error]).toEqual([401, error]);
    expect(headers.get("www-authenticate")).toMatch(/^Bearer realm="/);
  });

  test("takes no user's token, and its own token opens nothing else", async () => {
    const { token } = await serving.login();
    expect((await ask("", token)).status).toBe(401);
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
  ])("refuses the question %s", async (query) => {
    const { status, json } = await ask(query);
    expect([status, json.error]).toEqual([400, "invalid_request"]);
  });

  test("tells sessions and logins as digests, users by id, and never an id of a session", async () => {
    const { last, epoch } = (await ask()).json;
    const user = await serving.ampho.users.create({ login: "Bóris", roles: ["a", "b"] });
    const grant = await serving.ampho.sessions.create(user.id);
    const { session = "" } = serving.ampho.verifySync(grant.token);
    await serving.ampho.sessions.end(session);
    await serving.ampho.users.setRoles("bóris", ["b"]);
    await serving.ampho.users.disable("bóris");
    const { json, headers } = await ask(`?after=${last}`);
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
    // A number that the store has not reached yet: it was restored, and says so at once.
    expect((await ask(`?after=${last + 1000}&wait=20`)).json).toMatchObject({
      last: last + 3,
      revocations: [],
      waited: 0,
    });
  });

  test("holds an answer back until something is revoked", async () => {
    const { last } = (await ask()).json;
    const { token } = await serving.login();
    const answer = ask(`?after=${last}&wait=20`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await fetch(`${serving.url}/logout`, { method: "POST", headers: bearer(token) });
    const { json } = await answer;
    expect(json.revocations).toMatchObject([{ kind: "session" }]);
    expect(json.waited).toBeGreaterThan(0);
  });

  test("answers with nothing when nothing is revoked in time", async () => {
    const { last } = (await ask()).json;
    const { json } = await ask(`?after=${last}&wait=1`);
    expect(json).toMatchObject({ last, revocations: [], more: false });
    expect(json.waited).toBeGreaterThanOrEqual(990);
  });

  test("tells thousands in pages", async () => {
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

  test("answers whoever waits when the server ends", async () => {
    const ending = await serve();
    const answer = fetch(`${ending.url}/revocations?wait=20`, { headers: bearer(revocationFeedToken) });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await ending.ampho.close();
    expect([200, 503]).toContain((await answer).status);
    await ending.server.close();
  });
});
