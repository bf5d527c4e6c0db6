import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AmphoError } from "../../dist/errors.js";
import { bodyFormatOf, parseForm, parseJson } from "../../dist/http/rest/request/body.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const codeOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error instanceof AmphoError ? error.code : error;
  }
};

fc.configureGlobal({ seed: 20_260_101 });

describe("JSON", () => {
  it.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["two values", "{} {}"],
    ["a comment", "{}/**/"],
    ["a byte order mark", "\ufeff{}"],
    ["a member twice", '{"a":1,"a":1}'],
    ["a member twice, once by escape", '{"a":1,"\\u0061":2}'],
    ["__proto__ twice", '{"__proto__":1,"__proto__":2}'],
    ["a member twice further down", '{"a":[{"b":{"c":1,"d":[],"c":1}}]}'],
    ["a member twice with a quote in its name", '{"\\"a":1,"\\"a":2}'],
    ["50 000 nested arrays", "[".repeat(50_000) + "]".repeat(50_000)],
    ["100 nested objects", `${'{"a":'.repeat(100)}1${"}".repeat(100)}`],
    ["an array", "[]"],
    ["null", "null"],
    ["a string", '"x"'],
  ])("the JSON parser rejects %s", (_, text) => expect(codeOf(() => parseJson(bytes(text)))).toBe("invalid_request"));

  it.each([
    ["a lone continuation byte", [0x22, 0x80, 0x22]],
    ["an overlong slash", [0x22, 0xc0, 0xaf, 0x22]],
    ["an encoded surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["UTF-16", [0x7b, 0x00, 0x7d, 0x00]],
    ["UTF-16 with its mark", [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])("the JSON parser rejects %s", (_, list) =>
    expect(codeOf(() => parseJson(Uint8Array.from(list)))).toBe("invalid_request"),
  );

  it("the JSON parser accepts one name in two objects, and text that looks like a name", () => {
    expect(parseJson(bytes('{"a":{"a":1},"b":[{"a":1},{"a":2}],"c":"\\"a\\":","d":["a","a"]}'))).toEqual({
      a: { a: 1 },
      b: [{ a: 1 }, { a: 2 }],
      c: '"a":',
      d: ["a", "a"],
    });
  });

  it("the JSON parser leaves half of a surrogate pair to the check of its field", () => {
    expect(parseJson(bytes('{"a":"\\ud800"}'))).toEqual({ a: "\ud800" });
  });

  it("the JSON parser returns what JSON.parse returns", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 20 }), (text) => {
        expect(parseJson(bytes(`{"a":${text}}`))).toEqual({ a: JSON.parse(text) });
      }),
    );
  });

  it("the JSON parser rejects a repeated member at any depth", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.json({ maxDepth: 3 }), { minKeys: 1 }), fc.nat(), (members, pick) => {
        const entries = Object.entries(members).map(([name, value]) => `${JSON.stringify(name)} : ${value}`);
        const repeated = [...entries, entries[pick % entries.length]].join(",");
        expect(codeOf(() => parseJson(bytes(`{"x":[{${repeated}}]}`)))).toBe("invalid_request");
      }),
    );
  });
});

describe("a form", () => {
  it.each([
    ["a field twice", "login=a&login=b"],
    ["a field twice, once by escape", "login=a&%6Cogin=b"],
    ["a broken escape", "login=%zz"],
    ["a cut escape", "login=%4"],
    ["an escape that is no UTF-8", "login=%ff"],
    ["an escaped surrogate", "login=%ed%a0%80"],
  ])("a form with %s is rejected", (_, text) => expect(codeOf(() => parseForm(bytes(text)))).toBe("invalid_request"));

  it("the form parser returns what URLSearchParams returns", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" })), (members) => {
        const text = new URLSearchParams(members).toString();
        expect(Object.entries(parseForm(bytes(text)))).toEqual([...new URLSearchParams(text)].sort(byIndex(members)));
      }),
    );
  });

  it("the form parser accepts empty pairs, empty values and __proto__", () => {
    const form = parseForm(bytes("&a=&b&__proto__=c+d&"));
    expect(Object.entries(form)).toEqual([
      ["a", ""],
      ["b", ""],
      ["__proto__", "c d"],
    ]);
    expect(Object.getPrototypeOf(form)).toBe(Object.prototype);
  });
});

/** Objects list names that are numbers first. */
function byIndex(members: object) {
  const order = Object.keys(members);
  return ([a]: [string, string], [b]: [string, string]) => order.indexOf(a) - order.indexOf(b);
}

describe("a media type", () => {
  it.each([
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json ; charset=utf8 ;",
    "application/json; profile=x",
    'application/json; profile="; charset=utf-16"',
  ])("the media type %s is JSON", (type) => expect(bodyFormatOf(type, undefined)).toBe("application/json"));

  it.each([
    undefined,
    "",
    "text/plain",
    "application/jsonp",
    "application/json-patch+json",
    "application/json, text/plain",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
    "application/json; profile=x; charset=utf-7",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-8; charset=utf-16",
    "application/json; charset",
    "application/json ; charset = utf-8",
    "application/json charset=utf-8",
    "application/json\u0000",
  ])("the media type %j is rejected", (type) =>
    expect(codeOf(() => bodyFormatOf(type, undefined))).toBe("unsupported_media_type"),
  );

  it("a body with a content coding is rejected", () => {
    expect(codeOf(() => bodyFormatOf("application/json", "gzip"))).toBe("unsupported_media_type");
    expect(bodyFormatOf("application/json", "identity")).toBe("application/json");
  });
});
