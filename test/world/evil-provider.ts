// An OpenID provider under the control of an attacker, on the loopback interface. It publishes and signs what a test asks for.
import { createHmac, type KeyObject, sign } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { keyPair } from "./key-pairs.js";
import { listening } from "./listen.js";

type Claims = Readonly<Record<string, unknown>>;
export type Responder = (request: IncomingMessage, response: ServerResponse) => void;

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly jwk: Claims;
}

export function signingKey(kid = "key-1"): SigningKey {
  const { privateKey, publicKey } = keyPair("ec", { namedCurve: "P-256" });
  return { kid, alg: "ES256", privateKey, jwk: { ...publicKey.export({ format: "jwk" }), kid, use: "sig" } };
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Signs with ES256, whatever the header names. */
export function signed(key: SigningKey, claims: Claims, header: Claims = {}): string {
  const input = `${encode({ alg: key.alg, kid: key.kid, ...header })}.${encode(claims)}`;
  return `${input}.${sign("sha256", Buffer.from(input), { key: key.privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

/** Signs with HS256 and any secret. */
export function signedWithSecret(secret: string, claims: Claims, header: Claims = {}): string {
  const input = `${encode({ alg: "HS256", ...header })}.${encode(claims)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

/** Redirects to another host. */
export const redirect: Responder = (_request, response) =>
  void response.writeHead(302, { location: "http://169.254.169.254/" }).end();

export const unsigned = (claims: Claims) => `${encode({ alg: "none" })}.${encode(claims)}.`;

export const json =
  (value: unknown, status = 200): Responder =>
  (_request, response) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));

export interface EvilProvider {
  readonly origin: string;
  readonly issuer: string;
  readonly key: SigningKey;
  /** The form of each request to the token endpoint, with its `Authorization` header. */
  readonly tokenRequests: (URLSearchParams & { authorization?: string | undefined })[];
  /** The paths of all requests. */
  readonly requested: string[];
  /** The metadata as it is published. A test can change it. */
  metadata: Record<string, unknown>;
  /** The members of the JWK Set. */
  keys: readonly Claims[];
  /** The response of the token endpoint. The default has a good ID token of `claims`. */
  token: (claims: Claims) => Responder;
  /** The claims of the next ID token, over good ones. `undefined` removes a claim. */
  claims: Record<string, unknown>;
  /** Overrides the response of a path. */
  readonly routes: Map<string, Responder>;
}

/** `now` is the time of its tokens. `path` is the path of the issuer. */
export async function startEvilProvider(now: () => number, path = "", clientId = "client-1"): Promise<EvilProvider> {
  const { url: origin } = await listening((request, response) => void serve(request, response));
  const issuer = `${origin}${path}`;
  const key = signingKey();

  const provider: EvilProvider = {
    origin,
    issuer,
    key,
    tokenRequests: [],
    requested: [],
    metadata: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      id_token_signing_alg_values_supported: ["ES256", "HS256", "none", "PS256"],
      code_challenge_methods_supported: ["S256"],
    },
    keys: [key.jwk],
    token: (claims) => json({ access_token: "at-1", token_type: "Bearer", id_token: signed(key, claims) }),
    claims: {},
    routes: new Map(),
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "", origin);
    provider.requested.push(pathname);
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const override = provider.routes.get(pathname);
    if (override !== undefined) return override(request, response);
    if (pathname.endsWith("/openid-configuration")) return json(provider.metadata)(request, response);
    if (pathname === `${path}/jwks`) return json({ keys: provider.keys })(request, response);
    if (pathname !== `${path}/token`) return json({}, 404)(request, response);
    const { authorization } = request.headers;
    provider.tokenRequests.push(Object.assign(new URLSearchParams(body), { authorization }));
    const good = { iss: issuer, sub: "user-1", aud: clientId, exp: now() + 300, iat: now(), auth_time: now() };
    return provider.token(JSON.parse(JSON.stringify({ ...good, ...provider.claims })))(request, response);
  }

  return provider;
}
