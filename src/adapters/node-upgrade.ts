// WebSockets on node:http: the guard of an upgrade request (RFC 6455 §4), which tells of the end of its token.
// Browsers can set no Authorization header here, so the token may also come as a subprotocol, `bearer.{token}`.

import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { AmphoError } from "../errors.js";
import { authorizationValues, headOf } from "../http/node/request.js";
import { type GuardHost, hostOf } from "../http/rest/host.js";
import type { HttpResponse } from "../http/rest/message.js";
import { onlyAuthorization } from "../http/rest/request/authorization.js";
import type { AuthOf, NoRequirements, Requirements } from "../tokens/auth.js";
import { bearerOf } from "../tokens/bearer.js";
import { assertAuth, requirementsAndHandler } from "./node-guard.js";
import { type TokenVerifier, watchToken } from "./token-expiry.js";

/** What upgrades use of an `Ampho`. */
export interface UpgradeInstance extends TokenVerifier {
  readonly host: GuardHost;
}

export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** `ended` aborts when the token no longer authorizes: revoked, within a second of that, or expired. */
export type UpgradeHandler<N> = (
  request: IncomingMessage & { readonly auth: AuthOf<N> },
  socket: Duplex,
  head: Buffer,
  ended: AbortSignal,
) => void;

const subprotocolPrefix = "bearer.";

/** The subprotocols that the client offers, without its token, which must not be answered as the chosen one. */
export function offeredProtocols(request: IncomingMessage): readonly string[] {
  return protocolsOf(request).filter((name) => !name.startsWith(subprotocolPrefix));
}

/** Listener for `server.on("upgrade", …)`: hands the socket to the handler, or answers with the refusal and closes it. */
export function guardedUpgrade(ampho: UpgradeInstance, handler: UpgradeHandler<NoRequirements>): UpgradeListener;
export function guardedUpgrade<const N extends Requirements<IncomingMessage>>(
  ampho: UpgradeInstance,
  requirements: N,
  handler: UpgradeHandler<N>,
): UpgradeListener;
export function guardedUpgrade<N extends Requirements<IncomingMessage>>(
  ampho: UpgradeInstance,
  ...rest: readonly [UpgradeHandler<N>] | readonly [N, UpgradeHandler<N>]
): UpgradeListener {
  const host = hostOf(ampho);
  const [requirements, handler] = requirementsAndHandler(rest, host);
  requireJudge(ampho);

  return (request, socket, head) => {
    // The server has let go of the socket: without a listener a reset would end the process.
    const onError = () => socket.destroy();
    socket.on("error", onError);
    const decide = async () => {
      const authorization = authorizationOf(host, request);
      request.auth = await host.guard(authorization, requirements, request);
      assertAuth(request, requirements);
      return bearerOf(authorization);
    };
    decide().then(
      (token) => {
        if (socket.destroyed) return;
        socket.off("error", onError);
        assertAuth(request, requirements);
        const { ended, release } = watchToken(ampho, token);
        socket.once("close", () => release(new AmphoError("invalid_token", "The socket was closed.")));
        if (ended.aborted) refuse(socket, host.refusal(ended.reason));
        else handler(request, socket, head, ended);
      },
      (error: unknown) => refuse(socket, host.refusal(error)),
    );
  };
}

/** Throws a TypeError where it is written: later it would be the first good token that ends the process. */
function requireJudge(ampho: UpgradeInstance): void {
  if (typeof ampho.onRevoked !== "function")
    throw new TypeError("guardedUpgrade takes an Ampho: a verifier does not tell when a token has ended");
}

/** The one token, wherever it stands, as an Authorization value. */
function authorizationOf({ cookies }: GuardHost, request: IncomingMessage): string | undefined {
  const tokens = protocolsOf(request)
    .filter((name) => name.startsWith(subprotocolPrefix))
    .map((name) => `Bearer ${name.slice(subprotocolPrefix.length)}`);
  const authorization = [...authorizationValues(request), ...tokens];
  if (cookies === undefined) return onlyAuthorization(authorization);
  // Pages of any site may open sockets, and read them (RFC 6455 §10.2): by cookie it takes one of our own, whatever the method.
  return cookies.authorizationOf({ ...headOf(request), method: undefined, authorization });
}

function protocolsOf({ headers }: IncomingMessage): readonly string[] {
  const names = headers["sec-websocket-protocol"]?.split(",") ?? [];
  return names.map((name) => name.trim()).filter((name) => name !== "");
}

function refuse(socket: Duplex, { status, headers, body = "" }: HttpResponse): void {
  const fields = { ...headers, "Content-Length": String(Buffer.byteLength(body)), Connection: "close" };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`);
}
