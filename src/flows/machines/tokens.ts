// Access tokens of service accounts (RFC 6749 §4.4), and the end of any credential by who has it (RFC 7009).
import { setTimeout as sleep } from "node:timers/promises";
import { randomId } from "../../crypto/random.js";
import { AmphoError, unlessRejected } from "../../errors.js";
import type { TokenIssue } from "../../store/sql/account/services.js";
import { isStorableText } from "../../store/storable-text.js";
import { apiKeyHash } from "../../tokens/api-key.js";
import type { Auth } from "../../tokens/auth.js";
import type { Credential } from "../../tokens/credential.js";
import type { IssuedToken } from "../../wire/services.js";
import type { Caller, Deps, Flow } from "../deps.js";
import { readResource } from "../find/resource.js";
import { endSession } from "../gate/end-sessions.js";
import { unknownClient, verifyServiceAssertion } from "./assertion.js";

/** A service with its key, which the guard has accepted, or an assertion, which is not checked yet. */
export type SentClient =
  | { readonly serviceId: string; readonly key: string }
  | { readonly serviceId: string | undefined; readonly assertion: string }
  /** A client that proves nothing. */
  | { readonly serviceId: string };

/** The parameters of a grant, as the client has sent them. */
export interface TokenRequest {
  readonly client: SentClient;
  readonly scope: string | undefined;
  readonly resource: string | undefined;
  readonly code: string | undefined;
  readonly redirect_uri: string | undefined;
  readonly code_verifier: string | undefined;
  readonly refresh_token: string | undefined;
  readonly exchange: Exchange | undefined;
}

/** The parameters of a token exchange (RFC 8693 §2.1). */
export interface Exchange {
  /** Reads the subject token, and its rows. Undefined: no guard accepts it. */
  readonly subject: () => Promise<Auth | undefined>;
  /** The kinds of the subject token, and of the token that is asked for. */
  readonly types: readonly (string | undefined)[];
  /** The client names what is not supported, so that it must not be ignored. */
  readonly hasMore: boolean;
}

/** The token of a service that a connected application has called. */
export const isExchanged = ({ claims }: Auth): boolean =>
  (Object(claims["act"]) as { readonly act?: unknown }).act !== undefined;

/** The grant `client_credentials`. Rejects with the errors of RFC 6749 §5.2, `too_many_attempts` or `unavailable`. */
export async function issueServiceToken(deps: Deps, request: TokenRequest, caller: Caller): Promise<IssuedToken> {
  const { client, scope } = request;
  const resource = readResource(deps, request.resource);
  if ("key" in client) {
    const proof = { keyHash: apiKeyHash(client.key) };
    return grantToken(deps, { serviceId: client.serviceId, proof, resource }, scope, caller);
  }
  if (!("assertion" in client)) throw unknownClient();
  // An assertion works once, so that one that is sent again is a further wrong one.
  return deps.guesses.limit(caller.address, randomId(), "invalid_client", async () => {
    const proven = await verifyServiceAssertion(deps, client.assertion);
    if ((client.serviceId ?? proven.serviceId) !== proven.serviceId) throw unknownClient();
    return grantToken(deps, { ...proven, resource }, scope, caller);
  });
}

const waitMs = 250;
/** More than a second. */
const waitsMax = 5;
const isSoon = (issuedAt: number, now: number) => issuedAt <= now + 2;

async function grantToken(
  { store, tokens, settings, clock }: Deps,
  { resource, ...proven }: Pick<TokenIssue, "serviceId" | "proof"> & { readonly resource: string | undefined },
  scope: string | undefined,
  caller: Caller,
): Promise<IssuedToken> {
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
  const token = tokens.grantService(proven.serviceId, {
    scopes: issued.scopes,
    resource,
    iat: issued.issuedAt,
    ttlSeconds,
  });
  return { access_token: token, token_type: "Bearer", expires_in: ttlSeconds, scope: issued.scopes.join(" ") };
}

const wrongScope = () => new AmphoError("invalid_scope", "The service account does not have all of these scopes.");

export interface TokenToRevoke {
  readonly token: string;
  /** Undefined for a text that no guard accepts: a refresh token, or nothing. */
  readonly auth: Auth | undefined;
}

/** The session, the connection, the key or the service of a token. */
type Ended = Pick<Auth, "credential" | "id" | "session" | "apiKey"> & { readonly expires?: number };

type End = (deps: Deps, ended: Ended, caller: Caller) => Promise<unknown> | undefined;

/** How the holder of a token ends what it belongs to. A kind of token without a row does not compile. */
const ends: Readonly<Record<Credential, End>> = {
  session: (deps, { session: id, id: userId, expires: seenExpires }, origin) =>
    id !== undefined && isStorableText(id)
      ? endSession(deps, { id, userId, reason: "logout", origin, seenExpires })
      : undefined,
  /** Only the software that has signed it can end it. */
  foreign: () => undefined,
  api_key: ({ store, clock }, { apiKey, id: userId }, origin) =>
    apiKey && store.removeApiKey({ id: apiKey.id, userId, now: clock.now(), origin }),
  service: ({ store, clock }, { id }, origin) =>
    id !== undefined && isStorableText(id)
      ? store.changeService({ id, to: { change: "tokens_revoked" }, now: clock.now(), origin })
      : undefined,
  delegated: ({ store, clock }, { session: id, id: userId }, origin) =>
    id !== undefined && isStorableText(id)
      ? store.endConnection({ id, userId, reason: "ended_by_holder", now: clock.now(), origin })
      : undefined,
};

/** Ends what the token belongs to. */
export const revokeToken: Flow<void, TokenToRevoke> = async (deps, { token, auth }, caller) => {
  // An exchanged token ends nothing: its service was only called.
  if (auth !== undefined && isExchanged(auth)) return;
  const ended = auth ?? readRenewing(deps, token);
  // Without the token endpoint, only connections are given back here.
  if (ended === undefined || (ended.credential !== "delegated" && !deps.settings.tokenEndpoint)) return;
  await ends[ended.credential](deps, ended, caller);
};

/** The token of a connection or of a session for its next tokens. */
function readRenewing({ tokens, clock }: Deps, token: string): Ended | undefined {
  const now = clock.now();
  const connection = unlessRejected(() => tokens.readConnection(token, now));
  if (connection !== undefined)
    return { credential: "delegated", id: undefined, session: connection.sid, apiKey: undefined };
  const session = unlessRejected(() => tokens.readRefresh(token, now));
  if (session === undefined || session.expires <= now) return undefined;
  return { credential: "session", id: undefined, session: session.sid, apiKey: undefined };
}
