// Threads of closed instances. To start a thread takes longer than two hashes of a password. The next instance of the
// process, as in the tests of an application, needs the same threads again. They keep no process alive.
import type { Worker } from "node:worker_threads";

const keptMs = 1_000;

/** The listeners of Node itself stay. They start and stop the messages of a thread. */
function removeListeners(worker: Worker): Worker {
  for (const event of ["message", "error", "exit"]) worker.removeAllListeners(event);
  return worker;
}

export type SpareThreads = ReturnType<typeof createSpareThreads>;

/** For threads of one file, which hold nothing of the instance that has used them. */
export function createSpareThreads() {
  const kept = new Map<Worker, NodeJS.Timeout>();

  /** Its next owner sets listeners of its own. */
  function release(worker: Worker): Worker {
    clearTimeout(kept.get(worker));
    kept.delete(worker);
    return removeListeners(worker);
  }

  return {
    /** Keeps an idle thread for a second. */
    keep(worker: Worker): void {
      removeListeners(worker).unref();
      const end = () => void release(worker).terminate();
      kept.set(worker, setTimeout(end, keptMs).unref());
      const lose = () => void release(worker);
      // Without a listener, the error of a thread ends the process.
      worker.on("error", lose).on("exit", lose);
    },
    take(): Worker | undefined {
      const [worker] = kept.keys();
      return worker && release(worker);
    },
  };
}
