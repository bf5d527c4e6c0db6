import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { estimateMs, readKind, writeKind } from "../../dist/passwords/cost.js";
import { identifyHash } from "../../dist/passwords/formats/formats.js";
import { hashOfNothing } from "../../dist/passwords/hash.js";

describe("the kind of a hash", () => {
  it("is read as it was written, its units rounded up to two digits", () => {
    const units = fc.integer({ min: 1, max: 5_000_000 });
    fc.assert(
      fc.property(units, (exact) => {
        const kind = readKind(writeKind({ format: "django-pbkdf2-sha256", primitive: "pbkdf2-sha256", units: exact }));
        expect(kind).toMatchObject({ format: "django-pbkdf2-sha256", primitive: "pbkdf2-sha256" });
        expect(kind?.units).toBeGreaterThanOrEqual(exact);
        expect(kind?.units).toBeLessThan(exact * 1.1 + 1);
      }),
    );
  });

  it("is one of few, however many costs were drawn by lot", () => {
    const kinds = new Set<string>();
    for (let units = 500_000; units < 600_000; units += 7)
      kinds.add(writeKind({ format: "f", primitive: "sha512", units }));
    expect(kinds.size).toBeLessThanOrEqual(11);
  });

  it.each(["", "bcrypt", "bcrypt bcrypt", "bcrypt bcrypt 0", "bcrypt constructor 16", "a b c 1", "f md5 1e9"])(
    "is none: %s",
    (text) => {
      expect(readKind(text)).toBeUndefined();
    },
  );

  it("of what is made today is none of its own", () => {
    expect(identifyHash(hashOfNothing)).toEqual({ format: "argon2id", kind: undefined });
  });

  it("costs more with more rounds, and with longer passwords where the format takes them in every round", () => {
    const cost = (units: number) => ({ primitive: "sha512", units }) as const;
    expect(estimateMs(cost(2000), 8)).toBe(2 * estimateMs(cost(1000), 8));
    expect(estimateMs(cost(1000), 800)).toBeGreaterThan(estimateMs(cost(1000), 8));
    expect(estimateMs({ primitive: "bcrypt", units: 16 }, 800)).toBe(estimateMs({ primitive: "bcrypt", units: 16 }, 8));
  });
});
