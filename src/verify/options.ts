// The options of createVerifier, checked: whatever is wrong or misspelt is told where it is written.
import { type Clock, systemClock } from "../clock.js";
import { ConfigurationError } from "../errors.js";
import { importVerifyingKeys } from "../keys/jwk-set.js";
import type { Key } from "../keys/key.js";
import { readUrl } from "./fetch-json.js";

export interface FollowedRevocations {
  /** `{prefix}/revocations` of the Ampho that issues the tokens: https, or http on the loopback interface. */
  readonly url: string;
  /** Its `AMPHO_SECURITY_REVOCATION_FEED_TOKEN`. */
  readonly token: string;
  /** Lets tokens in although revocations cannot be read. By default that is refused with 503 `unavailable`. */
  readonly failOpen?: boolean | undefined;
  /** Seconds for which revocations may be unknown before they count as not readable: 5 to 86400, by default 30. */
  readonly lagMax?: number | undefined;
}

interface Rules {
  /** What `iss` has to be. */
  readonly issuer?: string | undefined;
  /** `aud` has to hold this, or one of these. */
  readonly audience?: string | readonly string[] | undefined;
  /** Clock skew that is allowed, seconds: 0 to 300, by default 60. */
  readonly leeway?: number | undefined;
  /** How many seconds ahead the `exp` of a token without `sid` may lie, by default 86400. */
  readonly foreignTtl?: number | undefined;
  /** What was revoked is refused within a second. Without this a token is good until it expires. */
  readonly revocations?: FollowedRevocations | undefined;
  /** Gets each line for people, such as that keys cannot be fetched. By default they go to `console.error`. */
  readonly log?: ((line: string) => void) | undefined;
  /** Instead of the machine's clock, for tests. */
  readonly clock?: Clock | undefined;
}

/** Keys that are given (a JWK, or a JWK Set with public, private or symmetric keys), or where they are published. */
export type VerifierOptions = Rules &
  (
    | { readonly keys: object; readonly jwksUrl?: undefined }
    | {
        /** `{prefix}/.well-known/jwks.json`: https, or http on the loopback interface. */
        readonly jwksUrl: string;
        readonly keys?: undefined;
      }
  );

export interface ReadOptions {
  /** Empty when they are fetched. */
  readonly keys: readonly Key[];
  readonly jwksUrl: URL | undefined;
  readonly rules: {
    readonly issuer: string | undefined;
    readonly audience: readonly string[] | undefined;
    readonly leewaySeconds: number;
    readonly foreignMaxSeconds: number;
  };
  readonly revocations:
    | { readonly url: URL; readonly token: string; readonly failOpen: boolean; readonly lagMaxSeconds: number }
    | undefined;
  readonly log: (line: string) => void;
  readonly clock: Clock;
}

const names = ["keys", "jwksUrl", "issuer", "audience", "leeway", "foreignTtl", "revocations", "log", "clock"];
const feedNames = ["url", "token", "failOpen", "lagMax"];

/** Throws ConfigurationError; it holds no key and no token. */
export function readVerifierOptions(options: VerifierOptions): ReadOptions {
  requireKnown("createVerifier", options, names);
  const { keys, jwksUrl, revocations, log = (line) => console.error(`ampho: ${line}`), clock = systemClock } = options;
  if ((keys === undefined) === (jwksUrl === undefined)) throw new ConfigurationError("give either keys or jwksUrl");
  const imported = keys === undefined ? undefined : importVerifyingKeys(keys);
  for (const warning of imported?.warnings ?? []) log(`keys: ${warning}`);
  return {
    keys: imported?.keys ?? [],
    jwksUrl: jwksUrl === undefined ? undefined : readUrl("jwksUrl", jwksUrl),
    rules: {
      issuer: options.issuer === undefined ? undefined : readText("issuer", options.issuer),
      audience: readAudience(options.audience),
      leewaySeconds: readWhole("leeway", options.leeway ?? 60, 0, 300),
      foreignMaxSeconds: readWhole("foreignTtl", options.foreignTtl ?? 86_400, 0, 315_360_000),
    },
    revocations: revocations === undefined ? undefined : readFeed(revocations),
    log,
    clock,
  };
}

function readFeed(options: FollowedRevocations): NonNullable<ReadOptions["revocations"]> {
  requireKnown("revocations", options, feedNames);
  const { url, token, failOpen = false, lagMax = 30 } = options;
  if (typeof failOpen !== "boolean") throw new ConfigurationError("failOpen must be true or false");
  // What a header cannot hold, or what no Ampho has (contract §2), could never be let in.
  if (typeof token !== "string" || !/^[!-~]{32,1024}$/.test(token))
    throw new ConfigurationError("token of revocations must be the AMPHO_SECURITY_REVOCATION_FEED_TOKEN of the server");
  return {
    url: readUrl("url of revocations", url),
    token,
    failOpen,
    lagMaxSeconds: readWhole("lagMax", lagMax, 5, 86_400),
  };
}

function requireKnown(place: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) throw new ConfigurationError(`${place} takes an object`);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new ConfigurationError(
    `${place} knows no option ${JSON.stringify(unknown.slice(0, 40))}; it knows ${known.join(", ")}`,
  );
}

function readText(name: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw new ConfigurationError(`${name} must be a text that is not empty`);
}

function readAudience(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  // An empty list would let every audience in, which nobody means.
  if (list.length === 0) throw new ConfigurationError("audience must be a text, or an array of one or more");
  return list.map((one) => readText("audience", one));
}

function readWhole(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new ConfigurationError(`${name} must be a whole number of seconds from ${min} to ${max}`);
}
