// A service exchanges the access token that it was called with for one with which it calls another service (RFC 8693).
// The new token has the session of the first one, so whatever ends that session ends both.
import { AmphoError, invalidRequest } from "../../errors.js";
import { exchangeScope } from "../../levels/scopes.js";
import { isStorableText } from "../../store/storable-text.js";
import type { Auth } from "../../tokens/auth.js";
import type { AccessClaims } from "../../tokens/jwt.js";
import type { IssuedToken } from "../../wire/services.js";
import type { Caller, Deps } from "../deps.js";
import { chooseResource, ofSessions, wrongResource } from "../find/resource.js";
import { unknownClient } from "../machines/assertion.js";
import { isExchanged, type TokenRequest } from "../machines/tokens.js";
import { proveAssertion } from "./clients.js";

export const exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange";
const accessTokenType = "urn:ietf:params:oauth:token-type:access_token";

const secondsMax = 300;

/**
 * The grant of RFC 8693. It rejects with `invalid_client`, `unauthorized_client`, `invalid_request` for the subject
 * token (§2.2.2), `invalid_target`, `invalid_scope`, `too_many_attempts` or `unavailable`.
 */
export async function exchangeToken(deps: Deps, request: TokenRequest, caller: Caller): Promise<IssuedToken> {
  const { store, settings, clock } = deps;
  const service = await proveService(deps, request, caller);
  const { exchange, scope } = request;
  if (exchange === undefined || scope === undefined)
    throw invalidRequest("An exchange needs a subject_token and a scope.");
  const [subjectType, asked = accessTokenType] = exchange.types;
  if (subjectType !== accessTokenType || asked !== accessTokenType)
    throw invalidRequest(`The subject token and the new one must be of the type ${accessTokenType}.`);
  if (exchange.hasMore) throw invalidRequest("Name the target as a resource, and send no actor_token.");
  const resource = chooseResource(settings, request.resource);
  if (resource === undefined) throw wrongResource();
  // Before the rows are read: what ends meanwhile then also ends the new token.
  const now = clock.now();
  const subject = await exchange.subject();
  if (subject === undefined || !(await isFirst(deps, subject))) throw wrongSubject();
  const claims = subject.claims as AccessClaims;
  const exp = Math.min(now + Math.min(secondsMax, settings.tokenTtl, settings.tokenForeignTtl), subject.expires);
  if (exp <= now) throw wrongSubject();
  const scopes = [...new Set(scope.split(" "))];
  const own = settings.resources.find((one) => one.resource === resource)?.scopes ?? [];
  // The token can have fewer than the user has now, and the user fewer than the token.
  const limits = [subject.scopes, claims.scope?.split(" ") ?? subject.scopes, service.scopes];
  if (own.length > 0) limits.push(own);
  if (!scopes.every((one) => limits.every((limit) => limit.includes(one))))
    throw new AmphoError(
      "invalid_scope",
      "The user, the token, the service or the resource lacks one of these scopes.",
    );
  const target = resource === ofSessions ? undefined : resource;
  const { id: userId, login, session: sessionId } = subject;
  const detail = { service: service.name, scopes, ...(target !== undefined && { resource: target }) };
  await store.recordAudit({ at: now, event: "token_exchanged", userId, login, sessionId, origin: caller, detail });
  const token = deps.tokens.grantExchanged({ subject: claims, service, scopes, resource: target, iat: now, exp });
  return {
    access_token: token,
    issued_token_type: accessTokenType,
    token_type: "Bearer",
    expires_in: exp - now,
    scope: scopes.join(" "),
  };
}

/** The key of a service was accepted by the guard. A client that proves nothing is no service. */
async function proveService(deps: Deps, { client }: TokenRequest, caller: Caller) {
  if (!("key" in client || "assertion" in client)) throw unknownClient();
  const id = "assertion" in client ? await proveAssertion(deps, client, caller) : client.serviceId;
  const service = await deps.store.findService(id);
  if (service?.id !== id || service.disabled) throw unknownClient();
  if (service.scopes.includes(exchangeScope)) return service;
  throw new AmphoError("unauthorized_client", `This service account lacks the scope ${exchangeScope}.`);
}

/** The token of a session or of a connection. An exchanged one has the id of either too. */
async function isFirst({ store, clock }: Deps, subject: Auth): Promise<boolean> {
  const { credential, session: id, claims } = subject;
  if (id === undefined || !isStorableText(id)) return false;
  if (credential === "session") return true;
  if (isExchanged(subject)) return false;
  const found = await store.findConnection({ id, now: clock.now() });
  return found !== undefined && found.connection.client === claims["client_id"];
}

const wrongSubject = () =>
  invalidRequest("The subject token is not valid, has ended, or was exchanged before.", "subject_token");
