// The keys of a verifier: given in code, or fetched from servers that hang, redirect, send too much, or rotate.
import { sign } from "node:crypto";
import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import type { Algorithm } from "../../dist/signing-keys/algorithms.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { importKeys, importVerifyingKeys, publicJwkSet } from "../../dist/signing-keys/jwk-set.js";
import { isGuessableSecret, isWeakSecret } from "../../dist/signing-keys/weak-secret.js";
import { accessToken, signJwt } from "../../dist/tokens/jwt.js";
import { readVectors } from "../tokens/vectors.js";
import { settableClock } from "../world/clock.js";
import { keyPair as keyPairOf } from "../world/key-pairs.js";
import { listen, sendJson } from "../world/listen.js";
import { pause, until } from "../world/wait.js";
import { becomes, verdictOf, verifierFor } from "./servers.js";

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

/** A server that responds when the test releases it. */
function delayedServer() {
  const waiting: ServerResponse[] = [];
  return {
    respond: (_request: unknown, response: ServerResponse) => void waiting.push(response),
    release: (value: unknown) => {
      for (const response of waiting.splice(0)) response.end(JSON.stringify(value));
    },
    get count() {
      return waiting.length;
    },
  };
}

describe("keys that are given", () => {
  test.each(["HS256", "EdDSA", "ES256"] as const)("a private or secret %s JWK verifies a token", async (algorithm) => {
    const { jwk, token } = keyPair(algorithm);
    const { verifier } = verifierFor({ keys: jwk, clock: settableClock() });
    expect((await verifier.verify(token)).login).toBe("alice");
  });

  test("a verifier reads only the public part of a private JWK, and the signer rejects one that does not match", async () => {
    const stranger = { ...first.jwk, d: keyPair().jwk["d"] };
    const { verifier } = verifierFor({ keys: stranger, clock: settableClock() });
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    expect(() => importKeys(stranger)).toThrow(/not a pair/);
  });

  test("a known secret that looks random is rejected where tokens are signed, and a guessable one also here", () => {
    const [known = ""] = readVectors<string[]>("weak-secrets/sample.json").filter((text) => {
      const bytes = Buffer.from(text);
      return bytes.length >= 32 && !isGuessableSecret(bytes) && isWeakSecret(bytes);
    });
    const jwk = { kty: "oct", k: Buffer.from(known).toString("base64url") };
    expect(() => importKeys(jwk)).toThrow(/well known/);
    expect(importVerifyingKeys(jwk).keys).toHaveLength(1);
    expect(() => importVerifyingKeys({ kty: "oct", k: Buffer.from("x".repeat(64)).toString("base64url") })).toThrow(
      /guessable/,
    );
  });

  test("a public JWK Set verifies a token of each of its keys", async () => {
    const { verifier } = verifierFor({
      keys: { keys: [...second.published.keys, ...first.published.keys] },
      clock: settableClock(),
    });
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    expect(await verdictOf(verifier, second.token)).toBe("accepted");
    expect(await verdictOf(verifier, keyPair().token)).toBe("invalid_token");
  });

  test.each<[string, unknown, RegExp]>([
    ["no key", { keys: [] }, /the JWK Set is empty/],
    ["no JWK", [], /must be a JSON object that is a JWK/],
    ["a key of an unknown kind alone", { keys: [{ kty: "AKP" }] }, /kty/],
    [
      "one kid twice",
      { keys: [first.published.keys[0], { ...second.published.keys[0], kid: first.published.keys[0]?.["kid"] }] },
      /same `kid`/,
    ],
    ["a short secret", { kty: "oct", k: "c2hvcnQ" }, /HS256 requires 32 or more/],
    ["a well-known secret", { kty: "oct", k: Buffer.alloc(32).toString("base64url") }, /guessable/],
  ])("createVerifier throws ConfigurationError for %s", (_, keys, message) => {
    expect(() => importVerifyingKeys(keys)).toThrow(message);
    expect(() => verifierFor({ keys: Object(keys) })).toThrow(/^keys cannot be used: /);
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
  ])("the URL %j is a ConfigurationError that does not repeat it", (jwksUrl) => {
    expect(() => verifierFor({ jwksUrl })).toThrow(
      expect.objectContaining({ name: "ConfigurationError", message: expect.stringMatching(/^jwksUrl must/) }),
    );
  });

  test.each(["https://auth.example/x", "http://localhost:1/", "http://127.8.8.8/", "http://[::1]:3/"])(
    "the URL %s is accepted, and no key is fetched before the first token",
    (jwksUrl) => {
      expect(verifierFor({ jwksUrl }).notices).toEqual([]);
    },
  );
});

describe("keys that are fetched", () => {
  test("100 concurrent first tokens cause one request for the keys", async () => {
    const delayed = delayedServer();
    const server = await listen(delayed.respond);
    const { verifier } = verifierFor({ jwksUrl: `${server.url}/jwks.json?a=b#c`, clock: settableClock() });
    const verdicts = Promise.all(Array.from({ length: 100 }, () => verdictOf(verifier, first.token)));
    await until(() => delayed.count > 0);
    delayed.release(first.published);
    expect(new Set(await verdicts)).toEqual(new Set(["accepted"]));
    expect(server.requested).toEqual(["/jwks.json?a=b"]);
  });

  test("a request without a token does not wait for the keys", async () => {
    const server = await listen(() => {});
    const { verifier } = verifierFor({ jwksUrl: server.url });
    const handler = verifier.authorize(() => new Response("in"));
    expect((await handler(new Request("http://host/"))).status).toBe(401);
    expect(server.requested).toEqual([]);
  });

  const bad: readonly [string, Parameters<typeof listen>[0], RegExp][] = [
    ["a reset connection", (request) => void request.socket.destroy(), /could not be reached/],
    [
      "a redirect",
      (_, response) => void response.writeHead(302, { location: "/elsewhere" }).end(),
      /the response was 302/,
    ],
    ["an error", (_, response) => void response.writeHead(500).end("{}"), /the response was 500/],
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
      "a response that is cut short",
      (request, response) => {
        response.writeHead(200, { "content-length": "1000" }).write('{"keys":[');
        void pause(20).then(() => request.socket.destroy());
      },
      /could not be reached/,
    ],
  ];
  test.each(bad)("%s causes 503 unavailable and one log line", async (_, behavior, why) => {
    const server = await listen(behavior);
    const clock = settableClock();
    const { verifier, notices } = verifierFor({ jwksUrl: server.url, clock });
    const handler = verifier.authorize(() => new Response("in"));
    const response = await handler(
      new Request("http://host/", { headers: { authorization: `Bearer ${first.token}` } }),
    );
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ error: "unavailable" });
    expect(await verdictOf(verifier, first.token)).toBe("unavailable");
    expect(server.requested).toHaveLength(1);
    clock.advance(2);
    expect(await verdictOf(verifier, first.token)).toBe("unavailable");
    expect(server.requested).toHaveLength(2);
    expect(notices).toEqual([expect.stringMatching(why)]);
    await expect(verifier.ready()).rejects.toMatchObject({ code: "unavailable" });
    // The server is back, and so is the verifier.
    server.respond(sendJson(first.published));
    clock.advance(2);
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    expect(notices.at(-1)).toMatch(/can be fetched again/);
    await expect(verifier.ready()).resolves.toBeUndefined();
  });

  test.each<[string, Parameters<typeof listen>[0]]>([
    ["before its response", () => {}],
    ["in the middle of its response", (_, response) => void response.writeHead(200).write("{")],
  ])("a request to a server that hangs %s is aborted after 5 s", async (_, behavior) => {
    const server = await listen(behavior);
    const { verifier, notices } = verifierFor({ jwksUrl: server.url });
    expect(await verdictOf(verifier, first.token)).toBe("unavailable");
    expect(notices).toEqual([expect.stringMatching(/no response within 5 s/)]);
  });

  test("a set without a usable key accepts no token and is logged", async () => {
    const server = await listen(sendJson({ keys: [] }));
    const { verifier, notices } = verifierFor({ jwksUrl: server.url, clock: settableClock() });
    expect(await verdictOf(verifier, first.token)).toBe("invalid_token");
    expect(notices).toEqual([expect.stringMatching(/no usable key \(a published secret key is never used\)/)]);
  });

  test("a published symmetric or private key is never used, and the other keys of its set are", async () => {
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
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    expect(await verdictOf(verifier, oct.token)).toBe("invalid_token");
    expect(await verdictOf(verifier, second.token)).toBe("invalid_token");
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(
      /key 1 of 5 is .*symmetric.*key 2 of 5 is .*private part.*key 3 of 5 is .*kty.*key 4 of 5 is .*use/,
    );
    expect(notices[0]).not.toContain(oct.jwk["k"]);
  });

  test("tokens with unknown keys cause at most one request in 10 s", async () => {
    const server = await listen(sendJson(first.published));
    const clock = settableClock();
    const { verifier } = verifierFor({ jwksUrl: server.url, clock });
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    server.respond(sendJson({ keys: [...second.published.keys, ...first.published.keys] }));
    // The key was rotated a moment ago, and the first token of the new key finds it.
    expect(await verdictOf(verifier, second.token)).toBe("accepted");
    expect(server.requested).toHaveLength(2);
    const strangers = Array.from({ length: 20 }, () => keyPair().token);
    expect(new Set(await Promise.all(strangers.map((token) => verdictOf(verifier, token))))).toEqual(
      new Set(["invalid_token"]),
    );
    expect(server.requested).toHaveLength(2);
    clock.advance(10);
    await Promise.all(strangers.map((token) => verdictOf(verifier, token)));
    expect(server.requested).toHaveLength(3);
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
  });

  test("an unknown key that comes while a request is open causes one more request", async () => {
    const delayed = delayedServer();
    const server = await listen(delayed.respond);
    const { verifier } = verifierFor({ jwksUrl: server.url, clock: settableClock() });
    const verdict = verdictOf(verifier, second.token);
    await until(() => delayed.count > 0);
    server.respond(sendJson(second.published));
    delayed.release(first.published);
    expect(await verdict).toBe("accepted");
    expect(server.requested).toHaveLength(2);
  });

  test("a token without kid finds a key of its algorithm in a newer set", async () => {
    const server = await listen(sendJson(second.published));
    const { verifier } = verifierFor({ jwksUrl: server.url });
    const { publicKey, privateKey } = keyPairOf("ed25519");
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const input = `${encode({ alg: "EdDSA" })}.${encode({ login: "alice", exp: Math.floor(Date.now() / 1000) + 60 })}`;
    const token = `${input}.${sign(null, Buffer.from(input), privateKey).toString("base64url")}`;
    expect(await verdictOf(verifier, second.token)).toBe("invalid_token");
    server.respond(sendJson({ keys: [publicKey.export({ format: "jwk" })] }));
    expect(await verdictOf(verifier, token)).toBe("accepted");
  });

  test("a token with an unknown key gets 503 and not 401 while the server is unreachable", async () => {
    const server = await listen(sendJson(first.published));
    const { verifier } = verifierFor({ jwksUrl: server.url, clock: settableClock() });
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    server.respond((request) => void request.socket.destroy());
    expect(await verdictOf(verifier, second.token)).toBe("unavailable");
    expect(await verdictOf(verifier, second.token)).toBe("unavailable");
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    expect(server.requested).toHaveLength(2);
  });

  test("the keys are fetched beside the requests before they expire, and before the next request afterwards", async () => {
    const delayed = delayedServer();
    const server = await listen(sendJson(first.published, { "cache-control": "public, max-age=300" }));
    const clock = settableClock();
    const { verifier } = verifierFor({ jwksUrl: server.url, clock });
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    clock.advance(239);
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    expect(server.requested).toHaveLength(1);
    server.respond(delayed.respond);
    clock.advance(1);
    // No request waits for the delayed response.
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    await until(() => delayed.count > 0);
    server.respond(sendJson(second.published));
    delayed.release(second.published);
    await becomes("invalid_token", verifier, first.token);
    expect(await verdictOf(verifier, second.token)).toBe("accepted");
    expect(server.requested.length).toBeLessThanOrEqual(3);
    // No request came during the lifetime of the set, so the first token waits for a new set.
    server.respond(sendJson(first.published));
    clock.advance(400);
    expect(await verdictOf(verifier, second.token)).toBe("invalid_token");
  });

  test.each([
    ["nothing", {}, 300],
    ["more than an hour", { "cache-control": "max-age=99999999" }, 3600],
    ["no-store", { "cache-control": "no-store" }, 60],
    ["max-age=0", { "cache-control": "max-age=0" }, 60],
    ["max-age=200 and an Age of 80", { "cache-control": "max-age=200", age: "80" }, 120],
    ["nonsense", { "cache-control": "max-age=soon", age: "-1" }, 300],
  ])("a set whose headers state %s is fetched again in time", async (_, headers, seconds) => {
    const server = await listen(sendJson(first.published, headers));
    const clock = settableClock();
    const { verifier } = verifierFor({ jwksUrl: server.url, clock });
    await verdictOf(verifier, first.token);
    clock.advance(seconds * 0.8 - 1);
    await verdictOf(verifier, first.token);
    expect(server.requested).toHaveLength(1);
    clock.advance(seconds * 0.2 + 1);
    await verdictOf(verifier, first.token);
    expect(server.requested).toHaveLength(2);
  });

  test("the last good set stays in use during any kind of outage, and no request waits for a server that hangs", async () => {
    const server = await listen(sendJson(first.published));
    const clock = settableClock();
    const { verifier, notices } = verifierFor({ jwksUrl: server.url, clock });
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    server.respond((request) => void request.socket.destroy());
    clock.advance(301);
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    for (const broken of [
      sendJson({ keys: "none" }),
      (_: unknown, response: ServerResponse) => void response.end("<"),
    ]) {
      server.respond(broken);
      clock.advance(11);
      expect(await verdictOf(verifier, first.token)).toBe("accepted");
    }
    server.respond(() => {});
    clock.advance(11);
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    expect(notices).toHaveLength(1);
  });

  test("a key that is no longer published verifies no token, not even a cached one", async () => {
    const server = await listen(sendJson({ keys: [...first.published.keys, ...second.published.keys] }));
    const clock = settableClock();
    const { verifier } = verifierFor({ jwksUrl: server.url, clock });
    expect(await verdictOf(verifier, first.token)).toBe("accepted");
    server.respond(sendJson(second.published));
    clock.advance(301);
    expect(await verdictOf(verifier, second.token)).toBe("accepted");
    expect(await verdictOf(verifier, first.token)).toBe("invalid_token");
  });

  test("close() aborts a request that is under way", async () => {
    const server = await listen(() => {});
    const { verifier } = verifierFor({ jwksUrl: server.url });
    const verdict = verdictOf(verifier, first.token);
    await until(() => server.requested.length > 0);
    verifier.close();
    verifier.close();
    expect(await verdict).toBe("unavailable");
  });
});
