// One JSON Web Key, imported and checked once: RFC 7517 §4, bound to one algorithm (RFC 8725 §3.1).
import { createSecretKey } from "node:crypto";
import { type Algorithm, algorithmFacts, algorithmsFor, type KeyType } from "./algorithms.js";
import { readEc, readPublicEc } from "./ec.js";
import { createSecretMaterial, type Key, type KeyMaterial } from "./key.js";
import { readLoginHashKey } from "./login-hash-key.js";
import { isPrivate, type Jwk, type KeyMembers, type KeyReader, type Report, readOctets } from "./members.js";
import { readOkp, readPublicOkp } from "./okp.js";
import { readPublicRsa, readRsa } from "./rsa.js";
import { createVerification } from "./signature.js";
import { thumbprint } from "./thumbprint.js";

export type JwkReading =
  | { readonly outcome: "imported"; readonly key: Key }
  /** A key of an unsupported type, which a reader of sets can skip (RFC 7517 §5). */
  | { readonly outcome: "unsupported"; readonly why: string }
  | { readonly outcome: "rejected"; readonly problems: readonly string[] };

/** An HMAC hashes a longer secret first (RFC 2104 §2), so length adds nothing. This limit only limits the work. */
const secretBytesMax = 8192;

/** Symmetric keys: RFC 7518 §6.4. */
const readOct: KeyReader = (jwk, report) => {
  const octets = readOctets(jwk, "k", report);
  if (octets === undefined) return undefined;
  if (octets.length === 0) return void report("`k` is empty");
  if (octets.length > secretBytesMax) return void report(`\`k\` must have at most ${secretBytesMax} bytes`);
  return { secret: createSecretKey(octets), publicMembers: {} };
};

type Readers = Readonly<Record<KeyType, KeyReader>>;

const readers: Readers = { oct: readOct, OKP: readOkp, EC: readEc, RSA: readRsa };
const verifyingReaders: Readers = { oct: readOct, OKP: readPublicOkp, EC: readPublicEc, RSA: readPublicRsa };

/** The limit, because the header of every token contains the `kid`. */
const kidCharactersMax = 255;
const controlCharacter = /\p{Cc}|\p{Cs}/u;

const isKeyType = (value: string, known: Readers): value is KeyType => Object.hasOwn(known, value);

export const isJwk = (value: unknown): value is Jwk =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function readKid(jwk: Jwk, report: Report): string | undefined {
  const kid = jwk["kid"];
  if (kid === undefined) return undefined;
  if (typeof kid === "string" && kid !== "" && kid.length <= kidCharactersMax && !controlCharacter.test(kid))
    return kid;
  return void report(`\`kid\` must be a string of 1 to ${kidCharactersMax} characters without control characters`);
}

type LoginHashKeyReader = typeof readLoginHashKey;

/** Checks that `use` and `key_ops` allow signatures (RFC 7517 §4.2 and §4.3). */
function checkUse(jwk: Jwk, members: KeyMembers, report: Report): { readonly signs: boolean } {
  if (jwk["use"] !== undefined && jwk["use"] !== "sig") report("`use` must be `sig`");
  const hasPrivate = members.secret !== undefined || members.privateKey !== undefined;
  const operations = jwk["key_ops"];
  if (operations === undefined) return { signs: hasPrivate };
  const known = (name: unknown) => name === "sign" || name === "verify";
  if (!Array.isArray(operations) || !operations.every(known) || new Set(operations).size !== operations.length) {
    report("`key_ops` must be an array of `sign` and `verify`, each at most once");
    return { signs: false };
  }
  // A private key verifies with its public half, so its `key_ops` need not contain `verify`.
  if (isPrivate(jwk) ? operations.length === 0 : !operations.includes("verify"))
    report("`key_ops` must allow verification");
  return { signs: hasPrivate && operations.includes("sign") };
}

function chooseAlgorithm(jwk: Jwk, possible: readonly Algorithm[], report: Report): Algorithm | undefined {
  const named = jwk["alg"];
  if (named === undefined) return possible[0];
  const found = possible.find((name) => name === named);
  if (found === undefined) report(`\`alg\` does not fit the key, which can have ${possible.join(" or ")}`);
  return found;
}

function checkSecret(members: KeyMembers, algorithm: Algorithm, report: Report): void {
  const bytes = members.secret?.symmetricKeySize;
  const bytesMin = algorithmFacts(algorithm).secretBytes;
  if (bytes === undefined || bytesMin === undefined || bytes >= bytesMin) return;
  report(`\`k\` has ${bytes} bytes, but ${algorithm} requires ${bytesMin} or more (RFC 7518 §3.2)`);
}

function toMaterial(members: KeyMembers, algorithm: Algorithm): KeyMaterial {
  const { secret, publicKey, privateKey } = members;
  if (secret !== undefined) return createSecretMaterial(secret, algorithm);
  if (publicKey === undefined) throw new TypeError("a key must have a secret or a public part");
  const { signature } = algorithmFacts(algorithm);
  return {
    kind: "pair",
    verify: createVerification(algorithm, publicKey),
    signing: privateKey === undefined ? undefined : { key: privateKey, ...signature },
  };
}

/** Imports one key. A key that names no algorithm has the first that fits. A weak secret passes. */
export const importJwk = (jwk: unknown): JwkReading => readJwk(jwk, readers, readLoginHashKey);

/** The same for a key that only verifies. Its private members are not read. */
export const importVerifyingJwk = (jwk: unknown): JwkReading => readJwk(jwk, verifyingReaders);

function readJwk(jwk: unknown, known: Readers, readLoginHashKey?: LoginHashKeyReader): JwkReading {
  const problems: string[] = [];
  const report: Report = (problem) => problems.push(problem);
  const rejected = { outcome: "rejected", problems } as const;
  if (!isJwk(jwk)) return { outcome: "rejected", problems: ["a key must be a JSON object"] };
  const kty = jwk["kty"];
  if (typeof kty !== "string") return { outcome: "rejected", problems: ["`kty` must be a string"] };
  if (!isKeyType(kty, known)) return { outcome: "unsupported", why: "its `kty` is not oct, OKP, EC or RSA" };
  const ownKid = readKid(jwk, report);
  const members = known[kty](jwk, report);
  if (members === undefined) return rejected;
  if ("unsupported" in members) return { outcome: "unsupported", why: members.unsupported };
  const { signs } = checkUse(jwk, members, report);
  const loginHashKey = readLoginHashKey?.(jwk, report);
  const algorithm = chooseAlgorithm(jwk, algorithmsFor(kty, members.crv), report);
  if (algorithm !== undefined) checkSecret(members, algorithm, report);
  if (algorithm === undefined || problems.length > 0) return rejected;
  const kid = ownKid ?? thumbprint(kty, jwk);
  const publicJwk =
    members.secret === undefined ? { ...members.publicMembers, kid, alg: algorithm, use: "sig" } : undefined;
  const key = { kid, algorithm, canSign: signs, publicJwk, material: toMaterial(members, algorithm) };
  return { outcome: "imported", key: loginHashKey === undefined ? key : { ...key, loginHashKey } };
}
