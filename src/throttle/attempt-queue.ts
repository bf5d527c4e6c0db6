// Attempts that wait for tries in flight to be settled: those of one counter stand in a line, and only the first of it asks.
import type { AttemptVerdict } from "../store/store.js";

/** So long a attempt waits in all, and so often the first of a line asks: ever more slowly. */
const patienceMs = 3_000;
const pauseMs = { first: 5, longest: 40 };
/** More in one line, or in all, would only hold connections. */
const lineMax = 128;
const waitingMax = 1024;

interface Lane {
  last: Promise<void>;
  waiting: number;
}

export interface AttemptQueue {
  /** Asks once, and if need be again in its turn, until the answer is known or patience is over. */
  enqueue(line: string, ask: () => Promise<AttemptVerdict>): Promise<AttemptVerdict>;
}

export function createAttemptQueue(): AttemptQueue {
  const lanes = new Map<string, Lane>();
  let waiting = 0;

  return {
    async enqueue(line, ask) {
      // Nobody overtakes a line: those whose login was right come back at once, and would always be faster than its first.
      if (!lanes.has(line)) {
        const verdict = await ask();
        if (verdict.outcome !== "pending") return verdict;
      }
      const lane = lanes.get(line) ?? { last: Promise.resolve(), waiting: 0 };
      if (lane.waiting >= lineMax || waiting >= waitingMax) return { outcome: "pending" };
      lanes.set(line, lane);
      lane.waiting += 1;
      waiting += 1;
      const before = lane.last;
      let leave = (): void => undefined;
      lane.last = new Promise((resolve) => {
        leave = resolve;
      });
      let late = false;
      const timer = setTimeout(() => {
        late = true;
      }, patienceMs);
      try {
        // Whoever is before has come earlier and loses patience earlier.
        await before;
        return await askInTurn(ask, () => late);
      } finally {
        clearTimeout(timer);
        leave();
        waiting -= 1;
        lane.waiting -= 1;
        if (lane.waiting === 0) lanes.delete(line);
      }
    },
  };
}

async function askInTurn(ask: () => Promise<AttemptVerdict>, isLate: () => boolean): Promise<AttemptVerdict> {
  let ms = pauseMs.first;
  for (;;) {
    if (isLate()) return { outcome: "pending" };
    const verdict = await ask();
    if (verdict.outcome !== "pending") return verdict;
    await new Promise((resolve) => setTimeout(resolve, ms));
    ms = Math.min(ms * 2, pauseMs.longest);
  }
}
