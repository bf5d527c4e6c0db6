// The parts that an instance has opened, and how they end.

export interface Lifetime {
  /** `end` runs when the instance closes, and when a later step of its start fails. */
  onClose(end: () => unknown): void;
  /** Ends all parts together, and then what they stand on. Can be called twice. */
  close(): Promise<void>;
}

/**
 * Resolves to what `start` resolves to. If it fails, all that it has opened ends, so that the process can catch the
 * error and go on. `closeBase` ends what all parts stand on.
 */
export async function living<T>(closeBase: () => Promise<void>, start: (lifetime: Lifetime) => Promise<T>): Promise<T> {
  const ends: Array<() => unknown> = [];
  let closing: Promise<void> | undefined;
  const closeAll = async () => {
    await Promise.allSettled(ends.map(async (end) => end()));
    await closeBase();
  };
  const lifetime = {
    onClose: (end: () => unknown) => void ends.push(end),
    close: () => (closing ??= closeAll()),
  };
  try {
    return await start(lifetime);
  } catch (error) {
    await lifetime.close();
    throw error;
  }
}
