// A question that is asked once more when its answer is overdue: a connection may be dead without anybody having said so, as
// behind a firewall that has forgotten it, while the server answers whoever opens another.

/** On a network that is no slower, and between two reads a quarter of a second apart, all is known within the second. */
const overdueMs = 400;

export type AskTwice = <T>(ask: (again: boolean) => Promise<T>) => Promise<T>;

/**
 * The first good answer counts; rejects when there is none. Overdue is what takes twice as long as the answer before, too:
 * a server that is far away is not asked twice each time.
 */
export function createAskTwice(): AskTwice {
  let tookMs = 0;
  return <T>(ask: (again: boolean) => Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      let open = 0;
      const askNow = (again: boolean) => {
        open++;
        const askedMs = performance.now();
        ask(again).then(
          (value) => {
            clearTimeout(timer);
            tookMs = performance.now() - askedMs;
            resolve(value);
          },
          (error: unknown) => {
            open--;
            if (open > 0) return;
            clearTimeout(timer);
            reject(error);
          },
        );
      };
      const timer = setTimeout(() => askNow(true), Math.max(overdueMs, 2 * tookMs));
      askNow(false);
    });
}
