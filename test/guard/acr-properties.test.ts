// The requirement `acr` over all levels, and over texts that are none: a login passes exactly from the required level on.
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Acr, acrs } from "../../dist/levels/acr.js";
import { createVerifier } from "../../dist/verify/verifier.js";
import { foreignToken, newKey } from "../world/tokens.js";

const key = newKey("key-1");
const { host } = createVerifier({ keys: key });
const seconds = Math.floor(Date.now() / 1000);

function decisionFor(acr: string | undefined, required: Acr): unknown {
  const token = foreignToken(key, { login: "ann", exp: seconds + 600, auth_time: seconds, acr });
  try {
    return host.guard(`Bearer ${token}`, { acr: required, maxAge: 600 }, undefined);
  } catch (error) {
    return error;
  }
}

const isAllowed = expect.objectContaining({ login: "ann" });
const isTooWeak = (acr: Acr) =>
  expect.objectContaining({ code: "login_too_weak", details: { acr, maxAgeSeconds: 600 } });

it("a login is allowed exactly where its level is the required level or a higher one", () => {
  const level = fc.constantFrom(...acrs);
  fc.assert(
    fc.property(level, level, (acr, required) => {
      const expected = acrs.indexOf(acr) >= acrs.indexOf(required) ? isAllowed : isTooWeak(required);
      expect(decisionFor(acr, required)).toEqual(expected);
    }),
  );
});

it("a login with no level or a foreign level is never allowed where a level is required", () => {
  const near = fc
    .constantFrom(...acrs)
    .chain((acr) => fc.constantFrom(`${acr} `, ` ${acr}`, acr.toUpperCase(), acr[0]));
  const foreign = fc.oneof(
    fc.string({ minLength: 1 }),
    near,
    fc.constantFrom(undefined, "0", "9", "length", "__proto__"),
  );
  fc.assert(
    fc.property(
      foreign.filter((acr) => !acrs.some((known) => known === acr)),
      fc.constantFrom(...acrs),
      (acr, required) => {
        expect(decisionFor(acr, required)).toEqual(isTooWeak(required));
      },
    ),
  );
});
