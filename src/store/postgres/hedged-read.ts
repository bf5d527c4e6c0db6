// A question that is asked once more when its answer is overdue: a connection may be dead without anybody having said so, as
// behind a firewall that has forgotten it, while the server answers whoever opens another.

/** On a network that is no slower, and between two reads a quarter of a second apart, all is known within the second. */
const overdueMs = 400;

export type HedgedRead = <T>(ask: (again: boolean) => Promise<T>) => Promise<T>;

/**
 * The first good answer counts; rejects when there is none. Overdue is what takes twice as long as the answer before, too:
 * a server that is far away is not asked twice each time.
 */
export function createHedgedRead(): HedgedRead {
  let tookMs = 0;
  return async <T>(ask: (again: boolean) => Promise<T>) => {
    const timed = async (again: boolean) => {
      const askedMs = performance.now();
      const answer = await ask(again);
      tookMs = performance.now() - askedMs;
      return answer;
    };
    const first = timed(false);
    if (await isSettled(first, Math.max(overdueMs, 2 * tookMs))) return first;
    return Promise.any([first, timed(true)]).catch(() => first);
  };
}

async function isSettled(promise: Promise<unknown>, withinMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), withinMs);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  return Promise.race([settled, overdue]).finally(() => clearTimeout(timer));
}
