import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRecoveryCodes, recoveryHash } from "../../../dist/factors/recovery/recovery-codes.js";

const [code = ""] = createRecoveryCodes();
const hash = recoveryHash(code);

describe("a set of recovery codes", () => {
  it("a set has eight codes of 24 characters, in groups of four", () => {
    const codes = createRecoveryCodes();
    expect(codes).toHaveLength(8);
    for (const one of codes) expect(one).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){5}$/);
  });

  it("no code comes twice, and each character occurs everywhere", () => {
    const codes = Array.from({ length: 200 }, createRecoveryCodes).flat();
    expect(new Set(codes).size).toBe(1600);
    for (let at = 0; at < 24; at++)
      expect(new Set(codes.map((one) => one.replaceAll("-", "").charAt(at))).size).toBe(32);
  });
});

describe("the hash of a recovery code", () => {
  it("the hash is the SHA-256 of the code without dashes", () => {
    expect(hash).toBe(createHash("sha256").update(code.replaceAll("-", "")).digest("base64url"));
    expect(recoveryHash(createRecoveryCodes()[0] ?? "")).not.toBe(hash);
  });

  it("every spelling of a code has one hash", () => {
    const likeness: Readonly<Record<string, readonly string[]>> = {
      "0": ["O", "o", "0"],
      "1": ["I", "i", "L", "l", "1"],
    };
    const spelling = fc.tuple(
      ...[...code].map((character) =>
        character === "-"
          ? fc.constantFrom("-", "", " ", " - ", "--")
          : fc.constantFrom(...(likeness[character] ?? [character, character.toLowerCase()])),
      ),
    );
    fc.assert(
      fc.property(spelling, fc.constantFrom("", " "), (characters, around) => {
        expect(recoveryHash(`${around}${characters.join("")}${around}`)).toBe(hash);
      }),
    );
  });

  it("the letters O, I and L are read as digits", () => {
    expect(recoveryHash("OOOO-oooo-IIII-iiii-LLLL-llll")).toBe(recoveryHash("0000-0000-1111-1111-1111-1111"));
  });

  it("a code with one other character has another hash", () => {
    const at = fc.integer({ min: 0, max: code.length - 1 }).filter((index) => code.charAt(index) !== "-");
    const other = fc.constantFrom(..."0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    fc.assert(
      fc.property(at, other, (index, character) => {
        const changed = code.slice(0, index) + character + code.slice(index + 1);
        expect(recoveryHash(changed) === hash).toBe(changed === code);
      }),
    );
  });

  it.each([
    ["no characters", ""],
    ["only dashes", "-".repeat(29)],
    ["a character too few", code.slice(1)],
    ["a character too many", `${code}0`],
    ["the letter U", code.replace(/^./, "U")],
    ["a full-width digit", code.replace(/^./, "１")],
    ["a dotless i, which is an I in upper case", code.replace(/^./, "ı")],
    ["a long s, which is an S in upper case", code.replace(/^./, "ſ")],
    ["a line end", `${code}\n`],
    ["a tab", code.replace("-", "\t")],
    ["an underscore", code.replace("-", "_")],
  ])("a text with %s is no code", (_what, text) => {
    expect(recoveryHash(text)).toBeUndefined();
  });
});
