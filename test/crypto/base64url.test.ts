import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBase64url, decodeBase64urlInto, encodeBase64url } from "../../dist/crypto/base64url.js";

test("encoded bytes are decoded to the same bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = Buffer.from(bytes).toString("base64url");
      expect(decodeBase64url(text)).toEqual(Buffer.from(bytes));
      const into = Buffer.alloc(200);
      expect(into.subarray(0, decodeBase64urlInto(into, text))).toEqual(Buffer.from(bytes));
    }),
  );
});

test.each([
  ["padding", "Zg=="],
  ["unused bits", "Zh"],
  ["a single character", "A"],
  ["a space", "Zm 9v"],
  ["a line end", "Zm9v\n"],
  ["the characters of plain base64", "-_+/"],
  ["a character beyond Latin-1 whose low byte is a letter", "Zm9\u0176"],
  ["NUL", "Zm9v\0"],
])("the decoder rejects %s", (_what, text) => {
  expect(decodeBase64url(text)).toBeUndefined();
  expect(decodeBase64urlInto(Buffer.alloc(64), text)).toBe(-1);
});

test("two different texts never decode to the same bytes", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12, unit: fc.constantFrom(..."AQgwZ_-+/= \n\u0141") }), (text) => {
      const bytes = decodeBase64url(text);
      if (bytes !== undefined) expect(bytes.toString("base64url")).toBe(text);
    }),
  );
});

test("text is encoded as UTF-8", () => {
  expect(encodeBase64url("é")).toBe("w6k");
});
