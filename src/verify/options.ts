// The options of createVerifier. A wrong or misspelled option is an error where it is written.
import { type Clock, leewayMaxSeconds, systemClock } from "../clock.js";
import { type Duration, parseDuration } from "../duration.js";
import { ConfigurationError } from "../errors.js";
import { parseRoleScopes, roleScopesForm } from "../levels/scopes.js";
import { readUrl } from "../outbound/secure-url.js";
import { parseResources, type ResourceInput, resourcesForm } from "../resources.js";
import { importVerifyingKeys } from "../signing-keys/jwk-set.js";

/** The revocation feed to follow (docs/guides/verifying.md). */
export interface FollowedRevocations {
  /** `{prefix}/revocations` of the Ampho that issues the tokens: https, or http on the loopback interface. */
  readonly url: string;
  /** The AMPHO_SECURITY_REVOCATION_FEED_TOKEN of that Ampho. */
  readonly token: string;
  /** How long the feed can be unreachable before 503 `unavailable`: `"5s"` to `"1d"`, by default `"30s"`. */
  readonly lagMax?: Duration | undefined;
  /** Accepts tokens also after `lagMax`, so that a revoked token might still authorize. */
  readonly failOpen?: boolean | undefined;
}

interface VerifierRules<S extends string> {
  /** The scopes of each role, as AMPHO_SECURITY_SCOPES of the server, for tokens that carry none. By default none. */
  readonly scopes?: Readonly<Record<string, readonly S[]>> | undefined;
  /** The protected resources that routes can name, as AMPHO_SECURITY_RESOURCES of a server. By default none. */
  readonly resources?: readonly ResourceInput[] | undefined;
  /** The `iss` that every token must have. */
  readonly issuer?: string | undefined;
  /** Every token's `aud` must hold this value, or one of these. */
  readonly audience?: string | readonly string[] | undefined;
  /** The clock skew that is allowed around `nbf` and `exp`: 0 to `"5m"`, by default `"1m"`. */
  readonly leeway?: Duration | undefined;
  /** How far ahead the `exp` of a token without `sid` can lie, by default `"1d"`. */
  readonly foreignTtl?: Duration | undefined;
  /** Rejects revoked tokens within a second. Without this, a token authorizes until it expires. */
  readonly revocations?: FollowedRevocations | undefined;
  /** Receives each line for people, for example that keys cannot be fetched. The default is `console.error`. */
  readonly log?: ((line: string) => void) | undefined;
  /** Replaces the machine's clock in tests. */
  readonly clock?: Clock | undefined;
}

/**
 * The keys (a JWK Set, or one JWK), or the URL where they are published.
 * @example
 * const options: VerifierOptions = {
 *   jwksUrl: "https://login.example/api/security/.well-known/jwks.json",
 *   issuer: "https://login.example",
 *   audience: "https://api.example",
 *   leeway: "30s",
 *   foreignTtl: "1h",
 *   scopes: { editor: ["articles:write"] },
 *   resources: [{ resource: "https://api.example/mcp", servers: ["https://login.example"] }],
 *   revocations: { url: "https://login.example/api/security/revocations", token: feedToken },
 *   log: console.error,
 *   clock: { now: () => 1_800_000_000, monotonicMs: () => performance.now() },
 * };
 * const fixed: VerifierOptions = { keys: jwkSet };
 */
export type VerifierOptions<S extends string = string> = VerifierRules<S> &
  (
    | {
        /** The public keys: a JWK Set (RFC 7517 §5), or one JWK. */
        readonly keys: object;
        readonly jwksUrl?: undefined;
      }
    | {
        /** `{prefix}/.well-known/jwks.json`: https, or http on the loopback interface. */
        readonly jwksUrl: string;
        readonly keys?: undefined;
      }
  );

const optionNames = "keys jwksUrl issuer audience leeway foreignTtl scopes resources revocations log clock".split(" ");
const revocationsNames = ["url", "token", "failOpen", "lagMax"];

/** Throws ConfigurationError. Its message contains no key and no token. */
export function checkVerifierOptions(options: VerifierOptions) {
  requireKnown("createVerifier", options, optionNames);
  const { keys, jwksUrl, revocations, log = (line) => console.error(`ampho: ${line}`), clock = systemClock } = options;
  if ((keys === undefined) === (jwksUrl === undefined))
    throw new ConfigurationError("createVerifier needs either `keys` or `jwksUrl`.");
  const imported = keys === undefined ? undefined : importKeys(keys);
  for (const warning of imported?.warnings ?? []) log(`keys: ${warning}`);
  const scopes = parseRoleScopes(options.scopes ?? {});
  if (scopes === undefined) throw new ConfigurationError(`scopes must be ${roleScopesForm}.`);
  const resources = parseResources(options.resources ?? []);
  if (resources === undefined) throw new ConfigurationError(`resources must be ${resourcesForm}.`);
  return {
    scopes,
    resources,
    /** Empty if they are fetched. */
    keys: imported?.keys ?? [],
    jwksUrl: jwksUrl === undefined ? undefined : readUrl("jwksUrl", jwksUrl),
    rules: {
      issuer: options.issuer === undefined ? undefined : readText("issuer", options.issuer),
      audience: readAudience(options.audience),
      leewaySeconds: readSeconds("leeway", options.leeway ?? 60, 0, leewayMaxSeconds),
      foreignMaxSeconds: readSeconds("foreignTtl", options.foreignTtl ?? 86_400, 0, 315_360_000),
    },
    revocations: revocations === undefined ? undefined : readRevocations(revocations),
    log,
    clock,
  };
}

/** The message names the option, because the caller can pass several. */
function importKeys(keys: object): ReturnType<typeof importVerifyingKeys> {
  try {
    return importVerifyingKeys(keys);
  } catch (error) {
    if (error instanceof ConfigurationError) throw new ConfigurationError(`keys cannot be used: ${error.message}.`);
    throw error;
  }
}

function readRevocations(options: FollowedRevocations) {
  requireKnown("revocations", options, revocationsNames);
  const { url, token, failOpen = false, lagMax = 30 } = options;
  if (typeof failOpen !== "boolean") throw new ConfigurationError("revocations.failOpen must be true or false.");
  // No Ampho has another form of token (docs/reference/contract.md §2), and a header cannot carry every character.
  if (typeof token !== "string" || !/^[!-~]{32,1024}$/.test(token))
    throw new ConfigurationError(
      "revocations.token must be the AMPHO_SECURITY_REVOCATION_FEED_TOKEN of the server: 32 to 1024 visible ASCII characters.",
    );
  return {
    url: readUrl("revocations.url", url),
    token,
    failOpen,
    lagMaxSeconds: readSeconds("revocations.lagMax", lagMax, 5, 86_400),
  };
}

function requireKnown(owner: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null)
    throw new ConfigurationError(`The options of ${owner} must be an object.`);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new ConfigurationError(
    `${owner} has no option ${JSON.stringify(unknown.slice(0, 40))}. The options are ${known.join(", ")}.`,
  );
}

function readText(name: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw new ConfigurationError(`${name} must be a text that is not empty.`);
}

function readAudience(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  // An empty list would accept every audience.
  if (list.length === 0) throw new ConfigurationError("audience must be a text, or an array of at least one text.");
  return list.map((item) => readText("audience", item));
}

function readSeconds(name: string, value: Duration, min: number, max: number): number {
  const seconds = parseDuration(value);
  if (seconds !== undefined && seconds >= min && seconds <= max) return seconds;
  throw new ConfigurationError(
    `${name} must be whole seconds from ${min} to ${max} or a duration such as "1m", but is ${JSON.stringify(value)}.`,
  );
}
