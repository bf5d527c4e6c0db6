// @simplewebauthn/server as an oracle: it accepts what we accept. docs/guides/passkeys.md lists the exceptions, and what the oracle
// accepts and we reject. Each bullet of the page has its rows here.
import { readFileSync } from "node:fs";
import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { offeredAlgorithms } from "../../../dist/factors/passkey/cose.js";
import {
  type Assertion,
  type RegisteredPasskey,
  type RegistrationCeremony,
  type VerifiedAssertion,
  verifyAssertion,
  verifyRegistration,
} from "../../../dist/factors/passkey/webauthn.js";
import { WebAuthnError } from "../../../dist/factors/passkey/webauthn-response.js";
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
  signWith,
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
  it("the oracle accepts every registration that we accept, with the same contents", async () => {
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

  it("the oracle accepts every authentication that we accept, and judges the counter alike", async () => {
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
  const create = (more: string) => json(`{${members("webauthn.create")},${more}}`);
  const get = (more: string) => json(`{${members("webauthn.get")},${more}}`);
  const nested = (levels: number) => `"other":${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
  const invalidUtf8 = (type: string) => ({
    clientDataBytes: Buffer.from(`{${members(type)},"other":"\xff"}`, "latin1"),
  });
  const tail = (bytes: Buffer, end: Buffer) => base64url(Buffer.concat([bytes, end]));
  const sent = register(es256, challenge).response;
  const sentObject = bytesOf(sent.attestationObject);
  const rsa = (n: Buffer, e: Buffer) => coseMap([1, 3], [3, -257], [-1, n], [-2, e]);
  const neutral = Buffer.from(`01${"00".repeat(31)}`, "hex");
  const other = base64url(Buffer.alloc(32, 5));
  const attested = Buffer.concat([Buffer.alloc(16), Buffer.of(0, 1, 7), encodeCbor(coseKey(es256))]);
  const extension = (value: Encodable) => ({ rest: encodeCbor(new Map([["a", value]])) });
  const deep = Array.from({ length: 9 }).reduce<Encodable>((inner) => [inner], 1);
  const wide = { rest: encodeCbor(new Map(Array.from({ length: 65 }, (_, at) => [at, at]))) };
  /** The client data, whose length leaves bits of the last character unused. One of them is set. */
  const unusedBit = (type: string) => {
    const bytes = Buffer.from(`{${members(type)}}`);
    const text = base64url(bytes.length % 3 === 0 ? Buffer.concat([bytes, Buffer.from(" ")]) : bytes);
    const last = String.fromCharCode((text.at(-1) ?? "").charCodeAt(0) + 1);
    return { response: { clientDataJSON: `${text.slice(0, -1)}${last}` } };
  };
  const padded = (type: string) => ({
    response: { clientDataJSON: `${base64url(Buffer.from(`{${members(type)}} `))}=` },
  });

  function firefox117({ publicKey }: Subject): Raw {
    const head = Buffer.from("a301634f4b500327206745643235353139", "hex");
    return new Raw(Buffer.concat([head, Buffer.of(0x21), encodeCbor(bytesOf(publicKey.x))]));
  }

  type Rows<Row> = Readonly<Record<string, readonly Row[]>>;

  /** Registrations that the oracle accepts and Ampho rejects, with the reason of Ampho, below the bullets of the page. */
  const onlyTheirRegistrations: Rows<readonly [name: string, reason: string, Subject, Partial<Parts>]> = {
    "a frame of another origin, or a top origin": [
      ["a frame of another origin", "cross_origin", es256, { clientData: { crossOrigin: true } }],
      ["a top origin without a frame", "top_origin", es256, { clientData: { topOrigin } }],
    ],
    "a member `crossOrigin` that is not true or false": [
      ["a text as `crossOrigin`", "cross_origin", es256, { clientData: { crossOrigin: "true" } }],
      ["null as `crossOrigin`", "cross_origin", es256, { clientData: { crossOrigin: null } }],
    ],
    "a repeated member, half of a surrogate pair, invalid UTF-8, or objects in more than 64 levels": [
      ["a repeated member", "client_data", es256, json(`{"type":"x",${members("webauthn.create")}}`)],
      ["half of a surrogate pair", "client_data", es256, create('"other":"\\ud800"')],
      ["invalid UTF-8", "client_data", es256, invalidUtf8("webauthn.create")],
      ["objects in 65 levels", "client_data", es256, create(nested(65))],
    ],
    "more than 4096 bytes": [
      ["client data of more than 4096 bytes", "response", es256, { clientData: { other: "a".repeat(4096) } }],
    ],
    "base64url with padding, or with unused bits that are not zero": [
      ["padding", "response", es256, padded("webauthn.create")],
      ["an unused bit", "response", es256, unusedBit("webauthn.create")],
    ],
    "bytes after the end of a CBOR item": [
      [
        "bytes after the attestation object",
        "attestation_object",
        es256,
        { response: { attestationObject: tail(sentObject, Buffer.of(0)) } },
      ],
    ],
    "extensions that are not a map, or with tags, floats or undefined values": [
      ["extensions in an array", "authenticator_data", es256, { flags: 0xcd, rest: Buffer.of(0x80) }],
      ["a tag", "authenticator_data", es256, { flags: 0xcd, ...extension(new Raw("c100")) }],
      ["a float", "authenticator_data", es256, { flags: 0xcd, ...extension(new Raw("fb3ff199999999999a")) }],
      ["an undefined value", "authenticator_data", es256, { flags: 0xcd, ...extension(new Raw("f7")) }],
    ],
    "extensions in more than eight levels, or with more than 64 entries": [
      ["extensions in ten levels", "authenticator_data", es256, { flags: 0xcd, ...extension(deep) }],
      ["65 extensions", "authenticator_data", es256, { flags: 0xcd, ...wide }],
    ],
    "a reserved flag that is set, or a new credential in a login": [
      ["a reserved flag", "authenticator_data", es256, { flags: 0x4f }],
    ],
    "a credential id of more than 1023 bytes, or one that differs from the signed id": [
      ["an id of 1024 bytes", "credential_id", es256, { id: Buffer.alloc(1024, 1) }],
      ["an id that differs from the signed one", "credential_id", es256, { outer: { id: other, rawId: other } }],
    ],
    "the format `none` with a statement that is not an empty map": [
      ["a text as the statement", "attestation", es256, { attStmt: "text" }],
      ["an array as the statement", "attestation", es256, { attStmt: [] }],
    ],
    "more parameters than its type has": [
      ["a key with one more parameter", "public_key", es256, { key: new Map([...coseKey(es256), [-70_000, 1]]) }],
    ],
    "a point that is not on the curve, a curve of another algorithm, or a point of small order": [
      [
        "a point that is not on the curve",
        "public_key",
        es256,
        { key: new Map([...coseKey(es256), [-3, Buffer.alloc(32, 1)]]) },
      ],
      ["a curve of another algorithm", "public_key", es256, { key: new Map([...coseKey(es256), [-1, 2]]) }],
      ["a point of small order", "public_key", ed25519, { key: coseMap([1, 1], [3, -8], [-1, 6], [-2, neutral]) }],
    ],
    "an RSA modulus of less than 2048 or more than 4096 bits, or another exponent than 65537": [
      ["an RSA key of 1024 bits", "public_key", rs256, { key: rsa(Buffer.alloc(128, 0xd7), Buffer.of(1, 0, 1)) }],
      ["an RSA key of 8192 bits", "public_key", rs256, { key: rsa(Buffer.alloc(1024, 0xd7), Buffer.of(1, 0, 1)) }],
      ["an RSA exponent of 1", "public_key", rs256, { key: rsa(Buffer.alloc(256, 0xd7), Buffer.of(1)) }],
    ],
    "the EdDSA keys of Firefox 117, which are no valid CBOR": [
      ["an EdDSA key of Firefox 117", "authenticator_data", ed25519, { key: firefox117(ed25519) }],
    ],
  };

  it.each(Object.values(onlyTheirRegistrations).flat())(
    "a registration with %s is accepted by the oracle and not by us",
    async (_name, reason, subject, change) => {
      const expected = registrationOf({ response: register(subject, challenge, change) });
      expect(reasonOf(() => verifyRegistration(expected))).toBe(reason);
      expect(await oracleRegistration(expected)).toBeDefined();
    },
  );

  /** The same for authentications. */
  const onlyTheirAuthentications: Rows<readonly [name: string, reason: string, Partial<Parts>]> = {
    "a frame of another origin, or a top origin": [
      ["a frame whose top origin is unknown", "cross_origin", { clientData: { crossOrigin: true } }],
    ],
    "a member `crossOrigin` that is not true or false": [
      ["a text as `crossOrigin`", "cross_origin", { clientData: { crossOrigin: "true" } }],
    ],
    "a repeated member, half of a surrogate pair, invalid UTF-8, or objects in more than 64 levels": [
      ["a repeated member", "client_data", json(`{"type":"x",${members("webauthn.get")}}`)],
      ["half of a surrogate pair", "client_data", get('"other":"\\ud800"')],
      ["invalid UTF-8", "client_data", invalidUtf8("webauthn.get")],
      ["objects in 65 levels", "client_data", get(nested(65))],
    ],
    "more than 4096 bytes": [
      ["client data of more than 4096 bytes", "response", { clientData: { other: "a".repeat(4096) } }],
      ["authenticator data of more than 4096 bytes", "response", { flags: 0x8d, ...extension(Buffer.alloc(4096)) }],
    ],
    "base64url with padding, or with unused bits that are not zero": [
      ["padding", "response", padded("webauthn.get")],
      ["an unused bit", "response", unusedBit("webauthn.get")],
    ],
    "extensions that are not a map, or with tags, floats or undefined values": [
      ["extensions in an array", "authenticator_data", { flags: 0x8d, rest: Buffer.of(0x80) }],
    ],
    "extensions in more than eight levels, or with more than 64 entries": [
      ["extensions in ten levels", "authenticator_data", { flags: 0x8d, ...extension(deep) }],
    ],
    "a reserved flag that is set, or a new credential in a login": [
      ["a reserved flag", "authenticator_data", { flags: 0x0f }],
      ["a new credential", "authenticator_data", { flags: 0x4d, rest: attested }],
    ],
    "a credential id of more than 1023 bytes, or one that differs from the signed id": [
      ["the id of another credential", "credential_id", { outer: { id: other, rawId: other } }],
    ],
    "another backup eligibility than at the registration": [
      ["another backup eligibility", "backup_eligibility", { flags: 0x05 }],
    ],
    "the user handle of another account, or one of 0 or of more than 64 bytes": [
      ["the user handle of another account", "user_handle", { response: { userHandle: other } }],
      ["a user handle of 0 bytes", "response", { response: { userHandle: "" } }],
      ["a user handle of 65 bytes", "response", { response: { userHandle: base64url(Buffer.alloc(65)) } }],
    ],
  };

  it.each(Object.values(onlyTheirAuthentications).flat())(
    "an authentication with %s is accepted by the oracle and not by us",
    async (_name, reason, change) => {
      const made = authenticate(es256, challenge, change);
      // A changed client data is signed as it was sent.
      const { clientDataJSON, authenticatorData } = made.response;
      const signed = Buffer.concat([bytesOf(authenticatorData), sha256(bytesOf(clientDataJSON))]);
      const response = { ...made, response: { ...made.response, signature: base64url(signWith(es256, signed)) } };
      const expected = expectedAssertion(es256, { response });
      expect(reasonOf(() => verifyAssertion(expected))).toBe(reason);
      expect(await oracleAssertion(es256, expected)).toBeDefined();
    },
  );

  const statement = new Map<string, Encodable>([
    ["alg", -7],
    ["sig", Buffer.alloc(70, 1)],
    ["x5c", [Buffer.alloc(300, 2)]],
  ]);
  const synced = { ...expectedAssertion(es256).credential, signCount: 7 };

  /** Ceremonies that Ampho accepts and the oracle rejects. */
  const onlyOurs: Rows<readonly [name: string, () => unknown, () => Promise<unknown>]> = {
    "an attestation statement that is wrong or of an unknown format, which Ampho does not read": [
      ourRegistration("a broken signature by a certificate", { fmt: "packed", attStmt: statement }),
      ourRegistration("a format that the oracle does not know", { fmt: "future", attStmt: statement }),
    ],
    "an unknown value of the former member `tokenBinding`, which Ampho ignores like every unknown member": [
      ourRegistration("an unknown `tokenBinding` in a registration", create('"tokenBinding":{"status":"x"}')),
      ourAssertion("an unknown `tokenBinding` in an authentication", get('"tokenBinding":{"status":"x"}')),
    ],
    "a synced passkey whose counter stepped back, which Ampho records": [
      ourAssertion("a counter that stepped back", { signCount: 6 }, { credential: synced }),
    ],
  };

  function ourRegistration(name: string, change: Partial<Parts>) {
    const expected = registrationOf({ response: register(es256, challenge, change) });
    return [name, () => verifyRegistration(expected), () => oracleRegistration(expected)] as const;
  }

  function ourAssertion(name: string, change: Partial<Parts>, more: Partial<Assertion> = {}) {
    const expected = expectedAssertion(es256, { response: authenticate(es256, challenge, change), ...more });
    return [name, () => verifyAssertion(expected), () => oracleAssertion(es256, expected)] as const;
  }

  it.each(Object.values(onlyOurs).flat())("%s is accepted by us and not by the oracle", async (_name, ours, theirs) => {
    expect(reasonOf(ours)).toBeUndefined();
    expect(await theirs()).toBeUndefined();
  });

  it("docs/guides/passkeys.md lists exactly what only we accept", () => {
    const page = readFileSync(new URL("../../../docs/guides/passkeys.md", import.meta.url), "utf8");
    const [, section = ""] = /^### What other servers accept and Ampho rejects$(.*?)^## /ms.exec(page) ?? [];
    const bullets = [...section.matchAll(/^- (.*(?:\n {2}.*)*)/gm)].map(([, text = ""]) => text.replace(/\s+/g, " "));
    expect(new Set(bullets)).toEqual(new Set(Object.keys(onlyOurs)));
  });
});
