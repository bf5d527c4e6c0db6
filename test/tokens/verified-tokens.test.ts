import { describe, expect, test } from "vitest";
import { createVerifiedTokens } from "../../dist/tokens/verified-tokens.js";
import { now } from "./forge.js";

const later = now + 900;

test("a token that was added is found by its whole text, in whatever string it comes", () => {
  const tokens = createVerifiedTokens<string>();
  tokens.add("header.payload.signature", "alice", later, now);
  expect(tokens.find(Buffer.from("header.payload.signature").toString())).toBe("alice");
  expect(tokens.find("header.payload.signaturf")).toBeUndefined();
  expect(tokens.find("header.payload.signature ")).toBeUndefined();
});

test("what has expired is not taken in", () => {
  const tokens = createVerifiedTokens<string>();
  tokens.add("t", "v", now, now);
  expect(tokens.find("t")).toBeUndefined();
});

test("clear forgets everything", () => {
  const tokens = createVerifiedTokens<number>({ tokens: 4 });
  for (let at = 0; at < 10; at++) tokens.add(`t${at}`, at, later, now);
  tokens.clear();
  expect(tokens.size).toBe(0);
  tokens.add("t1", 1, later, now);
  expect(tokens.find("t1")).toBe(1);
});

describe("is bounded", () => {
  test("in number", () => {
    const tokens = createVerifiedTokens<number>({ tokens: 100 });
    for (let at = 0; at < 10_000; at++) tokens.add(`token ${at}`, at, later, now);
    expect(tokens.size).toBe(100);
  });

  test("in characters", () => {
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

test("tokens in use stay while many others are used once", () => {
  const tokens = createVerifiedTokens<number>({ tokens: 100 });
  const inUse = Array.from({ length: 50 }, (_, at) => `in use ${at}`);
  for (const token of inUse) tokens.add(token, 1, later, now);
  for (let at = 0; at < 10_000; at++) {
    tokens.add(`once ${at}`, 0, later, now);
    if (at % 40 === 0) for (const token of inUse) expect(tokens.find(token)).toBe(1);
  }
});

test("once it is full, a token comes in when it is seen for the second time", () => {
  const tokens = createVerifiedTokens<number>({ tokens: 3 });
  for (let at = 0; at < 3; at++) tokens.add(`first ${at}`, at, later, now);
  tokens.add("new", 4, later, now);
  expect(tokens.find("new")).toBeUndefined();
  tokens.add("new", 4, later, now);
  expect(tokens.find("new")).toBe(4);
  expect(tokens.size).toBe(3);
});

test("tokens that come to be used replace those that no longer are", () => {
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

test("as many tokens as it holds, taken in turn, are all found", () => {
  const tokens = createVerifiedTokens<number>({ tokens: 100 });
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < 100; at++) {
      if (round > 0) expect(tokens.find(`t${at}`)).toBe(at);
      else tokens.add(`t${at}`, at, later, now);
    }
  }
});

test("what has expired goes first, even if it was in use", () => {
  const tokens = createVerifiedTokens<number>({ tokens: 3 });
  tokens.add("live", 1, later, now);
  tokens.add("expired", 2, now + 10, now);
  tokens.add("another", 3, later, now);
  for (const token of ["live", "expired", "another"]) tokens.find(token);
  for (let time = 0; time < 2; time++) tokens.add("new", 4, later, now + 20);
  expect(tokens.find("expired")).toBeUndefined();
  expect(tokens.find("live")).toBe(1);
  expect(tokens.find("another")).toBe(3);
});

test("a token is not taken in twice", () => {
  const tokens = createVerifiedTokens<number>({ tokens: 3 });
  tokens.add("t", 1, later, now);
  tokens.add("t", 2, later, now);
  expect(tokens.size).toBe(1);
  expect(tokens.find("t")).toBe(1);
});
