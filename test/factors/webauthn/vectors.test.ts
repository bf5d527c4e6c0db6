// The published test vectors of WebAuthn Level 3, section 16, and changes of each, signed again with the published keys.
import { describe, expect, it } from "vitest";
import { verifyAssertion, verifyRegistration } from "../../../dist/factors/passkey/webauthn.js";
import { base64url, expectedRegistration, origin, rpId, topOrigin, userHandle } from "./authenticator.js";
import { testCeremonies } from "./mutants.js";
import { createPublishedPairs, type PublishedPair } from "./published.js";
import { reasonOf } from "./reasons.js";

const topOriginsOf = ({ framed }: PublishedPair) => (framed ? [topOrigin] : []);

function registerPair(pair: PublishedPair, topOrigins = topOriginsOf(pair)) {
  const { registration: response, registrationChallenge: challenge } = pair;
  return verifyRegistration(expectedRegistration({ response, challenge, topOrigins, userVerification: "discouraged" }));
}

function authenticatePair(pair: PublishedPair, topOrigins = topOriginsOf(pair)) {
  return verifyAssertion({
    response: pair.authentication,
    challenge: pair.authenticationChallenge,
    origins: [origin],
    rpId,
    topOrigins,
    credential: { ...registerPair(pair), userHandle },
    userHandleRequired: false,
  });
}

const pairs = createPublishedPairs();

describe("the test vectors of the W3C", () => {
  const named = pairs.map((pair) => [pair.name, pair] as const);

  it("the section has 15 pairs, two of them in a frame", () => {
    expect([pairs.length, pairs.filter(({ framed }) => framed).length]).toEqual([15, 2]);
  });

  it.each(named)("every byte of %s is the published one", (_name, { hash, publishedHash }) => {
    expect(hash).toBe(publishedHash);
  });

  it.each(named)("the registration and the authentication of %s are accepted", (_name, pair) => {
    const passkey = registerPair(pair);
    expect(passkey.id).toBe(base64url(pair.subject.id));
    expect(passkey.aaguid.replaceAll("-", "")).toBe(pair.subject.aaguid.toString("hex"));
    expect(passkey.publicKey).toEqual(pair.subject.publicKey);
    expect(authenticatePair(pair)).toMatchObject({ signCount: 0, counter: "ok" });
  });

  it.each(named.filter(([, { framed }]) => framed))("%s is rejected without its top origin", (_name, pair) => {
    expect(reasonOf(() => registerPair(pair, []))).toBe("cross_origin");
    expect(reasonOf(() => authenticatePair(pair, []))).toBe("cross_origin");
  });
});

describe("ceremonies with the keys of the W3C", () => {
  testCeremonies(pairs.map(({ subject }) => subject));
});
