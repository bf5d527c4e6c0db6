// How long a thread that hashes rests between two jobs, so that it takes what a busy machine has left, and not its share of it:
// several processes on one machine have as many hashing threads each, and none knows of the others. What a thread can tell is
// how long the kernel let it wait for a core while it had work; having waited, it leaves the core alone for longer than that.
// Linux tells (proc_pid_schedstat(5)); elsewhere a thread never rests.
import { readFileSync } from "node:fs";

export interface Rest {
  /** Milliseconds to rest after a job that took `tookMs`, of which its thread waited `waitedMs` for a core. */
  after(job: { readonly tookMs: number; readonly waitedMs: number }): number;
  /** Whether others want the cores, by what the last jobs waited. */
  readonly crowded: boolean;
}

/** Of the time a job takes; below it is chance: a timer, a request, garbage that is collected. */
const crowdedShare = 0.25;
const shareWeight = 0.2;
/** Times what was waited. */
const restFactor = 4;
/** However crowded it is, logins go on. */
const restMaxMs = 150;
/** Of the patience of those who wait. */
const inGoodTime = 0.5;

export function createRest(rests = true): Rest {
  let share = 0;
  const isCrowded = () => rests && share > crowdedShare;
  return {
    after({ tookMs, waitedMs }) {
      const waited = tookMs > 0 ? Math.min(1, waitedMs / tookMs) : 0;
      share += shareWeight * (waited - share);
      return isCrowded() ? Math.min(restFactor * waitedMs, restMaxMs) : 0;
    },
    get crowded() {
      return isCrowded();
    },
  };
}

export interface Waiting {
  /** How long a job may take, waiting included. */
  readonly patienceMs: number;
  readonly threads: number;
  /** Jobs that have no thread yet. */
  readonly waiting: number;
  /** What one job takes its thread. */
  readonly meanMs: number;
}

/**
 * Milliseconds a thread may rest if all who wait, and one more a thread, are to have had their turn by half their patience:
 * nobody is given up for a rest.
 */
export function spareMs({ patienceMs, threads, waiting, meanMs }: Waiting): number {
  return Math.max(0, (patienceMs * inGoodTime * threads) / (waiting + threads) - meanMs);
}

/** How long this thread has waited for a core since it began, in milliseconds; 0 where nothing tells. */
export function waitedForCoreMs(): number {
  try {
    const [, waitedNs] = readFileSync("/proc/thread-self/schedstat", "latin1").split(" ");
    return Number(waitedNs) / 1e6 || 0;
  } catch {
    return 0;
  }
}
