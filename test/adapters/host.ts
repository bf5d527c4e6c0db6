// What every framework is asked to build for the suite, and the needs that its routes have.

import type { Ampho, Auth, Requirements } from "../../dist/index.js";

export interface Setup {
  /** Compression and CORS in front of everything. */
  readonly front: boolean;
  /** The framework's usual body parsers in front of the REST API. */
  readonly parsers: boolean;
  /** The application answers refusals itself, in one place: the refusal's status and `{ "taken": code }`. */
  readonly takeOver: boolean;
}

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves, with Ampho mounted:
 * - GET /open, unguarded; GET /throws, guarded, whose handler throws;
 * - GET /need/{name} by `authorize` and GET /certain/{name} by `guarded` for each of `needsFor`;
 * - GET /group/inner and /group/admin in a router or group that is guarded, the latter with the need `admin` besides;
 * - GET /outer/inner/me, guarded, under two prefixes;
 * - POST /raw, guarded, whose handler reads the stream itself; POST /parsed, guarded, behind the framework's parser.
 */
export interface Host {
  readonly name: string;
  readonly start: (ampho: Ampho, setup: Setup) => Promise<Listening>;
  /** Whether the framework has a way of errors that refusals take. */
  readonly takesOver: boolean;
  /** Whether the framework's JSON parser always stands in front. */
  readonly parsesFirst?: true;
}

export const origin = "https://app.example";

export const who = (auth: Auth | undefined) => ({ login: auth?.login ?? null });

/** `allowed`: what the header `X-Allow` of the framework's own request says. */
export function needsFor<R>(allowed: (request: R) => string | undefined) {
  const can = (_auth: Auth, request: R) => allowed(request) === "yes";
  return {
    plain: {},
    editor: { roles: ["admin", "editor"] },
    admin: { roles: ["admin"] },
    scoped: { scopes: ["articles:write"] },
    unscoped: { scopes: ["articles:write", "articles:delete"] },
    fresh: { maxAge: 300 },
    strict: { live: true },
    optional: { optional: true },
    can: { can },
    later: { can: async (auth: Auth, request: R) => can(auth, request) },
    broken: {
      can: () => {
        throw new Error("something-of-the-inside");
      },
    },
  } as const satisfies Readonly<Record<string, Requirements<R>>>;
}

export async function sizeOf(stream: AsyncIterable<Uint8Array>): Promise<{ bytes: number }> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.byteLength;
  return { bytes };
}
