import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createVerifiedTokens } from "../../dist/tokens/verified-tokens.js";
import { now } from "./forge.js";

const later = now + 900;

test("an added token is found by its whole text, also in another string object", () => {
  const tokens = createVerifiedTokens<string>();
  tokens.add("header.payload.signature", "alice", later, now);
  expect(tokens.find(Buffer.from("header.payload.signature").toString())).toBe("alice");
  expect(tokens.find("header.payload.signaturf")).toBeUndefined();
  expect(tokens.find("header.payload.signature ")).toBeUndefined();
});

test("an expired token is not kept", () => {
  const tokens = createVerifiedTokens<string>();
  tokens.add("t", "v", now, now);
  expect(tokens.find("t")).toBeUndefined();
});

test("clearing the cache forgets everything", () => {
  const tokens = createVerifiedTokens<number>({ tokens: 4 });
  for (let at = 0; at < 10; at++) tokens.add(`t${at}`, at, later, now);
  tokens.clear();
  expect(tokens.size).toBe(0);
  tokens.add("t1", 1, later, now);
  expect(tokens.find("t1")).toBe(1);
});

describe("the limits of the cache", () => {
  test("the cache keeps no more tokens than its limit", () => {
    const tokens = createVerifiedTokens<number>({ tokens: 100 });
    for (let at = 0; at < 10_000; at++) tokens.add(`token ${at}`, at, later, now);
    expect(tokens.size).toBe(100);
  });

  test("the cache keeps no more characters than its limit", () => {
    const tokens = createVerifiedTokens<number>({ characters: 1000 });
    for (let at = 0; at < 100; at++) tokens.add(String(at).padStart(100), at, later, now);
    expect(tokens.size).toBe(10);
    tokens.add("x".repeat(1001), 1, later, now);
    expect(tokens.size).toBe(10);
    for (let time = 0; time < 2; time++) tokens.add("y".repeat(1000), 1, later, now);
    expect(tokens.size).toBe(1);
    for (let time = 0; time < 2; time++) tokens.add("z", 1, later, now);
    expect(tokens.find("z")).toBe(1);
  });
});

test("tokens in use stay while many other tokens are used once", () => {
  const tokens = createVerifiedTokens<number>({ tokens: 100 });
  const inUse = Array.from({ length: 50 }, (_, at) => `in use ${at}`);
  for (const token of inUse) tokens.add(token, 1, later, now);
  for (let at = 0; at < 10_000; at++) {
    tokens.add(`once ${at}`, 0, later, now);
    if (at % 40 === 0) for (const token of inUse) expect(tokens.find(token)).toBe(1);
  }
});

test("a full cache keeps a token that is seen for the second time", () => {
  const tokens = createVerifiedTokens<number>({ tokens: 3 });
  for (let at = 0; at < 3; at++) tokens.add(`first ${at}`, at, later, now);
  tokens.add("new", 4, later, now);
  expect(tokens.find("new")).toBeUndefined();
  tokens.add("new", 4, later, now);
  expect(tokens.find("new")).toBe(4);
  expect(tokens.size).toBe(3);
});

test("tokens in use replace tokens that are no longer used", () => {
  const tokens = createVerifiedTokens<number>({ tokens: 100 });
  for (let at = 0; at < 100; at++) tokens.add(`old ${at}`, at, later, now);
  for (let round = 0; round < 4; round++) {
    for (let at = 0; at < 100; at++) {
      const token = `new ${at}`;
      if (tokens.find(token) === undefined) tokens.add(token, at, later, now);
    }
  }
  const found = Array.from({ length: 100 }, (_, at) => tokens.find(`new ${at}`)).filter((value) => value !== undefined);
  expect(found.length).toBeGreaterThan(95);
});

test("all tokens are found in turns when they just fit into the cache", () => {
  const tokens = createVerifiedTokens<number>({ tokens: 100 });
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < 100; at++) {
      if (round > 0) expect(tokens.find(`t${at}`)).toBe(at);
      else tokens.add(`t${at}`, at, later, now);
    }
  }
});

test("an expired token is evicted first, even if it was in use", () => {
  const tokens = createVerifiedTokens<number>({ tokens: 3 });
  tokens.add("live", 1, later, now);
  tokens.add("expired", 2, now + 10, now);
  tokens.add("another", 3, later, now);
  for (let time = 0; time < 2; time++) {
    tokens.add("new", 4, later, now + 20);
    if (time === 0) for (const token of ["live", "expired", "another"]) tokens.find(token);
  }
  expect(tokens.find("expired")).toBeUndefined();
  expect(tokens.find("live")).toBe(1);
  expect(tokens.find("another")).toBe(3);
});

test("a token that is added again is kept once, with the newer value", () => {
  const tokens = createVerifiedTokens<number>({ tokens: 3 });
  tokens.add("t", 1, later, now);
  tokens.add("t", 2, later, now);
  expect(tokens.size).toBe(1);
  expect(tokens.find("t")).toBe(2);
});

describe("a working set that fits", () => {
  /** A token ends with its signature, which looks random. */
  const makeToken = (name: string): string => createHash("sha256").update(name).digest("base64url");
  const makeTokens = (name: string, count: number): string[] =>
    Array.from({ length: count }, (_, at) => makeToken(`${name} ${at}`));

  test("a full cache finds at least 98 of 100 tokens after three rounds, in any order", () => {
    const world = fc
      .record({ capacity: fc.integer({ min: 50, max: 600 }), fill: fc.double({ min: 0.02, max: 1, noNaN: true }) })
      .chain(({ capacity, fill }) => {
        const size = Math.ceil(capacity * fill);
        return fc.record({
          capacity: fc.constant(capacity),
          size: fc.constant(size),
          known: fc.integer({ min: 0, max: size }),
          once: fc.integer({ min: 0, max: capacity }),
          // A round in a fixed order, backwards, or in an order of its own.
          orders: fc.array(fc.constantFrom("fixed", "backwards", "shuffled"), { minLength: 4, maxLength: 4 }),
          weights: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        });
      });
    fc.assert(
      fc.property(world, ({ capacity, size, known, once, orders, weights }) => {
        const cache = createVerifiedTokens<boolean>({ tokens: capacity });
        const isFound = (token: string): boolean => {
          if (cache.find(token) === true) return true;
          cache.add(token, true, later, now);
          return false;
        };
        const earlier = makeTokens("earlier", capacity);
        for (let round = 0; round < 2; round++) for (const token of earlier) isFound(token);
        const shuffle = (tokens: readonly string[]): string[] =>
          tokens
            .map((token) => ({ token, weight: weights.next().value ?? 0 }))
            .sort((a, b) => a.weight - b.weight)
            .map(({ token }) => token);
        const set = shuffle([...earlier.slice(0, known), ...makeTokens("new", size - known)]);
        let found = 0;
        for (const [round, order] of orders.entries()) {
          const turns = order === "fixed" ? set : order === "backwards" ? [...set].reverse() : shuffle(set);
          for (const token of makeTokens(`once ${round}`, once)) isFound(token);
          found = turns.filter(isFound).length;
        }
        expect(found).toBeGreaterThanOrEqual(0.98 * size);
        expect(cache.size).toBe(capacity);
      }),
      { seed: 20260101, numRuns: 200 },
    );
  });

  test("a full cache keeps its working set while tokens that are used once flood it", () => {
    const cache = createVerifiedTokens<boolean>({ tokens: 500 });
    const set = makeTokens("in use", 400);
    for (const token of [...set, ...makeTokens("unused", 100)]) cache.add(token, true, later, now);
    for (let round = 0; round < 5; round++) {
      for (const token of makeTokens(`once ${round}`, 5_000)) cache.add(token, true, later, now);
      expect(set.filter((token) => cache.find(token) === true).length).toBe(400);
    }
  });

  test("a working set that is larger than the cache does not evict itself in turns", () => {
    const cache = createVerifiedTokens<boolean>({ tokens: 500 });
    const set = makeTokens("in use", 600);
    let found = 0;
    for (let round = 0; round < 4; round++) {
      found = 0;
      for (const token of set) {
        if (cache.find(token) === true) found += 1;
        else cache.add(token, true, later, now);
      }
    }
    expect(found).toBeGreaterThanOrEqual(490);
  });
});
