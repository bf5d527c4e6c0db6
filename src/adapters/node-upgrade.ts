// WebSockets on node:http: the guard of an upgrade request (RFC 6455 §4), which reports the end of its token.
// Browsers cannot set an Authorization header here, so the token can also come as a subprotocol, `bearer.{token}`.
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { leewayMaxSeconds, systemClock } from "../clock.js";
import { AmphoError, hasCode } from "../errors.js";
import { checkRequirements } from "../guard/requirement-rows.js";
import { type AuthOf, lacksAuth, missingToken, type NoRequirements, type Requirements } from "../guard/requirements.js";
import { authorizationValues, headOf } from "../http/node/request.js";
import { type GuardHost, type GuardInstance, type HttpInstance, hostOf } from "../http/rest/host.js";
import type { HttpResponse } from "../http/rest/message.js";
import { onlyAuthorization } from "../http/rest/request/target.js";
import type { Auth } from "../tokens/auth.js";
import { authorizationFrom, bearerOf } from "../tokens/bearer.js";
import type { Credential } from "../tokens/credential.js";
import type { GuardedArguments } from "./framework.js";

/** The first argument of `guardedUpgrade`: an `Ampho`. A verifier cannot report the end of a token. */
export interface UpgradeInstance<S extends string = string>
  extends HttpInstance,
    Pick<GuardInstance<S>, "scopes">,
    TokenVerifier {}

/** A listener of the event `upgrade`. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Handles an accepted upgrade. `ended` aborts when the token expires, or within a second after it was revoked. */
export type UpgradeHandler<N, S extends string = string> = (
  request: IncomingMessage & { readonly auth: AuthOf<N, S> },
  socket: Duplex,
  head: Buffer,
  ended: AbortSignal,
) => void;

const subprotocolPrefix = "bearer.";

/**
 * Returns the subprotocols that the client offers, without its token, which must never be the chosen one.
 * @example const [protocol] = offeredProtocols(request);
 */
export function offeredProtocols(request: IncomingMessage): readonly string[] {
  return protocolsOf(request).filter((name) => !name.startsWith(subprotocolPrefix));
}

/**
 * Listener for `server.on("upgrade", …)`. It passes the socket to the handler, or writes the response and closes it.
 * @example
 * server.on(
 *   "upgrade",
 *   guardedUpgrade(ampho, { roles: ["editor"] }, (request, socket, head, ended) => {
 *     sockets.handleUpgrade(request, socket, head, (webSocket) => {
 *       ended.addEventListener("abort", () => webSocket.close(1008));
 *       webSocket.send(request.auth.login);
 *     });
 *   }),
 * );
 */
export function guardedUpgrade<S extends string>(
  ampho: UpgradeInstance<S>,
  handler: UpgradeHandler<NoRequirements, S>,
): UpgradeListener;
export function guardedUpgrade<S extends string, const N extends Requirements<IncomingMessage, S>>(
  ampho: UpgradeInstance<S>,
  requirements: N,
  handler: UpgradeHandler<N, S>,
): UpgradeListener;
export function guardedUpgrade<S extends string, N extends Requirements<IncomingMessage, S>>(
  ampho: UpgradeInstance<S>,
  ...args: GuardedArguments<N, UpgradeHandler<N, S>>
): UpgradeListener {
  const host = hostOf(ampho);
  requireOnRevoked(ampho);
  const [given, handler] = args.length === 1 ? [undefined, args[0]] : args;
  const requirements = given === undefined ? undefined : checkRequirements(given, host);

  return (request, socket, head) => {
    // The server no longer listens to the socket, so a reset would end the process.
    const onError = () => socket.destroy();
    socket.on("error", onError);
    const decide = async () => {
      const authorization = authorizationOf(host, request);
      request.auth = await host.guard(authorization, requirements, request);
      if (lacksAuth(request.auth, requirements)) throw missingToken();
      return bearerOf(authorization);
    };
    decide().then(
      (token) => {
        if (socket.destroyed) return;
        const { ended, release } = watchToken(ampho, token, request.auth);
        socket.once("close", () => release(new AmphoError("invalid_token", "The socket was closed.")));
        if (ended.aborted) return reject(socket, host.errorResponse(ended.reason));
        socket.off("error", onError);
        handler(request as IncomingMessage & { readonly auth: AuthOf<N, S> }, socket, head, ended);
      },
      (error: unknown) => reject(socket, host.errorResponse(error)),
    );
  };
}

/** Throws where the route is defined. Otherwise the first valid token would end the process. */
function requireOnRevoked(ampho: UpgradeInstance): void {
  if (typeof ampho.onRevoked !== "function")
    throw new TypeError("guardedUpgrade needs an Ampho, because a verifier cannot report that a token has ended.");
}

/** Returns the one token of the header, the subprotocols or the cookie as an Authorization value. */
function authorizationOf({ cookies }: GuardHost, request: IncomingMessage): string | undefined {
  const tokens = protocolsOf(request)
    .filter((name) => name.startsWith(subprotocolPrefix))
    .map((name) => authorizationFrom(name.slice(subprotocolPrefix.length)));
  const authorization = [...authorizationValues(request), ...tokens];
  if (cookies === undefined) return onlyAuthorization(authorization);
  // Pages of any site can open and read sockets (RFC 6455 §10.2). A cookie counts from an allowed origin only.
  return cookies.authorizationOf({ ...headOf(request), method: undefined, authorization });
}

function protocolsOf({ headers }: IncomingMessage): readonly string[] {
  const names = headers["sec-websocket-protocol"]?.split(",") ?? [];
  return names.map((name) => name.trim()).filter((name) => name !== "");
}

function reject(socket: Duplex, { status, headers, body = "" }: HttpResponse): void {
  const fields = { ...headers, "Content-Length": String(Buffer.byteLength(body)), Connection: "close" };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`);
}

/** The members of an `Ampho` that check a token and report revocations. */
interface TokenVerifier {
  /**
   * Verifies an access token without a promise.
   * @example const { login } = ampho.verifySync(token);
   */
  verifySync(token: string, credentials?: readonly Credential[]): Auth;
  /**
   * The same, and can wait. An API key needs it.
   * @example const { login } = await ampho.verify(token);
   */
  verify(token: string, credentials?: readonly Credential[]): Promise<Auth>;
  /**
   * Calls `listener` for each revocation. Returns a function that stops it.
   * @example const stop = ampho.onRevoked(() => console.log("Check the tokens again."));
   */
  onRevoked(
    listener: (revoked: {
      readonly kind: string;
      readonly session?: string;
      readonly apiKey?: string | undefined;
    }) => void,
  ): () => void;
}

interface TokenWatch {
  /** Aborts when the token no longer authorizes, with the error as its reason. Without a token it never aborts. */
  readonly ended: AbortSignal;
  release(reason: unknown): void;
}

/** Tokens end by the clock of the database, which can be ahead of the clock of this machine. */
const longestDelayMs = 30_000;
const leastDelayMs = 1_000;

/** Checks the token now, after each revocation that can concern it, at its end, and once a second in its leeway. */
export function watchToken(verifier: TokenVerifier, token: string | undefined, accepted?: Auth): TokenWatch {
  const end = new AbortController();
  if (token === undefined) return { ended: end.signal, release: () => undefined };
  let timer: NodeJS.Timeout | undefined;
  let auth = accepted;
  const checkAfter = (ms: number) => {
    clearTimeout(timer);
    if (!end.signal.aborted) timer = setTimeout(check, ms).unref();
  };
  const accept = (verified: Auth) => {
    // A key goes on without the scopes that its owner has lost. The socket was opened with them, so it ends.
    if (auth?.scopes.some((scope) => !verified.scopes.includes(scope)) === true)
      return release(new AmphoError("invalid_token", "The API key has lost a scope. Connect again."));
    auth = verified;
    const dueMs = (auth.expires - systemClock.now()) * 1000;
    checkAfter(Math.min(Math.max(dueMs, leastDelayMs), longestDelayMs));
  };
  const reject = (error: unknown) => {
    // A database that is unreachable, or has too much to do, ends no token before its time.
    const isUnknown = hasCode(error, "unavailable", "overloaded");
    if (isUnknown && systemClock.now() < (auth?.expires ?? Number.POSITIVE_INFINITY) + leewayMaxSeconds)
      checkAfter(leastDelayMs);
    else release(isUnknown ? new AmphoError("invalid_token", "The token has expired.") : error);
  };
  const check = () => {
    const credentials = auth && [auth.credential];
    // After a revocation only the database knows whether a key is still good.
    if (auth?.credential === "api_key") return void verifier.verify(token, credentials).then(accept, reject);
    try {
      accept(verifier.verifySync(token, credentials));
    } catch (error) {
      reject(error);
    }
  };
  const release = (reason: unknown) => {
    clearTimeout(timer);
    stop();
    if (!end.signal.aborted) end.abort(reason);
  };
  // Most revocations end one session. A check of every open socket for each would block the process.
  const stop = verifier.onRevoked((revoked) => {
    const isOther =
      (revoked.kind === "session" && revoked.session !== auth?.session) ||
      (revoked.kind === "api_key" && revoked.apiKey !== undefined && revoked.apiKey !== auth?.apiKey?.id);
    if (auth === undefined || !isOther) check();
  });
  check();
  return { ended: end.signal, release };
}
