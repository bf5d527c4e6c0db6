// Keys that are given, and keys that are fetched from servers which hang, redirect, send too much, or rotate.
import { generateKeyPairSync, sign } from "node:crypto";
import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import type { Algorithm } from "../../dist/keys/algorithms.js";
import { generateJwk } from "../../dist/keys/generate.js";
import { importKeys, importVerifyingKeys, publicJwkSet } from "../../dist/keys/jwk-set.js";
import { accessToken, signJwt } from "../../dist/tokens/jwt.js";
import { settableClock } from "../world/clock.js";
import { becomes, judge, listen, sendJson, verifierFor } from "./servers.js";

const clockSeconds = 1_790_000_000;

function keyPair(algorithm: Algorithm = "EdDSA") {
  const jwk = generateJwk(algorithm);
  const { keys } = importKeys(jwk);
  const [key] = keys;
  if (key === undefined) throw new Error("no key");
  const claims = { login: "alice", sub: "1", sid: "0.x", gen: 0, exp: clockSeconds + 900 };
  return { jwk, published: publicJwkSet(keys), token: signJwt(key, accessToken, claims) };
}

const [first, second] = [keyPair(), keyPair("ES256")];

/** Holds its answer back until it is let go. */
function holding() {
  const waiting: ServerResponse[] = [];
  return {
    answer: (_request: unknown, response: ServerResponse) => void waiting.push(response),
    letGo: (value: unknown) => {
      for (const response of waiting.splice(0)) response.end(JSON.stringify(value));
    },
    get count() {
      return waiting.length;
    },
  };
}

describe("keys that are given", () => {
  test.each(["HS256", "EdDSA", "ES256"] as const)("%s: a private or secret JWK verifies", async (algorithm) => {
    const { jwk, token } = keyPair(algorithm);
    const { verifier } = verifierFor({ keys: jwk, clock: settableClock() });
    expect((await verifier.verify(token)).login).toBe("alice");
  });

  test("a public JWK Set verifies", async () => {
    const { verifier } = verifierFor({
      keys: { keys: [...second.published.keys, ...first.published.keys] },
      clock: settableClock(),
    });
    expect(await judge(verifier, first.token)).toBe("in");
    expect(await judge(verifier, second.token)).toBe("in");
    expect(await judge(verifier, keyPair().token)).toBe("invalid_token");
  });

  test.each<[string, unknown, RegExp]>([
    ["no key", { keys: [] }, /the JWK Set is empty/],
    ["no JWK", [], /must be a JWK/],
    ["a key of an unknown kind alone", { keys: [{ kty: "AKP" }] }, /kty/],
    [
      "one kid twice",
      { keys: [first.published.keys[0], { ...second.published.keys[0], kid: first.published.keys[0]?.["kid"] }] },
      /same `kid`/,
    ],
    ["a short secret", { kty: "oct", k: "c2hvcnQ" }, /HS256 needs 32 or more/],
    ["a well known secret", { kty: "oct", k: Buffer.alloc(32).toString("base64url") }, /guessable/],
  ])("%s is a mistake", (_, keys, message) => {
    expect(() => importVerifyingKeys(keys)).toThrow(message);
    expect(() => verifierFor({ keys: Object(keys) })).toThrow(expect.objectContaining({ name: "ConfigurationError" }));
  });
});

describe("a JWKS URL", () => {
  test.each([
    "http://auth.example/jwks.json",
    "http://127.0.0.1.auth.example/jwks.json",
    "http://localhost.auth.example/",
    "http://10.0.0.1/jwks.json",
    "http://[::2]/",
    "http://api.localhost/",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "https://user:word@auth.example/",
    "/jwks.json",
    "",
  ])("%j is a mistake, which is not repeated in words", (jwksUrl) => {
    expect(() => verifierFor({ jwksUrl })).toThrow(
      expect.objectContaining({ name: "ConfigurationError", message: expect.stringMatching(/^jwksUrl must/) }),
    );
  });

  test.each(["https://auth.example/x", "http://localhost:1/", "http://127.8.8.8/", "http://[::1]:3/"])(
    "%s is good, and nothing is fetched before the first token",
    (jwksUrl) => {
      expect(verifierFor({ jwksUrl }).notices).toEqual([]);
    },
  );
});

describe("keys that are fetched", () => {
  test("come with the first token, in one question however many ask", async () => {
    const hold = holding();
    const server = await listen(hold.answer);
    const { verifier } = verifierFor({ jwksUrl: `${server.url}/jwks.json?a=b#c`, clock: settableClock() });
    const verdicts = Promise.all(Array.from({ length: 100 }, () => judge(verifier, first.token)));
    while (hold.count === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    hold.letGo(first.published);
    expect(new Set(await verdicts)).toEqual(new Set(["in"]));
    expect(server.asked).toEqual(["/jwks.json?a=b"]);
  });

  test("are not waited for by whoever brings no token", async () => {
    const server = await listen(() => {});
    const { verifier } = verifierFor({ jwksUrl: server.url });
    const handler = verifier.authorize(() => new Response("in"));
    expect((await handler(new Request("http://host/"))).status).toBe(401);
    expect(server.asked).toEqual([]);
  });

  const bad: readonly [string, Parameters<typeof listen>[0], RegExp][] = [
    ["nobody there", (request) => void request.socket.destroy(), /could not be reached/],
    [
      "a redirect",
      (_, response) => void response.writeHead(302, { location: "/elsewhere" }).end(),
      /the answer was 302/,
    ],
    ["an error", (_, response) => void response.writeHead(500).end("{}"), /the answer was 500/],
    ["a page", (_, response) => void response.end("<html>"), /not one JSON object/],
    ["an array", sendJson([first.jwk]), /not one JSON object/],
    ["a member twice", (_, response) => void response.end('{"keys":[],"keys":[]}'), /not one JSON object/],
    ["one JWK", sendJson(first.published.keys[0]), /not a JWK Set/],
    ["10 MB", (_, response) => void response.end(Buffer.alloc(10_000_000, 0x20)), /longer than 64 KiB/],
    [
      "10 MB in pieces without a length",
      (_, response) => {
        const piece = Buffer.alloc(10_000, 0x20);
        for (let at = 0; at < 1000; at++) response.write(piece);
        response.end();
      },
      /longer than 64 KiB/,
    ],
    [
      "an answer cut short",
      (request, response) => {
        response.writeHead(200, { "content-length": "1000" }).write('{"keys":[');
        setTimeout(() => request.socket.destroy(), 20);
      },
      /could not be reached/,
    ],
  ];
  test.each(bad)("%s: unavailable, told once", async (_, answer, why) => {
    const server = await listen(answer);
    const clock = settableClock();
    const { verifier, notices } = verifierFor({ jwksUrl: server.url, clock });
    const handler = verifier.authorize(() => new Response("in"));
    const response = await handler(
      new Request("http://host/", { headers: { authorization: `Bearer ${first.token}` } }),
    );
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ error: "unavailable" });
    expect(await judge(verifier, first.token)).toBe("unavailable");
    expect(server.asked).toHaveLength(1);
    clock.advance(2);
    expect(await judge(verifier, first.token)).toBe("unavailable");
    expect(server.asked).toHaveLength(2);
    expect(notices).toEqual([expect.stringMatching(why)]);
    await expect(verifier.ready()).rejects.toMatchObject({ code: "unavailable" });
    // It comes back: so do we.
    server.answer(sendJson(first.published));
    clock.advance(2);
    expect(await judge(verifier, first.token)).toBe("in");
    expect(notices.at(-1)).toMatch(/can be fetched again/);
    await expect(verifier.ready()).resolves.toBeUndefined();
  });

  test.each<[string, Parameters<typeof listen>[0]]>([
    ["before its answer", () => {}],
    ["in the middle of its answer", (_, response) => void response.writeHead(200).write("{")],
  ])("a server that hangs %s is given up after 5 s", async (_, answer) => {
    const server = await listen(answer);
    const { verifier, notices } = verifierFor({ jwksUrl: server.url });
    expect(await judge(verifier, first.token)).toBe("unavailable");
    expect(notices).toEqual([expect.stringMatching(/no answer within 5 s/)]);
  });

  test("a set without a key that can be used lets nobody in, and is told", async () => {
    const server = await listen(sendJson({ keys: [] }));
    const { verifier, notices } = verifierFor({ jwksUrl: server.url, clock: settableClock() });
    expect(await judge(verifier, first.token)).toBe("invalid_token");
    expect(notices).toEqual([expect.stringMatching(/none that can be used; a secret key is never published/)]);
  });

  test("a symmetric or private key that somebody publishes is refused, the others are taken", async () => {
    const oct = keyPair("HS256");
    const server = await listen(
      sendJson({
        keys: [
          oct.jwk,
          second.jwk,
          { kty: "AKP" },
          { ...first.published.keys[0], use: "enc" },
          ...first.published.keys,
        ],
      }),
    );
    const { verifier, notices } = verifierFor({ jwksUrl: server.url, clock: settableClock() });
    expect(await judge(verifier, first.token)).toBe("in");
    expect(await judge(verifier, oct.token)).toBe("invalid_token");
    expect(await judge(verifier, second.token)).toBe("invalid_token");
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(
      /key 1 of 5: .*symmetric.*key 2 of 5: .*private part.*key 3 of 5: .*kty.*key 4 of 5: .*use/,
    );
    expect(notices[0]).not.toContain(oct.jwk["k"]);
  });

  test("an unknown key is asked for once, and at most every 10 s, however many name one", async () => {
    const server = await listen(sendJson(first.published));
    const clock = settableClock();
    const { verifier } = verifierFor({ jwksUrl: server.url, clock });
    expect(await judge(verifier, first.token)).toBe("in");
    server.answer(sendJson({ keys: [...second.published.keys, ...first.published.keys] }));
    // Rotated a moment ago: the first token of the new key finds it.
    expect(await judge(verifier, second.token)).toBe("in");
    expect(server.asked).toHaveLength(2);
    const strangers = Array.from({ length: 20 }, () => keyPair().token);
    expect(new Set(await Promise.all(strangers.map((token) => judge(verifier, token))))).toEqual(
      new Set(["invalid_token"]),
    );
    expect(server.asked).toHaveLength(2);
    clock.advance(10);
    await Promise.all(strangers.map((token) => judge(verifier, token)));
    expect(server.asked).toHaveLength(3);
    expect(await judge(verifier, first.token)).toBe("in");
  });

  test("an unknown key that comes while an older question is open is asked for once more", async () => {
    const hold = holding();
    const server = await listen(hold.answer);
    const { verifier } = verifierFor({ jwksUrl: server.url, clock: settableClock() });
    const verdict = judge(verifier, second.token);
    while (hold.count === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    server.answer(sendJson(second.published));
    hold.letGo(first.published);
    expect(await verdict).toBe("in");
    expect(server.asked).toHaveLength(2);
  });

  test("a token without kid finds a key of its algorithm in a newer set", async () => {
    const server = await listen(sendJson(second.published));
    const { verifier } = verifierFor({ jwksUrl: server.url });
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const input = `${encode({ alg: "EdDSA" })}.${encode({ login: "alice", exp: Math.floor(Date.now() / 1000) + 60 })}`;
    const token = `${input}.${sign(null, Buffer.from(input), privateKey).toString("base64url")}`;
    expect(await judge(verifier, second.token)).toBe("invalid_token");
    server.answer(sendJson({ keys: [publicKey.export({ format: "jwk" })] }));
    expect(await judge(verifier, token)).toBe("in");
  });

  test("an unknown key cannot be judged while the server is away: 503, not 401", async () => {
    const server = await listen(sendJson(first.published));
    const { verifier } = verifierFor({ jwksUrl: server.url, clock: settableClock() });
    expect(await judge(verifier, first.token)).toBe("in");
    server.answer((request) => void request.socket.destroy());
    expect(await judge(verifier, second.token)).toBe("unavailable");
    expect(await judge(verifier, second.token)).toBe("unavailable");
    expect(await judge(verifier, first.token)).toBe("in");
    expect(server.asked).toHaveLength(2);
  });

  test("are renewed beside the requests before their age ends, and before them after it", async () => {
    const hold = holding();
    const server = await listen(sendJson(first.published, { "cache-control": "public, max-age=300" }));
    const clock = settableClock();
    const { verifier } = verifierFor({ jwksUrl: server.url, clock });
    expect(await judge(verifier, first.token)).toBe("in");
    clock.advance(239);
    expect(await judge(verifier, first.token)).toBe("in");
    expect(server.asked).toHaveLength(1);
    server.answer(hold.answer);
    clock.advance(1);
    // Nobody waits for the answer that is held back.
    expect(await judge(verifier, first.token)).toBe("in");
    expect(await judge(verifier, first.token)).toBe("in");
    while (hold.count === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    server.answer(sendJson(second.published));
    hold.letGo(second.published);
    await becomes("invalid_token", verifier, first.token);
    expect(await judge(verifier, second.token)).toBe("in");
    expect(server.asked.length).toBeLessThanOrEqual(3);
    // Nobody asked for longer than its age: the first token waits for a new set.
    server.answer(sendJson(first.published));
    clock.advance(400);
    expect(await judge(verifier, second.token)).toBe("invalid_token");
  });

  test.each([
    ["none said", {}, 300],
    ["an hour and more", { "cache-control": "max-age=99999999" }, 3600],
    ["no-store", { "cache-control": "no-store" }, 60],
    ["max-age=0", { "cache-control": "max-age=0" }, 60],
    ["200 of which 80 are over", { "cache-control": "max-age=200", age: "80" }, 120],
    ["nonsense", { "cache-control": "max-age=soon", age: "-1" }, 300],
  ])("age: %s", async (_, headers, seconds) => {
    const server = await listen(sendJson(first.published, headers));
    const clock = settableClock();
    const { verifier } = verifierFor({ jwksUrl: server.url, clock });
    await judge(verifier, first.token);
    clock.advance(seconds * 0.8 - 1);
    await judge(verifier, first.token);
    expect(server.asked).toHaveLength(1);
    clock.advance(seconds * 0.2 + 1);
    await judge(verifier, first.token);
    expect(server.asked).toHaveLength(2);
  });

  test("the last good set survives an outage, whatever its form, and nobody waits for a server that hangs", async () => {
    const server = await listen(sendJson(first.published));
    const clock = settableClock();
    const { verifier, notices } = verifierFor({ jwksUrl: server.url, clock });
    expect(await judge(verifier, first.token)).toBe("in");
    server.answer((request) => void request.socket.destroy());
    clock.advance(301);
    expect(await judge(verifier, first.token)).toBe("in");
    for (const answer of [
      sendJson({ keys: "none" }),
      (_: unknown, response: ServerResponse) => void response.end("<"),
    ]) {
      server.answer(answer);
      clock.advance(11);
      expect(await judge(verifier, first.token)).toBe("in");
    }
    server.answer(() => {});
    clock.advance(11);
    expect(await judge(verifier, first.token)).toBe("in");
    expect(notices).toHaveLength(1);
  });

  test("a key that was taken away verifies no more, not even a token that was seen before", async () => {
    const server = await listen(sendJson({ keys: [...first.published.keys, ...second.published.keys] }));
    const clock = settableClock();
    const { verifier } = verifierFor({ jwksUrl: server.url, clock });
    expect(await judge(verifier, first.token)).toBe("in");
    server.answer(sendJson(second.published));
    clock.advance(301);
    expect(await judge(verifier, second.token)).toBe("in");
    expect(await judge(verifier, first.token)).toBe("invalid_token");
  });

  test("close() gives up what is under way", async () => {
    const server = await listen(() => {});
    const { verifier } = verifierFor({ jwksUrl: server.url });
    const verdict = judge(verifier, first.token);
    while (server.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    verifier.close();
    verifier.close();
    expect(await verdict).toBe("unavailable");
  });
});
