// A verifier that follows the feed rejects the same tokens as the Ampho that revoked them.
// It responds with 503 when it has not read the feed for too long.
import { createHash, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createAmpho } from "../../dist/index.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { settableClock } from "../world/clock.js";
import { freePort } from "../world/free-port.js";
import { type Listening, listen, sendJson } from "../world/listen.js";
import { foreignToken, newKey } from "../world/tokens.js";
import { quiet, until } from "../world/wait.js";
import { becomes, type Issuer, issuer, revocationFeedToken, verdictOf, verifierFor } from "./servers.js";

const seconds = () => Math.floor(Date.now() / 1000);

/** Tokens of all kinds for one user: tokens of sessions, and tokens of other software that has the key. */
async function tokensFor({ ampho }: Issuer, key: Readonly<Record<string, unknown>>) {
  const user = await ampho.users.create({ login: "Àlice", roles: ["editor", "reader"] });
  const other = await ampho.users.create({ login: "bob", roles: ["editor"] });
  const grants = await Promise.all([user, user, other].map(({ id }) => ampho.sessions.create(id)));
  const foreign = (claims: object) => foreignToken(key, { exp: seconds() + 600, login: "x", ...claims });
  const tokens: Readonly<Record<string, string>> = {
    session: grants[0]?.token ?? "",
    "another session": grants[1]?.token ?? "",
    "the session of another user": grants[2]?.token ?? "",
    "by login, without iat": foreign({ login: "àLICE" }),
    "by login, issued before": foreign({ login: "Àlice", iat: seconds() - 10, roles: ["editor"] }),
    "by login, issued later": foreign({ login: "Àlice", iat: seconds() + 30 }),
    "by sub": foreign({ sub: user.id }),
    "by sub, with a role": foreign({ sub: user.id, roles: ["reader"] }),
    "of an unknown user": foreign({ login: "carol", sub: "nobody" }),
    "with a session of ours by other software": foreign({ sid: "0.unknown", sub: user.id, login: "Àlice" }),
  };
  return { user, session: String((await ampho.verify(tokens["session"] ?? "")).session), tokens };
}

async function verdicts(
  judging: (token: string) => Promise<string> | string,
  tokens: Readonly<Record<string, string>>,
) {
  const entries = Object.entries(tokens).map(async ([name, token]) => [name, await judging(token)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

type Act = (
  issuing: Issuer,
  of: { readonly session: string; readonly user: { readonly id: string } },
) => Promise<unknown>;

const acts: readonly [string, Act, string][] = [
  ["the end of a session", ({ ampho }, { session }) => ampho.sessions.end(session), "session"],
  ["the end of all sessions of a user", ({ ampho }, { user }) => ampho.sessions.endForUser(user.id), "another session"],
  ["the removal of a role", ({ ampho }) => ampho.users.setRoles("àlice", { remove: ["editor"] }), "session"],
  ["the disabling of a user", ({ ampho }) => ampho.users.disable("àlice"), "by login, without iat"],
  ["the deletion of a user", ({ ampho }) => ampho.users.remove("àlice"), "by sub"],
  [
    "the revocation of a user",
    ({ ampho }, { user }) => ampho.sessions.revokeForUser({ ...user, login: "àlice" }),
    "by sub",
  ],
  ["the end of everything", ({ ampho }) => ampho.sessions.endForEveryone(), "of an unknown user"],
  ["the revocation of a key", ({ ampho }) => ampho.signingKeys.revoke("key-1"), "of an unknown user"],
];

describe("a verifier that follows the feed", () => {
  test.each(acts)("a verifier gives every token the same verdict as the Ampho after %s", async (_, act, changed) => {
    const key = newKey("key-1");
    const issuing = await issuer({ key });
    const { verifier } = verifierFor({ keys: key, revocations: issuing.revocations });
    const { tokens, ...of } = await tokensFor(issuing, key);
    const before = await verdicts((token) => verdictOf(verifier, token), tokens);
    expect(new Set(Object.values(before))).toEqual(new Set(["accepted"]));
    await act(issuing, of);
    await becomes("invalid_token", verifier, tokens[changed] ?? "");
    const own = await verdicts((token) => verdictOf(issuing.ampho, token), tokens);
    expect(await verdicts((token) => verdictOf(verifier, token), tokens)).toEqual(own);
    // A verifier that starts later gives the same verdict from its first token on.
    const later = verifierFor({ keys: key, revocations: issuing.revocations }).verifier;
    expect(await verdicts((token) => verdictOf(later, token), tokens)).toEqual(own);
  });

  test("a verifier learns what another process ended, from a process that had not read it yet", async () => {
    const { openWorld } = await import("../world/ampho.js");
    const world = await openWorld({ revocationFeedToken, clock: undefined });
    const serving = await issuer({ key: world.key, databaseUrl: `sqlite:${world.databaseFile}` });
    const { verifier } = verifierFor({ keys: world.key, revocations: serving.revocations });
    const grant = await world.session(await world.user("alice"));
    expect(await verdictOf(verifier, grant.token)).toBe("accepted");
    await world.ampho.sessions.endForEveryone();
    await becomes("invalid_token", verifier, grant.token);
  });

  test("revocationLag() is small in normal operation", async () => {
    const issuing = await issuer({ key: generateJwk("EdDSA") });
    const { verifier, notices } = verifierFor({ jwksUrl: issuing.jwksUrl, revocations: issuing.revocations });
    expect(verifier.revocationLag()).toBe(Number.POSITIVE_INFINITY);
    await verifier.ready();
    expect(verifier.revocationLag()).toBeLessThan(30);
    expect(verifierFor({ jwksUrl: issuing.jwksUrl }).verifier.revocationLag()).toBeUndefined();
    expect(notices).toEqual([]);
  });

  test("a verifier reads everything again from a database of another epoch, and keeps what it already rejects", async () => {
    const key = newKey("key-1");
    const port = await freePort();
    const first = await issuer({ key }, port);
    const { verifier } = verifierFor({ keys: key, revocations: first.revocations });
    const user = await first.ampho.users.create({ login: "alice" });
    const ended = await first.ampho.sessions.create(user.id);
    for (let count = 0; count < 5; count++) await first.ampho.sessions.create(user.id);
    await first.ampho.sessions.endForUser(user.id);
    await becomes("invalid_token", verifier, ended.token);
    await first.server.close();
    const second = await issuer({ key }, port);
    const other = await second.ampho.users.create({ login: "bob" });
    const grant = await second.ampho.sessions.create(other.id);
    expect(await verdictOf(verifier, grant.token)).toBe("accepted");
    await second.ampho.users.disable("bob");
    await becomes("invalid_token", verifier, grant.token);
    expect(await verdictOf(verifier, ended.token)).toBe("invalid_token");
  });
});

describe("while the feed cannot be read", () => {
  const key = newKey("key-1");
  const token = foreignToken(key, { login: "alice", exp: 1_790_000_900 });
  const empty = { epoch: "e", last: 0, revocations: [], now: 1_790_000_000, more: false, waited: 0 };
  const following = (url: string, more: object = {}) => {
    const clock = settableClock();
    const revocations = { url, token: revocationFeedToken, ...more };
    return { clock, ...verifierFor({ keys: key, clock, revocations }) };
  };

  test("no token is accepted before the first response, unless failOpen is true", async () => {
    const server = await listen((request) => void request.socket.destroy());
    const { verifier, notices } = following(server.url);
    expect(await verdictOf(verifier, token)).toBe("unavailable");
    const handler = verifier.authorize(() => new Response("in"));
    const response = await handler(new Request("http://host/", { headers: { authorization: `Bearer ${token}` } }));
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    await expect(verifier.ready()).rejects.toMatchObject({ code: "unavailable" });
    expect(notices).toEqual([expect.stringMatching(/revocations .* cannot be read: the server could not be reached/)]);
    const open = following(server.url, { failOpen: true }).verifier;
    expect(await verdictOf(open, token)).toBe("accepted");
    expect(open.revocationLag()).toBe(Number.POSITIVE_INFINITY);
  });

  test.each([
    ["the default lagMax of 30 s is over", {}, 30, "unavailable"],
    ["a lagMax of 5 s is over", { lagMax: 5 }, 5, "unavailable"],
    ["a lagMax of 1m is over", { lagMax: "1m" }, 60, "unavailable"],
    ["a day is over with failOpen", { failOpen: true }, 86_400, "accepted"],
  ])("the last known revocations decide until %s", async (_, more, lagMax, verdict) => {
    const server = await listen(sendJson(empty));
    const { verifier, clock } = following(server.url, more);
    const now = () => foreignToken(key, { login: "alice", exp: clock.now() + 900 });
    expect(await verdictOf(verifier, now())).toBe("accepted");
    await server.close();
    clock.advance(lagMax - 1);
    expect(await verdictOf(verifier, now())).toBe("accepted");
    clock.advance(2);
    expect(await verdictOf(verifier, now())).toBe(verdict);
    expect(verifier.revocationLag()).toBeGreaterThan(lagMax);
  });

  test("tokens are accepted again when the feed can be read, and this is logged", async () => {
    const server = await listen((request) => void request.socket.destroy());
    const { verifier, notices } = following(server.url);
    expect(await verdictOf(verifier, token)).toBe("unavailable");
    server.respond(sendJson(empty));
    await becomes("accepted", verifier, token);
    expect(notices.at(-1)).toMatch(/can be read again/);
  });

  const session = { n: 1, at: 1, until: 2_000_000_000, kind: "session", session_sha256: "x" };
  test.each<[string, Parameters<typeof listen>[0], RegExp]>([
    ["a 401 for the feed token", (_, response) => void response.writeHead(401).end("{}"), /the response was 401/],
    ["a 404", (_, response) => void response.writeHead(404).end("{}"), /the response was 404/],
    ["a redirect", (_, response) => void response.writeHead(307, { location: "/" }).end(), /the response was 307/],
    ["an HTML page", (_, response) => void response.end("<html>"), /not one JSON object/],
    ["a page without an epoch", sendJson({ ...empty, epoch: undefined }), /not a page/],
    ["a page with a negative last", sendJson({ ...empty, last: -1 }), /not a page/],
    ["a page without a list", sendJson({ ...empty, revocations: {} }), /not a page/],
    [
      "an entry of an unknown kind",
      sendJson({ ...empty, revocations: [{ ...session, kind: "device" }] }),
      /does not know/,
    ],
    [
      "an entry whose kind is a member of every object",
      sendJson({ ...empty, revocations: [{ ...session, kind: "constructor" }] }),
      /does not know/,
    ],
    [
      "a session without its digest",
      sendJson({ ...empty, revocations: [{ ...session, session_sha256: 1 }] }),
      /not a page/,
    ],
    [
      "a user without a login",
      sendJson({ ...empty, revocations: [{ ...session, kind: "user", user: "1" }] }),
      /not a page/,
    ],
  ])("%s leaves the revocations unknown and is logged", async (_, behavior, why) => {
    const server = await listen(behavior);
    const { verifier, notices } = following(server.url);
    expect(await verdictOf(verifier, token)).toBe("unavailable");
    expect(notices).toEqual([expect.stringMatching(why)]);
  });

  describe("a clock that ran ahead and went back", () => {
    const ended = foreignToken(key, { login: "alice", sid: "0.ended", exp: 1_790_000_900 });
    const row = {
      ...session,
      until: 1_790_001_200,
      session_sha256: createHash("sha256").update("0.ended").digest("base64url"),
    };
    /** A server that sends the entry to a request after 0. */
    const serverOf = (now: () => number) =>
      listen((request, response) => {
        const all = request.url?.includes("after=0&") === true;
        sendJson({ ...empty, now: now(), last: 1, revocations: all ? [row] : [] })(request, response);
      });
    async function threeMore(server: Listening): Promise<void> {
      const count = server.requested.length;
      await until(() => server.requested.length >= count + 3);
    }

    test("a verifier whose clock goes back reads the entries again that it had dropped", async () => {
      const server = await serverOf(() => 1_790_000_000);
      const { verifier, clock } = following(server.url, { lagMax: 86_400 });
      expect(await verdictOf(verifier, ended)).toBe("invalid_token");
      clock.advance(7200);
      await threeMore(server);
      clock.advance(-7200);
      await becomes("invalid_token", verifier, ended);
      await threeMore(server);
      expect(await verdictOf(verifier, ended)).toBe("invalid_token");
      expect(await verdictOf(verifier, token)).toBe("accepted");
    });

    test("a verifier reads the entries again that a server with a wrong clock had left out", async () => {
      let now = 1_790_007_200;
      const server = await serverOf(() => now);
      const { verifier } = following(server.url);
      await verifier.ready();
      await threeMore(server);
      expect(server.requested.filter((url) => url.includes("after=0&"))).toHaveLength(1);
      now -= 7200;
      await threeMore(server);
      expect(server.requested.filter((url) => url.includes("after=0&"))).toHaveLength(2);
      expect(await verdictOf(verifier, ended)).toBe("invalid_token");
    });
  });

  test("a server cannot claim a longer wait than has passed", async () => {
    const server = await listen(sendJson({ ...empty, waited: 1_000_000 }));
    const { verifier, clock } = following(server.url, { lagMax: 5 });
    expect(await verdictOf(verifier, token)).toBe("accepted");
    await server.close();
    clock.advance(6);
    expect(await verdictOf(verifier, token)).toBe("unavailable");
  });

  test("a server that responds at once is requested with pauses", async () => {
    const server = await listen(sendJson(empty));
    const startMs = performance.now();
    following(server.url);
    await expect.poll(() => server.requested.length, { interval: 5 }).toBeGreaterThanOrEqual(4);
    expect(performance.now() - startMs).toBeGreaterThan(3 * 95);
    expect(server.requested.slice(0, 2)).toEqual([
      "/?after=0&wait=0&kinds=session%2Cuser%2Croles%2Csigning_key%2Call",
      "/?after=0&wait=2&kinds=session%2Cuser%2Croles%2Csigning_key%2Call",
    ]);
  });

  test("close() ends the requests to the feed", async () => {
    const server = await listen(sendJson(empty));
    const { verifier } = following(server.url);
    await verifier.ready();
    verifier.close();
    // The server has also read what was sent before this request.
    await fetch(server.url);
    const count = server.requested.length;
    await quiet(300);
    expect(server.requested.length).toBe(count);
  });
});

describe("the options of revocations", () => {
  const keys = newKey("key-1");
  const url = "https://auth.example/revocations";
  test.each<[string, object, RegExp]>([
    [
      "a URL of another host without https",
      { url: "http://auth.example/", token: revocationFeedToken },
      /^revocations\.url must be/,
    ],
    ["no token", { url }, /revocations\.token must be/],
    ["a short token", { url, token: "short" }, /revocations\.token must be/],
    ["a token with a line end", { url, token: `${revocationFeedToken}\n` }, /revocations\.token must be/],
    ["a lagMax below 5 s", { url, token: revocationFeedToken, lagMax: "4s" }, /lagMax must be whole seconds from 5/],
    ["a lagMax that is no duration", { url, token: revocationFeedToken, lagMax: "soon" }, /but is "soon"/],
    ["a failOpen that is no boolean", { url, token: revocationFeedToken, failOpen: "no" }, /failOpen must be/],
    [
      "a misspelled option",
      { url, token: revocationFeedToken, failopen: true },
      /revocations has no option "failopen"/,
    ],
  ])("createVerifier throws ConfigurationError for revocations with %s", (_, revocations, message) => {
    expect(() => verifierFor({ keys, revocations: Object(revocations) })).toThrow(message);
    if ("token" in revocations)
      expect(() => verifierFor({ keys, revocations: Object(revocations) })).not.toThrow(
        String(revocations.token).trim(),
      );
  });
});

describe("AMPHO_SECURITY_REVOCATION_FEED_TOKEN", () => {
  test.each([
    "",
    "short",
    "x".repeat(31),
    "a token with spaces that is long enough",
    "x".repeat(1025),
    `${randomBytes(20).toString("hex")}ü`,
  ])("the feed token %j is a bad value, and the message does not contain it", async (token) => {
    const starting = createAmpho({ databaseUrl: "sqlite::memory:", revocationFeedToken: token, log: () => {} });
    await expect(starting).rejects.toThrow(
      /option revocationFeedToken\) must be 32 to 1024 visible ASCII characters .* a value that is not shown/,
    );
    if (token !== "") await expect(starting).rejects.not.toThrow(token);
  });
});
