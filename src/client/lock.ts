// One renewal at a time for all clients that share a storage, by Web Locks (https://w3c.github.io/web-locks/) or by an
// entry in the storage. A holder might never release its lock, so a client that waited too long takes over. Two
// renewals at once do no harm, because both send the same token with the same Idempotency-Key. It saves requests.
import { sleep } from "./calls.js";
import type { ClientStorage } from "./storage.js";

export type Lock = <T>(work: () => Promise<T>) => Promise<T>;

/** Longer than a call can take (calls.ts). With tokens in cookies, a renewal makes two calls, which can take longer. */
const takeoverMs = 25_000;
/** The time until another tab sees an entry. Browsers keep a copy of localStorage in each process. */
const settleMs = 50;

/** The part of `LockManager` that is used. A project for Node does not have the name, which is of the DOM library. */
export interface LockRequests {
  request(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    callback: () => Promise<unknown>,
  ): Promise<unknown>;
}

export function webLock(locks: LockRequests, name: string): Lock {
  return async <T>(work: () => Promise<T>) => {
    let result: Promise<T> | undefined;
    const hold = () => {
      // The entry that the previous holder wrote can arrive later than the lock.
      result ??= sleep(settleMs).then(work);
      return result;
    };
    // Only the request for the lock rejects. A holder that loses its lock continues its work.
    for (const options of [{ signal: AbortSignal.timeout(takeoverMs) }, { steal: true }])
      if (!result) await locks.request(name, options, hold).catch(() => {});
    // A page that is being left, or that has no origin, gets no lock.
    return hold();
  };
}

export function storageLock(storage: ClientStorage, name: string): Lock {
  return async (work) => {
    // The end of the hold, with a random fraction that distinguishes holders.
    let mine: string | undefined;
    for (;;) {
      const entry = await storage.get(name);
      if (mine && entry === mine) break;
      const leftMs = Number(entry) - Date.now();
      // An end beyond the longest hold comes from a clock that was set back since then.
      if (!(leftMs > 0 && leftMs <= takeoverMs)) {
        mine = String(Date.now() + takeoverMs - Math.random());
        await storage.set(name, mine);
      }
      await sleep(settleMs);
    }
    try {
      return await work();
    } finally {
      if ((await storage.get(name)) === mine) await storage.remove(name);
    }
  };
}
