// An instance whose service accounts get access tokens.
import type { AmphoOptions, Auth } from "../../dist/index.js";
import { openWorld, type ReadResponse, type World } from "../world/ampho.js";

export const scopes = { editor: ["articles:read", "articles:write"], reader: ["articles:read"] };

/** The requirements of a route that takes services. */
export const readers = { credentials: ["key", "service"], scopes: ["articles:read"] } as const;
export const writers = { credentials: ["key", "service"], scopes: ["articles:write"] } as const;

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
  const { key, id: keyId } = await world.ampho.services.createKey(name);
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
