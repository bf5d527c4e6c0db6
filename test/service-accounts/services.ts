// An instance whose service accounts get access tokens.
import { type KeyObject, randomUUID, sign } from "node:crypto";
import type { AmphoOptions, Auth } from "../../dist/index.js";
import { openWorld, type ReadResponse, type World } from "../world/ampho.js";
import { keyPair } from "../world/key-pairs.js";

export const scopes = { editor: ["articles:read", "articles:write"], reader: ["articles:read"] };

/** The requirements of a route that takes services. */
export const readers = { credentials: ["api_key", "service"], scopes: ["articles:read"] } as const;
export const writers = { credentials: ["api_key", "service"], scopes: ["articles:write"] } as const;

export interface Service {
  readonly world: World;
  readonly id: string;
  readonly key: string;
  readonly keyId: string;
}

/** `nightly` can read articles. */
export async function openService(options: AmphoOptions = {}): Promise<Service> {
  return serviceOf(await openWorld({ scopes, tokenEndpoint: true, ...options }));
}

export async function serviceOf(
  world: World,
  name = "nightly",
  has: readonly string[] = ["articles:read"],
): Promise<Service> {
  const { id } = await world.ampho.services.add({ name, scopes: has });
  const { key, id: keyId } = await world.ampho.services.createApiKey(name);
  return { world, id, key, keyId };
}

export const basic = (id: string, key: string) => ({
  Authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(key)}`).toString("base64")}`,
});

interface Asked {
  readonly scope?: string;
  readonly address?: string;
}

/** Asks `POST /token` with `client_secret_basic`. */
export function askToken({ world, id, key }: Pick<Service, "world" | "id" | "key">, asked: Asked = {}) {
  const { scope, address } = asked;
  const form = { grant_type: "client_credentials", ...(scope !== undefined && { scope }) };
  return world.call("POST", "/token", { form, headers: basic(id, key), ...(address !== undefined && { address }) });
}

export async function tokenOf(service: Pick<Service, "world" | "id" | "key">, asked?: Asked): Promise<string> {
  const { json, text } = await askToken(service, asked);
  if (typeof json["access_token"] !== "string") throw new Error(text);
  return json["access_token"];
}

/** The status, the code, and whether the error has the form of RFC 6749 §5.2. */
export const outcomeOf = ({ status, json }: ReadResponse) => [
  status,
  json["error"] ?? "none",
  ...(json["error"] !== undefined && json["error_description"] !== json["message"] ? ["not in the form"] : []),
];

/** The scopes that a route gets for a credential, or the code of its error. */
export async function askGuard({ ampho }: Pick<World, "ampho">, token: string, requirements: object = readers) {
  try {
    const auth = (await ampho.host.guard(`Bearer ${token}`, requirements, {})) as Auth | undefined;
    return auth?.scopes.join(" ") ?? "nobody";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

/** The issuer of an instance that accepts assertions, and their audience. */
export const issuer = "https://id.example";

export const pair = (kid: string) => {
  const { privateKey, publicKey } = keyPair("ec", { namedCurve: "P-256" });
  return { kid, privateKey, publicKey, jwk: { ...publicKey.export({ format: "jwk" }), kid, alg: "ES256" } };
};

export type Pair = ReturnType<typeof pair>;

export const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

export function signed(header: object, claims: object, key: KeyObject): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

export const claimsFor = ({ world, id }: Pick<Service, "world" | "id">, more: object = {}) => {
  const now = world.clock.now();
  return { iss: id, sub: id, aud: issuer, jti: randomUUID(), iat: now, exp: now + 60, ...more };
};

const type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** Asks `POST /token` with `private_key_jwt`. */
export function sendAssertion(
  { world }: Pick<Service, "world">,
  assertion: string,
  more: object = {},
  headers = {},
  address?: string,
) {
  const sent = { client_assertion_type: type, client_assertion: assertion, ...more };
  const form = { grant_type: "client_credentials", ...sent };
  return world.call("POST", "/token", { form, headers, ...(address !== undefined && { address }) });
}
