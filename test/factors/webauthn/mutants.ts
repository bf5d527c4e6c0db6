// One change or more for each step of WebAuthn L3 §7.1 and §7.2. Each changed ceremony is signed again, so that nothing but
// the step itself can reject it.
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import {
  type Assertion,
  type RegistrationCeremony,
  verifyAssertion,
  verifyRegistration,
} from "../../../dist/factors/passkey/webauthn.js";
import type { WebAuthnReason } from "../../../dist/factors/passkey/webauthn-response.js";
import {
  authenticate,
  base64url,
  challenge,
  coseKey,
  createSubject,
  expectedAssertion,
  expectedRegistration,
  flag,
  noAttestation,
  type Parts,
  register,
  type Subject,
  selfAttestation,
  sha256,
  signWith,
  topOrigin,
  userHandle,
} from "./authenticator.js";
import type { EncodableMap } from "./cbor-encode.js";
import { reasonOf } from "./reasons.js";

interface Mutant<Expected> {
  readonly step: number;
  readonly name: string;
  readonly reason: WebAuthnReason;
  readonly change: (subject: Subject) => Partial<Parts>;
  readonly expected?: Partial<Expected>;
}

const invalidUtf8 = Buffer.from('{"type":"webauthn.get","x":"\xff"}', "latin1");
const registrationFlags = flag.up | flag.uv | flag.at;
const backup = ({ backupEligible }: Subject) => (backupEligible ? flag.be : 0);
const framed = { topOrigins: [topOrigin] };
const stranger = createSubject(-7);

/** The changes of the client data, which both ceremonies have in common. */
function clientDataMutants(
  steps: readonly number[],
  otherType: string,
): readonly Mutant<Pick<RegistrationCeremony, "topOrigins">>[] {
  const [utf8 = 0, json = 0, type = 0, challengeStep = 0, origin = 0, cross = 0, top = 0] = steps;
  const evil = "https://example.org.evil.example";
  return [
    {
      step: utf8,
      name: "bytes that are no UTF-8",
      reason: "client_data",
      change: () => ({ clientDataBytes: invalidUtf8 }),
    },
    { step: json, name: "an array", reason: "client_data", change: () => ({ clientDataBytes: Buffer.from("[]") }) },
    { step: type, name: "the other type", reason: "type", change: () => ({ clientData: { type: otherType } }) },
    {
      step: challengeStep,
      name: "another challenge",
      reason: "challenge",
      change: () => ({ clientData: { challenge: base64url(randomBytes(32)) } }),
    },
    { step: origin, name: "another origin", reason: "origin", change: () => ({ clientData: { origin: evil } }) },
    { step: cross, name: "a frame", reason: "cross_origin", change: () => ({ clientData: { crossOrigin: true } }) },
    { step: cross, name: "a text", reason: "cross_origin", change: () => ({ clientData: { crossOrigin: "true" } }) },
    {
      step: top,
      name: "a top origin without a frame",
      reason: "top_origin",
      change: () => ({ clientData: { topOrigin } }),
    },
    {
      step: top,
      name: "a top origin that is not listed",
      reason: "top_origin",
      change: () => ({ clientData: { crossOrigin: true, topOrigin: evil } }),
      expected: framed,
    },
  ];
}

export const registrationMutants: readonly Mutant<RegistrationCeremony>[] = [
  { step: 3, name: "another type of credential", reason: "response", change: () => ({ outer: { type: "password" } }) },
  {
    step: 3,
    name: "client data with padding",
    reason: "response",
    change: () => ({ response: { clientDataJSON: "e30=" } }),
  },
  { step: 3, name: "another rawId", reason: "credential_id", change: () => ({ outer: { rawId: "AAAA" } }) },
  ...clientDataMutants([5, 6, 7, 8, 9, 10, 11], "webauthn.get"),
  {
    step: 13,
    name: "an attestation object without an end",
    reason: "attestation_object",
    change: () => ({ attestationObject: Buffer.of(0xbf) }),
  },
  {
    step: 13,
    name: "bytes after the authenticator data",
    reason: "authenticator_data",
    change: () => ({ rest: Buffer.of(0xa0) }),
  },
  {
    step: 13,
    name: "a reserved flag",
    reason: "authenticator_data",
    change: (subject) => ({ flags: registrationFlags | backup(subject) | flag.rfu2 }),
  },
  { step: 14, name: "another RP id", reason: "rp_id", change: () => ({ rpIdHash: sha256("example.com") }) },
  {
    step: 15,
    name: "no user presence",
    reason: "user_presence",
    change: (subject) => ({ flags: flag.at | flag.uv | backup(subject) }),
  },
  {
    step: 16,
    name: "no user verification",
    reason: "user_verification",
    change: (subject) => ({ flags: flag.at | flag.up | backup(subject) }),
  },
  {
    step: 17,
    name: "a backup that is not eligible",
    reason: "backup_state",
    change: () => ({ flags: registrationFlags | flag.bs }),
  },
  {
    step: 20,
    name: "an algorithm that was not offered",
    reason: "algorithm",
    change: () => ({}),
    expected: { algorithms: [-39] },
  },
  {
    step: 20,
    name: "a key with one more parameter",
    reason: "public_key",
    change: (subject) => ({ key: new Map([...coseKey(subject), [-70_000, 1]]) }),
  },
  { step: 21, name: "a format that is no text", reason: "attestation_format", change: () => ({ fmt: 1 }) },
  {
    step: 22,
    name: "no attestation with a statement",
    reason: "attestation",
    change: () => ({ attStmt: new Map([["alg", -7]]) }),
  },
  {
    step: 22,
    name: "a self attestation over other bytes",
    reason: "attestation",
    change: (subject) => ({ fmt: "packed", attStmt: selfStatement(subject) }),
  },
  { step: 25, name: "an id of 1024 bytes", reason: "credential_id", change: () => ({ id: Buffer.alloc(1024, 1) }) },
  {
    step: 25,
    name: "an id that the authenticator did not sign",
    reason: "credential_id",
    change: () => ({ outer: { id: base64url(stranger.id), rawId: base64url(stranger.id) } }),
  },
];

function selfStatement(subject: Subject): EncodableMap {
  return new Map<string, number | Buffer>([
    ["alg", subject.alg],
    ["sig", signWith(subject, Buffer.from("other bytes"))],
  ]);
}

export const authenticationMutants: readonly Mutant<Assertion>[] = [
  { step: 3, name: "another type of credential", reason: "response", change: () => ({ outer: { type: "password" } }) },
  { step: 5, name: "another credential", reason: "credential_id", change: () => ({ id: stranger.id }) },
  {
    step: 6,
    name: "no user handle where no account is known",
    reason: "user_handle",
    change: () => ({}),
    expected: { userHandleRequired: true },
  },
  {
    step: 6,
    name: "the user handle of another account",
    reason: "user_handle",
    change: () => ({ response: { userHandle: base64url(randomBytes(32)) } }),
  },
  { step: 7, name: "a signature of 1025 bytes", reason: "response", change: () => ({ signature: Buffer.alloc(1025) }) },
  {
    step: 7,
    name: "authenticator data of 36 bytes",
    reason: "authenticator_data",
    change: () => ({ authenticatorData: Buffer.alloc(36) }),
  },
  {
    step: 7,
    name: "a reserved flag",
    reason: "authenticator_data",
    change: (subject) => ({ flags: flag.up | flag.uv | backup(subject) | flag.rfu1 }),
  },
  ...clientDataMutants([8, 9, 10, 11, 12, 13, 14], "webauthn.create"),
  { step: 15, name: "another RP id", reason: "rp_id", change: () => ({ rpIdHash: sha256("example.com") }) },
  {
    step: 16,
    name: "no user presence",
    reason: "user_presence",
    change: (subject) => ({ flags: flag.uv | backup(subject) }),
  },
  {
    step: 18,
    name: "a backup that is not eligible",
    reason: "backup_state",
    change: () => ({ flags: flag.up | flag.uv | flag.bs }),
  },
  {
    step: 19,
    name: "another backup eligibility",
    reason: "backup_eligibility",
    change: ({ backupEligible }) => ({ flags: flag.up | flag.uv | (backupEligible ? 0 : flag.be) }),
  },
  {
    step: 21,
    name: "the signature of another key",
    reason: "signature",
    change: () => ({ signature: signWith(stranger, Buffer.from("other bytes")) }),
  },
];

/** The steps that cannot reject in a function without a browser and a database, or by a decision of the design. */
export const notHere = {
  registration: {
    1: "options",
    2: "the browser",
    4: "extensions",
    12: "a hash, which step 22 compares",
    18: "the caller",
    19: "the caller",
    23: "no trust anchors",
    24: "no trust anchors",
    26: "the store",
    27: "the store",
    28: "extensions",
    29: "the store",
  },
  authentication: {
    1: "options",
    2: "the browser",
    4: "extensions",
    17: "a passkey without it is a second factor",
    20: "a hash, which step 21 compares",
    22: "returned",
    23: "extensions",
    24: "the store",
    25: "the caller",
  },
};

/** The tests of unchanged and of changed ceremonies with each key. A result names its key, so that a failure does too. */
export function testCeremonies(subjects: readonly Subject[]): void {
  const eachReason = (ceremony: (subject: Subject) => unknown) =>
    subjects.map((subject) => `${subject.name}: ${reasonOf(() => ceremony(subject))}`);
  const allSubjects = (reason: string | undefined) => subjects.map(({ name }) => `${name}: ${reason}`);

  it.each([
    ["none", noAttestation],
    ["self", selfAttestation],
  ])("an unchanged registration with the attestation %s is accepted", (_name, statement) => {
    for (const subject of subjects) {
      const response = register(subject, challenge, { statement });
      expect(verifyRegistration(expectedRegistration({ response })).publicKey).toEqual(subject.publicKey);
    }
  });

  it("an unchanged authentication is accepted", () => {
    for (const subject of subjects) {
      const response = authenticate(subject, challenge, { response: { userHandle } });
      const verified = verifyAssertion(expectedAssertion(subject, { response, userHandleRequired: true }));
      expect(verified).toEqual({ userVerified: true, backedUp: false, signCount: 0, counter: "ok" });
    }
  });

  it.each(registrationMutants)("step $step of a registration rejects $name as $reason", (mutant) => {
    const reasons = eachReason((subject) => {
      const response = register(subject, challenge, mutant.change(subject));
      return verifyRegistration(expectedRegistration({ response, ...mutant.expected }));
    });
    expect(reasons).toEqual(allSubjects(mutant.reason));
  });

  it.each(authenticationMutants)("step $step of an authentication rejects $name as $reason", (mutant) => {
    const reasons = eachReason((subject) => {
      const response = authenticate(subject, challenge, mutant.change(subject));
      return verifyAssertion(expectedAssertion(subject, { response, ...mutant.expected }));
    });
    expect(reasons).toEqual(allSubjects(mutant.reason));
  });
}
