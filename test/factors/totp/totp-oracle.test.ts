// TOTP against otpauth, an implementation that applications of both sides use.
import fc from "fast-check";
import { HOTP, Secret, TOTP, URI } from "otpauth";
import { describe, expect, it } from "vitest";
import { findStep, otpauthUri, totpCode, totpSecretText } from "../../../dist/factors/totp/totp.js";

const seeds = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => Buffer.from(bytes));
const times = fc.integer({ min: 30, max: 253_402_300_799 });
const secretOf = (seed: Buffer) => Secret.fromHex(seed.toString("hex"));

describe("otpauth as an oracle", () => {
  it("otpauth computes the same code for every seed and step", () => {
    fc.assert(
      fc.property(seeds, fc.nat({ max: 2 ** 40 }), (seed, counter) => {
        expect(totpCode(seed, counter)).toBe(HOTP.generate({ secret: secretOf(seed), counter }));
      }),
    );
  });

  it("otpauth finds a code in the same step, within one step of the clock", () => {
    fc.assert(
      fc.property(seeds, times, fc.integer({ min: -90, max: 90 }), (seed, now, skew) => {
        const theirs = { secret: secretOf(seed), timestamp: now * 1000 };
        const code = TOTP.generate({ ...theirs, timestamp: Math.max(0, now + skew) * 1000 });
        const delta = TOTP.validate({ ...theirs, token: code, window: 1 });
        const found = findStep(seed, code, now);
        expect(found === undefined).toBe(delta === null);
        // Two steps can have one code. otpauth returns any of them.
        if (found !== undefined) expect(totpCode(seed, Math.floor(now / 30) + Number(delta))).toBe(code);
      }),
    );
  });

  it("otpauth finds a guessed code where we do", () => {
    const secret = secretOf(Buffer.alloc(20, 3));
    const guess = fc.nat({ max: 999_999 }).map((number) => String(number).padStart(6, "0"));
    fc.assert(
      fc.property(guess, times, (token, now) => {
        const delta = TOTP.validate({ secret, token, timestamp: now * 1000, window: 1 });
        expect(findStep(Buffer.alloc(20, 3), token, now) === undefined).toBe(delta === null);
      }),
      { numRuns: 300 },
    );
  });

  it("otpauth reads the same secret from its text", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(totpSecretText(seed)).toBe(secretOf(seed).base32);
      }),
    );
  });

  it("otpauth reads seed, login and issuer from the URI", () => {
    // The format allows no colon, and otpauth reads no empty part.
    const part = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }).filter((text) => !/^\s|\s$|:/.test(text));
    fc.assert(
      fc.property(seeds, part, fc.option(part, { nil: undefined }), (seed, login, issuer) => {
        const read = URI.parse(otpauthUri(seed, login, issuer));
        expect(read).toBeInstanceOf(TOTP);
        expect(read).toMatchObject({ algorithm: "SHA1", digits: 6, period: 30, label: login, issuer: issuer ?? "" });
        expect(read.secret.hex).toBe(seed.toString("hex").toUpperCase());
      }),
    );
  });
});
