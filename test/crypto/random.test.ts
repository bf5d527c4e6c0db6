import { expect, test } from "vitest";
import { randomId, randomOctets } from "../../dist/crypto/random.js";

test("an identifier has 128 bits in base64url", () => {
  expect(randomId()).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(randomId(32)).toMatch(/^[A-Za-z0-9_-]{43}$/);
});

test("no identifier begins with -, because a command would take it for an option", () => {
  expect(Array.from({ length: 5000 }, () => randomId()).filter((id) => id.startsWith("-"))).toEqual([]);
});

test("no identifier is repeated, even where one block of randomness ends and the next begins", () => {
  const count = 5000;
  expect(new Set(Array.from({ length: count }, () => randomId())).size).toBe(count);
});

test("later random bytes do not change the bytes that were returned before", () => {
  const octets = randomOctets(32);
  const copy = Buffer.from(octets);
  for (let round = 0; round < 1000; round++) randomOctets(32);
  expect(octets).toEqual(copy);
});

test.each([0, -1, 1.5, 1025, Number.NaN])("a request for %d bytes is rejected", (bytes) => {
  expect(() => randomOctets(bytes)).toThrow(RangeError);
});
