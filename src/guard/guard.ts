// The guard: is this request let in, and as whom? It asks no store unless the requirements says `live`.
// Bearer token -> verified, or seen before -> not revoked -> the requirements holds -> a frozen Auth.

import type { Clock } from "../clock.js";
import { AmphoError } from "../errors.js";
import type { RevocationSet } from "../sessions/revocation-set.js";
import type { AccessToken, AccessTokens } from "../tokens/access-tokens.js";
import type { Auth } from "../tokens/auth.js";
import { bearerOf } from "../tokens/bearer.js";
import { type CheckedRequirements, missingToken } from "./requirements.js";

export interface Guard {
  /** Throws `invalid_token`, or `unavailable` while revocations are not known. */
  verify(token: string): Auth;
  /** Guards a request by its one Authorization value. Throws, or rejects where it answers with a promise. */
  guard<R>(
    authorization: string | undefined,
    requirements: CheckedRequirements<R> | undefined,
    request: R,
  ): Auth | undefined | Promise<Auth | undefined>;
}

export interface GuardDeps {
  readonly tokens: Pick<AccessTokens, "verifyAccess" | "verifyBearer">;
  readonly revocations: Pick<RevocationSet, "version" | "find">;
  readonly clock: Pick<Clock, "now">;
  /** Whether it is known well enough what is revoked. */
  readonly revocationsKnown: () => boolean;
  /** What has to be waited for before anything is judged: usually nothing. Never rejects. */
  readonly pendingRead?: () => Promise<void> | undefined;
  /** What `live` asks: who the token's user is by the store of now. Rejects with `invalid_token`. */
  readonly checkLive: (token: AccessToken) => Promise<Auth>;
}

export function createGuard(deps: GuardDeps): Guard {
  const { tokens, revocations, clock, revocationsKnown, pendingRead, checkLive } = deps;

  function requireNotRevoked(verified: AccessToken): AccessToken {
    // Found good at this version of the set, it still is: most requests ask nothing at all.
    if (verified.clearedAt === revocations.version) return verified;
    if (revocations.find(verified.claims) !== undefined)
      throw new AmphoError("invalid_token", "The token was revoked.");
    verified.clearedAt = revocations.version;
    return verified;
  }

  function verifyBearer(authorization: string | undefined): AccessToken | undefined {
    if (!revocationsKnown() && bearerOf(authorization) !== undefined) throw revocationsUnknown();
    const verified = tokens.verifyBearer(authorization, clock.now());
    return verified && requireNotRevoked(verified);
  }

  function guard<R>(authorization: string | undefined, requirements: CheckedRequirements<R> | undefined, request: R) {
    const waiting = pendingRead?.();
    if (waiting === undefined || bearerOf(authorization) === undefined)
      return judge(authorization, requirements, request);
    return waiting.then(() => judge(authorization, requirements, request));
  }

  function judge<R>(authorization: string | undefined, requirements: CheckedRequirements<R> | undefined, request: R) {
    const verified = verifyBearer(authorization);
    if (verified === undefined) {
      if (requirements?.optional === true) return undefined;
      throw missingToken();
    }
    if (requirements === undefined) return verified.auth;
    if (requirements.maxAge !== undefined) requireFresh(verified.claims.auth_time, requirements.maxAge, clock.now());
    if (requirements.live === true)
      return checkLive(verified).then((auth) => {
        // Between the question and the answer the session may have been ended in this very process.
        verifyBearer(authorization);
        return holds(auth, requirements, request);
      });
    return holds(verified.auth, requirements, request);
  }

  function verify(token: string): Auth {
    if (!revocationsKnown()) throw revocationsUnknown();
    return requireNotRevoked(tokens.verifyAccess(token, clock.now())).auth;
  }

  return { verify, guard };
}

function holds<R>(auth: Auth, requirements: CheckedRequirements<R>, request: R): Auth | Promise<Auth> {
  const { roles, scopes, can } = requirements;
  if (roles !== undefined && !roles.some((role) => auth.roles.includes(role))) throw insufficient(scopes);
  if (scopes !== undefined && !scopes.every((scope) => auth.scopes.includes(scope))) throw insufficient(scopes);
  if (can === undefined) return auth;
  const decision = can(auth, request);
  if (decision === true) return auth;
  // Any thenable, such as a query of some databases, becomes a real promise: nothing else may pass for an Auth later on.
  if (typeof decision === "object" && typeof decision?.then === "function")
    return Promise.resolve(decision).then((later) => {
      if (later !== true) throw insufficient(scopes);
      return auth;
    });
  throw insufficient(scopes);
}

function revocationsUnknown(): AmphoError {
  return new AmphoError("unavailable", "Revocations cannot be read at the moment.", { retryAfterSeconds: 1 });
}

function insufficient(scopes: readonly string[] | undefined): AmphoError {
  return new AmphoError("insufficient_scope", "This is not allowed for you.", scopes === undefined ? {} : { scopes });
}

/** RFC 9470: a token that does not say when its user logged in is as old as can be. */
function requireFresh(authTime: number | undefined, maxAgeSeconds: number, now: number): void {
  // Written so that a value that is no number rejects.
  if (authTime === undefined || !(now - authTime <= maxAgeSeconds))
    throw new AmphoError("login_too_old", "A fresher login is needed.", { maxAgeSeconds });
}
