// The abuse cases of both ceremonies that need no database. mutants.test.ts has one change for each step.
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Assertion,
  type RegistrationCeremony,
  verifyAssertion,
  verifyRegistration,
} from "../../../dist/factors/passkey/webauthn.js";
import {
  authenticate,
  base64url,
  challenge,
  coseKey,
  createSubject,
  expectedAssertion,
  expectedRegistration,
  flag,
  origin,
  type Parts,
  register,
  rpId,
  selfAttestation,
  sha256,
  topOrigin,
  userHandle,
} from "./authenticator.js";
import { type Encodable, encodeCbor } from "./cbor-encode.js";
import { reasonOf } from "./reasons.js";

const passkey = createSubject(-7);
const securityKey = createSubject(-8, { backupEligible: false });

function registration(change: Partial<Parts>, expected: Partial<RegistrationCeremony> = {}) {
  const response = register(passkey, challenge, change);
  return reasonOf(() => verifyRegistration(expectedRegistration({ response, ...expected })));
}

function assertion(change: Partial<Parts>, expected: Partial<Assertion> = {}) {
  const response = authenticate(passkey, challenge, change);
  return reasonOf(() => verifyAssertion(expectedAssertion(passkey, { response, ...expected })));
}

/** The reasons of both ceremonies with the same change. */
const both = (change: Partial<Parts>) => [registration(change), assertion(change)];

describe("the client data", () => {
  const sent = base64url(challenge);
  const challenges = {
    "of another ceremony": base64url(randomBytes(32)),
    "without its last character": sent.slice(0, -1),
    "with padding": `${sent}=`,
    "in standard base64": Buffer.alloc(32, 0xff).toString("base64"),
    "as an array": [sent],
    "that is empty": "",
    "that is missing": undefined,
  };

  it.each(Object.entries(challenges))("a challenge %s is rejected", (_name, value) => {
    expect(both({ clientData: { challenge: value } })).toEqual(["challenge", "challenge"]);
  });

  it("a challenge in standard base64 is rejected where the right one has other characters", () => {
    const bytes = Buffer.alloc(32, 0xff);
    const clientData = { challenge: bytes.toString("base64").replace("=", "") };
    expect(assertion({ clientData }, { challenge: bytes })).toBe("challenge");
  });

  const origins = [
    "https://login.example.org",
    "https://example.org:8443",
    "http://example.org",
    "HTTPS://example.org",
    "https://EXAMPLE.org",
    "https://example.org.",
    "https://example.org/",
    "https://example.org.evil.example",
    "https://evilexample.org",
    "https://example.org@evil.example",
    "null",
    "",
    " https://example.org",
    "android:apk-key-hash:2jmj7l5rSw0yVb_vlWAYkK_YBwk",
    "https://exаmple.org",
    "https://example.org\0",
  ];

  it.each([...origins, null, 1, ["https://example.org"]])("the origin %j is rejected", (value) => {
    expect(both({ clientData: { origin: value } })).toEqual(["origin", "origin"]);
  });

  it("an Android application is accepted exactly as it is listed", () => {
    const application = "android:apk-key-hash:2jmj7l5rSw0yVb_vlWAYkK_YBwk";
    const clientData = { origin: application };
    expect(assertion({ clientData }, { origins: [origin, application] })).toBeUndefined();
    expect(assertion({ clientData }, { origins: [origin, `${application}=`] })).toBe("origin");
  });

  it.each(["example.com", "login.example.org", "EXAMPLE.ORG", "https://example.org", ""])(
    "the RP id hash of %j is rejected",
    (host) => {
      expect(both({ rpIdHash: sha256(host) })).toEqual(["rp_id", "rp_id"]);
    },
  );

  it("a ceremony in a frame of another origin is rejected, unless its top origin is listed", () => {
    const embedded = { clientData: { crossOrigin: true, topOrigin } };
    expect(both({ clientData: { crossOrigin: true } })).toEqual(["cross_origin", "cross_origin"]);
    expect(both(embedded)).toEqual(["cross_origin", "cross_origin"]);
    for (const value of [topOrigin, "", null])
      expect(both({ clientData: { topOrigin: value } })).toEqual(["top_origin", "top_origin"]);
    expect(registration(embedded, { topOrigins: [topOrigin] })).toBeUndefined();
    expect(assertion(embedded, { topOrigins: [topOrigin] })).toBeUndefined();
    expect(assertion(embedded, { topOrigins: [origin] })).toBe("top_origin");
  });

  const members = `"type":"webauthn.get","challenge":"${sent}","origin":"${origin}"`;
  const getBytes = (text: string, encoding: BufferEncoding = "utf8") => ({
    clientDataBytes: Buffer.from(text, encoding),
  });

  it("one byte order mark is stripped, and a second one is rejected", () => {
    expect(assertion(getBytes(`\ufeff{${members}}`))).toBeUndefined();
    expect(assertion(getBytes(`\ufeff\ufeff{${members}}`))).toBe("client_data");
    expect(assertion(getBytes(`\ufeff{${members}}`, "utf16le"))).toBe("client_data");
  });

  it("members that the standard does not know are ignored", () => {
    expect(assertion(getBytes(`{${members},"other":{"a":[1]},"tokenBinding":{"status":"x"}}`))).toBeUndefined();
    expect(assertion(getBytes(`{${members},"__proto__":{"type":"x"}}`))).toBeUndefined();
  });

  const texts = {
    "a repeated challenge": `{"challenge":"${sent}",${members}}`,
    "a repeated challenge with an escaped name": `{${members},"\\u0063hallenge":"${sent}"}`,
    "a repeated member of an unknown object": `{${members},"other":{"a":1,"a":2}}`,
    "an array": `[{${members}}]`,
    "a text": JSON.stringify(`{${members}}`),
    null: "null",
    "two objects": `{${members}}{}`,
    "a comma at the end": `{${members},}`,
    "half of a surrogate pair": `{${members},"other":"\\ud800"}`,
    "objects in 65 levels": `{${members},"other":${'{"a":'.repeat(65)}1${"}".repeat(65)}}`,
  };

  it.each(Object.entries(texts))("client data with %s is rejected", (_name, text) => {
    expect(assertion(getBytes(text))).toBe("client_data");
  });

  it.each(["webauthn.create", "payment.get", "webauthn.GET", "webauthn.get ", "", null])(
    "an authentication of the type %j is rejected",
    (type) => {
      expect(assertion({ clientData: { type } })).toBe("type");
    },
  );
});

describe("the flags", () => {
  const isSet = (flags: number, bits: number) => (flags & bits) === bits;
  const all = Array.from({ length: 256 }, (_, flags) => flags);
  const isPossible = (flags: number) =>
    (flags & (flag.rfu1 | flag.rfu2 | flag.ed)) === 0 && (isSet(flags, flag.be) || !isSet(flags, flag.bs));

  it("a registration is accepted with exactly the flags of the standard", () => {
    const accepted = all.filter((flags) => registration({ flags }) === undefined);
    const right = all.filter((flags) => isPossible(flags) && isSet(flags, flag.at | flag.up | flag.uv));
    expect(accepted).toEqual(right);
  });

  it("a second factor can be registered without user verification, and an upgrade without user presence", () => {
    const discouraged = { userVerification: "discouraged" } as const;
    const accepted = (expected: Partial<RegistrationCeremony>) =>
      all.filter((flags) => registration({ flags }, expected) === undefined);
    const right = (bits: number) => all.filter((flags) => isPossible(flags) && isSet(flags, flag.at | bits));
    expect(accepted(discouraged)).toEqual(right(flag.up));
    expect(accepted({ upgrade: true })).toEqual(right(flag.uv));
    expect(accepted({ ...discouraged, upgrade: true })).toEqual(right(0));
  });

  it.each([passkey, securityKey])(
    "an authentication is accepted with exactly the flags of the standard and the eligibility of its key",
    (subject) => {
      const verify = (flags: number) => {
        const response = authenticate(subject, challenge, { flags });
        return reasonOf(() => verifyAssertion(expectedAssertion(subject, { response })));
      };
      const right = all.filter(
        (flags) =>
          isPossible(flags) &&
          isSet(flags, flag.up) &&
          !isSet(flags, flag.at) &&
          isSet(flags, flag.be) === subject.backupEligible,
      );
      expect(all.filter((flags) => verify(flags) === undefined)).toEqual(right);
    },
  );

  it("the flags are returned", () => {
    const flags = flag.up | flag.be | flag.bs;
    const response = authenticate(passkey, challenge, { flags });
    const verified = verifyAssertion(expectedAssertion(passkey, { response }));
    expect(verified).toMatchObject({ userVerified: false, backedUp: true });
    const created = register(passkey, challenge, { flags: flags | flag.at, signCount: 0xffffffff });
    const { backupEligible, backedUp, userVerified, signCount } = verifyRegistration(
      expectedRegistration({ response: created, userVerification: "discouraged" }),
    );
    expect([backupEligible, backedUp, userVerified, signCount]).toEqual([true, true, false, 0xffffffff]);
  });

  const extensions = encodeCbor(new Map([["credProtect", 2]]));
  const present = { flags: flag.up | flag.uv | flag.be | flag.ed };

  it("extensions are skipped, and they must be one map at the end", () => {
    expect(assertion({ ...present, rest: extensions })).toBeUndefined();
    expect(registration({ flags: present.flags | flag.at, rest: extensions })).toBeUndefined();
    for (const rest of [
      Buffer.alloc(0),
      Buffer.of(0x80),
      Buffer.concat([extensions, extensions]),
      Buffer.of(0xbf, 0xff),
    ])
      expect(assertion({ ...present, rest })).toBe("authenticator_data");
    expect(assertion({ rest: extensions })).toBe("authenticator_data");
  });
});

describe("the user handle", () => {
  const handles = { "of another account": base64url(Buffer.alloc(32, 1)), "of one byte": "AA" };

  it.each(Object.entries(handles))("a user handle %s is rejected", (_name, handle) => {
    for (const userHandleRequired of [true, false])
      expect(assertion({ response: { userHandle: handle } }, { userHandleRequired })).toBe("user_handle");
  });

  it("a missing user handle is rejected where no account is known, and else accepted", () => {
    for (const change of [{}, { response: { userHandle: null } }]) {
      expect(assertion(change, { userHandleRequired: true })).toBe("user_handle");
      expect(assertion(change)).toBeUndefined();
    }
    expect(assertion({ response: { userHandle } }, { userHandleRequired: true })).toBeUndefined();
  });

  it.each(["", `${userHandle}=`, "A", "*", 1, {}, base64url(Buffer.alloc(65))])(
    "the handle %j is rejected",
    (handle) => {
      expect(assertion({ response: { userHandle: handle } })).toBe("response");
    },
  );
});

describe("the credential id", () => {
  it("an id of 1 to 1023 bytes is accepted", () => {
    for (const length of [1, 16, 1023]) expect(registration({ id: Buffer.alloc(length, 1) })).toBeUndefined();
  });

  it.each([0, 1024, 65_535])("an id of %i bytes is rejected", (length) => {
    expect(registration({ id: Buffer.alloc(length, 1) })).toBe("credential_id");
  });

  it.each([0, 1024, 65_535])("an id of %i bytes in the authenticator data alone is rejected", (length) => {
    const short = base64url(Buffer.of(1));
    expect(registration({ id: Buffer.alloc(length, 1), outer: { id: short, rawId: short } })).toBeDefined();
  });

  it("an id whose length exceeds the data is rejected", () => {
    const head = Buffer.concat([sha256("example.org"), Buffer.of(0x4d), Buffer.alloc(4 + 16)]);
    const authenticatorData = Buffer.concat([head, Buffer.of(0xff, 0xff, 1, 2, 3)]);
    expect(registration({ authenticatorData })).toBe("authenticator_data");
  });
});

describe("the counter", () => {
  it.each([
    [0, 0, "ok"],
    [0, 1, "ok"],
    [7, 8, "ok"],
    [7, 0xffffffff, "ok"],
    [7, 7, "behind"],
    [7, 6, "behind"],
    [7, 0, "behind"],
  ])("after %i, the counter %i is %s", (stored, signCount, counter) => {
    for (const subject of [passkey, securityKey]) {
      const response = authenticate(subject, challenge, { signCount });
      const expected = expectedAssertion(subject, { response });
      const credential = { ...expected.credential, signCount: stored };
      expect(verifyAssertion({ ...expected, credential })).toMatchObject({ signCount, counter });
    }
  });
});

describe("the attestation", () => {
  const broken = { alg: -7, sig: Buffer.alloc(70, 1), x5c: [Buffer.alloc(300, 2)] };
  const statement = (members: Record<string, Encodable>) => new Map(Object.entries(members));
  const formats: readonly (readonly [string, Encodable])[] = [
    ["packed", statement(broken)],
    ["tpm", statement({ ...broken, ver: "2.0", certInfo: Buffer.alloc(100), pubArea: Buffer.alloc(100) })],
    ["android-key", statement(broken)],
    ["android-safetynet", statement({ ver: "1", response: Buffer.from("a.b.c") })],
    ["fido-u2f", statement(broken)],
    ["apple", statement({ x5c: [Buffer.alloc(300, 2)] })],
    ["compound", [statement({ fmt: "none", attStmt: new Map() })]],
    ["a-future-format", new Map()],
  ];

  it.each(formats)("the attestation %s with broken signatures is accepted as no attestation", (fmt, attStmt) => {
    expect(registration({ fmt, attStmt })).toBeUndefined();
  });

  const selfStatements: readonly (readonly [string, Encodable])[] = [
    ["a broken signature", statement({ alg: -7, sig: Buffer.alloc(70, 1) })],
    ["no signature", statement({ alg: -7 })],
    ["a signature as text", statement({ alg: -7, sig: "text" })],
    ["another algorithm", statement({ alg: -257, sig: Buffer.alloc(70, 1) })],
    ["an array", []],
  ];

  it.each(selfStatements)("a packed self attestation with %s is rejected", (_name, attStmt) => {
    expect(registration({ fmt: "packed", attStmt })).toBe("attestation");
  });

  it.each([statement({ sig: Buffer.of(1) }), [], "text", null])(
    "no attestation with a statement is rejected",
    (attStmt) => {
      expect(registration({ fmt: "none", attStmt })).toBe("attestation");
    },
  );

  it.each(["", "a".repeat(33), 'a"b', "ä", null])("the format %j is rejected", (fmt) => {
    expect(registration({ fmt })).toBe("attestation_format");
  });

  it("the self attestation of another credential is rejected", () => {
    const other = register(createSubject(-7), challenge, { statement: selfAttestation, id: passkey.id });
    const own = register(passkey, challenge, { statement: selfAttestation });
    const own64 = Buffer.from(own.response.attestationObject, "base64url");
    const other64 = Buffer.from(other.response.attestationObject, "base64url");
    const at = own64.indexOf("authData");
    const swapped = Buffer.concat([own64.subarray(0, at), other64.subarray(other64.indexOf("authData"))]);
    expect(registration({ attestationObject: swapped })).toBe("attestation");
  });

  it("the model of the authenticator is returned as a UUID", () => {
    const response = register(passkey, challenge);
    const { aaguid } = verifyRegistration(expectedRegistration({ response }));
    expect(aaguid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(aaguid.replaceAll("-", "")).toBe(passkey.aaguid.toString("hex"));
  });

  it("transports are returned once each, and what cannot be one is dropped", () => {
    const transports = (value: unknown) =>
      verifyRegistration(
        expectedRegistration({ response: register(passkey, challenge, { response: { transports: value } }) }),
      ).transports;
    expect(transports(["usb", "usb", "smart-card", "future", 1, "<b>", "a".repeat(33)])).toEqual([
      "usb",
      "smart-card",
      "future",
    ]);
    expect([undefined, null, "usb", { 0: "usb" }].map(transports)).toEqual([[], [], [], []]);
    expect(transports(Array.from({ length: 1000 }, (_, index) => "a".repeat(1 + (index % 32))))).toHaveLength(16);
  });
});

describe("the response", () => {
  const limits = [
    ["clientDataJSON", 4096],
    ["authenticatorData", 4096],
    ["signature", 1024],
    ["attestationObject", 16_384],
    ["userHandle", 64],
  ] as const;

  it.each(limits)("a member %s of more than %i bytes is rejected before it is decoded", (name, bytes) => {
    const verify = name === "attestationObject" ? registration : assertion;
    expect(verify({ response: { [name]: base64url(Buffer.alloc(bytes + 1)) } })).toBe("response");
    const huge = "A".repeat(100_000_000);
    const before = process.memoryUsage().arrayBuffers;
    const start = process.cpuUsage();
    for (let round = 0; round < 20; round++) expect(verify({ response: { [name]: huge } })).toBe("response");
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(1000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  it("authenticator data that ends too early is rejected", () => {
    const flags = flag.up | flag.uv | flag.be | flag.at;
    const head = Buffer.concat([sha256(rpId), Buffer.of(flags), Buffer.alloc(4 + 16), Buffer.of(0, passkey.id.length)]);
    const attested = Buffer.concat([head, passkey.id, encodeCbor(coseKey(passkey))]);
    expect(registration({ authenticatorData: attested })).toBeUndefined();
    for (let end = 0; end < attested.length; end++)
      expect(registration({ authenticatorData: attested.subarray(0, end) })).toBe("authenticator_data");
    const asserted = Buffer.concat([sha256(rpId), Buffer.of(flag.up | flag.be), Buffer.alloc(4)]);
    expect(assertion({ authenticatorData: asserted })).toBeUndefined();
    for (let end = 1; end < asserted.length; end++)
      expect(assertion({ authenticatorData: asserted.subarray(0, end) })).toBe("authenticator_data");
  });

  it("no value makes a ceremony throw another error", () => {
    for (const response of [null, undefined, [], "text", 1, {}]) {
      const sent = { id: "AA", rawId: "AA", type: "public-key", response };
      expect(reasonOf(() => verifyRegistration(expectedRegistration({ response: sent })))).toBe("response");
      expect(reasonOf(() => verifyAssertion(expectedAssertion(passkey, { response: sent })))).toBeDefined();
    }
    const outer = fc.record({ id: fc.anything(), rawId: fc.anything(), type: fc.anything(), response: fc.anything() });
    fc.assert(
      fc.property(fc.oneof(fc.anything(), outer), (response) => {
        expect(reasonOf(() => verifyRegistration(expectedRegistration({ response })))).toBeDefined();
        expect(reasonOf(() => verifyAssertion(expectedAssertion(passkey, { response })))).toBeDefined();
      }),
      { numRuns: 1000 },
    );
  });

  it.each(["clientDataJSON", "authenticatorData"] as const)("a change of any bit of %s is rejected", (name) => {
    const sent = authenticate(passkey, challenge);
    const bytes = Buffer.from(sent.response[name], "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const response = { ...sent, response: { ...sent.response, [name]: base64url(changed) } };
      expect(reasonOf(() => verifyAssertion(expectedAssertion(passkey, { response })))).toBeDefined();
    }
  });

  it("a change of any byte that a self attestation signs is rejected", () => {
    const sent = register(passkey, challenge, { statement: selfAttestation });
    const bytes = Buffer.from(sent.response.attestationObject, "base64url");
    for (let at = bytes.indexOf("authData"); at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 0x55, at);
      const response = { ...sent, response: { ...sent.response, attestationObject: base64url(changed) } };
      expect(reasonOf(() => verifyRegistration(expectedRegistration({ response })))).toBeDefined();
    }
  });
});
