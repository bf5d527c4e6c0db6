// Access tokens of service accounts (RFC 6749 §4.4), and the end of any credential by who has it (RFC 7009).
import { setTimeout as sleep } from "node:timers/promises";
import { randomId } from "../../crypto/random.js";
import { AmphoError, unlessRejected } from "../../errors.js";
import type { TokenIssue } from "../../store/sql/account/services.js";
import { isStorableText } from "../../store/storable-text.js";
import { apiKeyHash } from "../../tokens/api-key.js";
import type { Auth } from "../../tokens/auth.js";
import type { ServiceToken } from "../../wire/services.js";
import type { Caller, Deps, Flow } from "../deps.js";
import { endSession } from "../gate/end-sessions.js";
import { unknownClient, verifyServiceAssertion } from "./assertion.js";

/** A service with its key, which the guard has accepted, or an assertion, which is not checked yet. */
export type SentClient =
  | { readonly serviceId: string; readonly key: string }
  | { readonly serviceId: string | undefined; readonly assertion: string };

export interface TokenRequest {
  readonly grantType: string;
  readonly client: SentClient;
  readonly scope: string | undefined;
}

/** Rejects with `unsupported_grant_type`, `invalid_client`, `invalid_scope`, `too_many_attempts` or `unavailable`. */
export const issueServiceToken: Flow<ServiceToken, TokenRequest> = async (deps, request, caller) => {
  const { grantType, client, scope } = request;
  if (grantType !== "client_credentials")
    throw new AmphoError("unsupported_grant_type", "The grant type must be client_credentials.");
  deps.tokens.requireSigningKey();
  if ("key" in client) {
    const proof = { keyHash: apiKeyHash(client.key) };
    return grantToken(deps, { serviceId: client.serviceId, proof }, scope, caller);
  }
  // An assertion works once, so that one that is sent again is a further wrong one.
  return deps.guesses.limit(caller.address, randomId(), "invalid_client", async () => {
    const proven = await verifyServiceAssertion(deps, client.assertion);
    if ((client.serviceId ?? proven.serviceId) !== proven.serviceId) throw unknownClient();
    return grantToken(deps, proven, scope, caller);
  });
};

const waitMs = 250;
/** More than a second. */
const waitsMax = 5;
const isSoon = (issuedAt: number, now: number) => issuedAt <= now + 2;

async function grantToken(
  { store, tokens, settings, clock }: Deps,
  proven: Pick<TokenIssue, "serviceId" | "proof">,
  scope: string | undefined,
  caller: Caller,
): Promise<ServiceToken> {
  const ttlSeconds = Math.min(settings.tokenTtl, settings.tokenForeignTtl);
  const scopes = scope === undefined ? undefined : [...new Set(scope.split(" "))];
  const issue = (aheadSeconds: number) => {
    const now = clock.now();
    return store.issueServiceToken({ ...proven, scopes, ttlSeconds, now, latest: now + aheadSeconds, origin: caller });
  };
  // A token is issued after the second in which others have ended, and guards must not find it too early. So a service
  // that gives each token back waits for the next second. Otherwise its times would run ahead of the clock.
  let issued = await issue(Math.min(settings.tokenLeeway, 1));
  for (let turn = 0; issued.outcome === "early" && turn < waitsMax && isSoon(issued.issuedAt, clock.now()); turn += 1) {
    await sleep(waitMs);
    issued = await issue(Math.min(settings.tokenLeeway, 1));
  }
  // The clock of another process is ahead.
  if (issued.outcome === "early") issued = await issue(settings.tokenLeeway);
  if (issued.outcome === "early") {
    // Its tokens ended at a time that is still ahead, because a clock was wrong then.
    const retryAfterSeconds = Math.max(1, issued.issuedAt - settings.tokenLeeway - clock.now());
    throw new AmphoError("unavailable", "The service can get no token yet.", { retryAfterSeconds });
  }
  if (issued.outcome !== "issued") throw issued.outcome === "scope" ? wrongScope() : unknownClient();
  const token = tokens.grantService(proven.serviceId, issued.scopes, issued.issuedAt, ttlSeconds);
  return { access_token: token, token_type: "Bearer", expires_in: ttlSeconds, scope: issued.scopes.join(" ") };
}

const wrongScope = () => new AmphoError("invalid_scope", "The service account does not have all of these scopes.");

export interface TokenToRevoke {
  readonly token: string;
  /** Undefined for a text that no guard accepts: a refresh token, or nothing. */
  readonly auth: Auth | undefined;
}

/** Ends what the token belongs to. */
export const revokeToken: Flow<void, TokenToRevoke> = async (deps, { token, auth }, caller) => {
  const { store, clock } = deps;
  const reason = "logout";
  const now = clock.now();
  const { credential, id, session, apiKey } = auth ?? {};
  const sid = auth === undefined ? readRefresh(deps, token, now) : session;
  if (credential === "api_key" && apiKey !== undefined)
    await store.removeApiKey({ id: apiKey.id, userId: id, now, origin: caller });
  else if (credential === "service" && id !== undefined && isStorableText(id)) {
    const to = { change: "tokens_revoked" } as const;
    await store.changeService({ id, to, now, origin: caller });
  } else if ((credential === undefined || credential === "session") && sid !== undefined && isStorableText(sid))
    await endSession(deps, { id: sid, userId: id, reason, origin: caller, seenExpires: auth?.expires });
};

function readRefresh({ tokens }: Deps, token: string, now: number): string | undefined {
  const read = unlessRejected(() => tokens.readRefresh(token, now));
  return read && read.expires > now ? read.sid : undefined;
}
