// A request of an application to connect (RFC 6749 §4.1.1, RFC 7636, RFC 8707). It has no state: every step checks the
// whole query again.
import { AmphoError, type ErrorCode } from "../../errors.js";
import { scopesOf } from "../../levels/scopes.js";
import type { Account } from "../../users/directory.js";
import type { Deps } from "../deps.js";
import { chooseResource, ofSessions, wrongResource } from "../find/resource.js";
import { type ConnectClient, findClient, type ReadingUser } from "./clients.js";
import { isRegistered } from "./redirect-uri.js";

/** The members of a query, each a text. */
export type ConnectQuery = Readonly<Record<string, unknown>>;

export interface ConnectRequest {
  readonly client: ConnectClient;
  readonly redirectUri: string;
  readonly state: string | undefined;
  /** The `code_challenge`, always S256. */
  readonly challenge: string;
  /** Undefined: the audience of sessions. */
  readonly resource: string | undefined;
  /** The scopes that the client can get, of those that it asks for. */
  readonly scopes: readonly string[];
}

const stateMax = 1024;
const queryMax = 2048;

type Settings = Pick<Deps["settings"], "resources" | "scopeTexts" | "tokenIssuer">;

type RequestDeps = Pick<Deps, "store" | "settings" | "documents" | "clock" | "tokens">;

/**
 * Rejects with `not_found` for an unknown client or redirect URI, of which the client learns nothing. Every other
 * error has `details.returns`.
 */
export async function readConnectRequest(
  deps: RequestDeps,
  query: ConnectQuery,
  reader: ReadingUser,
): Promise<ConnectRequest> {
  const client = await requireClient(deps, query, reader);
  return readRequest(deps, query, client, client.redirects ?? []);
}

/**
 * For a browser without a user. An error leads it back only to a registered client (RFC 9700 §4.11.2). The request of
 * any other is checked when there is a user.
 */
export async function checkConnectRequest(deps: RequestDeps, query: ConnectQuery): Promise<void> {
  const client = await requireClient(deps, query, undefined);
  if (client.isRegistered && client.redirects !== undefined) readRequest(deps, query, client, client.redirects);
}

async function requireClient(
  deps: RequestDeps,
  { client_id: id }: ConnectQuery,
  reader: ReadingUser | undefined,
): Promise<ConnectClient> {
  const client = await findClient(deps, typeof id === "string" ? id : "", reader);
  if (client === undefined) throw new AmphoError("not_found", "This application is unknown here.");
  return client;
}

function readRequest(
  deps: RequestDeps,
  query: ConnectQuery,
  client: ConnectClient,
  redirects: readonly string[],
): ConnectRequest {
  const text = (name: string): string | undefined => {
    const value = query[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const redirectUri = text("redirect_uri") ?? "";
  if (!isRegistered(redirectUri, redirects))
    throw new AmphoError("not_found", "This application is not known to return to this address.");
  const state = text("state");
  const to = { redirectUri, state: state !== undefined && state.length <= stateMax ? state : undefined };
  const fail = (code: ErrorCode, message: string): never => {
    throw rejection(deps.settings, to, code, message);
  };
  if (String(new URLSearchParams(query as Record<string, string>)).length > queryMax)
    fail("invalid_request", `The query has more than ${queryMax} characters.`);
  if (state !== to.state) fail("invalid_request", `The parameter state has more than ${stateMax} characters.`);
  if (text("response_type") !== "code") fail("unsupported_response_type", "The response_type must be code.");
  for (const name of ["request", "request_uri", "registration"])
    if (name in query) fail("invalid_request", `The parameter ${name} is not supported.`);
  if ((text("response_mode") ?? "query") !== "query") fail("invalid_request", "The response_mode must be query.");
  const challenge = text("code_challenge") ?? "";
  if (text("code_challenge_method") !== "S256" || !/^[\w-]{43}$/.test(challenge))
    fail("invalid_request", "The request needs a code_challenge with the method S256 (RFC 7636).");
  const resource = chooseResource(deps.settings, text("resource")) ?? fail("invalid_target", wrongResource().message);
  const scopes = offeredScopes(deps.settings, client, resource, text("scope"));
  if (scopes.length === 0) fail("invalid_scope", "The application can get none of these scopes.");
  if (text("prompt")?.split(" ").includes("none")) fail("interaction_required", "The user must be asked.");
  return {
    client,
    challenge,
    ...to,
    resource: resource === ofSessions ? undefined : resource,
    scopes,
  };
}

/** The error of a request of which the client learns by its redirect URI. */
export function rejection(
  settings: Pick<Settings, "tokenIssuer">,
  to: Pick<ConnectRequest, "redirectUri" | "state">,
  code: ErrorCode,
  message: string,
): AmphoError {
  return new AmphoError(code, message, {
    returns: responseUrl(settings, to, { error: code, error_description: message }),
  });
}

/** The URL of the client with a response. By `iss` a client of several servers knows whose it is (RFC 9207). */
export function responseUrl(
  { tokenIssuer }: Pick<Settings, "tokenIssuer">,
  { redirectUri, state }: Pick<ConnectRequest, "redirectUri" | "state">,
  members: Readonly<Record<string, string>>,
): string {
  const added = new URLSearchParams({
    ...members,
    ...(state !== undefined && { state }),
    ...(tokenIssuer !== undefined && { iss: tokenIssuer }),
  });
  return `${redirectUri}${redirectUri.includes("?") ? "&" : "?"}${added}`;
}

/** Those with a text for people, which the client can get, and which the resource has if it names any. */
function offeredScopes(
  { scopeTexts, resources }: Settings,
  { userScopes }: ConnectClient,
  resource: string | typeof ofSessions,
  asked: string | undefined,
): readonly string[] {
  const own = resources.find((one) => one.resource === resource)?.scopes ?? [];
  const wanted = asked?.split(" ") ?? (own.length > 0 ? own : userScopes);
  return [...new Set(wanted)].filter(
    (scope) =>
      Object.hasOwn(scopeTexts, scope) && userScopes.includes(scope) && (own.length === 0 || own.includes(scope)),
  );
}

/** Those that the user has now. */
export const scopesOfUser = (
  { settings }: Pick<Deps, "settings">,
  { roles }: Pick<Account, "roles">,
  scopes: readonly string[],
): readonly string[] => {
  const present = scopesOf(roles, settings.scopes);
  return scopes.filter((scope) => present.includes(scope));
};
