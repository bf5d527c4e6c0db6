// Renewal by refresh token (docs/contract.md §4, POST /renew): once for any number of callers and, under the lock, for all
// tabs. The Idempotency-Key is stored before the first attempt. After a lost response, a closed tab or a crash, the next
// attempt sends the same token and key.
import { AmphoError } from "../errors.js";
import type { Lock } from "./lock.js";
import { randomId } from "./random.js";
import { type Records, type StoredSession, sidOf, storedSessionOf } from "./record.js";
import { reliably } from "./storage.js";
import { call } from "./wire.js";

export interface Renewer {
  /**
   * Resolves to a newer token of the same session. Rejects with `session_ended`, with the error of the request, or with the
   * reason of the signal, which ends the wait and not the renewal.
   */
  renew(stale: StoredSession, signal?: AbortSignal | null): Promise<StoredSession>;
  /** Ends the pause after failures, because the network is back. */
  resume(): void;
}

const longestPauseMs = 30_000;

export const sessionEnded = () => new AmphoError("session_ended", "The session has ended.");

/** True if the server states that the session has ended. */
export function isOver(error: unknown): boolean {
  return error instanceof AmphoError && (error.code === "session_ended" || error.code === "invalid_token");
}

/** Throws every other error. */
export function unlessOver(error: unknown): undefined {
  if (!isOver(error)) throw error;
}

export async function requestRenewal(root: string, { refresh_token, key }: StoredSession): Promise<StoredSession> {
  return storedSessionOf(await call(root, "/renew", { refresh_token }, undefined, key));
}

export function createRenewer(records: Records, lock: Lock, root: string): Renewer {
  /** Renewals by refresh token. A login can store another one while a renewal is under way. */
  const running = new Map<string, Promise<StoredSession>>();
  let failure: unknown;
  let failures = 0;
  let pausedUntilMs = 0;

  async function move({ refresh_token }: StoredSession): Promise<void> {
    const held = await records.read();
    if (held?.refresh_token !== refresh_token) return; // Another tab was first.
    const keyed = { key: randomId(), ...held };
    await records.replace(keyed, refresh_token);
    const renewed = await requestRenewal(root, keyed).catch(unlessOver);
    await records.replace(renewed, refresh_token);
  }

  async function attempt(stale: StoredSession): Promise<StoredSession> {
    // No renewal runs in the background. A call that comes too early gets the same error without a request.
    if (performance.now() < pausedUntilMs) throw failure;
    try {
      await reliably(() => lock(() => move(stale)));
      failures = 0;
    } catch (error) {
      failure = error;
      const pauseMs = Math.min(longestPauseMs, 500 * 2 ** failures++) * (0.5 + Math.random() / 2);
      const retryAfterSeconds = error instanceof AmphoError && error.details.retryAfterSeconds;
      pausedUntilMs = performance.now() + (retryAfterSeconds ? retryAfterSeconds * 1000 : pauseMs);
      throw error;
    }
    const held = await records.read();
    // A call that began in one session is never sent in another.
    if (!held || sidOf(held) !== sidOf(stale)) throw sessionEnded();
    return held;
  }

  return {
    renew(stale, signal) {
      const { refresh_token } = stale;
      const result = running.get(refresh_token) ?? attempt(stale).finally(() => running.delete(refresh_token));
      running.set(refresh_token, result);
      return signal ? unlessAborted(result, signal) : result;
    },
    resume() {
      pausedUntilMs = 0;
    },
  };
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    // A signal can outlive many calls.
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
