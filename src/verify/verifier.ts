// `ampho/verify`: the guard for services that hold no store. Keys are given or fetched, revocations may be followed by the
// feed; tokens are judged by the same code as in an Ampho. Needs nothing of Node but `node:crypto` and `node:buffer`.
import { createAccessTokens } from "../tokens/access-tokens.js";
import type { Auth, Need } from "../tokens/auth.js";
import { bearerOf } from "../tokens/bearer.js";
import { namesInFeed } from "../sessions/feed-entry.js";
import { createGuard } from "../guard/guard.js";
import { createRevocationSet } from "../sessions/revocation-set.js";
import { accessToken, verifyJwt } from "../tokens/jwt.js";
import { TokenRefusal } from "../tokens/rejection.js";
import { AmphoError, isError } from "../errors.js";
import { onlyAuthorization, splitAuthorization } from "../http/rest/authorization.js";
import type { GuardHost } from "../http/rest/guard-host.js";
import type { Authorize } from "../adapters/authorize-types.js";
import { createRefusal } from "../http/rest/problems.js";
import { responseOf } from "../adapters/fetch-response.js";
import { createAuthorize } from "../adapters/fetch-authorize.js";
import { followFeed } from "./follow-feed.js";
import { fetchedKeySource, fixedKeySource } from "./key-source.js";
import { readVerifierOptions, type VerifierOptions } from "./options.js";

export type { Auth, AuthOf, Need } from "../tokens/auth.js";
export type { Clock } from "../clock.js";
export { AmphoError, ConfigurationError, type ErrorCode, type ErrorDetails } from "../errors.js";
export type { Authorize, CertainNeed, Guarded, Guarding, HandlerOf, RequestHolder } from "../adapters/authorize-types.js";
export type { HttpAnswer } from "../http/rest/message.js";
export { handlerOf } from "../adapters/fetch-authorize.js";
export type { FollowedRevocations, VerifierOptions } from "./options.js";

/** What no verifier can be asked: it has no store. */
export interface Storeless {
  readonly strict?: never;
}

export interface Verifier extends GuardHost {
  /** Who a token speaks for; rejects with AmphoError `invalid_token`, or `unavailable` while keys or revocations are not known. */
  verify(token: string): Promise<Auth>;
  /** Guards a handler of a fetch-native host: wrapper and decorator, with a need (but for `strict`) or without. */
  readonly authorize: Authorize<Storeless>;
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
  const { keys, jwksUrl, rules, revocations: followed, notice, clock } = readVerifierOptions(options);
  const revocations = createRevocationSet(namesInFeed, () => {});
  const source =
    jwksUrl === undefined
      ? fixedKeySource(keys)
      : fetchedKeySource({ url: jwksUrl, clock, notice, changed: () => tokens.forget() });
  const tokens = createAccessTokens({
    verify: (token, now) =>
      verifyJwt(token, source.keys ?? noKeys(), accessToken, { ...rules, now, revokedKeys: revocations.revokedKeys }),
    isKeyRevoked: (kid) => revocations.revokedKeys.size > 0 && revocations.revokedKeys.has(kid),
    ...rules,
  });
  const { foreignMaxSeconds } = rules;
  const feed = followed && followFeed({ ...followed, revocations, foreignMaxSeconds, clock, notice });

  function isFollowing(): boolean {
    const lag = feed?.lagSeconds();
    return followed === undefined || (lag !== undefined && lag <= followed.lagMaxSeconds);
  }

  const core = createGuard({
    tokens,
    revocations,
    clock,
    knowsRevocations: () => followed?.failOpen === true || isFollowing(),
    presentAuth: () => Promise.reject(noStore()),
  });

  /** What has to be waited for before anything can be judged: usually nothing. */
  function prepare(): Promise<unknown> | undefined {
    const waiting = [source.prepare(), feed?.starting, feed?.catchUp()].filter((one) => one !== undefined);
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

  function guard<R>(authorization: string | undefined, need: Need<R> | undefined, request: R) {
    if (need?.strict === true) throw noStore();
    const attempt = (): Auth | undefined | Promise<Auth | undefined> => core.guard(authorization, need, request);
    // Without a token there is nothing to judge.
    return bearerOf(authorization) === undefined ? attempt() : whenPrepared(attempt);
  }

  const refusal = createRefusal((error) => notice(`internal error: ${stackOf(error)}`));
  return {
    verify: async (token) => whenPrepared<Auth>(() => core.verify(token)),
    authorize: createAuthorize<Storeless>({
      guard,
      authorizationOf: ({ headers }) => onlyAuthorization(splitAuthorization(headers.get("authorization"))),
      refuse: (error) => responseOf(refusal(error)),
      strict: false,
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
    guard,
    refusal,
    strict: false,
  };
}

function isUnknownKey(error: unknown): boolean {
  return error instanceof TokenRefusal && (error.why === "unknownKey" || error.why === "noKey");
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
  return new TypeError("a need with `strict` asks the store, which a verifier has not");
}

function stackOf(error: unknown): string {
  return isError(error) ? (error.stack ?? error.message) : "something that is no Error was thrown";
}
