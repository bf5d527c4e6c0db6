// Notices that this process has stood still (stopped, frozen with its container, held up by code of the application): what it
// knows of revocations may be older by then than the bound of contract §4 allows, and requests have waited for it.
import type { Clock } from "../clock.js";

export interface ProcessPause {
  /** What a guard waits for: since a processPause until it is made up for. Nearly always undefined; never rejects. */
  pendingRead(): Promise<void> | undefined;
  stop(): void;
}

const lookMs = 250;
/** Who stood still for less, beginning when a read was due, is within the bound all the same. */
const shortMs = 500;
/** Then who waits goes on with what is known, as when the store is away. */
const waitMaxMs = 1000;

/** `readAgain` reads again what is revoked; its failure lets everybody go on. */
export function watchProcessPause(clock: Pick<Clock, "monotonicMs">, readAgain: () => Promise<unknown>): ProcessPause {
  let aliveMs = clock.monotonicMs();
  let catching: Promise<void> | undefined;

  function pendingRead(): Promise<void> | undefined {
    const ms = clock.monotonicMs();
    if (ms - aliveMs > shortMs) {
      const own = atMost(waitMaxMs, readAgain()).finally(() => {
        if (catching === own) catching = undefined;
      });
      catching = own;
    }
    aliveMs = ms;
    return catching;
  }

  const timer = setInterval(pendingRead, lookMs);
  keepNothingAlive(timer);
  return { pendingRead, stop: () => clearInterval(timer) };
}

function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    keepNothingAlive(timer);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    work.then(done, done);
  });
}

/** Not everywhere is a timer an object. */
function keepNothingAlive(timer: { readonly unref?: () => unknown } | number): void {
  if (typeof timer === "object") timer.unref?.();
}
