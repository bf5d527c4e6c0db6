// The thread that hashes and verifies passwords for password-pool.ts, one job at a time.
import { constants, getPriority, setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { hashPasswordSync } from "./hash.js";
import { waitedForCoreMs } from "./thread-rest.js";
import { verifyPasswordSync } from "./verify.js";

export type PasswordJob =
  | { readonly kind: "hash"; readonly password: string }
  | { readonly kind: "verify"; readonly password: string; readonly stored: string | undefined };

type Outcome =
  | { readonly kind: "hash"; readonly hash: string }
  | { readonly kind: "verify"; readonly valid: boolean }
  | { readonly kind: "failed" };
export type PasswordJobResult = Outcome & {
  readonly tookMs: number;
  /** Of it, waiting for a core that others had. */
  readonly waitedMs: number;
};

function compute(job: PasswordJob): Outcome {
  try {
    if (job.kind === "hash") return { kind: "hash", hash: hashPasswordSync(job.password) };
    return { kind: "verify", valid: verifyPasswordSync(job.stored, job.password) };
  } catch {
    // Out of memory, most likely. Nothing of the cause leaves: it may hold what was typed.
    return { kind: "failed" };
  }
}

// A flood of logins must not slow guarded requests down. On Linux 0 means this thread; elsewhere it would be the process.
if (process.platform === "linux") {
  try {
    setPriority(0, Math.max(getPriority(0), constants.priority.PRIORITY_BELOW_NORMAL));
  } catch {
    // Sandboxes may forbid it; hashing works all the same.
  }
}

parentPort?.on("message", (job: PasswordJob) => {
  const [startedMs, waitedMs] = [performance.now(), waitedForCoreMs()];
  const outcome = compute(job);
  const took = { tookMs: performance.now() - startedMs, waitedMs: waitedForCoreMs() - waitedMs };
  const answer: PasswordJobResult = { ...outcome, ...took };
  parentPort?.postMessage(answer);
});
