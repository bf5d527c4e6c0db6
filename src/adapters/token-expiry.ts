// The end of a token, for what stays open longer than a request: a socket, a stream of events.

import { AmphoError } from "../errors.js";
import type { Auth } from "../tokens/auth.js";

/** What knows whether a token still authorizes, and when to look again. */
export interface TokenVerifier {
  verifySync(token: string): Auth;
  onRevoked(listener: () => void): () => void;
}

export interface TokenWatch {
  /** Aborts when the token no longer authorizes, its reason being the refusal; without a token, never. */
  readonly ended: AbortSignal;
  /** Ends the watch, for whoever has no more use for it; aborts with this reason. */
  release(reason: unknown): void;
}

const longestDelayMs = 2 ** 31 - 1;
const leastDelayMs = 1_000;

/** Looks now, whenever something is revoked, and when the token expires; within its leeway once a second. */
export function watchToken(judge: TokenVerifier, token: string | undefined): TokenWatch {
  const end = new AbortController();
  if (token === undefined) return { ended: end.signal, release: () => undefined };
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    clearTimeout(timer);
    try {
      const dueMs = judge.verifySync(token).expires * 1000 - Date.now();
      timer = setTimeout(look, Math.min(Math.max(dueMs, leastDelayMs), longestDelayMs)).unref();
    } catch (error) {
      // A store that is away has ended nothing.
      if (error instanceof AmphoError && error.code === "unavailable") timer = setTimeout(look, leastDelayMs).unref();
      else release(error);
    }
  };
  const release = (reason: unknown) => {
    clearTimeout(timer);
    stop();
    if (!end.signal.aborted) end.abort(reason);
  };
  const stop = judge.onRevoked(look);
  look();
  return { ended: end.signal, release };
}
