// `ampho/verify`: the guard for services that hold no store. Keys are given or fetched, revocations may be followed by the
// feed; tokens are judged by the same code as in an Ampho. Needs nothing of Node but `node:crypto` and `node:buffer`.

import type { Authorize } from "../adapters/authorize-types.js";
import { createFetchAuthorize } from "../adapters/fetch-authorize.js";
import { toFetchResponse } from "../adapters/fetch-response.js";
import { AmphoError, isError } from "../errors.js";
import { createGuard } from "../guard/guard.js";
import type { GuardInstance } from "../http/rest/host.js";
import { onlyAuthorization, splitAuthorization } from "../http/rest/request/authorization.js";
import { createErrorResponder } from "../http/rest/responses/problems.js";
import { feedNames } from "../sessions/feed-entry.js";
import { createRevocationSet } from "../sessions/revocation-set.js";
import { createAccessTokens } from "../tokens/access-tokens.js";
import type { Auth, Requirements } from "../tokens/auth.js";
import { bearerOf } from "../tokens/bearer.js";
import { accessToken, verifyJwt } from "../tokens/jwt.js";
import { TokenRejection } from "../tokens/rejection.js";
import { followFeed } from "./follow-feed.js";
import { fetchedKeySource, fixedKeySource } from "./key-source.js";
import { readVerifierOptions, type VerifierOptions } from "./options.js";

export type {
  Authorize,
  Guarded,
  GuardedBy,
  HandlerOf,
  MandatoryRequirements,
  RequestHolder,
} from "../adapters/authorize-types.js";
export { toHandler } from "../adapters/fetch-authorize.js";
export type { Clock } from "../clock.js";
export { AmphoError, ConfigurationError, type ErrorCode, type ErrorDetails } from "../errors.js";
export type { HttpResponse } from "../http/rest/message.js";
export type { Auth, AuthOf, Requirements } from "../tokens/auth.js";
export type { FollowedRevocations, VerifierOptions } from "./options.js";

/** What no verifier can be asked: it has no store. */
export interface WithoutDatabase {
  readonly live?: never;
}

export interface Verifier extends GuardInstance {
  /** Who a token speaks for; rejects with AmphoError `invalid_token`, or `unavailable` while keys or revocations are not known. */
  verify(token: string): Promise<Auth>;
  /** Guards a handler of a fetch-native host: wrapper and decorator, with a requirements (but for `live`) or without. */
  readonly authorize: Authorize<WithoutDatabase>;
  /**
   * Seconds for which something may have been revoked without being known here: below 3 while all is well, `Infinity` before
   * the first answer, undefined when no feed is followed.
   */
  revocationLag(): number | undefined;
  /** Resolves when keys and revocations are known; rejects with `unavailable` when they cannot be had now. */
  ready(): Promise<void>;
  /** Stops following and fetching; may be called twice. A verifier that follows a feed keeps its process alive until then. */
  close(): void;
}

/** Throws ConfigurationError for options that are wrong. Fetches nothing before the first token, but follows a feed at once. */
export function createVerifier(options: VerifierOptions): Verifier {
  const { keys, jwksUrl, rules, revocations: followed, log, clock } = readVerifierOptions(options);
  const revocations = createRevocationSet(feedNames, () => {});
  const source =
    jwksUrl === undefined
      ? fixedKeySource(keys)
      : fetchedKeySource({ url: jwksUrl, clock, log, changed: () => tokens.clearCache() });
  const tokens = createAccessTokens({
    verify: (token, now) =>
      verifyJwt(token, source.keys ?? noKeys(), accessToken, { ...rules, now, revokedKeys: revocations.revokedKeys }),
    isKeyRevoked: (kid) => revocations.revokedKeys.size > 0 && revocations.revokedKeys.has(kid),
    ...rules,
  });
  const { foreignMaxSeconds } = rules;
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
    checkLive: () => Promise.reject(noStore()),
  });

  /** What has to be waited for before anything can be judged: usually nothing. */
  function prepare(): Promise<unknown> | undefined {
    const waiting = [source.prepare(), feed?.starting, feed?.pendingRead()].filter((one) => one !== undefined);
    return waiting.length === 0 ? undefined : Promise.all(waiting);
  }

  /** Judges, and anew when the token's key is unknown and the set could be asked for. */
  function judge<A>(attempt: () => A | Promise<A>): A | Promise<A> {
    try {
      return attempt();
    } catch (error) {
      return judgeAgain(attempt, askFor(error));
    }
  }

  async function judgeAgain<A>(attempt: () => A | Promise<A>, asking: Promise<void>): Promise<A> {
    for (let awaited = asking; ; ) {
      await awaited;
      try {
        return await attempt();
      } catch (error) {
        // What was under way may have been asked for before the key was there. Asking has its cool-down, so this ends.
        awaited = askFor(error);
      }
    }
  }

  /** Throws the error on, unless a newer set may know the token's key; then asks for one. */
  function askFor(error: unknown): Promise<void> {
    if (!isUnknownKey(error)) throw error;
    const asking = source.askAgain();
    if (asking !== undefined) return asking;
    throw source.failing ? noKeysError(error) : error;
  }

  function whenPrepared<A>(attempt: () => A | Promise<A>): A | Promise<A> {
    const waiting = prepare();
    // Nothing is awaited where nothing has to be waited for.
    return waiting === undefined ? judge(attempt) : waiting.then(() => judge(attempt));
  }

  function guard<R>(authorization: string | undefined, requirements: Requirements<R> | undefined, request: R) {
    if (requirements?.live === true) throw noStore();
    const attempt = (): Auth | undefined | Promise<Auth | undefined> =>
      core.guard(authorization, requirements, request);
    // Without a token there is nothing to judge.
    return bearerOf(authorization) === undefined ? attempt() : whenPrepared(attempt);
  }

  const refusal = createErrorResponder((error) => log(`internal error: ${stackOf(error)}`));
  return {
    verify: async (token) => whenPrepared<Auth>(() => core.verify(token)),
    authorize: createFetchAuthorize<WithoutDatabase>({
      guard,
      authorizationOf: ({ headers }) => onlyAuthorization(splitAuthorization(headers.get("authorization"))),
      refuse: (error) => toFetchResponse(refusal(error)),
      live: false,
    }),
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
    host: { guard, refusal, live: false },
  };
}

function isUnknownKey(error: unknown): boolean {
  return error instanceof TokenRejection && (error.why === "unknownKey" || error.why === "noKey");
}

function noKeysError(cause?: unknown): AmphoError {
  return new AmphoError(
    "unavailable",
    "The keys cannot be fetched at the moment.",
    { retryAfterSeconds: 1 },
    { cause },
  );
}

function noKeys(): never {
  throw noKeysError();
}

function noStore(): TypeError {
  return new TypeError("`live` needs the database, and a verifier has none. Remove `live`, or use createAmpho.");
}

function stackOf(error: unknown): string {
  return isError(error) ? (error.stack ?? error.message) : "something that is no Error was thrown";
}
