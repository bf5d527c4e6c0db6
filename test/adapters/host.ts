// The application that every framework builds for the suite, and the requirements of its routes.

import type { Ampho, Auth, Requirements } from "../../dist/index.js";

export interface Setup {
  /** Compression and CORS in front of everything. */
  readonly front: boolean;
  /** The framework's usual body parsers in front of the REST API. */
  readonly parsers: boolean;
  /** The application responds to rejections itself, with their status and `{ "taken": code }`. */
  readonly takeOver: boolean;
}

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves these routes with Ampho mounted:
 * - GET /open without a guard
 * - GET /throws with a guard and a handler that throws
 * - GET /need/{name} by `authorize` and GET /certain/{name} by `guarded` for each of `needsFor`
 * - GET /group/inner and /group/admin in a guarded router or group, where the latter also requires `admin`
 * - GET /outer/inner/me with a guard under two prefixes
 * - POST /raw with a guard and a handler that reads the stream itself
 * - POST /parsed with a guard behind the framework's parser
 */
export interface Host {
  readonly name: string;
  readonly start: (ampho: Ampho, setup: Setup) => Promise<Listening>;
  /** True if rejections go through the framework's error handling. */
  readonly takesOver: boolean;
  /** True if the framework's JSON parser always runs first. */
  readonly parsesFirst?: true;
}

export const origin = "https://app.example";

export const who = (auth: Auth | undefined) => ({ login: auth?.login ?? null });

/** Two protected resources of every instance of the suite. */
export const resources = [
  { resource: "https://api.example/mcp", scopes: ["articles:write"], servers: ["https://id.example"] },
  { resource: "https://files.example" },
];

/** `allowed` reads the header `X-Allow` of the framework's own request. */
export function needsFor<R>(allowed: (request: R) => string | undefined) {
  const can = (_auth: Auth, request: R) => allowed(request) === "yes";
  return {
    plain: {},
    editor: { roles: ["admin", "editor"] },
    admin: { roles: ["admin"] },
    scoped: { scopes: ["articles:write"] },
    unscoped: { scopes: ["articles:write", "articles:delete"] },
    fresh: { maxAge: 300 },
    second: { acr: "2fa" },
    secondFresh: { acr: "2fa", maxAge: 300 },
    secondOptional: { acr: "2fa", optional: true },
    strict: { live: true },
    optional: { optional: true },
    session: { credentials: ["session"] },
    delegated: { credentials: ["session", "delegated"], can: () => true },
    delegatedRole: { credentials: ["delegated"], roles: ["editor"], can: () => true },
    delegatedLive: { credentials: ["delegated"], live: true, can: () => true },
    keys: { credentials: ["session", "api_key"], scopes: ["articles:write"] },
    keyLive: { credentials: ["api_key"], scopes: ["articles:write"], live: true },
    keyRole: { credentials: ["api_key"], roles: ["editor"], can: () => true },
    keyCan: { credentials: ["api_key"], can: ({ apiKey }: Auth) => apiKey?.name === "Suite" },
    service: { credentials: ["service"], scopes: ["articles:write"] },
    resource: { resource: "https://api.example/mcp" },
    resourceRole: { resource: "https://api.example/mcp", roles: ["admin"], scopes: ["articles:write"] },
    resourceScope: { resource: "https://api.example/mcp", scopes: ["articles:delete"] },
    resourceCan: { resource: "https://api.example/mcp", can: async () => false },
    resourceOptional: { resource: "https://api.example/mcp", optional: true },
    can: { can },
    later: { can: async (auth: Auth, request: R) => can(auth, request) },
    broken: {
      can: () => {
        throw new Error("something-of-the-inside");
      },
    },
  } as const satisfies Readonly<Record<string, Requirements<R>>>;
}

/** The requirements as pairs. `redirect` needs an instance with pages. */
export const needsOn = <N extends object>({ host }: Ampho, needs: N): readonly [string, N[keyof N] | Redirecting][] =>
  Object.entries({ ...needs, ...(host.pagesPrefix !== undefined && redirecting) });

type Redirecting = (typeof redirecting)[keyof typeof redirecting];
const redirecting = {
  page: { redirect: true },
  pageFresh: { redirect: true, maxAge: 300 },
  pageSecond: { redirect: true, acr: "2fa" },
  pageAdmin: { redirect: true, roles: ["admin"] },
} as const satisfies Readonly<Record<string, Requirements>>;

export async function sizeOf(stream: AsyncIterable<Uint8Array>): Promise<{ bytes: number }> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.byteLength;
  return { bytes };
}
