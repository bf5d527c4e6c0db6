// The published test vectors of WebAuthn Level 3, section 16, and changes of each, signed again with the published keys. The
// file of the W3C is not in the repository. AMPHO_TEST_WEBAUTHN_VECTORS names it.
import { describe, expect, it } from "vitest";
import { verifyAssertion, verifyRegistration } from "../../../dist/factors/webauthn.js";
import { base64url, expectedRegistration, origin, rpId, type Subject, topOrigin, userHandle } from "./authenticator.js";
import { testCeremonies } from "./mutants.js";
import { reasonOf } from "./reasons.js";
import { bytesIn, privateKeyOf, readVectors, type Vector } from "./vectors.js";

const vectors = readVectors();

const topOriginsOf = ({ name }: Vector) => (/crossOrigin|topOrigin/.test(name) ? [topOrigin] : []);
const text = (values: Vector["registration"], name: string) => base64url(bytesIn(values, name));

function envelope({ registration }: Vector, response: Record<string, string>) {
  const id = text(registration, "credential_id");
  return { id, rawId: id, type: "public-key", clientExtensionResults: {}, response };
}

function registerVector(vector: Vector, topOrigins: readonly string[]) {
  const { registration } = vector;
  const clientDataJSON = text(registration, "clientDataJSON");
  const response = envelope(vector, { clientDataJSON, attestationObject: text(registration, "attestationObject") });
  const challenge = bytesIn(registration, "challenge");
  return verifyRegistration(
    expectedRegistration({ response, challenge, topOrigins, userVerification: "discouraged", upgrade: true }),
  );
}

function authenticateVector(vector: Vector, topOrigins: readonly string[]) {
  const { authentication } = vector;
  const passkey = registerVector(vector, topOriginsOf(vector));
  const names = ["clientDataJSON", "authenticatorData", "signature"];
  const parts = Object.fromEntries(names.map((name) => [name, text(authentication, name)]));
  return verifyAssertion({
    response: envelope(vector, parts),
    challenge: bytesIn(authentication, "challenge"),
    ...{ origins: [origin], rpId, topOrigins },
    ...{ credential: { ...passkey, userHandle }, userHandleRequired: false },
  });
}

function subjectOf(vector: Vector): Subject {
  const { registration, name } = vector;
  const { alg, publicKey, backupEligible } = registerVector(vector, topOriginsOf(vector));
  const [id, aaguid] = [bytesIn(registration, "credential_id"), bytesIn(registration, "aaguid")];
  return { name, alg, id, aaguid, privateKey: privateKeyOf(vector, publicKey), publicKey, backupEligible };
}

describe("the test vectors of the W3C", () => {
  const pairs = vectors.map((vector) => [vector.name, vector] as const);
  const framed = pairs.filter(([, vector]) => topOriginsOf(vector).length > 0);

  it("the section has 15 pairs, two of them in a frame", () => {
    expect([pairs.length, framed.length]).toEqual([15, 2]);
  });

  it.each(pairs)("the registration and the authentication of %s are accepted (W-46)", (_name, vector) => {
    const passkey = registerVector(vector, topOriginsOf(vector));
    expect(passkey.id).toBe(text(vector.registration, "credential_id"));
    expect(passkey.aaguid.replaceAll("-", "")).toBe(bytesIn(vector.registration, "aaguid").toString("hex"));
    expect(authenticateVector(vector, topOriginsOf(vector))).toMatchObject({ signCount: 0, counter: "ok" });
  });

  it.each(framed)("%s is rejected without its top origin (W-24)", (_name, vector) => {
    expect(reasonOf(() => registerVector(vector, []))).toBe("cross_origin");
    expect(reasonOf(() => authenticateVector(vector, []))).toBe("cross_origin");
  });
});

describe("ceremonies with the keys of the W3C", () => {
  testCeremonies(vectors.map(subjectOf));
});
