// Housekeeping in the background over a real store: a turn a minute, by one process, until it is stopped.
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from "vitest";
import type { Configuration } from "../../dist/config/configuration.js";
import { startHousekeeping } from "../../dist/flows/housekeeping.js";
import { openSqlite } from "../../dist/store/sqlite/store.js";
import type { Store } from "../../dist/store/store.js";
import { eventsOf, origin } from "../store/fixtures.js";
import { settableClock, start } from "../world/clock.js";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

const day = 86_400;
const settings = { auditKeep: 90 * day, throttleWindow: 900 } as Configuration;

async function openWith(processes: number) {
  const store = await openSqlite({ memory: true, migrate: true, log: () => undefined });
  onTestFinished(() => store.close());
  const clock = settableClock();
  const reports: unknown[] = [];
  let [taken, working, stopped] = [0, 0, 0];
  const counted: Pick<Store, "takeHousekeepingLease" | "deleteOldRows" | "releaseHousekeepingLease"> = {
    ...store,
    async takeHousekeepingLease(lease) {
      const outcome = await store.takeHousekeepingLease(lease);
      taken += 1;
      if (outcome === "taken") working += 1;
      return outcome;
    },
    async releaseHousekeepingLease(lease) {
      await store.releaseHousekeepingLease(lease);
      working -= 1;
    },
  };
  const running = Array.from({ length: processes }, () => {
    const { stop } = startHousekeeping(
      { store: counted, clock, settings },
      (error) => void reports.push(error),
      async () => undefined,
    );
    return {
      stop() {
        stopped += 1;
        stop();
      },
    };
  });
  onTestFinished(() => {
    for (const each of running) each.stop();
    expect(reports).toEqual([]);
  });
  const passMinutes = async (minutes: number) => {
    for (let minute = 0; minute < minutes; minute++) {
      const awaited = taken + processes - stopped;
      clock.advance(60);
      await vi.advanceTimersByTimeAsync(60_000);
      // Until all processes have asked for the lease, and the one that got it has finished its run.
      do {
        await eventsOf(store);
        await vi.advanceTimersByTimeAsync(100);
      } while (taken < awaited || working > 0);
    }
  };
  const record = () => store.recordAudit({ at: clock.now(), event: "login_rejected", origin });
  return { store, clock, running, passMinutes, record };
}

it("housekeeping deletes rows minute by minute as they become old", async () => {
  const { store, clock, passMinutes, record } = await openWith(2);
  clock.advance(-91 * day);
  await record();
  clock.advance(91 * day);
  await record();
  await passMinutes(55);
  expect(await eventsOf(store)).toHaveLength(2);
  await passMinutes(8);
  expect(await eventsOf(store)).toHaveLength(1);
  expect(clock.now()).toBeLessThan(start + 2 * 3600);
});

it("stopped housekeeping does nothing more", async () => {
  const { store, clock, running, passMinutes, record } = await openWith(1);
  clock.advance(-91 * day);
  await record();
  clock.advance(91 * day);
  await passMinutes(55);
  for (const each of running) each.stop();
  await passMinutes(60);
  expect(await eventsOf(store)).toHaveLength(1);
});

it("housekeeping continues without a log line when the database was closed", async () => {
  const { store, passMinutes } = await openWith(1);
  await store.close();
  await expect(passMinutes(1)).rejects.toMatchObject({ code: "unavailable" });
});
