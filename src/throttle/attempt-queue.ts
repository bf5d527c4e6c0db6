// Attempts that wait for earlier ones of their subject. Only the first of a queue asks the database.
import type { AttemptVerdict } from "./attempt.js";

const patienceMs = 3_000;
/** How long the first of a queue waits before it asks again. The pause doubles. */
const pauseMs = { first: 5, longest: 40 };
/** More attempts in one queue, or in all queues, would only occupy connections. */
const lengthMax = 128;
const waitingMax = 1024;

interface Queue {
  last: Promise<void>;
  waiting: number;
}

export function createAttemptQueue() {
  const queues = new Map<string, Queue>();
  let waiting = 0;

  return {
    /** Asks once, and then again in its turn, until the verdict is known or the attempt has waited too long. */
    async enqueue(subject: string, ask: () => Promise<AttemptVerdict>): Promise<AttemptVerdict> {
      // No attempt overtakes a queue. A client that succeeds at once and returns would always be first.
      if (!queues.has(subject)) {
        const verdict = await ask();
        if (verdict.outcome !== "pending") return verdict;
      }
      const queue = queues.get(subject) ?? { last: Promise.resolve(), waiting: 0 };
      if (queue.waiting >= lengthMax || waiting >= waitingMax) return { outcome: "pending" };
      queues.set(subject, queue);
      queue.waiting += 1;
      waiting += 1;
      const before = queue.last;
      let leave = (): void => undefined;
      queue.last = new Promise((resolve) => {
        leave = resolve;
      });
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), patienceMs);
      try {
        // The attempt before this one came earlier and gives up earlier.
        await before;
        return await askInTurn(ask, late.signal);
      } finally {
        clearTimeout(timer);
        leave();
        waiting -= 1;
        queue.waiting -= 1;
        if (queue.waiting === 0) queues.delete(subject);
      }
    },
  };
}

async function askInTurn(ask: () => Promise<AttemptVerdict>, late: AbortSignal): Promise<AttemptVerdict> {
  for (let ms = pauseMs.first; !late.aborted; ms = Math.min(ms * 2, pauseMs.longest)) {
    const verdict = await ask();
    if (verdict.outcome !== "pending") return verdict;
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
  return { outcome: "pending" };
}
