import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalLogin, checkLogin, checkNewLogin } from "../../dist/logins/login-name.js";

const seed = 20260101;
const anyString = fc.string({ unit: "binary", maxLength: 40 });
const naughty = [
  ...(JSON.parse(
    readFileSync(new URL("../vectors/naughty-strings/blns.json", import.meta.url), "utf8"),
  ) as readonly string[]),
  "\0",
  "a\0b",
  "\ud800",
  "x\udfffy",
  "\u{10ffff}",
  "a".repeat(100_000),
  "\ufdfa".repeat(1000),
];

describe("the compared form of a login", () => {
  it.each([
    ["Alice", "alice"],
    ["ＡＬＩＣＥ", "alice"],
    ["straße", "STRASSE"],
    ["straẞe", "strasse"],
    ["ﬁona", "FIONA"],
    ["\u212Aate", "kate"],
    ["a\u200Bli\u00ADce", "alice"],
    ["ali\uFE0Fce\u2060", "alice"],
    ["İlker", "i\u0307lker"],
    ["ΟΔΥΣΣΕΥΣ", "οδυσσευς"],
    ["οδυσσευσ", "οδυσσευς"],
    ["é", "E\u0301"],
    ["ǅ", "dž"],
    ["ᾳ", "ΑΙ"],
    ["ꭰ", "Ꭰ"],
    ["①②", "12"],
    ["x\u3164y", "xy"],
  ])("the logins %s and %s have the same compared form", (one, other) => {
    expect(canonicalLogin(one)).toBe(canonicalLogin(other));
  });

  it("dotless and dotted i have different compared forms", () => {
    expect(canonicalLogin("ı")).toBe("ı");
    expect(canonicalLogin("I")).toBe("i");
    expect(canonicalLogin("İ")).toBe("i\u0307");
  });

  it("the compared form of a compared form is the same, for every code point and any text", () => {
    for (let code = 0; code < 0x110000; code += 1) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const once = canonicalLogin(String.fromCodePoint(code));
      if (canonicalLogin(once) !== once) expect(code.toString(16)).toBe("idempotent");
    }
    fc.assert(
      fc.property(anyString, (text) => canonicalLogin(canonicalLogin(text)) === canonicalLogin(text)),
      { seed, numRuns: 2000 },
    );
  });

  it("case and invisible characters do not change the compared form", () => {
    // Without an @, because `straße.example` and `strasse.example` are two domains.
    const word = fc.string({ unit: fc.constantFrom(..."aZßéΣςдЯ9_-.ŉǰ"), maxLength: 12 });
    fc.assert(
      fc.property(
        word,
        fc.constantFrom("\u200B", "\u200D", "\u00AD", "\u2060", "\uFEFF", "\u{E0041}"),
        (text, hidden) => {
          const form = canonicalLogin(text);
          expect(canonicalLogin(text.toUpperCase())).toBe(canonicalLogin(text.toLowerCase()));
          expect(canonicalLogin([...text].join(hidden) + hidden)).toBe(form);
        },
      ),
      { seed },
    );
  });
});

describe("a login in a request", () => {
  it.each(["a", "a".repeat(255), "😀".repeat(255), "mixed аlice", "\u200B", " "])(
    "a login in a request can be any printable text: %j",
    (login) => {
      expect(checkLogin(login)).toBeUndefined();
    },
  );

  it.each(["", "a".repeat(256), "😀".repeat(256), "a\0b", "a\n", "\u0085", "\u007F", "\ud800", "x\udc00"])(
    "an empty, long or malformed login, or one with control characters, is rejected: %j",
    (login) => {
      expect(checkLogin(login)).toMatch(/^A login /);
    },
  );

  it("the reason for a rejected login never contains the login", () => {
    for (const login of naughty) {
      const reason = checkNewLogin(login) ?? checkLogin(login);
      if (reason !== undefined) expect(reason).toMatch(/^A (new )?login [a-z0-9 -]+\.$/i);
      canonicalLogin(login);
    }
  });
});

describe("a new login", () => {
  it.each([
    "alice",
    "alice@example.com",
    "Zoë O'Neill-3",
    "Алиса",
    "αλίκη",
    "山田tarō",
    "やまだ太郎x",
    "김철수abc",
    "李ㄅa",
    "ᏣᎳᎩ",
    "אליס1",
    "😀",
    "1234",
    "ａｌｉｃｅ",
    "أليس٣",
  ])("a new login can be %s", (login) => {
    expect(checkNewLogin(login)).toBeUndefined();
  });

  it.each([
    ["Cyrillic in a Latin word", "аlice"],
    ["Greek in a Latin word", "αlice"],
    ["Cyrillic beside a mathematical letter", "𝐚лиса"],
    ["a micro sign in a Latin word", "aµ"],
    ["Hangul with kana", "김やま"],
    ["Cyrillic with Han", "山д"],
    ["two systems of digits", "a1٣"],
    ["a zero-width space", "ali\u200Bce"],
    ["a soft hyphen", "ali\u00ADce"],
    ["a direction override", "ali\u202Ece"],
    ["a Hangul filler", "a\u3164"],
    ["a variation selector", "a\uFE0F"],
    ["a tag character", "a\u{E0041}"],
    ["a private use character", "a\uE000"],
    ["an unassigned code point", "a\u0378"],
    ["a noncharacter", "a\uFFFE"],
    ["a line separator", "a\u2028b"],
    ["a leading space", " alice"],
    ["a trailing wide space", "alice\u3000"],
    ["two spaces in a row", "a  b"],
    ["no visible character", "\u200B\u200D"],
    ["a compared form of more than 255 characters", "\uFDFA".repeat(20)],
    ["a control character", "a\tb"],
    ["a lone surrogate", "a\ud83d"],
    ["the form of the id of a service account", `SVC_${"a".repeat(22)}`],
  ])("a new login with %s is rejected", (_, login) => {
    expect(checkNewLogin(login)).toMatch(/^A (new )?login /);
  });

  it("the short path for plain ASCII gives the same result as the full rules", () => {
    const ascii = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)) });
    fc.assert(
      fc.property(ascii, (login) => {
        expect(canonicalLogin(login)).toBe(canonicalLogin(`${login}\u00e9`).slice(0, -1));
        fc.pre(login !== "");
        expect(checkNewLogin(login)).toBe(checkNewLogin(`${login}\u00e9`));
      }),
      { seed },
    );
  });

  it("a login that a new user can have is accepted in a request, and so is its compared form", () => {
    fc.assert(
      fc.property(anyString, (login) => {
        fc.pre(checkNewLogin(login) === undefined);
        expect(checkLogin(login)).toBeUndefined();
        expect(checkNewLogin(canonicalLogin(login))).toBeUndefined();
      }),
      { seed },
    );
  });
});
