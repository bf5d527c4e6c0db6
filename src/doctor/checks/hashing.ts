// How long a password takes here: what a login costs, and how many there can be.
import { createPasswordPool } from "../../passwords/pool.js";
import type { Finding } from "../finding.js";

const samples = 5;

/** Above it, people wait and a few logins at once fill the patience of all others. */
const slowMs = 400;

export async function checkHashing(): Promise<{ readonly findings: readonly Finding[]; readonly leastMs: number }> {
  const pool = createPasswordPool({ size: 1 });
  try {
    // The first pays for the thread's start.
    await pool.hash("to be warm");
    // The least: what else runs on the machine at this moment makes a password take longer, and is no fault of it.
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at < samples; at++) {
      const startMs = performance.now();
      await pool.hash("to be measured");
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
  message: `a password takes ${ms} ms on this machine: about ${Math.max(1, Math.floor(1000 / ms))} logins a second on each thread`,
  mend: "give it a core or two; the cost of a hash is not lowered, for it protects a stolen database",
});
