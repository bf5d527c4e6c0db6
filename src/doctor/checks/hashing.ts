// Measures one password hash: it decides what a login costs here, and how many logins a second are possible.
import { createPasswordPool } from "../../passwords/pool.js";
import type { Finding } from "../finding.js";

const samples = 5;

/** Above this, users wait, and a few concurrent logins fill the queue for all others. */
const slowMs = 400;

export async function checkHashing(): Promise<{ readonly findings: readonly Finding[]; readonly leastMs: number }> {
  const pool = createPasswordPool({ size: 1 });
  try {
    // The first hash also starts the thread.
    await pool.hash("warm-up");
    // The fastest run counts, because other work on the machine only adds time.
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at < samples; at++) {
      const startMs = performance.now();
      await pool.hash("measurement");
      least = Math.min(least, performance.now() - startMs);
    }
    const leastMs = Math.round(least);
    return { findings: leastMs > slowMs ? [slow(leastMs)] : [], leastMs };
  } finally {
    await pool.close();
  }
}

const slow = (ms: number): Finding => ({
  severity: "warning",
  check: "hashing",
  message: `One password hash takes ${ms} ms on this machine. Each thread handles about ${Math.max(1, Math.floor(1000 / ms))} logins a second.`,
  fix: "Give the machine more cores. Ampho does not lower the cost of a hash, because it protects a stolen database.",
});
