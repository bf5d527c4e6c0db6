// Detects a pause of this process: SIGSTOP, a suspended VM or container, a blocked event loop. After a pause the
// revocations in memory can be older than docs/reference/contract.md §4 allows, so requests must wait for a read.
import type { Clock } from "../clock.js";

export interface ProcessPause {
  /** After a pause, the read that a guard waits for. Nearly always undefined. Never rejects. */
  pendingRead(): Promise<void> | undefined;
  stop(): void;
}

const checkMs = 250;
/** A shorter pause, even one that begins when a read is due, stays within the bound. */
const shortMs = 500;
/** After this long a request continues with the known revocations, as when the database is unreachable. */
const waitMaxMs = 1000;

/** `readAgain` reads the revocations. If it fails, requests continue. */
export function watchProcessPause(clock: Pick<Clock, "monotonicMs">, readAgain: () => Promise<unknown>): ProcessPause {
  let aliveMs = clock.monotonicMs();
  let reading: Promise<void> | undefined;

  function pendingRead(): Promise<void> | undefined {
    const ms = clock.monotonicMs();
    if (ms - aliveMs > shortMs) {
      const own = atMost(waitMaxMs, readAgain()).finally(() => {
        if (reading === own) reading = undefined;
      });
      reading = own;
    }
    aliveMs = ms;
    return reading;
  }

  const timer = setInterval(pendingRead, checkMs);
  unref(timer);
  return { pendingRead, stop: () => clearInterval(timer) };
}

function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    unref(timer);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    work.then(done, done);
  });
}

/** Outside Node.js a timer can be a number. */
function unref(timer: { readonly unref?: () => unknown } | number): void {
  if (typeof timer === "object") timer.unref?.();
}
