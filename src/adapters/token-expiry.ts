// The end of a token, for connections that stay open longer than a request, such as sockets and event streams.

import { leewayMaxSeconds, systemClock } from "../clock.js";
import { AmphoError } from "../errors.js";
import type { Auth } from "../tokens/auth.js";
import type { Credential } from "../tokens/credential.js";

/** The members of an `Ampho` that check a token and report revocations. */
export interface TokenVerifier {
  /**
   * Verifies an access token without a promise.
   * @example const { login } = ampho.verifySync(token);
   */
  verifySync(token: string, credentials?: readonly Credential[]): Auth;
  /**
   * Calls `listener` for each revocation. Returns a function that stops it.
   * @example const stop = ampho.onRevoked(() => console.log("Check the tokens again."));
   */
  onRevoked(listener: (revoked: { readonly kind: string; readonly session?: string }) => void): () => void;
}

export interface TokenWatch {
  /** Aborts when the token no longer authorizes, with the error as its reason. Without a token it never aborts. */
  readonly ended: AbortSignal;
  /** Ends the watch and aborts with this reason. */
  release(reason: unknown): void;
}

/** Tokens end by the clock of the database, which can be ahead of the clock of this machine. */
const longestDelayMs = 30_000;
const leastDelayMs = 1_000;

/**
 * Checks the token now, after each revocation that can concern it, when it expires, and once a second within its leeway.
 * `accepted`: what the guard has found in the token.
 */
export function watchToken(verifier: TokenVerifier, token: string | undefined, accepted?: Auth): TokenWatch {
  const end = new AbortController();
  if (token === undefined) return { ended: end.signal, release: () => undefined };
  let timer: NodeJS.Timeout | undefined;
  let auth = accepted;
  const check = () => {
    clearTimeout(timer);
    try {
      auth = verifier.verifySync(token, auth && [auth.credential]);
      const dueMs = (auth.expires - systemClock.now()) * 1000;
      timer = setTimeout(check, Math.min(Math.max(dueMs, leastDelayMs), longestDelayMs)).unref();
    } catch (error) {
      // A database that is unreachable ends no token before its time.
      const isUnknown = error instanceof AmphoError && error.code === "unavailable";
      if (isUnknown && systemClock.now() < (auth?.expires ?? Number.POSITIVE_INFINITY) + leewayMaxSeconds)
        timer = setTimeout(check, leastDelayMs).unref();
      else release(isUnknown ? new AmphoError("invalid_token", "The token has expired.") : error);
    }
  };
  const release = (reason: unknown) => {
    clearTimeout(timer);
    stop();
    if (!end.signal.aborted) end.abort(reason);
  };
  // Most revocations end one session. If each of them checked every open socket, a burst of logouts would block the process.
  const stop = verifier.onRevoked((revoked) => {
    if (revoked.kind !== "session" || auth === undefined || revoked.session === auth.session) check();
  });
  check();
  return { ended: end.signal, release };
}
