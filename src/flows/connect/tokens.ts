// The tokens of a connection: its code is redeemed once, and its refresh token renews it (RFC 6749 §4.1.3, §6). Codes
// and refresh tokens cannot be guessed, so wrong ones are not counted: a stranger could stop a client of many users.
import { createHash } from "node:crypto";
import { invalidRequest, unlessRejected } from "../../errors.js";
import { type ConnectionOutcome, type ConnectionUse, wrongGrant } from "../../store/sql/account/connections.js";
import { isStorableText } from "../../store/storable-text.js";
import { type Account, toAccount } from "../../users/directory.js";
import type { IssuedToken } from "../../wire/services.js";
import type { Caller, Deps } from "../deps.js";
import { readResource } from "../find/resource.js";
import type { TokenRequest } from "../machines/tokens.js";
import { type ConnectClient, proveClient } from "./clients.js";
import { codeHashOf } from "./consent.js";
import { isRegistered } from "./redirect-uri.js";

/** The grant `authorization_code`. Rejects with `invalid_grant`, `invalid_target` or `invalid_scope`. */
export async function grantByCode(deps: Deps, request: TokenRequest, caller: Caller): Promise<IssuedToken> {
  const { code, redirect_uri: redirectUri, code_verifier: verifier } = request;
  if (code === undefined || redirectUri === undefined || verifier === undefined)
    throw invalidRequest("A code needs its redirect_uri and its code_verifier.");
  const client = await proveClient(deps, request.client, caller);
  // RFC 7636 §4.1
  const isVerifier = /^[A-Za-z0-9._~-]{43,128}$/.test(verifier);
  // The code is bound to its redirect URI, so that the document of a client is not read again.
  if (!isVerifier || !isRegistered(redirectUri, client.redirects ?? [redirectUri])) throw wrongGrant();
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const codeHash = codeHashOf(code);
  const owner = await ownerOf(deps, { codeHash }, caller);
  const use = useOf(deps, request, client, owner, caller);
  const outcome = await deps.store.redeemConnection({ ...use, codeHash, challenge, redirectUri });
  return grantOf(deps, client, owner, use, outcome);
}

/** The grant `refresh_token`. Rejects in the same way. */
export async function grantByRefreshToken(deps: Deps, request: TokenRequest, caller: Caller): Promise<IssuedToken> {
  const { refresh_token: token } = request;
  if (token === undefined) throw invalidRequest("The parameter refresh_token is missing.", "refresh_token");
  const client = await proveClient(deps, request.client, caller);
  const read = unlessRejected(() => deps.tokens.readConnection(token, deps.clock.now()));
  if (read === undefined || !isStorableText(read.sid)) throw wrongGrant();
  const owner = await ownerOf(deps, { id: read.sid }, caller);
  const use = useOf(deps, request, client, owner, caller);
  const outcome = await deps.store.renewConnection({ ...use, id: read.sid, gen: read.gen, issuedAt: read.iat });
  return grantOf(deps, client, owner, use, outcome);
}

/** The user in an application's own table, which is asked before the transaction. Undefined for one of the database. */
const ownerOf = (
  { directory, store, clock }: Deps,
  which: { readonly id: string } | { readonly codeHash: string },
  origin: Caller,
): Promise<Account | undefined> =>
  directory.forTable(async () => {
    const now = clock.now();
    const found = await store.findConnection({ ...which, now });
    if (found === undefined) throw wrongGrant();
    const { id, userId, login } = found.connection;
    const account = await directory.findSessionUser({ userId, login });
    if (account?.id === userId && !account.disabled) return account;
    const reason = account?.disabled === true ? "user_disabled" : "user_deleted";
    await store.endConnection({ id, userId, reason, now, origin });
    throw wrongGrant();
  });

function useOf(
  deps: Deps,
  { scope, resource }: TokenRequest,
  client: ConnectClient,
  owner: Account | undefined,
  origin: Caller,
): ConnectionUse {
  const { settings, clock } = deps;
  return {
    client: client.id,
    accessTtlSeconds: Math.min(settings.tokenTtl, settings.tokenForeignTtl),
    idleSeconds: settings.connectionIdleTtl,
    maxSeconds: settings.connectionTtl,
    owner: owner && { login: owner.login, roles: owner.roles },
    rolePolicies: settings.factors,
    roleScopes: settings.scopes,
    textScopes: Object.keys(settings.scopeTexts),
    resources: settings.resources.map(({ resource: one, scopes }) => ({ resource: one, scopes })),
    resource: readResource(deps, resource),
    asked: scope?.split(" ").filter((one) => one !== "offline_access"),
    now: clock.now(),
    origin,
  };
}

function grantOf(
  deps: Deps,
  client: ConnectClient,
  owner: Account | undefined,
  { now: iat, accessTtlSeconds: ttlSeconds }: ConnectionUse,
  outcome: ConnectionOutcome,
): IssuedToken {
  if (!("connection" in outcome)) throw wrongGrant();
  const { connection, user, scopes } = outcome;
  const account = user === undefined ? owner : toAccount(user);
  if (account === undefined) throw wrongGrant();
  return deps.tokens.grantConnection(connection, { account, client: client.name, scopes, iat, ttlSeconds });
}
