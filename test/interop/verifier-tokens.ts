// Good and bad tokens of every kind for verifiers in any language, made with node:crypto alone, and the published keys.
import { constants, createHmac, createPublicKey, type KeyObject, sign } from "node:crypto";
import { keyPair } from "../world/key-pairs.js";
import { audience, issuer } from "./services.js";

type Jwk = Readonly<Record<string, unknown>>;

interface Signer {
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicJwk: Jwk;
}

function signer(alg: string, pair = pairFor(alg), kid = `key-${alg}`): Signer {
  const publicJwk = { ...pair.publicKey.export({ format: "jwk" }), kid, alg, use: "sig" };
  return { alg, privateKey: pair.privateKey, publicJwk };
}

function pairFor(alg: string) {
  if (alg.startsWith("Ed")) return keyPair("ed25519");
  const namedCurve = { ES256: "P-256", ES384: "P-384", ES512: "P-521" }[alg];
  return namedCurve === undefined ? keyPair("rsa", { modulusLength: 2048 }) : keyPair("ec", { namedCurve });
}

/** The bytes of a signature as RFC 7518 has them. */
function signatureOf(alg: string, privateKey: KeyObject, input: string): Buffer {
  const hash = alg.startsWith("Ed") ? null : `sha${alg.slice(2)}`;
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(alg.slice(2)) / 8 };
  const options = alg.startsWith("PS") ? pss : alg.startsWith("ES") ? { dsaEncoding: "ieee-p1363" as const } : {};
  return sign(hash, Buffer.from(input), { key: privateKey, ...options });
}

const encode = (value: string | Buffer | object) =>
  (typeof value === "string" || Buffer.isBuffer(value)
    ? Buffer.from(value)
    : Buffer.from(JSON.stringify(value))
  ).toString("base64url");

const algorithms = "EdDSA Ed25519 ES256 ES384 ES512 RS256 RS384 RS512 PS256 PS384 PS512".split(" ");
const signers = new Map(algorithms.map((alg) => [alg, signer(alg)]));
const signerOf = (alg: string): Signer => signers.get(alg) ?? signer(alg);
const [eddsa, es256, rs256] = [signerOf("EdDSA"), signerOf("ES256"), signerOf("RS256")];
const secret = Buffer.alloc(64, "heron violet tumbrel");

/** Keys that a verifier must not use, although the set contains them, and what their tokens are called. */
const bad: Readonly<Record<string, Signer>> = {
  "a key whose kid another key has": signer("EdDSA", keyPair("ed25519"), "key-EdDSA"),
  "a key of another use": { ...signer("EdDSA", keyPair("ed25519"), "encrypts") },
  "a key that may not verify": { ...signer("EdDSA", keyPair("ed25519"), "signs") },
  "an RSA key of 1024 bits": signer("RS256", keyPair("rsa", { modulusLength: 1024 }), "short"),
  "an RSA key with the exponent 3": signer(
    "RS256",
    keyPair("rsa", { modulusLength: 2048, publicExponent: 3 }),
    "three",
  ),
  "a private key that was published": signer("ES256", keyPair("ec", { namedCurve: "P-256" }), "leaked"),
  "one key with a second algorithm": {
    ...rs256,
    alg: "PS256",
    publicJwk: { ...rs256.publicJwk, kid: "twin", alg: "PS256" },
  },
  "an algorithm that does not fit the curve": {
    ...es256,
    alg: "ES384",
    publicJwk: { ...es256.publicJwk, kid: "other-curve", alg: "ES384" },
  },
};
const extra: Readonly<Record<string, Jwk>> = {
  "a key of another use": { use: "enc" },
  "a key that may not verify": { key_ops: ["sign"] },
  "a private key that was published":
    bad["a private key that was published"]?.privateKey.export({ format: "jwk" }) ?? {},
};

/** The published set. The keys that must not be used are among the others. */
export const jwks = {
  keys: [
    null,
    { kty: "oct", kid: "published-secret", alg: "HS256", k: secret.toString("base64url") },
    { kty: "OKP", crv: "X25519", kid: "x25519", alg: "EdDSA", x: eddsa.publicJwk["x"] },
    { ...es256.publicJwk, kid: "off-curve", x: es256.publicJwk["y"] },
    ...[...signers.values()].map(({ publicJwk }) => publicJwk),
    ...Object.entries(bad).map(([name, { publicJwk }]) => ({ ...publicJwk, ...extra[name], kid: publicJwk["kid"] })),
  ],
};

const now = () => Math.floor(Date.now() / 1000);
const base = () => ({ iss: issuer, aud: audience, login: "alice", exp: now() + 600 });
const own = () => ({ ...base(), sub: "1", sid: "0.abc", gen: 0, iat: now(), ver: 1, roles: ["editor"], acr: "1fa" });

function make(header: unknown, payload: unknown, { alg, privateKey }: Signer = eddsa): string {
  const text = (value: unknown) => (typeof value === "string" || Buffer.isBuffer(value) ? value : Object(value));
  const input = `${encode(text(header))}.${encode(text(payload))}`;
  return `${input}.${signatureOf(alg, privateKey, input).toString("base64url")}`;
}

const headerOf = ({ alg, publicJwk }: Signer) => ({ alg, kid: publicJwk["kid"], typ: "at+jwt" });
const header = headerOf(eddsa);
const withHeader = (members: object) => make({ ...header, ...members }, own());
const withClaims = (members: object) => make(header, { ...own(), ...members });
const withForeign = (members: object) => make(header, { ...base(), ...members });

function hmac(alg: string, kid: string | undefined, key: Buffer | string): string {
  const input = `${encode({ alg, kid, typ: "at+jwt" })}.${encode(own())}`;
  return `${input}.${createHmac(`sha${alg.slice(2)}`, key)
    .update(input)
    .digest("base64url")}`;
}

const good = () => make(header, own());
const pem = createPublicKey(rs256.privateKey).export({ type: "spki", format: "pem" });
const segments = () => good().split(".") as [string, string, string];
const nested = (depth: number) => `${'{"x":'.repeat(depth)}1${"}".repeat(depth)}`;
const text = (members: string) => `${JSON.stringify(own()).slice(0, -1)},${members}}`;
const changed = (signature: Buffer) => {
  const [h, p] = segments();
  return `${h}.${p}.${signature.toString("base64url")}`;
};
const signatureBytes = () => Buffer.from(segments()[2], "base64url");
const es256Token = (change: (signature: Buffer) => Buffer) => {
  const input = `${encode(headerOf(es256))}.${encode(own())}`;
  return `${input}.${change(signatureOf("ES256", es256.privateKey, input)).toString("base64url")}`;
};
const order = 0xedd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010n;

/** Adds the order of the group to s, which makes a second signature of the same message. */
function malleable(): Buffer {
  const bytes = signatureBytes();
  const little = (part: Buffer) => BigInt(`0x${Buffer.from(part).reverse().toString("hex")}`);
  const l = little(Buffer.from(order.toString(16).padStart(64, "0"), "hex"));
  const s = little(bytes.subarray(32)) + l;
  const hex = s.toString(16).padStart(64, "0");
  return Buffer.concat([bytes.subarray(0, 32), Buffer.from(hex, "hex").reverse()]).subarray(0, 64);
}

type Row = readonly [string, () => string];

/** Tokens that verifiers accept. */
export const accepted: readonly Row[] = [
  ...[...signers.values()].flatMap((one): readonly Row[] => [
    [`a token of ${one.alg}`, () => make(headerOf(one), own(), one)],
    [`a token of ${one.alg} without kid`, () => make({ alg: one.alg }, own(), one)],
  ]),
  ["a token of other software", () => withForeign({})],
  ...["JWT", "jwt", "AT+JWT", "application/at+jwt", undefined].map(
    (typ): Row => [`typ ${typ}`, () => withHeader({ typ })],
  ),
  ["aud among several", () => withClaims({ aud: ["https://elsewhere.example", audience] })],
  ["an exp within the leeway", () => withClaims({ exp: now() - 30 })],
  ["an nbf within the leeway", () => withClaims({ nbf: now() + 30 })],
  ["an exp with a fraction of zero", () => make(header, text(`"x":1`).replace(/"exp":(\d+)/, '"exp":$1.0'))],
  ["an exp with an exponent", () => make(header, text(`"x":1`).replace(/"exp":(\d+)/, '"exp":$100e-2'))],
  ["members that are not read", () => withClaims({ cnf: {}, x: null, deep: JSON.parse(nested(60)) })],
  ["spaces in the JSON", () => make(` ${JSON.stringify(header)}\n`, `\t${JSON.stringify(own())} `)],
  ["a pair of surrogates as escapes", () => make(header, text('"x":"\\ud83d\\ude00"'))],
  ["a jwk in the header, which is not read", () => withHeader({ jwk: {}, jku: "https://thief.example" })],
  ["a login of a session that is not ASCII", () => withClaims({ login: "Àlice" })],
  ["a login with a backslash and quotes", () => withClaims({ login: '\\"u' })],
  ["text behind an escaped backslash that is no escape", () => make(header, text('"x":"\\\\ud800"'))],
];

/** Tokens that verifiers reject as `invalid_token`. */
export const rejected: readonly Row[] = [
  ...Object.entries(bad).map(([name, one]): Row => [name, () => make(headerOf(one), own(), one)]),
  ["a published secret", () => hmac("HS256", "published-secret", secret)],
  ["the public key as a secret", () => hmac("HS256", "key-RS256", pem)],
  ["the public key as a secret, without kid", () => hmac("HS256", undefined, pem)],
  ["no signature with alg none", () => `${encode({ ...header, alg: "none" })}.${encode(own())}.`],
  ["no signature with alg none and without kid", () => `${encode({ alg: "none" })}.${encode(own())}.`],
  ["EdDSA under the name of its other algorithm", () => withHeader({ alg: "Ed25519" })],
  ["an alg in lower case", () => withHeader({ alg: "eddsa" })],
  ["an alg that is a list", () => withHeader({ alg: ["EdDSA"] })],
  ["no alg", () => withHeader({ alg: undefined })],
  ["the alg of another key", () => make({ ...header, kid: "key-ES256" }, own())],
  ["the key of another kid", () => make({ ...header, kid: "key-Ed25519", alg: "Ed25519" }, own())],
  ["an unknown kid", () => withHeader({ kid: "unknown" })],
  ["a kid that is empty", () => withHeader({ kid: "" })],
  ["a kid that is null", () => withHeader({ kid: null })],
  ["a kid that is a number", () => withHeader({ kid: 1 })],
  ["a kid that is a path", () => withHeader({ kid: "../../dev/null" })],
  ["crit", () => withHeader({ crit: ["x"], x: 1 })],
  ["a crit that is null", () => withHeader({ crit: null })],
  ["b64", () => withHeader({ b64: true })],
  ...["rt+jwt", "dp+jwt", "lt+jwt", "id+jwt", "JWE", "", "jwt ", "at+jwt;x=1", "applİcation/jwt"].map(
    (typ): Row => [`typ ${JSON.stringify(typ)}`, () => withHeader({ typ })],
  ),
  ["a typ that is null", () => withHeader({ typ: null })],
  ["a repeated member of the header", () => make('{"alg":"none","alg":"EdDSA","kid":"key-EdDSA"}', own())],
  ["a repeated member in an escape", () => make('{"alg":"EdDSA","\\u0061lg":"EdDSA","kid":"key-EdDSA"}', own())],
  ["a byte order mark", () => make(`\ufeff${JSON.stringify(header)}`, own())],
  ["a header that is a list", () => make("[]", own())],
  ["a payload that is a list", () => make(header, "[]")],
  ["a payload that is null", () => make(header, "null")],
  ["a repeated claim", () => make(header, text('"login":"bob"'))],
  ["a repeated claim far inside", () => make(header, text('"x":[{"y":{"a":1,"a":2}}]'))],
  [
    "bytes that are not UTF-8",
    () =>
      make(header, Buffer.concat([Buffer.from(text('"x":"').slice(0, -1)), Buffer.from([0xff]), Buffer.from('"}')])),
  ],
  ["half of a surrogate pair", () => make(header, text('"x":"\\ud800"'))],
  ["half of a surrogate pair in a name", () => make(header, text('"\\udfff":1'))],
  ["a low surrogate first", () => make(header, text('"x":"\\ude00\\ud83d"'))],
  ["NaN", () => make(header, text('"x":NaN'))],
  ["a comment", () => make(header, text('"x":1/**/'))],
  ["a comma at the end", () => make(header, text('"x":1,'))],
  ["a second value", () => make(header, `${JSON.stringify(own())}{}`)],
  ["a control character in a text", () => make(header, text('"x":"\u0001"'))],
  ["an object that is nested too deeply", () => make(header, text(`"x":${nested(64)}`))],
  [
    "a list that is nested as deep as it can be",
    () => make(header, text(`"x":${"[".repeat(2500)}${"]".repeat(2500)}`)),
  ],
  ["padding", () => `${good()}=`],
  // 64 bytes leave four bits of the last character unused.
  [
    "unused bits in the signature",
    () => good().replace(/.$/, (last) => ({ A: "B", Q: "R", g: "h", w: "x" })[last] ?? ""),
  ],
  ["a space in a segment", () => good().replace(".", " .")],
  ["plain base64", () => good().replace(/\.([^.]*)$/, (_, last: string) => `.${last.slice(0, 40)}+/${last.slice(42)}`)],
  ["two segments", () => segments().slice(0, 2).join(".")],
  ["four segments", () => `${good()}.`],
  ["only dots", () => ".."],
  ["no text", () => "x"],
  ["a token of more than 8 KiB", () => withClaims({ x: "x".repeat(6300) })],
  [
    "another payload under the signature",
    () => [segments()[0], encode({ ...own(), login: "bob" }), segments()[2]].join("."),
  ],
  ["a signature that is cut", () => changed(signatureBytes().subarray(0, 63))],
  ["a signature with one more byte", () => changed(Buffer.concat([signatureBytes(), Buffer.of(0)]))],
  ["a signature of zeros", () => changed(Buffer.alloc(64))],
  ["a second signature of the same message", () => changed(malleable())],
  [
    "a signature of ECDSA in DER",
    () => {
      const input = `${encode(headerOf(es256))}.${encode(own())}`;
      return `${input}.${sign("sha256", Buffer.from(input), es256.privateKey).toString("base64url")}`;
    },
  ],
  ["a signature of ECDSA that is cut", () => es256Token((bytes) => bytes.subarray(0, 63))],
  [
    "a signature of ECDSA with zeros before r and s",
    () => es256Token((bytes) => Buffer.concat([Buffer.of(0), bytes.subarray(0, 32), Buffer.of(0), bytes.subarray(32)])),
  ],
  ["r and s of zero", () => es256Token(() => Buffer.alloc(64))],
  [
    "a PSS signature with a long salt",
    () => {
      const one = signerOf("PS256");
      const input = `${encode(headerOf(one))}.${encode(own())}`;
      const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 };
      return `${input}.${sign("sha256", Buffer.from(input), { key: one.privateKey, ...pss }).toString("base64url")}`;
    },
  ],
  ["another issuer", () => withClaims({ iss: "https://elsewhere.example" })],
  ["no issuer", () => withClaims({ iss: undefined })],
  ["a list of issuers", () => withClaims({ iss: [issuer] })],
  ["another audience", () => withClaims({ aud: `${audience}/` })],
  ["no audience", () => withClaims({ aud: undefined })],
  ["an audience that is an object", () => withClaims({ aud: { [audience]: true } })],
  ["an audience beside a number", () => withClaims({ aud: [audience, 1] })],
  ["an exp that is over", () => withClaims({ exp: now() - 60 })],
  ["no exp", () => withClaims({ exp: undefined })],
  ["an exp that is null", () => withClaims({ exp: null })],
  ["an exp that is a text", () => withClaims({ exp: String(now() + 600) })],
  ["an exp that is true", () => withClaims({ exp: true })],
  ["an exp with a fraction", () => withClaims({ exp: now() + 600.5 })],
  ["an exp after the year 9999", () => withClaims({ exp: 253_402_300_800 })],
  ["an exp that is endless", () => make(header, text('"x":1').replace(/"exp":\d+/, '"exp":1e999'))],
  ["an exp with 5000 digits", () => make(header, text('"x":1').replace(/"exp":\d+/, `"exp":${"9".repeat(5000)}`))],
  ["an nbf that is ahead", () => withClaims({ nbf: now() + 120 })],
  ["an iat that is ahead", () => withClaims({ iat: now() + 120 })],
  ["a negative nbf", () => withClaims({ nbf: -1 })],
  ["a far exp of a token without sid", () => withForeign({ exp: now() + 90_000 })],
  ["a far exp of a service", () => withClaims({ client_id: "x", exp: now() + 90_000 })],
  ["no login", () => withClaims({ login: undefined })],
  ["a login that is empty", () => withClaims({ login: "" })],
  ["a login in another case", () => withClaims({ login: undefined, Login: "alice" })],
  ...["login", "sub", "sid", "jti", "acr"].map(
    (name): Row => [`the claim ${name} as a number`, () => withClaims({ [name]: 1 })],
  ),
  ...["login", "sub", "sid", "jti", "acr", "gen", "ver", "iat", "nbf", "amr", "roles", "scope", "auth_time"].map(
    (name): Row => [`the claim ${name} as null`, () => withClaims({ [name]: null })],
  ),
  ["a negative gen", () => withClaims({ gen: -1 })],
  ["a gen that is true", () => withClaims({ gen: true })],
  ["a ver that is too large", () => make(header, text('"x":1').replace(/"ver":\d+/, '"ver":9007199254740992'))],
  ["roles that are a text", () => withClaims({ roles: "editor" })],
  ["roles with a number", () => withClaims({ roles: ["editor", 1] })],
];

/** Tokens of other kinds, which a route that names none does not take: `credential_not_accepted`. */
export const notTaken: readonly Row[] = [
  ["act", () => withClaims({ act: { sub: "2" } })],
  ["an act that is null", () => withClaims({ act: null })],
  ["by", () => withClaims({ by: "x" })],
  ["client_id", () => withClaims({ client_id: "x" })],
  ["a client_id that is empty", () => withForeign({ client_id: "" })],
];

/** A good token with other claims, under the name of another key or of another algorithm. */
export function signedToken(claims: object, kid?: string, alg = "EdDSA"): string {
  const one = signerOf(alg);
  return make({ ...headerOf(one), ...(kid !== undefined && { kid }) }, { ...own(), ...claims }, one);
}
