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
   * The same, and can wait. An API key needs it.
   * @example const { login } = await ampho.verify(token);
   */
  verify(token: string, credentials?: readonly Credential[]): Promise<Auth>;
  /**
   * Calls `listener` for each revocation. Returns a function that stops it.
   * @example const stop = ampho.onRevoked(() => console.log("Check the tokens again."));
   */
  onRevoked(
    listener: (revoked: { readonly kind: string; readonly session?: string; readonly apiKey?: string }) => void,
  ): () => void;
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
  const checkAfter = (ms: number) => {
    clearTimeout(timer);
    if (!end.signal.aborted) timer = setTimeout(check, ms).unref();
  };
  const accept = (verified: Auth) => {
    auth = verified;
    const dueMs = (auth.expires - systemClock.now()) * 1000;
    checkAfter(Math.min(Math.max(dueMs, leastDelayMs), longestDelayMs));
  };
  const reject = (error: unknown) => {
    // A database that is unreachable ends no token before its time.
    const isUnknown = error instanceof AmphoError && error.code === "unavailable";
    if (isUnknown && systemClock.now() < (auth?.expires ?? Number.POSITIVE_INFINITY) + leewayMaxSeconds)
      checkAfter(leastDelayMs);
    else release(isUnknown ? new AmphoError("invalid_token", "The token has expired.") : error);
  };
  const check = () => {
    const credentials = auth && [auth.credential];
    // After a revocation only the database knows whether a key is still good.
    if (auth?.credential === "key") return void verifier.verify(token, credentials).then(accept, reject);
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
  // Most revocations end one session. If each of them checked every open socket, a burst of logouts would block the process.
  const stop = verifier.onRevoked((revoked) => {
    const isOther =
      (revoked.kind === "session" && revoked.session !== auth?.session) ||
      (revoked.kind === "apiKey" && revoked.apiKey !== auth?.key?.id);
    if (auth === undefined || !isOther) check();
  });
  check();
  return { ended: end.signal, release };
}
