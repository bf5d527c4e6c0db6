// What an Ampho revokes, a verifier elsewhere refuses, token for token; and what it says when it can no longer know.
import { createHash, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createAmpho } from "../../dist/index.js";
import { generateJwk } from "../../dist/keys/generate.js";
import { admission } from "../world/ampho.js";
import { settableClock } from "../world/clock.js";
import { foreignToken, newKey } from "../world/tokens.js";
import {
  becomes,
  type Issuer,
  issuer,
  judge,
  type Listening,
  listen,
  revocationFeedToken,
  sendJson,
  verifierFor,
} from "./servers.js";

const seconds = () => Math.floor(Date.now() / 1000);

/** Tokens of all kinds for one user: of sessions, and of other software that has the key. */
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
    "of nobody": foreign({ login: "carol", sub: "nobody" }),
    "with a session of ours by other software": foreign({ sid: "0.unknown", sub: user.id, login: "Àlice" }),
  };
  return { user, session: String(ampho.verifySync(tokens["session"] ?? "").session), tokens };
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
  ["a session ends", ({ ampho }, { session }) => ampho.sessions.end(session), "session"],
  ["all of a user's sessions end", ({ ampho }, { user }) => ampho.sessions.endForUser(user.id), "another session"],
  ["a role is taken away", ({ ampho }) => ampho.users.setRoles("àlice", { remove: ["editor"] }), "session"],
  ["a user is disabled", ({ ampho }) => ampho.users.disable("àlice"), "by login, without iat"],
  ["a user is removed", ({ ampho }) => ampho.users.remove("àlice"), "by sub"],
  ["a user is revoked", ({ ampho }, { user }) => ampho.sessions.revokeForUser({ ...user, login: "àlice" }), "by sub"],
  ["everything ends", ({ ampho }) => ampho.sessions.endForEveryone(), "of nobody"],
  ["a key is revoked", ({ ampho }) => ampho.keys.revoke("key-1"), "of nobody"],
];

describe("a verifier that follows the feed", () => {
  test.each(acts)("judges every token as the Ampho itself when %s", async (_, act, changed) => {
    const key = newKey("key-1");
    const issuing = await issuer({ key });
    const { verifier } = verifierFor({ keys: key, revocations: issuing.revocations });
    const { tokens, ...of } = await tokensFor(issuing, key);
    const before = await verdicts((token) => judge(verifier, token), tokens);
    expect(new Set(Object.values(before))).toEqual(new Set(["in"]));
    await act(issuing, of);
    await becomes("invalid_token", verifier, tokens[changed] ?? "");
    const own = await verdicts((token) => admission(issuing.ampho, token), tokens);
    expect(await verdicts((token) => judge(verifier, token), tokens)).toEqual(own);
    // One that starts afterwards knows it from its first token on.
    const later = verifierFor({ keys: key, revocations: issuing.revocations }).verifier;
    expect(await verdicts((token) => judge(later, token), tokens)).toEqual(own);
  });

  test("hears what another process ended, held back by one that has not seen it yet", async () => {
    const { openWorld } = await import("../world/ampho.js");
    const world = await openWorld({ revocationFeedToken, clock: undefined });
    const serving = await issuer({ key: world.key, databaseUrl: `sqlite:${world.databaseFile}` });
    const { verifier } = verifierFor({ keys: world.key, revocations: serving.revocations });
    const grant = await world.session(await world.user("alice"));
    expect(await judge(verifier, grant.token)).toBe("in");
    await world.ampho.sessions.endForEveryone();
    await becomes("invalid_token", verifier, grant.token);
  });

  test("says how long it may not have known: little while all is well", async () => {
    const issuing = await issuer({ key: generateJwk("EdDSA") });
    const { verifier, notices } = verifierFor({ jwksUrl: issuing.jwksUrl, revocations: issuing.revocations });
    expect(verifier.revocationLag()).toBe(Number.POSITIVE_INFINITY);
    await verifier.ready();
    expect(verifier.revocationLag()).toBeLessThan(30);
    expect(verifierFor({ jwksUrl: issuing.jwksUrl }).verifier.revocationLag()).toBeUndefined();
    expect(notices).toEqual([]);
  });

  test("reads everything anew from a store of another epoch, and forgets nothing that it refused", async () => {
    const key = newKey("key-1");
    const first = await issuer({ key });
    const { verifier } = verifierFor({ keys: key, revocations: first.revocations });
    const user = await first.ampho.users.create({ login: "alice" });
    const ended = await first.ampho.sessions.create(user.id);
    for (let count = 0; count < 5; count++) await first.ampho.sessions.create(user.id);
    await first.ampho.sessions.endForUser(user.id);
    await becomes("invalid_token", verifier, ended.token);
    const port = Number(new URL(first.server.url).port);
    await first.server.close();
    const second = await issuer({ key }, port);
    const other = await second.ampho.users.create({ login: "bob" });
    const grant = await second.ampho.sessions.create(other.id);
    expect(await judge(verifier, grant.token)).toBe("in");
    await second.ampho.users.disable("bob");
    await becomes("invalid_token", verifier, grant.token);
    expect(await judge(verifier, ended.token)).toBe("invalid_token");
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

  test("from the start, nobody is let in; with failOpen everybody is", async () => {
    const server = await listen((request) => void request.socket.destroy());
    const { verifier, notices } = following(server.url);
    expect(await judge(verifier, token)).toBe("unavailable");
    const handler = verifier.authorize(() => new Response("in"));
    const response = await handler(new Request("http://host/", { headers: { authorization: `Bearer ${token}` } }));
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    await expect(verifier.ready()).rejects.toMatchObject({ code: "unavailable" });
    expect(notices).toEqual([expect.stringMatching(/revocations .* cannot be read: the server could not be reached/)]);
    const open = following(server.url, { failOpen: true }).verifier;
    expect(await judge(open, token)).toBe("in");
    expect(open.revocationLag()).toBe(Number.POSITIVE_INFINITY);
  });

  test.each([
    ["the bound of 30 s", {}, 30, "unavailable"],
    ["its own bound", { lagMax: 5 }, 5, "unavailable"],
    ["any bound with failOpen", { failOpen: true }, 86_400, "in"],
  ])("for longer than %s", async (_, more, lagMax, verdict) => {
    const server = await listen(sendJson(empty));
    const { verifier, clock } = following(server.url, more);
    const now = () => foreignToken(key, { login: "alice", exp: clock.now() + 900 });
    expect(await judge(verifier, now())).toBe("in");
    await server.close();
    clock.advance(lagMax - 1);
    expect(await judge(verifier, now())).toBe("in");
    clock.advance(2);
    expect(await judge(verifier, now())).toBe(verdict);
    expect(verifier.revocationLag()).toBeGreaterThan(lagMax);
  });

  test("and again when it can be: everything is known, and told", async () => {
    const server = await listen((request) => void request.socket.destroy());
    const { verifier, notices } = following(server.url);
    expect(await judge(verifier, token)).toBe("unavailable");
    server.answer(sendJson(empty));
    await becomes("in", verifier, token);
    expect(notices.at(-1)).toMatch(/followed again/);
  });

  const session = { n: 1, at: 1, until: 2_000_000_000, kind: "session", session_sha256: "x" };
  test.each<[string, Parameters<typeof listen>[0], RegExp]>([
    ["a wrong token", (_, response) => void response.writeHead(401).end("{}"), /the answer was 401/],
    ["no such feed", (_, response) => void response.writeHead(404).end("{}"), /the answer was 404/],
    ["a redirect", (_, response) => void response.writeHead(307, { location: "/" }).end(), /the answer was 307/],
    ["a page", (_, response) => void response.end("<html>"), /not one JSON object/],
    ["no epoch", sendJson({ ...empty, epoch: undefined }), /not a page/],
    ["a last that is no count", sendJson({ ...empty, last: -1 }), /not a page/],
    ["no list", sendJson({ ...empty, revocations: {} }), /not a page/],
    ["a kind that is not known", sendJson({ ...empty, revocations: [{ ...session, kind: "device" }] }), /not a page/],
    [
      "a kind of every object",
      sendJson({ ...empty, revocations: [{ ...session, kind: "constructor" }] }),
      /not a page/,
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
  ])("%s is no knowledge", async (_, answer, why) => {
    const server = await listen(answer);
    const { verifier, notices } = following(server.url);
    expect(await judge(verifier, token)).toBe("unavailable");
    expect(notices).toEqual([expect.stringMatching(why)]);
  });

  describe("a clock that ran ahead and is right again", () => {
    const ended = foreignToken(key, { login: "alice", sid: "0.ended", exp: 1_790_000_900 });
    const row = {
      ...session,
      until: 1_790_001_200,
      session_sha256: createHash("sha256").update("0.ended").digest("base64url"),
    };
    /** Whoever asks from 0 is told of it. */
    const telling = (now: () => number) =>
      listen((request, response) => {
        const all = request.url?.includes("after=0&") === true;
        sendJson({ ...empty, now: now(), last: 1, revocations: all ? [row] : [] })(request, response);
      });
    async function asked(server: Listening): Promise<void> {
      const count = server.asked.length;
      while (server.asked.length < count + 3) await new Promise((resolve) => setTimeout(resolve, 10));
    }

    test("here: what was dropped is read anew", async () => {
      const server = await telling(() => 1_790_000_000);
      const { verifier, clock } = following(server.url, { lagMax: 86_400 });
      expect(await judge(verifier, ended)).toBe("invalid_token");
      clock.advance(7200);
      await asked(server);
      clock.advance(-7200);
      await becomes("invalid_token", verifier, ended);
      await asked(server);
      expect(await judge(verifier, ended)).toBe("invalid_token");
      expect(await judge(verifier, token)).toBe("in");
    });

    test("there: what was passed over is read anew", async () => {
      let now = 1_790_007_200;
      const server = await telling(() => now);
      const { verifier } = following(server.url);
      await verifier.ready();
      await asked(server);
      expect(server.asked.filter((url) => url.includes("after=0&"))).toHaveLength(1);
      now -= 7200;
      await asked(server);
      expect(server.asked.filter((url) => url.includes("after=0&"))).toHaveLength(2);
      expect(await judge(verifier, ended)).toBe("invalid_token");
    });
  });

  test("a server that only says that it waited is believed no further than the clock", async () => {
    const server = await listen(sendJson({ ...empty, waited: 1_000_000 }));
    const { verifier, clock } = following(server.url, { lagMax: 5 });
    expect(await judge(verifier, token)).toBe("in");
    await server.close();
    clock.advance(6);
    expect(await judge(verifier, token)).toBe("unavailable");
  });

  test("a server that never holds back is not asked without pause", async () => {
    const server = await listen(sendJson(empty));
    following(server.url);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(server.asked.length).toBeLessThan(8);
    expect(server.asked.slice(0, 2)).toEqual(["/?after=0&wait=0", "/?after=0&wait=2"]);
  });

  test("close() ends the following", async () => {
    const server = await listen(sendJson(empty));
    const { verifier } = following(server.url);
    await verifier.ready();
    verifier.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const count = server.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(server.asked.length).toBe(count);
  });
});

describe("the options of revocations", () => {
  const keys = newKey("key-1");
  const url = "https://auth.example/revocations";
  test.each<[string, object, RegExp]>([
    [
      "a URL of another host without https",
      { url: "http://auth.example/", token: revocationFeedToken },
      /^url of revocations must be/,
    ],
    ["no token", { url }, /token of revocations/],
    ["a short token", { url, token: "short" }, /token of revocations/],
    ["a token with a line end", { url, token: `${revocationFeedToken}\n` }, /token of revocations/],
    ["a lag that is no number", { url, token: revocationFeedToken, lagMax: "30" }, /lagMax must be a whole number/],
    ["failOpen that is no bool", { url, token: revocationFeedToken, failOpen: "no" }, /failOpen must be/],
    ["a misspelt option", { url, token: revocationFeedToken, failopen: true }, /knows no option "failopen"/],
  ])("%s is a mistake", (_, revocations, message) => {
    expect(() => verifierFor({ keys, ...{ revocations: Object(revocations) } })).toThrow(message);
    if ("token" in revocations)
      expect(() => verifierFor({ keys, ...{ revocations: Object(revocations) } })).not.toThrow(
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
  ])("%j is a bad value, and is not shown", async (token) => {
    const starting = createAmpho({ databaseUrl: "sqlite::memory:", revocationFeedToken: token, log: () => {} });
    await expect(starting).rejects.toThrow(
      /option revocationFeedToken.* is a value that is not shown, as it is a secret, and may be 32 to 1024/,
    );
    if (token !== "") await expect(starting).rejects.not.toThrow(token);
  });
});
