// When a wrong password may be answered: no earlier than the slowest hash in the store would have let it be.
// Imported hashes cost other than those of today, so the time of an answer would tell whether a login has one. Doing the
// slowest one's work for every unknown login would hand attackers the machine; so this waits, which costs nothing. It
// counts from the moment at which the verification had its turn: before that all wait alike.
// What it does not hide: how long the thread was busy, from those who wait behind it.

import type { Clock } from "../clock.js";
import type { Store } from "../store/store.js";
import { estimateMs, type HashKind, readKind } from "./cost.js";
import { identifyHash } from "./formats/formats.js";
import { hashOfNothing } from "./hash.js";
import { passwordTexts } from "./verify.js";

export interface FailureDelay {
  /**
   * Resolves when the failure may be answered. `stored` is the hash that was verified, if there was one; `tookMs` is what
   * the verification took its thread.
   */
  wait(failure: {
    readonly stored: string | undefined;
    readonly password: string;
    readonly tookMs: number;
  }): Promise<void>;
}

/** Costs beyond it are refused at import and at login. */
const holdMaxMs = 3_000;
/** Which kinds are there is asked anew so often at most. */
const kindsMaxAgeMs = 10_000;
/** The largest of so many samples: the next one is above it once in seventeen times. */
const sampleCount = 16;
/** How much slower than the estimate a machine is taken to be before it was measured. */
const unmeasured = 1.5;
const estimateMargin = 1.5;
/** A sample so far below the machine's is of work that was refused (a password too long for its format): no measure. */
const refusedBelow = 0.1;

const today: HashKind = { format: "argon2id", primitive: "argon2", units: 38_912 };
const todayKey = "";

export function createFailureDelay(
  store: Pick<Store, "listHashKinds">,
  clock: Pick<Clock, "monotonicMs">,
): FailureDelay {
  let kinds = new Map<string, HashKind>();
  let readAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  /** Measured over estimated, by kind. */
  const samples = new Map<string, number[]>();

  async function read(): Promise<void> {
    readAtMs = clock.monotonicMs();
    const found = new Map<string, HashKind>();
    for (const kind of await store.listHashKinds()) {
      const known = readKind(kind);
      if (known !== undefined) found.set(kind, known);
    }
    kinds = found;
    for (const key of samples.keys()) if (key !== todayKey && !kinds.has(key)) samples.delete(key);
  }

  function refresh(): Promise<void> {
    if (reading === undefined && clock.monotonicMs() - readAtMs >= kindsMaxAgeMs)
      reading = read()
        // The store is away: what the caller writes next will say so.
        .catch(() => undefined)
        .finally(() => {
          reading = undefined;
        });
    return reading ?? Promise.resolve();
  }

  /** What was verified, by the key of its samples. A hash that is refused was not: another was, of today. */
  function learn(stored: string | undefined, estimates: Estimates, tookMs: number): void {
    const identified = identifyHash(stored ?? hashOfNothing);
    const key = ("kind" in identified ? identified.kind : undefined) ?? todayKey;
    const kind = key === todayKey ? today : readKind(key);
    if (kind === undefined || tookMs === 0) return;
    // Imported a moment ago, maybe.
    if (key !== todayKey) kinds.set(key, kind);
    const ratio = tookMs / estimates(kind);
    if (key !== todayKey && ratio < refusedBelow * machine()) return;
    samples.set(key, [...(samples.get(key) ?? []).slice(1 - sampleCount), ratio]);
  }

  const largest = (key: string): number => Math.max(0, ...(samples.get(key) ?? []));
  /** Of all kinds, until their own samples say more; with room for estimates that are too low. */
  const machine = (): number => {
    const sorted = [...(samples.get(todayKey) ?? [])].sort((a, b) => a - b);
    return (sorted[sorted.length >> 1] ?? unmeasured) * estimateMargin;
  };

  return {
    async wait({ stored, password, tookMs }) {
      await refresh();
      const estimates = estimatesFor(password);
      learn(stored, estimates, tookMs);
      if (kinds.size === 0) return;
      // Never below the machine's own measure, which every unknown login gives: else the first guess at somebody whose
      // hash is imported would shorten the answers to all others, and be seen by that.
      let untilMs = estimates(today) * Math.max(machine(), largest(todayKey));
      for (const [key, kind] of kinds) untilMs = Math.max(untilMs, estimates(kind) * Math.max(machine(), largest(key)));
      const waitMs = Math.min(untilMs, holdMaxMs) - tookMs;
      // Not unref'd: an answer is owed to somebody.
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    },
  };
}

type Estimates = (kind: HashKind) => number;

/** A failure has tried each form of the password. */
function estimatesFor(password: string): Estimates {
  const lengths = passwordTexts(password).map((text) => Buffer.byteLength(text));
  return (kind) => lengths.reduce((sum, bytes) => sum + estimateMs(kind, bytes), 0);
}
