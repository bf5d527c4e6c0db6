// How long a password takes here: what a login costs, and how many there can be.
import { createPasswordPool } from "../../crypto/password-pool.js";
import type { Finding } from "../finding.js";

const samples = 5;

/** Above it, people wait and a few logins at once fill the patience of all others. */
const slowMs = 400;

export async function checkHashing(): Promise<{ readonly findings: readonly Finding[]; readonly medianMs: number }> {
  const pool = createPasswordPool({ size: 1 });
  try {
    // The first pays for the thread's start.
    await pool.hash("to be warm");
    const all: number[] = [];
    for (let at = 0; at < samples; at++) {
      const startMs = performance.now();
      await pool.hash("to be measured");
      all.push(performance.now() - startMs);
    }
    const medianMs = Math.round(all.sort((one, other) => one - other)[samples >> 1] ?? 0);
    return { findings: medianMs > slowMs ? [slow(medianMs)] : [], medianMs };
  } finally {
    await pool.close();
  }
}

const slow = (medianMs: number): Finding => ({
  severity: "warning",
  check: "hashing",
  message: `a password takes ${medianMs} ms on this machine: about ${Math.max(1, Math.floor(1000 / medianMs))} logins a second on each thread`,
  mend: "give it a core or two; the cost of a hash is not lowered, for it protects a stolen database",
});
