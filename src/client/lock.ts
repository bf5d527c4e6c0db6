// One renewal at a time for all that share a storage: by Web Locks (https://w3c.github.io/web-locks/), or by an entry in
// the storage. Neither is trusted to be given back: whoever waited too long takes over. That two work at once does no
// harm, for both present the same token with the same Idempotency-Key; the lock only saves requests.
import { randomId } from "./random.js";
import type { ClientStorage } from "./storage.js";
import { sleep } from "./wire.js";

export type Lock = (work: () => Promise<void>) => Promise<void>;

/** Longer than a holder ever needs (`deadlineMs` of wire.ts), so that only a holder that sleeps or died is robbed. */
const takeoverMs = 25_000;
/** What another tab has to see an entry: storages are not atomic, nor at once the same in every process. */
const settleMs = 40;

/** Nobody else shares the storage. */
export const noLock: Lock = (work) => work();

export function webLock(locks: LockManager, name: string): Lock {
  return async (work) => {
    let result: Promise<void> | undefined;
    const hold = () => {
      result ??= work();
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
    let mine = "";
    for (let count = 0; (await storage.get(name)) !== mine || !mine; count++) {
      const leftMs = Number.parseInt((await storage.get(name)) ?? "0", 10) - Date.now();
      // An end beyond the longest hold was written by a clock that has since been set back; one that never comes, by one that stands.
      if (leftMs > 0 && leftMs <= takeoverMs && count < takeoverMs / settleMs)
        await sleep(settleMs * (1 + Math.random()));
      else {
        mine = `${Date.now() + takeoverMs} ${randomId()}`;
        await storage.set(name, mine);
        await sleep(settleMs);
      }
    }
    try {
      await work();
    } finally {
      if ((await storage.get(name)) === mine) await storage.remove(name);
    }
  };
}
