// One renewal at a time for all that share a storage: by Web Locks (https://w3c.github.io/web-locks/), or by an entry in
// the storage. Neither is trusted to be given back: whoever waited too long takes over. That two work at once does no
// harm, for both present the same token with the same Idempotency-Key; the lock only saves requests.
import type { ClientStorage } from "./storage.js";
import { sleep } from "./wire.js";

export type Lock = (work: () => Promise<void>) => Promise<void>;

/** Longer than a holder ever needs (`deadlineMs` of wire.ts), so that only a holder that sleeps or died is robbed. */
const takeoverMs = 25_000;
/** How long an entry takes to be seen in another tab: browsers keep a copy of localStorage in each process. */
const settleMs = 50;

/** Nobody else shares the storage. */
export const noLock: Lock = (work) => work();

export function webLock(locks: LockManager, name: string): Lock {
  return async (work) => {
    let result: Promise<void> | undefined;
    const hold = () => {
      // What the holder before this one wrote may come later than the lock does.
      result ??= sleep(settleMs).then(work);
      return result;
    };
    // What rejects here is the asking; whoever is robbed while at work goes on with it all the same.
    await locks.request(name, { signal: AbortSignal.timeout(takeoverMs) }, hold).catch(() => {});
    if (!result) await locks.request(name, { steal: true }, hold).catch(() => {});
    // A page that is being left, or has no origin, gets no locks at all.
    return hold();
  };
}

export function storageLock(storage: ClientStorage, name: string): Lock {
  return async (work) => {
    // When the hold ends, with a fraction of its own that tells holders apart.
    let mine: string | undefined;
    for (let count = 0; ; count++) {
      const entry = await storage.get(name);
      if (mine && entry === mine) break;
      const leftMs = Number(entry) - Date.now();
      // An end beyond the longest hold was written by a clock that was set back since; one that never comes, by one that stands.
      if (!(leftMs > 0 && leftMs <= takeoverMs && count < takeoverMs / settleMs)) {
        mine = String(Date.now() + takeoverMs - Math.random());
        await storage.set(name, mine);
      }
      await sleep(settleMs);
    }
    try {
      await work();
    } finally {
      if ((await storage.get(name)) === mine) await storage.remove(name);
    }
  };
}
