// Deletes old rows in small batches (docs/operate/incidents.md), in one process of a fleet at a time.
import { setTimeout as pause } from "node:timers/promises";
import { randomId } from "../crypto/random.js";
import { AmphoError } from "../errors.js";
import { type OldRowKind, type OldRowsCursor, oldRowKinds } from "../store/sql/rows/old-rows.js";
import type { HousekeepingLease } from "../store/sql/upkeep/housekeeping.js";
import type { Store } from "../store/store.js";
import type { Deps } from "./deps.js";

const everySeconds = 60;
/** A batch takes far less. After this long another process replaces a killed holder. */
const leaseSeconds = 15;
/** The pause after a batch is twice its duration, so that other work has most of the time. */
const pauseMs = { min: 5, max: 100, factor: 2 };
const retryMs = 1000;

/** The number of deleted rows of each kind. */
export type DeletedCounts = Readonly<Record<OldRowKind, number>>;

interface HousekeepingDeps extends Pick<Deps, "clock" | "settings"> {
  readonly store: Pick<Store, "takeHousekeepingLease" | "deleteOldRows" | "releaseHousekeepingLease">;
}

export function startHousekeeping(
  deps: HousekeepingDeps,
  report: (error: unknown) => void,
  recordUse: () => Promise<void>,
): { stop(): void } {
  let stopped = false;

  async function turn(): Promise<void> {
    try {
      await recordUse();
      const lease = createLease(deps);
      const taken = await deps.store.takeHousekeepingLease({ ...lease(), everySeconds });
      if (taken === "taken") await clean(deps, lease, { stopped: () => stopped });
    } catch (error) {
      // The database is unreachable or closed. The next run continues.
      if (!(error instanceof AmphoError)) report(error);
    }
    if (!stopped) timer = later();
  }

  const later = () => setTimeout(() => void turn(), everySeconds * 1000).unref();
  let timer = later();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

export async function runHousekeepingNow(
  deps: HousekeepingDeps,
  onWait: (() => void) | undefined,
): Promise<DeletedCounts> {
  const lease = createLease(deps);
  const take = () => deps.store.takeHousekeepingLease({ ...lease(), everySeconds: undefined });
  for (let attempt = 1; (await take()) !== "taken"; attempt += 1) {
    if (attempt === 1) onWait?.();
    await pause(retryMs);
  }
  return clean(deps, lease, "by hand");
}

/** Returns a function that returns the lease of one run with the current time. */
function createLease({ clock }: HousekeepingDeps): () => HousekeepingLease {
  const holder = randomId();
  return () => ({ holder, now: clock.now(), leaseSeconds });
}

/** Ends early if it is stopped, or if another process has the lease. */
async function clean(
  { store, clock, settings }: HousekeepingDeps,
  lease: () => HousekeepingLease,
  how: "by hand" | { readonly stopped: () => boolean },
): Promise<DeletedCounts> {
  const counts = Object.fromEntries(oldRowKinds.map((kind) => [kind, 0])) as Record<OldRowKind, number>;
  const { auditKeep: auditKeepSeconds, throttleWindow: windowSeconds } = settings;
  for (const kind of oldRowKinds) {
    let next: OldRowsCursor | undefined;
    do {
      if (how !== "by hand" && how.stopped()) return counts;
      const startMs = clock.monotonicMs();
      const done = await store.deleteOldRows({ ...lease(), kind, windowSeconds, auditKeepSeconds, next });
      if (done === undefined) return counts;
      counts[kind] += done.rows;
      next = done.next;
      const tookMs = clock.monotonicMs() - startMs;
      const waitMs = Math.min(Math.max(tookMs * pauseMs.factor, pauseMs.min), pauseMs.max);
      // The background does not keep the process alive.
      if (next) await pause(waitMs, undefined, { ref: how === "by hand" });
    } while (next);
  }
  await store.releaseHousekeepingLease(lease());
  return counts;
}
