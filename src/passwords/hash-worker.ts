// The thread that hashes and verifies passwords for pool.ts, one job at a time.
import { constants, getPriority, setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { hashPasswordSync } from "./argon2.js";
import { verifyPasswordSync } from "./formats/formats.js";
import { waitedForCoreMs } from "./thread-rest.js";

export type PasswordJob =
  | { readonly kind: "hash"; readonly password: string }
  | { readonly kind: "verify"; readonly password: string; readonly stored: string | undefined };

export interface PasswordJobResult {
  /** The hash, or whether the password is right. Undefined: the job failed. */
  readonly output: string | boolean | undefined;
  readonly tookMs: number;
  /** The part of `tookMs` in which the thread waited for a core. */
  readonly waitedMs: number;
}

function compute(job: PasswordJob): PasswordJobResult["output"] {
  try {
    return job.kind === "hash" ? hashPasswordSync(job.password) : verifyPasswordSync(job.stored, job.password);
  } catch {
    // Memory is exhausted, most likely. The cause is not passed on, because it could contain the password.
    return undefined;
  }
}

// A flood of logins must not slow guarded requests down. On Linux, 0 is this thread, elsewhere the process.
if (process.platform === "linux") {
  try {
    setPriority(0, Math.max(getPriority(0), constants.priority.PRIORITY_BELOW_NORMAL));
  } catch {
    // A sandbox can forbid it. Hashing works without it.
  }
}

parentPort?.on("message", (job: PasswordJob) => {
  const [startedMs, waitedMs] = [performance.now(), waitedForCoreMs()];
  const output = compute(job);
  const took = { tookMs: performance.now() - startedMs, waitedMs: waitedForCoreMs() - waitedMs };
  parentPort?.postMessage({ output, ...took } satisfies PasswordJobResult);
});
