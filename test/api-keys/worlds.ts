// An instance whose users can have API keys.
import type { AmphoOptions, Auth } from "../../dist/index.js";
import { type FullGrant, fullGrant, openWorld, type World } from "../world/ampho.js";

export const scopes = { editor: ["articles:read", "articles:write"], reader: ["articles:read"] };

/** The requirements of a route that takes keys. */
export const readers = { credentials: ["session", "api_key"], scopes: ["articles:read"] } as const;
export const writers = { credentials: ["api_key"], scopes: ["articles:write"] } as const;

export interface Keys {
  readonly world: World;
  readonly userId: string;
  readonly grant: FullGrant;
  /** Creates a key by the application. */
  create(more?: object): Promise<{ readonly id: string; readonly key: string }>;
  /** The number of reads of keys until now. */
  reads(): number;
  /** The response of a route to a credential: the scopes, or the code of the error. */
  ask(token: string, requirements?: object, address?: string): Promise<string>;
}

/** `ann` is an editor. */
export async function openKeys(options: AmphoOptions = {}): Promise<Keys> {
  const world = await openWorld({ scopes, apiKeys: 5, ...options });
  const ann = await world.ampho.users.create({ login: "ann", roles: ["editor"] });
  return keysOf(world, ann.id, options);
}

export async function keysOf(world: World, userId: string, _options: AmphoOptions = {}): Promise<Keys> {
  const { ampho } = world;
  return {
    world,
    userId,
    grant: fullGrant(await ampho.sessions.create(userId, { authTime: world.clock.now() })),
    create: (more = {}) => ampho.apiKeys.create(userId, { name: "Backup", scopes: ["articles:read"], ...more }),
    reads: () => readsOf(ampho.metrics()),
    ask: (token, requirements = readers, address) => askGuard(world, token, requirements, address),
  };
}

/** The calls of an operation of the database, by the metrics. */
export function readsOf(metrics: string, operation = "findApiKeys"): number {
  const line = metrics.split("\n").find((each) => each.includes(`_count{db_operation_name="${operation}"`));
  return Number(line?.split(" ").at(-1) ?? 0);
}

export async function askGuard({ ampho }: Pick<World, "ampho">, token: string, requirements: object, address?: string) {
  try {
    const request = { peerAddress: address };
    const auth = (await ampho.host.guard(`Bearer ${token}`, requirements, request)) as Auth | undefined;
    return auth?.scopes.join(" ") ?? "nobody";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}
