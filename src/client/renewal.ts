// Renewal by refresh token (contract §4, POST /renew): one for however many callers and, under the lock, for all tabs.
// The Idempotency-Key is stored before the first try; a lost answer, a closed tab or a crash repeat both token and key.
import { AmphoError } from "../errors.js";
import type { Lock } from "./lock.js";
import { randomId } from "./random.js";
import { type Records, type StoredSession, sidOf, storedSessionOf } from "./record.js";
import { reliably } from "./storage.js";
import { call } from "./wire.js";

export interface Renewal {
  /**
   * A newer token of the same session; rejects with `session_ended`, with what keeps the server from answering, or with
   * the reason of the signal, which stops the waiting only.
   */
  renew(stale: StoredSession, signal?: AbortSignal | null): Promise<StoredSession>;
  /** The network is back: the next call tries at once. */
  resume(): void;
}

const longestPauseMs = 30_000;

export const sessionEnded = () => new AmphoError("session_ended", "The session has ended.");

/** Whether the server says that there is no such session any more. */
export function isOver(error: unknown): boolean {
  return error instanceof AmphoError && (error.code === "session_ended" || error.code === "invalid_token");
}

/** Throws on all else that keeps the server from answering. */
export function unlessOver(error: unknown): undefined {
  if (!isOver(error)) throw error;
}

export async function requestRenewal(root: string, { refresh_token, key }: StoredSession): Promise<StoredSession> {
  return storedSessionOf(await call(root, "/renew", { refresh_token }, undefined, key));
}

export function createRenewal(records: Records, lock: Lock, root: string): Renewal {
  /** By the refresh token that is being renewed: a login may bring another while one is under way. */
  const running = new Map<string, Promise<StoredSession>>();
  let failure: unknown;
  let failures = 0;
  let pausedUntilMs = 0;

  async function move({ refresh_token }: StoredSession): Promise<void> {
    const held = await records.read();
    if (held?.refresh_token !== refresh_token) return; // another tab was first
    const keyed = { key: randomId(), ...held };
    await records.replace(keyed, refresh_token);
    const renewed = await requestRenewal(root, keyed).catch(unlessOver);
    await records.replace(renewed, refresh_token);
  }

  async function attempt(stale: StoredSession): Promise<StoredSession> {
    // Nobody tries in the background, and whoever calls again too early is told the same without a request.
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
    // A call that was made in one session is never sent in another.
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
    // The reason is what the caller chose to abort with.
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    // A signal may outlive many calls.
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
