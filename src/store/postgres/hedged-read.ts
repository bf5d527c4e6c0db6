// A read that is sent once more on another connection when its result is overdue. A connection can be dead without notice,
// for example behind a firewall that has forgotten it, while the server responds on a new one.

/** With reads a quarter of a second apart, a revocation is then known within a second on any network that is no slower. */
const overdueMs = 400;

export type HedgedRead = <T>(read: (again: boolean) => Promise<T>) => Promise<T>;

/**
 * The first successful result counts. Rejects if there is none. A result is overdue only if it takes twice as long as the
 * one before, so that a distant server does not get each read twice.
 */
export function createHedgedRead(): HedgedRead {
  let tookMs = 0;
  return async <T>(read: (again: boolean) => Promise<T>) => {
    const timed = async (again: boolean) => {
      const askedMs = performance.now();
      const result = await read(again);
      tookMs = performance.now() - askedMs;
      return result;
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
