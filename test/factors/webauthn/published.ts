// The test vectors of WebAuthn Level 3, section 16, made again by the rules of that section. Each value is HKDF-SHA-256
// (RFC 5869) over "WebAuthn test vectors". The salt is the number of the value, and the info is the name of the pair. ECDSA
// signs with the nonces of RFC 6979. The text of the standard is not in this repository. A hash of each pair shows that every
// byte is the published one.
import { createECDH, createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from "node:crypto";
import { type Certified, type EcKey, statements } from "./attestation.js";
import {
  authenticate,
  bytesOf,
  flag,
  register,
  type Statement,
  type Subject,
  selfAttestation,
  topOrigin,
} from "./authenticator.js";
import { bytesOfInteger, inverse } from "./integers.js";

type Format = keyof typeof statements | "none" | "self";

interface Row {
  readonly name: string;
  readonly alg: number;
  readonly format: Format;
  /** SHA-256 over the two client data, the attestation object, the authenticator data and the signature. */
  readonly hash: string;
  readonly idLength?: number;
  readonly challengeLength?: number;
  readonly clientData?: Readonly<Record<string, unknown>>;
}

const rows: readonly Row[] = [
  {
    name: "none.ES256",
    alg: -7,
    format: "none",
    hash: "649874d44aab0a7e9dbf210eb22b33f359c3b89819afae2e3094056cecd208c2",
  },
  {
    name: "packed-self.ES256",
    alg: -7,
    format: "self",
    hash: "a5a3a75de4b7519d4a006823af9440cda4658a86ec5778553d10d5da9aac0a4c",
  },
  {
    name: "none.ES256.crossOrigin",
    alg: -7,
    format: "none",
    clientData: { crossOrigin: true },
    hash: "bf2ca948f7578dba3f83897659c7099b8698c2bd3339ad6fbadb9874dcf60c38",
  },
  {
    name: "none.ES256.topOrigin",
    alg: -7,
    format: "none",
    clientData: { crossOrigin: true, topOrigin },
    hash: "c28e83d5df5647c4569845e75b88414952dd4bc955240866c5df4fdb4886a0f8",
  },
  {
    name: "none.ES256.long-credential-id",
    alg: -7,
    format: "none",
    idLength: 1023,
    hash: "e8f7a744566926e8a7a2d682b6e6f000332624e85b31342754bf827142261fab",
  },
  {
    name: "packed.ES256",
    alg: -7,
    format: "packed",
    hash: "7226adb11c50fdbba9eabbc2415e4bc837ea11f6014614efd450582845ea881a",
  },
  {
    name: "packed.ES384",
    alg: -35,
    format: "packed",
    hash: "d0ca8a3e9b218d911b72788a499b1837373d48aa2f51622fabfc511d834cec77",
  },
  {
    name: "packed.ES512",
    alg: -36,
    format: "packed",
    challengeLength: 128,
    hash: "2fe6abeaac477b42b4c5620028768a2a345875e8274ebc98b204f2ff2e32c94a",
  },
  {
    name: "packed.RS256",
    alg: -257,
    format: "packed",
    hash: "09af3795e672889b38ecf894ef8eae70e8390dd5bfbcb84e625ef5717689cf69",
  },
  {
    name: "packed.EdDSA",
    alg: -8,
    format: "packed",
    hash: "d1126212a2f1ec22194932398580482ca35479a976397eacb1fcf4a6fc78a93e",
  },
  {
    name: "packed.Ed448",
    alg: -53,
    format: "packed",
    hash: "d5494659c59d429c04260644beec36832b0df818b7ab94e3081edb032780c6bc",
  },
  {
    name: "tpm.ES256",
    alg: -7,
    format: "tpm",
    hash: "ffa76248fc1a62e42a23a3532c92063d8ffe89ca3a5f48c3dde1305498203890",
  },
  {
    name: "android-key.ES256",
    alg: -7,
    format: "android-key",
    hash: "9545dd144e0bf721662036533416d95ab097c4bd4b0afea9298244bba8f543d0",
  },
  {
    name: "apple.ES256",
    alg: -7,
    format: "apple",
    hash: "ae71dabec37d50866d6d71c36f03291c480ba81c65c6bf82e08d347a15f1ed16",
  },
  {
    name: "fido-u2f.ES256",
    alg: -7,
    format: "fido-u2f",
    hash: "1bb56a1bab67ac52efd8cb00522304a157472670ba9cfbb4d0384d0f9f5c7e4a",
  },
];

/** The values of a pair, one after the other. */
function valuesOf(info: string): (length: number) => Buffer {
  let salt = 0;
  return (length) => Buffer.from(hkdfSync("sha256", "WebAuthn test vectors", Buffer.of(salt++), info, length));
}

const toText = (bytes: Buffer) => bytes.toString("base64url");
const curves: Readonly<Record<number, readonly [name: string, crv: string, size: number] | undefined>> = {
  [-7]: ["prime256v1", "P-256", 32],
  [-35]: ["secp384r1", "P-384", 48],
  [-36]: ["secp521r1", "P-521", 66],
};

function ecKey(secret: Buffer, alg = -7): EcKey {
  const [name, crv, size] = curves[alg] ?? ["", "", 0];
  const d = Buffer.concat([Buffer.alloc(size - secret.length), secret]);
  const ecdh = createECDH(name);
  ecdh.setPrivateKey(d);
  const point = ecdh.getPublicKey();
  const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)];
  const key = { kty: "EC", crv, d: toText(d), x: toText(x), y: toText(y) };
  return { privateKey: createPrivateKey({ key, format: "jwk" }), point };
}

/** The key of RS256: "the two smallest Mersenne primes 2^p - 1 where p >= 1024". */
function mersenneKey(): KeyObject {
  const [p, q, e] = [2n ** 1279n - 1n, 2n ** 2203n - 1n, 65537n];
  const d = inverse(e, (p - 1n) * (q - 1n));
  const numbers = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  const texts = Object.entries(numbers).map(([name, value]) => [name, toText(bytesOfInteger(value))]);
  return createPrivateKey({ key: { kty: "RSA", ...Object.fromEntries(texts) }, format: "jwk" });
}

/** A key of RFC 8410, from its bytes. */
function edKey(prefix: string, secret: Buffer): KeyObject {
  const key = Buffer.concat([Buffer.from(prefix, "hex"), secret]);
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}

function credentialKey(alg: number, next: (length: number) => Buffer): EcKey {
  const none = Buffer.alloc(0);
  if (alg === -257) return { privateKey: mersenneKey(), point: none };
  if (alg === -8) return { privateKey: edKey("302e020100300506032b657004220420", next(32)), point: none };
  if (alg === -53) return { privateKey: edKey("3047020100300506032b6571043b0439", next(57)), point: none };
  return ecKey(next(alg === -36 ? 65 : alg === -35 ? 48 : 32), alg);
}

/** The client data get a member more if the lowest bit is set. */
function extraData(next: (length: number) => Buffer): Readonly<Record<string, string>> {
  if (((next(1)[0] ?? 0) & 1) === 0) return {};
  const random = toText(next(16));
  return { extraData: `clientDataJSON may be extended with additional fields in the future, such as this: ${random}` };
}

const authority = () => ecKey(valuesOf("Attestation CA")(32));
const withKey: readonly Format[] = ["packed", "tpm", "fido-u2f"];
const withCertificate: readonly Format[] = [...withKey, "android-key", "apple"];

function createPair({ name, alg, format, idLength = 32, challengeLength = 32, clientData = {}, hash }: Row) {
  const next = valuesOf(name);
  const registrationChallenge = next(challengeLength);
  const key = credentialKey(alg, next);
  const registrationData = { ...clientData, ...extraData(next) };
  const [aaguid, id] = [next(16), next(idLength)];
  const bits = format === "fido-u2f" ? 0 : (next(1)[0] ?? 0);
  const attestationKey = withKey.includes(format) ? ecKey(next(32)) : key;
  const serial = withCertificate.includes(format) ? next(16) : Buffer.alloc(0);
  const certified: Certified = { authority: authority(), key: attestationKey, serial };
  const statement = (_: Subject, authData: Buffer, clientDataHash: Buffer): Statement =>
    statements[format as keyof typeof statements]({ key, id, authData, clientDataHash }, certified);
  const backupEligible = (bits & flag.be) !== 0;
  const kept = flag.uv | (backupEligible ? flag.bs : 0);
  const { privateKey } = key;
  const publicKey = createPublicKey(privateKey).export({ format: "jwk" });
  const subject: Subject = { name, alg, id, aaguid, privateKey, publicKey, backupEligible };
  const eligible = backupEligible ? flag.be : 0;
  const attestation = format === "none" ? {} : { statement: format === "self" ? selfAttestation : statement };
  const registration = register(subject, registrationChallenge, {
    clientData: registrationData,
    flags: flag.up | flag.at | eligible | (bits & kept),
    ...attestation,
  });
  const authenticationChallenge = next(challengeLength);
  const authenticationData = { ...clientData, ...extraData(next) };
  const authentication = authenticate(subject, authenticationChallenge, {
    clientData: authenticationData,
    flags: flag.up | eligible | ((next(1)[0] ?? 0) & kept),
  });
  const { clientDataJSON, attestationObject } = registration.response;
  const made = authentication.response;
  const texts = [clientDataJSON, attestationObject, made.clientDataJSON, made.authenticatorData, made.signature];
  const bytes = Buffer.concat(texts.map(bytesOf));
  return {
    name,
    subject,
    framed: "crossOrigin" in clientData,
    registration,
    registrationChallenge,
    authentication,
    authenticationChallenge,
    publishedHash: hash,
    hash: createHash("sha256").update(bytes).digest("hex"),
  };
}

export type PublishedPair = ReturnType<typeof createPair>;

/** The 15 pairs, in the order of the section. */
export const createPublishedPairs = (): readonly PublishedPair[] => rows.map(createPair);
