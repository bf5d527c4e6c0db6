// An authenticator and a browser for tests: they create and sign whatever a test asks for, also what no real one creates.
import { createHash, type JsonWebKey, type KeyObject, randomBytes, sign } from "node:crypto";
import type { Assertion, RegisteredPasskey, RegistrationCeremony } from "../../../dist/factors/passkey/webauthn.js";
import { keyPair } from "../../world/key-pairs.js";
import { type Encodable, type EncodableMap, encodeCbor } from "./cbor-encode.js";
import { signDeterministically } from "./rfc6979.js";

export const rpId = "example.org";
export const origin = "https://example.org";
export const topOrigin = "https://example.com";
/** Every algorithm of the table. The product offers three of them. */
export const allAlgorithms = [-7, -35, -36, -8, -53, -257];

export const flag = { up: 1, rfu1: 2, uv: 4, be: 8, bs: 16, rfu2: 32, at: 64, ed: 128 } as const;

/** A credential and its private key. */
export interface Subject {
  readonly name: string;
  readonly alg: number;
  readonly id: Buffer;
  readonly aaguid: Buffer;
  readonly privateKey: KeyObject;
  readonly publicKey: JsonWebKey;
  readonly backupEligible: boolean;
}

const curveLabels: Readonly<Record<string, number>> = { "P-256": 1, "P-384": 2, "P-521": 3, Ed25519: 6, Ed448: 7 };

export const bytesOf = (text: string | undefined) => Buffer.from(text ?? "", "base64url");

/** The COSE_Key of a JWK. */
export function coseKey({ alg, publicKey }: Pick<Subject, "alg" | "publicKey">): EncodableMap {
  const { kty, crv, x, y, n, e } = publicKey;
  if (kty === "RSA") return coseMap([1, 3], [3, alg], [-1, bytesOf(n)], [-2, bytesOf(e)]);
  const curve = curveLabels[crv ?? ""] ?? 0;
  if (kty === "OKP") return coseMap([1, 1], [3, alg], [-1, curve], [-2, bytesOf(x)]);
  return coseMap([1, 2], [3, alg], [-1, curve], [-2, bytesOf(x)], [-3, bytesOf(y)]);
}

export function coseMap(...entries: readonly (readonly [number, Encodable])[]): EncodableMap {
  return new Map(entries);
}

function keysFor(alg: number) {
  if (alg === -257) return keyPair("rsa", { modulusLength: 2048 });
  if (alg === -8) return keyPair("ed25519");
  if (alg === -53) return keyPair("ed448");
  return keyPair("ec", { namedCurve: alg === -7 ? "P-256" : alg === -35 ? "P-384" : "P-521" });
}

export function createSubject(alg: number, { backupEligible = true, id = randomBytes(32) } = {}): Subject {
  const { privateKey, publicKey } = keysFor(alg);
  const aaguid = randomBytes(16);
  return {
    name: `a new key of ${alg}`,
    alg,
    id,
    aaguid,
    privateKey,
    publicKey: publicKey.export({ format: "jwk" }),
    backupEligible,
  };
}

/** An attestation statement and its format. */
export interface Statement {
  readonly fmt: string;
  readonly attStmt: EncodableMap;
}

/** The parts that the browser and the authenticator put together. A test changes single parts, and the signature fits the change. */
export interface Parts {
  readonly clientData: Record<string, unknown>;
  /** The client data as bytes, in place of the object. */
  readonly clientDataBytes: Buffer;
  readonly rpIdHash: Buffer;
  readonly flags: number;
  readonly signCount: number;
  readonly id: Buffer;
  readonly key: Encodable;
  /** The end of the authenticator data. */
  readonly rest: Buffer;
  readonly fmt: Encodable;
  readonly attStmt: Encodable;
  /** Makes both, in place of "none". */
  readonly statement: (subject: Subject, authData: Buffer, clientDataHash: Buffer) => Statement;
  /** The attestation object as bytes. */
  readonly attestationObject: Buffer;
  readonly authenticatorData: Buffer;
  readonly signature: Buffer;
  /** Changes of the members of the response, and of its outer members. */
  readonly response: Readonly<Record<string, unknown>>;
  readonly outer: Readonly<Record<string, unknown>>;
}

export const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest();
export const base64url = (bytes: Buffer) => bytes.toString("base64url");

export function signWith({ privateKey }: Pick<Subject, "privateKey">, data: Buffer): Buffer {
  const type = privateKey.asymmetricKeyType;
  if (type === "ec") return signDeterministically(privateKey, data);
  return sign(type === "rsa" ? "sha256" : undefined, data, privateKey);
}

/** Packed self attestation (WebAuthn L3 §8.2). */
export function selfAttestation(subject: Subject, authData: Buffer, clientDataHash: Buffer): Statement {
  const sig = signWith(subject, Buffer.concat([authData, clientDataHash]));
  return {
    fmt: "packed",
    attStmt: new Map<string, Encodable>([
      ["alg", subject.alg],
      ["sig", sig],
    ]),
  };
}

export const noAttestation = (): Statement => ({ fmt: "none", attStmt: new Map() });

function clientDataOf(type: string, challenge: Buffer, change: Partial<Parts>): Buffer {
  const members = { type, challenge: base64url(challenge), origin, crossOrigin: false, ...change.clientData };
  return change.clientDataBytes ?? Buffer.from(JSON.stringify(members));
}

function authenticatorDataOf(change: Partial<Parts>, flags: number, credential: readonly Buffer[]): Buffer {
  const signCount = Buffer.alloc(4);
  signCount.writeUInt32BE(change.signCount ?? 0);
  const head = [change.rpIdHash ?? sha256(rpId), Buffer.of(change.flags ?? flags), signCount];
  return change.authenticatorData ?? Buffer.concat([...head, ...credential, change.rest ?? Buffer.alloc(0)]);
}

const backupFlag = ({ backupEligible }: Subject) => (backupEligible ? flag.be : 0);

/** Returns RegistrationResponseJSON. */
export function register(subject: Subject, challenge: Buffer, change: Partial<Parts> = {}) {
  const id = change.id ?? subject.id;
  const clientData = clientDataOf("webauthn.create", challenge, change);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(id.length);
  const credential = [subject.aaguid, length, id, encodeCbor(change.key ?? coseKey(subject))];
  const authData = authenticatorDataOf(change, flag.up | flag.uv | flag.at | backupFlag(subject), credential);
  const { fmt, attStmt } = (change.statement ?? noAttestation)(subject, authData, sha256(clientData));
  const object = new Map<string, Encodable>([
    ["fmt", change.fmt === undefined ? fmt : change.fmt],
    ["attStmt", change.attStmt === undefined ? attStmt : change.attStmt],
    ["authData", authData],
  ]);
  return {
    id: base64url(id),
    rawId: base64url(id),
    type: "public-key" as const,
    clientExtensionResults: {},
    ...change.outer,
    response: {
      clientDataJSON: base64url(clientData),
      attestationObject: base64url(change.attestationObject ?? encodeCbor(object)),
      transports: ["internal" as const],
      ...change.response,
    },
  };
}

/** Returns AuthenticationResponseJSON. */
export function authenticate(subject: Subject, challenge: Buffer, change: Partial<Parts> = {}) {
  const id = change.id ?? subject.id;
  const clientData = clientDataOf("webauthn.get", challenge, change);
  const authenticatorData = authenticatorDataOf(change, flag.up | flag.uv | backupFlag(subject), []);
  const signature = change.signature ?? signWith(subject, Buffer.concat([authenticatorData, sha256(clientData)]));
  return {
    id: base64url(id),
    rawId: base64url(id),
    type: "public-key" as const,
    clientExtensionResults: {},
    ...change.outer,
    response: {
      clientDataJSON: base64url(clientData),
      authenticatorData: base64url(authenticatorData),
      signature: base64url(signature),
      ...change.response,
    },
  };
}

export const challenge = Buffer.alloc(32, 7);
export const userHandle = base64url(Buffer.alloc(32, 9));

/** The registration that a server expects. */
export function expectedRegistration(change: Partial<RegistrationCeremony> = {}): RegistrationCeremony {
  const server = { challenge, origins: [origin], rpId, algorithms: allAlgorithms };
  return { response: undefined, ...server, userVerification: "required", ...change };
}

/** The assertion that a server expects from a subject. */
export function expectedAssertion(subject: Subject, change: Partial<Assertion> = {}): Assertion {
  const { alg, backupEligible } = subject;
  const publicKey = subject.publicKey as RegisteredPasskey["publicKey"];
  const credential = { id: base64url(subject.id), publicKey, alg, signCount: 0, backupEligible, userHandle };
  const server = { challenge, origins: [origin], rpId };
  return { response: undefined, ...server, credential, userHandleRequired: false, ...change };
}
