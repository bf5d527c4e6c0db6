// Renewal by refresh token (docs/reference/contract.md §4, POST /renew): once for any number of callers and, under the
// lock, for all tabs. The Idempotency-Key is stored before the first attempt. After a lost response, a closed tab or a
// crash, the next attempt sends the same token and key.
import { AmphoError } from "../errors.js";
import type { Lock } from "./lock.js";
import { type Records, type StoredSession, sidOf } from "./record.js";
import { randomId } from "./texts.js";

export const sessionEnded = () => new AmphoError("session_ended", "The session has ended.");

/** True if the server states that the session has ended. */
export const isOver = (error: unknown): boolean =>
  /^(session_ended|invalid_token)$/.test((error as AmphoError | null)?.code as string);

/** Throws every other error. */
export function unlessOver(error: unknown): undefined {
  if (!isOver(error)) throw error;
}

export function createRenewer(
  records: Records,
  lock: Lock,
  requestRenewal: (held: StoredSession) => Promise<StoredSession>,
) {
  /** Renewals by the id of the record. A login can store another one while a renewal is under way. */
  const running = new Map<string, Promise<StoredSession>>();
  let failure: unknown;
  let failures = 0;
  let pausedUntilMs = 0;

  async function move({ id }: StoredSession): Promise<void> {
    let held = await records.read();
    if (held?.id !== id) return; // Another tab was first.
    held = { key: randomId(), ...held };
    await records.replace(held, id);
    await records.replace(await requestRenewal(held).catch(unlessOver), id);
  }

  async function attempt(stale: StoredSession): Promise<StoredSession> {
    // No renewal runs in the background. A call that comes too early gets the same error without a request.
    if (performance.now() < pausedUntilMs) throw failure;
    try {
      await lock(() => move(stale));
      failures = 0;
    } catch (error) {
      failure = error;
      const pauseSeconds = Math.min(30, 2 ** failures++) / (2 + 2 * Math.random());
      const { retryAfterSeconds = pauseSeconds } = (error as AmphoError).details;
      pausedUntilMs = performance.now() + retryAfterSeconds * 1000;
      throw error;
    }
    const held = await records.read();
    // A call that began in one session is never sent in another.
    if (held && sidOf(held) === sidOf(stale)) return held;
    throw sessionEnded();
  }

  return {
    /**
     * Resolves to a newer token of the same session. Rejects with `session_ended`, with the error of the request, or
     * with the reason of the signal, which ends the wait and not the renewal.
     */
    renew(stale: StoredSession, signal?: AbortSignal | null): Promise<StoredSession> {
      const { id } = stale;
      const result = running.get(id) ?? attempt(stale).finally(() => running.delete(id));
      running.set(id, result);
      return signal ? unlessAborted(result, signal) : result;
    },
    /** Ends the pause after failures, because the network is back. */
    resume() {
      pausedUntilMs = 0;
    },
  };
}

export type Renewer = ReturnType<typeof createRenewer>;

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    // A signal can outlive many calls.
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
