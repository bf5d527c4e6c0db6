// How long a hashing thread pauses between two jobs, so that it uses only what a busy machine has left. Several
// processes on one machine have as many hashing threads each, and none knows of the others. A thread can see how long
// the kernel let it wait for a core while it had work. After a wait it leaves the core alone for longer than that.
// Linux reports the time (proc_pid_schedstat(5)). Elsewhere a thread never pauses. Measured with `node
// bench/fleet-flood.mjs` on two cores, four runs with the pause and four without it, in turn. The p99 of guarded
// requests in a login flood is 5.1 to 6.3 ms with it, and 8.6 to 14.4 ms without. It costs a fifth of the passwords.
import { readFileSync } from "node:fs";

/** A share of the time of a job. A smaller share is chance: a timer, a request, or a garbage collection. */
const crowdedShare = 0.25;
const shareWeight = 0.2;
/** Times what was waited. */
const restFactor = 4;
/** However crowded it is, logins go on. */
const restMaxMs = 150;
/** A share of the time limit of the waiting jobs. */
const inGoodTime = 0.5;

export function createThreadPause(rests = true) {
  let share = 0;
  const isCrowded = () => rests && share > crowdedShare;
  return {
    /** Milliseconds to rest after a job that took `tookMs`, of which its thread waited `waitedMs` for a core. */
    after({ tookMs, waitedMs }: { readonly tookMs: number; readonly waitedMs: number }): number {
      const waited = tookMs > 0 ? Math.min(1, waitedMs / tookMs) : 0;
      share += shareWeight * (waited - share);
      return isCrowded() ? Math.min(restFactor * waitedMs, restMaxMs) : 0;
    },
    /** True when the waits of the last jobs show that other processes want the cores. */
    get crowded() {
      return isCrowded();
    },
  };
}

export interface Backlog {
  /** The time limit of a job, including its wait. */
  readonly patienceMs: number;
  readonly threads: number;
  /** Jobs that have no thread yet. */
  readonly waiting: number;
  /** The time that one job takes its thread. */
  readonly meanMs: number;
}

/**
 * The milliseconds that a thread can pause. All waiting jobs, and one more for each thread, still get their turn within
 * half of their time limit, so that a pause gives up no job.
 */
export const spareMs = ({ patienceMs, threads, waiting, meanMs }: Backlog): number =>
  Math.max(0, (patienceMs * inGoodTime * threads) / (waiting + threads) - meanMs);

/** How long this thread has waited for a core since its start, in milliseconds. 0 where it is not reported. */
export function waitedForCoreMs(): number {
  try {
    const [, waitedNs] = readFileSync("/proc/thread-self/schedstat", "latin1").split(" ");
    return Number(waitedNs) / 1e6 || 0;
  } catch {
    return 0;
  }
}
