import fc from "fast-check";
import { expect, test } from "vitest";
import { parseJsonObject } from "../../dist/crypto/json.js";

const parse = (text: string) => parseJsonObject(Buffer.from(text));

test("an object is read as JSON.parse reads it, with any whitespace", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 2, "\t"), (object, space) => {
      const text = JSON.stringify(object, null, space);
      fc.pre(!/\\ud/.test(text));
      expect(parse(text)).toEqual(JSON.parse(text));
    }),
  );
});

test.each([
  ["a repeated member", '{"a":1,"a":1}'],
  ["a repeated member, once by escape", '{"login":1,"l\\u006fgin":2}'],
  ["a repeated member, both by escape", '{"\\u0061":1,"\\u0061":2}'],
  ["a repeated member inside", '{"a":{"b":1,"b":2}}'],
  ["a repeated member in an object of an array", '{"a":[0,{"b":1,"b":2}]}'],
  ["a repeated member with space before the colon", '{"a" :1,"a"\n:2}'],
  ["a repeated member with colons and quotes in strings", '{"a":"\\":","a":":"}'],
  ["__proto__ twice", '{"__proto__":1,"__proto__":2}'],
  ["an array", "[1]"],
  ["a string", '"a"'],
  ["null", "null"],
  ["an empty text", ""],
  ["a byte order mark", '\ufeff{"a":1}'],
  ["a trailing comma", '{"a":1,}'],
  ["two objects", '{"a":1}{"b":1}'],
  ["NaN", '{"a":NaN}'],
  ["single quotes", "{'a':1}"],
  ["a raw control character in a string", '{"a":"\n"}'],
  ["half of a surrogate pair by escape", '{"a":"\\ud800"}'],
  ["the second half alone", '{"a":"\\udc00"}'],
  ["the first half twice", '{"a":"\\ud800\\ud800"}'],
  ["a half and another escape", '{"a":"\\ud83d\\n"}'],
  ["a half in a name", '{"\\uD83D":1}'],
])("the parser rejects %s", (_what, text) => {
  expect(parse(text)).toBeUndefined();
});

test("a repeated member is rejected where the text is as long as without it", () => {
  // `1e9` saves the characters that the repeated member takes.
  const spellings = fc.constantFrom(
    "1e3",
    "1e9",
    "1000000000",
    "12e8",
    "1E0",
    "0",
    "-0",
    "7",
    "1234567891",
    '"x"',
    "[]",
    "[1e3,1e9]",
  );
  const names = fc.constantFrom("a", "b", "__proto__");
  fc.assert(
    fc.property(fc.array(fc.tuple(names, spellings), { minLength: 1, maxLength: 4 }), spellings, (members, last) => {
      const written = [...members, ["a", last] as const].map(([name, value]) => `"${name}":${value}`);
      const isRepeated = new Set(written.map((member) => member.slice(0, 3))).size < written.length;
      const text = `{${written.join()}}`;
      for (let length = text.length; length < text.length + 30; length++) {
        if (isRepeated) expect(parse(text.padEnd(length))).toBeUndefined();
        else expect(parse(text.padEnd(length))).toEqual(JSON.parse(text));
      }
    }),
    { numRuns: 2000 },
  );
});

test("a repeated member is rejected while Object.prototype has a member of its own", () => {
  const text = '{"exp":1,"exp":2}';
  const prototype: Record<string, unknown> = Object.prototype as never;
  // The name takes the characters of the repeated member.
  prototype["abc"] = 1;
  try {
    expect(parse(text)).toBeUndefined();
  } finally {
    Reflect.deleteProperty(prototype, "abc");
  }
});

test.each([
  ["invalid UTF-8 in a string", [0x22, 0xff, 0x22]],
  ["an overlong form", [0x22, 0xc0, 0xaf, 0x22]],
  ["a surrogate in UTF-8", [0x22, 0xed, 0xa0, 0x80, 0x22]],
  ["a character cut in half", [0x22, 0xc3, 0x22]],
])("the parser rejects %s", (_what, bytes) => {
  expect(parseJsonObject(Buffer.concat([Buffer.from('{"a":'), Buffer.from(bytes), Buffer.from("}")]))).toBeUndefined();
});

test("the parser rejects UTF-16", () => {
  expect(parseJsonObject(Buffer.from('{"a":1}', "utf16le"))).toBeUndefined();
});

test("an escaped pair of surrogates is read as one character", () => {
  expect(parse('{"a":"\\ud83d\\ude00","b":"\\\\ud800"}')).toEqual({ a: "😀", b: "\\ud800" });
});

test("__proto__ is a member like any other and changes no prototype", () => {
  const value = parse('{"__proto__":{"login":"admin"},"a":1}');
  expect(Object.keys(value ?? {})).toEqual(["__proto__", "a"]);
  expect(value?.["login"]).toBeUndefined();
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
});

test.each([
  ["arrays", "[", "]"],
  ["objects", '{"a":', "}"],
])("the parser rejects deeply nested %s without a stack overflow", (_what, open, close) => {
  for (const depth of [64, 1000, 100_000]) {
    expect(parse(`{"a":${open.repeat(depth)}1${close.repeat(depth)}}`)).toBeUndefined();
    expect(parse(`{"a":${open.repeat(depth)}`)).toBeUndefined();
  }
  expect(parse(`{"a":${open.repeat(63)}1${close.repeat(63)}}`)).toBeDefined();
});

test("only the first bytes are read when an end is given", () => {
  expect(parseJsonObject(Buffer.from('{"a":1},"b":2}'), 7)).toEqual({ a: 1 });
});
