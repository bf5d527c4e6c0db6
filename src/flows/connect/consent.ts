// A user reads what an application asks for, and gives consent or none.
import { createHash } from "node:crypto";
import { transactionTtlSeconds } from "../../clock.js";
import { scopeText } from "../../config/scope-texts.js";
import { randomId, randomOctets } from "../../crypto/random.js";
import { AmphoError, invalidRequest, transactionOver } from "../../errors.js";
import { acrs } from "../../levels/acr.js";
import type { Auth } from "../../tokens/auth.js";
import type { Account } from "../../users/directory.js";
import type { ConnectView, ScopeView } from "../../wire/connect.js";
import { factorChangeOf } from "../account/factor-change.js";
import type { Caller, Deps, Flow, OwnFlow } from "../deps.js";
import { requireSession, sessionTransaction } from "../find/own-session.js";
import { requireRecent } from "../prove/recent.js";
import {
  type ConnectQuery,
  type ConnectRequest,
  checkConnectRequest,
  readConnectRequest,
  rejection,
  responseUrl,
  scopesOfUser,
} from "./request.js";

const purpose = "connect";

export interface Asked {
  readonly query: ConnectQuery;
}

/** The same checks for a browser without a session. Rejects like `showConsent`. */
export const checkConsent: Flow<void, Asked> = async (deps, { query }) => {
  await checkConnectRequest(deps, query);
};

const readerOf = (auth: Auth, origin: Caller) => ({ ...requireSession(auth), login: auth.login, origin });

/** Rejects like `requireRecent`, with `not_found`, and with errors that have `details.returns`. */
export const showConsent: OwnFlow<ConnectView, Asked> = async (deps, { auth, query }, caller) => {
  const { transactions, clock, settings } = deps;
  const request = await readConnectRequest(deps, query, readerOf(auth, caller));
  const { account, sessionId, factorsVersion } = await requireRecent(deps, auth);
  const scopes = offered(deps, request, account);
  const now = clock.now();
  const use = digestOf(request, scopes);
  const contents = { ...sessionTransaction(account, factorsVersion, sessionId), use };
  const transaction = transactions.begin(purpose, contents, now);
  const given = await givenScopes(deps, account.id, request.client.id);
  const { client, redirectUri, resource = null } = request;
  return {
    client: {
      id: client.id,
      name: client.name,
      host: client.host,
      known: client.isRegistered,
      stated_name: client.statedName ?? null,
      returns: returnsTo(redirectUri),
    },
    resource,
    scopes: scopes.map(
      (name): ScopeView => ({
        name,
        text: scopeText(settings.scopeTexts, name, caller.language),
        new: !given.has(name),
      }),
    ),
    transaction,
    expires: now + transactionTtlSeconds,
  };
};

/** The host to which the browser goes back, null for a program on this computer. */
function returnsTo(redirectUri: string): string | null {
  const { protocol, host } = new URL(redirectUri);
  return protocol === "https:" ? host : null;
}

async function givenScopes({ store, clock }: Deps, userId: string, client: string): Promise<ReadonlySet<string>> {
  const all = await store.listConnections({ userId, now: clock.now() });
  return new Set(all.filter((one) => one.client === client).flatMap(({ scopes }) => scopes));
}

function offered(deps: Deps, request: ConnectRequest, account: Account): readonly string[] {
  const scopes = scopesOfUser(deps, account, request.scopes);
  if (scopes.length > 0) return scopes;
  throw rejection(deps.settings, request, "invalid_scope", "The user has none of these scopes.");
}

/** It covers everything that the user sees, and what the code is bound to. */
function digestOf(request: ConnectRequest, scopes: readonly string[]): string {
  const { client, redirectUri, state = null, challenge, resource = null } = request;
  const shown = [client.id, client.name, client.statedName ?? null, redirectUri, state, challenge, resource, scopes];
  return createHash("sha256").update(JSON.stringify(shown)).digest("base64url");
}

/** A second click on another window could otherwise land on the button. */
const readSeconds = 1;

export interface Consent extends Asked {
  readonly transaction: string;
  readonly allow: boolean;
  /** Some of those that were shown. Undefined: all. */
  readonly scopes?: readonly string[] | undefined;
}

/** Returns the URL at the application. Rejects like `requireRecent`, and with `transaction_over`. */
export const giveConsent: OwnFlow<{ readonly location: string }, Consent> = async (deps, input, caller) => {
  const { transactions, store, settings, clock } = deps;
  const { auth, query, allow } = input;
  if (!allow) {
    const members = { error: "access_denied", error_description: "The user has not allowed it." };
    return { location: responseUrl(settings, await readConnectRequest(deps, query, readerOf(auth, caller)), members) };
  }
  deps.tokens.requireSigningKey();
  const recent = await requireRecent(deps, auth);
  const request = await readConnectRequest(deps, query, readerOf(auth, caller));
  const { client, redirectUri, resource, challenge } = request;
  const { account, sessionId, factorsVersion } = recent;
  const now = clock.now();
  const shown = transactions.read(input.transaction, [purpose], now);
  const isOwn = shown.sid === sessionId && shown.sub === account.id;
  const isSame = shown.passwordVersion === account.stored?.passwordVersion && shown.factorsVersion === factorsVersion;
  // A clock that was set back makes it wait.
  const isRead = now - shown.iat >= readSeconds;
  const all = offered(deps, request, account);
  if (!isOwn || !isSame || !isRead || shown.use !== digestOf(request, all)) throw transactionOver();
  const scopes = input.scopes === undefined ? all : all.filter((scope) => input.scopes?.includes(scope));
  if (scopes.length === 0 || (input.scopes?.length ?? scopes.length) !== scopes.length)
    throw invalidRequest("The scopes must be some of those that were shown, each once.", "scopes");
  const code = randomOctets(32).toString("base64url");
  const who = factorChangeOf(deps, recent, caller);
  const outcome = await store.addConnection({
    ...who,
    factorsVersion,
    client: client.id,
    resource,
    scopes,
    how: "code",
    // The level of the login, which is that of the connection.
    authTime: Number(auth.claims["auth_time"]),
    amr: auth.amr,
    acr: acrs.find((one) => one === auth.acr) ?? "1fa",
    codeHash: codeHashOf(code),
    challenge,
    redirectUri,
    random: randomId(),
    shown: { hash: transactions.spentHash(shown), until: shown.exp, idempotency: undefined },
  });
  if (outcome.outcome === "changed")
    throw new AmphoError("invalid_token", "The session has ended, or the account changed. Sign in again.");
  if (outcome.outcome === "over") throw transactionOver();
  if (outcome.outcome === "full")
    throw new AmphoError("too_many_attempts", "Too many applications wait for their first tokens.", {
      retryAfterSeconds: 60,
    });
  return { location: responseUrl(settings, request, { code }) };
};

export const codeHashOf = (code: string): string => createHash("sha256").update(code).digest("base64url");
