// The libraries of Node, each used as its own documentation shows.
import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import { createSigner, createVerifier, type Algorithm as FastAlgorithm } from "fast-jwt";
import { sign as signHono, verify as verifyHono, verifyWithJwks } from "hono/jwt";
import { createRemoteJWKSet, importJWK, jwtVerify, SignJWT } from "jose";
import jsonwebtoken from "jsonwebtoken";

export type Jwk = Readonly<Record<string, string>>;
type Claims = Readonly<Record<string, unknown>>;

export interface Asked {
  readonly algorithm: string;
  readonly issuer: string;
  readonly audience: string;
}

export interface Library {
  readonly verify: (token: string, key: Jwk, asked: Asked) => Promise<Claims>;
  /** With the key that the token names, from the JWKS of a URL. */
  readonly verifyByUrl: (token: string, jwksUrl: string, asked: Asked) => Promise<Claims>;
  /** A token with as little in its header as the library can do. */
  readonly make: (
    claims: { readonly login: string; readonly exp: number },
    key: Jwk,
    algorithm: string,
  ) => Promise<string>;
}

const secretOf = (jwk: Jwk): Buffer => Buffer.from(jwk["k"] ?? "", "base64url");
const verifyingKey = (jwk: Jwk): KeyObject =>
  jwk["kty"] === "oct" ? createSecretKey(secretOf(jwk)) : createPublicKey({ key: jwk, format: "jwk" });
const signingKey = (jwk: Jwk): KeyObject =>
  jwk["kty"] === "oct" ? createSecretKey(secretOf(jwk)) : createPrivateKey({ key: jwk, format: "jwk" });
const publicPem = (jwk: Jwk): string =>
  String(createPublicKey({ key: jwk, format: "jwk" }).export({ format: "pem", type: "spki" }));
const privatePem = (jwk: Jwk): string =>
  String(createPrivateKey({ key: jwk, format: "jwk" }).export({ format: "pem", type: "pkcs8" }));

async function fetchKey(jwksUrl: string, kid: unknown): Promise<Jwk> {
  const { keys }: { keys: Jwk[] } = await (await fetch(jwksUrl)).json();
  const found = keys.find((key) => key["kid"] === kid);
  if (found === undefined) throw new Error("no such key");
  return found;
}

const jose: Library = {
  async verify(token, key, { algorithm, issuer, audience }) {
    const options = { algorithms: [algorithm], issuer, audience, typ: "at+jwt" };
    return (await jwtVerify(token, await importJWK(key, algorithm), options)).payload;
  },
  async verifyByUrl(token, jwksUrl, { algorithm, issuer, audience }) {
    const options = { algorithms: [algorithm], issuer, audience, typ: "at+jwt" };
    return (await jwtVerify(token, createRemoteJWKSet(new URL(jwksUrl)), options)).payload;
  },
  make: async (claims, key, algorithm) =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg: algorithm }).sign(await importJWK(key, algorithm)),
};

// The types contain only the algorithms of the library. At run time the library itself must reject the others.
const algorithmOf = (algorithm: string) => algorithm as jsonwebtoken.Algorithm;

const jsonWebToken: Library = {
  async verify(token, key, { algorithm, issuer, audience }) {
    const options = { algorithms: [algorithmOf(algorithm)], issuer, audience };
    return Object(jsonwebtoken.verify(token, verifyingKey(key), options));
  },
  async verifyByUrl(token, jwksUrl, asked) {
    const { header } = jsonwebtoken.decode(token, { complete: true }) ?? {};
    return jsonWebToken.verify(token, await fetchKey(jwksUrl, header?.kid), asked);
  },
  make: async (claims, key, algorithm) =>
    jsonwebtoken.sign({ ...claims }, signingKey(key), { algorithm: algorithmOf(algorithm), noTimestamp: true }),
};

const fastJwt: Library = {
  async verify(token, key, { algorithm, issuer, audience }) {
    const algorithms = [algorithm as FastAlgorithm];
    const secret = key["kty"] === "oct" ? secretOf(key) : publicPem(key);
    return createVerifier({ key: secret, algorithms, allowedIss: issuer, allowedAud: audience })(token);
  },
  async verifyByUrl(token, jwksUrl, { algorithm, issuer, audience }) {
    const algorithms = [algorithm as FastAlgorithm];
    const key = async ({ header }: { header: { kid?: string } }) => publicPem(await fetchKey(jwksUrl, header.kid));
    return createVerifier({ key, algorithms, allowedIss: issuer, allowedAud: audience })(token);
  },
  make: async (claims, key, algorithm) =>
    createSigner({
      key: key["kty"] === "oct" ? secretOf(key) : privatePem(key),
      algorithm: algorithm as FastAlgorithm,
      noTimestamp: true,
    })(claims),
};

type HonoAlgorithm = NonNullable<Parameters<typeof signHono>[2]>;
type HonoPublicAlgorithm = Parameters<typeof verifyWithJwks>[1]["allowedAlgorithms"][number];

const honoJwt: Library = {
  verify: (token, key, { algorithm, issuer, audience }) =>
    verifyHono(token, { ...key }, { alg: algorithm as HonoAlgorithm, iss: issuer, aud: audience, typ: "at+jwt" }),
  verifyByUrl: (token, jwksUrl, { algorithm, issuer, audience }) =>
    verifyWithJwks(token, {
      jwks_uri: jwksUrl,
      allowedAlgorithms: [algorithm as HonoPublicAlgorithm],
      verification: { iss: issuer, aud: audience, typ: "at+jwt" },
    }),
  make: (claims, key, algorithm) => signHono({ ...claims }, { ...key }, algorithm as HonoAlgorithm),
};

export const libraries: Readonly<Record<string, Library>> = {
  jose,
  jsonwebtoken: jsonWebToken,
  "fast-jwt": fastJwt,
  "hono/jwt": honoJwt,
};
