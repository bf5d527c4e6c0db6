// @simplewebauthn/server as an oracle: it accepts what we accept. It also accepts what the last table lists, and we do not.
import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { offeredAlgorithms } from "../../../dist/factors/cose.js";
import {
  type Assertion,
  type RegisteredPasskey,
  type RegistrationCeremony,
  type VerifiedAssertion,
  verifyAssertion,
  verifyRegistration,
} from "../../../dist/factors/webauthn.js";
import { WebAuthnError } from "../../../dist/factors/webauthn-error.js";
import {
  authenticate,
  base64url,
  bytesOf,
  challenge,
  coseKey,
  coseMap,
  createSubject,
  expectedAssertion,
  expectedRegistration,
  flag,
  noAttestation,
  origin,
  type Parts,
  register,
  rpId,
  type Subject,
  selfAttestation,
  sha256,
  topOrigin,
} from "./authenticator.js";
import { type Encodable, encodeCbor, Raw } from "./cbor-encode.js";
import { reasonOf } from "./reasons.js";

const subjects = offeredAlgorithms.map((alg, index) => createSubject(alg, { backupEligible: index !== 1 }));
const [es256, rs256, ed25519] = [-7, -257, -8].map((alg) => createSubject(alg)) as [Subject, Subject, Subject];

const common = { expectedChallenge: base64url(challenge), expectedOrigin: origin, expectedRPID: rpId };

/** The oracle's result for the same response and the same settings. Undefined for a rejection. */
async function oracleRegistration({ response, userVerification, upgrade }: RegistrationCeremony) {
  try {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      ...common,
      response: response as ReturnType<typeof register>,
      requireUserPresence: upgrade !== true,
      requireUserVerification: userVerification === "required",
      supportedAlgorithmIDs: [...offeredAlgorithms],
    });
    return verified ? registrationInfo : undefined;
  } catch {
    return undefined;
  }
}

async function oracleAssertion(subject: Subject, { response, credential, topOrigins }: Assertion) {
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      ...common,
      ...(topOrigins === undefined ? {} : { expectedTopOrigin: [...topOrigins] }),
      response: response as ReturnType<typeof authenticate>,
      requireUserVerification: false,
      credential: {
        id: credential.id,
        publicKey: new Uint8Array(encodeCbor(coseKey(subject))),
        counter: credential.signCount,
      },
    });
    return verified ? authenticationInfo : undefined;
  } catch {
    return undefined;
  }
}

function accepted<T>(ceremony: () => T): T | undefined {
  try {
    return ceremony();
  } catch (error) {
    if (error instanceof WebAuthnError) return undefined;
    throw error;
  }
}

const registrationOf = (change: Partial<RegistrationCeremony>) =>
  expectedRegistration({ algorithms: offeredAlgorithms, ...change });

/** Most values are right, so that many of the ceremonies are accepted. */
const extensions = fc.dictionary(fc.string({ maxLength: 12 }), fc.oneof(fc.nat(), fc.boolean()), { maxKeys: 4 });
const unknownMembers = fc.dictionary(fc.string({ maxLength: 12 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 });
const changes = fc
  .record({
    flags: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 255 })),
    signCount: fc.integer({ min: 0, max: 0xffffffff }),
    wrongHost: fc.integer({ min: 0, max: 9 }),
    members: unknownMembers,
    crossOrigin: fc.constantFrom(undefined, false, false, false, true),
    topOrigin: fc.constantFrom(undefined, undefined, undefined, topOrigin),
    extensions: fc.option(extensions, { nil: undefined }),
    id: fc.uint8Array({ minLength: 1, maxLength: 1023 }),
    statement: fc.constantFrom(noAttestation, selfAttestation),
    replacedOrigin: fc.constantFrom(
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      "https://example.org.",
      rpId,
    ),
  })
  .map(({ members, crossOrigin, replacedOrigin, wrongHost, ...change }) => ({
    ...change,
    clientData: {
      ...members,
      ...(crossOrigin === undefined ? {} : { crossOrigin }),
      ...(change.topOrigin === undefined ? {} : { topOrigin: change.topOrigin }),
      origin: replacedOrigin ?? origin,
    },
    rpIdHash: sha256(wrongHost === 0 ? "example.com" : rpId),
  }));

type Change = typeof changes extends fc.Arbitrary<infer T> ? T : never;

function partsOf(change: Change, right: number): Partial<Parts> {
  const { extensions: output, flags, topOrigin: _top, ...parts } = change;
  const rest = output === undefined ? Buffer.alloc(0) : encodeCbor(new Map<string, Encodable>(Object.entries(output)));
  const set = (flags === 0 ? right : flags) | (output === undefined ? 0 : flag.ed);
  return { ...parts, id: Buffer.from(change.id), rest, flags: set };
}

const users = fc.constantFrom(...subjects);
const verification = fc.constantFrom("required" as const, "discouraged" as const);
const backup = ({ backupEligible }: Subject) => (backupEligible ? flag.be : 0);

describe("the oracle", () => {
  it("the oracle accepts every registration that we accept, with the same contents (W-46)", async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        users,
        changes,
        verification,
        fc.boolean(),
        async (subject, change, userVerification, upgrade) => {
          const right = flag.up | flag.uv | flag.at | backup(subject);
          const response = register(subject, challenge, partsOf(change, right));
          const expected = registrationOf({ response, userVerification, upgrade, topOrigins: [topOrigin] });
          const ours: RegisteredPasskey | undefined = accepted(() => verifyRegistration(expected));
          if (ours === undefined) return;
          count++;
          const theirs = await oracleRegistration(expected);
          expect(theirs).toMatchObject({
            aaguid: ours.aaguid,
            userVerified: ours.userVerified,
            credentialBackedUp: ours.backedUp,
            credentialDeviceType: ours.backupEligible ? "multiDevice" : "singleDevice",
            credential: { id: ours.id, counter: ours.signCount },
          });
          expect(Buffer.from(theirs?.credential.publicKey ?? [])).toEqual(encodeCbor(coseKey(subject)));
        },
      ),
      { numRuns: 400 },
    );
    expect(count).toBeGreaterThan(20);
  });

  it("the oracle accepts every authentication that we accept, and judges the counter alike (W-46)", async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(users, changes, fc.nat({ max: 2 }), async (subject, change, before) => {
        const right = flag.up | flag.uv | backup(subject);
        const { id: _id, ...parts } = partsOf(change, right);
        const response = authenticate(subject, challenge, parts);
        const expected = expectedAssertion(subject, { response, topOrigins: [topOrigin] });
        const signCount = Math.max(0, change.signCount - before);
        const assertion = { ...expected, credential: { ...expected.credential, signCount } };
        const ours: VerifiedAssertion | undefined = accepted(() => verifyAssertion(assertion));
        if (ours === undefined) return;
        count++;
        const theirs = await oracleAssertion(subject, assertion);
        const { userVerified, backedUp, signCount: newCounter, counter } = ours;
        if (counter === "behind") expect(theirs).toBeUndefined();
        else expect(theirs).toMatchObject({ userVerified, credentialBackedUp: backedUp, newCounter });
      }),
      { numRuns: 400 },
    );
    expect(count).toBeGreaterThan(20);
  });

  const json = (text: string) => ({ clientDataBytes: Buffer.from(text) });
  const members = (type: string) => `"type":"${type}","challenge":"${base64url(challenge)}","origin":"${origin}"`;
  const tail = (bytes: Buffer, end: Buffer) => base64url(Buffer.concat([bytes, end]));
  const sent = register(es256, challenge).response;
  const sentObject = bytesOf(sent.attestationObject);
  const rsa = (n: Buffer, e: Buffer) => coseMap([1, 3], [3, -257], [-1, n], [-2, e]);
  const neutral = Buffer.from(`01${"00".repeat(31)}`, "hex");
  const other = base64url(Buffer.alloc(32, 5));

  /** Registrations that the oracle accepts and Ampho rejects, with the reason of Ampho. */
  const onlyTheirRegistrations: readonly (readonly [string, string, Subject, Partial<Parts>])[] = [
    ["a frame of another origin", "cross_origin", es256, { clientData: { crossOrigin: true } }],
    ["a top origin without a frame", "top_origin", es256, { clientData: { topOrigin } }],
    ["a repeated member of the client data", "client_data", es256, json(`{"type":"x",${members("webauthn.create")}}`)],
    [
      "half of a surrogate pair in the client data",
      "client_data",
      es256,
      json(`{${members("webauthn.create")},"other":"\\ud800"}`),
    ],
    [
      "invalid UTF-8 in the client data",
      "client_data",
      es256,
      { clientDataBytes: Buffer.from(`{${members("webauthn.create")},"other":"\xff"}`, "latin1") },
    ],
    ["client data of more than 4096 bytes", "response", es256, { clientData: { other: "a".repeat(4096) } }],
    [
      "base64url with padding",
      "response",
      es256,
      { response: { clientDataJSON: `${base64url(Buffer.from(`{${members("webauthn.create")}} `))}=` } },
    ],
    [
      "bytes after the attestation object",
      "attestation_object",
      es256,
      { response: { attestationObject: tail(sentObject, Buffer.of(0)) } },
    ],
    [
      "a tag in the extensions",
      "authenticator_data",
      es256,
      { flags: 0xcd, rest: encodeCbor(new Map([["a", new Raw("c100")]])) },
    ],
    [
      "a float in the extensions",
      "authenticator_data",
      es256,
      { flags: 0xcd, rest: encodeCbor(new Map([["a", new Raw("fb3ff199999999999a")]])) },
    ],
    ["a reserved flag", "authenticator_data", es256, { flags: 0x4f }],
    ["an id of 1024 bytes", "credential_id", es256, { id: Buffer.alloc(1024, 1) }],
    ["an id that differs from the signed one", "credential_id", es256, { outer: { id: other, rawId: other } }],
    ["a key with more parameters", "public_key", es256, { key: new Map([...coseKey(es256), [-70_000, 1]]) }],
    [
      "a point that is not on the curve",
      "public_key",
      es256,
      { key: new Map([...coseKey(es256), [-3, Buffer.alloc(32, 1)]]) },
    ],
    [
      "a curve that is not the one of the algorithm",
      "public_key",
      es256,
      { key: new Map([...coseKey(es256), [-1, 2]]) },
    ],
    ["an RSA key of 1024 bits", "public_key", rs256, { key: rsa(Buffer.alloc(128, 0xd7), Buffer.of(1, 0, 1)) }],
    ["an RSA key of 8192 bits", "public_key", rs256, { key: rsa(Buffer.alloc(1024, 0xd7), Buffer.of(1, 0, 1)) }],
    ["an RSA exponent of 1", "public_key", rs256, { key: rsa(Buffer.alloc(256, 0xd7), Buffer.of(1)) }],
    ["a point of small order", "public_key", ed25519, { key: coseMap([1, 1], [3, -8], [-1, 6], [-2, neutral]) }],
    [
      "the EdDSA keys of Firefox 117, which are no valid CBOR",
      "authenticator_data",
      ed25519,
      { key: firefox117(ed25519) },
    ],
  ];

  function firefox117({ publicKey }: Subject): Raw {
    const head = Buffer.from("a301634f4b500327206745643235353139", "hex");
    return new Raw(Buffer.concat([head, Buffer.of(0x21), encodeCbor(bytesOf(publicKey.x))]));
  }

  it.each(onlyTheirRegistrations)(
    "a registration with %s is accepted by the oracle and not by us",
    async (_name, reason, subject, change) => {
      const expected = registrationOf({ response: register(subject, challenge, change) });
      expect(reasonOf(() => verifyRegistration(expected))).toBe(reason);
      expect(await oracleRegistration(expected)).toBeDefined();
    },
  );

  /** Authentications that the oracle accepts and Ampho rejects. */
  const onlyTheirAuthentications: readonly (readonly [string, string, Partial<Parts>])[] = [
    ["a frame whose top origin is unknown", "cross_origin", { clientData: { crossOrigin: true } }],
    ["a repeated member of the client data", "client_data", json(`{"type":"x",${members("webauthn.get")}}`)],
    [
      "half of a surrogate pair in the client data",
      "client_data",
      json(`{${members("webauthn.get")},"other":"\\ud800"}`),
    ],
    ["client data of more than 4096 bytes", "response", { clientData: { other: "a".repeat(4096) } }],
    ["another backup eligibility", "backup_eligibility", { flags: 0x05 }],
    ["a reserved flag", "authenticator_data", { flags: 0x0f }],
    ["the user handle of another account", "user_handle", { response: { userHandle: other } }],
    ["the id of another credential", "credential_id", { outer: { id: other, rawId: other } }],
  ];

  it.each(onlyTheirAuthentications)(
    "an authentication with %s is accepted by the oracle and not by us",
    async (_name, reason, change) => {
      const expected = expectedAssertion(es256, { response: authenticate(es256, challenge, change) });
      expect(reasonOf(() => verifyAssertion(expected))).toBe(reason);
      expect(await oracleAssertion(es256, expected)).toBeDefined();
    },
  );
});
