// `ampho/verify`: the guard for services without the database. It is given keys or fetches them, and can follow the
// revocation feed. The same code checks tokens in an Ampho. Of Node it needs `node:crypto` and `node:buffer` only.
import type { Authorize } from "../adapters/authorize-types.js";
import { createFetchAuthorize } from "../adapters/fetch-authorize.js";
import { AmphoError } from "../errors.js";
import { createGuard } from "../guard/guard.js";
import { liveNeedsDatabase } from "../guard/requirement-rows.js";
import type { CheckedRequirements } from "../guard/requirements.js";
import { challengeForResources } from "../guard/resource-challenge.js";
import type { VerifierHost, VerifierInstance } from "../http/rest/host.js";
import { createErrorResponder } from "../http/rest/responses/problems.js";
import { knownScopes } from "../levels/scopes.js";
import { internalErrorLine } from "../log-lines.js";
import { feedNames } from "../sessions/feed-entry.js";
import { createRevocationSet } from "../sessions/revocation-set.js";
import { fetchedKeySource, fixedKeySource } from "../signing-keys/key-source.js";
import { createAccessTokens } from "../tokens/access-tokens.js";
import type { Auth } from "../tokens/auth.js";
import { bearerOf } from "../tokens/bearer.js";
import type { Credential } from "../tokens/credential.js";
import { accessToken, verifyJwt } from "../tokens/jwt.js";
import { TokenRejection } from "../tokens/rejection.js";
import { followFeed } from "./follow-feed.js";
import { checkVerifierOptions, type VerifierOptions } from "./options.js";

export type {
  Authorize,
  Authorizer,
  GuardedFetchHandler,
  HandlerOf,
  RequestHolder,
} from "../adapters/authorize-types.js";
export { toHandler } from "../adapters/fetch-authorize.js";
export type { Clock } from "../clock.js";
export type { Duration } from "../duration.js";
export { AmphoError, ConfigurationError, type ErrorCode, type ErrorDetails } from "../errors.js";
export type { AuthOf, MandatoryRequirements, Requirements } from "../guard/requirements.js";
export type { HttpResponse } from "../http/rest/message.js";
export type { Acr } from "../levels/acr.js";
export type { Register, Role } from "../levels/role.js";
export type { ResourceInput } from "../resources.js";
export type { Auth } from "../tokens/auth.js";
export type { Credential } from "../tokens/credential.js";
export type { FollowedRevocations, VerifierOptions } from "./options.js";

/** Requirements of a verifier, which has no database. */
export interface WithoutDatabase {
  /** Cannot be required. A verifier has no pages. */
  readonly redirect?: never;
  /** Cannot be set, because a verifier has no database. */
  readonly live?: never;
}

/** Verifies tokens of another service, without a database. */
export interface Verifier<S extends string = string> extends VerifierInstance<S> {
  /**
   * Returns the user of a token. `credentials` is what it can be, as in requirements. Rejects with `invalid_token`,
   * `credential_not_accepted`, or with `unavailable` while keys or revocations are unknown.
   * @example const { login, roles } = await verifier.verify(token);
   */
  verify(token: string, credentials?: readonly Credential[]): Promise<Auth<S>>;
  /**
   * Guards a Fetch handler, as a wrapper or a decorator, with requirements (except `live`) or without.
   * @example export const GET = verifier.authorize({ roles: ["editor"] }, (request, auth) => new Response(auth.login));
   */
  readonly authorize: Authorize<WithoutDatabase, S>;
  /**
   * Upper bound of the seconds for which a revocation might be unknown here: below 3 in normal operation, `Infinity`
   * before the first response of the feed. Undefined if no feed is followed.
   * @example const lagSeconds = verifier.revocationLag();
   */
  revocationLag(): number | undefined;
  /**
   * Resolves when keys and revocations are known. Rejects with `unavailable` if they cannot be fetched now.
   * @example await verifier.ready();
   */
  ready(): Promise<void>;
  /**
   * Stops all requests. It can be called twice. A verifier that follows a feed keeps its process alive until then.
   * @example verifier.close();
   */
  close(): void;
}

/**
 * Throws ConfigurationError for wrong options. It fetches keys at the first token, and follows the feed at once.
 * @example
 * const verifier = createVerifier({
 *   jwksUrl: "https://login.example/api/security/.well-known/jwks.json",
 *   audience: "https://api.example",
 * });
 */
export function createVerifier<const S extends string = string>(options: VerifierOptions<S>): Verifier<S> {
  const { scopes, resources, keys, jwksUrl, rules, revocations: followed, log, clock } = checkVerifierOptions(options);
  const revocations = createRevocationSet(feedNames, () => {});
  const source =
    jwksUrl === undefined
      ? fixedKeySource(keys)
      : fetchedKeySource({ url: jwksUrl, clock, log, changed: () => tokens.clearCache() });
  const { leewaySeconds, issuer, foreignMaxSeconds } = rules;
  const resourceNames = resources.map(({ resource }) => resource);
  const audience = rules.audience && [...rules.audience, ...resourceNames];
  const { revokedKeys } = revocations;
  const tokens = createAccessTokens({
    // Written out, because to spread the rules takes a quarter of the whole time.
    verify: (token, now) =>
      verifyJwt(token, source.keys ?? noKeys(), accessToken, {
        now,
        leewaySeconds,
        issuer,
        audience,
        foreignMaxSeconds,
        revokedKeys,
      }),
    isSigningKeyRevoked: (kid) => revokedKeys.size > 0 && revokedKeys.has(kid),
    scopes,
    resources: resourceNames,
    audience: rules.audience,
    leewaySeconds,
    foreignMaxSeconds,
  });
  const feed = followed && followFeed({ ...followed, revocations, foreignMaxSeconds, clock, log });

  function isFollowing(): boolean {
    const lag = feed?.lagSeconds();
    return followed === undefined || (lag !== undefined && lag <= followed.lagMaxSeconds);
  }

  const core = createGuard({
    tokens,
    revocations,
    clock,
    revocationsKnown: () => followed?.failOpen === true || isFollowing(),
    checkLive: () => Promise.reject(liveNeedsDatabase()),
  });

  /** Returns what must be awaited before a token can be checked, usually nothing. */
  function prepare(): Promise<unknown> | undefined {
    const waiting = [source.prepare(), feed?.starting, feed?.pendingRead()].filter((one) => one !== undefined);
    return waiting.length === 0 ? undefined : Promise.all(waiting);
  }

  /** Checks a token, and checks it again after the keys were fetched because its key is unknown. */
  function check<A>(attempt: () => A | Promise<A>): A | Promise<A> {
    try {
      return attempt();
    } catch (error) {
      return checkAgain(attempt, fetchKeyOf(error));
    }
  }

  async function checkAgain<A>(attempt: () => A | Promise<A>, fetching: Promise<void>): Promise<A> {
    for (let awaited = fetching; ; ) {
      await awaited;
      try {
        return await attempt();
      } catch (error) {
        // A running fetch can be older than the publication of the key. The cool-down of fetches ends this.
        awaited = fetchKeyOf(error);
      }
    }
  }

  /** Fetches the keys if a newer set might contain the token's key. Otherwise throws the error. */
  function fetchKeyOf(error: unknown): Promise<void> {
    if (!isUnknownKey(error)) throw error;
    const fetching = source.refetch();
    if (fetching !== undefined) return fetching;
    throw source.failing ? noKeysError(error) : error;
  }

  function whenPrepared<A>(attempt: () => A | Promise<A>): A | Promise<A> {
    const waiting = prepare();
    return waiting === undefined ? check(attempt) : waiting.then(() => check(attempt));
  }

  function guard<R>(authorization: string | undefined, requirements: CheckedRequirements<R> | undefined, request: R) {
    if (requirements?.live === true) throw liveNeedsDatabase();
    const attempt = (): Auth | undefined | Promise<Auth | undefined> =>
      core.guard(authorization, requirements, request);
    // Without a token there is nothing to check.
    return bearerOf(authorization) === undefined ? attempt() : whenPrepared(attempt);
  }

  const errorResponse = createErrorResponder((error) => log(internalErrorLine(error)));
  const known = knownScopes(scopes);
  const host: VerifierHost = {
    guard: challengeForResources(guard, resources),
    errorResponse,
    live: false,
    scopes: known,
    resources,
  };
  return {
    // The texts of the options.
    scopes: known as readonly S[] | undefined,
    verify: async (token, credentials) => whenPrepared(() => core.verify(token, credentials) as Auth<S>),
    authorize: createFetchAuthorize<WithoutDatabase, S>(host),
    revocationLag: () => feed && (feed.lagSeconds() ?? Number.POSITIVE_INFINITY),
    async ready() {
      await prepare();
      if (source.keys === undefined) noKeys();
      if (!isFollowing()) throw new AmphoError("unavailable", "Revocations cannot be read.", { retryAfterSeconds: 1 });
    },
    close() {
      feed?.stop();
      source.close();
    },
    host,
  };
}

const isUnknownKey = (error: unknown): boolean =>
  error instanceof TokenRejection && (error.why === "unknownKey" || error.why === "noKey");

const noKeysError = (cause?: unknown): AmphoError =>
  new AmphoError(
    "unavailable",
    "The keys cannot be fetched at the moment. Try again later.",
    { retryAfterSeconds: 1 },
    { cause },
  );

function noKeys(): never {
  throw noKeysError();
}
