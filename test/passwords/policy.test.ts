import { dictionary } from "@zxcvbn-ts/language-common";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPasswordPolicy, type NewPasswordOf } from "../../dist/passwords/policy.js";

const seed = 20260101;
const about: NewPasswordOf = { login: "carol.jones@example.com", userId: undefined, origin: { actor: "user" } };
const policy = createPasswordPolicy({ passwordMin: 15, passwordWords: ["kiosk-7"], appName: "Globex Corp" });
const words = dictionary["diceware-common"].filter((word) => /^[a-z]{3,}$/.test(word));

const reasonOf = async (password: string, login = about.login): Promise<string | undefined> =>
  (await policy.check(password, { ...about, login }))?.reason;

describe("a new password", () => {
  it.each([
    "violet kettle harbour morning",
    "another long enough phrase",
    "a brand new long phrase",
    "correct horse battery staple",
    "correcthorsebatterystaple",
    "purple monkey dishwasher",
    "sunshine monkey football",
    "Tr0ub4dor&3 and more",
    "kqzvbxwpmtrhgjd",
    "830472915638204",
    "короткая фраза из слов",
    "飛ぶ鳥を落とす勢いの人がいた夜",
    "🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧🐦🐤🦆",
    "cafe\u0301 au lait at noon",
    "a\0b\u0001c and so much more",
    "x".repeat(4) + "violet kettle harbour morning".repeat(35),
    "?}{:;/><|~a`\"'a",
    `${"z".repeat(600)}violet kettle harbour morning`,
  ])("the policy accepts %s", async (password) => {
    expect(await policy.check(password, about)).toBeUndefined();
  });

  it.each([
    ["too short", "short but good", "too_short"],
    ["15 UTF-16 units that are 8 characters", "🦊🐻🐼🐨🐯🦁🐮a", "too_short"],
    ["15 code points that are 14 after NFC", "cafe\u0301 at lunch1", "too_short"],
    ["empty", "", "too_short"],
    ["more than 1024", "violet kettle ".repeat(74), "too_long"],
    ["no Unicode", "violet kettle \ud800 harbour", "invalid_characters"],
    ["a common one", "1qaz2wsx3edc4rfv", "too_common"],
    ["a common one in capitals", "PASSWORDSTANDARD", "too_common"],
    ["a common one in wide letters", "ｐａｓｓｗｏｒｄｓｔａｎｄａｒｄ", "too_common"],
    ["a common one doubled", "passwordpassword", "repeated"],
    ["a common one doubled with a space", "password Password", "repeated"],
    ["a common one three times", "monkeymonkeymonkey", "repeated"],
    ["one letter", "aaaaaaaaaaaaaaa", "repeated"],
    ["a few keys over and over", "asdfasdfasdfasdf", "repeated"],
    ["a few keys over and over, cut off", "abc123abc123abc", "repeated"],
    ["a short random piece repeated", "k9x!Lm2qk9x!Lm2q", "repeated"],
    ["a run of keys", "qwertyuiopasdfgh", "too_common"],
    ["a run of keys by columns", "1qaz2wsx3edc4rf", "too_common"],
    ["keys from right to left", "poiuytrewqlkjhgf", "too_common"],
    ["runs of four", "1234qwerasdfzxcv", "too_common"],
    ["the alphabet", "abcdefghijklmnop", "too_common"],
    ["the alphabet from its end", "zyxwvutsrqponmlkji", "too_common"],
    ["digits", "123456789012345", "too_common"],
    ["digits there and back", "123456787654321", "too_common"],
    ["keys with spaces", "q w e r t y u i o p", "too_common"],
    ["a common one and digits", "password123456789", "too_common"],
    ["a common one and a date", "password20241225", "too_common"],
    ["a common one and signs", "Password!!!!!!!!", "too_common"],
    ["a common one with dots", "p.a.s.s.w.o.r.d", "too_common"],
    ["a common one in disguise", "P@55w0rd12345678", "too_common"],
    ["a common one and one letter many times", `sunshine${"z".repeat(100)}`, "too_common"],
    ["two common ones", "sunshinebaseball", "too_common"],
    ["15 characters of which 7 are invisible", `🦊🐻🐼🐨🐯🦁🐮🐷${"\u200d".repeat(7)}`, "too_common"],
    ["one emoji again and again between letters", `ab${"🦊".repeat(20)}cd`, "too_common"],
    ["1000 characters that are 2000 after NFC", "\u0958".repeat(1000), "too_long"],
    ["common ones with some look-alikes", "@bc123 p@ssw0rd1", "too_common"],
    ["a piece repeated with a separator", "kqzvbxwpmtrhg-kqzvbxwpmtrhg", "repeated"],
    ["the login", "with carol.jones@example.com inside", "contains_login"],
    ["the login in capitals", "with CAROL.JONES@EXAMPLE.COM inside", "contains_login"],
    ["the login before its @", "long as carol.jones can be", "contains_login"],
    ["the login without its dot", "long as caroljones can be", "contains_login"],
    ["the product", "my long Ampho phrase", "contains_product"],
    ["the product in wide letters", "my long ａｍｐｈｏ phrase", "contains_product"],
    ["a word of the application", "violet GLOBEX corp harbour", "contains_product"],
    ["a word of the application without its separators", "violet globexcorp harbour", "contains_product"],
    ["another word of the application", "violet Kiosk7 harbour evening", "contains_product"],
  ])("the policy rejects a password that is %s", async (_, password, reason) => {
    expect(await reasonOf(password)).toBe(reason);
  });

  it("the message states the rule and how to fix the password", async () => {
    const messages = {
      "short but good": "This password is too short. Use at least 15 characters.",
      [`${"violet kettle ".repeat(74)}`]: "This password is too long. Use at most 1024 characters.",
      passwordstandard:
        "This password is too common, even with extra characters. " +
        "Use four or more unusual words, or 15 or more random characters.",
      "my long Ampho phrase": 'This password contains the name "ampho". Use a password without it.',
    };
    for (const [password, message] of Object.entries(messages))
      expect((await policy.check(password, about))?.message).toBe(message);
  });

  it("a password can contain a login of one or two characters, but not one of three", async () => {
    const password = "violet kettle harbour morning";
    expect(await reasonOf(password, "vi")).toBeUndefined();
    expect(await reasonOf(password, "me@example.com")).toBeUndefined();
    expect(await reasonOf(password, "VIO")).toBe("contains_login");
  });

  it("a login of six characters is found without its separators, and one of five only as it is", async () => {
    expect(await reasonOf("violet jodoe harbour crisp", "jo.doe@example.com")).toBe("contains_login");
    expect(await reasonOf("violet jdoe harbour crisp", "j.doe@example.com")).toBeUndefined();
    expect(await reasonOf("violet j.doe harbour crisp", "j.doe@example.com")).toBe("contains_login");
    expect(await reasonOf("violet kettle harbour crisp", "......")).toBeUndefined();
  });

  it("no message contains the password", async () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."passwordamphoé1!") }));
    await fc.assert(
      fc.asyncProperty(text, async (password) => {
        const problem = await policy.check(password, about);
        expect(problem?.message ?? "This password.").toMatch(/^This password[A-Za-z0-9 .,"@-]*\.$/);
      }),
      { seed },
    );
  });

  it("a phrase of four or more random words passes, however the words are joined", async () => {
    const phrase = fc.tuple(
      fc.array(fc.constantFrom(...words), { minLength: 4, maxLength: 8 }),
      fc.constantFrom(" ", "", "-", "_", ". "),
    );
    await fc.assert(
      fc.asyncProperty(phrase, async ([list, joint]) => {
        const password = list.join(joint);
        fc.pre(password.length >= 15 && new Set(list).size >= 4 && !/carol|ampho/.test(password));
        expect(await policy.check(password, about)).toBeUndefined();
      }),
      { seed, numRuns: 1000 },
    );
  });

  it("a phrase of three uncommon words passes when it is long enough", async () => {
    const common = new Set(dictionary["passwords-common"]);
    const uncommon = words.filter((word) => !common.has(word) && !/carol|ampho/.test(word));
    const phrase = fc.tuple(
      fc.uniqueArray(fc.constantFrom(...uncommon), { minLength: 3, maxLength: 3 }),
      fc.constantFrom(" ", "-", "_", ". "),
    );
    await fc.assert(
      fc.asyncProperty(phrase, async ([list, joint]) => {
        const password = list.join(joint);
        fc.pre(password.length >= 15);
        expect(await policy.check(password, about)).toBeUndefined();
      }),
      { seed, numRuns: 1000 },
    );
  });

  it("18 or more random characters pass", async () => {
    const character = fc.constantFrom(..."abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!?-_#");
    const random = fc
      .string({ unit: character, minLength: 18, maxLength: 64 })
      .filter((text) => new Set(text).size >= 12);
    await fc.assert(
      fc.asyncProperty(random, async (password) => {
        expect(await policy.check(password, about)).toBeUndefined();
      }),
      { seed, numRuns: 1000 },
    );
  });
});

describe("a policy with a shorter minimum", () => {
  it("a minimum of 8 still rejects common passwords, and asks other passwords only for their length", async () => {
    const short = createPasswordPolicy({ passwordMin: 8, passwordWords: [] });
    for (const password of [
      "jennifer",
      "password",
      "Password1",
      "password!",
      "monkey123",
      "12345678",
      "abcdefgh",
      "abababab",
      "trustno1trustno1",
      "sunshine sunshine sunshine",
      "sunshine1sunshine1",
      "Jennifer-jennifer",
    ])
      expect((await short.check(password, about))?.reason).toMatch(/^(?:too_common|repeated)$/);
    for (const password of ["kqzvbxwp", "Tr0ub4d&", "blue fig"])
      expect(await short.check(password, about)).toBeUndefined();
  });

  it("a minimum of 4 still rejects doubled common passwords and runs", async () => {
    const shortest = createPasswordPolicy({ passwordMin: 4, passwordWords: [] });
    for (const password of ["monkeymonkey", "choochoochoochoo", "4321", "654321", "poiuyt"])
      expect((await shortest.check(password, about))?.reason).toMatch(/^(?:too_common|repeated)$/);
    expect(await shortest.check("kqzv", about)).toBeUndefined();
  });
});
