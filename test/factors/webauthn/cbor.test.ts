// The CBOR of authenticators. The valid values are those of RFC 8949, appendix A, that the canonical form of CTAP has.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCbor } from "../../../dist/factors/passkey/cbor.js";
import { type Encodable, encodeCbor } from "./cbor-encode.js";

const decode = (hex: string) => decodeCbor(Buffer.from(hex, "hex"));

const valid: readonly (readonly [string, unknown])[] = [
  ["00", 0],
  ["17", 23],
  ["1818", 24],
  ["1864", 100],
  ["1903e8", 1000],
  ["1a000f4240", 1_000_000],
  ["1b000000e8d4a51000", 1_000_000_000_000],
  ["20", -1],
  ["3863", -100],
  ["3903e7", -1000],
  ["f4", false],
  ["f5", true],
  ["f6", null],
  ["40", Buffer.alloc(0)],
  ["4401020304", Buffer.of(1, 2, 3, 4)],
  ["60", ""],
  ["62c3bc", "ü"],
  ["64f0908591", "𐅑"],
  ["80", []],
  ["8301820203820405", [1, [2, 3], [4, 5]]],
  ["a0", new Map()],
  [
    "a26161016162820203",
    new Map<string, unknown>([
      ["a", 1],
      ["b", [2, 3]],
    ]),
  ],
];

const invalid: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["an indefinite byte string", "5f42010243030405ff"],
  ["an indefinite text", "7f657374726561646d696e67ff"],
  ["an indefinite array", "9f01ff"],
  ["an indefinite map", "bf616101ff"],
  ["a break", "ff"],
  ["0 in two bytes", "1800"],
  ["23 in two bytes", "1817"],
  ["255 in three bytes", "1900ff"],
  ["65535 in five bytes", "1a0000ffff"],
  ["2^32 - 1 in nine bytes", "1b00000000ffffffff"],
  ["a length in two bytes that fits in one", "580100"],
  ["a number that JavaScript rounds", "1b0020000000000000"],
  ["the reserved information 28", "1c"],
  ["a byte string of 2^32 bytes", "5b0000000100000000"],
  ["a byte string that ends too early", "44010203"],
  ["an array of 2^32 entries", "9b0000000100000000"],
  ["an array of 65 entries", `9841${"00".repeat(65)}`],
  ["a map of 2^31 entries", "ba80000000"],
  ["an array that ends too early", "8201"],
  ["a map without its last value", "a101"],
  ["a tag", "c074323031332d30332d32315432303a30343a30305a"],
  ["a half float", "f93c00"],
  ["a single float", "fa47c35000"],
  ["a double float", "fb3ff199999999999a"],
  ["undefined", "f7"],
  ["the simple value 16", "f0"],
  ["the simple value 24", "f818"],
  ["a repeated number as key", "a201000100"],
  ["a repeated text as key", "a2616101616102"],
  ["a byte string as key", "a1410100"],
  ["an array as key", "a18000"],
  ["a text of invalid UTF-8", "61ff"],
  ["a text with half of a surrogate pair", "63eda080"],
  ["a text in overlong UTF-8", "62c080"],
];

describe("the CBOR decoder", () => {
  it.each(valid)("the bytes %s are a value", (hex, value) => {
    expect(decode(hex)).toEqual({ value, end: hex.length / 2 });
  });

  it.each(invalid)("the decoder rejects %s", (_name, hex) => {
    expect(decode(hex)).toBeUndefined();
  });

  it("the decoder accepts 8 levels and rejects 9 and 10000", () => {
    const nested = (depth: number, head: string) => decode(`${head.repeat(depth)}00`);
    for (const head of ["81", "a100"]) {
      expect([8, 9, 10_000].map((depth) => nested(depth, head) === undefined)).toEqual([false, true, true]);
    }
  });

  it("the caller learns where the item ends, and what is behind it is not read", () => {
    expect(decodeCbor(Buffer.from("ff8101ff", "hex"), 1)).toEqual({ value: [1], end: 3 });
  });

  it("the decoder needs no memory for announced lengths", () => {
    const bombs = ["5b00000000ffffffff", "9affffffff", "baffffffff", "7a7fffffff", "81".repeat(16_000)];
    const bytes = bombs.map((hex) => Buffer.from(hex, "hex"));
    const before = process.memoryUsage();
    for (let round = 0; round < 10_000; round++) for (const bomb of bytes) decodeCbor(bomb);
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1_000_000);
    expect(after.rss - before.rss).toBeLessThan(64_000_000);
  });

  const { value: values } = fc.letrec<{ value: Encodable }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      fc.maxSafeInteger().filter((number) => Math.abs(number) < Number.MAX_SAFE_INTEGER),
      fc.string({ unit: "binary" }),
      fc.constantFrom(true, false, null),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.array(tie("value"), { maxLength: 8 }),
      fc
        .uniqueArray(fc.tuple(fc.oneof(fc.integer(), fc.string({ unit: "binary" })), tie("value")), {
          maxLength: 8,
          selector: ([key]) => key,
        })
        .map((entries) => new Map(entries)),
    ),
  }));

  it("every canonical value is read as it was written, and no shorter part of it is a value", () => {
    fc.assert(
      fc.property(values, fc.nat(), (value, cut) => {
        const bytes = encodeCbor(value);
        expect(decodeCbor(bytes)).toEqual({ value, end: bytes.length });
        expect(decodeCbor(bytes.subarray(0, cut % bytes.length))).toBeUndefined();
      }),
    );
  });

  it("random bytes are rejected, or they are the one form of a value", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (random) => {
        const bytes = Buffer.from(random);
        const item = decodeCbor(bytes);
        if (item !== undefined) expect(encodeCbor(item.value)).toEqual(bytes.subarray(0, item.end));
      }),
      { numRuns: 10_000 },
    );
  });
});
