// The guard: bearer token -> verified, now or before -> not revoked -> the requirements hold -> a frozen Auth. It calls
// the database only for `live` requirements and for API keys that it has not read lately.
import type { Clock } from "../clock.js";
import { AmphoError } from "../errors.js";
import type { RevocationSet } from "../sessions/revocation-set.js";
import { type AccessToken, type AccessTokens, ApiKeyToken, UnreadApiKey } from "../tokens/access-tokens.js";
import type { Auth } from "../tokens/auth.js";
import { bearerOf } from "../tokens/bearer.js";
import { type Credential, requireCredential } from "../tokens/credential.js";
import { reject } from "../tokens/rejection.js";
import type { ApiKeys } from "./api-keys.js";
import { anyResource, type Decisions, decisionsOf, insufficient } from "./requirement-rows.js";
import { type CheckedRequirements, missingToken } from "./requirements.js";

export interface Guard {
  /** Throws or rejects with `invalid_token`, `credential_not_accepted`, `unavailable`. A promise for API keys only. */
  verify(token: string, credentials?: readonly Credential[]): Auth | Promise<Auth>;
  /** The same for a caller that cannot wait. Throws `unavailable` also while a read is pending, or is needed. */
  verifySync(token: string, credentials?: readonly Credential[]): Auth;
  /** Guards a request by its one Authorization value. Throws, or rejects where it returns a promise. */
  guard<R>(
    authorization: string | undefined,
    requirements: CheckedRequirements<R> | undefined,
    request: R,
  ): Auth | undefined | Promise<Auth | undefined>;
}

export interface GuardDeps {
  readonly tokens: Pick<AccessTokens, "verifyAccess" | "verifyBearer">;
  /** Undefined where no API keys are accepted. */
  readonly keys?: ApiKeys | undefined;
  readonly revocations: Pick<RevocationSet, "version" | "find" | "isOutdated">;
  readonly clock: Pick<Clock, "now">;
  /** The revocations were read recently enough. */
  readonly revocationsKnown: () => boolean;
  /** A read of the revocations that a request must wait for. Nearly always undefined. Never rejects. */
  readonly pendingRead?: () => Promise<void> | undefined;
  /** Returns the Auth of `live` requirements. Rejects with `invalid_token` or `unavailable`. */
  readonly checkLive: (token: AccessToken) => Promise<Auth>;
}

/** So many times a key is read, if something is revoked during each read. */
const readsMax = 3;

export function createGuard(deps: GuardDeps): Guard {
  const { tokens, keys, revocations, clock, revocationsKnown, pendingRead, checkLive } = deps;

  function requireNotRevoked(verified: AccessToken): AccessToken {
    // The set has not changed since the token was last looked up in it. So most requests look up nothing.
    if (verified.clearedAt === revocations.version) return verified;
    if (verified instanceof ApiKeyToken) {
      // Its rights might only have changed, so the database decides before the request is rejected.
      if (revocations.isOutdated(verified)) throw new UnreadApiKey();
    } else if (verified.claims === undefined || revocations.find(verified.claims) !== undefined)
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
      return attempt(authorization, requirements, request);
    return waiting.then(() => attempt(authorization, requirements, request));
  }

  function attempt<R>(authorization: string | undefined, requirements: CheckedRequirements<R> | undefined, request: R) {
    let verified: AccessToken | undefined;
    try {
      verified = verifyBearer(authorization);
    } catch (error) {
      const token = bearerOf(authorization);
      if (!(error instanceof UnreadApiKey) || keys === undefined || token === undefined) throw error;
      // Where no key is accepted, none is read. A key has no audience.
      if ((requirements?.resource ?? anyResource) !== anyResource) reject("apiKeyAudience");
      requireCredential("api_key", requirements?.credentials);
      return readKey(keys, token, request, requirements?.live === true).then((read) =>
        decide(read, authorization, requirements, request, true),
      );
    }
    return decide(verified, authorization, requirements, request);
  }

  /** `isLive`: the database was just read. */
  async function readKey(keys: ApiKeys, token: string, request: unknown, isLive = false): Promise<ApiKeyToken> {
    for (let reads = 0; reads < readsMax; reads++) {
      const read = await keys.read(token, request, isLive);
      // Meanwhile this process can have ended the key, or was paused since the database was read.
      await pendingRead?.();
      if (!revocationsKnown()) throw revocationsUnknown();
      if (!revocations.isOutdated(read)) return read;
    }
    throw revocationsUnknown();
  }

  function decide<R>(
    verified: AccessToken | undefined,
    authorization: string | undefined,
    requirements: CheckedRequirements<R> | undefined,
    request: R,
    wasRead = false,
  ): Auth | undefined | Promise<Auth | undefined> {
    if (verified === undefined) {
      if (requirements?.optional === true) return undefined;
      throw missingToken();
    }
    const decisions = requirements === undefined ? noDecisions : decisionsOf(requirements);
    for (const decide of decisions.byToken) decide(verified, clock);
    if (requirements === undefined) return verified.auth;
    const { byUser } = decisions;
    if (requirements.live === true && verified instanceof ApiKeyToken) {
      const token = bearerOf(authorization);
      if (wasRead || keys === undefined || token === undefined)
        return requirePermission(verified.auth, requirements, byUser, request);
      return readKey(keys, token, request, true).then(({ auth }) =>
        requirePermission(auth, requirements, byUser, request),
      );
    }
    if (requirements.live === true)
      return checkLive(verified).then(async (auth) => {
        // Meanwhile this process can have ended the session, or was paused since the database was read.
        await pendingRead?.();
        verifyBearer(authorization);
        return requirePermission(auth, requirements, byUser, request);
      });
    return requirePermission(verified.auth, requirements, byUser, request);
  }

  function verifyNow(token: string, credentials: readonly Credential[] | undefined): Auth {
    if (!revocationsKnown()) throw revocationsUnknown();
    try {
      const { auth, isForResource } = requireNotRevoked(tokens.verifyAccess(token, clock.now()));
      if (isForResource) reject("audience");
      requireCredential(auth.credential, credentials);
      return auth;
    } catch (error) {
      if (error instanceof UnreadApiKey) requireCredential("api_key", credentials);
      throw error;
    }
  }

  function verify(token: string, credentials?: readonly Credential[]): Auth | Promise<Auth> {
    try {
      return verifyNow(token, credentials);
    } catch (error) {
      if (!(error instanceof UnreadApiKey) || keys === undefined) throw error;
      return readKey(keys, token, undefined).then(({ auth }) => auth);
    }
  }

  function verifySync(token: string, credentials?: readonly Credential[]): Auth {
    if (pendingRead?.() !== undefined) throw revocationsUnknown();
    return verifyNow(token, credentials);
  }

  return { verify, verifySync, guard };
}

function requirePermission<R>(
  auth: Auth,
  { can }: CheckedRequirements<R>,
  byUser: Decisions["byUser"],
  request: R,
): Auth | Promise<Auth> {
  for (const decide of byUser) decide(auth);
  if (can === undefined) return auth;
  const result = can(auth, request);
  if (result === true) return auth;
  // A thenable, such as a query of some databases, becomes a real promise, so that callers cannot take it for an Auth.
  if (typeof result === "object" && typeof result?.then === "function")
    return Promise.resolve(result).then((later) => {
      if (later !== true) throw insufficient();
      return auth;
    });
  throw insufficient();
}

const noDecisions = decisionsOf({});

const revocationsUnknown = (): AmphoError =>
  new AmphoError("unavailable", "Revocations cannot be read at the moment.", { retryAfterSeconds: 1 });
