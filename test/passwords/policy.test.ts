import { dictionary } from "@zxcvbn-ts/language-common";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPasswordPolicy } from "../../dist/passwords/policy.js";

const seed = 20260101;
const about = { login: "carol.jones@example.com" };
const policy = createPasswordPolicy({ min: 15, product: "ampho" });
const words = dictionary["diceware-common"].filter((word) => /^[a-z]{3,}$/.test(word));

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
  ])("may be %s", async (password) => {
    expect(await policy.check(password, about)).toBeUndefined();
  });

  it.each([
    ["too short", "short but good", "at least 15 characters"],
    ["15 UTF-16 units that are 8 characters", "🦊🐻🐼🐨🐯🦁🐮a", "at least 15"],
    ["15 code points that are 14 after NFC", "cafe\u0301 at lunch1", "at least 15"],
    ["empty", "", "at least 15"],
    ["more than 1024", "violet kettle ".repeat(74), "at most 1024"],
    ["no Unicode", "violet kettle \ud800 harbour", "well-formed"],
    ["a common one", "1qaz2wsx3edc4rfv", "common"],
    ["a common one in capitals", "PASSWORDSTANDARD", "common"],
    ["a common one in wide letters", "ｐａｓｓｗｏｒｄｓｔａｎｄａｒｄ", "common"],
    ["a common one doubled", "passwordpassword", "repeated"],
    ["a common one doubled with a space", "password Password", "repeated"],
    ["a common one three times", "monkeymonkeymonkey", "repeated"],
    ["one letter", "aaaaaaaaaaaaaaa", "repeated"],
    ["a few keys over and over", "asdfasdfasdfasdf", "repeated"],
    ["a few keys over and over, cut off", "abc123abc123abc", "repeated"],
    ["a short random piece repeated", "k9x!Lm2qk9x!Lm2q", "repeated"],
    ["a run of keys", "qwertyuiopasdfgh", "common"],
    ["a run of keys by columns", "1qaz2wsx3edc4rf", "common"],
    ["keys from right to left", "poiuytrewqlkjhgf", "common"],
    ["runs of four", "1234qwerasdfzxcv", "common"],
    ["the alphabet", "abcdefghijklmnop", "common"],
    ["the alphabet from its end", "zyxwvutsrqponmlkji", "common"],
    ["digits", "123456789012345", "common"],
    ["digits there and back", "123456787654321", "common"],
    ["keys with spaces", "q w e r t y u i o p", "common"],
    ["a common one and digits", "password123456789", "common"],
    ["a common one and a date", "password20241225", "common"],
    ["a common one and signs", "Password!!!!!!!!", "common"],
    ["a common one with dots", "p.a.s.s.w.o.r.d", "common"],
    ["a common one in disguise", "P@55w0rd12345678", "common"],
    ["a common one and one letter many times", `sunshine${"z".repeat(100)}`, "common"],
    ["two common ones", "sunshinebaseball", "common"],
    ["the login", "with carol.jones@example.com inside", "the login"],
    ["the login in capitals", "with CAROL.JONES@EXAMPLE.COM inside", "the login"],
    ["the login before its @", "long as carol.jones may be", "the login"],
    ["the login without its dot", "long as caroljones may be", "the login"],
    ["the product", "my long Ampho phrase", "the product"],
    ["the product in wide letters", "my long ａｍｐｈｏ phrase", "the product"],
  ])("is refused when it is %s", async (_, password, reason) => {
    expect(await policy.check(password, about)).toContain(reason);
  });

  it("may hold a login of one or two characters, and not one of three", async () => {
    const password = "violet kettle harbour morning";
    expect(await policy.check(password, { ...about, login: "vi" })).toBeUndefined();
    expect(await policy.check(password, { ...about, login: "me@example.com" })).toBeUndefined();
    expect(await policy.check(password, { ...about, login: "VIO" })).toContain("the login");
  });

  it("is never repeated in the reason", async () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."passwordamphoé1!") }));
    await fc.assert(
      fc.asyncProperty(text, async (password) => {
        const reason = await policy.check(password, about);
        expect(reason ?? "A password.").toMatch(/^A password[A-Za-z0-9 ,-]*\.$/);
      }),
      { seed },
    );
  });

  it("passes as a phrase of four or more random words, however they are joined", async () => {
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

  it("passes as random characters", async () => {
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

describe("a shorter minimum", () => {
  it("still refuses common passwords, and asks no more of others than their length", async () => {
    const short = createPasswordPolicy({ min: 8, product: "ampho" });
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
      expect(await short.check(password, about)).toMatch(/common|repeated/);
    for (const password of ["kqzvbxwp", "Tr0ub4d&", "blue fig"])
      expect(await short.check(password, about)).toBeUndefined();
  });

  it("refuses common passwords doubled, and runs, however short it is", async () => {
    const shortest = createPasswordPolicy({ min: 4, product: "ampho" });
    for (const password of ["monkeymonkey", "choochoochoochoo", "4321", "654321", "poiuyt"])
      expect(await shortest.check(password, about)).toMatch(/common|repeated/);
    expect(await shortest.check("kqzv", about)).toBeUndefined();
  });
});
