// Levels in their order, and the level that methods reach.
import { describe, expect, it } from "vitest";
import { acrs, rankOfAcr, reaches } from "../../dist/levels/acr.js";
import { acrOf, withMfa } from "../../dist/levels/methods.js";

describe("a level", () => {
  it("a level reaches itself and every weaker level, and no stronger one", () => {
    expect(acrs.map((acr) => acrs.map((required) => reaches(acr, required)))).toEqual([
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
  });

  it.each([undefined, "", "0", "2FA", "2fa ", "3fa", "aal2", "constructor", "urn:mace:incommon:iap:silver"])(
    "the unknown level %j reaches no level",
    (acr) => {
      expect(rankOfAcr(acr)).toBe(0);
      expect(acrs.filter((required) => reaches(acr, required))).toEqual([]);
    },
  );

  it("no level reaches an unknown requirement", () => {
    expect([undefined, "", "aal2", ...acrs].filter((acr) => Reflect.apply(reaches, undefined, [acr, "aal2"]))).toEqual(
      [],
    );
  });
});

describe("the methods of a login", () => {
  it.each([
    [["pwd"], ["pwd"], "1fa"],
    [["pwd", "mail"], ["pwd", "mail"], "1fa"],
    [["fed"], ["fed"], "1fa"],
    [["pwd", "dev"], ["pwd", "dev"], "1fa"],
    [[], [], "1fa"],
    [["pwd", "otp"], ["pwd", "otp", "mfa"], "2fa"],
    [["mail", "rec"], ["mail", "rec", "mfa"], "2fa"],
    [["pwd", "otp", "mfa"], ["pwd", "otp", "mfa"], "2fa"],
    [["pwd", "OTP"], ["pwd", "OTP"], "1fa"],
    [["pwd", "swk"], ["pwd", "swk", "mfa"], "phr"],
    [["hwk", "mfa"], ["hwk", "mfa"], "phr"],
    [["pwd", "otp", "hwk"], ["pwd", "otp", "hwk", "mfa"], "phr"],
  ])("the methods %j become %j at the level %s", (proven, amr, acr) => {
    expect(withMfa(proven)).toEqual(amr);
    expect(acrOf(withMfa(proven))).toBe(acr);
  });
});
